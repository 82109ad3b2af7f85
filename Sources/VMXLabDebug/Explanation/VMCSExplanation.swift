import VMXLab

/// Why a VMCS cannot be entered: what the rules of a VM entry say of a dump, set against what the dump
/// says itself.
///
/// ```swift
/// for dump in try VMCSDump.read(log) {
///   let explanation = try VMCSExplanation(of: dump)
///   print(explanation.text())
/// }
/// ```
public struct VMCSExplanation: Sendable {
  /// The dump.
  public let dump: VMCSDump
  /// The processor whose capabilities decided.
  public let profile: CPUProfile
  /// Whether neither the caller nor the dump named the processor.
  public let isProfileAssumed: Bool
  /// The broken rules, likeliest first: those that make the failure that the dump records, then the
  /// others in the order of the checks.
  public let findings: [Finding]
  /// Rules that depend on something the dump does not hold.
  public let undecided: [UndecidedRule]
  /// Profiles whose parts would not break the rules that only this processor breaks.
  public let fittingProfiles: [String]
  /// Where no finding makes the failure that the dump records: rules that would, on other processors.
  public let elsewhere: [OtherProcessor]
  let capabilities: VMXCapabilities

  /// A rule that is broken on other processors than the one that decided.
  public struct OtherProcessor: Sendable {
    /// The rule.
    public let broken: BrokenRule
    /// The names of the profiles.
    public let profiles: [String]
  }

  /// A broken rule.
  public struct Finding: Sendable {
    /// The rule.
    public let broken: BrokenRule
    /// Whether the rule is kept on some other processor.
    public let dependsOnProcessor: Bool
    /// Whether the processor that made the dump accepted this: its VM entry failed at a later stage.
    public let isRefuted: Bool
    /// What would mend it.
    public let mend: VMEntryMend
  }

  /// The findings that count: those that the dump does not refute.
  public var counted: [Finding] { findings.filter { !$0.isRefuted } }

  /// How many rules are kept whatever is unknown.
  public var keptCount: Int {
    VMEntryRule.allCases.count - Set(findings.map(\.broken.rule)).count - undecided.count
  }

  /// Explains `dump`.
  ///
  /// - Parameter profile: the processor; nil for the dump's own, or else ``CPUProfile/defaultName``.
  /// - Throws: `CPUProfileError` if the dump names a processor that does not exist, or one without VMX.
  public init(of dump: VMCSDump, on profile: CPUProfile? = nil) throws(CPUProfileError) {
    self.dump = dump
    isProfileAssumed = profile == nil && dump.profileName == nil
    if let profile {
      self.profile = profile
    } else {
      self.profile = try CPUProfile.named(dump.profileName ?? CPUProfile.defaultName)
    }
    guard let capabilities = Self.capabilities(of: self.profile, dump.offer) else {
      throw .inconsistent(profile: self.profile.name, reasons: ["it has no VMX"])
    }
    self.capabilities = capabilities
    let examination = VMEntryExamination(of: dump, on: capabilities)
    undecided = examination.undecided
    let everywhere = Set(
      dump.offer == .vmxlab
        ? examination.broken.map(\.rule)
        : VMEntryExamination(of: dump, on: .ofAnyProcessor).broken.map(\.rule))
    let failedStage = dump.entry.failedStage
    let findings = examination.broken.map { broken in
      let dependsOnProcessor = !everywhere.contains(broken.rule)
      let isPassed = failedStage.map { broken.rule.entry.section.stage < $0 } ?? false
      return Finding(
        broken: broken, dependsOnProcessor: dependsOnProcessor,
        isRefuted: isPassed && dependsOnProcessor, mend: broken.mend(dump.vmcs, capabilities))
    }
    self.findings = (0...2).flatMap { rank in
      findings.filter { Self.rank(of: $0, dump.entry) == rank }
    }
    let suspects = Set(findings.filter(\.dependsOnProcessor).map(\.broken.rule))
    fittingProfiles = suspects.isEmpty ? [] : Self.profiles(keeping: suspects, in: dump)
    let isExplained = findings.contains { Self.rank(of: $0, dump.entry) < 2 }
    elsewhere = isExplained || dump.offer == .vmxlab ? [] : Self.causes(in: dump)
  }

  /// The rules that make the recorded failure on some profile's part.
  private static func causes(in dump: VMCSDump) -> [OtherProcessor] {
    guard let stage = dump.entry.failedStage else { return [] }
    var names: [VMEntryRule: [String]] = [:]
    var found: [BrokenRule] = []
    for name in CPUProfile.names {
      guard let profile = try? CPUProfile.named(name),
        let capabilities = capabilities(of: profile, dump.offer)
      else { continue }
      for broken in VMEntryExamination(of: dump, on: capabilities).broken
      where broken.rule.makes(failureAt: stage, dump.entry.exitQualification) {
        if names[broken.rule] == nil { found.append(broken) }
        names[broken.rule, default: []].append(name)
      }
    }
    return found.map { OtherProcessor(broken: $0, profiles: names[$0.rule] ?? []) }
  }

  /// 0 for a finding that makes the failure that the dump records on every processor, 1 for one that does
  /// on this, 2 for the others.
  static func rank(of finding: Finding, _ entry: RecordedVMEntry) -> Int {
    guard let stage = entry.failedStage,
      finding.broken.rule.makes(failureAt: stage, entry.exitQualification)
    else { return 2 }
    return finding.dependsOnProcessor ? 1 : 0
  }

  private static func capabilities(
    of profile: CPUProfile, _ offer: VMXOffer
  ) -> VMXCapabilities? {
    offer == .vmxlab ? profile.vmxCapabilities : profile.partVMXCapabilities
  }

  private static func profiles(
    keeping rules: Set<VMEntryRule>, in dump: VMCSDump
  ) -> [String] {
    CPUProfile.names.filter { name in
      guard let profile = try? CPUProfile.named(name),
        let capabilities = capabilities(of: profile, dump.offer)
      else { return false }
      let broken = VMEntryExamination(of: dump, on: capabilities).broken
      return broken.allSatisfy { !rules.contains($0.rule) }
    }
  }

  /// What the user of the VMCS would see, by the findings that count. Nil if nothing is known to be
  /// broken, so that it depends on what is unknown.
  public var outcome: VMEntryOutcome? {
    let rules = counted.map(\.broken.rule)
    let stage = rules.map(\.entry.section.stage).min()
    guard let stage, let first = rules.first(where: { $0.entry.section.stage == stage }) else {
      return undecided.isEmpty ? .entered : nil
    }
    switch stage {
    case .controls: return .failValid(.vmEntryWithInvalidControlFields)
    case .hostState: return .failValid(.vmEntryWithInvalidHostStateFields)
    case .guestState: return .invalidGuestState(first.failureCode)
    case .msrLoading:
      return VMEntryExamination(of: dump, on: capabilities).outcome
    }
  }

  /// The undecided rules that could make the failure that the dump records, where no finding does.
  public var suspects: [UndecidedRule] {
    guard let stage = dump.entry.failedStage,
      !counted.contains(where: {
        $0.broken.rule.makes(failureAt: stage, dump.entry.exitQualification)
      })
    else { return [] }
    return undecided.filter { $0.rule.makes(failureAt: stage, dump.entry.exitQualification) }
  }
}

extension VMEntryRule {
  /// Whether the rule, when it is broken, makes a VM entry fail at `stage` with this exit
  /// qualification; nil if that is not known.
  func makes(failureAt stage: VMEntryStage, _ qualification: UInt64?) -> Bool {
    guard entry.section.stage == stage else { return false }
    guard stage == .guestState, let qualification else { return true }
    return failureCode.exitQualification == qualification
  }
}
