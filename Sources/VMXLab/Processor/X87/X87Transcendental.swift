// The transcendental instructions.
//
// Source: Intel SDM, "Trigonometric Instructions", "Logarithmic, Exponential, and Scale" and the
// descriptions of the instructions. Results are those of exact functions (of the argument reduced with
// the processor's π), rounded as the rounding control says.
extension X87State {
  // MARK: Trigonometry

  /// FSIN, FCOS and FSINCOS: which results there are, in the order in which they are written.
  enum Trigonometry {
    case sine
    case cosine
    case both
  }

  mutating func trigonometry(_ function: Trigonometry) {
    if isEmpty(0) || function == .both && !isEmpty(7) {
      return trigonometryFault(function == .both)
    }
    setConditions(0, mask: X87Status.c1 | X87Status.c2)
    var environment = environment
    let a = self[st: 0].unpacked
    var sine = a
    var cosine = a
    if let nan = NaNPropagation.x87(a, &environment) {
      sine = nan
      cosine = nan
    } else if a.kind == .infinity {
      sine = NaNPropagation.invalid(&environment)
      cosine = sine
    } else if a.kind == .zero {
      cosine = Self.integer(1)
    } else {
      guard a.exponent < 63 else { return setConditions(X87Status.c2, mask: X87Status.c2) }
      UnpackedArithmetic.noteDenormals(a, a, &environment)
      let exact = TrigonometricFunctions.sineAndCosine(a)
      if function != .cosine { sine = Self.rounded(exact.sine, &environment) }
      if function != .sine { cosine = Self.rounded(exact.cosine, &environment) }
    }
    guard commit(environment) else { return }
    self[st: 0] = DoubleExtended(function == .cosine ? cosine : sine)
    if function == .both { push(DoubleExtended(cosine)) }
  }

  /// FPTAN: the tangent to ST(0), and 1 on top of it.
  mutating func tangent() {
    if isEmpty(0) || !isEmpty(7) { return trigonometryFault(true) }
    setConditions(0, mask: X87Status.c1 | X87Status.c2)
    var environment = environment
    let a = self[st: 0].unpacked
    var result = a
    var above = DoubleExtended.one
    if let nan = NaNPropagation.x87(a, &environment) {
      result = nan
      above = DoubleExtended(nan)
    } else if a.kind == .infinity {
      result = NaNPropagation.invalid(&environment)
      above = .indefinite
    } else if a.isFinite {
      guard a.exponent < 63 else { return setConditions(X87Status.c2, mask: X87Status.c2) }
      UnpackedArithmetic.noteDenormals(a, a, &environment)
      result = Self.rounded(TrigonometricFunctions.tangent(a), &environment)
    }
    guard commit(environment) else { return }
    self[st: 0] = DoubleExtended(result)
    push(above)
  }

  private mutating func trigonometryFault(_ pushes: Bool) {
    setConditions(0, mask: X87Status.c2)
    guard pushes else { return underflow(to: 0) }
    guard stackFault(isOverflow: !isEmpty(0)) else { return }
    self[st: 0] = .indefinite
    push(.indefinite)
  }

  /// FPATAN: the angle of the point (ST(0), ST(1)) to ST(1), and pops.
  mutating func arctangent() {
    if isEmpty(0) || isEmpty(1) { return underflow(to: 1, pops: true) }
    var environment = environment
    let result = Self.arctangent(
      y: self[st: 1].unpacked, x: self[st: 0].unpacked, &environment)
    finish(environment, result, to: 1, pops: true)
  }

  private static func arctangent(
    y: UnpackedNumber, x: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    if let nan = NaNPropagation.x87(x, y, &environment) { return nan }
    UnpackedArithmetic.noteDenormals(x, y, &environment)
    var angle: UnroundedNumber
    if y.isFinite, x.isFinite {
      // A quotient below the smallest number would do as well with a larger exponent.
      return rounded(TrigonometricFunctions.arctangent(y: y, x: x), &environment)
    }
    let pi = TranscendentalConstants.pi
    if y.kind == .infinity, x.kind == .infinity {
      angle = pi
      angle.exponent = angle.exponent &- 2
      if x.isNegative { angle = FiniteArithmetic.sum(pi, angle.negated) }
    } else if y.kind == .zero || x.kind == .infinity {
      guard x.isNegative else { return UnpackedNumber(.zero, isNegative: y.isNegative) }
      angle = pi
    } else {
      angle = TranscendentalConstants.halfPi
    }
    return rounded(angle.withSign(y.isNegative), &environment)
  }

  // MARK: Exponentials and logarithms

  /// F2XM1.
  mutating func exponential() {
    if isEmpty(0) { return underflow(to: 0) }
    var environment = environment
    let a = self[st: 0].unpacked
    let result = Self.exponential(a, &environment)
    finish(environment, result, to: 0)
  }

  private static func exponential(
    _ a: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    if let nan = NaNPropagation.x87(a, &environment) { return nan }
    environment.roundedUp = false
    switch a.kind {
    case .zero: return a
    case .infinity: return a.isNegative ? number(-1, exponent: 0) : a
    default: break
    }
    UnpackedArithmetic.noteDenormals(a, a, &environment)
    if a.exponent >= 0 {
      environment.signal(.precision)
      if a.exponent == 0, a.significand << 1 == 0 {
        return a.isNegative ? number(-1, exponent: -1) : number(1, exponent: 0)
      }
      // Undefined beyond ±1: the operand stays.
      return a
    }
    return rounded(ExponentialFunctions.exponentialMinus1(a), &environment)
  }

  /// FYL2X and FYL2XP1: ST(1) × log₂ ST(0), or of ST(0) + 1, to ST(1), and pops.
  mutating func logarithm(plus1: Bool) {
    if isEmpty(0) || isEmpty(1) { return underflow(to: 1, pops: true) }
    var environment = environment
    let x = self[st: 0].unpacked
    let y = self[st: 1].unpacked
    let result =
      NaNPropagation.x87(x, y, &environment)
      ?? (plus1
        ? Self.logarithmPlus1(x, times: y, &environment)
        : Self.logarithm(x, times: y, &environment))
    finish(environment, result, to: 1, pops: true)
  }

  private static func logarithm(
    _ x: UnpackedNumber, times y: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    if x.kind == .zero {
      if y.kind == .zero { return NaNPropagation.invalid(&environment) }
      if y.isFinite { environment.signal(.divideByZero) }
      return UnpackedNumber(.infinity, isNegative: !y.isNegative)
    }
    if x.isNegative { return NaNPropagation.invalid(&environment) }
    if x.kind == .infinity {
      return product(.zero, x, y, &environment)
    }
    return product(ExponentialFunctions.logarithm(x), x, y, &environment)
  }

  private static func logarithmPlus1(
    _ x: UnpackedNumber, times y: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    if x.kind == .zero || x.kind == .infinity {
      if x.kind == .infinity, x.isNegative { return NaNPropagation.invalid(&environment) }
      return product(.zero, x, y, &environment)
    }
    // Undefined from −1 down: there is no logarithm.
    if x.isNegative, x.exponent >= 0 { return NaNPropagation.invalid(&environment) }
    return product(ExponentialFunctions.logarithmPlus1(x), x, y, &environment)
  }

  /// logarithm × y, where `x` (0 or infinite) stands for a logarithm of that kind.
  private static func product(
    _ logarithm: UnroundedNumber, _ x: UnpackedNumber, _ y: UnpackedNumber,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    let isInfinite = x.kind == .infinity
    let isZero = !isInfinite && logarithm.significand == 0
    let isLogarithmNegative = x.kind == .finite ? logarithm.isNegative : x.isNegative
    let isNegative = (isZero && x.kind == .finite ? false : isLogarithmNegative) != y.isNegative
    if isInfinite && y.kind == .zero || isZero && y.kind == .infinity {
      return NaNPropagation.invalid(&environment)
    }
    UnpackedArithmetic.noteDenormals(x, y, &environment)
    environment.roundedUp = false
    if isInfinite || y.kind == .infinity {
      return UnpackedNumber(.infinity, isNegative: isNegative)
    }
    if isZero || y.kind == .zero { return UnpackedNumber(.zero, isNegative: isNegative) }
    let result = WideArithmetic.product(logarithm, UnroundedNumber(y))
    // The logarithm of a power of two is an integer. The result is called inexact all the same.
    if x.significand << 1 == 0, logarithm.significand & 0xffff_ffff_ffff_ffff == 0 {
      let integer = UnpackedNumber(
        .finite, isNegative: logarithm.isNegative, exponent: logarithm.exponent,
        significand: UInt64(truncatingIfNeeded: logarithm.significand >> 64))
      let exact = FiniteArithmetic.product(integer, y)
      environment.signal(.precision)
      if exact.exponent < FloatingPointFormat.doubleExtended.minimumExponent {
        environment.signal(.underflow)
      }
      return FloatingPointRounder.round(exact, to: .doubleExtended, &environment)
    }
    return rounded(result, &environment)
  }

  // MARK: Parts

  /// Rounds what is not exact.
  private static func rounded(
    _ number: UnroundedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    var number = number
    guard number.significand != 0 else {
      return UnpackedNumber(.zero, isNegative: number.isNegative)
    }
    number.significand |= 1
    return FloatingPointRounder.round(number, to: .doubleExtended, &environment)
  }

  private static func number(_ sign: Int64, exponent: Int) -> UnpackedNumber {
    UnpackedNumber(.finite, isNegative: sign < 0, exponent: exponent, significand: 1 << 63)
  }
}
