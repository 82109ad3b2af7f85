/// A format of SSE and AVX operands, and its arithmetic; see FloatingPointEnvironment.swift.
///
/// Every operation takes and returns bit patterns, reads the rounding and masks of the environment,
/// and adds to its flags.
protocol BinaryFormat {
  associatedtype Bits: FixedWidthInteger & UnsignedInteger
  static var format: FloatingPointFormat { get }
}

/// Half precision.
enum Binary16: BinaryFormat {
  typealias Bits = UInt16
  @inline(__always) static var format: FloatingPointFormat { .binary16 }
}

/// Single precision.
enum Binary32: BinaryFormat {
  typealias Bits = UInt32
  @inline(__always) static var format: FloatingPointFormat { .binary32 }
}

/// Double precision.
enum Binary64: BinaryFormat {
  typealias Bits = UInt64
  @inline(__always) static var format: FloatingPointFormat { .binary64 }
}

extension BinaryFormat {
  /// The default NaN.
  @inline(__always) static var indefinite: Bits {
    Bits(truncatingIfNeeded: UnpackedNumber.indefinite.pack(format))
  }

  /// a + b.
  @inline(__always)
  static func add(_ a: Bits, _ b: Bits, _ environment: inout FloatingPointEnvironment) -> Bits {
    operate(a, b, &environment) { UnpackedArithmetic.add($0, $1, format, &$2) }
  }

  /// a − b.
  @inline(__always)
  static func subtract(_ a: Bits, _ b: Bits, _ environment: inout FloatingPointEnvironment) -> Bits
  {
    operate(a, b, &environment) { UnpackedArithmetic.subtract($0, $1, format, &$2) }
  }

  /// a × b.
  @inline(__always)
  static func multiply(_ a: Bits, _ b: Bits, _ environment: inout FloatingPointEnvironment) -> Bits
  {
    operate(a, b, &environment) { UnpackedArithmetic.multiply($0, $1, format, &$2) }
  }

  /// a ÷ b.
  @inline(__always)
  static func divide(_ a: Bits, _ b: Bits, _ environment: inout FloatingPointEnvironment) -> Bits {
    operate(a, b, &environment) { UnpackedArithmetic.divide($0, $1, format, &$2) }
  }

  /// √a.
  @inline(__always)
  static func squareRoot(_ a: Bits, _ environment: inout FloatingPointEnvironment) -> Bits {
    let x = unpack(a, environment)
    return pack(
      NaNPropagation.sse(x, &environment)
        ?? UnpackedArithmetic.squareRoot(x, format, &environment))
  }

  /// ±(a × b) ± c, rounded once.
  ///
  /// Precedence among NaNs is a, b, c: the multiplicands of the manual's operation in its order, then
  /// the addend.
  @inline(__always)
  static func multiplyAdd(
    _ a: Bits, _ b: Bits, _ c: Bits, negatesProduct: Bool = false, negatesAddend: Bool = false,
    _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    pack(
      UnpackedArithmetic.multiplyAdd(
        unpack(a, environment), unpack(b, environment), unpack(c, environment),
        negatesProduct: negatesProduct, negatesAddend: negatesAddend, format, &environment))
  }

  /// How a compares with b.
  ///
  /// - Parameter signalsQuietNaN: quiet NaNs are invalid as well as signalling ones.
  @inline(__always)
  static func compare(
    _ a: Bits, _ b: Bits, signalsQuietNaN: Bool, _ environment: inout FloatingPointEnvironment
  ) -> FloatingPointOrder {
    UnpackedArithmetic.compare(
      unpack(a, environment), unpack(b, environment), signalsQuietNaN: signalsQuietNaN, &environment
    )
  }

  /// MINSS and its like: b unless a < b.
  @inline(__always)
  static func minimum(_ a: Bits, _ b: Bits, _ environment: inout FloatingPointEnvironment) -> Bits {
    let order = compare(a, b, signalsQuietNaN: true, &environment)
    return clearingDenormal(order == .less ? a : b, environment)
  }

  /// MAXSS and its like: b unless a > b.
  @inline(__always)
  static func maximum(_ a: Bits, _ b: Bits, _ environment: inout FloatingPointEnvironment) -> Bits {
    let order = compare(a, b, signalsQuietNaN: true, &environment)
    return clearingDenormal(order == .greater ? a : b, environment)
  }

  /// a rounded to an integral value by the environment's rounding (ROUNDSS and its like).
  ///
  /// - Parameter isExact: an inexact result is not signalled.
  @inline(__always)
  static func roundToIntegral(
    _ a: Bits, isExact: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    let x = unpack(a, environment)
    return pack(
      NaNPropagation.sse(x, &environment)
        ?? UnpackedArithmetic.roundToIntegral(x, isExact: isExact, &environment))
  }

  /// a converted to another format of SSE.
  ///
  /// VCVTPH2PS signals no denormals and VCVTPS2PH obeys no flush-to-zero: its handler clears
  /// `flushesToZero`, and `denormalsAreZero` for the other.
  @inline(__always)
  static func convert<Target: BinaryFormat>(
    _ a: Bits, to target: Target.Type, signalsDenormal: Bool = true,
    _ environment: inout FloatingPointEnvironment
  ) -> Target.Bits {
    Target.pack(
      UnpackedArithmetic.convert(
        unpack(a, environment), target.format, signalsDenormal: signalsDenormal, &environment))
  }

  /// a as a signed integer of `bitCount` (16, 32 or 64) bits, sign-extended; integer indefinite if it
  /// does not fit.
  ///
  /// - Parameter truncates: rounds toward zero rather than by the environment.
  @inline(__always)
  static func convertToInteger(
    _ a: Bits, bitCount: Int, truncates: Bool, _ environment: inout FloatingPointEnvironment
  ) -> Int64 {
    UnpackedArithmetic.integer(
      unpack(a, environment), bitCount: bitCount,
      rounding: truncates ? .towardZero : environment.rounding, &environment)
  }

  /// A signed integer in this format.
  @inline(__always)
  static func convert(
    integer value: Int64, _ environment: inout FloatingPointEnvironment
  ) -> Bits {
    pack(UnpackedArithmetic.number(value, format, &environment))
  }

  // MARK: Parts

  @inline(__always)
  static func unpack(_ bits: Bits, _ environment: FloatingPointEnvironment) -> UnpackedNumber {
    .unpack(
      UInt64(truncatingIfNeeded: bits), format, denormalsAreZero: environment.denormalsAreZero)
  }

  @inline(__always)
  static func pack(_ number: UnpackedNumber) -> Bits {
    Bits(truncatingIfNeeded: number.pack(format))
  }

  /// A two-operand operation with SSE's precedence among NaNs.
  @inline(__always)
  private static func operate(
    _ a: Bits, _ b: Bits, _ environment: inout FloatingPointEnvironment,
    _ operation: (UnpackedNumber, UnpackedNumber, inout FloatingPointEnvironment) -> UnpackedNumber
  ) -> Bits {
    let x = unpack(a, environment)
    let y = unpack(b, environment)
    return pack(NaNPropagation.sse(x, y, &environment) ?? operation(x, y, &environment))
  }

  @inline(__always)
  private static func clearingDenormal(
    _ bits: Bits, _ environment: FloatingPointEnvironment
  ) -> Bits {
    guard environment.denormalsAreZero else { return bits }
    let x = unpack(bits, environment)
    return x.kind == .zero ? pack(x) : bits
  }
}
