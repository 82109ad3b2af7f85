extension VMEntryRuleCatalogue {
  /// The rules of "Checks on Host Segment and Descriptor-Table Registers".
  static let hostSegmentsRules: [VMEntryRuleEntry] = [
    .init(
      .hostESSelectorBits, .hostSegments,
      "RPL and TI of the host ES selector must be 0.",
      ["hostESSelector"]),
    .init(
      .hostCSSelectorBits, .hostSegments,
      "RPL and TI of the host CS selector must be 0.",
      ["hostCSSelector"]),
    .init(
      .hostSSSelectorBits, .hostSegments,
      "RPL and TI of the host SS selector must be 0.",
      ["hostSSSelector"]),
    .init(
      .hostDSSelectorBits, .hostSegments,
      "RPL and TI of the host DS selector must be 0.",
      ["hostDSSelector"]),
    .init(
      .hostFSSelectorBits, .hostSegments,
      "RPL and TI of the host FS selector must be 0.",
      ["hostFSSelector"]),
    .init(
      .hostGSSelectorBits, .hostSegments,
      "RPL and TI of the host GS selector must be 0.",
      ["hostGSSelector"]),
    .init(
      .hostTRSelectorBits, .hostSegments,
      "RPL and TI of the host TR selector must be 0.",
      ["hostTRSelector"]),
    .init(
      .hostCSSelectorNull, .hostSegments,
      "The host CS selector must not be 0.",
      ["hostCSSelector"]),
    .init(
      .hostTRSelectorNull, .hostSegments,
      "The host TR selector must not be 0.",
      ["hostTRSelector"]),
    .init(
      .hostSSSelectorNull, .hostSegments,
      "The host SS selector must not be 0 unless \"host address-space size\" is 1.",
      ["hostSSSelector", "vmExitControls"]),
    .init(
      .hostFSBaseCanonical, .hostSegments,
      "The host FS base must be canonical.",
      ["hostFSBase"]),
    .init(
      .hostGSBaseCanonical, .hostSegments,
      "The host GS base must be canonical.",
      ["hostGSBase"]),
    .init(
      .hostGDTRBaseCanonical, .hostSegments,
      "The host GDTR base must be canonical.",
      ["hostGDTRBase"]),
    .init(
      .hostIDTRBaseCanonical, .hostSegments,
      "The host IDTR base must be canonical.",
      ["hostIDTRBase"]),
    .init(
      .hostTRBaseCanonical, .hostSegments,
      "The host TR base must be canonical.",
      ["hostTRBase"]),
  ]
}
