/// 2ˣ − 1 and binary logarithms of finite numbers, before rounding: good for well over 100 bits.
enum ExponentialFunctions {
  /// 2ˣ − 1, |x| < 1 and not 0.
  static func exponentialMinus1(_ x: UnpackedNumber) -> UnroundedNumber {
    // eʸ − 1 = y (1 + y/2! + y²/3! + …).
    let y = WideArithmetic.product(
      UnroundedNumber(x), TranscendentalConstants.naturalLogarithmOf2)
    let factor = WideArithmetic.series(
      TranscendentalConstants.reciprocalFactorials, first: 1, stride: 1, count: 32, y.fixed,
      alternates: x.isNegative)
    return WideArithmetic.scale(y, by: factor)
  }

  /// log₂ x of a positive number; 0 for 1.
  static func logarithm(_ x: UnpackedNumber) -> UnroundedNumber {
    logarithm(of: UnroundedNumber(x))
  }

  /// log₂(x + 1), x above −1 and not 0.
  static func logarithmPlus1(_ x: UnpackedNumber) -> UnroundedNumber {
    let one = UnroundedNumber(isNegative: false, exponent: 0, significand: 1 << 127)
    let wide = UnroundedNumber(x)
    // Close to 1, x + 1 would lose what matters.
    guard x.exponent < -2 else { return logarithm(of: FiniteArithmetic.sum(one, wide)) }
    let two = UnroundedNumber(isNegative: false, exponent: 1, significand: 1 << 127)
    return fractionLogarithm(WideArithmetic.quotient(wide, FiniteArithmetic.sum(two, wide)))
  }

  private static func logarithm(of x: UnroundedNumber) -> UnroundedNumber {
    // m between √½ and √2.
    var mantissa = UnroundedNumber(isNegative: false, exponent: 0, significand: x.significand)
    var exponent = x.exponent
    if mantissa.significand > squareRootOf2 {
      mantissa.exponent = -1
      exponent = exponent &+ 1
    }
    let one = UnroundedNumber(isNegative: false, exponent: 0, significand: 1 << 127)
    let below = FiniteArithmetic.sum(mantissa, one.negated)
    let whole = exponent == 0 ? .zero : UnroundedNumber(UnpackedArithmetic.number(Int64(exponent)))
    guard below.significand != 0 else { return whole }
    let fraction = fractionLogarithm(
      WideArithmetic.quotient(below, FiniteArithmetic.sum(mantissa, one)))
    return exponent == 0 ? fraction : FiniteArithmetic.sum(whole, fraction)
  }

  /// log₂((1 + s) ÷ (1 − s)) = 2 ÷ ln 2 × artanh s, |s| below 0.18.
  private static func fractionLogarithm(_ s: UnroundedNumber) -> UnroundedNumber {
    let square = WideArithmetic.product(s, s).fixed
    let factor = WideArithmetic.series(
      TranscendentalConstants.oddReciprocals, first: 0, stride: 1, count: 25, square,
      alternates: false)
    return WideArithmetic.product(
      WideArithmetic.scale(s, by: factor), TranscendentalConstants.twoOverLogarithmOf2)
  }

  /// √2 as a significand.
  private static var squareRootOf2: UInt128 { 0xb504_f333_f9de_6484_597d_89b3_754a_be9f }
}
