extension VMEntryRuleCatalogue {
  /// The rules of "Checks on Guest Page-Directory-Pointer-Table Entries".
  static let guestPDPTEsRules: [VMEntryRuleEntry] = [
    .init(
      .guestPDPTE0Reserved, .guestPDPTEs,
      """
      With PAE paging, reserved bits of PDPTE0 (2:1, 8:5 and those beyond the physical-address \
      width) must be 0 if it is present; it comes from the field with "enable EPT", from memory \
      at CR3 without.
      """,
      [
        "guestPDPTE0", "guestCR3", "guestCR0", "guestCR4", "vmEntryControls",
        "secondaryProcessorBasedControls", "primaryProcessorBasedControls",
      ]),
    .init(
      .guestPDPTE1Reserved, .guestPDPTEs,
      """
      With PAE paging, reserved bits of PDPTE1 (2:1, 8:5 and those beyond the physical-address \
      width) must be 0 if it is present; it comes from the field with "enable EPT", from memory \
      at CR3 without.
      """,
      [
        "guestPDPTE1", "guestCR3", "guestCR0", "guestCR4", "vmEntryControls",
        "secondaryProcessorBasedControls", "primaryProcessorBasedControls",
      ]),
    .init(
      .guestPDPTE2Reserved, .guestPDPTEs,
      """
      With PAE paging, reserved bits of PDPTE2 (2:1, 8:5 and those beyond the physical-address \
      width) must be 0 if it is present; it comes from the field with "enable EPT", from memory \
      at CR3 without.
      """,
      [
        "guestPDPTE2", "guestCR3", "guestCR0", "guestCR4", "vmEntryControls",
        "secondaryProcessorBasedControls", "primaryProcessorBasedControls",
      ]),
    .init(
      .guestPDPTE3Reserved, .guestPDPTEs,
      """
      With PAE paging, reserved bits of PDPTE3 (2:1, 8:5 and those beyond the physical-address \
      width) must be 0 if it is present; it comes from the field with "enable EPT", from memory \
      at CR3 without.
      """,
      [
        "guestPDPTE3", "guestCR3", "guestCR0", "guestCR4", "vmEntryControls",
        "secondaryProcessorBasedControls", "primaryProcessorBasedControls",
      ]),
  ]
}
