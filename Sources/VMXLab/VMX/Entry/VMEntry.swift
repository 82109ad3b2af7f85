// VMLAUNCH and VMRESUME.
//
// Source: Intel SDM, "VM Entries" and "VMLAUNCH/VMRESUME—Launch/Resume Virtual Machine".
extension Processor {
  /// Carries out VMLAUNCH or VMRESUME.
  mutating func vmEntry(_ i: InstructionReference, launch: Bool) {
    guard beginVMXInstruction(i, exit: launch ? .vmlaunch : .vmresume) else { return }
    let instruction = rip
    let outcome = enterGuest(launch: launch)
    vmx.counters.count(outcome)
    if vmx.observer != nil { observeEntry(outcome, launch: launch, rip: instruction) }
    switch outcome {
    case .entered: break
    case .failInvalid: vmFailInvalid()
    case .failValid(let error): vmFailValid(error)
    case .invalidGuestState, .msrLoadFailed:
      failEntry(outcome)
      nextRIP = rip
    }
  }

  /// The stages of a VM entry in the manual's order. The one result says everything.
  private mutating func enterGuest(launch: Bool) -> VMEntryOutcome {
    guard vmx.currentPointer != VMXState.noPointer, !vmx.isShadow else { return .failInvalid }
    if interruptibility.blockingByMOVSS { return .failValid(.vmEntryWithEventsBlockedByMOVSS) }
    if launch, vmx.isLaunched { return .failValid(.vmlaunchWithNonClearVMCS) }
    if !launch, !vmx.isLaunched { return .failValid(.vmresumeWithNonLaunchedVMCS) }
    let failure = firstFailure()
    chargeChecks(failure)
    return failure ?? loadGuest(launch: launch)
  }

  /// Charges for the stages up to the one that failed.
  private mutating func chargeChecks(_ failure: VMEntryOutcome?) {
    chargeCycles(.entryControlChecks)
    if failure == .failValid(.vmEntryWithInvalidControlFields) { return }
    chargeCycles(.entryHostChecks)
    if failure == .failValid(.vmEntryWithInvalidHostStateFields) { return }
    chargeCycles(.entryGuestChecks)
  }

  /// Makes the checks that are due: a section that has passed is not checked again unless what it
  /// reads may have changed.
  private mutating func firstFailure() -> VMEntryOutcome? {
    let state = entryProcessorState
    if state != vmx.checkedState {
      vmx.uncheckedSections = .all
      vmx.checkedState = state
    }
    var unchecked = vmx.uncheckedSections
    defer { vmx.uncheckedSections = unchecked }
    return checkedEntry { $0.firstFailure(&unchecked) }
  }

  var entryProcessorState: VMEntryProcessorState {
    mutating get {
      VMEntryProcessorState(isInIA32eMode: efer.contains(.lma), currentVMCS: vmx.currentPointer)
    }
  }

  /// Tells the observer, before a failed entry's exit information is recorded.
  private mutating func observeEntry(_ outcome: VMEntryOutcome, launch: Bool, rip: UInt64) {
    let broken: [BrokenRule] =
      switch outcome {
      case .failValid(.vmEntryWithInvalidControlFields), .invalidGuestState,
        .failValid(.vmEntryWithInvalidHostStateFields):
        brokenEntryRules()
      case .msrLoadFailed(let entry): [brokenMSRLoadRule(entry)]
      default: []
      }
    observe(.entry(outcome, isLaunch: launch, rip: rip, broken: broken))
    guard outcome != .entered, outcome != .failInvalid, let observer = vmx.observer,
      observer.wantsFailedEntries
    else { return }
    var dump = dumpCurrentVMCS()
    dump.entry = RecordedVMEntry(outcome, isLaunch: launch, rip: rip)
    observer.observe(failedEntry: dump, cycles: cycles)
  }

  /// Every rule that a VM entry would break now, for diagnosis.
  mutating func brokenEntryRules() -> [BrokenRule] {
    checkedEntry { $0.brokenRules() }
  }

  /// The current VMCS and what its checks read beside it.
  @inline(__always)
  mutating func checkedEntry<Result>(
    _ body: (VMEntryContext<ProcessorMemoryReader>) -> Result
  ) -> Result {
    let state = entryProcessorState
    let reader = ProcessorMemoryReader(ram: ram)
    let capabilities = modelReference.capabilities
    return withUnsafePointer(to: &vmx.vmcs) { vmcs in
      body(
        VMEntryContext(vmcs: vmcs, capabilities: capabilities, processor: state, memory: reader))
    }
  }

  /// From here on a failure loads host state: the guest's is being loaded.
  private mutating func loadGuest(launch: Bool) -> VMEntryOutcome {
    leaveAddressSpace()
    vmx.pin = PinBasedControls(rawValue: vmx.vmcs.pinBasedControls)
    vmx.primary = PrimaryProcessorBasedControls(rawValue: vmx.vmcs.primaryProcessorBasedControls)
    vmx.secondary =
      vmx.primary.contains(.activateSecondaryControls)
      ? SecondaryProcessorBasedControls(rawValue: vmx.vmcs.secondaryProcessorBasedControls)
      : SecondaryProcessorBasedControls()
    vmx.tertiary =
      vmx.primary.contains(.activateTertiaryControls)
      ? TertiaryProcessorBasedControls(rawValue: vmx.vmcs.tertiaryProcessorBasedControls)
      : TertiaryProcessorBasedControls()
    let hostRSP = general[4]
    loadGuestState()
    chargeCycles(.entryGuestStateLoad)
    if case .failed(let entry) = loadMSRs(
      address: vmx.vmcs.entryMSRLoadAddress, count: vmx.vmcs.entryMSRLoadCount,
      charging: .entryMSRLoadEntry)
    {
      general[4] = hostRSP
      return .msrLoadFailed(entry: entry)
    }
    if launch { vmx.isLaunched = true }
    startGuest()
    return .entered
  }

  /// Source: Intel SDM, "Loading Guest State".
  private mutating func loadGuestState() {
    let entryControls = VMEntryControls(rawValue: vmx.vmcs.vmEntryControls)
    let isLong = entryControls.contains(.ia32eModeGuest)
    // CR0 keeps ET, CD, NW and the reserved bits.
    let kept: UInt64 = CR0.et.rawValue | CR0.cd.rawValue | CR0.nw.rawValue | ~UInt64(0xe005_003f)
    cr0 = CR0(rawValue: vmx.vmcs.guestCR0 & ~kept | cr0.rawValue & kept)
    cr3 = vmx.vmcs.guestCR3
    cr4 = CR4(rawValue: vmx.vmcs.guestCR4)
    if entryControls.contains(.loadDebugControls) {
      debug.dr7 = vmx.vmcs.guestDR7 & 0xffff_2fff | 0x400
      msrs.debugCtl = vmx.vmcs.guestDebugCtl
    }
    if entryControls.contains(.loadEFER) {
      efer = EFER(rawValue: vmx.vmcs.guestEFER)
    } else {
      // LMA follows the mode; LME too, where paging is on.
      if isLong { efer.insert(.lma) } else { efer.remove(.lma) }
      if cr0.contains(.pg) {
        if isLong { efer.insert(.lme) } else { efer.remove(.lme) }
      }
    }
    if entryControls.contains(.loadPAT) { msrs.pat = vmx.vmcs.guestPAT }
    if entryControls.contains(.loadCETState) {
      cet.supervisorControl = ControlFlowControl(rawValue: vmx.vmcs.guestSCET)
      cet.ssp = vmx.vmcs.guestSSP
      cet.interruptSSPTable = vmx.vmcs.guestInterruptSSPTableAddress
    }
    if entryControls.contains(.loadPerfGlobalCtrl) {
      loadPerformanceGlobalControl(vmx.vmcs.guestPerfGlobalCtrl)
    }
    if entryControls.contains(.loadBNDCFGS) {
      bounds.supervisorConfiguration = vmx.vmcs.guestBNDCFGS
    }
    if entryControls.contains(.loadPKRS) {
      setPKRS(UInt32(truncatingIfNeeded: vmx.vmcs.guestPKRS))
    }
    msrs.sysenterCS = UInt64(vmx.vmcs.guestSYSENTERCS)
    msrs.sysenterESP = vmx.vmcs.guestSYSENTERESP
    msrs.sysenterEIP = vmx.vmcs.guestSYSENTEREIP
    loadGuestSegments()
    gdtr = DescriptorTableRegister(
      base: vmx.vmcs.guestGDTRBase, limit: UInt16(truncatingIfNeeded: vmx.vmcs.guestGDTRLimit))
    idtr = DescriptorTableRegister(
      base: vmx.vmcs.guestIDTRBase, limit: UInt16(truncatingIfNeeded: vmx.vmcs.guestIDTRLimit))
    general[4] = vmx.vmcs.guestRSP
    vmx.isNonRoot = true
    vmx.usesEPT = vmx.secondary.contains(.enableEPT)
    rip = vmx.vmcs.guestRIP
    // The CPL is the DPL of SS, except in virtual-8086 mode.
    let flags = RFLAGS(rawValue: vmx.vmcs.guestRFLAGS)
    cpl = flags.contains(.vm) ? 3 : segments[2].access.dpl
    loadRFLAGS(vmx.vmcs.guestRFLAGS)
    if pagingMode == .pae { loadGuestPDPTEs() }
    selectAddressSpace(invalidates: !currentVMCSUsesVPID)
    updateMode()
  }

  private mutating func loadGuestSegments() {
    segments[0] = vmx.vmcs.guestSegment(.es)
    segments[1] = vmx.vmcs.guestSegment(.cs)
    segments[2] = vmx.vmcs.guestSegment(.ss)
    segments[3] = vmx.vmcs.guestSegment(.ds)
    segments[4] = vmx.vmcs.guestSegment(.fs)
    segments[5] = vmx.vmcs.guestSegment(.gs)
    segments[6] = vmx.vmcs.guestSegment(.ldtr)
    segments[7] = vmx.vmcs.guestSegment(.tr)
  }

  /// With EPT the PDPTEs come from the guest-state area, otherwise from memory; both were checked.
  private mutating func loadGuestPDPTEs() {
    if vmx.usesEPT {
      pdptes[0] = vmx.vmcs.guestPDPTE0
      pdptes[1] = vmx.vmcs.guestPDPTE1
      pdptes[2] = vmx.vmcs.guestPDPTE2
      pdptes[3] = vmx.vmcs.guestPDPTE3
    } else {
      _ = loadPDPTEs(cr3)
    }
  }

  /// What happens once all state is loaded: non-register state, timers and event injection.
  ///
  /// Source: Intel SDM, "Event Injection" and "Special Features of VM Entry".
  private mutating func startGuest() {
    let state = InterruptibilityState(rawValue: vmx.vmcs.guestInterruptibilityState)
    interruptibility.blockingBySTI = state.contains(.blockingBySTI)
    interruptibility.blockingByMOVSS = state.contains(.blockingByMOVSS)
    // With virtual NMIs, real ones are not blocked in VMX non-root operation.
    let hasVirtualNMIs = vmx.pin.contains(.virtualNMIs)
    let blocksNMIs = state.contains(.blockingByNMI)
    vmx.blockingByVirtualNMI = hasVirtualNMIs && blocksNMIs
    interruptibility.blockingByNMI = !hasVirtualNMIs && blocksNMIs
    endMonitoring()
    activity = ActivityState(rawValue: vmx.vmcs.guestActivityState) ?? .active
    let event = InterruptionInformation(rawValue: vmx.vmcs.entryInterruptionInformation)
    debug.pending = pendingDebugExceptions(with: event)
    vmx.pauseLoop = PauseLoop()
    vmx.isMonitorTrapDue = false
    attention.remove(.monitorTrap)
    if vmx.primary.contains(.monitorTrapFlag) { attention.insert(.monitorTrap) }
    if vmx.pin.contains(.activateVMXPreemptionTimer) { startPreemptionTimer() }
    enterAPICVirtualization()
    // The shadow of STI or MOV SS ends with the guest's first instruction.
    interruptibility.shadowEndsWithStep = false
    isBetweenIterations = false
    step = StepState()
    // The MSRs that have been loaded may have changed the mode, and bases.
    if vmx.vmcs.entryMSRLoadCount != 0 { updateMode() }
    updateAttention()
    if event.isValid {
      chargeCycles(.entryEventInjection)
      inject(event)
    }
    nextRIP = rip
  }

  /// The pending debug exceptions that are left after a VM entry that injects `event`, if it does.
  ///
  /// Source: Intel SDM, "Delivery of Pending Debug Exceptions after VM Entry".
  private func pendingDebugExceptions(with event: InterruptionInformation) -> UInt64 {
    let pending = vmx.vmcs.guestPendingDebugExceptions
    guard event.isValid, event.type != .otherEvent else {
      return activity == .shutdown || activity == .waitForSIPI ? 0 : pending
    }
    // Only INT n, INT3 and INTO can stand in the shadow of a MOV SS.
    let isInstruction = event.type == .softwareInterrupt || event.type == .softwareException
    return isInstruction && interruptibility.blockingByMOVSS ? pending : 0
  }

  private mutating func startPreemptionTimer() {
    let shift = model.preemptionTimerShift
    let ticks = UInt64(vmx.vmcs.vmxPreemptionTimerValue)
    vmx.preemptionDeadline = ((cycles >> shift) &+ ticks) << shift
    if vmx.preemptionDeadline <= cycles {
      attention.insert(.interruptWindow)
    } else {
      updateProcessorDeadline()
    }
  }

  /// Delivers the event of the VM-entry interruption-information field.
  ///
  /// Source: Intel SDM, "Event Injection".
  private mutating func inject(_ information: InterruptionInformation) {
    guard information.type != .otherEvent else {
      // A pending MTF VM exit: due before the guest's first instruction, whatever the control says.
      vmx.isMonitorTrapDue = true
      attention.insert(.monitorTrap)
      return
    }
    var event = PendingEvent()
    event.kind = .exception
    event.vector = information.vector
    event.type = information.type
    event.hasErrorCode = information.hasErrorCode
    event.errorCode = vmx.vmcs.entryExceptionErrorCode
    event.instructionLength = UInt8(truncatingIfNeeded: vmx.vmcs.entryInstructionLength)
    deliverInjected(event)
  }
}

/// RAM as the checks of a VM entry read it; what is not RAM reads all ones.
struct ProcessorMemoryReader: PhysicalMemoryReader {
  let ram: RAMMap

  func readPhysical32(_ address: UInt64) -> UInt32 {
    guard address & 0xfff <= 0xffc, let host = ram.host(address) else { return .max }
    return host.loadUnaligned(as: UInt32.self)
  }

  func readPhysical64(_ address: UInt64) -> UInt64 {
    guard address & 0xfff <= 0xff8, let host = ram.host(address) else { return .max }
    return host.loadUnaligned(as: UInt64.self)
  }
}
