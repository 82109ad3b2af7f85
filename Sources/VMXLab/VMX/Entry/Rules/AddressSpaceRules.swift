extension VMEntryRuleCatalogue {
  /// The rules of "Checks Related to Address-Space Size".
  static let addressSpaceRules: [VMEntryRuleEntry] = [
    .init(
      .legacyModeForbidsIA32eGuest, .addressSpace,
      "\"IA-32e mode guest\" must be 0 if VM entry is made outside IA-32e mode.",
      ["vmEntryControls"]),
    .init(
      .legacyModeForbidsIA32eHost, .addressSpace,
      "\"Host address-space size\" must be 0 if VM entry is made outside IA-32e mode.",
      ["vmExitControls"]),
    .init(
      .ia32eModeNeedsIA32eHost, .addressSpace,
      "\"Host address-space size\" must be 1 if VM entry is made in IA-32e mode.",
      ["vmExitControls"]),
    .init(
      .legacyHostForbidsIA32eGuest, .addressSpace,
      "\"IA-32e mode guest\" must be 0 if \"host address-space size\" is 0.",
      ["vmEntryControls", "vmExitControls"]),
    .init(
      .legacyHostForbidsPCIDE, .addressSpace,
      "Host CR4.PCIDE must be 0 if \"host address-space size\" is 0.",
      ["hostCR4", "vmExitControls"]),
    .init(
      .legacyHostRIPHigh, .addressSpace,
      "Bits 63:32 of host RIP must be 0 if \"host address-space size\" is 0.",
      ["hostRIP", "vmExitControls"]),
    .init(
      .legacyHostSCETHigh, .addressSpace,
      """
      With "load CET state" on exit, bits 63:32 of host IA32_S_CET must be 0 if "host address- \
      space size" is 0.
      """,
      ["hostSCET", "vmExitControls"]),
    .init(
      .legacyHostSSPHigh, .addressSpace,
      """
      With "load CET state" on exit, bits 63:32 of host SSP must be 0 if "host address-space \
      size" is 0.
      """,
      ["hostSSP", "vmExitControls"]),
    .init(
      .ia32eHostNeedsPAE, .addressSpace,
      "Host CR4.PAE must be 1 if \"host address-space size\" is 1.",
      ["hostCR4", "vmExitControls"]),
    .init(
      .ia32eHostRIPCanonical, .addressSpace,
      "Host RIP must be canonical if \"host address-space size\" is 1.",
      ["hostRIP", "hostCR4", "vmExitControls"]),
    .init(
      .ia32eHostSCETCanonical, .addressSpace,
      """
      With "load CET state" on exit, host IA32_S_CET must be canonical if "host address-space \
      size" is 1.
      """,
      ["hostSCET", "vmExitControls"]),
    .init(
      .ia32eHostSSPCanonical, .addressSpace,
      """
      With "load CET state" on exit, host SSP must be canonical if "host address-space size" is \
      1.
      """,
      ["hostSSP", "hostCR4", "vmExitControls"]),
  ]
}
