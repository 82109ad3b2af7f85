/// Which NaN an operation with NaN operands returns.
///
/// Source: Intel SDM, "Rules for handling NaNs" (table of "Operating on NaNs").
enum NaNPropagation {
  /// The NaN result of a one-operand SSE operation; nil if the operand is a number.
  @inline(__always)
  static func sse(
    _ a: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber? {
    guard a.isNaN else { return nil }
    return signal(a, &environment)
  }

  /// The NaN result of a two-operand SSE operation: the first operand's NaN if it is one.
  @inline(__always)
  static func sse(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber? {
    guard a.isNaN || b.isNaN else { return nil }
    if b.kind == .signallingNaN { environment.signal(.invalid) }
    return signal(a.isNaN ? a : b, &environment)
  }

  /// The NaN result of a one-operand x87 operation; nil if the operand is a number.
  @inline(__always)
  static func x87(
    _ a: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber? {
    guard a.isNaN else { return nil }
    environment.roundedUp = false
    guard a.kind != .unsupported else { return invalid(&environment) }
    return signal(a, &environment)
  }

  /// The NaN result of a two-operand x87 operation: of two NaNs a quiet one before a signalling one
  /// (though that one signals), else the one with the larger significand, else the positive one.
  @inline(__always)
  static func x87(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber? {
    guard a.isNaN || b.isNaN else { return nil }
    environment.roundedUp = false
    return selectX87(a, b, &environment)
  }

  private static func selectX87(
    _ a: UnpackedNumber, _ b: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    if a.kind == .unsupported || b.kind == .unsupported { return invalid(&environment) }
    if a.kind == .signallingNaN || b.kind == .signallingNaN { environment.signal(.invalid) }
    guard a.isNaN else { return b.quieted }
    guard b.isNaN else { return a.quieted }
    if a.kind != b.kind { return a.kind == .quietNaN ? a : b }
    if a.significand != b.significand {
      return a.significand > b.significand ? a.quieted : b.quieted
    }
    return a.isNegative ? b.quieted : a.quieted
  }

  /// Signals an invalid operation, whose result is the default NaN.
  @inline(__always)
  static func invalid(_ environment: inout FloatingPointEnvironment) -> UnpackedNumber {
    environment.signal(.invalid)
    environment.roundedUp = false
    return .indefinite
  }

  @inline(__always)
  private static func signal(
    _ nan: UnpackedNumber, _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    if nan.kind == .signallingNaN { environment.signal(.invalid) }
    return nan.quieted
  }
}
