/// The exact operations on finite nonzero numbers, with which every format's arithmetic is made.
///
/// A result is good for rounding to up to 64 bits, whatever the rounding mode.
enum FiniteArithmetic {
  /// a + b. Zero, with a meaningless sign, if they cancel.
  static func sum(_ a: UnroundedNumber, _ b: UnroundedNumber) -> UnroundedNumber {
    var (large, small) = (a, b)
    if b.exponent > a.exponent || b.exponent == a.exponent && b.significand > a.significand {
      swap(&large, &small)
    }
    let aligned = small.significand.shiftedRightJamming(large.exponent &- small.exponent)
    if large.isNegative != small.isNegative {
      large.significand = large.significand &- aligned
      large.normalize()
      return large
    }
    let sum = large.significand.addingReportingOverflow(aligned)
    large.significand = sum.partialValue
    if sum.overflow {
      large.significand = sum.partialValue &>> 1 | sum.partialValue & 1 | 1 &<< 127
      large.exponent = large.exponent &+ 1
    }
    return large
  }

  /// a × b, exactly.
  @inline(__always)
  static func product(_ a: UnpackedNumber, _ b: UnpackedNumber) -> UnroundedNumber {
    let (high, low) = a.significand.multipliedFullWidth(by: b.significand)
    var result = UnroundedNumber(
      isNegative: a.isNegative != b.isNegative, exponent: a.exponent &+ b.exponent &+ 1,
      significand: UInt128(high) &<< 64 | UInt128(low))
    if high >> 63 == 0 {
      result.significand = result.significand &<< 1
      result.exponent = result.exponent &- 1
    }
    return result
  }

  /// a ÷ b.
  static func quotient(_ a: UnpackedNumber, _ b: UnpackedNumber) -> UnroundedNumber {
    // The dividend is halved so that the quotient fits 64 bits.
    let first = b.significand.dividingFullWidth((a.significand >> 1, a.significand << 63))
    let second = b.significand.dividingFullWidth((first.remainder, 0))
    let low = second.quotient | (second.remainder == 0 ? 0 : 1)
    var result = UnroundedNumber(
      isNegative: a.isNegative != b.isNegative, exponent: a.exponent &- b.exponent,
      significand: UInt128(first.quotient) &<< 64 | UInt128(low))
    result.normalize()
    return result
  }

  /// √a of a positive number.
  static func squareRoot(_ a: UnpackedNumber) -> UnroundedNumber {
    // An even exponent, and a radicand whose root has 64 bits.
    let isOdd = a.exponent & 1 != 0
    let radicand = UInt128(a.significand) &<< (isOdd ? 64 : 63)
    let (root, remainder) = integerSquareRoot(radicand)
    var low: UInt128 = 0
    if remainder != 0 {
      // The root's first bit beyond is set if the radicand is above (root + ½)².
      low = remainder > UInt128(root) ? 0xc000_0000_0000_0000 : 1
    }
    return UnroundedNumber(
      isNegative: false, exponent: (a.exponent &- (isOdd ? 1 : 0)) &>> 1,
      significand: UInt128(root) &<< 64 | low)
  }

  /// The integer square root of a number whose top two bits are not both 0, and what remains.
  private static func integerSquareRoot(_ radicand: UInt128) -> (root: UInt64, remainder: UInt128) {
    let (high, highRemainder) = integerSquareRoot(UInt64(truncatingIfNeeded: radicand &>> 64))
    let next = UInt64(truncatingIfNeeded: radicand) >> 32
    let divisor = UInt64(high) << 1
    let dividend = UInt128(highRemainder) &<< 32 | UInt128(next)
    var digit = dividend / UInt128(divisor)
    var rest = dividend &- digit &* UInt128(divisor)
    if digit >> 32 != 0 {
      digit = digit &- 1
      rest = rest &+ UInt128(divisor)
    }
    var root = UInt128(high) &<< 32 &+ digit
    var low = rest &<< 32 | radicand & 0xffff_ffff
    let square = digit &* digit
    while low < square {
      low = low &+ root &* 2 &- 1
      root = root &- 1
    }
    return (UInt64(truncatingIfNeeded: root), low &- square)
  }

  private static func integerSquareRoot(_ radicand: UInt64) -> (root: UInt32, remainder: UInt64) {
    var root: UInt64 = 0
    var rest = radicand
    var bit: UInt64 = 1 << 62
    while bit != 0 {
      if rest >= root &+ bit {
        rest = rest &- (root &+ bit)
        root = root &>> 1 &+ bit
      } else {
        root = root &>> 1
      }
      bit = bit &>> 2
    }
    return (UInt32(truncatingIfNeeded: root), rest)
  }
}
