extension VMEntryContext {
  /// Source: Intel SDM, "VM-Exit Control Fields" under "Checks on VMX Controls".
  func checkExitControls<R: RuleReporter>(_ r: inout R) -> Bool {
    let faults = capabilities.pointee.exit.faults(in: vmcs.pointee.vmExitControls)
    guard r.clear(.exitControlsReserved, UInt64(faults)) else { return false }
    if exit.contains(.activateSecondaryControls) {
      let word = vmcs.pointee.secondaryVMExitControls
      let secondaryFaults = word & ~capabilities.pointee.msrs.secondaryExitControls
      guard r.clear(.secondaryExitControlsReserved, secondaryFaults) else { return false }
    }
    let hasTimer = pin.contains(.activateVMXPreemptionTimer)
    let savesTimer = exit.contains(.saveVMXPreemptionTimerValue)
    guard r.holds(.saveTimerNeedsTimer, hasTimer || !savesTimer) else { return false }
    guard
      checkMSRList(
        &r, vmcs.pointee.exitMSRStoreAddress, count: vmcs.pointee.exitMSRStoreCount,
        aligned: .exitMSRStoreAligned, width: .exitMSRStoreWidth, end: .exitMSRStoreEnd)
    else { return false }
    return checkMSRList(
      &r, vmcs.pointee.exitMSRLoadAddress, count: vmcs.pointee.exitMSRLoadCount,
      aligned: .exitMSRLoadAligned, width: .exitMSRLoadWidth, end: .exitMSRLoadEnd)
  }
}
