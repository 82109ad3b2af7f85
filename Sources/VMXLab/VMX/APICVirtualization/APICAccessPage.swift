// Accesses to the APIC-access page: virtualized on the virtual-APIC page, or VM exits.
//
// Source: Intel SDM, "Virtualizing Memory-Mapped APIC Accesses".

/// Bits 15:12 of the exit qualification of APIC-access VM exits.
///
/// Source: Intel SDM, "Exit Qualification for APIC-Access VM Exits".
enum APICAccessType: UInt64 {
  case linearRead = 0
  case linearWrite = 1
  case linearFetch = 2
  case linearDuringEventDelivery = 3
  case guestPhysicalDuringEventDelivery = 10
  case guestPhysicalDuringInstruction = 15
}

extension Processor {
  // MARK: Linear accesses

  /// Reads from the APIC-access page; nil if that causes a VM exit.
  mutating func readAPICAccessPage(_ linear: UInt64, byteCount: UInt64) -> UInt64? {
    let offset = UInt32(truncatingIfNeeded: linear & 0xfff)
    guard !vmx.apic.write.isDue, isRegisterAccess(offset, byteCount: byteCount),
      virtualizesRead(offset)
    else {
      recordAPICAccess(offset, .linearRead)
      return nil
    }
    return load(vmx.vmcs.virtualAPICAddress &+ UInt64(offset), byteCount: byteCount)
  }

  /// Writes to the APIC-access page; false if that causes a VM exit, or if the instruction has to
  /// start again because what the write leads to comes before the next one.
  mutating func writeAPICAccessPage(
    _ linear: UInt64, _ value: UInt64, byteCount: UInt64
  ) -> Bool {
    let offset = UInt32(truncatingIfNeeded: linear & 0xfff)
    guard mayWriteAPICAccessPage(offset, byteCount: byteCount) else { return false }
    store(vmx.vmcs.virtualAPICAddress &+ UInt64(offset), value, byteCount: byteCount)
    vmx.apic.write = VirtualizedAPICWrite(isDue: true, offset: offset, byteCount: byteCount)
    attention.insert(.apicVirtualization)
    return true
  }

  /// Whether a write is virtualized now; if not, a VM exit or a restart is recorded.
  mutating func mayWriteAPICAccessPage(_ offset: UInt32, byteCount: UInt64) -> Bool {
    guard runsAlone() else { return false }
    let earlier = vmx.apic.write
    let repeats = earlier.offset == offset && earlier.byteCount == byteCount
    guard !earlier.isDue || repeats, isRegisterAccess(offset, byteCount: byteCount),
      virtualizesWrite(offset)
    else {
      recordAPICAccess(offset, .linearWrite)
      return false
    }
    return true
  }

  /// An access that crosses into the next page; true, with the VM exit recorded, if either page is
  /// the APIC-access page.
  mutating func interceptSplitAccess(
    _ linear: UInt64, first: UInt64, second: UInt64, _ kind: AccessKind
  ) -> Bool {
    guard first == vmx.apic.accessPage || second == vmx.apic.accessPage else { return false }
    let offset = first == vmx.apic.accessPage ? UInt32(truncatingIfNeeded: linear & 0xfff) : 0
    recordAPICAccess(offset, kind == .write ? .linearWrite : .linearRead)
    return true
  }

  /// An instruction fetch from the APIC-access page always causes a VM exit.
  mutating func interceptAPICFetch(_ linear: UInt64) {
    recordExit(
      .apicAccess,
      qualification: linear & 0xfff | APICAccessType.linearFetch.rawValue << 12)
    vmx.exit.instructionLength = 0
    vmx.exit.resumeFlag = .set
  }

  /// With "use TPR shadow", 32 bits at most, within the low 4 bytes of a 16-byte region.
  private func isRegisterAccess(_ offset: UInt32, byteCount: UInt64) -> Bool {
    vmx.primary.contains(.useTPRShadow) && UInt64(offset & 0xf) &+ byteCount <= 4
  }

  /// Source: Intel SDM, "Virtualizing Reads from the APIC-Access Page".
  private func virtualizesRead(_ offset: UInt32) -> Bool {
    switch offset {
    case APICRegister.taskPriority: return true
    case APICRegister.endOfInterrupt, APICRegister.interruptCommandLow:
      if deliversVirtualInterrupts { return true }
    default: break
    }
    guard vmx.secondary.contains(.apicRegisterVirtualization) else { return false }
    switch offset & 0xff0 {
    case APICRegister.identifier, APICRegister.version, APICRegister.taskPriority,
      APICRegister.endOfInterrupt, APICRegister.logicalDestination,
      APICRegister.destinationFormat, APICRegister.spuriousInterruptVector,
      APICRegister.inService...APICRegister.errorStatus,
      APICRegister.interruptCommandLow...APICRegister.initialCount,
      APICRegister.divideConfiguration:
      return true
    default: return false
    }
  }

  /// Source: Intel SDM, "Determining Whether a Write Access is Virtualized".
  private func virtualizesWrite(_ offset: UInt32) -> Bool {
    switch offset {
    case APICRegister.taskPriority: return true
    case APICRegister.endOfInterrupt: if deliversVirtualInterrupts { return true }
    case APICRegister.interruptCommandLow:
      if deliversVirtualInterrupts || vmx.tertiary.contains(.ipiVirtualization) { return true }
    default: break
    }
    guard vmx.secondary.contains(.apicRegisterVirtualization) else { return false }
    switch offset & 0xff0 {
    case APICRegister.identifier, APICRegister.taskPriority, APICRegister.endOfInterrupt,
      APICRegister.logicalDestination, APICRegister.destinationFormat,
      APICRegister.spuriousInterruptVector, APICRegister.errorStatus,
      APICRegister.interruptCommandLow...APICRegister.initialCount,
      APICRegister.divideConfiguration:
      return true
    default: return false
    }
  }

  private mutating func recordAPICAccess(_ offset: UInt32, _ type: APICAccessType) {
    // Alone, the instruction's length is known.
    guard runsAlone() else { return }
    let type = delivery.isActive ? .linearDuringEventDelivery : type
    recordExit(.apicAccess, qualification: UInt64(offset) | type.rawValue << 12)
    vmx.exit.instructionLength =
      delivery.isActive ? 0 : UInt32(truncatingIfNeeded: step.length)
    vmx.exit.resumeFlag = delivery.isActive ? SavedResumeFlag(delivery.hasResumeFlag) : .set
  }

  // MARK: Guest-physical accesses

  /// An access to a guest paging structure through EPT; true, with the VM exit recorded, if the
  /// structure lies on the APIC-access page.
  ///
  /// Source: Intel SDM, "Guest-Physical Accesses to the APIC-Access Page".
  mutating func interceptGuestPhysicalAPICAccess(_ page: UInt64) -> Bool {
    guard page == vmx.apic.accessPage else { return false }
    let type: APICAccessType =
      delivery.isActive ? .guestPhysicalDuringEventDelivery : .guestPhysicalDuringInstruction
    recordExit(.apicAccess, qualification: type.rawValue << 12)
    vmx.exit.instructionLength = 0
    vmx.exit.resumeFlag = delivery.isActive ? SavedResumeFlag(delivery.hasResumeFlag) : .set
    return true
  }

  // MARK: Emulation of writes

  /// Completes a write that was virtualized, after the operation that it was part of.
  ///
  /// Source: Intel SDM, "APIC-Write Emulation".
  mutating func emulateAPICWrite(_ offset: UInt32) {
    switch offset & 0xff0 {
    case APICRegister.taskPriority:
      setVirtualRegister(
        APICRegister.taskPriority, virtualRegister(APICRegister.taskPriority) & 0xff)
      virtualizeTPR()
    case APICRegister.endOfInterrupt where deliversVirtualInterrupts:
      setVirtualRegister(APICRegister.endOfInterrupt, 0)
      virtualizeEOI()
    case APICRegister.interruptCommandLow:
      let destination = virtualRegister(APICRegister.interruptCommandHigh) >> 24
      if !virtualizeInterruptCommand(
        virtualRegister(APICRegister.interruptCommandLow), destination: destination)
      {
        recordTrapExit(.apicWrite, qualification: UInt64(offset))
      }
    case APICRegister.interruptCommandHigh:
      setVirtualRegister(
        APICRegister.interruptCommandHigh,
        virtualRegister(APICRegister.interruptCommandHigh) & 0xff00_0000)
    default: recordTrapExit(.apicWrite, qualification: UInt64(offset))
    }
  }
}
