extension VMEntryContext {
  /// Source: Intel SDM, "Checks on Guest RIP, RFLAGS, and SSP".
  func checkGuestRIP<R: RuleReporter>(_ r: inout R) -> Bool {
    let rip = vmcs.pointee.guestRIP
    if is64BitGuest {
      guard r.holds(.guestRIPLinear, isLinear(rip)) else { return false }
    } else {
      guard r.clear(.guestRIPHigh, rip & 0xffff_ffff_0000_0000) else { return false }
    }
    guard checkGuestRFLAGS(&r) else { return false }
    return checkGuestSSP(&r)
  }

  /// Whether bits 63:N are alike. The manual does not ask for N-1: an address just outside the canonical
  /// range is let in, and the guest's first access by it faults.
  private func isLinear(_ address: UInt64) -> Bool {
    isCanonicalAddress(address, width: capabilities.pointee.facts.linearAddressWidth &+ 1)
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
    return r.holds(.guestSSPLinear, isLinear(ssp))
  }
}
