/// What there is to say of one rule.
public struct VMEntryRuleEntry: Sendable {
  /// The rule.
  public let rule: VMEntryRule
  /// The section of the manual that has the rule.
  public let section: VMEntrySection
  /// The rule, in one sentence.
  public let sentence: String
  /// Keys of the fields that the rule reads (``VMCSField/key``). The first is the one whose value is
  /// wrong when the rule is broken.
  public let fieldKeys: [String]

  init(_ rule: VMEntryRule, _ section: VMEntrySection, _ sentence: String, _ fieldKeys: [String]) {
    self.rule = rule
    self.section = section
    self.sentence = sentence
    self.fieldKeys = fieldKeys
  }

  /// The fields that the rule reads.
  public var fields: [VMCSField] { fieldKeys.compactMap { VMCSField.field(key: $0) } }
}

/// The table of all rules: documentation and diagnoses are made from it.
///
/// Source: Intel SDM, "Checks on VMX Controls and Host-State Area" and "Checking and Loading Guest
/// State"; the sentences are VMXLab's own.
public enum VMEntryRuleCatalogue {
  /// Every rule, in the manual's order.
  public static let entries: [VMEntryRuleEntry] = [
    executionControlsRules, exitControlsRules, entryControlsRules, hostControlRegistersRules,
    hostSegmentsRules, addressSpaceRules, guestControlRegistersRules, guestSegmentsRules,
    guestDescriptorTablesRules, guestRIPRules, guestNonRegisterStateRules, guestPDPTEsRules,
    msrLoadingRules,
  ].flatMap { $0 }

  private static let byRule: [VMEntryRule: VMEntryRuleEntry] = Dictionary(
    uniqueKeysWithValues: entries.map { ($0.rule, $0) })

  /// What there is to say of `rule`.
  public static func entry(for rule: VMEntryRule) -> VMEntryRuleEntry {
    byRule[rule]
      ?? VMEntryRuleEntry(rule, .executionControls, "This rule is not in the catalogue.", [])
  }
}

extension VMEntryRule {
  /// What there is to say of the rule.
  public var entry: VMEntryRuleEntry { VMEntryRuleCatalogue.entry(for: self) }

  /// The failure code that a broken rule of the guest-state stage implies.
  @inline(__always) public var failureCode: VMEntryFailureCode {
    switch self {
    case .guestPDPTE0Reserved, .guestPDPTE1Reserved, .guestPDPTE2Reserved, .guestPDPTE3Reserved:
      .pdpte
    case .stiForbidsNMI: .nmi
    case .linkPointerAligned, .linkPointerWidth, .linkPointerRevision,
      .linkPointerShadowIndicator, .linkPointerNotCurrent, .linkPointerNotExecutive:
      .vmcsLinkPointer
    default: .default
    }
  }
}
