import FoundationEssentials
import VMXLab

extension VMCSExplanation {
  /// The explanations as a JSON list, for programs; keys sorted, with a line feed at the end.
  /// `docs/cli.md` names the keys.
  public static func json(_ explanations: [VMCSExplanation]) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Numbers and text alone: encoding them does not fail.
    let data = (try? encoder.encode(explanations.map(Content.init))) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  private struct Content: Encodable {
    struct Field: Encodable {
      var name: String
      var value: String
    }
    struct Mend: Encodable {
      var field: String?
      var value: String?
      var text: String
    }
    struct Rule: Encodable {
      var rule: String
      var section: String
      var sentence: String
      var stage: String
      var fields: [Field]
      var faults: String?
      var msr: Field?
      var dependsOnProcessor: Bool
      var mend: Mend
    }
    struct Undecided: Encodable {
      var rule: String
      var missing: [String]
    }
    struct Recorded: Encodable {
      var exitReason: String?
      var exitQualification: String?
      var instructionError: UInt32?
    }

    var source: String
    var cpu: String
    var cpuIsAssumed: Bool
    var recorded: Recorded
    var outcome: String?
    var broken: [Rule]
    var refuted: [Rule]
    var cannotBeChecked: [Undecided]
    var fittingProfiles: [String]
    var kept: Int

    init(_ explanation: VMCSExplanation) {
      let dump = explanation.dump
      source = dump.source
      cpu = explanation.profile.name
      cpuIsAssumed = explanation.isProfileAssumed
      recorded = Recorded(
        exitReason: dump.entry.exitReason.map { hex(UInt64($0)) },
        exitQualification: dump.entry.exitQualification.map(hex),
        instructionError: dump.entry.instructionError)
      outcome = explanation.outcome?.consequence
      broken = explanation.counted.map { Self.rule($0, dump.vmcs) }
      refuted = explanation.findings.filter(\.isRefuted).map { Self.rule($0, dump.vmcs) }
      cannotBeChecked = explanation.undecided.map {
        Undecided(rule: $0.rule.rawValue, missing: $0.missing)
      }
      fittingProfiles = explanation.fittingProfiles
      kept = explanation.keptCount
    }

    private static func rule(_ finding: Finding, _ vmcs: VMCS) -> Rule {
      let entry = finding.broken.rule.entry
      return Rule(
        rule: finding.broken.rule.rawValue, section: entry.section.title,
        sentence: entry.sentence, stage: "\(entry.section.stage)",
        fields: entry.fields.map { Field(name: $0.name, value: hex(vmcs[$0])) },
        faults: finding.broken.faults == 0 ? nil : hex(finding.broken.faults),
        msr: finding.broken.msr.map {
          Field(name: hex(UInt64($0.index)), value: hex($0.value))
        },
        dependsOnProcessor: finding.dependsOnProcessor,
        mend: Mend(
          field: finding.mend.field?.name,
          value: finding.mend.field == nil ? nil : hex(finding.mend.value),
          text: finding.mend.text))
    }
  }
}
