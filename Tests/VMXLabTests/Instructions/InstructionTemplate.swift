/// One instruction of the differential tests in all its operand sizes: a line of the table in
/// `IntegerTemplates`.
struct InstructionTemplate {
  let name: String
  /// Opcode bytes before the ModRM byte. The byte form, where there is one, has bit 0 of the last one
  /// clear.
  var opcode: [UInt8]
  var encoding: Encoding
  /// Operand sizes in bytes.
  var widths: [Int] = [1, 2, 4, 8]
  var immediate = Immediate.none
  var places: Places = [.register, .memory]
  var undefined = UndefinedFlags()
  var setup = Setup.general
  var isLockable = false
  /// F2 or F3, as part of the opcode or as a repeat prefix.
  var prefix: UInt8?
  /// 64-bit operands without REX.W.
  var defaultsTo64 = false
  var feature: HostFeature?
  /// The last opcode byte is the same for all widths.
  var keepsOpcode = false

  enum Encoding {
    case none
    /// ModRM with a register and r/m.
    case registers
    /// ModRM with an opcode extension.
    case digit(UInt8)
    /// The register in the opcode.
    case opcodeRegister
    /// An absolute 64-bit address.
    case absolute
    /// A displacement to the branch target, of 1 or 4 bytes.
    case relative(Int)
  }

  enum Immediate {
    case none
    case byte
    /// As wide as the operand, at most four bytes.
    case full
    /// As wide as the operand, eight bytes too.
    case wide
    case word
    /// ENTER: bytes and nesting level.
    case frame
  }

  struct Places: OptionSet {
    let rawValue: Int
    static let register = Places(rawValue: 1)
    static let memory = Places(rawValue: 2)
  }

  /// What registers and memory must hold for the instruction to do something worth comparing.
  enum Setup {
    case general
    /// The bit number in the register stays near the operand.
    case bitString
    /// Quotients that fit, often.
    case division
    /// Index registers in the window, a small count.
    case string
    /// RSP in the window.
    case stack
    /// RSP and RBP in the window.
    case frame
    /// RSP in the window, with the branch target at the top.
    case returnAddress
    /// The operand is the branch target.
    case branchTarget
    /// The operand is the branch target, RSP in the window.
    case callTarget
    /// RBX + AL in the window.
    case translate
    /// The accumulator equals the operand, often.
    case compareExchange
    /// The same for RDX:RAX; a 16-byte operand is aligned, often.
    case compareExchangePair
    /// A small number in RCX.
    case counter
  }

  enum HostFeature {
    case movbe
    case popcnt
    case lzcnt
    case bmi1
    case cmpxchg16b
    case clflushopt
    case clwb
  }

  init(
    _ name: String, _ opcode: [UInt8], _ encoding: Encoding,
    _ change: (inout InstructionTemplate) -> Void = { _ in }
  ) {
    self.name = name
    self.opcode = opcode
    self.encoding = encoding
    change(&self)
  }
}
