extension VMEntryContext {
  /// Whether the guest would use PAE paging, and so PDPTEs.
  @inline(__always) var guestUsesPAEPaging: Bool {
    guestCR0.contains(.pg) && guestCR4.contains(.pae) && !isIA32eGuest
  }

  /// The manual lets a processor check PDPTEs in memory only when PAE paging or CR3 changes; VMXLab always
  /// does, as the manual permits.
  ///
  /// Source: Intel SDM, "Checks on Guest Page-Directory-Pointer-Table Entries".
  func checkGuestPDPTEs<R: RuleReporter>(_ r: inout R) -> Bool {
    guard guestUsesPAEPaging else { return true }
    let entries = guestPDPTEs()
    guard checkPDPTE(&r, .guestPDPTE0Reserved, entries.0) else { return false }
    guard checkPDPTE(&r, .guestPDPTE1Reserved, entries.1) else { return false }
    guard checkPDPTE(&r, .guestPDPTE2Reserved, entries.2) else { return false }
    return checkPDPTE(&r, .guestPDPTE3Reserved, entries.3)
  }

  /// The four PDPTEs of the guest: the fields with "enable EPT", memory at CR3 without.
  @inline(__always) func guestPDPTEs() -> (UInt64, UInt64, UInt64, UInt64) {
    let v = vmcs
    if secondary.contains(.enableEPT) {
      return (
        v.pointee.guestPDPTE0, v.pointee.guestPDPTE1, v.pointee.guestPDPTE2,
        v.pointee.guestPDPTE3
      )
    }
    let table = v.pointee.guestCR3 & 0xffff_ffe0
    return (
      memory.readPhysical64(table), memory.readPhysical64(table &+ 8),
      memory.readPhysical64(table &+ 16), memory.readPhysical64(table &+ 24)
    )
  }

  @inline(__always) private func checkPDPTE<R: RuleReporter>(
    _ r: inout R, _ rule: VMEntryRule, _ entry: UInt64
  ) -> Bool {
    let reserved = capabilities.pointee.physicalAddressReserved | 0x1e6
    return r.clear(rule, entry & 1 == 0 ? 0 : entry & reserved)
  }
}
