// FSCALE, FXTRACT, FPREM and FPREM1.
//
// Source: Intel SDM, "FSCALE—Scale", "FXTRACT—Extract Exponent and Significand", "FPREM—Partial
// Remainder", "FPREM1—Partial Remainder".
extension X87State {
  /// FSCALE: ST(0) × 2^ST(1), the exponent truncated.
  mutating func scale() {
    if isEmpty(0) || isEmpty(1) { return underflow(to: 0) }
    var environment = environment
    let result = Self.scale(self[st: 0].unpacked, self[st: 1].unpacked, &environment)
    finish(environment, result, to: 0)
  }

  private static func scale(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    if let nan = NaNPropagation.x87(a, b, &environment) { return nan }
    if b.kind == .infinity {
      if b.isNegative ? a.kind == .infinity : a.kind == .zero {
        return NaNPropagation.invalid(&environment)
      }
      UnpackedArithmetic.noteDenormals(a, a, &environment)
      return UnpackedNumber(b.isNegative ? .zero : .infinity, isNegative: a.isNegative)
    }
    UnpackedArithmetic.noteDenormals(a, b, &environment)
    guard a.isFinite else { return a }
    var number = UnroundedNumber(a)
    if b.isFinite, b.exponent >= 0 {
      // Beyond this any number overflows or underflows.
      let limit = 0x10000
      let amount =
        b.exponent > 16
        ? limit
        : Int(truncatingIfNeeded: b.significand >> UInt64(truncatingIfNeeded: 63 &- b.exponent))
      number.exponent = number.exponent &+ (b.isNegative ? 0 &- amount : amount)
    }
    return FloatingPointRounder.round(number, to: .doubleExtended, &environment)
  }

  /// FXTRACT: the exponent to ST(0), then the significand on top of it.
  mutating func extract() {
    if isEmpty(0) || !isEmpty(7) {
      guard stackFault(isOverflow: !isEmpty(0)) else { return }
      self[st: 0] = .indefinite
      return push(.indefinite)
    }
    var environment = environment
    let a = self[st: 0].unpacked
    var exponent: UnpackedNumber
    var significand = a
    if let nan = NaNPropagation.x87(a, &environment) {
      exponent = nan
      significand = nan
    } else if a.kind == .zero {
      environment.signal(.divideByZero)
      exponent = UnpackedNumber(.infinity, isNegative: true)
    } else if a.kind == .infinity {
      exponent = UnpackedNumber(.infinity, isNegative: false)
    } else {
      UnpackedArithmetic.noteDenormals(a, a, &environment)
      exponent = Self.integer(Int64(truncatingIfNeeded: a.exponent))
      significand.exponent = 0
    }
    guard commit(environment) else { return }
    self[st: 0] = DoubleExtended(exponent)
    push(DoubleExtended(significand))
  }

  /// FPREM (truncating) and FPREM1 (to nearest).
  mutating func partialRemainder(toNearest: Bool) {
    setConditions(0, mask: X87Status.c1 | X87Status.c2)
    if isEmpty(0) || isEmpty(1) { return underflow(to: 0) }
    var environment = environment
    let (result, conditions) = Self.partialRemainder(
      self[st: 0].unpacked, self[st: 1].unpacked, toNearest: toNearest, &environment)
    guard commit(environment) else { return }
    if let conditions { setConditions(conditions) }
    self[st: 0] = DoubleExtended(result)
  }

  /// The remainder, and C0 to C3; nil if they keep their values.
  private static func partialRemainder(
    _ a: UnpackedNumber, _ b: UnpackedNumber, toNearest: Bool,
    _ environment: inout FloatingPointEnvironment
  ) -> (UnpackedNumber, UInt16?) {
    if let nan = NaNPropagation.x87(a, b, &environment) { return (nan, nil) }
    if a.kind == .infinity || b.kind == .zero { return (NaNPropagation.invalid(&environment), nil) }
    UnpackedArithmetic.noteDenormals(a, b, &environment)
    if a.kind == .zero { return (a, 0) }
    var rest = UnroundedNumber(a)
    let distance = a.exponent &- b.exponent
    // A dividend far below the divisor is the remainder.
    guard b.isFinite, distance >= (toNearest ? -1 : 0) else {
      return (FloatingPointRounder.round(rest, to: .doubleExtended, &environment), 0)
    }
    let isPartial = distance >= 64
    let steps = isPartial ? distance & 0x1f | 0x20 : distance
    var (quotient, remainder) = divide(a.significand, b.significand, steps: steps)
    rest.exponent = a.exponent &- steps &+ 63
    if toNearest, !isPartial {
      // With one more bit than its significand the remainder's double can be compared.
      let divisor = UInt128(b.significand) &<< 1
      let isAboveHalf =
        remainder &<< 1 > divisor || remainder &<< 1 == divisor && quotient & 1 != 0
      if isAboveHalf {
        remainder = divisor &- remainder
        quotient = quotient &+ 1
        rest.isNegative.toggle()
      }
    }
    let conditions = isPartial ? X87Status.c2 : Self.conditions(quotient)
    // The remainder has one bit below the divisor's last.
    rest.significand = remainder
    rest.exponent = (isPartial ? a.exponent &- steps : b.exponent) &+ 63
    guard remainder != 0 else {
      return (UnpackedNumber(.zero, isNegative: a.isNegative), conditions)
    }
    rest.normalize()
    return (FloatingPointRounder.round(rest, to: .doubleExtended, &environment), conditions)
  }

  /// Divides a × 2^steps by b: the low bits of the quotient, and twice the remainder.
  private static func divide(
    _ a: UInt64, _ b: UInt64, steps: Int
  ) -> (quotient: UInt64, remainder: UInt128) {
    // With steps −1 the dividend is the half of a, and less than the divisor.
    guard steps >= 0 else { return (0, UInt128(a)) }
    let divisor = UInt128(b)
    var rest = UInt128(a)
    var quotient: UInt64 = 0
    if rest >= divisor {
      rest = rest &- divisor
      quotient = 1
    }
    for _ in 0..<steps {
      rest = rest &<< 1
      quotient = quotient &<< 1
      if rest >= divisor {
        rest = rest &- divisor
        quotient |= 1
      }
    }
    return (quotient, rest &<< 1)
  }

  /// C0, C3 and C1: bits 2, 1 and 0 of the quotient.
  private static func conditions(_ quotient: UInt64) -> UInt16 {
    (quotient & 4 != 0 ? X87Status.c0 : 0) | (quotient & 2 != 0 ? X87Status.c3 : 0)
      | (quotient & 1 != 0 ? X87Status.c1 : 0)
  }
}
