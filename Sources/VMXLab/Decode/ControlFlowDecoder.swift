import CCapstone

/// Decodes the instructions of Control-flow Enforcement Technology, which Capstone 4 does not know, or
/// takes for hints.
///
/// Source: Intel SDM, "Control-flow Enforcement Technology (CET)" and the instructions' pages.
enum ControlFlowDecoder {
  /// What ModRM must be.
  private enum Operand {
    /// This byte.
    case none(UInt8)
    /// A register, with this ModRM.reg.
    case register(UInt8)
    /// Memory, with this ModRM.reg.
    case memory(UInt8)
    /// Memory, with a register in ModRM.reg.
    case memoryFromRegister

    func matches(_ modRM: UInt8) -> Bool {
      let isRegister = modRM >= 0xc0
      let digit = modRM >> 3 & 7
      return switch self {
      case .none(let byte): modRM == byte
      case .register(let number): isRegister && digit == number
      case .memory(let number): !isRegister && digit == number
      case .memoryFromRegister: !isRegister
      }
    }
  }

  private struct Line {
    let id: x86_insn
    let prefix: MandatoryPrefix
    /// Opcode map (0FH, 38H) and opcode.
    let opcode: UInt16
    let operand: Operand
  }

  private static let lines: [Line] = [
    Line(id: InstructionForm.incssp, prefix: .xF3, opcode: 0x0fae, operand: .register(5)),
    Line(id: InstructionForm.clrssbsy, prefix: .xF3, opcode: 0x0fae, operand: .memory(6)),
    Line(id: InstructionForm.rdssp, prefix: .xF3, opcode: 0x0f1e, operand: .register(1)),
    Line(id: X86_INS_ENDBR64, prefix: .xF3, opcode: 0x0f1e, operand: .none(0xfa)),
    Line(id: X86_INS_ENDBR32, prefix: .xF3, opcode: 0x0f1e, operand: .none(0xfb)),
    Line(id: InstructionForm.setssbsy, prefix: .xF3, opcode: 0x0f01, operand: .none(0xe8)),
    Line(id: InstructionForm.saveprevssp, prefix: .xF3, opcode: 0x0f01, operand: .none(0xea)),
    Line(id: InstructionForm.rstorssp, prefix: .xF3, opcode: 0x0f01, operand: .memory(5)),
    Line(id: InstructionForm.wrss, prefix: .none, opcode: 0x38f6, operand: .memoryFromRegister),
    Line(id: InstructionForm.wruss, prefix: .x66, opcode: 0x38f5, operand: .memoryFromRegister),
  ]

  /// The instruction that `bytes` start with, if it is one of these; nil for all others.
  static func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, _ prefixes: InstructionPrefixes, codeBytes: Int
  ) -> Result<DecodedInstruction, InstructionDecoder.Failure>? {
    var reader = InstructionReader(bytes, at: prefixes.count)
    guard reader.next() == 0x0f else { return nil }
    var opcode = 0x0f00 | UInt16(reader.next())
    if opcode == 0x0f38 { opcode = 0x3800 | UInt16(reader.next()) }
    let prefix = prefixes.mandatory
    guard !reader.isTruncated,
      lines.contains(where: { $0.opcode == opcode && $0.prefix == prefix })
    else { return nil }
    let modRM = reader.next()
    if reader.isTruncated { return .failure(reader.truncation) }
    let line = lines.first {
      $0.opcode == opcode && $0.prefix == prefix && $0.operand.matches(modRM)
    }
    return line.flatMap { finish($0, modRM, &reader, prefixes, codeBytes: codeBytes) }
  }

  private static func finish(
    _ line: Line, _ modRM: UInt8, _ reader: inout InstructionReader,
    _ prefixes: InstructionPrefixes, codeBytes: Int
  ) -> Result<DecodedInstruction, InstructionDecoder.Failure> {
    let isLong = codeBytes == 8
    let rexW = prefixes.rex & 8 != 0
    var decoded = DecodedInstruction(
      id: line.id, length: 0, operands: [], operandBytes: rexW ? 8 : 4,
      addressBytes: prefixes.addressBytes(codeBytes: codeBytes), isLongMode: isLong,
      hasLock: prefixes.hasLock, hasREP: false, hasREPNE: false, hasOperandSizePrefix: false,
      rexW: rexW,
      opcode: (
        UInt8(truncatingIfNeeded: line.opcode >> 8), UInt8(truncatingIfNeeded: line.opcode), 0, 0
      ), modRM: modRM)
    decoded.segmentOverride = prefixes.segment
    let byteCount = decoded.operandBytes
    switch line.operand {
    case .none: break
    case .register:
      let number = modRM & 7 | (prefixes.rex & 1) << 3
      decoded.operands = [.general(offset: RegisterOffset.general(number), byteCount: byteCount)]
    case .memory, .memoryFromRegister:
      decoded.memory = reader.memory(
        modRM, prefixes: prefixes, addressBytes: decoded.addressBytes, isLongMode: isLong,
        extensions: prefixes.rex & 3)
      decoded.operands = [.memory(byteCount: byteCount)]
      if case .memoryFromRegister = line.operand {
        let number = modRM >> 3 & 7 | (prefixes.rex & 4) << 1
        decoded.operands.append(
          .general(offset: RegisterOffset.general(number), byteCount: byteCount))
      }
    }
    decoded.length = reader.position
    guard decoded.length <= InstructionPrefixes.maximumLength else { return .failure(.tooLong) }
    return reader.isTruncated ? .failure(reader.truncation) : .success(decoded)
  }
}

extension InstructionForm {
  /// Numbers of the instructions that Capstone has none for.
  static let incssp = x86_insn(rawValue: X86_INS_ENDING.rawValue + 1)
  static let rdssp = x86_insn(rawValue: X86_INS_ENDING.rawValue + 2)
  static let saveprevssp = x86_insn(rawValue: X86_INS_ENDING.rawValue + 3)
  static let rstorssp = x86_insn(rawValue: X86_INS_ENDING.rawValue + 4)
  static let wrss = x86_insn(rawValue: X86_INS_ENDING.rawValue + 5)
  static let wruss = x86_insn(rawValue: X86_INS_ENDING.rawValue + 6)
  static let setssbsy = x86_insn(rawValue: X86_INS_ENDING.rawValue + 7)
  static let clrssbsy = x86_insn(rawValue: X86_INS_ENDING.rawValue + 8)
}
