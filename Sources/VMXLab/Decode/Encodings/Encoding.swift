import CCapstone

/// An encoding that is read without Capstone, which does not know it or takes it for something else.
struct Encoding: Sendable {
  /// What bytes mean.
  enum Meaning: Sendable {
    /// An instruction, by its number in `InstructionTable`, with its operands.
    case instruction(x86_insn, [EncodedOperand] = [])
    /// No instruction of an Intel processor: #UD.
    case undefined
    /// An instruction of the manual whose CPUID flag no profile offers: #UD.
    case notBuilt(StaticString)
  }

  /// Opcode map (none, 0FH, 38H, 3AH) and opcode.
  let opcodes: ClosedRange<UInt16>
  let prefixes: MandatoryPrefixes
  let modRM: ModRMPattern
  let meaning: Meaning

  init(
    _ opcodes: ClosedRange<UInt16>, _ prefixes: MandatoryPrefixes, _ modRM: ModRMPattern,
    _ meaning: Meaning
  ) {
    self.opcodes = opcodes
    self.prefixes = prefixes
    self.modRM = modRM
    self.meaning = meaning
  }

  init(
    _ opcode: UInt16, _ prefixes: MandatoryPrefixes, _ modRM: ModRMPattern, _ meaning: Meaning
  ) {
    self.init(opcode...opcode, prefixes, modRM, meaning)
  }
}

/// Some of the prefixes that choose among the instructions of an opcode.
struct MandatoryPrefixes: OptionSet, Sendable {
  let rawValue: UInt8
  static let none = MandatoryPrefixes(rawValue: 1)
  static let x66 = MandatoryPrefixes(rawValue: 2)
  static let xF3 = MandatoryPrefixes(rawValue: 4)
  static let xF2 = MandatoryPrefixes(rawValue: 8)
  /// A prefix, whichever.
  static let some: MandatoryPrefixes = [.x66, .xF3, .xF2]
  /// With a prefix or without.
  static let any: MandatoryPrefixes = [.none, .x66, .xF3, .xF2]

  func contains(_ prefix: MandatoryPrefix) -> Bool { rawValue >> prefix.rawValue & 1 != 0 }
}

/// What the byte behind an opcode has to be.
enum ModRMPattern: Sendable {
  /// There is no ModRM byte, or it does not matter.
  case absent
  case any
  /// A register operand, with one of these in ModRM.reg.
  case register(ClosedRange<UInt8> = 0...7)
  /// A memory operand, with one of these in ModRM.reg.
  case memory(ClosedRange<UInt8> = 0...7)
  /// One of these in ModRM.reg.
  case digits(ClosedRange<UInt8>)
  case bytes(ClosedRange<UInt8>)

  func matches(_ modRM: UInt8) -> Bool {
    let digit = modRM >> 3 & 7
    return switch self {
    case .absent, .any: true
    case .register(let digits): modRM >= 0xc0 && digits.contains(digit)
    case .memory(let digits): modRM < 0xc0 && digits.contains(digit)
    case .digits(let digits): digits.contains(digit)
    case .bytes(let bytes): bytes.contains(modRM)
    }
  }

  var isAbsent: Bool {
    if case .absent = self { true } else { false }
  }
}

/// An operand of an `Encoding`.
enum EncodedOperand: Sendable {
  /// The ModRM operand if it is in memory.
  case memory(Size)
  /// The register that ModRM.rm names, if it names one.
  case register(Size)
  /// The register that ModRM.reg names.
  case reg(Size)

  enum Size: Sendable {
    case bytes(Int)
    /// 64 bits with REX.W, else 32.
    case wide
    /// That of an address.
    case address
  }
}

/// Instructions that Capstone 4 has no number for. Their numbers are behind Capstone's.
enum AddedInstruction: UInt32, CaseIterable, Sendable {
  case rdpid = 64
  case umonitor
  case umwait
  case tpause
  case serialize
  case cldemote
  case movdiri
  case movdir64b
  case wbnoinvd
  case incssp
  case rdssp
  case saveprevssp
  case rstorssp
  case wrss
  case wruss
  case setssbsy
  case clrssbsy

  var id: x86_insn { x86_insn(rawValue: X86_INS_ENDING.rawValue + rawValue) }

  init?(_ id: x86_insn) {
    self.init(rawValue: id.rawValue &- X86_INS_ENDING.rawValue)
  }
}
