extension VMEntryContext {
  /// Source: Intel SDM, "Checks on Host Segment and Descriptor-Table Registers".
  func checkHostSegments<R: RuleReporter>(_ r: inout R) -> Bool {
    let v = vmcs
    guard checkSelector(&r, .hostESSelectorBits, v.pointee.hostESSelector) else { return false }
    guard checkSelector(&r, .hostCSSelectorBits, v.pointee.hostCSSelector) else { return false }
    guard checkSelector(&r, .hostSSSelectorBits, v.pointee.hostSSSelector) else { return false }
    guard checkSelector(&r, .hostDSSelectorBits, v.pointee.hostDSSelector) else { return false }
    guard checkSelector(&r, .hostFSSelectorBits, v.pointee.hostFSSelector) else { return false }
    guard checkSelector(&r, .hostGSSelectorBits, v.pointee.hostGSSelector) else { return false }
    guard checkSelector(&r, .hostTRSelectorBits, v.pointee.hostTRSelector) else { return false }
    guard r.holds(.hostCSSelectorNull, v.pointee.hostCSSelector != 0) else { return false }
    guard r.holds(.hostTRSelectorNull, v.pointee.hostTRSelector != 0) else { return false }
    let mayBeNull = exit.contains(.hostAddressSpaceSize)
    guard r.holds(.hostSSSelectorNull, mayBeNull || v.pointee.hostSSSelector != 0) else {
      return false
    }
    guard checkCanonical(&r, .hostFSBaseCanonical, v.pointee.hostFSBase) else { return false }
    guard checkCanonical(&r, .hostGSBaseCanonical, v.pointee.hostGSBase) else { return false }
    guard checkCanonical(&r, .hostGDTRBaseCanonical, v.pointee.hostGDTRBase) else { return false }
    guard checkCanonical(&r, .hostIDTRBaseCanonical, v.pointee.hostIDTRBase) else { return false }
    return checkCanonical(&r, .hostTRBaseCanonical, v.pointee.hostTRBase)
  }

  @inline(__always) private func checkSelector<R: RuleReporter>(
    _ r: inout R, _ rule: VMEntryRule, _ selector: UInt16
  ) -> Bool {
    r.clear(rule, UInt64(selector & 7))
  }

  @inline(__always) func checkCanonical<R: RuleReporter>(
    _ r: inout R, _ rule: VMEntryRule, _ address: UInt64
  ) -> Bool {
    r.holds(rule, capabilities.pointee.isCanonical(address))
  }
}
