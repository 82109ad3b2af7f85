extension VMEntryContext {
  /// Source: Intel SDM, "Checks on Guest Descriptor-Table Registers".
  func checkGuestDescriptorTables<R: RuleReporter>(_ r: inout R) -> Bool {
    let gdt = vmcs.pointee.guestGDTRBase
    guard checkCanonical(&r, .guestGDTRBaseCanonical, gdt) else { return false }
    let idt = vmcs.pointee.guestIDTRBase
    guard checkCanonical(&r, .guestIDTRBaseCanonical, idt) else { return false }
    let gdtLimit = UInt64(vmcs.pointee.guestGDTRLimit)
    guard r.clear(.guestGDTRLimitHigh, gdtLimit & 0xffff_0000) else { return false }
    let idtLimit = UInt64(vmcs.pointee.guestIDTRLimit)
    return r.clear(.guestIDTRLimitHigh, idtLimit & 0xffff_0000)
  }
}
