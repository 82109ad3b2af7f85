import VMXLab

/// Reads the VMCSs that Linux KVM or Xen printed to a log, whatever else is in the log.
///
/// Time stamps, host names, marks of quotation and broken lines do not disturb. What is missing, or cut
/// off, stays unknown in the dump.
///
/// Source of the formats: see ``LogStatement``.
struct HypervisorLog {
  /// The dumps, in their order.
  private(set) var dumps: [HypervisorDump] = []
  private var cursor: LogCursor
  private var current: HypervisorDump?
  private var section: LogSection?
  /// Fields from labels that two parts of a dump have, since the last that only the guest state has.
  private var ambiguous: [VMCSField] = []
  /// What a line before a dump said of the VM entry.
  private var announced: UInt32?
  /// The entry of the MSR-load area that a line before a dump named.
  private var announcedMSR: MSRListEntry?
  private var list: MSRList?
  private let isXen: Bool

  init(_ text: String) {
    let tokens = LogTokens.split(LogTokens.withoutMailEncoding(text))
    cursor = LogCursor(tokens: tokens)
    isXen = Self.looksLikeXen(cursor)
    while !cursor.isAtEnd { step() }
    endDump()
  }

  private static func looksLikeXen(_ start: LogCursor) -> Bool {
    var cursor = start
    while !cursor.isAtEnd {
      if cursor.sees(["(", "XEN", ")"]) || cursor.sees(["sel", "attr", "limit", "base"])
        || cursor.sees(["Guest", "PAT", "="]) || cursor.sees(["CR3", ":", "actual"])
      {
        return true
      }
      cursor.index += 1
    }
    return false
  }

  private mutating func step() {
    if enterTitledSection() || takeVerdict() || takeRefusedMSR() || takeMSRList() { return }
    enterUntitledSection()
    if section != nil, takeStatement() { return }
    cursor.index += 1
  }

  // MARK: Sections

  private mutating func enterTitledSection() -> Bool {
    for next in LogSection.allCases where cursor.take(next.title) {
      if next == .guest { endDump() }
      begin(next)
      ambiguous = []
      return true
    }
    return false
  }

  /// Notices the beginning of a section whose title is missing.
  private mutating func enterUntitledSection() {
    if cursor.sees(["CR0", ":", "actual", "="]),
      section != .guest || current?.dump["guestCR0"] != nil
    {
      endDump()
      begin(.guest)
    } else if section == .guest, LogStatement.hostMarks.contains(where: { cursor.sees($0) }) {
      forgetAmbiguous()
      begin(.host)
    } else if section == .guest || section == .host,
      LogStatement.controlMarks.contains(where: { cursor.sees($0) })
    {
      if section == .guest { forgetAmbiguous() }
      begin(.control)
    }
  }

  private mutating func begin(_ next: LogSection) {
    endList(isComplete: true)
    if current == nil {
      current = HypervisorDump(isXen: isXen)
      current?.verdict = announced
      current?.dump.entry.refusedMSR = announcedMSR
      announced = nil
      announcedMSR = nil
    }
    section = next
  }

  private mutating func endDump() {
    endList(isComplete: false)
    if var dump = current {
      dump.finish()
      dumps.append(dump)
    }
    current = nil
    section = nil
    ambiguous = []
  }

  /// What may have been the next section's is not known after all.
  private mutating func forgetAmbiguous() {
    for field in ambiguous { current?.dump[field] = nil }
    ambiguous = []
  }

  // MARK: Statements

  private mutating func takeStatement() -> Bool {
    guard let section, let word = cursor.word else { return false }
    for statement in section.statements(beginningWith: word) {
      var next = cursor
      guard next.take(statement.head) else { continue }
      var found = false
      for item in statement.items {
        guard let values = take(item, &next, isAlone: statement.head.isEmpty) else { continue }
        if item.isAmbiguous, repeats(values) {
          // The guest's has been seen: this is the host's, and its title is missing.
          ambiguous = []
          begin(.host)
          return takeStatement()
        }
        found = true
        for (key, value) in values { set(key, value, isAmbiguous: item.isAmbiguous) }
        if section == .guest, !item.isAmbiguous { ambiguous = [] }
      }
      guard found else { continue }
      endList(isComplete: true)
      cursor = next
      return true
    }
    return false
  }

  private func take(
    _ item: LogItem, _ cursor: inout LogCursor, isAlone: Bool
  ) -> [(key: String, value: UInt64)]? {
    var next = cursor
    if !isAlone { _ = next.take([","]) }
    guard next.take(item.label) else { return nil }
    let hasEquals = next.take(["="])
    guard hasEquals || item.label.isEmpty else { return nil }
    var values: [(key: String, value: UInt64)] = []
    for (position, value) in item.values.enumerated() {
      let isLast = position == item.values.count - 1
      if position > 0, !next.take([":"]) { break }
      guard let number = next.takeNumber(digits: value.digits, mayPrecedeColon: !isLast) else {
        break
      }
      if let key = value.key { values.append((key, number)) }
    }
    // An IA32_EFER that KVM worked out, or that is in the MSR-load area, is not the field's.
    if item.label == ["EFER"],
      next.take(["(", "effective", ")"]) || next.take(["(", "autoload", ")"])
    {
      values = []
    }
    guard !values.isEmpty else { return nil }
    cursor = next
    return values
  }

  private func repeats(_ values: [(key: String, value: UInt64)]) -> Bool {
    section == .guest
      && values.contains { key, value in
        guard let known = current?.dump[key] else { return false }
        return known != value
      }
  }

  private mutating func set(_ key: String, _ value: UInt64, isAmbiguous: Bool) {
    guard let field = VMCSField.field(key: key), value <= field.largestValue else { return }
    current?.set(field, value)
    if isAmbiguous { ambiguous.append(field) }
  }

  // MARK: What the hypervisor says of the entry

  /// `KVM: entry failed, hardware error 0x7`, `vmentry failure (reason 0x80000021)`, `Failed vm entry
  /// (exit reason 0x80000021)`, `VMLAUNCH error: 0x7`.
  private mutating func takeVerdict() -> Bool {
    let followsDump: [[String]] = [["hardware", "error"], ["unhandled", "exit"]]
    let precedesDump: [[String]] = [
      ["vmentry", "failure", "(", "reason"], ["vm", "entry", "(", "exit", "reason"],
      ["VMLAUNCH", "error", ":"], ["VMRESUME", "error", ":"],
    ]
    for words in followsDump + precedesDump {
      var next = cursor
      guard next.take(words), let number = next.takeNumber(digits: []) else { continue }
      cursor = next
      let verdict = UInt32(truncatingIfNeeded: number)
      if followsDump.contains(words), section == .control {
        if current?.verdict == nil { current?.verdict = verdict }
      } else {
        if section == .control { endDump() }
        announced = verdict
      }
      return true
    }
    return false
  }

  /// `msr 000001dd val 1ffff80676f52be5 (mbz 0)`, Xen's line on the entry that could not be loaded.
  private mutating func takeRefusedMSR() -> Bool {
    var next = cursor
    guard next.take(["msr"]), let index = next.takeNumber(digits: [8]), next.take(["val"]),
      let value = next.takeNumber(digits: []), next.take(["(", "mbz"]),
      let reserved = next.takeNumber(digits: [])
    else { return false }
    cursor = next
    if section == .control { endDump() }
    announcedMSR = MSRListEntry(
      index: UInt32(truncatingIfNeeded: index), reserved: UInt32(truncatingIfNeeded: reserved),
      value: value)
    return true
  }

  // MARK: MSR lists

  private struct MSRList {
    enum Kind { case entryLoad, exitStore, exitLoad }
    var kind: Kind
    var entries: [MSRListEntry] = []
    var isContiguous = true
  }

  /// `MSR guest autoload:` and the lines `0: msr=0x00000600 value=0x0000000000000000` after it.
  private mutating func takeMSRList() -> Bool {
    guard section != nil else { return false }
    let titles: [([String], MSRList.Kind)] = [
      (["MSR", "guest", "autoload", ":"], .entryLoad),
      (["MSR", "guest", "autostore", ":"], .exitStore),
      (["MSR", "host", "autoload", ":"], .exitLoad),
    ]
    for (title, kind) in titles where cursor.take(title) {
      endList(isComplete: true)
      list = MSRList(kind: kind)
      return true
    }
    guard list != nil else { return false }
    var next = cursor
    guard
      let number = next.tokens.indices.contains(next.index)
        ? Int(next.tokens[next.index].text) : nil
    else { return false }
    next.index += 1
    guard next.take([":", "msr", "="]), let index = next.takeNumber(digits: [8]),
      next.take(["value", "="]), let value = next.takeNumber(digits: [16])
    else { return false }
    if number != list?.entries.count { list?.isContiguous = false }
    list?.entries.append(
      MSRListEntry(index: UInt32(truncatingIfNeeded: index), value: value))
    cursor = next
    return true
  }

  private mutating func endList(isComplete: Bool) {
    guard let list else { return }
    self.list = nil
    guard list.isContiguous, !list.entries.isEmpty else { return }
    let count: UInt64? = isComplete ? UInt64(list.entries.count) : nil
    switch list.kind {
    case .entryLoad:
      current?.dump.entryMSRLoadArea = list.entries
      current?.dump["entryMSRLoadCount"] = count
    case .exitStore: current?.dump["exitMSRStoreCount"] = count
    case .exitLoad: current?.dump["exitMSRLoadCount"] = count
    }
  }
}

/// One dump of a log while it is read.
struct HypervisorDump {
  var dump: VMCSDump
  /// What the hypervisor said beside the dump: an exit reason, or the number of a VM-instruction error.
  var verdict: UInt32?
  /// Fields that were given twice with different values, and so are not known.
  private(set) var contradictory: [VMCSField] = []

  init(isXen: Bool) {
    dump = VMCSDump(source: isXen ? "Xen" : "Linux KVM")
    // Neither runs in SMM.
    dump.processor.isInSMM = false
  }

  mutating func set(_ field: VMCSField, _ value: UInt64) {
    if let known = dump[field], known != value {
      contradictory.append(field)
      dump[field] = nil
    } else if !contradictory.contains(where: { $0.encoding == field.encoding }) {
      dump[field] = value
    }
  }

  /// Notes what the dump says of the VM entry.
  mutating func finish() {
    if let verdict, verdict < 1 << 16 {
      // The exit reason is that of an earlier VM exit.
      dump.entry.instructionError = verdict
      return
    }
    dump.entry.exitReason = dump["exitReason"].map { UInt32(truncatingIfNeeded: $0) } ?? verdict
    if dump.entry.exitReason != nil { dump.entry.exitQualification = dump["exitQualification"] }
  }
}
