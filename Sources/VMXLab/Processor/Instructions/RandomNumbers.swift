import CCapstone

// RDRAND, RDSEED and RDPID.
//
// Source: Intel SDM, "RDRAND—Read Random Number" and "RDSEED—Read Random SEED".
extension InstructionForm {
  static let randomNumbers: [InstructionForm] = [
    reading(X86_INS_RDRAND, .random, .rdrand) { state, i in
      system(state, i) { cpu, i in cpu.readRandomNumber(i, .rdrand) }
    },
    reading(X86_INS_RDSEED, .random, .rdseed) { state, i in
      system(state, i) { cpu, i in cpu.readRandomNumber(i, .rdseed) }
    },
    reading(AddedInstruction.rdpid.id, .readTSC, .rdpid) { state, i in
      system(state, i) { cpu, i in cpu.readProcessorID(i) }
    },
  ]

  /// An instruction with a register for its result.
  private static func reading(
    _ id: x86_insn, _ timing: TimingClass, _ feature: CPUFeature, _ handler: @escaping Handler
  ) -> InstructionForm {
    InstructionForm(id, timing, .end, feature: feature) { decoded, builder in
      guard let register = decoded.operands.first else { return nil }
      builder.setDestination(register, of: decoded)
      return handler
    }
  }
}

extension Processor {
  fileprivate mutating func readRandomNumber(_ i: InstructionReference, _ reason: BasicExitReason) {
    if interceptRandomNumber(i, reason) { return }
    setOperand(
      i.pointer.pointee.destination, random.next(), byteCount: operandByteCount(i))
    // CF says that there was a number.
    lazy.load(RFLAGS.cf.rawValue)
  }
}
