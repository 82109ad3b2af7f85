extension VMEntryRuleCatalogue {
  /// The rules of "VM-Exit Control Fields".
  static let exitControlsRules: [VMEntryRuleEntry] = [
    .init(
      .exitControlsReserved, .exitControls,
      """
      Each primary VM-exit control must have a setting that IA32_VMX_EXIT_CTLS (or its TRUE \
      variant) allows.
      """,
      ["vmExitControls"]),
    .init(
      .secondaryExitControlsReserved, .exitControls,
      """
      With "activate secondary controls", secondary VM-exit controls that IA32_VMX_EXIT_CTLS2 \
      does not allow must be 0.
      """,
      ["secondaryVMExitControls", "vmExitControls"]),
    .init(
      .saveTimerNeedsTimer, .exitControls,
      """
      "Save VMX-preemption timer value" needs the pin-based control "activate VMX-preemption \
      timer".
      """,
      ["vmExitControls", "pinBasedControls"]),
    .init(
      .exitMSRStoreAligned, .exitControls,
      """
      With a VM-exit MSR-store count other than 0, bits 3:0 of the VM-exit MSR-store address \
      must be 0.
      """,
      ["exitMSRStoreAddress", "exitMSRStoreCount"]),
    .init(
      .exitMSRStoreWidth, .exitControls,
      """
      With a VM-exit MSR-store count other than 0, the VM-exit MSR-store address must not exceed \
      the physical-address width.
      """,
      ["exitMSRStoreAddress", "exitMSRStoreCount"]),
    .init(
      .exitMSRStoreEnd, .exitControls,
      """
      With a VM-exit MSR-store count other than 0, the last byte of the VM-exit MSR-store area \
      must not exceed the physical-address width.
      """,
      ["exitMSRStoreCount", "exitMSRStoreAddress"]),
    .init(
      .exitMSRLoadAligned, .exitControls,
      """
      With a VM-exit MSR-load count other than 0, bits 3:0 of the VM-exit MSR-load address must \
      be 0.
      """,
      ["exitMSRLoadAddress", "exitMSRLoadCount"]),
    .init(
      .exitMSRLoadWidth, .exitControls,
      """
      With a VM-exit MSR-load count other than 0, the VM-exit MSR-load address must not exceed \
      the physical-address width.
      """,
      ["exitMSRLoadAddress", "exitMSRLoadCount"]),
    .init(
      .exitMSRLoadEnd, .exitControls,
      """
      With a VM-exit MSR-load count other than 0, the last byte of the VM-exit MSR-load area \
      must not exceed the physical-address width.
      """,
      ["exitMSRLoadCount", "exitMSRLoadAddress"]),
  ]
}
