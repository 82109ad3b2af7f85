extension VMEntryContext {
  @inline(__always) private var activity: UInt32 { vmcs.pointee.guestActivityState }
  @inline(__always) private var interruptibility: InterruptibilityState {
    .init(rawValue: vmcs.pointee.guestInterruptibilityState)
  }
  @inline(__always) private var isBlockedBySTIOrMOVSS: Bool {
    interruptibility.contains(.blockingBySTI) || interruptibility.contains(.blockingByMOVSS)
  }

  /// Source: Intel SDM, "Checks on Guest Non-Register State".
  func checkGuestNonRegisterState<R: RuleReporter>(_ r: inout R) -> Bool {
    guard checkActivityState(&r) else { return false }
    guard checkInterruptibilityState(&r) else { return false }
    guard checkPendingDebugExceptions(&r) else { return false }
    return checkVMCSLinkPointer(&r)
  }

  private func checkActivityState<R: RuleReporter>(_ r: inout R) -> Bool {
    let activity = activity
    // IA32_VMX_MISC[8:6] are the states 1 to 3.
    let supported = capabilities.pointee.msrs.miscellaneous &>> 5 & 0xe | 1
    let isSupported = activity <= 3 && supported &>> UInt64(activity) & 1 != 0
    guard r.holds(.activityStateSupported, isSupported) else { return false }
    let isHLT = activity == ActivityState.hlt.rawValue
    let ssDPL = SegmentAccessRights(rawValue: vmcs.pointee.guestSSAccessRights).dpl
    guard r.holds(.hltNeedsPrivilege, !isHLT || ssDPL == 0) else { return false }
    let isActive = activity == ActivityState.active.rawValue
    guard r.holds(.blockingNeedsActive, isActive || !isBlockedBySTIOrMOVSS) else { return false }
    if injection.isValid {
      guard checkInjectionIntoActivityState(&r) else { return false }
    }
    let waits = activity == ActivityState.waitForSIPI.rawValue
    return r.holds(.waitForSIPIEntryToSMM, !(waits && entry.contains(.entryToSMM)))
  }

  private func checkInjectionIntoActivityState<R: RuleReporter>(_ r: inout R) -> Bool {
    let info = injection
    let type = info.type
    let isException = type == .hardwareException
    let isDebug = isException && info.vector == ExceptionVector.debug.rawValue
    let isMachineCheck = isException && info.vector == ExceptionVector.machineCheck.rawValue
    switch activity {
    case ActivityState.hlt.rawValue:
      let isMTF = type == .otherEvent && info.vector == 0
      let wakes = type == .externalInterrupt || type == .nmi || isMTF
      return r.holds(.hltInjection, wakes || isDebug || isMachineCheck)
    case ActivityState.shutdown.rawValue:
      return r.holds(.shutdownInjection, type == .nmi || isMachineCheck)
    case ActivityState.waitForSIPI.rawValue:
      return r.holds(.waitForSIPIInjection, false)
    default:
      return true
    }
  }

  private func checkInterruptibilityState<R: RuleReporter>(_ r: inout R) -> Bool {
    let state = interruptibility
    let reserved = state.rawValue & ~InterruptibilityState.defined.rawValue
    guard r.clear(.interruptibilityReserved, UInt64(reserved)) else { return false }
    let sti = state.contains(.blockingBySTI)
    let movSS = state.contains(.blockingByMOVSS)
    guard r.holds(.stiExcludesMOVSS, !(sti && movSS)) else { return false }
    guard r.holds(.stiNeedsIF, !sti || guestRFLAGS.contains(.if)) else { return false }
    if injection.isValid(.externalInterrupt) {
      guard r.holds(.stiForbidsInterrupt, !sti) else { return false }
      guard r.holds(.movSSForbidsInterrupt, !movSS) else { return false }
    }
    let injectsNMI = injection.isValid(.nmi)
    if injectsNMI {
      guard r.holds(.movSSForbidsNMI, !movSS) else { return false }
      guard r.holds(.stiForbidsNMI, !sti) else { return false }
    }
    let smi = state.contains(.blockingBySMI)
    guard r.holds(.smiBlockingOutsideSMM, !smi || processor.isInSMM) else { return false }
    let entersSMM = entry.contains(.entryToSMM)
    guard r.holds(.entryToSMMNeedsSMIBlocking, smi || !entersSMM) else { return false }
    if injectsNMI && pin.contains(.virtualNMIs) {
      let nmi = state.contains(.blockingByNMI)
      guard r.holds(.nmiBlockingForbidsVirtualNMI, !nmi) else { return false }
    }
    guard state.contains(.enclaveInterruption) else { return true }
    let hasSGX = capabilities.pointee.facts.hasSGX
    guard r.holds(.enclaveNeedsSGX, hasSGX) else { return false }
    return r.holds(.enclaveExcludesMOVSS, !movSS)
  }

  private func checkPendingDebugExceptions<R: RuleReporter>(_ r: inout R) -> Bool {
    let value = vmcs.pointee.guestPendingDebugExceptions
    let pending = PendingDebugExceptions(rawValue: value)
    let facts = capabilities.pointee.facts
    var defined = PendingDebugExceptions.defined.rawValue
    if !facts.hasBusLockDetection { defined &= ~PendingDebugExceptions.busLockDetected.rawValue }
    guard r.clear(.pendingDebugReserved, value & ~defined) else { return false }
    let isHLT = activity == ActivityState.hlt.rawValue
    if isBlockedBySTIOrMOVSS || isHLT {
      let branchTrapFlag: UInt64 = 2
      let stepsBranches = vmcs.pointee.guestDebugCtl & branchTrapFlag != 0
      let steps = guestRFLAGS.contains(.tf) && !stepsBranches
      let isPending = pending.contains(.singleStep)
      guard r.holds(.pendingSingleStepRequired, isPending || !steps) else { return false }
      guard r.holds(.pendingSingleStepForbidden, steps || !isPending) else { return false }
    }
    guard pending.contains(.rtm) else { return true }
    guard r.clear(.pendingRTMOtherBits, value & 0xefff) else { return false }
    let isEnabled = pending.contains(.enabledBreakpoint)
    guard r.holds(.pendingRTMEnabledBreakpoint, isEnabled) else { return false }
    guard r.holds(.pendingRTMNeedsRTM, facts.hasRTM) else { return false }
    let movSS = interruptibility.contains(.blockingByMOVSS)
    return r.holds(.pendingRTMExcludesMOVSS, !movSS)
  }

  private func checkVMCSLinkPointer<R: RuleReporter>(_ r: inout R) -> Bool {
    let pointer = vmcs.pointee.vmcsLinkPointer
    if pointer == .max { return true }
    guard checkAddress(&r, pointer, aligned: .linkPointerAligned, width: .linkPointerWidth) else {
      return false
    }
    let faults = pointer & (capabilities.pointee.structureAddressReserved | 0xfff)
    if faults == 0 {
      let word = memory.readPhysical32(pointer)
      let basic = UInt32(truncatingIfNeeded: capabilities.pointee.msrs.basic)
      let differs = (word ^ basic) & ~VMCSRegion.shadowIndicator
      guard r.holds(.linkPointerRevision, differs == 0) else { return false }
      let isShadow = word & VMCSRegion.shadowIndicator != 0
      let isShadowing = secondary.contains(.vmcsShadowing)
      guard r.holds(.linkPointerShadowIndicator, isShadow == isShadowing) else { return false }
    }
    if processor.isInSMM && !entry.contains(.entryToSMM) {
      let executive = vmcs.pointee.executiveVMCSPointer
      return r.holds(.linkPointerNotExecutive, pointer != executive)
    }
    return r.holds(.linkPointerNotCurrent, pointer != processor.currentVMCS)
  }
}
