/// The result of a comparison.
enum FloatingPointOrder: UInt8 {
  case less
  case equal
  case greater
  case unordered
}

/// The operations on operands that are not NaNs, rounded to a format: what SSE and x87 have in common.
///
/// Only `multiplyAdd`, `compare`, `convert` and `integer` take NaNs, by the rules of SSE.
enum UnpackedArithmetic {
  static func add(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ format: FloatingPointFormat,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    environment.roundedUp = false
    if a.isFinite, b.isFinite {
      noteDenormals(a, b, &environment)
      return roundedSum(UnroundedNumber(a), UnroundedNumber(b), format, &environment)
    }
    if a.kind == .infinity {
      if b.kind == .infinity, a.isNegative != b.isNegative {
        return NaNPropagation.invalid(&environment)
      }
      noteDenormals(a, b, &environment)
      return a
    }
    noteDenormals(a, b, &environment)
    if b.kind == .infinity { return b }
    if a.kind == .zero, b.kind == .zero {
      return UnpackedNumber(
        .zero,
        isNegative: a.isNegative == b.isNegative ? a.isNegative : environment.rounding == .down)
    }
    return FloatingPointRounder.round(
      UnroundedNumber(a.kind == .zero ? b : a), to: format, &environment)
  }

  @inline(__always)
  static func subtract(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ format: FloatingPointFormat,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    var b = b
    b.isNegative.toggle()
    return add(a, b, format, &environment)
  }

  static func multiply(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ format: FloatingPointFormat,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    environment.roundedUp = false
    let isNegative = a.isNegative != b.isNegative
    if a.isFinite, b.isFinite {
      noteDenormals(a, b, &environment)
      return FloatingPointRounder.round(FiniteArithmetic.product(a, b), to: format, &environment)
    }
    if a.kind == .infinity || b.kind == .infinity {
      if a.kind == .zero || b.kind == .zero { return NaNPropagation.invalid(&environment) }
      noteDenormals(a, b, &environment)
      return UnpackedNumber(.infinity, isNegative: isNegative)
    }
    noteDenormals(a, b, &environment)
    return UnpackedNumber(.zero, isNegative: isNegative)
  }

  static func divide(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ format: FloatingPointFormat,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    environment.roundedUp = false
    let isNegative = a.isNegative != b.isNegative
    if a.isFinite, b.isFinite {
      noteDenormals(a, b, &environment)
      return FloatingPointRounder.round(FiniteArithmetic.quotient(a, b), to: format, &environment)
    }
    if a.kind == .infinity {
      if b.kind == .infinity { return NaNPropagation.invalid(&environment) }
      noteDenormals(a, b, &environment)
      return UnpackedNumber(.infinity, isNegative: isNegative)
    }
    if b.kind == .zero {
      if a.kind == .zero { return NaNPropagation.invalid(&environment) }
      environment.signal(.divideByZero)
      return UnpackedNumber(.infinity, isNegative: isNegative)
    }
    noteDenormals(a, b, &environment)
    return UnpackedNumber(.zero, isNegative: isNegative)
  }

  static func squareRoot(
    _ a: UnpackedNumber, _ format: FloatingPointFormat,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    environment.roundedUp = false
    if a.kind == .zero { return a }
    if a.isNegative { return NaNPropagation.invalid(&environment) }
    if a.kind == .infinity { return a }
    noteDenormals(a, a, &environment)
    return FloatingPointRounder.round(FiniteArithmetic.squareRoot(a), to: format, &environment)
  }

  static func multiplyAdd(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ c: UnpackedNumber, negatesProduct: Bool,
    negatesAddend: Bool, _ format: FloatingPointFormat,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    if a.isNaN || b.isNaN || c.isNaN {
      if a.kind == .signallingNaN || b.kind == .signallingNaN || c.kind == .signallingNaN {
        environment.signal(.invalid)
      }
      return (a.isNaN ? a : b.isNaN ? b : c).quieted
    }
    var c = c
    if negatesAddend { c.isNegative.toggle() }
    let isNegative = (a.isNegative != b.isNegative) != negatesProduct
    if a.kind == .infinity || b.kind == .infinity {
      if a.kind == .zero || b.kind == .zero || c.kind == .infinity && c.isNegative != isNegative {
        return NaNPropagation.invalid(&environment)
      }
      noteDenormals(a, b, &environment)
      noteDenormals(c, c, &environment)
      return UnpackedNumber(.infinity, isNegative: isNegative)
    }
    noteDenormals(a, b, &environment)
    noteDenormals(c, c, &environment)
    if c.kind == .infinity { return c }
    if a.kind == .zero || b.kind == .zero {
      if c.kind != .zero {
        return FloatingPointRounder.round(UnroundedNumber(c), to: format, &environment)
      }
      return UnpackedNumber(
        .zero,
        isNegative: c.isNegative == isNegative ? isNegative : environment.rounding == .down)
    }
    var product = FiniteArithmetic.product(a, b)
    product.isNegative = isNegative
    if c.kind == .zero { return FloatingPointRounder.round(product, to: format, &environment) }
    return roundedSum(product, UnroundedNumber(c), format, &environment)
  }

  static func compare(
    _ a: UnpackedNumber, _ b: UnpackedNumber, signalsQuietNaN: Bool,
    _ environment: inout FloatingPointEnvironment
  ) -> FloatingPointOrder {
    if a.isNaN || b.isNaN {
      let isQuiet =
        (!a.isNaN || a.kind == .quietNaN) && (!b.isNaN || b.kind == .quietNaN) && !signalsQuietNaN
      if !isQuiet { environment.signal(.invalid) }
      return .unordered
    }
    noteDenormals(a, b, &environment)
    if a.kind == .zero, b.kind == .zero { return .equal }
    if a.kind == .zero { return b.isNegative ? .greater : .less }
    if b.kind == .zero || a.isNegative != b.isNegative { return a.isNegative ? .less : .greater }
    let magnitude = compareMagnitudes(a, b)
    if magnitude == .equal || !a.isNegative { return magnitude }
    return magnitude == .less ? .greater : .less
  }

  private static func compareMagnitudes(
    _ a: UnpackedNumber, _ b: UnpackedNumber
  ) -> FloatingPointOrder {
    if a.kind == .infinity { return b.kind == .infinity ? .equal : .greater }
    if b.kind == .infinity { return .less }
    if a.exponent != b.exponent { return a.exponent < b.exponent ? .less : .greater }
    if a.significand != b.significand { return a.significand < b.significand ? .less : .greater }
    return .equal
  }

  /// Signals the denormal exception for denormal operands.
  @inline(__always)
  static func noteDenormals(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) {
    if a.isDenormal || b.isDenormal { environment.signal(.denormal) }
  }

  private static func roundedSum(
    _ a: UnroundedNumber, _ b: UnroundedNumber, _ format: FloatingPointFormat,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    let sum = FiniteArithmetic.sum(a, b)
    guard sum.significand != 0 else {
      return UnpackedNumber(.zero, isNegative: environment.rounding == .down)
    }
    return FloatingPointRounder.round(sum, to: format, &environment)
  }
}
