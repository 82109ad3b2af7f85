/// Where the operand that ModRM describes, or that an instruction implies, is.
enum AddressingForm: String, CaseIterable {
  case register
  /// AH, CH, DH or BH.
  case highByte
  case base
  case baseDisplacement8
  case baseDisplacement32
  case baseIndex
  case baseIndexDisplacement8
  case baseIndexDisplacement32
  /// A scaled index and a displacement, without a base.
  case index
  /// RSP and a displacement, for instructions that change RSP.
  case stackPointer
  case ripRelative
  /// A displacement alone.
  case absolute
  /// These with 32-bit addresses.
  case base32
  case index32
  case baseIndex32
  /// An offset in the instruction instead of a ModRM byte, of 64 and of 32 bits.
  case offset
  case offset32
  /// The operand is implied, with 32-bit addresses.
  case implied32

  var isMemory: Bool { self != .register && self != .highByte }

  var has32BitAddress: Bool {
    switch self {
    case .base32, .index32, .baseIndex32, .offset32, .implied32: true
    default: false
    }
  }

  func displacementBytes(using random: inout SeededGenerator) -> Int {
    switch self {
    case .base, .baseIndex: 0
    case .baseDisplacement8, .baseIndexDisplacement8: 1
    case .baseDisplacement32, .baseIndexDisplacement32: 4
    default: [0, 1, 4][random.below(3)]
    }
  }
}

extension InstructionTemplate {
  /// The addressing forms that the instruction has with operands of `width` bytes.
  func forms(width: Int) -> [AddressingForm] {
    var forms: [AddressingForm] = []
    let hasModRM =
      switch encoding {
      case .registers, .digit: true
      default: false
      }
    if places.contains(.register) {
      forms.append(.register)
      if case .opcodeRegister = encoding, width == 1 { forms.append(.highByte) }
      if hasModRM, width == 1 { forms.append(.highByte) }
    }
    guard places.contains(.memory) else { return forms }
    if case .absolute = encoding { return forms + [.offset, .offset32] }
    guard hasModRM else { return forms + [.implied32] }
    forms += [
      .base, .baseDisplacement8, .baseDisplacement32, .baseIndex, .baseIndexDisplacement8,
      .baseIndexDisplacement32, .index, .ripRelative, .absolute, .base32, .index32, .baseIndex32,
    ]
    if setup == .stack { forms.append(.stackPointer) }
    return forms
  }
}

/// The forms of instructions that a differential test has run: instruction, operand size and addressing
/// form.
struct FormTally {
  private(set) var run: Set<String> = []
  /// Those that the host's processor has not.
  private(set) var skipped: Set<String> = []

  mutating func insert(_ form: String, isSkipped: Bool = false) {
    if isSkipped { skipped.insert(form) } else { run.insert(form) }
  }

  func report(_ what: String) {
    print("\(what): \(run.count) forms compared, \(skipped.count) skipped for want of a feature")
  }
}
