extension VMEntryContext {
  /// Source: Intel SDM, "Checks on Guest RIP, RFLAGS, and SSP".
  func checkGuestRIP<R: RuleReporter>(_ r: inout R) -> Bool {
    let rip = vmcs.pointee.guestRIP
    if is64BitGuest {
      // The manual asks that bits 63:N are alike, not N-1: an address just outside the canonical range
      // is let in, and the guest's first fetch faults.
      let alike = isCanonicalAddress(rip, width: capabilities.pointee.facts.linearAddressWidth &+ 1)
      guard r.holds(.guestRIPLinear, alike) else { return false }
    } else {
      guard r.clear(.guestRIPHigh, rip & 0xffff_ffff_0000_0000) else { return false }
    }
    guard checkGuestRFLAGS(&r) else { return false }
    return checkGuestSSP(&r)
  }

  private func checkGuestRFLAGS<R: RuleReporter>(_ r: inout R) -> Bool {
    let flags = guestRFLAGS
    guard r.clear(.guestRFLAGSReserved, flags.rawValue & ~RFLAGS.defined.rawValue) else {
      return false
    }
    guard r.holds(.guestRFLAGSFixed, flags.contains(.fixed)) else { return false }
    let mayBeVirtual = !isIA32eGuest && guestCR0.contains(.pe)
    guard r.holds(.guestRFLAGSVM, mayBeVirtual || !flags.contains(.vm)) else { return false }
    let injectsInterrupt = injection.isValid(.externalInterrupt)
    return r.holds(.guestRFLAGSIF, flags.contains(.if) || !injectsInterrupt)
  }

  private func checkGuestSSP<R: RuleReporter>(_ r: inout R) -> Bool {
    guard entry.contains(.loadCETState) else { return true }
    let ssp = vmcs.pointee.guestSSP
    guard r.clear(.guestSSPAligned, ssp & 3) else { return false }
    if is64BitGuest { return checkCanonical(&r, .guestSSPCanonical, ssp) }
    return r.clear(.guestSSPHigh, ssp & 0xffff_ffff_0000_0000)
  }
}
