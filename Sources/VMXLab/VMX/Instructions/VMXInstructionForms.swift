import CCapstone

// The table of VMX instructions.
extension InstructionForm {
  static let vmx: [InstructionForm] = [
    pointer(X86_INS_VMXON, .vmxon) { state, i in system(state, i) { cpu, i in cpu.vmxon(i) } },
    pointer(X86_INS_VMCLEAR, .vmclear) { state, i in
      system(state, i) { cpu, i in cpu.vmclear(i) }
    },
    pointer(X86_INS_VMPTRLD, .vmptrld) { state, i in
      system(state, i) { cpu, i in cpu.vmptrld(i) }
    },
    pointer(X86_INS_VMPTRST, .vmptrst) { state, i in
      system(state, i) { cpu, i in cpu.vmptrst(i) }
    },
    InstructionForm(X86_INS_VMXOFF, .vmxoff, .end, feature: .vmx) { state, i in
      system(state, i) { cpu, i in cpu.vmxoff(i) }
    },
    InstructionForm(X86_INS_VMLAUNCH, .entryBase, .end, feature: .vmx) { state, i in
      system(state, i) { cpu, i in cpu.vmEntry(i, launch: true) }
    },
    InstructionForm(X86_INS_VMRESUME, .entryBase, .end, feature: .vmx) { state, i in
      system(state, i) { cpu, i in cpu.vmEntry(i, launch: false) }
    },
    InstructionForm(X86_INS_VMCALL, .vmcall, .end, feature: .vmx) { state, i in
      system(state, i) { cpu, i in cpu.vmcall(i) }
    },
    InstructionForm(X86_INS_VMFUNC, .vmfunc, .end, feature: .vmx) { state, i in
      system(state, i) { cpu, _ in cpu.vmfunc() }
    },
    InstructionForm(X86_INS_VMREAD, .vmread, .end, feature: .vmx) { decoded, builder in
      guard decoded.operands.count == 2 else { return nil }
      builder.setDestination(decoded.operands[0], of: decoded)
      builder.setSource(decoded.operands[1], of: decoded)
      builder.immediate = VMCSAccessForm.read
      if decoded.hasMemoryOperand {
        return { state, i in system(state, i) { cpu, i in cpu.vmread(i, memory: true) } }
      }
      builder.effect = .continue
      return { vmreadRegister($0, $1) }
    },
    InstructionForm(X86_INS_VMWRITE, .vmwrite, .end, feature: .vmx) { decoded, builder in
      guard decoded.operands.count == 2 else { return nil }
      builder.setDestination(decoded.operands[0], of: decoded)
      builder.setSource(decoded.operands[1], of: decoded)
      builder.immediate = VMCSAccessForm.write
      if decoded.hasMemoryOperand {
        return { state, i in system(state, i) { cpu, i in cpu.vmwrite(i, memory: true) } }
      }
      builder.effect = .continue
      return { vmwriteRegister($0, $1) }
    },
    invalidation(X86_INS_INVEPT, .invept) { state, i in
      system(state, i) { cpu, i in cpu.invept(i) }
    },
    invalidation(X86_INS_INVVPID, .invvpid) { state, i in
      system(state, i) { cpu, i in cpu.invvpid(i) }
    },
  ]

  /// An instruction whose one operand is a 64-bit pointer in memory.
  private static func pointer(
    _ id: x86_insn, _ timing: TimingClass, _ handler: @escaping Handler
  ) -> InstructionForm {
    InstructionForm(id, timing, .end, feature: .vmx) { decoded, builder in
      guard decoded.hasMemoryOperand else { return nil }
      builder.memory = decoded.memory
      return handler
    }
  }

  /// An instruction with a type in a register and a descriptor in memory.
  private static func invalidation(
    _ id: x86_insn, _ timing: TimingClass, _ handler: @escaping Handler
  ) -> InstructionForm {
    InstructionForm(id, timing, .end, feature: .vmx) { decoded, builder in
      guard decoded.hasMemoryOperand, case .general(let offset, _)? = decoded.operands.first else {
        return nil
      }
      builder.destination = offset
      builder.memory = decoded.memory
      return handler
    }
  }
}

extension Processor {
  /// VMCALL: a VM exit in non-root operation; in root operation there is no dual-monitor treatment of
  /// SMIs to enter.
  mutating func vmcall(_ i: InstructionReference) {
    guard vmx.isOn else { return raise(.invalidOpcode) }
    if vmx.isNonRoot { return recordExit(.vmcall) }
    guard isVMXMode else { return raise(.invalidOpcode) }
    guard requireCPL0() else { return }
    vmFail(.vmcallInVMXRootOperation)
  }
}
