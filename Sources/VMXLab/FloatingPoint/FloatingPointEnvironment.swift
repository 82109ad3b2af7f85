// Floating-point arithmetic of the x87, SSE, AVX and FMA instructions, in integers: results depend on
// the operands and the `FloatingPointEnvironment` alone, never on the host's floating-point unit.
//
// How an SSE or AVX handler uses it:
//
//     var environment = FloatingPointEnvironment(mxcsr: state.mxcsr)
//     let lane0 = Binary32.add(a0, b0, &environment)         // bit patterns in and out
//     let lane1 = Binary32.add(a1, b1, &environment)         // flags of all lanes accumulate
//     let report = environment.report                       // flags to set, and whether one is unmasked
//     state.mxcsr |= UInt32(report.flags.rawValue)
//     if report.isUnmasked { raise #XM (or #UD), destination unchanged } else { commit }
//
// - `Binary16`, `Binary32` and `Binary64` name the formats; their operations are static functions of
//   the protocol `BinaryFormat` and follow the rules of SSE: the first operand's NaN has precedence,
//   the default NaN is negative, tininess is detected after rounding. Operand order is that of the
//   manual's operation (`SRC1 op SRC2`).
// - `DoubleExtended` is the 80-bit format; its operations follow the rules of x87.
// - Nothing allocates, traps or throws.
//
// Sources: Intel SDM, "Programming with the x87 FPU", "Programming with Intel Streaming SIMD Extensions
// (Intel SSE)", "Operating on NaNs", "Floating-Point Exceptions"; IEEE Std 754-2008.

/// Rounding control, encoded as in the x87 control word and MXCSR.
///
/// Source: Intel SDM, "Rounding".
enum FloatingPointRounding: UInt8 {
  case nearestEven
  case down
  case up
  case towardZero

  /// The rounding that the low two bits of a control field select.
  @inline(__always) init(field: some BinaryInteger) {
    switch UInt8(truncatingIfNeeded: field) & 3 {
    case 0: self = .nearestEven
    case 1: self = .down
    case 2: self = .up
    default: self = .towardZero
    }
  }
}

/// A set of floating-point exceptions, with the bits of the x87 status word and MXCSR.
///
/// Source: Intel SDM, "Floating-Point Exceptions".
struct FloatingPointExceptions: OptionSet {
  let rawValue: UInt8
  @inline(__always) init(rawValue: UInt8) { self.rawValue = rawValue }

  static let invalid = FloatingPointExceptions(rawValue: 1 << 0)
  static let denormal = FloatingPointExceptions(rawValue: 1 << 1)
  static let divideByZero = FloatingPointExceptions(rawValue: 1 << 2)
  static let overflow = FloatingPointExceptions(rawValue: 1 << 3)
  static let underflow = FloatingPointExceptions(rawValue: 1 << 4)
  static let precision = FloatingPointExceptions(rawValue: 1 << 5)
  static let all = FloatingPointExceptions(rawValue: 0x3f)
  /// Those that are found before the result is computed.
  static let beforeComputation = FloatingPointExceptions(rawValue: 0x7)
}

/// What an operation depends on besides its operands, and the exceptions it and those before it met.
struct FloatingPointEnvironment {
  var rounding = FloatingPointRounding.nearestEven
  /// MXCSR.FZ: tiny results become zero while underflow is masked.
  var flushesToZero = false
  /// MXCSR.DAZ: denormal operands count as zero.
  var denormalsAreZero = false
  /// Results of unmasked overflow and underflow have their exponent adjusted by 24576 (the x87's
  /// response when the destination is a register).
  var adjustsExponent = false
  /// Exceptions that are masked.
  var masks = FloatingPointExceptions.all
  /// Exceptions met since the environment was made.
  var flags = FloatingPointExceptions(rawValue: 0)
  /// The magnitude of the last inexact result was rounded up (C1 of the x87).
  var roundedUp = false

  /// Round to nearest, everything masked.
  @inline(__always) init() {}

  /// The environment that MXCSR describes, with no flags.
  @inline(__always) init(mxcsr: UInt32) {
    rounding = FloatingPointRounding(field: mxcsr >> 13)
    flushesToZero = mxcsr & 0x8000 != 0
    denormalsAreZero = mxcsr & 0x40 != 0
    masks = FloatingPointExceptions(rawValue: UInt8(truncatingIfNeeded: mxcsr >> 7) & 0x3f)
  }

  /// Records an exception.
  @inline(__always) mutating func signal(_ exception: FloatingPointExceptions) {
    flags = FloatingPointExceptions(rawValue: flags.rawValue | exception.rawValue)
  }

  @inline(__always) func isMasked(_ exception: FloatingPointExceptions) -> Bool {
    masks.rawValue & exception.rawValue != 0
  }

  /// The flags to set in MXCSR or the status word, and whether one of them is unmasked.
  ///
  /// An unmasked exception found before the computation hides those of its result.
  ///
  /// Source: Intel SDM, "Handling Unmasked Exceptions".
  @inline(__always) var report: (flags: FloatingPointExceptions, isUnmasked: Bool) {
    let unmasked = flags.rawValue & ~masks.rawValue
    let before = FloatingPointExceptions.beforeComputation.rawValue
    if unmasked & before != 0 {
      return (FloatingPointExceptions(rawValue: flags.rawValue & before), true)
    }
    return (flags, unmasked != 0)
  }
}
