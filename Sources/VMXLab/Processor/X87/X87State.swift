/// The registers of the x87 FPU, which MMX shares.
///
/// Trivially copyable. Source: Intel SDM, "x87 FPU Execution Environment".
struct X87State {
  /// The data registers R0 to R7, by number: not relative to TOP. MM0 to MM7 are their significands.
  var registers = InlineArray<8, DoubleExtended>(repeating: .zero)
  var control: UInt16 = 0x40
  /// The status word without TOP (bits 13:11), which is in `top`. ES and B (bits 7 and 15) are kept
  /// up to date by `X87State.updateSummary`.
  var statusWithoutTop: UInt16 = 0
  /// TOP: the register that is ST(0).
  var top: UInt8 = 0
  /// A bit for each of R0 to R7: the register is not empty. FXSAVE's abridged tag word.
  var used: UInt8 = 0xff
  /// Opcode of the last non-control instruction: low three bits of its first byte above its second.
  var lastOpcode: UInt16 = 0
  /// Offset of the last non-control instruction.
  var instructionPointer: UInt64 = 0
  /// Offset of its memory operand.
  var dataPointer: UInt64 = 0
  var instructionSelector: UInt16 = 0
  var dataSelector: UInt16 = 0

  /// Bits of the control word that can be written: infinity control (bit 12) does nothing, bit 6 is 1.
  static let controlMask: UInt16 = 0x1f3f

  /// After power-on or RESET; INIT leaves the x87 as it is.
  ///
  /// Source: Intel SDM, "Processor State After Reset".
  static let afterReset = X87State()

  /// FNINIT.
  mutating func initialize() {
    control = 0x37f
    statusWithoutTop = 0
    top = 0
    used = 0
    lastOpcode = 0
    instructionPointer = 0
    dataPointer = 0
    instructionSelector = 0
    dataSelector = 0
  }

  /// The status word.
  @inline(__always) var status: UInt16 {
    get { statusWithoutTop | UInt16(top & 7) << 11 }
    set {
      statusWithoutTop = newValue & ~X87Status.topMask
      top = UInt8(truncatingIfNeeded: newValue >> 11) & 7
    }
  }

  /// An exception that is not masked waits: the next waiting instruction raises #MF.
  @inline(__always) var hasPendingException: Bool { statusWithoutTop & X87Status.summary != 0 }

  /// Sets ES and B from the exception flags and their masks.
  @inline(__always) mutating func updateSummary() {
    if statusWithoutTop & ~control & 0x3f != 0 {
      statusWithoutTop |= X87Status.summary | X87Status.busy
    } else {
      statusWithoutTop &= ~(X87Status.summary | X87Status.busy)
    }
  }

  /// MMX register `number`; a write sets the register's sign and exponent to all ones.
  ///
  /// Source: Intel SDM, "The MMX State and the x87 FPU State".
  @inline(__always) subscript(mmx number: UInt8) -> UInt64 {
    get { registers[Int(number & 7)].significand }
    set { registers[Int(number & 7)] = DoubleExtended(significand: newValue, signExponent: 0xffff) }
  }

  /// The full tag word: 00 valid, 01 zero, 10 special, 11 empty, two bits a register.
  var tagWord: UInt16 {
    var word: UInt16 = 0
    for number in 0..<8 {
      word |= tag(number) << UInt16(number &* 2)
    }
    return word
  }

  /// Marks registers as empty or not from a full tag word.
  mutating func setTagWord(_ word: UInt16) {
    used = 0
    for number in 0..<8 where word >> UInt16(number &* 2) & 3 != 3 {
      used |= 1 << UInt8(number)
    }
  }

  private func tag(_ number: Int) -> UInt16 {
    guard used >> UInt8(number) & 1 != 0 else { return 3 }
    let register = registers[number]
    if register.isZero { return 1 }
    if register.biasedExponent == 0 || register.biasedExponent == 0x7fff { return 2 }
    return register.significand >> 63 != 0 ? 0 : 2
  }
}

/// Bits of the x87 status word.
///
/// Source: Intel SDM, "x87 FPU Status Register".
enum X87Status {
  static let invalid: UInt16 = 1 << 0
  static let denormal: UInt16 = 1 << 1
  static let divideByZero: UInt16 = 1 << 2
  static let overflow: UInt16 = 1 << 3
  static let underflow: UInt16 = 1 << 4
  static let precision: UInt16 = 1 << 5
  static let stackFault: UInt16 = 1 << 6
  /// ES: an unmasked exception is pending.
  static let summary: UInt16 = 1 << 7
  static let c0: UInt16 = 1 << 8
  static let c1: UInt16 = 1 << 9
  static let c2: UInt16 = 1 << 10
  static let topMask: UInt16 = 7 << 11
  static let c3: UInt16 = 1 << 14
  /// B: a copy of ES.
  static let busy: UInt16 = 1 << 15
  static let conditions = c0 | c1 | c2 | c3
  static let exceptions: UInt16 = 0x3f
}
