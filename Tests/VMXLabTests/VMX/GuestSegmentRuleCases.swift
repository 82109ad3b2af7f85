@testable import VMXLab

extension RuleCase {
  static var guestSegmentRules: [RuleCase] {
    var cases = [
      RuleCase(.guestSSRPLMatchesCS) { $0.vmcs.guestCSSelector |= 3 },
      RuleCase(.guestCSBaseHigh) { $0.vmcs.guestCSBase = 1 << 32 },
      RuleCase(.guestSSBaseHigh) { $0.vmcs.guestSSBase = 1 << 32 },
      RuleCase(.guestDSBaseHigh) { $0.vmcs.guestDSBase = 1 << 32 },
      RuleCase(.guestESBaseHigh) { $0.vmcs.guestESBase = 1 << 32 },
      RuleCase(.guestFSBaseCanonical) { $0.vmcs.guestFSBase = EntryFixture.nonCanonical },
      RuleCase(.guestGSBaseCanonical) { $0.vmcs.guestGSBase = EntryFixture.nonCanonical },
      RuleCase(.guestCSType) { $0.vmcs.guestCSAccessRights = 0xa09a },
      RuleCase(.guestCSType, from: { $0.useRealModeGuest() }) {
        $0.vmcs.guestCSAccessRights = 0x91
      },
      RuleCase(.guestCSDescriptorType) { $0.vmcs.guestCSAccessRights &= ~0x10 },
      RuleCase(.guestCSDataDPL, from: { $0.useRealModeGuest() }) {
        $0.vmcs.guestCSAccessRights = 0xf3
      },
      RuleCase(.guestCSNonconformingDPL) { $0.vmcs.guestCSAccessRights |= 0x60 },
      RuleCase(.guestCSConformingDPL, from: { $0.vmcs.guestCSAccessRights = 0xa09f }) {
        $0.vmcs.guestCSAccessRights = 0xa0bf
      },
      RuleCase(.guestCSDefaultSize) { $0.vmcs.guestCSAccessRights |= 0x4000 },
      RuleCase(.guestSSType) { $0.vmcs.guestSSAccessRights = 0xc091 },
      RuleCase(.guestSSDescriptorType) { $0.vmcs.guestSSAccessRights &= ~0x10 },
      RuleCase(.guestSSDPLMatchesRPL) {
        $0.vmcs.guestCSSelector |= 3
        $0.vmcs.guestSSSelector |= 3
      },
      RuleCase(.guestSSDPLZero, from: { $0.useRealModeGuest() }) {
        $0.vmcs.guestSSAccessRights = 0xb3
      },
    ]
    for segment in GuestSegmentPaths.six {
      let prepare: Change = { $0.useVirtual8086Guest() }
      cases += [
        RuleCase(segment.rule("BaseVirtual8086"), from: prepare) {
          $0.vmcs[keyPath: segment.base] = 0x10010
        },
        RuleCase(segment.rule("LimitVirtual8086"), from: prepare) {
          $0.vmcs[keyPath: segment.limit] = 0xfffff
        },
        RuleCase(segment.rule("AccessRightsVirtual8086"), from: prepare) {
          $0.vmcs[keyPath: segment.access] = 0x93
        },
      ]
    }
    cases += descriptor(.cs)
    cases += descriptor(.ss)
    return cases
  }

  static var guestDataSegments: [RuleCase] {
    GuestSegmentPaths.four.flatMap { segment in
      [
        RuleCase(segment.rule("Accessed")) { $0.vmcs[keyPath: segment.access] &= ~1 },
        RuleCase(segment.rule("Readable")) { $0.vmcs[keyPath: segment.access] = 0xc099 },
        RuleCase(segment.rule("DescriptorType")) { $0.vmcs[keyPath: segment.access] &= ~0x10 },
        RuleCase(segment.rule("DPL")) { $0.vmcs[keyPath: segment.selector] |= 1 },
      ] + descriptor(segment)
    }
  }

  static var systemSegments: [RuleCase] {
    let ldtr: Change = { $0.useLDTR() }
    var cases = [
      RuleCase(.guestTRSelectorTI) { $0.vmcs.guestTRSelector |= 4 },
      RuleCase(.guestTRBaseCanonical) { $0.vmcs.guestTRBase = EntryFixture.nonCanonical },
      RuleCase(.guestTRType) { $0.vmcs.guestTRAccessRights = 0x83 },
      RuleCase(.guestTRType) { $0.vmcs.guestTRAccessRights = 0x89 },
      RuleCase(.guestTRDescriptorType) { $0.vmcs.guestTRAccessRights |= 0x10 },
      RuleCase(.guestTRUsable) { $0.vmcs.guestTRAccessRights |= 0x1_0000 },
      RuleCase(.guestLDTRSelectorTI, from: ldtr) { $0.vmcs.guestLDTRSelector |= 4 },
      RuleCase(.guestLDTRBaseCanonical, from: ldtr) {
        $0.vmcs.guestLDTRBase = EntryFixture.nonCanonical
      },
      RuleCase(.guestLDTRType, from: ldtr) { $0.vmcs.guestLDTRAccessRights = 0x8b },
      RuleCase(.guestLDTRDescriptorType, from: ldtr) { $0.vmcs.guestLDTRAccessRights |= 0x10 },
    ]
    cases += descriptor(.tr)
    cases += descriptor(.ldtr, from: ldtr)
    return cases
  }

  /// The rules that every kind of segment has.
  static func descriptor(
    _ segment: GuestSegmentPaths, from prepare: @escaping Change = { _ in }
  ) -> [RuleCase] {
    [
      RuleCase(segment.rule("Present"), from: prepare) {
        $0.vmcs[keyPath: segment.access] &= ~0x80
      },
      RuleCase(segment.rule("ReservedLow"), from: prepare) {
        $0.vmcs[keyPath: segment.access] |= 0x100
      },
      RuleCase(segment.rule("ReservedHigh"), from: prepare) {
        $0.vmcs[keyPath: segment.access] |= 0x2_0000
      },
      RuleCase(segment.rule("GranularityByte"), from: prepare) {
        $0.vmcs[keyPath: segment.access] |= 0x8000
        $0.vmcs[keyPath: segment.limit] = 0xf_fffe
      },
      RuleCase(segment.rule("GranularityPage"), from: prepare) {
        $0.vmcs[keyPath: segment.access] &= ~0x8000
        $0.vmcs[keyPath: segment.limit] = 0x10_0fff
      },
    ]
  }
}
