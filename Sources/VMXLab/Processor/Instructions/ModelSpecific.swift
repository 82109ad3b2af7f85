import CCapstone

// CPUID, MSRs, counters: what identifies and measures the processor.
extension InstructionForm {
  static let modelSpecific: [InstructionForm] = [
    InstructionForm(X86_INS_CPUID, .cpuid, .end) { state, i in
      system(state, i) { cpu, _ in cpu.identify() }
    },
    InstructionForm(X86_INS_RDMSR, .readMSR, .end) { state, i in
      system(state, i) { cpu, _ in cpu.readModelSpecificRegister() }
    },
    InstructionForm(X86_INS_WRMSR, .writeMSR, .end) { state, i in
      system(state, i) { cpu, _ in cpu.writeModelSpecificRegister() }
    },
    InstructionForm(X86_INS_RDTSC, .readTSC, .end) { state, i in
      system(state, i) { cpu, _ in cpu.readTimeStampCounter(withAux: false) }
    },
    InstructionForm(X86_INS_RDTSCP, .readTSCP, .end, feature: .rdtscp) { state, i in
      system(state, i) { cpu, _ in cpu.readTimeStampCounter(withAux: true) }
    },
    InstructionForm(X86_INS_RDPMC, .readPMC, .end) { state, i in
      system(state, i) { cpu, _ in cpu.readPerformanceCounter() }
    },
    InstructionForm(X86_INS_XGETBV, .xGetSet, .end, feature: .xsave) { state, i in
      system(state, i) { cpu, _ in cpu.readExtendedControlRegister() }
    },
    InstructionForm(X86_INS_XSETBV, .xGetSet, .end, feature: .xsave) { state, i in
      system(state, i) { cpu, _ in cpu.writeExtendedControlRegister() }
    },
  ]
}

extension Processor {
  fileprivate mutating func identify() {
    if vmx.isNonRoot { return recordExit(.cpuid) }
    let result = model.cpuid(
      leaf: UInt32(truncatingIfNeeded: general[0]), subleaf: UInt32(truncatingIfNeeded: general[1]),
      state: CPUIDDynamicState(
        cr4: cr4, isAPICEnabled: msrs.apicBase & APICBase.globalEnable != 0,
        isIn64BitMode: mode == .long, miscEnable: msrs.miscEnable, xcr0: vector.xcr0,
        xss: vector.xss))
    general[0] = UInt64(result.eax)
    general[3] = UInt64(result.ebx)
    general[1] = UInt64(result.ecx)
    general[2] = UInt64(result.edx)
  }

  fileprivate mutating func readModelSpecificRegister() {
    guard requireCPL0() else { return }
    let index = UInt32(truncatingIfNeeded: general[1])
    if interceptMSR(index, write: false) { return }
    guard var value = virtualizedMSR(index) ?? readMSR(index) else {
      return raise(.generalProtection, errorCode: 0)
    }
    if index == MSR.ia32TimeStampCounter { value = visibleTimeStampCounter }
    setEDXEAX(value)
  }

  fileprivate mutating func writeModelSpecificRegister() {
    guard requireCPL0() else { return }
    let index = UInt32(truncatingIfNeeded: general[1])
    if interceptMSR(index, write: true) { return }
    let value = general[2] << 32 | general[0] & 0xffff_ffff
    switch writeVirtualizedMSR(index, value) {
    case .done: return
    case .refused: return raise(.generalProtection, errorCode: 0)
    case .normal: break
    }
    guard writeMSR(index, value) else { return raise(.generalProtection, errorCode: 0) }
  }

  fileprivate mutating func readTimeStampCounter(withAux: Bool) {
    if withAux, !allowsRDTSCP { return raise(.invalidOpcode) }
    if cr4.contains(.tsd), cpl > 0 { return raise(.generalProtection, errorCode: 0) }
    if interceptRDTSC(withAux ? .rdtscp : .rdtsc) { return }
    setEDXEAX(visibleTimeStampCounter)
    if withAux { general[1] = msrs.tscAux & 0xffff_ffff }
  }

  /// RDPID.
  mutating func readProcessorID(_ i: InstructionReference) {
    guard allowsRDTSCP else { return raise(.invalidOpcode) }
    setSystemOperand(i.pointer.pointee.destination, msrs.tscAux & 0xffff_ffff)
  }

  mutating func setEDXEAX(_ value: UInt64) {
    general[0] = value & 0xffff_ffff
    general[2] = value >> 32
  }
}
