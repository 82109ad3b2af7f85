extension VMEntryContext {
  /// The segment registers of a virtual-8086 guest have one form.
  ///
  /// Source: Intel SDM, "Checks on Guest Segment Registers", the checks for virtual-8086 mode.
  func checkVirtual8086Segments<R: RuleReporter>(_ r: inout R) -> Bool {
    let v = vmcs
    guard
      checkVirtual8086(
        &r, v.guestES, base: .guestESBaseVirtual8086, limit: .guestESLimitVirtual8086,
        access: .guestESAccessRightsVirtual8086)
    else { return false }
    guard
      checkVirtual8086(
        &r, v.guestCS, base: .guestCSBaseVirtual8086, limit: .guestCSLimitVirtual8086,
        access: .guestCSAccessRightsVirtual8086)
    else { return false }
    guard
      checkVirtual8086(
        &r, v.guestSS, base: .guestSSBaseVirtual8086, limit: .guestSSLimitVirtual8086,
        access: .guestSSAccessRightsVirtual8086)
    else { return false }
    guard
      checkVirtual8086(
        &r, v.guestDS, base: .guestDSBaseVirtual8086, limit: .guestDSLimitVirtual8086,
        access: .guestDSAccessRightsVirtual8086)
    else { return false }
    guard
      checkVirtual8086(
        &r, v.guestFS, base: .guestFSBaseVirtual8086, limit: .guestFSLimitVirtual8086,
        access: .guestFSAccessRightsVirtual8086)
    else { return false }
    return checkVirtual8086(
      &r, v.guestGS, base: .guestGSBaseVirtual8086, limit: .guestGSLimitVirtual8086,
      access: .guestGSAccessRightsVirtual8086)
  }

  @inline(__always) private func checkVirtual8086<R: RuleReporter>(
    _ r: inout R, _ segment: GuestSegment, base: VMEntryRule, limit: VMEntryRule,
    access: VMEntryRule
  ) -> Bool {
    guard r.holds(base, segment.base == UInt64(segment.selector) &<< 4) else { return false }
    guard r.holds(limit, segment.limit == 0xffff) else { return false }
    return r.clear(access, UInt64(segment.access.rawValue ^ 0xf3))
  }
}
