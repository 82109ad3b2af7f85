extension VMEntryRuleCatalogue {
  /// The rules of "Checks on Host Control Registers, MSRs, and SSP".
  static let hostControlRegistersRules: [VMEntryRuleEntry] = [
    .init(
      .hostCR0Fixed, .hostControlRegisters,
      """
      Host CR0 must have no bit that VMX operation does not support (IA32_VMX_CR0_FIXED0 and \
      FIXED1; CD and NW are not checked).
      """,
      ["hostCR0"]),
    .init(
      .hostCR4Fixed, .hostControlRegisters,
      """
      Host CR4 must have no bit that VMX operation does not support (IA32_VMX_CR4_FIXED0 and \
      FIXED1).
      """,
      ["hostCR4"]),
    .init(
      .hostCETNeedsWP, .hostControlRegisters,
      "Host CR0.WP must be 1 if host CR4.CET is 1.",
      ["hostCR0", "hostCR4"]),
    .init(
      .hostCR3Width, .hostControlRegisters,
      "Host CR3 must not exceed the physical-address width.",
      ["hostCR3"]),
    .init(
      .hostSYSENTERESPCanonical, .hostControlRegisters,
      "Host IA32_SYSENTER_ESP must be canonical.",
      ["hostSYSENTERESP"]),
    .init(
      .hostSYSENTEREIPCanonical, .hostControlRegisters,
      "Host IA32_SYSENTER_EIP must be canonical.",
      ["hostSYSENTEREIP"]),
    .init(
      .hostPerfGlobalCtrlReserved, .hostControlRegisters,
      """
      With "load IA32_PERF_GLOBAL_CTRL" on exit, reserved bits of host IA32_PERF_GLOBAL_CTRL \
      must be 0.
      """,
      ["hostPerfGlobalCtrl", "vmExitControls"]),
    .init(
      .hostPATTypes, .hostControlRegisters,
      "With \"load IA32_PAT\" on exit, each byte of host IA32_PAT must be 0, 1, 4, 5, 6 or 7.",
      ["hostPAT", "vmExitControls"]),
    .init(
      .hostEFERReserved, .hostControlRegisters,
      "With \"load IA32_EFER\" on exit, reserved bits of host IA32_EFER must be 0.",
      ["hostEFER", "vmExitControls"]),
    .init(
      .hostEFERLMA, .hostControlRegisters,
      """
      With "load IA32_EFER" on exit, host IA32_EFER.LMA must equal "host address-space size".
      """,
      ["hostEFER", "vmExitControls"]),
    .init(
      .hostEFERLME, .hostControlRegisters,
      """
      With "load IA32_EFER" on exit, host IA32_EFER.LME must equal "host address-space size".
      """,
      ["hostEFER", "vmExitControls"]),
    .init(
      .hostSCETReserved, .hostControlRegisters,
      "With \"load CET state\" on exit, reserved bits of host IA32_S_CET must be 0.",
      ["hostSCET", "vmExitControls"]),
    .init(
      .hostSCETTracker, .hostControlRegisters,
      """
      With "load CET state" on exit, SUPPRESS and TRACKER of host IA32_S_CET must not both be 1.
      """,
      ["hostSCET", "vmExitControls"]),
    .init(
      .hostSSPAligned, .hostControlRegisters,
      "With \"load CET state\" on exit, bits 1:0 of host SSP must be 0.",
      ["hostSSP", "vmExitControls"]),
    .init(
      .hostInterruptSSPTableCanonical, .hostControlRegisters,
      "With \"load CET state\" on exit, host IA32_INTERRUPT_SSP_TABLE_ADDR must be canonical.",
      ["hostInterruptSSPTableAddress", "vmExitControls"]),
    .init(
      .hostPKRSReserved, .hostControlRegisters,
      "With \"load PKRS\" on exit, bits 63:32 of host IA32_PKRS must be 0.",
      ["hostPKRS", "vmExitControls"]),
  ]
}
