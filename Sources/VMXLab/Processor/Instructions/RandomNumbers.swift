import CCapstone

// RDRAND and RDSEED.
//
// Source: Intel SDM, "RDRAND—Read Random Number" and "RDSEED—Read Random SEED".
extension InstructionForm {
  static let randomNumbers: [InstructionForm] = [
    InstructionForm(X86_INS_RDRAND, .random, .end) { decoded, builder in
      guard !decoded.hasREP, !decoded.hasREPNE, let register = decoded.operands.first else {
        return nil
      }
      builder.setDestination(register, of: decoded)
      return { state, i in
        system(state, i) { cpu, i in cpu.readRandomNumber(i, .rdrand) }
      }
    },
    InstructionForm(X86_INS_RDSEED, .random, .end) { decoded, builder in
      guard !decoded.hasREPNE, let register = decoded.operands.first else { return nil }
      builder.setDestination(register, of: decoded)
      // F3 0F C7 /7 is RDPID, which Capstone 4 takes for RDSEED.
      if decoded.hasREP {
        builder.timing = .readTSC
        return { state, i in system(state, i) { cpu, i in cpu.readProcessorID(i) } }
      }
      return { state, i in
        system(state, i) { cpu, i in cpu.readRandomNumber(i, .rdseed) }
      }
    },
  ]
}

extension Processor {
  fileprivate mutating func readRandomNumber(_ i: InstructionReference, _ reason: BasicExitReason) {
    guard reason == .rdrand ? model.hasRDRAND : model.hasRDSEED else {
      return raise(.invalidOpcode)
    }
    if interceptRandomNumber(i, reason) { return }
    setOperand(
      i.pointer.pointee.destination, random.next(), byteCount: operandByteCount(i))
    // CF says that there was a number.
    lazy.load(RFLAGS.cf.rawValue)
  }
}
