// RDMSR, WRMSR and MOV CR8 on the virtual-APIC page.
//
// Source: Intel SDM, "Virtualizing CR8-Based TPR Accesses" and "Virtualizing MSR-Based APIC
// Accesses".

/// What became of a WRMSR that APIC virtualization might treat specially.
enum VirtualizedMSRWrite {
  /// It writes the MSR as usual.
  case normal
  case done
  /// It sets reserved bits: #GP(0).
  case refused
}

extension Processor {
  /// The value that RDMSR reads from the virtual-APIC page; nil if it reads the MSR.
  mutating func virtualizedMSR(_ index: UInt32) -> UInt64? {
    guard virtualizesMSR(index) else { return nil }
    let register = (index & 0xff) << 4
    guard
      register == APICRegister.taskPriority
        || vmx.secondary.contains(.apicRegisterVirtualization)
    else { return nil }
    return load(vmx.vmcs.virtualAPICAddress &+ UInt64(register), byteCount: 8)
  }

  /// Carries out a WRMSR that APIC virtualization treats specially.
  mutating func writeVirtualizedMSR(_ index: UInt32, _ value: UInt64) -> VirtualizedMSRWrite {
    guard virtualizesMSR(index) else { return .normal }
    let register = (index & 0xff) << 4
    switch register {
    case APICRegister.taskPriority:
      guard value & ~0xff == 0 else { return .refused }
      setVirtualQuadword(register, value)
      virtualizeTPR()
    case APICRegister.endOfInterrupt where deliversVirtualInterrupts:
      guard value == 0 else { return .refused }
      setVirtualQuadword(register, 0)
      virtualizeEOI()
    case APICRegister.selfIPI where deliversVirtualInterrupts:
      guard value & ~0xff == 0 else { return .refused }
      setVirtualQuadword(register, value)
      if value & 0xf0 != 0 {
        virtualizeSelfIPI(UInt8(truncatingIfNeeded: value))
      } else {
        recordTrapExit(.apicWrite, qualification: UInt64(register))
      }
    case APICRegister.interruptCommandLow where vmx.tertiary.contains(.ipiVirtualization):
      guard value & UInt64(InterruptCommand.reserved) == 0 else { return .refused }
      setVirtualQuadword(register, value)
      let low = UInt32(truncatingIfNeeded: value)
      if !virtualizeInterruptCommand(low, destination: UInt32(truncatingIfNeeded: value >> 32)) {
        recordTrapExit(.apicWrite, qualification: UInt64(register))
      }
    default: return .normal
    }
    return .done
  }

  private func virtualizesMSR(_ index: UInt32) -> Bool {
    vmx.isNonRoot && vmx.secondary.contains(.virtualizeX2APICMode)
      && index & ~0xff == MSR.ia32X2APICFirst
  }

  private mutating func setVirtualQuadword(_ register: UInt32, _ value: UInt64) {
    store(vmx.vmcs.virtualAPICAddress &+ UInt64(register), value, byteCount: 8)
  }

  // MARK: CR8

  /// The task-priority class that MOV from CR8 reads: the guest's where it has a TPR shadow.
  mutating func visibleCR8() -> UInt64 {
    usesTPRShadow
      ? UInt64(virtualRegister(APICRegister.taskPriority) >> 4 & 0xf) : readCR8()
  }

  /// Writes the task-priority class that MOV to CR8 has.
  mutating func writeVisibleCR8(_ value: UInt64) {
    guard usesTPRShadow else { return writeCR8(value) }
    setVirtualRegister(
      APICRegister.taskPriority, UInt32(truncatingIfNeeded: value & 0xf) << 4)
    virtualizeTPR()
  }
}
