import Foundation
import Testing
import VMXLab

@testable import VMXLabDebug

@Suite("The explanation of a dump")
struct VMCSExplanationTests {
  private func explain(
    _ log: String, _ changes: (String, String)..., cpu: String? = nil
  ) throws -> VMCSExplanation {
    var text = log
    for (old, new) in changes {
      #expect(text.contains(old), "\(old)")
      text = text.replacing(old, with: new)
    }
    let dump = try #require(VMCSDump.read(text).first)
    return try VMCSExplanation(of: dump, on: cpu.map(CPUProfile.named))
  }

  @Test("the logs of the tests break no rule", arguments: LogFixtures.all)
  func nothingBroken(name: String, log: String) throws {
    let explanation = try explain(log)
    #expect(explanation.findings.map(\.broken.rule) == [])
    #expect(explanation.outcome == nil)
    #expect(explanation.isProfileAssumed)
    let text = explanation.text()
    #expect(text.contains("nothing that is known breaks a rule"))
    #expect(
      text.contains("The recorded failure must come from what the dump does not hold")
        || text.contains("The recorded failure has no cause in what the dump holds")
        || text.contains("The recorded failure has a cause in this VMCS on other processors"))
    // A link pointer would give another qualification, and EPT makes the PDPTEs fields.
    #expect(!explanation.suspects.contains { $0.rule.failureCode != .default })
  }

  /// Failures of the kinds that people reported, one a line.
  static let failures: [(String, [(String, String)], [VMEntryRule])] = [
    (
      "an interrupt is injected with IF clear",
      [
        ("RFLAGS=0x00000246", "RFLAGS=0x00000046"),
        ("VMEntry: intr_info=00000000", "VMEntry: intr_info=800000d1"),
      ],
      [.guestRFLAGSIF]
    ),
    (
      "blocking by STI with IF clear",
      [
        ("RFLAGS=0x00000246", "RFLAGS=0x00000046"),
        ("Interruptibility = 00000000", "Interruptibility = 00000009"),
      ],
      [.stiNeedsIF]
    ),
    (
      "a single step in the shadow of MOV SS",
      [
        ("RFLAGS=0x00000246", "RFLAGS=0x00000346"),
        ("Interruptibility = 00000000", "Interruptibility = 00000002"),
      ],
      [.pendingSingleStepRequired]
    ),
    ("bit 63 of CR3", [("CR3 = 0x0000000001234000", "CR3 = 0x8000000001234000")], [.guestCR3Width]),
    (
      "high bits of DR7", [("DR7 = 0x0000000000000400", "DR7 = 0x4000000000000001")],
      [.guestDR7High]
    ),
  ]

  @Test("failures that people reported are found", arguments: failures.map(\.0))
  func reportedFailures(name: String) throws {
    let (_, changes, rules) = try #require(Self.failures.first { $0.0 == name })
    for log in [LogFixtures.newKVM, LogFixtures.oldKVM, LogFixtures.newXen] {
      var text = log
      for (old, new) in changes { text = text.replacing(old, with: new) }
      let explanation = try explain(text)
      #expect(explanation.counted.map(\.broken.rule) == rules)
      #expect(explanation.outcome == .invalidGuestState(.default))
      #expect(explanation.text().contains("verdict    the same"))
      #expect(explanation.text().contains("mend: write 0x"))
    }
  }

  @Test("segments in Xen's table and in KVM's lines break the same rules")
  func segments() throws {
    let rules: [VMEntryRule] = [.guestDSAccessed]
    let kvm = try explain(
      LogFixtures.newKVM,
      ("DS:   sel=0x0000, attr=0x1c001", "DS:   sel=0x0018, attr=0x0c0f2"))
    let xen = try explain(LogFixtures.newXen, ("DS: 0000 1c001", "DS: 0018 0c0f2"))
    #expect(kvm.counted.map(\.broken.rule) == rules)
    #expect(xen.counted.map(\.broken.rule) == rules)
  }

  @Test("controls that the processor of the dump accepted are not held against it")
  func refutedByTheRecord() throws {
    // UMIP in CR4 is not of the default processor, which is an assumption.
    let explanation = try explain(
      LogFixtures.newKVM, ("CR4=00000000003626f0", "CR4=0000000000362ef0"),
      ("Interruptibility = 00000000", "Interruptibility = 00000003"))
    #expect(explanation.findings.contains { $0.broken.rule == .hostCR4Fixed && $0.isRefuted })
    #expect(explanation.counted.map(\.broken.rule) == [.stiExcludesMOVSS])
    #expect(explanation.fittingProfiles.contains("icelake-server"))
    #expect(!explanation.fittingProfiles.contains("skylake-server"))
    #expect(explanation.text().contains("accepted what skylake-server would not"))
    let named = try explain(
      LogFixtures.newKVM, ("CR4=00000000003626f0", "CR4=0000000000362ef0"), cpu: "icelake-server")
    #expect(named.findings.isEmpty)
    #expect(!named.isProfileAssumed)
  }

  @Test("guest state that only some processors refuse is said to depend on the processor")
  func dependsOnProcessor() throws {
    let explanation = try explain(
      LogFixtures.newKVM, ("actual=0x00000000000026f0", "actual=0x0000000000002ef0"))
    #expect(explanation.counted.map(\.broken.rule) == [.guestCR4Fixed])
    #expect(explanation.counted.allSatisfy { $0.dependsOnProcessor })
    #expect(explanation.text().contains("icelake-server"))
  }

  @Test("a record that does not go with the rules is said not to")
  func contradictions() throws {
    let early = try explain(
      LogFixtures.newKVM, ("Virtual processor ID = 0x0001", "Virtual processor ID = 0x0000"))
    #expect(early.counted.map(\.broken.rule) == [.vpidZero])
    #expect(early.text().contains("would fail earlier"))
    let succeeded = try explain(
      LogFixtures.newKVM, ("reason=80000021", "reason=0000000c"))
    #expect(succeeded.text().contains("VM exit, reason 0xc (12, HLT)"))
    #expect(succeeded.suspects.isEmpty)
    let link = try explain(
      LogFixtures.newKVM,
      (
        "reason=80000021 qualification=0000000000000000",
        "reason=80000021 qualification=0000000000000004"
      ))
    #expect(Set(link.suspects.map(\.rule.failureCode)) == [.vmcsLinkPointer])
    #expect(link.text().contains("VMCS link pointer"))
  }

  @Test("a failure that only other processors make is looked for on them")
  func otherProcessors() throws {
    // SMXE in CR4: not every processor has SMX.
    let explanation = try explain(
      LogFixtures.newKVM, ("actual=0x00000000000026f0", "actual=0x00000000000066f0"))
    #expect(explanation.findings.isEmpty)
    #expect(explanation.elsewhere.map(\.broken.rule) == [.guestCR4Fixed])
    #expect(explanation.elsewhere.first?.profiles.contains("nehalem") == true)
    #expect(explanation.text().contains("guestCR4Fixed on "))
  }

  @Test("an MSR that Xen names is the one that was refused")
  func refusedMSR() throws {
    let explanation = try explain(
      LogFixtures.newXen,
      (
        "vmentry failure (reason 0x80000021): Invalid guest state (0)",
        "vmentry failure (reason 0x80000022): MSR loading (entry 1)\n"
          + "(XEN)   msr 000001dd val 1ffff80676f52be5 (mbz 0)"
      ),
      (
        "reason=80000021 qualification=0000000000000000",
        "reason=80000022 qualification=0000000000000002"
      ))
    #expect(explanation.counted.map(\.broken.rule) == [.msrLoadRejected])
    #expect(explanation.outcome == .msrLoadFailed(entry: MSRLoadIndex(afterLoading: 1)))
    #expect(explanation.text().contains("MSR 0x1dd = 0x1ffff80676f52be5"))
    #expect(explanation.text().contains("verdict    the same"))
  }

  @Test(
    "the example of the documents is what explain says", arguments: ["README.md", "docs/cli.md"])
  func documents(name: String) throws {
    let explanation = try explain(
      LogFixtures.newKVM, ("RFLAGS=0x00000246", "RFLAGS=0x00000046"),
      ("VMEntry: intr_info=00000000", "VMEntry: intr_info=800000d1"))
    let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(
      contentsOf: repository.appendingPathComponent(name), encoding: .utf8)
    #expect(page.contains("$ dmesg | vmxlab explain -\n" + explanation.text()))
  }

  @Test("the table of rules has a row for each rule, under its section")
  func ruleTable() {
    let text = VMEntryRuleTable.markdown
    for rule in VMEntryRule.allCases {
      #expect(text.contains("| `\(rule.rawValue)` | "), "\(rule)")
    }
    for section in VMEntrySection.allCases { #expect(text.contains("\n## \(section.title)\n")) }
  }
}
