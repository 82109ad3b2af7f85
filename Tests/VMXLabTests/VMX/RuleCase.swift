@testable import VMXLab

/// A way to break one rule: a valid state, then the change that breaks it.
struct RuleCase {
  typealias Change = (inout EntryFixture) -> Void

  var rule: VMEntryRule
  /// Rules that the change cannot help breaking too.
  var also: [VMEntryRule]
  var prepare: Change
  var spoil: Change

  init(
    _ rule: VMEntryRule, also: [VMEntryRule] = [], from prepare: @escaping Change = { _ in },
    _ spoil: @escaping Change
  ) {
    self.rule = rule
    self.also = also
    self.prepare = prepare
    self.spoil = spoil
  }

  /// The cases "misaligned" and "beyond the physical-address width" of a structure's address.
  static func address(
    _ aligned: VMEntryRule, _ width: VMEntryRule, _ field: WritableKeyPath<VMCS, UInt64>,
    low: UInt64 = 0x800, from prepare: @escaping Change
  ) -> [RuleCase] {
    [
      RuleCase(aligned, from: prepare) { $0.vmcs[keyPath: field] = 0x10_0000 | low },
      RuleCase(width, from: prepare) { $0.vmcs[keyPath: field] = EntryFixture.beyondWidth },
    ]
  }

  /// The three cases of an MSR list.
  static func msrList(
    _ aligned: VMEntryRule, _ width: VMEntryRule, _ end: VMEntryRule,
    _ field: WritableKeyPath<VMCS, UInt64>
  ) -> [RuleCase] {
    let prepare: Change = { $0.useMSRLists() }
    return address(aligned, width, field, low: 8, from: prepare) + [
      RuleCase(end, from: prepare) {
        $0.vmcs[keyPath: field] = EntryFixture.beyondWidth - 16
      }
    ]
  }

  static var all: [RuleCase] {
    controlWords + addresses + apicAndEvents + eptControls + laterControls + entryControls
      + hostRegisters + hostSegments + addressSpace + guestControlRegisters + guestMSRs
      + guestSegmentRules + guestDataSegments + systemSegments + guestInstruction
      + activityAndInterruptibility + pendingDebugAndLinkPointer + pageDirectoryPointers
  }
}
