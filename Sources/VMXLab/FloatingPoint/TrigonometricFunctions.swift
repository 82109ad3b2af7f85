/// Sine, cosine, tangent and arctangent of finite numbers other than 0, before rounding.
///
/// The argument is reduced with the 66-bit π of the processor; what follows is good for well over 100
/// bits, so that the result is the rounded one of the reduced argument.
///
/// Source: Intel SDM, "Approximation of Pi".
enum TrigonometricFunctions {
  /// An argument reduced to an octant: |x| = quadrant × π/2 + rest, the rest within ±π/4.
  private struct Reduced {
    var quadrant: UInt8
    /// 0 only if the argument is a multiple of the processor's π/2.
    var rest: UnroundedNumber
    var isNegative: Bool
  }

  /// Sine and cosine; |x| is below 2⁶³.
  static func sineAndCosine(
    _ x: UnpackedNumber
  ) -> (sine: UnroundedNumber, cosine: UnroundedNumber) {
    let reduced = reduce(x)
    let square = WideArithmetic.product(reduced.rest, reduced.rest).fixed
    var sine = WideArithmetic.scale(reduced.rest, by: belowOne(sineSeries(square)))
    var cosine = UnroundedNumber(fixed: belowOne(cosineSeries(square)))
    if reduced.rest.significand == 0 {
      sine = .zero
      cosine = UnroundedNumber(fixed: TranscendentalConstants.one)
    }
    if reduced.quadrant & 1 != 0 { (sine, cosine) = (cosine, sine.negated) }
    if reduced.quadrant & 2 != 0 { (sine, cosine) = (sine.negated, cosine.negated) }
    if reduced.isNegative { sine = sine.negated }
    return (sine, cosine)
  }

  /// Tangent; |x| is below 2⁶³.
  static func tangent(_ x: UnpackedNumber) -> UnroundedNumber {
    // What is missing there is too little to show, and makes the result larger.
    guard x.exponent >= -60 else { return UnroundedNumber(x) }
    let (sine, cosine) = sineAndCosine(x)
    guard sine.significand != 0, cosine.significand != 0 else { return sine }
    return WideArithmetic.quotient(sine, cosine)
  }

  private static func sineSeries(_ square: UInt128) -> UInt128 {
    WideArithmetic.series(
      TranscendentalConstants.reciprocalFactorials, first: 1, stride: 2, count: 16, square,
      alternates: true)
  }

  private static func cosineSeries(_ square: UInt128) -> UInt128 {
    WideArithmetic.series(
      TranscendentalConstants.reciprocalFactorials, first: 0, stride: 2, count: 17, square,
      alternates: true)
  }

  /// A factor that is less than 1 by too little to show.
  @inline(__always) private static func belowOne(_ factor: UInt128) -> UInt128 {
    min(factor, TranscendentalConstants.one &- 1)
  }

  private static func reduce(_ x: UnpackedNumber) -> Reduced {
    // Below ½ there is nothing to reduce.
    guard x.exponent >= -1 else {
      var rest = UnroundedNumber(x)
      rest.isNegative = false
      return Reduced(quadrant: 0, rest: rest, isNegative: x.isNegative)
    }
    // In units of 2⁻⁶⁷ the processor's π/2 is an integer, and so is x.
    let halfPi = TranscendentalConstants.reductionPi
    var rest = UInt128(x.significand)
    var quadrant: UInt8 = 0
    for _ in 0..<(x.exponent &+ 4) {
      rest = rest &<< 1
      quadrant = quadrant &<< 1
      if rest >= halfPi {
        rest = rest &- halfPi
        quadrant |= 1
      }
    }
    var isNegative = false
    if rest &<< 1 > halfPi {
      rest = halfPi &- rest
      quadrant = quadrant &+ 1
      isNegative = true
    }
    // 127 − 67: where the units of the significand are.
    var number = UnroundedNumber(isNegative: isNegative, exponent: 60, significand: rest)
    number.normalize()
    return Reduced(quadrant: quadrant & 3, rest: number, isNegative: x.isNegative)
  }

  /// The angle of the point (x, y), y and x finite and not 0.
  static func arctangent(y: UnpackedNumber, x: UnpackedNumber) -> UnroundedNumber {
    let isSteep =
      y.exponent > x.exponent || y.exponent == x.exponent && y.significand > x.significand
    let small = isSteep ? x : y
    let large = isSteep ? y : x
    var angle = arctangent(ofQuotient: small, large)
    if isSteep {
      angle = FiniteArithmetic.sum(TranscendentalConstants.halfPi, angle.withSign(!x.isNegative))
    } else if x.isNegative {
      angle = FiniteArithmetic.sum(TranscendentalConstants.pi, angle.negated)
    }
    return angle.withSign(y.isNegative)
  }

  /// arctan(n ÷ d) of magnitudes, n ≤ d: the nearest sixteenth from a table, and a series.
  private static func arctangent(
    ofQuotient n: UnpackedNumber, _ d: UnpackedNumber
  ) -> UnroundedNumber {
    let shift = d.exponent &- n.exponent
    guard shift <= 5 else { return arctangentSeries(ratio(n, d)) }
    let top = UInt128(n.significand) &<< 6
    let bottom = UInt128(d.significand) &<< UInt128(truncatingIfNeeded: shift &+ 6)
    let sixteenths = (top &* 16 &+ bottom &>> 1) / bottom
    guard sixteenths > 0 else { return arctangentSeries(ratio(n, d)) }
    let index = min(sixteenths, 16)
    let base = UnroundedNumber(
      fixed: TranscendentalConstants.arctangents[Int(truncatingIfNeeded: index)])
    // tan(α − β) = (16n − id) / (16d + in).
    let isNegative = top &* 16 < bottom &* index
    let difference = isNegative ? bottom &* index &- top &* 16 : top &* 16 &- bottom &* index
    guard difference != 0 else { return base }
    var numerator = UnroundedNumber(isNegative: isNegative, exponent: 127, significand: difference)
    var denominator = UnroundedNumber(
      isNegative: false, exponent: 127, significand: bottom &* 16 &+ top &* index)
    numerator.normalize()
    denominator.normalize()
    return FiniteArithmetic.sum(
      base, arctangentSeries(WideArithmetic.quotient(numerator, denominator)))
  }

  private static func ratio(_ n: UnpackedNumber, _ d: UnpackedNumber) -> UnroundedNumber {
    WideArithmetic.quotient(
      UnroundedNumber(n).withSign(false), UnroundedNumber(d).withSign(false))
  }

  /// arctan t, |t| ≤ 1/31.
  private static func arctangentSeries(_ t: UnroundedNumber) -> UnroundedNumber {
    let square = WideArithmetic.product(t, t).fixed
    let factor = WideArithmetic.series(
      TranscendentalConstants.oddReciprocals, first: 0, stride: 1, count: 13, square,
      alternates: true)
    return WideArithmetic.scale(t, by: belowOne(factor))
  }
}

extension UnroundedNumber {
  @inline(__always) func withSign(_ isNegative: Bool) -> UnroundedNumber {
    UnroundedNumber(isNegative: isNegative, exponent: exponent, significand: significand)
  }
}
