import Foundation
import Testing

@Suite("What vmxlab says of a run")
struct ReportTests {
  let scratch = try! ScratchDirectory()

  private func statistics(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test("Two runs agree in all statistics but those of the host", arguments: Samples.names)
  func deterministic(name: String) throws {
    let image = try Samples.path(name)
    var runs: [[String: Any]] = []
    var traces: [String] = []
    for _ in 0..<2 {
      let statisticsPath = scratch.path("stats.json")
      let tracePath = scratch.path("trace")
      _ = try vmxlab(
        "run", "--stats-json", statisticsPath, "--trace-vmx=\(tracePath)", image, in: scratch)
      var run = try statistics(statisticsPath)
      #expect(run.removeValue(forKey: "host") is [String: Any])
      runs.append(run)
      traces.append(try String(contentsOfFile: tracePath, encoding: .utf8))
    }
    #expect(NSDictionary(dictionary: runs[0]) == NSDictionary(dictionary: runs[1]))
    #expect(traces[0] == traces[1])
    #expect(!traces[0].isEmpty)
  }

  @Test("The statistics of hello count its one entry and its one exit")
  func hello() throws {
    let path = scratch.path("stats.json")
    let result = try vmxlab(
      "run", "--stats", "--stats-json", path, Samples.path("hello"), in: scratch)
    let json = try statistics(path)
    #expect(json["vmEntries"] as? Int == 1)
    #expect(json["vmExits"] as? [String: Int] == ["VMCALL": 1])
    #expect(json["failedVMEntries"] as? [String: Int] == [:])
    #expect(json["end"] as? String == "powered-off")
    #expect(json["exitStatus"] as? Int == 0)
    let instructions = try #require(json["instructions"] as? Int)
    #expect(instructions > 1000)
    let rows = Dictionary(
      uniqueKeysWithValues: result.errorLines.dropFirst().map { line in
        let words = line.split(separator: " ")
        return (words.dropLast().joined(separator: " "), String(words.last ?? ""))
      })
    #expect(rows["instructions"]?.filter(\.isNumber) == String(instructions))
    #expect(rows["VM entries"] == "1")
    #expect(rows["VM exits"] == "1")
    #expect(rows["VMCALL"] == "1")
    #expect(rows["failed VM entries"] == "0")
    #expect(rows["MIPS"] != nil && rows["host seconds"] != nil && rows["cycles"] != nil)
  }

  @Test("The statistics of entry-failures count failed entries by outcome")
  func failedEntries() throws {
    let path = scratch.path("stats.json")
    _ = try vmxlab("run", "--stats-json", path, Samples.path("entry-failures"), in: scratch)
    let failed = try #require(statistics(path)["failedVMEntries"] as? [String: Int])
    for outcome in [
      "VMfailInvalid", "VMfailValid 5: VMRESUME with non-launched VMCS",
      "VMfailValid 7: VM entry with invalid control field(s)",
      "VMfailValid 8: VM entry with invalid host-state field(s)",
      "VM-entry failure due to invalid guest state", "VM-entry failure due to MSR loading",
    ] {
      #expect(failed[outcome, default: 0] > 0, "\(outcome)")
    }
  }

  @Test("The trace of entry-failures names the outcome of each entry and the rules it broke")
  func trace() throws {
    let path = scratch.path("trace")
    _ = try vmxlab("run", "--trace-vmx=\(path)", Samples.path("entry-failures"), in: scratch)
    let trace = try String(contentsOfFile: path, encoding: .utf8)
    for text in [
      "VMLAUNCH at ", "VMfailInvalid", "VMfailValid 7 (", "VMfailValid 8 (",
      "exit reason 33 with bit 31", "exit reason 34 with bit 31", "qualification 2",
      "qualification 3",
      "qualification 4", "broken rule: ",
    ] {
      #expect(trace.contains(text), "\(text)")
    }
  }

  @Test(
    "--quiet says nothing of a run that ends well, and --trace-vmx alone goes to standard error")
  func quiet() throws {
    #expect(try vmxlab("run", "--quiet", Samples.path("hello"), in: scratch).errors.isEmpty)
    let traced = try vmxlab("run", "--quiet", "--trace-vmx", Samples.path("hello"), in: scratch)
    #expect(traced.errors.contains("VM exit 18 (VMCALL)"))
  }

  @Test("--quiet says nothing of failed VM entries unless --explain asks for it")
  func quietFailures() throws {
    func errors(_ more: String...) throws -> String {
      let arguments = try ["run", "--quiet"] + more + [Samples.path("entry-failures")]
      return try Program(arguments, in: scratch).finish().errors
    }
    #expect(try errors().isEmpty)
    #expect(try errors("--explain", "first").contains("VMfailValid"))
  }

  @Test("The statistics replace the file that was there")
  func replaces() throws {
    let path = try scratch.file("stats.json", Array(repeating: 0x20, count: 100_000))
    _ = try vmxlab("run", "--stats-json", path, Samples.path("hello"), in: scratch)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count < 10_000)
  }

  @Test(
    "Help has an example",
    arguments: [["--help"], ["run", "--help"], ["explain", "--help"], ["cpus", "--help"]])
  func help(arguments: [String]) throws {
    let result = try Program(arguments, in: scratch).finish()
    #expect(result.status == 0)
    #expect(result.text.contains("EXAMPLES"))
    #expect(result.text.contains("vmxlab \(arguments.count > 1 ? arguments[0] : "run")"))
  }

  @Test("cpus lists the profiles with their controls, as text and as JSON")
  func cpus() throws {
    let text = try vmxlab("cpus", in: scratch)
    #expect(text.status == 0)
    #expect(text.text.contains("skylake-server"))
    #expect(text.text.contains("unrestricted guest"))
    let json = try vmxlab("cpus", "--json", "skylake-server", in: scratch)
    let list = try #require(
      JSONSerialization.jsonObject(with: Data(json.output)) as? [[String: Any]])
    let vmx = try #require(list.first?["vmx"] as? [String: Any])
    let msrs = try #require(vmx["msrs"] as? [String: String])
    #expect(msrs["IA32_VMX_BASIC"]?.hasPrefix("0x") == true)
    #expect(try vmxlab("cpus", "z80", in: scratch).status == 64)
  }
}
