extension VMEntryContext {
  /// Source: Intel SDM, "Checks Related to Address-Space Size".
  func checkAddressSpace<R: RuleReporter>(_ r: inout R) -> Bool {
    let isIA32eHost = exit.contains(.hostAddressSpaceSize)
    if processor.isInIA32eMode {
      guard r.holds(.ia32eModeNeedsIA32eHost, isIA32eHost) else { return false }
    } else {
      guard r.holds(.legacyModeForbidsIA32eGuest, !isIA32eGuest) else { return false }
      guard r.holds(.legacyModeForbidsIA32eHost, !isIA32eHost) else { return false }
    }
    return isIA32eHost ? checkIA32eHost(&r) : checkLegacyHost(&r)
  }

  private func checkLegacyHost<R: RuleReporter>(_ r: inout R) -> Bool {
    let high: UInt64 = 0xffff_ffff_0000_0000
    guard r.holds(.legacyHostForbidsIA32eGuest, !isIA32eGuest) else { return false }
    let pcide = vmcs.pointee.hostCR4 & CR4.pcide.rawValue
    guard r.clear(.legacyHostForbidsPCIDE, pcide) else { return false }
    guard r.clear(.legacyHostRIPHigh, vmcs.pointee.hostRIP & high) else { return false }
    guard exit.contains(.loadCETState) else { return true }
    guard r.clear(.legacyHostSCETHigh, vmcs.pointee.hostSCET & high) else { return false }
    return r.clear(.legacyHostSSPHigh, vmcs.pointee.hostSSP & high)
  }

  private func checkIA32eHost<R: RuleReporter>(_ r: inout R) -> Bool {
    let cr4 = CR4(rawValue: vmcs.pointee.hostCR4)
    guard r.holds(.ia32eHostNeedsPAE, cr4.contains(.pae)) else { return false }
    // The host that the next VM exit makes is what counts, so its CR4.LA57 gives the width.
    let width: UInt8 = cr4.contains(.la57) ? 57 : 48
    let rip = vmcs.pointee.hostRIP
    guard r.holds(.ia32eHostRIPCanonical, isCanonicalAddress(rip, width: width)) else {
      return false
    }
    guard exit.contains(.loadCETState) else { return true }
    let sCET = vmcs.pointee.hostSCET
    guard r.holds(.ia32eHostSCETCanonical, capabilities.pointee.isCanonical(sCET)) else {
      return false
    }
    let ssp = vmcs.pointee.hostSSP
    return r.holds(.ia32eHostSSPCanonical, isCanonicalAddress(ssp, width: width))
  }
}
