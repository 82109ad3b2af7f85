extension VMEntryRuleCatalogue {
  /// The rules of "Checks on Guest RIP, RFLAGS, and SSP".
  static let guestRIPRules: [VMEntryRuleEntry] = [
    .init(
      .guestRIPHigh, .guestRIP,
      "Bits 63:32 of guest RIP must be 0 unless \"IA-32e mode guest\" and CS.L are both 1.",
      ["guestRIP", "guestCSAccessRights", "vmEntryControls"]),
    .init(
      .guestRIPLinear, .guestRIP,
      """
      Bits 63:N of guest RIP must be alike with "IA-32e mode guest" and CS.L, where N is the \
      number of linear-address bits.
      """,
      ["guestRIP", "guestCSAccessRights", "vmEntryControls"]),
    .init(
      .guestRFLAGSReserved, .guestRIP,
      "Bits 63:22, 15, 5 and 3 of guest RFLAGS must be 0.",
      ["guestRFLAGS"]),
    .init(
      .guestRFLAGSFixed, .guestRIP,
      "Bit 1 of guest RFLAGS must be 1.",
      ["guestRFLAGS"]),
    .init(
      .guestRFLAGSVM, .guestRIP,
      "Guest RFLAGS.VM must be 0 with \"IA-32e mode guest\" and if guest CR0.PE is 0.",
      ["guestRFLAGS", "guestCR0", "vmEntryControls"]),
    .init(
      .guestRFLAGSIF, .guestRIP,
      "Guest RFLAGS.IF must be 1 if an external interrupt is injected.",
      ["guestRFLAGS", "entryInterruptionInformation"]),
    .init(
      .guestSSPAligned, .guestRIP,
      "With \"load CET state\" on entry, bits 1:0 of guest SSP must be 0.",
      ["guestSSP", "vmEntryControls"]),
    .init(
      .guestSSPLinear, .guestRIP,
      """
      With "load CET state" on entry, bits 63:N of guest SSP must be alike, where N is the number \
      of linear-address bits.
      """,
      ["guestSSP", "vmEntryControls"]),
  ]
}
