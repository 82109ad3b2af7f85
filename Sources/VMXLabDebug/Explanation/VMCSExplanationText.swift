import VMXLab

extension VMCSExplanation {
  /// The explanation for people: what was read, what the rules say of it, and each broken rule with its
  /// section of the manual, the fields, and what would mend it. Ends with a line feed.
  ///
  /// - Parameter listsUndecided: whether to list the rules that cannot be checked, not only count them.
  public func text(listsUndecided: Bool = false) -> String {
    var paragraphs = [header, summary]
    let shown = counted
    if !shown.isEmpty {
      paragraphs += shown.enumerated().map { number, finding in
        text(of: finding, number: number + 1)
      }
    }
    paragraphs += [refuted, unknown(listsUndecided: listsUndecided)].compactMap { $0 }
    return paragraphs.joined(separator: "\n\n") + "\n"
  }

  // MARK: Header

  private var header: String {
    var rows = [("source", "\(dump.source), \(dump.knownFields.count) fields")]
    var processor = profile.name
    processor += dump.offer == .vmxlab ? " as VMXLab offers it" : ", all that the part has"
    if isProfileAssumed { processor += " (assumed: the dump does not say; --cpu names another)" }
    rows.append(("processor", processor))
    if let recorded { rows.append(("recorded", recorded)) }
    rows.append(("verdict", verdict))
    var rules = "\(counted.count) broken, \(keptCount) kept, \(undecided.count) cannot be checked"
    if counted.count < findings.count {
      rules += ", \(findings.count - counted.count) do not fit the processor"
    }
    rows.append(("rules", rules))
    return rows.map { name, value in
      name + String(repeating: " ", count: 11 - name.count) + value
    }.joined(separator: "\n")
  }

  /// What the dump says of the VM entry.
  public var recorded: String? {
    let entry = dump.entry
    var place = ""
    if let isLaunch = entry.isLaunch {
      place = isLaunch ? "VMLAUNCH" : "VMRESUME"
      if let rip = entry.rip { place += " at \(hex(rip))" }
      place += ": "
    }
    if let number = entry.instructionError {
      guard let error = VMInstructionError(rawValue: number) else {
        return place + "VMfailValid (ZF = 1), VM-instruction error \(number)"
      }
      return place + VMEntryOutcome.consequence(of: error)
    }
    guard let number = entry.exitReason else { return nil }
    let reason = ExitReason(rawValue: number)
    if reason.isEntryFailure {
      return place
        + VMEntryOutcome.consequence(of: reason, qualification: entry.exitQualification ?? 0)
        + (entry.exitQualification == nil ? " (not in the dump)" : "")
    }
    let name = reason.basic?.text ?? "unknown"
    return place
      + "VM exit, reason \(hex(UInt64(number))) (\(UInt16(truncatingIfNeeded: number)), \(name)); "
      + "a VM entry that failed since then ended with VMfailValid"
  }

  private var verdict: String {
    guard let outcome else {
      return "nothing that is known breaks a rule; the rest decides"
    }
    if outcome == .entered { return "VM entry: no rule is broken" }
    if let recorded, recorded.hasSuffix(outcome.consequence) { return "the same" }
    return outcome.consequence
  }

  // MARK: The first thing to read

  private var summary: String {
    var sentences: [String] = []
    if let first = counted.first {
      sentences.append(first.broken.rule.entry.sentence)
      if dependsOnAssumption(first) {
        sentences.append("Some processors do not ask for that: name yours with --cpu.")
      }
    } else if undecided.isEmpty {
      sentences.append("Nothing is wrong with this VMCS.")
    } else {
      sentences.append("No rule that can be checked is broken.")
    }
    sentences += [earlyFailure, mismatch].compactMap { $0 }
    return sentences.joined(separator: "\n")
  }

  private func dependsOnAssumption(_ finding: Finding) -> Bool {
    isProfileAssumed && finding.dependsOnProcessor && Self.rank(of: finding, dump.entry) == 2
  }

  /// An error that the instruction ends with before any rule is checked.
  private var earlyFailure: String? {
    guard let number = dump.entry.instructionError, dump.entry.failedStage == nil,
      let error = VMInstructionError(rawValue: number)
    else { return nil }
    let mend =
      switch error {
      case .vmlaunchWithNonClearVMCS: "\nmend: use VMRESUME, or VMCLEAR and VMPTRLD first"
      case .vmresumeWithNonLaunchedVMCS: "\nmend: use VMLAUNCH for the first VM entry"
      case .vmEntryWithEventsBlockedByMOVSS:
        "\nmend: execute another instruction after MOV SS or POP SS"
      default: ""
      }
    return "The VM entry ended with error \(number) (\(error.text)) before its checks." + mend
  }

  /// What does not go together: what the dump records, and what the rules say.
  private var mismatch: String? {
    guard let stage = dump.entry.failedStage else { return nil }
    let rules = counted.map(\.broken.rule)
    if let earliest = rules.map(\.entry.section.stage).min(), earliest < stage {
      return "A VM entry of this VMCS would fail earlier than the recorded one did: it was changed "
        + "since, or the record is of another VM entry."
    }
    if rules.contains(where: { $0.makes(failureAt: stage, dump.entry.exitQualification) }) {
      return nil
    }
    return ([unknownCause] + elsewhere.map(Self.text)).joined(separator: "\n")
  }

  /// What to say of a recorded failure that no finding makes.
  private var unknownCause: String {
    guard !suspects.isEmpty else {
      return elsewhere.isEmpty
        ? "The recorded failure has no cause in what the dump holds: it was changed since, or the record "
          + "is of another VM entry, or of a processor that VMXLab does not know."
        : "The recorded failure has a cause in this VMCS on other processors:"
    }
    let names = Self.grouped(suspects).map { name, count in
      "  \(name) (\(count) \(count == 1 ? "rule" : "rules"))"
    }
    return "The recorded failure must come from what the dump does not hold:\n"
      + names.joined(separator: "\n") + (elsewhere.isEmpty ? "" : "\nor from the processor:")
  }

  private static func text(of cause: OtherProcessor) -> String {
    "  \(cause.broken.rule.entry.sentence) [\(cause.broken.rule.rawValue) on "
      + cause.profiles.joined(separator: ", ") + "]"
  }

  // MARK: Findings

  private func text(of finding: Finding, number: Int) -> String {
    let rule = finding.broken.rule
    var lines = ["\(number). \(rule.entry.section.title) [\(rule.rawValue)]"]
    lines.append("   \(rule.entry.sentence)")
    lines += facts(of: finding).map { "     \($0)" }
    if isProfileAssumed, finding.dependsOnProcessor {
      lines.append("   depends on the processor" + suggestion)
    }
    lines.append("   mend: \(finding.mend.text)")
    return lines.joined(separator: "\n")
  }

  private var suggestion: String {
    guard !fittingProfiles.isEmpty else { return "" }
    let verb = fittingProfiles.count == 1 ? "accepts" : "accept"
    return ": \(fittingProfiles.joined(separator: ", ")) \(verb) it"
  }

  /// The fields that a rule reads, with values, and the bits at fault.
  func facts(of finding: Finding) -> [String] {
    let broken = finding.broken
    // PDPTEs in memory are not those of the fields.
    let fields = broken.rule.entry.fields.dropFirst(broken.isInMemory(dump.vmcs) ? 1 : 0)
    var facts = fields.map { field in
      let value = dump.vmcs[field]
      let meaning = VMCSFieldMeaning.text(of: field, value).map { " (\($0))" } ?? ""
      return "\(field.name) = \(hex(value))\(meaning)"
    }
    if let msr = broken.msr {
      facts.append("MSR \(hex(UInt64(msr.index))) = \(hex(msr.value))")
    }
    if let faults = broken.faultText(dump.vmcs) { facts.append(faults) }
    return facts
  }

  /// The rules that only the assumed or named processor breaks, though the real one did not.
  private var refuted: String? {
    let refuted = findings.filter(\.isRefuted)
    guard !refuted.isEmpty else { return nil }
    var lines = [
      "The recorded VM entry failed at a later stage, so that its processor accepted what "
        + "\(profile.name) would not"
        + (fittingProfiles.isEmpty
          ? ":" : " (but \(fittingProfiles.joined(separator: ", ")) would; see --cpu):")
    ]
    for finding in refuted {
      let detail = finding.broken.faultText(dump.vmcs) ?? facts(of: finding).first ?? ""
      let name = finding.broken.rule.entry.fields.first?.name ?? finding.broken.rule.rawValue
      lines.append("  \(name): \(detail) [\(finding.broken.rule.rawValue)]")
    }
    return lines.joined(separator: "\n")
  }

  // MARK: What is unknown

  private func unknown(listsUndecided: Bool) -> String? {
    guard !undecided.isEmpty else { return nil }
    if listsUndecided {
      let lines = undecided.map {
        "  \($0.rule.rawValue): \($0.rule.entry.sentence)\n    missing: "
          + $0.missing.joined(separator: ", ")
      }
      return "Rules that cannot be checked:\n" + lines.joined(separator: "\n")
    }
    let open = undecided.filter { rule in
      dump.entry.failedStage.map { rule.rule.entry.section.stage == $0 } ?? true
    }
    var text = "\(undecided.count) rules cannot be checked, because the dump lacks what they read"
    if dump.entry.failedStage != nil {
      text +=
        open.isEmpty ? "; none is" : "; \(open.count) of them \(open.count == 1 ? "is" : "are")"
      text += " of the stage that failed"
    }
    let groups = Self.grouped(open)
    let shown = groups.prefix(8).map { name, count in "  \(name) (\(count))" }
    text += shown.isEmpty ? "." : ":\n" + shown.joined(separator: "\n")
    if groups.count > shown.count { text += "\n  and \(groups.count - shown.count) more" }
    return text + "\n--all lists the rules."
  }

  /// What is missing, with how many rules need it, most first.
  static func grouped(_ undecided: [UndecidedRule]) -> [(name: String, count: Int)] {
    var counts: [String: Int] = [:]
    for rule in undecided { for name in rule.missing { counts[name, default: 0] += 1 } }
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
  }
}

/// `value` as people write addresses and registers.
func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
