/// A value of the 80-bit double extended-precision format, as bits.
///
/// Source: Intel SDM, "x87 FPU Data Types".
struct DoubleExtended: Equatable {
  /// The significand with its explicit integer bit (bit 63).
  var significand: UInt64
  /// Bit 15 sign, bits 14:0 exponent biased by 16383.
  var signExponent: UInt16

  @inline(__always) init(significand: UInt64, signExponent: UInt16) {
    self.significand = significand
    self.signExponent = signExponent
  }

  @inline(__always) var isNegative: Bool { signExponent >> 15 != 0 }
  @inline(__always) var biasedExponent: UInt16 { signExponent & 0x7fff }
  /// Zero of either sign.
  @inline(__always) var isZero: Bool { biasedExponent == 0 && significand == 0 }

  static let zero = DoubleExtended(significand: 0, signExponent: 0)
  static let one = DoubleExtended(significand: 1 << 63, signExponent: 0x3fff)
  /// Real indefinite: the default NaN.
  static let indefinite = DoubleExtended(significand: 0xc000_0000_0000_0000, signExponent: 0xffff)

  @inline(__always) static func infinity(isNegative: Bool) -> DoubleExtended {
    DoubleExtended(significand: 1 << 63, signExponent: isNegative ? 0xffff : 0x7fff)
  }

  @inline(__always) static func zero(isNegative: Bool) -> DoubleExtended {
    DoubleExtended(significand: 0, signExponent: isNegative ? 0x8000 : 0)
  }

  /// The value with the opposite sign.
  @inline(__always) var negated: DoubleExtended {
    DoubleExtended(significand: significand, signExponent: signExponent ^ 0x8000)
  }

  /// The value without its sign.
  @inline(__always) var magnitude: DoubleExtended {
    DoubleExtended(significand: significand, signExponent: signExponent & 0x7fff)
  }
}
