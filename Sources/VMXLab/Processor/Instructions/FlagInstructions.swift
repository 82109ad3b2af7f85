import CCapstone

// Instructions on single flags: CLC, STC, CMC, CLD, STD, LAHF, SAHF, SALC.
extension InstructionForm {
  static let flags: [InstructionForm] = [
    InstructionForm(X86_INS_CLC, .alu, .continue) { state, i in
      let core = Core(state)
      core.state.pointee.lazy.setCF(false)
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_STC, .alu, .continue) { state, i in
      let core = Core(state)
      core.state.pointee.lazy.setCF(true)
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_CMC, .alu, .continue) { state, i in
      let core = Core(state)
      core.state.pointee.lazy.setCF(!core.state.pointee.lazy.cf)
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_CLD, .alu, .continue) { state, i in
      let core = Core(state)
      core.state.pointee.systemFlags &= ~RFLAGS.df.rawValue
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_STD, .alu, .continue) { state, i in
      let core = Core(state)
      core.state.pointee.systemFlags |= RFLAGS.df.rawValue
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_LAHF, .alu, .continue) { state, i in
      let core = Core(state)
      let flags = core.state.pointee.lazy.rawValue & 0xd5 | RFLAGS.fixed.rawValue
      core.setRegister(RegisterOffset.highByte(0), UInt8(truncatingIfNeeded: flags))
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_SAHF, .alu, .continue) { state, i in
      let core = Core(state)
      let flags = core.register(RegisterOffset.highByte(0), as: UInt8.self).zeroExtended
      let kept = core.state.pointee.lazy.rawValue & RFLAGS.of.rawValue
      core.state.pointee.lazy.load(flags & 0xd5 | kept)
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_SALC, .alu, .continue) { state, i in
      let core = Core(state)
      let value: UInt8 = core.state.pointee.lazy.cf ? 0xff : 0
      core.setRegister(RegisterOffset.general(0), value)
      return core.next(InstructionReference(i))
    },
  ]
}
