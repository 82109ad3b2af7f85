extension VMEntryContext {
  /// Source: Intel SDM, "Checks on Host Control Registers, MSRs, and SSP".
  func checkHostControlRegisters<R: RuleReporter>(_ r: inout R) -> Bool {
    let caps = capabilities
    let cr0 = vmcs.pointee.hostCR0
    let cr4 = vmcs.pointee.hostCR4
    let uncheckedCR0 = CR0.cd.union(.nw)
    let cr0Faults = (caps.pointee.msrs.cr0Fixed0 & ~cr0) | (cr0 & ~caps.pointee.msrs.cr0Fixed1)
    guard r.clear(.hostCR0Fixed, cr0Faults & ~uncheckedCR0.rawValue) else { return false }
    let cr4Faults = (caps.pointee.msrs.cr4Fixed0 & ~cr4) | (cr4 & ~caps.pointee.msrs.cr4Fixed1)
    guard r.clear(.hostCR4Fixed, cr4Faults) else { return false }
    let hasCET = CR4(rawValue: cr4).contains(.cet)
    let hasWP = CR0(rawValue: cr0).contains(.wp)
    guard r.holds(.hostCETNeedsWP, hasWP || !hasCET) else { return false }
    let cr3 = vmcs.pointee.hostCR3
    guard r.clear(.hostCR3Width, cr3 & caps.pointee.physicalAddressReserved) else { return false }
    let esp = vmcs.pointee.hostSYSENTERESP
    guard r.holds(.hostSYSENTERESPCanonical, caps.pointee.isCanonical(esp)) else { return false }
    let eip = vmcs.pointee.hostSYSENTEREIP
    guard r.holds(.hostSYSENTEREIPCanonical, caps.pointee.isCanonical(eip)) else { return false }
    guard checkHostMSRs(&r) else { return false }
    return checkHostCETState(&r)
  }

  private func checkHostMSRs<R: RuleReporter>(_ r: inout R) -> Bool {
    let facts = capabilities.pointee.facts
    if exit.contains(.loadPerfGlobalCtrl) {
      let faults = vmcs.pointee.hostPerfGlobalCtrl & ~facts.perfGlobalCtrlBits
      guard r.clear(.hostPerfGlobalCtrlReserved, faults) else { return false }
    }
    if exit.contains(.loadPAT) {
      guard r.holds(.hostPATTypes, isValidPAT(vmcs.pointee.hostPAT)) else { return false }
    }
    if exit.contains(.loadEFER) {
      let efer = EFER(rawValue: vmcs.pointee.hostEFER)
      guard r.clear(.hostEFERReserved, efer.rawValue & ~facts.eferBits) else { return false }
      let isIA32eHost = exit.contains(.hostAddressSpaceSize)
      guard r.holds(.hostEFERLMA, efer.contains(.lma) == isIA32eHost) else { return false }
      guard r.holds(.hostEFERLME, efer.contains(.lme) == isIA32eHost) else { return false }
    }
    guard exit.contains(.loadPKRS) else { return true }
    return r.clear(.hostPKRSReserved, vmcs.pointee.hostPKRS & 0xffff_ffff_0000_0000)
  }

  private func checkHostCETState<R: RuleReporter>(_ r: inout R) -> Bool {
    guard exit.contains(.loadCETState) else { return true }
    let caps = capabilities
    let sCET = vmcs.pointee.hostSCET
    guard r.clear(.hostSCETReserved, sCET & ~caps.pointee.facts.sCETBits) else { return false }
    guard r.holds(.hostSCETTracker, sCET & 0xc00 != 0xc00) else { return false }
    guard r.clear(.hostSSPAligned, vmcs.pointee.hostSSP & 3) else { return false }
    let table = vmcs.pointee.hostInterruptSSPTableAddress
    return r.holds(.hostInterruptSSPTableCanonical, caps.pointee.isCanonical(table))
  }
}
