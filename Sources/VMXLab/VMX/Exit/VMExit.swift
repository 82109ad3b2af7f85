// VM exits: recording why, saving guest state, MSR lists, loading host state.
//
// Source: Intel SDM, "VM Exits".
extension Processor {
  /// Carries out the VM exit that an instruction or event recorded in `vmx.exit`.
  mutating func performVMExit() {
    let exit = vmx.exit
    pending = PendingEvent()
    recordExitInformation(exit)
    vmx.counters.count(exit: exit.reason)
    saveGuestState(exit)
    let wasLong = efer.contains(.lma)
    let stored = storeMSRs(
      address: vmx.vmcs.exitMSRStoreAddress, count: vmx.vmcs.exitMSRStoreCount)
    observe(.exit(exit.reason, qualification: exit.qualification, rip: vmx.vmcs.guestRIP))
    chargeCycles(.exitBase)
    chargeCycles(.exitSaveState)
    guard stored else { return abortVMX(.savingGuestMSRs) }
    // The guest may have entered IA-32e mode by itself.
    let controls = VMExitControls(rawValue: vmx.vmcs.vmExitControls)
    guard !wasLong || controls.contains(.hostAddressSpaceSize) else {
      return abortVMX(.hostStateInIA32eMode)
    }
    completeExit(blocksNMI: exit.blocksNMI)
  }

  /// What VM exits and failed VM entries have in common: host state and the exit MSR-load area.
  private mutating func completeExit(blocksNMI: Bool) {
    leaveAddressSpace()
    endMonitoring()
    vmx.isNonRoot = false
    vmx.usesEPT = false
    leaveAPICVirtualization()
    vmx.preemptionDeadline = .max
    updateProcessorDeadline()
    attention.remove(.monitorTrap)
    if blocksNMI { interruptibility.blockingByNMI = true }
    guard loadHostState() else { return abortVMX(.loadingHostPDPTEs) }
    switch loadMSRs(
      address: vmx.vmcs.exitMSRLoadAddress, count: vmx.vmcs.exitMSRLoadCount,
      charging: .exitMSRLoadEntry)
    {
    case .loaded: break
    case .failed: return abortVMX(.loadingHostMSRs)
    }
    chargeCycles(.exitHostStateLoad)
    vmx.noteExit(signals)
  }

  /// Ends a VM entry that failed after the host-state checks: exit reason with bit 31 and
  /// qualification, then host state. Guest state, launch state and the entry-interruption field stay.
  ///
  /// Source: Intel SDM, "VM-Entry Failures During or After Loading Guest State".
  mutating func failEntry(_ outcome: VMEntryOutcome) {
    switch outcome {
    case .invalidGuestState(let code):
      vmx.vmcs.exitReason = Self.entryFailure(.entryFailureInvalidGuestState)
      vmx.vmcs.exitQualification = code.exitQualification
    case .msrLoadFailed(let entry):
      vmx.vmcs.exitReason = Self.entryFailure(.entryFailureMSRLoading)
      vmx.vmcs.exitQualification = entry.exitQualification
    case .entered, .failInvalid, .failValid: return
    }
    completeExit(blocksNMI: false)
  }

  private static func entryFailure(_ reason: BasicExitReason) -> UInt32 {
    UInt32(reason.rawValue) | 1 << 31
  }

  // MARK: Recording

  /// Source: Intel SDM, "Recording VM-Exit Information and Updating VM-Entry Control Fields".
  private mutating func recordExitInformation(_ exit: PendingExit) {
    vmx.vmcs.exitReason = ExitReason(exit.reason, afterBusLock: takeBusLock()).rawValue
    vmx.vmcs.exitQualification = exit.qualification
    vmx.vmcs.guestLinearAddress = exit.guestLinearAddress
    vmx.vmcs.guestPhysicalAddress = exit.guestPhysicalAddress
    vmx.vmcs.exitInterruptionInformation = exit.interruptionInformation
    vmx.vmcs.exitInterruptionErrorCode = exit.interruptionErrorCode
    vmx.vmcs.exitInstructionLength = exit.instructionLength
    vmx.vmcs.exitInstructionInformation = exit.instructionInformation
    // The valid bit of the VM-entry interruption information is cleared by every VM exit.
    if vmx.vmcs.entryInterruptionInformation & InterruptionInformation.valid != 0 {
      vmx.vmcs.entryInterruptionInformation &= ~InterruptionInformation.valid
      vmx.uncheckedSections.formUnion(.readersOfEventInjection)
    }
    if delivery.isActive {
      vmx.vmcs.idtVectoringInformation = delivery.information.rawValue
      vmx.vmcs.idtVectoringErrorCode = delivery.hasErrorCode ? delivery.errorCode : 0
      if delivery.isSoftware { vmx.vmcs.exitInstructionLength = UInt32(delivery.instructionLength) }
    } else {
      vmx.vmcs.idtVectoringInformation = 0
      vmx.vmcs.idtVectoringErrorCode = 0
    }
    delivery = EventDelivery()
  }

  /// "Enable VPID" in the current VMCS: VM entries and VM exits invalidate nothing.
  @inline(__always) var currentVMCSUsesVPID: Bool {
    let primary = PrimaryProcessorBasedControls(rawValue: vmx.vmcs.primaryProcessorBasedControls)
    let secondary = SecondaryProcessorBasedControls(
      rawValue: vmx.vmcs.secondaryProcessorBasedControls)
    return primary.contains(.activateSecondaryControls) && secondary.contains(.enableVPID)
  }

  // MARK: Host state

  /// Source: Intel SDM, "Loading Host State".
  private mutating func loadHostState() -> Bool {
    let controls = VMExitControls(rawValue: vmx.vmcs.vmExitControls)
    let isLong = controls.contains(.hostAddressSpaceSize)
    // CR0 keeps ET, CD, NW and the reserved bits; the fixed bits are those of the host-state area.
    let kept: UInt64 = CR0.et.rawValue | CR0.cd.rawValue | CR0.nw.rawValue | ~UInt64(0xe005_003f)
    cr0 = CR0(rawValue: vmx.vmcs.hostCR0 & ~kept | cr0.rawValue & kept)
    cr3 = vmx.vmcs.hostCR3
    var newCR4 = CR4(rawValue: vmx.vmcs.hostCR4)
    if isLong { newCR4.insert(.pae) } else { newCR4.remove(.pcide) }
    cr4 = newCR4
    debug.dr7 = 0x400
    msrs.debugCtl = 0
    msrs.sysenterCS = UInt64(vmx.vmcs.hostSYSENTERCS)
    msrs.sysenterESP = vmx.vmcs.hostSYSENTERESP
    msrs.sysenterEIP = vmx.vmcs.hostSYSENTEREIP
    if controls.contains(.loadEFER) {
      efer = EFER(rawValue: vmx.vmcs.hostEFER)
    } else if isLong {
      efer.formUnion(.lme.union(.lma))
    } else {
      efer.subtract(.lme.union(.lma))
    }
    if controls.contains(.loadPAT) { msrs.pat = vmx.vmcs.hostPAT }
    if controls.contains(.loadCETState) {
      cet.supervisorControl = ControlFlowControl(rawValue: vmx.vmcs.hostSCET)
      cet.ssp = vmx.vmcs.hostSSP
      cet.interruptSSPTable = vmx.vmcs.hostInterruptSSPTableAddress
    }
    if controls.contains(.loadPerfGlobalCtrl) {
      loadPerformanceGlobalControl(vmx.vmcs.hostPerfGlobalCtrl)
    }
    if controls.contains(.clearBNDCFGS) { bounds.supervisorConfiguration = 0 }
    if controls.contains(.loadPKRS) { setPKRS(UInt32(truncatingIfNeeded: vmx.vmcs.hostPKRS)) }
    loadHostSegments(isLong: isLong)
    gdtr = DescriptorTableRegister(base: vmx.vmcs.hostGDTRBase, limit: 0xffff)
    idtr = DescriptorTableRegister(base: vmx.vmcs.hostIDTRBase, limit: 0xffff)
    let addressMask: UInt64 = isLong ? ~0 : 0xffff_ffff
    general[4] = vmx.vmcs.hostRSP & addressMask
    rip = vmx.vmcs.hostRIP & addressMask
    loadRFLAGS(RFLAGS.fixed.rawValue)
    cpl = 0
    activity = .active
    interruptibility.blockingBySTI = false
    interruptibility.blockingByMOVSS = false
    debug.pending = 0
    step = StepState()
    selectAddressSpace(invalidates: !currentVMCSUsesVPID)
    updateMode()
    updateAttention()
    if pagingMode == .pae { return loadPDPTEs(cr3) }
    return true
  }

  private mutating func loadHostSegments(isLong: Bool) {
    // Flat segments: code 11 accessed, data 3 accessed, DPL 0, present, 4 GiB.
    let codeRights: UInt32 = isLong ? 0xa09b : 0xc09b
    func flat(_ selector: UInt16, _ rights: UInt32, base: UInt64 = 0) -> Segment {
      let unusable = selector == 0 && rights & 8 == 0
      return Segment(
        selector: selector, base: base, limit: 0xffff_ffff,
        access: unusable ? .unusable : SegmentAccessRights(rawValue: rights))
    }
    segments[1] = flat(vmx.vmcs.hostCSSelector, codeRights)
    segments[2] = flat(vmx.vmcs.hostSSSelector, 0xc093)
    segments[3] = flat(vmx.vmcs.hostDSSelector, 0xc093)
    segments[0] = flat(vmx.vmcs.hostESSelector, 0xc093)
    segments[4] = flat(vmx.vmcs.hostFSSelector, 0xc093, base: vmx.vmcs.hostFSBase)
    segments[5] = flat(vmx.vmcs.hostGSSelector, 0xc093, base: vmx.vmcs.hostGSBase)
    segments[6] = Segment(selector: 0, base: 0, limit: 0, access: .unusable)
    segments[7] = Segment(
      selector: vmx.vmcs.hostTRSelector, base: vmx.vmcs.hostTRBase, limit: 0x67,
      access: SegmentAccessRights(rawValue: 0x8b))
  }

  // MARK: VMX aborts

  /// Puts the logical processor into the shutdown state with the abort indicator in the region.
  ///
  /// Source: Intel SDM, "VMX Aborts".
  mutating func abortVMX(_ cause: VMXAbortIndicator) {
    if let region = ram.host(vmx.currentPointer) {
      VMCSRegion.setAbortIndicator(cause.rawValue, in: region)
    }
    vmx.abortIndicator = cause.rawValue
    vmx.isNonRoot = false
    vmx.usesEPT = false
    activity = .shutdown
    updateAttention()
  }
}

/// VMX-abort indicators.
///
/// Source: Intel SDM, "VMX Aborts".
public enum VMXAbortIndicator: UInt32, Sendable {
  case savingGuestMSRs = 1
  case loadingHostPDPTEs = 2
  case corruptedVMCS = 3
  case loadingHostMSRs = 4
  case machineCheck = 5
  case hostStateInIA32eMode = 6
}
