/// Who hears whether the rules of a VM entry hold. A check is written once, generic over its reporter.
///
/// Both functions answer whether checking goes on; checks read
/// `guard reporter.holds(.rule, condition) else { return false }`.
protocol RuleReporter {
  /// `rule` holds if `condition` is true.
  mutating func holds(_ rule: VMEntryRule, _ condition: Bool) -> Bool
  /// `rule` holds if `faults`, bits of the rule's first field that are set wrongly, is 0.
  mutating func clear(_ rule: VMEntryRule, _ faults: UInt64) -> Bool
}

/// Stops at the first broken rule and remembers that alone: compares and branches on the hot path.
struct SilentReporter: RuleReporter {
  /// The first broken rule.
  private(set) var broken: VMEntryRule?

  @inline(__always) init() {}

  @inline(__always) mutating func holds(_ rule: VMEntryRule, _ condition: Bool) -> Bool {
    if condition { return true }
    broken = rule
    return false
  }

  @inline(__always) mutating func clear(_ rule: VMEntryRule, _ faults: UInt64) -> Bool {
    holds(rule, faults == 0)
  }
}

/// A rule that a VM entry broke.
public struct BrokenRule: Equatable, Sendable {
  /// The rule.
  public let rule: VMEntryRule
  /// The bits of the rule's first field that are at fault; 0 where the rule is not about bits.
  public let faults: UInt64
  /// The entry of the MSR-load area that broke a rule of MSR loading.
  public let msr: MSRListEntry?

  /// A broken rule.
  public init(rule: VMEntryRule, faults: UInt64, msr: MSRListEntry? = nil) {
    self.rule = rule
    self.faults = faults
    self.msr = msr
  }
}

/// Goes on and collects every broken rule, in the order of the checks.
struct RecordingReporter: RuleReporter {
  /// The broken rules, first first.
  private(set) var broken: [BrokenRule] = []

  init() {}

  mutating func holds(_ rule: VMEntryRule, _ condition: Bool) -> Bool {
    if !condition { broken.append(BrokenRule(rule: rule, faults: 0)) }
    return true
  }

  mutating func clear(_ rule: VMEntryRule, _ faults: UInt64) -> Bool {
    if faults != 0 { broken.append(BrokenRule(rule: rule, faults: faults)) }
    return true
  }
}
