extension VMEntryContext {
  /// The rule that one entry of the VM-entry MSR-load area breaks, or nil if WRMSR may be tried; what
  /// WRMSR then refuses breaks ``VMEntryRule/msrLoadRejected``.
  ///
  /// - Parameters:
  ///   - index: bits 31:0 of the entry, the MSR.
  ///   - reserved: bits 63:32 of the entry.
  ///
  /// Source: Intel SDM, "Loading MSRs" under "VM Entries".
  @inline(__always) func msrLoadRule(index: UInt32, reserved: UInt32) -> VMEntryRule? {
    var reporter = SilentReporter()
    _ = checkMSRLoad(&reporter, index: index, reserved: reserved)
    return reporter.broken
  }

  @inline(__always) func checkMSRLoad<R: RuleReporter>(
    _ r: inout R, index: UInt32, reserved: UInt32
  ) -> Bool {
    guard r.holds(.msrLoadReserved, reserved == 0) else { return false }
    let isBase = index == MSR.ia32FSBase || index == MSR.ia32GSBase
    guard r.holds(.msrLoadSegmentBase, !isBase) else { return false }
    guard r.holds(.msrLoadX2APIC, index & 0xffff_ff00 != 0x800) else { return false }
    let needsSMM = index == MSR.ia32SMMMonitorCtl || index == MSR.ia32SMBASE
    guard r.holds(.msrLoadSMMOnly, processor.isInSMM || !needsSMM) else { return false }
    return r.holds(.msrLoadModelSpecific, index != MSR.ia32BIOSUpdateTrigger)
  }
}
