/// The flags that an instruction leaves undefined, by the manual.
struct UndefinedFlags {
  /// Whatever the operands.
  var always: UInt64 = 0
  /// How flags depend on a shift count.
  var counts = Counts.none

  enum Counts {
    case none
    /// SHL, SHR: AF unless the count is 0, OF unless it is 1, CF if bits run out.
    case shift
    /// SAR: the same, but CF is always the last bit or the sign.
    case arithmeticShift
    /// ROL, ROR, RCL, RCR: OF unless the count is 1.
    case rotate
    /// SHLD, SHRD: as shifts; everything if the count exceeds the operand size.
    case doubleShift
  }

  static let cf: UInt64 = 1
  static let pf: UInt64 = 1 << 2
  static let af: UInt64 = 1 << 4
  static let zf: UInt64 = 1 << 6
  static let sf: UInt64 = 1 << 7
  static let of: UInt64 = 1 << 11
  static let all = cf | pf | af | zf | sf | of

  /// AND, OR, XOR, TEST.
  static let logic = UndefinedFlags(always: af)
  static let multiply = UndefinedFlags(always: sf | zf | af | pf)
  static let divide = UndefinedFlags(always: all)
  static let bitTest = UndefinedFlags(always: of | sf | af | pf)
  static let bitScan = UndefinedFlags(always: cf | of | sf | af | pf)
  /// TZCNT, LZCNT.
  static let zeroCount = UndefinedFlags(always: of | sf | pf | af)
  static let shift = UndefinedFlags(counts: .shift)
  static let arithmeticShift = UndefinedFlags(counts: .arithmeticShift)
  static let rotate = UndefinedFlags(counts: .rotate)
  static let doubleShift = UndefinedFlags(counts: .doubleShift)

  /// The undefined flags of a shift of `bits`-wide operands by `count`.
  func mask(count: UInt64, bits: UInt64) -> UInt64 {
    let masked = count & (bits == 64 ? 63 : 31)
    guard masked != 0 else { return always }
    switch counts {
    case .none: return always
    case .shift:
      return Self.af | (masked == 1 ? 0 : Self.of) | (masked >= bits ? Self.cf : 0)
    case .arithmeticShift: return Self.af | (masked == 1 ? 0 : Self.of)
    case .rotate: return masked == 1 ? 0 : Self.of
    case .doubleShift:
      return masked > bits ? Self.all : Self.af | (masked == 1 ? 0 : Self.of)
    }
  }
}
