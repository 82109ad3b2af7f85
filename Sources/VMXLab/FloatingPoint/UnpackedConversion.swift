// Conversions between formats and integers, and rounding to integral values.
//
// Source: Intel SDM, "Data Type Conversion", and the descriptions of the instructions.
extension UnpackedArithmetic {
  /// A number, or a NaN with the rules of SSE, in another format.
  static func convert(
    _ a: UnpackedNumber, _ format: FloatingPointFormat, signalsDenormal: Bool = true,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    environment.roundedUp = false
    if a.isNaN {
      if a.kind == .signallingNaN { environment.signal(.invalid) }
      return a.quieted
    }
    guard a.isFinite else { return a }
    if signalsDenormal { noteDenormals(a, a, &environment) }
    return FloatingPointRounder.round(UnroundedNumber(a), to: format, &environment)
  }

  /// A number rounded to an integral value. Neither NaNs nor the denormal exception are its concern.
  static func roundToIntegral(
    _ a: UnpackedNumber, isExact: Bool, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    environment.roundedUp = false
    guard a.isFinite, a.exponent < 63 else { return a }
    let rounded = integralPart(a, environment.rounding)
    environment.roundedUp = rounded.isIncremented
    if rounded.isInexact, !isExact { environment.signal(.precision) }
    guard rounded.value != 0 else { return UnpackedNumber(.zero, isNegative: a.isNegative) }
    let shift = rounded.value.leadingZeroBitCount
    return UnpackedNumber(
      .finite, isNegative: a.isNegative, exponent: 63 &- shift,
      significand: rounded.value &<< UInt64(truncatingIfNeeded: shift))
  }

  /// A number as a signed integer of `bitCount` bits, sign-extended; integer indefinite, and invalid,
  /// if it does not fit or is a NaN.
  static func integer(
    _ a: UnpackedNumber, bitCount: Int, rounding: FloatingPointRounding,
    _ environment: inout FloatingPointEnvironment
  ) -> Int64 {
    environment.roundedUp = false
    let limit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: bitCount &- 1)
    let indefinite = Int64(bitPattern: 0 &- limit)
    if a.kind == .zero { return 0 }
    guard a.isFinite, a.exponent < 64 else {
      environment.signal(.invalid)
      return indefinite
    }
    let rounded = integralPart(a, rounding)
    guard rounded.value < limit || rounded.value == limit && a.isNegative else {
      environment.signal(.invalid)
      return indefinite
    }
    environment.roundedUp = rounded.isIncremented
    if rounded.isInexact { environment.signal(.precision) }
    return Int64(bitPattern: a.isNegative ? 0 &- rounded.value : rounded.value)
  }

  /// The magnitude of a finite number below 2⁶⁴ rounded to an integer. One that rounds up to 2⁶⁴
  /// cannot be: its last bit is worth at least 1.
  private static func integralPart(
    _ a: UnpackedNumber, _ rounding: FloatingPointRounding
  ) -> (value: UInt64, isInexact: Bool, isIncremented: Bool) {
    if a.exponent >= 63 { return (a.significand, false, false) }
    let number = UnroundedNumber(
      isNegative: a.isNegative, exponent: 63,
      significand: (UInt128(a.significand) &<< 64).shiftedRightJamming(63 &- a.exponent))
    let rounded = FloatingPointRounder.roundSignificand(number, 64, rounding)
    return (rounded.significand, rounded.isInexact, rounded.isIncremented)
  }

  /// A signed integer in a format.
  static func number(
    _ value: Int64, _ format: FloatingPointFormat, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    environment.roundedUp = false
    guard value != 0 else { return UnpackedNumber(.zero, isNegative: false) }
    return FloatingPointRounder.round(UnroundedNumber(number(value)), to: format, &environment)
  }

  /// A signed integer other than 0, exactly.
  static func number(_ value: Int64) -> UnpackedNumber {
    let magnitude = value.magnitude
    let shift = magnitude.leadingZeroBitCount
    return UnpackedNumber(
      .finite, isNegative: value < 0, exponent: 63 &- shift,
      significand: magnitude &<< UInt64(truncatingIfNeeded: shift))
  }
}
