extension VMEntryContext {
  /// Source: Intel SDM, "Checks on Guest Control Registers, Debug Registers, and MSRs".
  func checkGuestControlRegisters<R: RuleReporter>(_ r: inout R) -> Bool {
    guard checkGuestCR0AndCR4(&r) else { return false }
    guard checkGuestDebugRegisters(&r) else { return false }
    guard checkGuestCETState(&r) else { return false }
    guard checkGuestPATAndEFER(&r) else { return false }
    return checkLaterGuestMSRs(&r)
  }

  private func checkGuestCR0AndCR4<R: RuleReporter>(_ r: inout R) -> Bool {
    let msrs = capabilities
    let cr0 = guestCR0
    let cr4 = guestCR4
    let fixed0 = msrs.pointee.msrs.cr0Fixed0
    var cr0Faults = (fixed0 & ~cr0.rawValue) | (cr0.rawValue & ~msrs.pointee.msrs.cr0Fixed1)
    cr0Faults &= ~(CR0.cd.rawValue | CR0.nw.rawValue)
    if isUnrestrictedGuest { cr0Faults &= ~(CR0.pe.rawValue | CR0.pg.rawValue) }
    guard r.clear(.guestCR0Fixed, cr0Faults) else { return false }
    let hasPaging = cr0.contains(.pg)
    guard r.holds(.guestPagingNeedsProtection, cr0.contains(.pe) || !hasPaging) else {
      return false
    }
    let cr4Fixed0 = msrs.pointee.msrs.cr4Fixed0
    let cr4Fixed1 = msrs.pointee.msrs.cr4Fixed1
    let cr4Faults = (cr4Fixed0 & ~cr4.rawValue) | (cr4.rawValue & ~cr4Fixed1)
    guard r.clear(.guestCR4Fixed, cr4Faults) else { return false }
    guard r.holds(.guestCETNeedsWP, cr0.contains(.wp) || !cr4.contains(.cet)) else { return false }
    if isIA32eGuest {
      guard r.holds(.ia32eGuestNeedsPaging, hasPaging) else { return false }
      guard r.holds(.ia32eGuestNeedsPAE, cr4.contains(.pae)) else { return false }
    } else {
      let pcide = cr4.rawValue & CR4.pcide.rawValue
      guard r.clear(.legacyGuestForbidsPCIDE, pcide) else { return false }
    }
    return r.clear(
      .guestCR3Width, vmcs.pointee.guestCR3 & capabilities.pointee.physicalAddressReserved)
  }

  private func checkGuestDebugRegisters<R: RuleReporter>(_ r: inout R) -> Bool {
    if entry.contains(.loadDebugControls) {
      let faults = vmcs.pointee.guestDebugCtl & ~capabilities.pointee.facts.debugCtlBits
      guard r.clear(.guestDebugCtlReserved, faults) else { return false }
      let high = vmcs.pointee.guestDR7 & 0xffff_ffff_0000_0000
      guard r.clear(.guestDR7High, high) else { return false }
    }
    let esp = vmcs.pointee.guestSYSENTERESP
    guard checkCanonical(&r, .guestSYSENTERESPCanonical, esp) else { return false }
    return checkCanonical(&r, .guestSYSENTEREIPCanonical, vmcs.pointee.guestSYSENTEREIP)
  }

  private func checkGuestCETState<R: RuleReporter>(_ r: inout R) -> Bool {
    guard entry.contains(.loadCETState) else { return true }
    let sCET = vmcs.pointee.guestSCET
    let faults = sCET & ~capabilities.pointee.facts.sCETBits
    guard r.clear(.guestSCETReserved, faults) else { return false }
    guard r.holds(.guestSCETTracker, sCET & 0xc00 != 0xc00) else { return false }
    let table = vmcs.pointee.guestInterruptSSPTableAddress
    return checkCanonical(&r, .guestInterruptSSPTableCanonical, table)
  }

  private func checkGuestPATAndEFER<R: RuleReporter>(_ r: inout R) -> Bool {
    let facts = capabilities.pointee.facts
    if entry.contains(.loadPerfGlobalCtrl) {
      let faults = vmcs.pointee.guestPerfGlobalCtrl & ~facts.perfGlobalCtrlBits
      guard r.clear(.guestPerfGlobalCtrlReserved, faults) else { return false }
    }
    if entry.contains(.loadPAT) {
      guard r.holds(.guestPATTypes, isValidPAT(vmcs.pointee.guestPAT)) else { return false }
    }
    guard entry.contains(.loadEFER) else { return true }
    let efer = EFER(rawValue: vmcs.pointee.guestEFER)
    guard r.clear(.guestEFERReserved, efer.rawValue & ~facts.eferBits) else { return false }
    let hasLMA = efer.contains(.lma)
    guard r.holds(.guestEFERLMA, hasLMA == isIA32eGuest) else { return false }
    let hasPaging = guestCR0.contains(.pg)
    return r.holds(.guestEFERLME, !hasPaging || efer.contains(.lme) == hasLMA)
  }

  private func checkLaterGuestMSRs<R: RuleReporter>(_ r: inout R) -> Bool {
    let facts = capabilities.pointee.facts
    if entry.contains(.loadBNDCFGS) {
      let value = vmcs.pointee.guestBNDCFGS
      guard r.clear(.guestBNDCFGSReserved, value & 0xffc) else { return false }
      guard checkCanonical(&r, .guestBNDCFGSCanonical, value & ~0xfff) else { return false }
    }
    if entry.contains(.loadRTITCtl) {
      let faults = vmcs.pointee.guestRTITCtl & ~facts.rtitCtlBits
      guard r.clear(.guestRTITCtlReserved, faults) else { return false }
      guard r.holds(.tracingForbidsLoadRTITCtl, !processor.isTracing) else { return false }
    }
    if entry.contains(.loadLBRCtl) {
      let faults = vmcs.pointee.guestLBRCtl & ~facts.lbrCtlBits
      guard r.clear(.guestLBRCtlReserved, faults) else { return false }
    }
    if entry.contains(.loadPKRS) {
      let faults = vmcs.pointee.guestPKRS & 0xffff_ffff_0000_0000
      guard r.clear(.guestPKRSReserved, faults) else { return false }
    }
    guard entry.contains(.loadUINV) else { return true }
    return r.clear(.guestUINVReserved, UInt64(vmcs.pointee.guestUINV & 0xff00))
  }
}
