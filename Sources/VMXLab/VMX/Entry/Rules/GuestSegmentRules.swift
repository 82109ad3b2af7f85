extension VMEntryRuleCatalogue {
  /// The rules of "Checks on Guest Segment Registers".
  static let guestSegmentsRules: [VMEntryRuleEntry] = [
    .init(
      .guestTRSelectorTI, .guestSegments,
      "TI of the guest TR selector must be 0.",
      ["guestTRSelector"]),
    .init(
      .guestLDTRSelectorTI, .guestSegments,
      "TI of the guest LDTR selector must be 0 if LDTR is usable.",
      ["guestLDTRSelector", "guestLDTRAccessRights"]),
    .init(
      .guestSSRPLMatchesCS, .guestSegments,
      """
      RPL of the guest SS and CS selectors must be equal unless the guest is in virtual-8086 \
      mode or "unrestricted guest" is 1.
      """,
      [
        "guestSSSelector", "guestCSSelector", "guestRFLAGS", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .guestESBaseVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest ES base must be the selector shifted left by 4.",
      ["guestESBase", "guestESSelector", "guestRFLAGS"]),
    .init(
      .guestCSBaseVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest CS base must be the selector shifted left by 4.",
      ["guestCSBase", "guestCSSelector", "guestRFLAGS"]),
    .init(
      .guestSSBaseVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest SS base must be the selector shifted left by 4.",
      ["guestSSBase", "guestSSSelector", "guestRFLAGS"]),
    .init(
      .guestDSBaseVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest DS base must be the selector shifted left by 4.",
      ["guestDSBase", "guestDSSelector", "guestRFLAGS"]),
    .init(
      .guestFSBaseVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest FS base must be the selector shifted left by 4.",
      ["guestFSBase", "guestFSSelector", "guestRFLAGS"]),
    .init(
      .guestGSBaseVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest GS base must be the selector shifted left by 4.",
      ["guestGSBase", "guestGSSelector", "guestRFLAGS"]),
    .init(
      .guestTRBaseCanonical, .guestSegments,
      "The guest TR base must be canonical.",
      ["guestTRBase"]),
    .init(
      .guestFSBaseCanonical, .guestSegments,
      "The guest FS base must be canonical.",
      ["guestFSBase"]),
    .init(
      .guestGSBaseCanonical, .guestSegments,
      "The guest GS base must be canonical.",
      ["guestGSBase"]),
    .init(
      .guestLDTRBaseCanonical, .guestSegments,
      "The guest LDTR base must be canonical if LDTR is usable.",
      ["guestLDTRBase", "guestLDTRAccessRights"]),
    .init(
      .guestCSBaseHigh, .guestSegments,
      "Bits 63:32 of the guest CS base must be 0.",
      ["guestCSBase"]),
    .init(
      .guestSSBaseHigh, .guestSegments,
      "Bits 63:32 of the guest SS base must be 0 if SS is usable.",
      ["guestSSBase", "guestSSAccessRights"]),
    .init(
      .guestDSBaseHigh, .guestSegments,
      "Bits 63:32 of the guest DS base must be 0 if DS is usable.",
      ["guestDSBase", "guestDSAccessRights"]),
    .init(
      .guestESBaseHigh, .guestSegments,
      "Bits 63:32 of the guest ES base must be 0 if ES is usable.",
      ["guestESBase", "guestESAccessRights"]),
    .init(
      .guestESLimitVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest ES limit must be 0000FFFFH.",
      ["guestESLimit", "guestRFLAGS"]),
    .init(
      .guestCSLimitVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest CS limit must be 0000FFFFH.",
      ["guestCSLimit", "guestRFLAGS"]),
    .init(
      .guestSSLimitVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest SS limit must be 0000FFFFH.",
      ["guestSSLimit", "guestRFLAGS"]),
    .init(
      .guestDSLimitVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest DS limit must be 0000FFFFH.",
      ["guestDSLimit", "guestRFLAGS"]),
    .init(
      .guestFSLimitVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest FS limit must be 0000FFFFH.",
      ["guestFSLimit", "guestRFLAGS"]),
    .init(
      .guestGSLimitVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest GS limit must be 0000FFFFH.",
      ["guestGSLimit", "guestRFLAGS"]),
    .init(
      .guestESAccessRightsVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest ES access rights must be 000000F3H.",
      ["guestESAccessRights", "guestRFLAGS"]),
    .init(
      .guestCSAccessRightsVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest CS access rights must be 000000F3H.",
      ["guestCSAccessRights", "guestRFLAGS"]),
    .init(
      .guestSSAccessRightsVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest SS access rights must be 000000F3H.",
      ["guestSSAccessRights", "guestRFLAGS"]),
    .init(
      .guestDSAccessRightsVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest DS access rights must be 000000F3H.",
      ["guestDSAccessRights", "guestRFLAGS"]),
    .init(
      .guestFSAccessRightsVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest FS access rights must be 000000F3H.",
      ["guestFSAccessRights", "guestRFLAGS"]),
    .init(
      .guestGSAccessRightsVirtual8086, .guestSegments,
      "In virtual-8086 mode the guest GS access rights must be 000000F3H.",
      ["guestGSAccessRights", "guestRFLAGS"]),
    .init(
      .guestCSType, .guestSegments,
      """
      The type of guest CS must be 9, 11, 13 or 15 (accessed code), or with "unrestricted guest" \
      also 3.
      """,
      [
        "guestCSAccessRights", "guestRFLAGS", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .guestCSDescriptorType, .guestSegments,
      "S of the guest CS access rights must be 1.",
      ["guestCSAccessRights", "guestRFLAGS"]),
    .init(
      .guestCSDataDPL, .guestSegments,
      "The DPL of guest CS must be 0 if its type is 3.",
      ["guestCSAccessRights", "guestRFLAGS"]),
    .init(
      .guestCSNonconformingDPL, .guestSegments,
      "The DPL of guest CS must equal that of SS if the type of CS is 9 or 11.",
      ["guestCSAccessRights", "guestSSAccessRights", "guestRFLAGS"]),
    .init(
      .guestCSConformingDPL, .guestSegments,
      "The DPL of guest CS must not exceed that of SS if the type of CS is 13 or 15.",
      ["guestCSAccessRights", "guestSSAccessRights", "guestRFLAGS"]),
    .init(
      .guestCSPresent, .guestSegments,
      "P of the guest CS access rights must be 1.",
      ["guestCSAccessRights", "guestRFLAGS"]),
    .init(
      .guestCSReservedLow, .guestSegments,
      "Bits 11:8 of the guest CS access rights must be 0.",
      ["guestCSAccessRights", "guestRFLAGS"]),
    .init(
      .guestCSDefaultSize, .guestSegments,
      "D/B of the guest CS access rights must be 0 with \"IA-32e mode guest\" and L.",
      ["guestCSAccessRights", "vmEntryControls", "guestRFLAGS"]),
    .init(
      .guestCSGranularityByte, .guestSegments,
      "G of the guest CS access rights must be 0 if a bit of limit[11:0] is 0.",
      ["guestCSAccessRights", "guestCSLimit", "guestRFLAGS"]),
    .init(
      .guestCSGranularityPage, .guestSegments,
      "G of the guest CS access rights must be 1 if a bit of limit[31:20] is 1.",
      ["guestCSAccessRights", "guestCSLimit", "guestRFLAGS"]),
    .init(
      .guestCSReservedHigh, .guestSegments,
      "Bits 31:17 of the guest CS access rights must be 0.",
      ["guestCSAccessRights", "guestRFLAGS"]),
    .init(
      .guestSSType, .guestSegments,
      "The type of guest SS must be 3 or 7 if SS is usable.",
      ["guestSSAccessRights", "guestRFLAGS"]),
    .init(
      .guestSSDescriptorType, .guestSegments,
      "S of the guest SS access rights must be 1 if SS is usable.",
      ["guestSSAccessRights", "guestRFLAGS"]),
    .init(
      .guestSSDPLMatchesRPL, .guestSegments,
      "The DPL of guest SS must equal the RPL of its selector unless \"unrestricted guest\" is 1.",
      [
        "guestSSAccessRights", "guestSSSelector", "guestRFLAGS", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .guestSSDPLZero, .guestSegments,
      "The DPL of guest SS must be 0 if the type of CS is 3 or guest CR0.PE is 0.",
      ["guestSSAccessRights", "guestCSAccessRights", "guestCR0", "guestRFLAGS"]),
    .init(
      .guestSSPresent, .guestSegments,
      "P of the guest SS access rights must be 1 if SS is usable.",
      ["guestSSAccessRights", "guestRFLAGS"]),
    .init(
      .guestSSReservedLow, .guestSegments,
      "Bits 11:8 of the guest SS access rights must be 0 if SS is usable.",
      ["guestSSAccessRights", "guestRFLAGS"]),
    .init(
      .guestSSGranularityByte, .guestSegments,
      "G of the guest SS access rights must be 0 if a bit of limit[11:0] is 0 and SS is usable.",
      ["guestSSAccessRights", "guestSSLimit", "guestRFLAGS"]),
    .init(
      .guestSSGranularityPage, .guestSegments,
      "G of the guest SS access rights must be 1 if a bit of limit[31:20] is 1 and SS is usable.",
      ["guestSSAccessRights", "guestSSLimit", "guestRFLAGS"]),
    .init(
      .guestSSReservedHigh, .guestSegments,
      "Bits 31:17 of the guest SS access rights must be 0 if SS is usable.",
      ["guestSSAccessRights", "guestRFLAGS"]),
    .init(
      .guestDSAccessed, .guestSegments,
      "The type of guest DS must be accessed (bit 0) if DS is usable.",
      ["guestDSAccessRights", "guestRFLAGS"]),
    .init(
      .guestDSReadable, .guestSegments,
      "The type of guest DS must be readable (bit 1) if DS is usable and a code segment.",
      ["guestDSAccessRights", "guestRFLAGS"]),
    .init(
      .guestDSDescriptorType, .guestSegments,
      "S of the guest DS access rights must be 1 if DS is usable.",
      ["guestDSAccessRights", "guestRFLAGS"]),
    .init(
      .guestDSDPL, .guestSegments,
      """
      The DPL of guest DS must not be below the RPL of its selector if DS is usable and its type \
      is at most 11, unless "unrestricted guest" is 1.
      """,
      [
        "guestDSAccessRights", "guestDSSelector", "guestRFLAGS", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .guestDSPresent, .guestSegments,
      "P of the guest DS access rights must be 1 if DS is usable.",
      ["guestDSAccessRights", "guestRFLAGS"]),
    .init(
      .guestDSReservedLow, .guestSegments,
      "Bits 11:8 of the guest DS access rights must be 0 if DS is usable.",
      ["guestDSAccessRights", "guestRFLAGS"]),
    .init(
      .guestDSGranularityByte, .guestSegments,
      "G of the guest DS access rights must be 0 if a bit of limit[11:0] is 0 and DS is usable.",
      ["guestDSAccessRights", "guestDSLimit", "guestRFLAGS"]),
    .init(
      .guestDSGranularityPage, .guestSegments,
      "G of the guest DS access rights must be 1 if a bit of limit[31:20] is 1 and DS is usable.",
      ["guestDSAccessRights", "guestDSLimit", "guestRFLAGS"]),
    .init(
      .guestDSReservedHigh, .guestSegments,
      "Bits 31:17 of the guest DS access rights must be 0 if DS is usable.",
      ["guestDSAccessRights", "guestRFLAGS"]),
    .init(
      .guestESAccessed, .guestSegments,
      "The type of guest ES must be accessed (bit 0) if ES is usable.",
      ["guestESAccessRights", "guestRFLAGS"]),
    .init(
      .guestESReadable, .guestSegments,
      "The type of guest ES must be readable (bit 1) if ES is usable and a code segment.",
      ["guestESAccessRights", "guestRFLAGS"]),
    .init(
      .guestESDescriptorType, .guestSegments,
      "S of the guest ES access rights must be 1 if ES is usable.",
      ["guestESAccessRights", "guestRFLAGS"]),
    .init(
      .guestESDPL, .guestSegments,
      """
      The DPL of guest ES must not be below the RPL of its selector if ES is usable and its type \
      is at most 11, unless "unrestricted guest" is 1.
      """,
      [
        "guestESAccessRights", "guestESSelector", "guestRFLAGS", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .guestESPresent, .guestSegments,
      "P of the guest ES access rights must be 1 if ES is usable.",
      ["guestESAccessRights", "guestRFLAGS"]),
    .init(
      .guestESReservedLow, .guestSegments,
      "Bits 11:8 of the guest ES access rights must be 0 if ES is usable.",
      ["guestESAccessRights", "guestRFLAGS"]),
    .init(
      .guestESGranularityByte, .guestSegments,
      "G of the guest ES access rights must be 0 if a bit of limit[11:0] is 0 and ES is usable.",
      ["guestESAccessRights", "guestESLimit", "guestRFLAGS"]),
    .init(
      .guestESGranularityPage, .guestSegments,
      "G of the guest ES access rights must be 1 if a bit of limit[31:20] is 1 and ES is usable.",
      ["guestESAccessRights", "guestESLimit", "guestRFLAGS"]),
    .init(
      .guestESReservedHigh, .guestSegments,
      "Bits 31:17 of the guest ES access rights must be 0 if ES is usable.",
      ["guestESAccessRights", "guestRFLAGS"]),
    .init(
      .guestFSAccessed, .guestSegments,
      "The type of guest FS must be accessed (bit 0) if FS is usable.",
      ["guestFSAccessRights", "guestRFLAGS"]),
    .init(
      .guestFSReadable, .guestSegments,
      "The type of guest FS must be readable (bit 1) if FS is usable and a code segment.",
      ["guestFSAccessRights", "guestRFLAGS"]),
    .init(
      .guestFSDescriptorType, .guestSegments,
      "S of the guest FS access rights must be 1 if FS is usable.",
      ["guestFSAccessRights", "guestRFLAGS"]),
    .init(
      .guestFSDPL, .guestSegments,
      """
      The DPL of guest FS must not be below the RPL of its selector if FS is usable and its type \
      is at most 11, unless "unrestricted guest" is 1.
      """,
      [
        "guestFSAccessRights", "guestFSSelector", "guestRFLAGS", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .guestFSPresent, .guestSegments,
      "P of the guest FS access rights must be 1 if FS is usable.",
      ["guestFSAccessRights", "guestRFLAGS"]),
    .init(
      .guestFSReservedLow, .guestSegments,
      "Bits 11:8 of the guest FS access rights must be 0 if FS is usable.",
      ["guestFSAccessRights", "guestRFLAGS"]),
    .init(
      .guestFSGranularityByte, .guestSegments,
      "G of the guest FS access rights must be 0 if a bit of limit[11:0] is 0 and FS is usable.",
      ["guestFSAccessRights", "guestFSLimit", "guestRFLAGS"]),
    .init(
      .guestFSGranularityPage, .guestSegments,
      "G of the guest FS access rights must be 1 if a bit of limit[31:20] is 1 and FS is usable.",
      ["guestFSAccessRights", "guestFSLimit", "guestRFLAGS"]),
    .init(
      .guestFSReservedHigh, .guestSegments,
      "Bits 31:17 of the guest FS access rights must be 0 if FS is usable.",
      ["guestFSAccessRights", "guestRFLAGS"]),
    .init(
      .guestGSAccessed, .guestSegments,
      "The type of guest GS must be accessed (bit 0) if GS is usable.",
      ["guestGSAccessRights", "guestRFLAGS"]),
    .init(
      .guestGSReadable, .guestSegments,
      "The type of guest GS must be readable (bit 1) if GS is usable and a code segment.",
      ["guestGSAccessRights", "guestRFLAGS"]),
    .init(
      .guestGSDescriptorType, .guestSegments,
      "S of the guest GS access rights must be 1 if GS is usable.",
      ["guestGSAccessRights", "guestRFLAGS"]),
    .init(
      .guestGSDPL, .guestSegments,
      """
      The DPL of guest GS must not be below the RPL of its selector if GS is usable and its type \
      is at most 11, unless "unrestricted guest" is 1.
      """,
      [
        "guestGSAccessRights", "guestGSSelector", "guestRFLAGS", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .guestGSPresent, .guestSegments,
      "P of the guest GS access rights must be 1 if GS is usable.",
      ["guestGSAccessRights", "guestRFLAGS"]),
    .init(
      .guestGSReservedLow, .guestSegments,
      "Bits 11:8 of the guest GS access rights must be 0 if GS is usable.",
      ["guestGSAccessRights", "guestRFLAGS"]),
    .init(
      .guestGSGranularityByte, .guestSegments,
      "G of the guest GS access rights must be 0 if a bit of limit[11:0] is 0 and GS is usable.",
      ["guestGSAccessRights", "guestGSLimit", "guestRFLAGS"]),
    .init(
      .guestGSGranularityPage, .guestSegments,
      "G of the guest GS access rights must be 1 if a bit of limit[31:20] is 1 and GS is usable.",
      ["guestGSAccessRights", "guestGSLimit", "guestRFLAGS"]),
    .init(
      .guestGSReservedHigh, .guestSegments,
      "Bits 31:17 of the guest GS access rights must be 0 if GS is usable.",
      ["guestGSAccessRights", "guestRFLAGS"]),
    .init(
      .guestTRType, .guestSegments,
      "The type of guest TR must be 11 (busy TSS), or without \"IA-32e mode guest\" also 3.",
      ["guestTRAccessRights", "vmEntryControls"]),
    .init(
      .guestTRDescriptorType, .guestSegments,
      "S of the guest TR access rights must be 0.",
      ["guestTRAccessRights"]),
    .init(
      .guestTRPresent, .guestSegments,
      "P of the guest TR access rights must be 1.",
      ["guestTRAccessRights"]),
    .init(
      .guestTRReservedLow, .guestSegments,
      "Bits 11:8 of the guest TR access rights must be 0.",
      ["guestTRAccessRights"]),
    .init(
      .guestTRGranularityByte, .guestSegments,
      "G of the guest TR access rights must be 0 if a bit of limit[11:0] is 0.",
      ["guestTRAccessRights", "guestTRLimit"]),
    .init(
      .guestTRGranularityPage, .guestSegments,
      "G of the guest TR access rights must be 1 if a bit of limit[31:20] is 1.",
      ["guestTRAccessRights", "guestTRLimit"]),
    .init(
      .guestTRReservedHigh, .guestSegments,
      "Bits 31:17 of the guest TR access rights must be 0.",
      ["guestTRAccessRights"]),
    .init(
      .guestTRUsable, .guestSegments,
      "Guest TR must not be unusable.",
      ["guestTRAccessRights"]),
    .init(
      .guestLDTRType, .guestSegments,
      "The type of guest LDTR must be 2 (LDT) if LDTR is usable.",
      ["guestLDTRAccessRights"]),
    .init(
      .guestLDTRDescriptorType, .guestSegments,
      "S of the guest LDTR access rights must be 0 if LDTR is usable.",
      ["guestLDTRAccessRights"]),
    .init(
      .guestLDTRPresent, .guestSegments,
      "P of the guest LDTR access rights must be 1 if LDTR is usable.",
      ["guestLDTRAccessRights"]),
    .init(
      .guestLDTRReservedLow, .guestSegments,
      "Bits 11:8 of the guest LDTR access rights must be 0 if LDTR is usable.",
      ["guestLDTRAccessRights"]),
    .init(
      .guestLDTRGranularityByte, .guestSegments,
      """
      G of the guest LDTR access rights must be 0 if a bit of limit[11:0] is 0 and LDTR is \
      usable.
      """,
      ["guestLDTRAccessRights", "guestLDTRLimit"]),
    .init(
      .guestLDTRGranularityPage, .guestSegments,
      """
      G of the guest LDTR access rights must be 1 if a bit of limit[31:20] is 1 and LDTR is \
      usable.
      """,
      ["guestLDTRAccessRights", "guestLDTRLimit"]),
    .init(
      .guestLDTRReservedHigh, .guestSegments,
      "Bits 31:17 of the guest LDTR access rights must be 0 if LDTR is usable.",
      ["guestLDTRAccessRights"]),
  ]
}
