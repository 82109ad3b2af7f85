import VMXLab

/// The rules of VM entry as a document: `docs/entry-checks.md`.
public enum VMEntryRuleTable {
  /// The document, in Markdown.
  public static var markdown: String {
    var text = """
      # The checks of a VM entry

      Every rule that VMXLab checks when VMLAUNCH or VMRESUME is executed, by the section of the Intel SDM
      (volume 3) that it comes from, in the order of the manual. The names are those that `vmxlab run`,
      `vmxlab explain` and the library report. A rule depends on the fields that its row names, and on the
      capabilities of the processor; what it reads beside those is in italics.

      This page is written by `vmxlab explain --rules`; `make docs` writes it anew.


      """
    let sections = VMEntrySection.allCases
    text += "| section | rules | a broken rule makes |\n| --- | --- | --- |\n"
    for section in sections {
      let link = section.title.lowercased().filter { $0.isLetter || $0 == " " || $0 == "-" }
        .replacing(" ", with: "-")
      let count = rules(of: section).count
      text += "| [\(section.title)](#\(link)) | \(count) | \(consequence(of: section)) |\n"
    }
    text += "\n\(VMEntryRule.allCases.count) rules in all.\n"
    for section in sections {
      text += "\n## \(section.title)\n\n"
      text += "A broken rule makes \(consequence(of: section)).\n\n"
      text += "| rule | | reads |\n| --- | --- | --- |\n"
      for entry in rules(of: section) {
        text += "| `\(entry.rule.rawValue)` | \(sentence(of: entry)) | \(reads(of: entry)) |\n"
      }
    }
    return text
  }

  private static func rules(of section: VMEntrySection) -> [VMEntryRuleEntry] {
    VMEntryRuleCatalogue.entries.filter { $0.section == section }
  }

  private static func consequence(of section: VMEntrySection) -> String {
    switch section.stage {
    case .controls: "VMfailValid with VM-instruction error 7"
    case .hostState: "VMfailValid with VM-instruction error 8"
    case .guestState: "a VM-entry failure with basic exit reason 33"
    case .msrLoading: "a VM-entry failure with basic exit reason 34"
    }
  }

  /// The sentence, and the exit qualification where it is not 0.
  private static func sentence(of entry: VMEntryRuleEntry) -> String {
    let code = entry.rule.failureCode
    guard entry.section.stage == .guestState, code != .default else { return entry.sentence }
    return "\(entry.sentence) Exit qualification \(code.exitQualification)."
  }

  private static func reads(of entry: VMEntryRuleEntry) -> String {
    (entry.fields.map(\.name) + entry.rule.inputs.map { "*\($0.name)*" }).joined(separator: ", ")
  }
}
