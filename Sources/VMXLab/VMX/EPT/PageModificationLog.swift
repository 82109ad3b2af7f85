// Page-modification logging: the guest-physical addresses of pages whose dirty flag EPT sets.
//
// Source: Intel SDM, "Page-Modification Logging".

/// The form of the page-modification log.
enum PageModificationLog {
  /// Entries of 8 bytes in the log's 4 KiB.
  static let entryCount: UInt16 = 512
}

extension Processor {
  /// Whether accessed and dirty flags may be set; if the log is full, the VM exit is recorded and the
  /// access does not happen.
  mutating func pageModificationLogHasRoom(_ guestPhysical: UInt64) -> Bool {
    guard vmx.secondary.contains(.enablePML),
      vmx.vmcs.pmlIndex >= PageModificationLog.entryCount
    else { return true }
    recordEPTExit(
      .pageModificationLogFull, guestPhysical, qualification: nmiUnblockingQualification)
    return false
  }

  /// Logs a page whose dirty flag has been set. The index goes from 0 to FFFFH, which is full.
  mutating func logPageModification(_ guestPhysical: UInt64) {
    guard vmx.secondary.contains(.enablePML) else { return }
    let entry = vmx.vmcs.pmlAddress &+ UInt64(vmx.vmcs.pmlIndex) &* 8
    store(entry, guestPhysical & ~0xfff, byteCount: 8)
    vmx.vmcs.pmlIndex &-= 1
  }
}
