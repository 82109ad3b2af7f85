/// The numbers that describe a binary floating-point format, and what results are rounded to.
///
/// Source: Intel SDM, "Floating-Point Data Types".
struct FloatingPointFormat {
  /// Bits of the significand, with the integer bit, explicit or not.
  let precision: Int
  /// Exponents of the smallest and largest normal numbers.
  let minimumExponent: Int
  let maximumExponent: Int

  static let binary16 = FloatingPointFormat(
    precision: 11, minimumExponent: -14, maximumExponent: 15)
  static let binary32 = FloatingPointFormat(
    precision: 24, minimumExponent: -126, maximumExponent: 127)
  static let binary64 = FloatingPointFormat(
    precision: 53, minimumExponent: -1022, maximumExponent: 1023)
  static let doubleExtended = extended(precision: 64)

  /// The 80-bit format with its significand rounded to `precision` bits (24, 53 or 64).
  @inline(__always) static func extended(precision: Int) -> FloatingPointFormat {
    FloatingPointFormat(precision: precision, minimumExponent: -16382, maximumExponent: 16383)
  }

  /// Bits of the fraction in memory, for the formats with an implicit integer bit.
  @inline(__always) var fractionBits: UInt64 { UInt64(truncatingIfNeeded: precision &- 1) }
  /// The exponent field of infinities and NaNs.
  @inline(__always) var maximumField: UInt64 {
    UInt64(truncatingIfNeeded: maximumExponent &* 2 &+ 1)
  }
  /// Position of the sign bit.
  @inline(__always) var signShift: UInt64 {
    fractionBits &+ UInt64(truncatingIfNeeded: (maximumExponent &+ 1).trailingZeroBitCount &+ 1)
  }
}

/// An operand taken apart: its class, sign, exponent and left-aligned significand.
///
/// A finite number is significand / 2⁶³ × 2^exponent; as an operand it is normalised, as a rounded
/// result the top bit is clear in denormals.
struct UnpackedNumber {
  enum Kind: UInt8 {
    case zero
    case finite
    case infinity
    case quietNaN
    case signallingNaN
    /// An encoding that the 80-bit format does not support.
    case unsupported
  }
  var kind: Kind
  var isNegative: Bool
  /// A denormal or pseudo-denormal operand (never where denormals count as zero).
  var isDenormal = false
  var exponent: Int
  /// Of a NaN: the payload, aligned with those of other formats, with the integer bit set.
  var significand: UInt64

  @inline(__always) init(
    _ kind: Kind, isNegative: Bool, exponent: Int = 0, significand: UInt64 = 0
  ) {
    self.kind = kind
    self.isNegative = isNegative
    self.exponent = exponent
    self.significand = significand
  }

  @inline(__always) var isNaN: Bool { kind.rawValue >= Kind.quietNaN.rawValue }
  @inline(__always) var isFinite: Bool { kind == .finite }

  /// The default NaN, "real indefinite".
  @inline(__always) static var indefinite: UnpackedNumber {
    UnpackedNumber(.quietNaN, isNegative: true, significand: 0xc000_0000_0000_0000)
  }

  /// The NaN made quiet.
  @inline(__always) var quieted: UnpackedNumber {
    UnpackedNumber(
      .quietNaN, isNegative: isNegative, significand: significand | 0x4000_0000_0000_0000)
  }

  /// Takes apart a bit pattern of a format with an implicit integer bit.
  static func unpack(
    _ bits: UInt64, _ format: FloatingPointFormat, denormalsAreZero: Bool
  ) -> UnpackedNumber {
    let fractionBits = format.fractionBits
    let isNegative = bits &>> format.signShift & 1 != 0
    let field = bits &>> fractionBits & format.maximumField
    let fraction = bits & ((1 &<< fractionBits) &- 1)
    let aligned = fraction &<< (63 &- fractionBits)
    if field == 0 {
      if fraction == 0 || denormalsAreZero { return UnpackedNumber(.zero, isNegative: isNegative) }
      let shift = aligned.leadingZeroBitCount
      var number = UnpackedNumber(
        .finite, isNegative: isNegative, exponent: format.minimumExponent &- shift,
        significand: aligned &<< UInt64(truncatingIfNeeded: shift))
      number.isDenormal = true
      return number
    }
    if field == format.maximumField {
      if fraction == 0 { return UnpackedNumber(.infinity, isNegative: isNegative) }
      let isQuiet = aligned & 0x4000_0000_0000_0000 != 0
      return UnpackedNumber(
        isQuiet ? .quietNaN : .signallingNaN, isNegative: isNegative, significand: aligned | 1 << 63
      )
    }
    return UnpackedNumber(
      .finite, isNegative: isNegative,
      exponent: Int(truncatingIfNeeded: field) &- format.maximumExponent,
      significand: aligned | 1 << 63)
  }

  /// The bit pattern, in a format with an implicit integer bit, of a number rounded to that format.
  func pack(_ format: FloatingPointFormat) -> UInt64 {
    let sign: UInt64 = (isNegative ? 1 : 0) &<< format.signShift
    let fractionBits = format.fractionBits
    let fraction = significand &>> (63 &- fractionBits) & ((1 &<< fractionBits) &- 1)
    switch kind {
    case .zero: return sign
    case .infinity: return sign | format.maximumField &<< fractionBits
    case .finite:
      guard significand >> 63 != 0 else { return sign | fraction }
      let field = UInt64(truncatingIfNeeded: exponent &+ format.maximumExponent)
      return sign | (field & format.maximumField) &<< fractionBits | fraction
    default: return sign | format.maximumField &<< fractionBits | fraction
    }
  }
}

extension DoubleExtended {
  /// Takes the value apart.
  var unpacked: UnpackedNumber {
    let exponent = biasedExponent
    if exponent == 0x7fff {
      guard significand >> 63 != 0 else {
        return UnpackedNumber(.unsupported, isNegative: isNegative, significand: significand)
      }
      if significand << 1 == 0 { return UnpackedNumber(.infinity, isNegative: isNegative) }
      let isQuiet = significand & 0x4000_0000_0000_0000 != 0
      return UnpackedNumber(
        isQuiet ? .quietNaN : .signallingNaN, isNegative: isNegative, significand: significand)
    }
    if exponent == 0 {
      guard significand != 0 else { return UnpackedNumber(.zero, isNegative: isNegative) }
      let shift = significand.leadingZeroBitCount
      var number = UnpackedNumber(
        .finite, isNegative: isNegative, exponent: -16382 &- shift,
        significand: significand &<< UInt64(truncatingIfNeeded: shift))
      number.isDenormal = true
      return number
    }
    guard significand >> 63 != 0 else {
      return UnpackedNumber(.unsupported, isNegative: isNegative, significand: significand)
    }
    return UnpackedNumber(
      .finite, isNegative: isNegative, exponent: Int(exponent) &- 16383, significand: significand)
  }

  /// The value of a number rounded to the 80-bit format.
  init(_ number: UnpackedNumber) {
    let sign: UInt16 = number.isNegative ? 0x8000 : 0
    switch number.kind {
    case .zero: self.init(significand: 0, signExponent: sign)
    case .finite:
      let isDenormal = number.significand >> 63 == 0
      let field = isDenormal ? 0 : UInt16(truncatingIfNeeded: number.exponent &+ 16383) & 0x7fff
      self.init(significand: number.significand, signExponent: sign | field)
    case .infinity: self.init(significand: 1 << 63, signExponent: sign | 0x7fff)
    default: self.init(significand: number.significand, signExponent: sign | 0x7fff)
    }
  }
}
