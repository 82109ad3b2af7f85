// Arithmetic with 128-bit significands, for functions whose result is rounded to 64 bits in the end.
// It is not exact: the last bits are noise.
extension UnroundedNumber {
  static let zero = UnroundedNumber(isNegative: false, exponent: 0, significand: 0)

  /// A number in fixed point with 126 bits behind the point.
  @inline(__always)
  init(fixed: UInt128, isNegative: Bool = false) {
    self.init(isNegative: isNegative, exponent: 1, significand: fixed)
    normalize()
  }

  @inline(__always) var negated: UnroundedNumber {
    UnroundedNumber(isNegative: !isNegative, exponent: exponent, significand: significand)
  }

  /// In fixed point with 126 bits behind the point, of a number below 2; the sign is lost.
  @inline(__always) var fixed: UInt128 {
    let shift = 1 &- exponent
    return shift > 127 ? 0 : significand &>> UInt128(truncatingIfNeeded: shift)
  }
}

enum WideArithmetic {
  /// The upper half of a 256-bit product.
  @inline(__always)
  static func multiplyHigh(_ a: UInt128, _ b: UInt128) -> UInt128 {
    let aHigh = UInt64(truncatingIfNeeded: a &>> 64)
    let aLow = UInt64(truncatingIfNeeded: a)
    let bHigh = UInt64(truncatingIfNeeded: b &>> 64)
    let bLow = UInt64(truncatingIfNeeded: b)
    let high = wide(aHigh, bHigh)
    let middle1 = wide(aHigh, bLow)
    let middle2 = wide(aLow, bHigh)
    let low = wide(aLow, bLow)
    let mask: UInt128 = 0xffff_ffff_ffff_ffff
    let carry = (low &>> 64 &+ middle1 & mask &+ middle2 & mask) &>> 64
    return high &+ middle1 &>> 64 &+ middle2 &>> 64 &+ carry
  }

  @inline(__always) private static func wide(_ a: UInt64, _ b: UInt64) -> UInt128 {
    UInt128(a) &* UInt128(b)
  }

  /// a × b.
  static func product(_ a: UnroundedNumber, _ b: UnroundedNumber) -> UnroundedNumber {
    var result = UnroundedNumber(
      isNegative: a.isNegative != b.isNegative, exponent: a.exponent &+ b.exponent &+ 1,
      significand: multiplyHigh(a.significand, b.significand))
    result.normalize()
    return result
  }

  /// a ÷ b of numbers other than 0, bit by bit.
  static func quotient(_ a: UnroundedNumber, _ b: UnroundedNumber) -> UnroundedNumber {
    var exponent = a.exponent &- b.exponent
    var rest = a.significand
    var isLarge = false
    if rest < b.significand {
      exponent = exponent &- 1
      isLarge = rest >> 127 != 0
      rest = rest &<< 1
    }
    var quotient: UInt128 = 0
    for _ in 0..<128 {
      quotient = quotient &<< 1
      if isLarge || rest >= b.significand {
        rest = rest &- b.significand
        quotient |= 1
      }
      isLarge = rest >> 127 != 0
      rest = rest &<< 1
    }
    return UnroundedNumber(
      isNegative: a.isNegative != b.isNegative, exponent: exponent, significand: quotient)
  }

  /// x × factor, the factor a series in fixed point.
  static func scale(_ x: UnroundedNumber, by factor: UInt128) -> UnroundedNumber {
    product(x, UnroundedNumber(fixed: factor))
  }

  /// Σ ±cₙzⁿ in fixed point (126 bits behind the point), by Horner's rule: the coefficients are every
  /// `stride`th of a table from `first` on.
  @inline(__always)
  static func series<let size: Int>(
    _ table: InlineArray<size, UInt128>, first: Int, stride: Int, count: Int, _ z: UInt128,
    alternates: Bool
  ) -> UInt128 {
    var index = first &+ stride &* (count &- 1)
    var sum = table[index & 63]
    while index > first {
      index = index &- stride
      let term = multiplyHigh(sum, z) &<< 2
      sum = alternates ? table[index & 63] &- term : table[index & 63] &+ term
    }
    return sum
  }
}
