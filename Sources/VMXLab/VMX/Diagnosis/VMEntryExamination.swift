/// A rule that cannot be decided, because the dump lacks something that matters to it.
public struct UndecidedRule: Equatable, Sendable {
  /// The rule.
  public let rule: VMEntryRule
  /// The fields that are not known.
  public let missingFields: [String]
  /// What else is not known.
  public let missingInputs: [VMEntryRuleInput]

  /// The names of what is missing.
  public var missing: [String] {
    missingFields.compactMap { VMCSField.field(key: $0)?.name } + missingInputs.map(\.name)
  }
}

/// What the rules of a VM entry say of a dump. Nothing is guessed: a rule is broken only if all that it
/// reads is known, and kept only if that is so too, or if known controls keep it from being checked.
public struct VMEntryExamination: Sendable {
  /// The rules that are broken, in the order of the checks.
  public let broken: [BrokenRule]
  /// The rules that depend on something unknown.
  public let undecided: [UndecidedRule]

  /// How many rules were decided.
  public var decidedCount: Int { VMEntryRule.allCases.count - undecided.count }

  /// What a guest hypervisor would see, by the first broken rule; ``VMEntryOutcome/entered`` if none is
  /// known to be broken.
  public var outcome: VMEntryOutcome {
    guard let first = broken.first else { return .entered }
    switch first.rule.entry.section.stage {
    case .controls: return .failValid(.vmEntryWithInvalidControlFields)
    case .hostState: return .failValid(.vmEntryWithInvalidHostStateFields)
    case .guestState: return .invalidGuestState(first.rule.failureCode)
    case .msrLoading:
      return .msrLoadFailed(entry: MSRLoadIndex(afterLoading: firstRefusedMSR ?? 0))
    }
  }

  /// How many entries of the MSR-load area come before the first that is refused.
  let firstRefusedMSR: UInt32?

  /// How often the unknown is made up anew.
  static let standardRounds = 256

  /// Checks `dump` against all rules on a processor with these capabilities.
  public init(of dump: VMCSDump, on capabilities: VMXCapabilities) {
    self.init(of: dump, on: capabilities, rounds: Self.standardRounds)
  }

  init(of dump: VMCSDump, on capabilities: VMXCapabilities, rounds: Int) {
    let unknown = VMCSField.all.filter { $0.group != .unchecked && !dump.knows($0) }
    let isComplete =
      unknown.isEmpty && VMEntryRuleInput.allCases.allSatisfy { !dump.lacks($0) }
    // What each rule that lacks something lacks.
    var lacking: [VMEntryRule: UndecidedRule] = [:]
    if !isComplete {
      for entry in VMEntryRuleCatalogue.entries {
        let fields = entry.fieldKeys.filter { dump[$0] == nil }
        let inputs = entry.rule.inputs.filter(dump.lacks)
        if !fields.isEmpty || !inputs.isEmpty {
          lacking[entry.rule] = UndecidedRule(
            rule: entry.rule, missingFields: fields, missingInputs: inputs)
        }
      }
    }
    var counts: [VMEntryRule: Int] = [:]
    var found: [VMEntryRule: BrokenRule] = [:]
    var open: [VMEntryRule: UndecidedRule] = [:]
    let roundCount = isComplete ? 1 : rounds
    for round in 0..<roundCount {
      var reporter = ExaminingReporter()
      dump.check(on: capabilities, unknown: unknown, round: round, for: &reporter)
      for rule in reporter.broken {
        counts[rule.rule, default: 0] += 1
        found[rule.rule] = rule
      }
      // A rule that lacks something is undecided as soon as it is checked at all: that some values keep
      // it, or break it, says nothing of the others.
      for rule in reporter.checked where open[rule] == nil { open[rule] = lacking[rule] }
    }
    var decided: [BrokenRule] = []
    for (rule, count) in counts where open[rule] == nil {
      if count == roundCount, let rule = found[rule] {
        decided.append(rule)
      } else {
        // It depends on something that it does not name.
        open[rule] = UndecidedRule(rule: rule, missingFields: [], missingInputs: [])
      }
    }
    let position = Dictionary(
      uniqueKeysWithValues: VMEntryRule.allCases.enumerated().map { ($1, $0) })
    decided.sort { (position[$0.rule] ?? 0) < (position[$1.rule] ?? 0) }
    let list = dump.examineMSRLoadArea(on: capabilities)
    for rule in list.undecided { open[rule.rule] = rule }
    broken = decided + list.broken
    undecided = open.values.sorted { (position[$0.rule] ?? 0) < (position[$1.rule] ?? 0) }
    firstRefusedMSR = list.firstRefused
  }
}

/// Collects the rules that were checked, and those of them that are broken.
private struct ExaminingReporter: RuleReporter {
  private(set) var checked: [VMEntryRule] = []
  private(set) var broken: [BrokenRule] = []

  mutating func holds(_ rule: VMEntryRule, _ condition: Bool) -> Bool {
    checked.append(rule)
    if !condition { broken.append(BrokenRule(rule: rule, faults: 0)) }
    return true
  }

  mutating func clear(_ rule: VMEntryRule, _ faults: UInt64) -> Bool {
    checked.append(rule)
    if faults != 0 { broken.append(BrokenRule(rule: rule, faults: faults)) }
    return true
  }
}

extension VMCSDump {
  /// Makes every check before MSR loading with the unknown made up for `round`.
  fileprivate func check(
    on capabilities: VMXCapabilities, unknown: [VMCSField], round: Int,
    for reporter: inout ExaminingReporter
  ) {
    var samples = UnknownSamples(round: round)
    var vmcs = vmcs
    for field in unknown { vmcs[field] = samples.value(of: field) }
    let linked = vmcs.vmcsLinkPointer
    let state = VMEntryProcessorState(
      isInIA32eMode: processor.isInIA32eMode ?? samples.flip(),
      isInSMM: processor.isInSMM ?? samples.flip(),
      isTracing: processor.isTracing ?? samples.flip(),
      currentVMCS: processor.currentVMCS ?? (samples.flip() ? linked : samples.linkPointer()))
    let memory = SampledMemory(
      known: memory, revision: UInt32(truncatingIfNeeded: capabilities.msrs.basic) & 0x7fff_ffff,
      round: round)
    withUnsafePointer(to: vmcs) { vmcs in
      withUnsafePointer(to: capabilities) { capabilities in
        VMEntryContext(vmcs: vmcs, capabilities: capabilities, processor: state, memory: memory)
          .checkAll(&reporter)
      }
    }
  }

  /// Whether something that rules read beside fields is not known.
  func lacks(_ input: VMEntryRuleInput) -> Bool {
    switch input {
    case .ia32eMode: processor.isInIA32eMode == nil
    case .systemManagementMode: processor.isInSMM == nil
    case .tracing: processor.isTracing == nil
    case .currentVMCSPointer: processor.currentVMCS == nil
    case .virtualTPR:
      usesTPRShadow != false
        && self["virtualAPICAddress"].flatMap { memory.value(byteCount: 4, at: $0 &+ 0x80) } == nil
    case .linkedRegion:
      self["vmcsLinkPointer"] != .max
        && self["vmcsLinkPointer"].flatMap { memory.value(byteCount: 4, at: $0) } == nil
    case .pageDirectoryPointerTable: usesEPT != true && !knowsPDPTEsInMemory
    case .entryMSRLoadArea: knownMSRLoadArea == nil
    case .acceptedMSRValues: offer == .part
    }
  }

  private var usesTPRShadow: Bool? {
    self["primaryProcessorBasedControls"].map {
      PrimaryProcessorBasedControls(rawValue: UInt32(truncatingIfNeeded: $0))
        .contains(.useTPRShadow)
    }
  }

  private var usesEPT: Bool? {
    guard let primary = self["primaryProcessorBasedControls"] else { return nil }
    let word = PrimaryProcessorBasedControls(rawValue: UInt32(truncatingIfNeeded: primary))
    guard word.contains(.activateSecondaryControls) else { return false }
    return self["secondaryProcessorBasedControls"].map {
      SecondaryProcessorBasedControls(rawValue: UInt32(truncatingIfNeeded: $0)).contains(.enableEPT)
    }
  }

  private var knowsPDPTEsInMemory: Bool {
    guard let table = self["guestCR3"].map({ $0 & 0xffff_ffe0 }) else { return false }
    return stride(from: 0 as UInt64, to: 32, by: 8).allSatisfy {
      memory.value(byteCount: 8, at: table &+ $0) != nil
    }
  }
}
