extension VMEntryRuleCatalogue {
  /// The rules of "Checks on Guest Control Registers, Debug Registers, and MSRs".
  static let guestControlRegistersRules: [VMEntryRuleEntry] = [
    .init(
      .guestCR0Fixed, .guestControlRegisters,
      """
      Guest CR0 must have no bit that VMX operation does not support (IA32_VMX_CR0_FIXED0 and \
      FIXED1; CD and NW are not checked, nor PE and PG with "unrestricted guest").
      """,
      ["guestCR0", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .guestPagingNeedsProtection, .guestControlRegisters,
      "Guest CR0.PE must be 1 if guest CR0.PG is 1.",
      ["guestCR0"]),
    .init(
      .guestCR4Fixed, .guestControlRegisters,
      """
      Guest CR4 must have no bit that VMX operation does not support (IA32_VMX_CR4_FIXED0 and \
      FIXED1).
      """,
      ["guestCR4"]),
    .init(
      .guestCETNeedsWP, .guestControlRegisters,
      "Guest CR0.WP must be 1 if guest CR4.CET is 1.",
      ["guestCR0", "guestCR4"]),
    .init(
      .guestDebugCtlReserved, .guestControlRegisters,
      "With \"load debug controls\", reserved bits of guest IA32_DEBUGCTL must be 0.",
      ["guestDebugCtl", "vmEntryControls"]),
    .init(
      .ia32eGuestNeedsPaging, .guestControlRegisters,
      "Guest CR0.PG must be 1 with \"IA-32e mode guest\".",
      ["guestCR0", "vmEntryControls"]),
    .init(
      .ia32eGuestNeedsPAE, .guestControlRegisters,
      "Guest CR4.PAE must be 1 with \"IA-32e mode guest\".",
      ["guestCR4", "vmEntryControls"]),
    .init(
      .legacyGuestForbidsPCIDE, .guestControlRegisters,
      "Guest CR4.PCIDE must be 0 without \"IA-32e mode guest\".",
      ["guestCR4", "vmEntryControls"]),
    .init(
      .guestCR3Width, .guestControlRegisters,
      "Guest CR3 must not exceed the physical-address width.",
      ["guestCR3"]),
    .init(
      .guestDR7High, .guestControlRegisters,
      "With \"load debug controls\", bits 63:32 of guest DR7 must be 0.",
      ["guestDR7", "vmEntryControls"]),
    .init(
      .guestSYSENTERESPCanonical, .guestControlRegisters,
      "Guest IA32_SYSENTER_ESP must be canonical.",
      ["guestSYSENTERESP"]),
    .init(
      .guestSYSENTEREIPCanonical, .guestControlRegisters,
      "Guest IA32_SYSENTER_EIP must be canonical.",
      ["guestSYSENTEREIP"]),
    .init(
      .guestSCETReserved, .guestControlRegisters,
      "With \"load CET state\" on entry, reserved bits of guest IA32_S_CET must be 0.",
      ["guestSCET", "vmEntryControls"]),
    .init(
      .guestSCETTracker, .guestControlRegisters,
      """
      With "load CET state" on entry, SUPPRESS and TRACKER of guest IA32_S_CET must not both be \
      1.
      """,
      ["guestSCET", "vmEntryControls"]),
    .init(
      .guestInterruptSSPTableCanonical, .guestControlRegisters,
      "With \"load CET state\" on entry, guest IA32_INTERRUPT_SSP_TABLE_ADDR must be canonical.",
      ["guestInterruptSSPTableAddress", "vmEntryControls"]),
    .init(
      .guestPerfGlobalCtrlReserved, .guestControlRegisters,
      """
      With "load IA32_PERF_GLOBAL_CTRL" on entry, reserved bits of guest IA32_PERF_GLOBAL_CTRL \
      must be 0.
      """,
      ["guestPerfGlobalCtrl", "vmEntryControls"]),
    .init(
      .guestPATTypes, .guestControlRegisters,
      "With \"load IA32_PAT\" on entry, each byte of guest IA32_PAT must be 0, 1, 4, 5, 6 or 7.",
      ["guestPAT", "vmEntryControls"]),
    .init(
      .guestEFERReserved, .guestControlRegisters,
      "With \"load IA32_EFER\" on entry, reserved bits of guest IA32_EFER must be 0.",
      ["guestEFER", "vmEntryControls"]),
    .init(
      .guestEFERLMA, .guestControlRegisters,
      "With \"load IA32_EFER\" on entry, guest IA32_EFER.LMA must equal \"IA-32e mode guest\".",
      ["guestEFER", "vmEntryControls"]),
    .init(
      .guestEFERLME, .guestControlRegisters,
      "With \"load IA32_EFER\" on entry, guest IA32_EFER.LME must equal LMA if guest CR0.PG is 1.",
      ["guestEFER", "guestCR0", "vmEntryControls"]),
    .init(
      .guestBNDCFGSReserved, .guestControlRegisters,
      "With \"load IA32_BNDCFGS\" on entry, bits 11:2 of guest IA32_BNDCFGS must be 0.",
      ["guestBNDCFGS", "vmEntryControls"]),
    .init(
      .guestBNDCFGSCanonical, .guestControlRegisters,
      """
      With "load IA32_BNDCFGS" on entry, the linear address in guest IA32_BNDCFGS must be \
      canonical.
      """,
      ["guestBNDCFGS", "vmEntryControls"]),
    .init(
      .guestRTITCtlReserved, .guestControlRegisters,
      "With \"load IA32_RTIT_CTL\" on entry, reserved bits of guest IA32_RTIT_CTL must be 0.",
      ["guestRTITCtl", "vmEntryControls"]),
    .init(
      .tracingForbidsLoadRTITCtl, .guestControlRegisters,
      """
      "Load IA32_RTIT_CTL" must be 0 on entry while Intel PT traces (IA32_RTIT_CTL.TraceEn is \
      1).
      """,
      ["vmEntryControls"]),
    .init(
      .guestLBRCtlReserved, .guestControlRegisters,
      "With \"load guest IA32_LBR_CTL\" on entry, reserved bits of guest IA32_LBR_CTL must be 0.",
      ["guestLBRCtl", "vmEntryControls"]),
    .init(
      .guestPKRSReserved, .guestControlRegisters,
      "With \"load PKRS\" on entry, bits 63:32 of guest IA32_PKRS must be 0.",
      ["guestPKRS", "vmEntryControls"]),
    .init(
      .guestUINVReserved, .guestControlRegisters,
      "With \"load UINV\" on entry, bits 15:8 of guest UINV must be 0.",
      ["guestUINV", "vmEntryControls"]),
  ]
}
