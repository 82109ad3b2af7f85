/// A finite result before it is rounded: significand / 2¹²⁷ × 2^exponent, the last bit of the
/// significand standing for all that lies below it.
struct UnroundedNumber {
  var isNegative: Bool
  var exponent: Int
  /// Normalised (top bit set), or 0.
  var significand: UInt128

  @inline(__always) init(isNegative: Bool, exponent: Int, significand: UInt128) {
    self.isNegative = isNegative
    self.exponent = exponent
    self.significand = significand
  }

  /// An operand, exactly.
  @inline(__always) init(_ number: UnpackedNumber) {
    isNegative = number.isNegative
    exponent = number.exponent
    significand = UInt128(number.significand) &<< 64
  }

  /// Moves the significand up until its top bit is set.
  @inline(__always) mutating func normalize() {
    guard significand != 0 else { return }
    let shift = significand.leadingZeroBitCount
    significand = significand &<< UInt128(truncatingIfNeeded: shift)
    exponent = exponent &- shift
  }
}

extension UInt128 {
  /// Shifted right, with the last bit set if any bit set was lost.
  @inline(__always) func shiftedRightJamming(_ count: Int) -> UInt128 {
    if count <= 0 { return self }
    if count >= 128 { return self == 0 ? 0 : 1 }
    let shift = UInt128(truncatingIfNeeded: count)
    let lost = self & ((1 &<< shift) &- 1)
    return self &>> shift | (lost == 0 ? 0 : 1)
  }
}

/// Rounding of exact results, with overflow and underflow.
///
/// Source: Intel SDM, "Numeric Overflow Exception (#O)", "Numeric Underflow Exception (#U)",
/// "Inexact-Result (Precision) Exception (#P)".
enum FloatingPointRounder {
  /// What an unmasked overflow or underflow adds to or takes from the exponent.
  static let exponentAdjustment = 24576

  /// Rounds a nonzero number to `format`.
  static func round(
    _ number: UnroundedNumber, to format: FloatingPointFormat,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    var number = number
    var isTiny = false
    var adjusted = false
    if number.exponent < format.minimumExponent {
      isTiny = isTinyAfterRounding(number, format, environment.rounding)
      if isTiny {
        if !environment.isMasked(.underflow) {
          environment.signal(.underflow)
          if environment.adjustsExponent {
            number.exponent = number.exponent &+ exponentAdjustment
            adjusted = true
            // FSCALE can go beyond what the adjustment brings back.
            if number.exponent < format.minimumExponent {
              environment.signal(.precision)
              environment.roundedUp = false
              return UnpackedNumber(.zero, isNegative: number.isNegative)
            }
          } else {
            // SSE gives no result; it is inexact if it were with an unbounded exponent.
            if roundSignificand(number, format.precision, environment.rounding).isInexact {
              environment.signal(.precision)
            }
            return UnpackedNumber(.zero, isNegative: number.isNegative)
          }
        } else if environment.flushesToZero {
          environment.signal(.underflow)
          environment.signal(.precision)
          environment.roundedUp = false
          return UnpackedNumber(.zero, isNegative: number.isNegative)
        }
      }
      if !adjusted {
        number.significand = number.significand.shiftedRightJamming(
          format.minimumExponent &- number.exponent)
        number.exponent = format.minimumExponent
      }
    }
    let rounded = roundSignificand(number, format.precision, environment.rounding)
    var exponent = number.exponent
    var significand = rounded.significand
    if rounded.carries {
      exponent = exponent &+ 1
      significand = 1 << 63
    }
    if exponent > format.maximumExponent {
      environment.signal(.overflow)
      let isAdjusted = !environment.isMasked(.overflow) && environment.adjustsExponent
      exponent = exponent &- exponentAdjustment
      if !isAdjusted || exponent > format.maximumExponent {
        // SSE gives no result if the overflow is unmasked: it is inexact if its significand is.
        if isAdjusted || environment.isMasked(.overflow) || rounded.isInexact {
          environment.signal(.precision)
        }
        // FSCALE can go beyond what the adjustment brings back.
        if isAdjusted { environment.rounding = number.isNegative ? .down : .up }
        return overflow(isNegative: number.isNegative, format, &environment)
      }
    }
    environment.roundedUp = rounded.isIncremented
    if rounded.isInexact {
      environment.signal(.precision)
      if isTiny { environment.signal(.underflow) }
    }
    return UnpackedNumber(
      significand == 0 ? .zero : .finite, isNegative: number.isNegative, exponent: exponent,
      significand: significand)
  }

  /// Whether a number below the smallest normal one stays below it when rounded as if exponents had
  /// no limit.
  private static func isTinyAfterRounding(
    _ number: UnroundedNumber, _ format: FloatingPointFormat, _ rounding: FloatingPointRounding
  ) -> Bool {
    number.exponent < format.minimumExponent &- 1
      || !roundSignificand(number, format.precision, rounding).carries
  }

  /// A significand rounded to the upper `precision` bits of 64.
  static func roundSignificand(
    _ number: UnroundedNumber, _ precision: Int, _ rounding: FloatingPointRounding
  ) -> (significand: UInt64, carries: Bool, isIncremented: Bool, isInexact: Bool) {
    let unit: UInt128 = 1 &<< UInt128(truncatingIfNeeded: 128 &- precision)
    let tail = number.significand & (unit &- 1)
    let kept = number.significand &- tail
    let increments: Bool
    switch rounding {
    case .nearestEven:
      let half = unit &>> 1
      increments = tail > half || tail == half && kept & unit != 0
    case .down: increments = number.isNegative && tail != 0
    case .up: increments = !number.isNegative && tail != 0
    case .towardZero: increments = false
    }
    guard increments else {
      return (UInt64(truncatingIfNeeded: kept &>> 64), false, false, tail != 0)
    }
    let sum = kept.addingReportingOverflow(unit)
    return (UInt64(truncatingIfNeeded: sum.partialValue &>> 64), sum.overflow, true, true)
  }

  /// The masked response to overflow: infinity or the largest finite number.
  private static func overflow(
    isNegative: Bool, _ format: FloatingPointFormat, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    let toInfinity: Bool
    switch environment.rounding {
    case .nearestEven: toInfinity = true
    case .down: toInfinity = isNegative
    case .up: toInfinity = !isNegative
    case .towardZero: toInfinity = false
    }
    environment.roundedUp = toInfinity
    if toInfinity { return UnpackedNumber(.infinity, isNegative: isNegative) }
    return UnpackedNumber(
      .finite, isNegative: isNegative, exponent: format.maximumExponent,
      significand: ~0 &<< UInt64(truncatingIfNeeded: 64 &- format.precision))
  }
}
