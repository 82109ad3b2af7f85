import CCapstone

/// Capstone's register names as operands.
enum RegisterNames {
  /// Operand for each of Capstone's registers, by number.
  private static let operands: [DecodedOperand] = {
    var table = (0..<Int(X86_REG_ENDING.rawValue)).map {
      DecodedOperand.other(x86_reg(rawValue: UInt32($0)))
    }
    func set(_ registers: [x86_reg], _ operand: (UInt8) -> DecodedOperand) {
      for (number, register) in registers.enumerated() {
        table[Int(register.rawValue)] = operand(UInt8(number))
      }
    }
    set(quad) { .general(offset: RegisterOffset.general($0), byteCount: 8) }
    set(double) { .general(offset: RegisterOffset.general($0), byteCount: 4) }
    set(word) { .general(offset: RegisterOffset.general($0), byteCount: 2) }
    set(byte) { .general(offset: RegisterOffset.general($0), byteCount: 1) }
    set(highByte) { .general(offset: RegisterOffset.highByte($0), byteCount: 1) }
    set(segment) { .segment(SegmentRegister(rawValue: $0) ?? .ds) }
    set(control) { .control($0) }
    set(debug) { .debug($0) }
    return table
  }()

  /// The operand that names `register`.
  static func operand(_ register: x86_reg) -> DecodedOperand {
    let number = Int(register.rawValue)
    return operands.indices.contains(number) ? operands[number] : .other(register)
  }

  private static let quad = [
    X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP, X86_REG_RSI,
    X86_REG_RDI, X86_REG_R8, X86_REG_R9, X86_REG_R10, X86_REG_R11, X86_REG_R12, X86_REG_R13,
    X86_REG_R14, X86_REG_R15,
  ]
  private static let double = [
    X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP, X86_REG_ESI,
    X86_REG_EDI, X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D, X86_REG_R12D,
    X86_REG_R13D, X86_REG_R14D, X86_REG_R15D,
  ]
  private static let word = [
    X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP, X86_REG_SI,
    X86_REG_DI, X86_REG_R8W, X86_REG_R9W, X86_REG_R10W, X86_REG_R11W, X86_REG_R12W,
    X86_REG_R13W, X86_REG_R14W, X86_REG_R15W,
  ]
  private static let byte = [
    X86_REG_AL, X86_REG_CL, X86_REG_DL, X86_REG_BL, X86_REG_SPL, X86_REG_BPL, X86_REG_SIL,
    X86_REG_DIL, X86_REG_R8B, X86_REG_R9B, X86_REG_R10B, X86_REG_R11B, X86_REG_R12B,
    X86_REG_R13B, X86_REG_R14B, X86_REG_R15B,
  ]
  private static let highByte = [X86_REG_AH, X86_REG_CH, X86_REG_DH, X86_REG_BH]
  private static let segment = [
    X86_REG_ES, X86_REG_CS, X86_REG_SS, X86_REG_DS, X86_REG_FS, X86_REG_GS,
  ]
  private static let control = [
    X86_REG_CR0, X86_REG_CR1, X86_REG_CR2, X86_REG_CR3, X86_REG_CR4, X86_REG_CR5, X86_REG_CR6,
    X86_REG_CR7, X86_REG_CR8, X86_REG_CR9, X86_REG_CR10, X86_REG_CR11, X86_REG_CR12,
    X86_REG_CR13, X86_REG_CR14, X86_REG_CR15,
  ]
  private static let debug = [
    X86_REG_DR0, X86_REG_DR1, X86_REG_DR2, X86_REG_DR3, X86_REG_DR4, X86_REG_DR5, X86_REG_DR6,
    X86_REG_DR7, X86_REG_DR8, X86_REG_DR9, X86_REG_DR10, X86_REG_DR11, X86_REG_DR12,
    X86_REG_DR13, X86_REG_DR14, X86_REG_DR15,
  ]
}
