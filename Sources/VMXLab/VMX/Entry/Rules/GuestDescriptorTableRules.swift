extension VMEntryRuleCatalogue {
  /// The rules of "Checks on Guest Descriptor-Table Registers".
  static let guestDescriptorTablesRules: [VMEntryRuleEntry] = [
    .init(
      .guestGDTRBaseCanonical, .guestDescriptorTables,
      "The guest GDTR base must be canonical.",
      ["guestGDTRBase"]),
    .init(
      .guestIDTRBaseCanonical, .guestDescriptorTables,
      "The guest IDTR base must be canonical.",
      ["guestIDTRBase"]),
    .init(
      .guestGDTRLimitHigh, .guestDescriptorTables,
      "Bits 31:16 of the guest GDTR limit must be 0.",
      ["guestGDTRLimit"]),
    .init(
      .guestIDTRLimitHigh, .guestDescriptorTables,
      "Bits 31:16 of the guest IDTR limit must be 0.",
      ["guestIDTRLimit"]),
  ]
}
