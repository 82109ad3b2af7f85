/// A format that the host computes in as well. Where the host's result is provably the manual's, flags
/// included, it is taken; the rest is done in integers.
///
/// The proof: rounding is to nearest in both. With the precision exception masked and its flag
/// already set, an inexact result leaves no trace. Operands that are zero or normal raise nothing
/// themselves, and a normal result that is not the least binade raises neither overflow nor
/// underflow. What is left of IEEE 754 is one correctly rounded value.
protocol HostFormat: BinaryFormat where Bits: OperandWidth {
  associatedtype Host: BinaryFloatingPoint
  static func host(_ bits: Bits) -> Host
  static func bits(_ value: Host) -> Bits
  static var exponentMask: Bits { get }
  /// The exponent field of the least normal number.
  static var leastExponent: Bits { get }
}

extension Binary32: HostFormat {
  @inline(__always) static func host(_ bits: UInt32) -> Float { Float(bitPattern: bits) }
  @inline(__always) static func bits(_ value: Float) -> UInt32 { value.bitPattern }
  @inline(__always) static var exponentMask: UInt32 { 0x7f80_0000 }
  @inline(__always) static var leastExponent: UInt32 { 0x0080_0000 }
}

extension Binary64: HostFormat {
  @inline(__always) static func host(_ bits: UInt64) -> Double { Double(bitPattern: bits) }
  @inline(__always) static func bits(_ value: Double) -> UInt64 { value.bitPattern }
  @inline(__always) static var exponentMask: UInt64 { 0x7ff0_0000_0000_0000 }
  @inline(__always) static var leastExponent: UInt64 { 0x0010_0000_0000_0000 }
}

extension VectorControl {
  /// Round to nearest, precision masked and its flag set: inexact results leave no trace.
  @inline(__always) var allowsHost: Bool { mxcsr & 0x7020 == 0x1020 }
}

extension HostFormat {
  @inline(__always) static func isZero(_ bits: Bits) -> Bool { bits &<< 1 == 0 }
  /// Neither zero, denormal, infinite nor NaN.
  @inline(__always) static func isNormal(_ bits: Bits) -> Bool {
    (bits & exponentMask) &- leastExponent < exponentMask &- leastExponent
  }
  @inline(__always) static func isOrdinary(_ bits: Bits) -> Bool { isNormal(bits) || isZero(bits) }
  /// Normal, and not in the least binade, where tininess is a matter of rounding.
  @inline(__always) static func isSafe(_ bits: Bits) -> Bool {
    (bits & exponentMask) &- leastExponent &- 1 < exponentMask &- leastExponent &- 1
  }
}

/// Arithmetic on elements, by the host where that is sure to be right.
enum VectorArithmetic<F: HostFormat> {
  typealias Bits = F.Bits

  @inline(never)
  static func add(
    _ a: Bits, _ b: Bits, _ host: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    if host, F.isOrdinary(a), F.isOrdinary(b) {
      let sum = F.bits(F.host(a) + F.host(b))
      // A sum is never tiny and inexact, and is zero only if it is exact.
      if F.isOrdinary(sum) { return sum }
    }
    return F.add(a, b, &environment)
  }

  @inline(never)
  static func subtract(
    _ a: Bits, _ b: Bits, _ host: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    if host, F.isOrdinary(a), F.isOrdinary(b) {
      let difference = F.bits(F.host(a) - F.host(b))
      if F.isOrdinary(difference) { return difference }
    }
    return F.subtract(a, b, &environment)
  }

  @inline(never)
  static func multiply(
    _ a: Bits, _ b: Bits, _ host: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    if host, F.isNormal(a), F.isNormal(b) {
      let product = F.bits(F.host(a) * F.host(b))
      if F.isSafe(product) { return product }
    }
    return F.multiply(a, b, &environment)
  }

  @inline(never)
  static func divide(
    _ a: Bits, _ b: Bits, _ host: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    if host, F.isNormal(a), F.isNormal(b) {
      let quotient = F.bits(F.host(a) / F.host(b))
      if F.isSafe(quotient) { return quotient }
    }
    return F.divide(a, b, &environment)
  }

  @inline(never)
  static func minimum(
    _ a: Bits, _ b: Bits, _ host: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    if F.isOrdinary(a), F.isOrdinary(b) { return F.host(a) < F.host(b) ? a : b }
    return F.minimum(a, b, &environment)
  }

  @inline(never)
  static func maximum(
    _ a: Bits, _ b: Bits, _ host: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    if F.isOrdinary(a), F.isOrdinary(b) { return F.host(a) > F.host(b) ? a : b }
    return F.maximum(a, b, &environment)
  }

  @inline(never)
  static func squareRoot(
    _ a: Bits, _ host: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    if host, F.isNormal(a), !a.isNegative { return F.bits(F.host(a).squareRoot()) }
    return F.squareRoot(a, &environment)
  }

  /// How a compares with b.
  @inline(never)
  static func compare(
    _ a: Bits, _ b: Bits, signalsQuietNaN: Bool, _ environment: inout FloatingPointEnvironment
  ) -> FloatingPointOrder {
    if F.isOrdinary(a), F.isOrdinary(b) {
      let (x, y) = (F.host(a), F.host(b))
      return x < y ? .less : x == y ? .equal : .greater
    }
    return F.compare(a, b, signalsQuietNaN: signalsQuietNaN, &environment)
  }

  /// ±(a × b) ± c.
  @inline(never)
  static func multiplyAdd(
    _ a: Bits, _ b: Bits, _ c: Bits, negatesProduct: Bool, negatesAddend: Bool, _ host: Bool,
    _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    if host, F.isNormal(a), F.isNormal(b), F.isNormal(c) {
      let x = negatesProduct ? -F.host(a) : F.host(a)
      let z = negatesAddend ? -F.host(c) : F.host(c)
      let result = F.bits(z.addingProduct(x, F.host(b)))
      if F.isSafe(result) { return result }
    }
    return F.multiplyAdd(
      a, b, c, negatesProduct: negatesProduct, negatesAddend: negatesAddend, &environment)
  }

  @inline(never)
  static func roundToIntegral(
    _ a: Bits, isExact: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    F.roundToIntegral(a, isExact: isExact, &environment)
  }

  @inline(never)
  static func integer(
    _ a: Bits, bitCount: Int, truncates: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Int64 {
    F.convertToInteger(a, bitCount: bitCount, truncates: truncates, &environment)
  }

  @inline(never)
  static func number(_ value: Int64, _ environment: inout FloatingPointEnvironment) -> Bits {
    F.convert(integer: value, &environment)
  }

  @inline(never)
  static func convert<Target: HostFormat>(
    _ a: Bits, to target: Target.Type, _ host: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Target.Bits {
    if host, F.isNormal(a) {
      let result = Target.bits(Target.Host(F.host(a)))
      if Target.isSafe(result) { return result }
    }
    return F.convert(a, to: target, &environment)
  }
}
