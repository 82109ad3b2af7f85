extension VMEntryRuleCatalogue {
  /// The rules of "Loading MSRs".
  static let msrLoadingRules: [VMEntryRuleEntry] = [
    .init(
      .msrLoadCount, .msrLoading,
      """
      The VM-entry MSR-load count should not exceed the maximum that IA32_VMX_MISC[27:25] \
      recommends: of a longer list the first entry above it fails.
      """,
      ["entryMSRLoadCount"]),
    .init(
      .msrLoadReserved, .msrLoading,
      "Bits 63:32 of an entry of the VM-entry MSR-load area must be 0.",
      []),
    .init(
      .msrLoadSegmentBase, .msrLoading,
      "IA32_FS_BASE and IA32_GS_BASE cannot be loaded from the VM-entry MSR-load area.",
      []),
    .init(
      .msrLoadX2APIC, .msrLoading,
      "x2APIC MSRs (800H to 8FFH) cannot be loaded from the VM-entry MSR-load area.",
      []),
    .init(
      .msrLoadSMMOnly, .msrLoading,
      """
      An MSR that can be written only in SMM, such as IA32_SMM_MONITOR_CTL, cannot be loaded \
      from the VM-entry MSR-load area outside SMM.
      """,
      []),
    .init(
      .msrLoadModelSpecific, .msrLoading,
      "IA32_BIOS_UPDT_TRIG cannot be loaded from the VM-entry MSR-load area.",
      []),
    .init(
      .msrLoadRejected, .msrLoading,
      "WRMSR of the value to the MSR must not cause #GP(0) at CPL 0.",
      []),
  ]
}
