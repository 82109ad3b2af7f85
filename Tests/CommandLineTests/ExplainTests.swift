import Foundation
import Testing

@Suite("vmxlab explain")
struct ExplainTests {
  let scratch = try! ScratchDirectory()

  /// The dumps that a run of a sample writes.
  private func dump(_ sample: String) throws -> String {
    let path = scratch.path("vmcs.json")
    _ = try vmxlab(
      "run", "--quiet", "--serial", "null", "--dump-vmcs", path, Samples.path(sample), in: scratch)
    return path
  }

  @Test("what a run says of its failed entries, explain says of their dumps")
  func sameAsTheRun() throws {
    let run = try vmxlab(
      "run", "--explain", "all", "--serial", "null", "--dump-vmcs", scratch.path("vmcs.json"),
      Samples.path("entry-failures"), in: scratch)
    // Identifiers in the order of the run: the first of an entry, then "also broken" ones.
    var expected: [[String]] = []
    for line in run.errorLines {
      let name = line.split(separator: "[").last.flatMap {
        $0.split(separator: ":").last?.prefix { $0 != "]" }
      }.map { $0.trimmingCharacters(in: .whitespaces) }
      if line.hasPrefix("vmxlab: VMLAUNCH") || line.hasPrefix("vmxlab: VMRESUME") {
        if line.contains("VMfailInvalid") { continue }
        expected.append(line.contains("[") ? [name ?? ""] : [])
      } else if line.contains("also broken: ") {
        expected[expected.count - 1].append(name ?? "")
      }
    }
    let result = try vmxlab("explain", "--json", scratch.path("vmcs.json"), in: scratch)
    #expect(result.status == 2)
    let list = try #require(
      JSONSerialization.jsonObject(with: Data(result.output)) as? [[String: Any]])
    let found = list.map { explanation in
      (explanation["broken"] as? [[String: Any]] ?? []).compactMap { $0["rule"] as? String }
    }
    #expect(!expected.isEmpty)
    #expect(found.count == expected.count)
    for (found, expected) in zip(found, expected) {
      // A run ends with the first MSR that is refused; the dump has the whole list.
      let isMSRLoading = expected.first?.hasPrefix("msrLoad") == true
      #expect(isMSRLoading ? found.first == expected.first : Set(found) == Set(expected))
    }
    for (explanation, rules) in zip(list, expected) where !rules.isEmpty {
      #expect((explanation["cannotBeChecked"] as? [Any])?.isEmpty == true)
      #expect(explanation["cpuIsAssumed"] as? Bool == false)
    }
  }

  @Test("each dump of a run comes to the outcome that the run had")
  func sameOutcome() throws {
    let text = try vmxlab("explain", dump("entry-failures"), in: scratch).text
    let recorded = text.split(separator: "\n").filter { $0.hasPrefix("recorded   ") }
    let verdicts = text.split(separator: "\n").filter { $0.hasPrefix("verdict    ") }
    #expect(recorded.count == verdicts.count && recorded.count > 5)
    for (record, verdict) in zip(recorded, verdicts) {
      // Errors that come before the checks have no rule.
      let isEarly =
        record.contains("error 5 ") || record.contains("error 4 ") || record.contains("error 26 ")
      #expect(
        verdict == (isEarly ? "verdict    VM entry: no rule is broken" : "verdict    the same"),
        "\(record)")
    }
  }

  @Test("a run without a failed entry dumps the current VMCS, which breaks no rule")
  func endOfRun() throws {
    // The sample ends VMX operation; one that has no VMCS leaves the file empty.
    let path = try dump("hello")
    #expect(try vmxlab("explain", path, in: scratch).status == 66)
    let result = try vmxlab("explain", dump("kernel"), in: scratch)
    #expect(result.status == 0)
    #expect(result.text.contains("rules      0 broken, "))
  }

  @Test("standard input is read for -, and the dump can be mended by hand")
  func mended() throws {
    let text = try String(contentsOfFile: dump("entry-failures"), encoding: .utf8)
    // The first that is about a rule.
    let dumps = text.components(separatedBy: "\n}\n").map { $0 + "\n}\n" }
    let first = try #require(dumps.first { $0.contains("\"instructionError\": 7") })
    let broken = try vmxlab("explain", "-", in: scratch, input: Array(first.utf8))
    #expect(broken.status == 2)
    #expect(broken.text.contains("mend: "))
    #expect(broken.text.contains("processor  skylake-server as VMXLab offers it\n"))
    let mend = try #require(
      broken.text.firstMatch(of: /mend: write (0x[0-9a-f]+) to ([^(;\n]+?)( \(|;|\n)/))
    let pattern = try Regex(
      "\"\(NSRegularExpression.escapedPattern(for: String(mend.2)))\": \"[^\"]*\"")
    let mended = first.replacing(pattern, with: "\"\(mend.2)\": \"\(mend.1)\"")
    #expect(mended != first)
    #expect(try vmxlab("explain", "-", in: scratch, input: Array(mended.utf8)).status == 0)
  }

  @Test("what is no dump is refused with status 66 and one line that says why")
  func unreadable() throws {
    let text = try scratch.file("text", Array("Dear reader,\n".utf8))
    let cases = [
      (scratch.path("nothing"), "no such file"), (scratch.url.path, "is a directory"),
      (text, "there is no VMCS in it"),
      (try scratch.file("cut", Array("{ \"format\": ".utf8)), "cut off"),
      (
        try scratch.file(
          "cpu",
          Array("{\"format\":\"vmxlab-vmcs\",\"version\":1,\"cpu\":\"z80\",\"fields\":{}}".utf8)),
        "there is no CPU profile 'z80'"
      ),
    ]
    for (path, reason) in cases {
      let result = try vmxlab("explain", path, in: scratch)
      #expect(result.status == 66, "\(path)")
      #expect(result.output.isEmpty)
      #expect(result.errorLines.count == 1 && result.errors.contains(reason), "\(result.errors)")
    }
  }

  @Test("a wrong command line has status 64")
  func usage() throws {
    #expect(try vmxlab("explain", in: scratch).status == 64)
    #expect(try vmxlab("explain", "--cpu", "z80", "-", in: scratch).status == 64)
    #expect(try vmxlab("explain", "--rules", "-", in: scratch).status == 64)
    #expect(try vmxlab("explain", "--rules", in: scratch, output: "/dev/full").status == 74)
  }

  @Test("docs/entry-checks.md is what explain --rules writes: 'make docs' writes it anew")
  func documentIsFresh() throws {
    let page = Program.repository.appendingPathComponent("docs/entry-checks.md")
    let written = try vmxlab("explain", "--rules", in: scratch)
    #expect(written.status == 0)
    #expect(try Data(contentsOf: page) == Data(written.output))
  }
}
