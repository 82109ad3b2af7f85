import Testing

@testable import VMXLab

@Suite("Timing profiles")
struct TimingProfileTests {
  @Test("every built-in timing profile has cycles for every class", arguments: TimingProfile.names)
  func complete(name: String) throws {
    let profile = try TimingProfile.named(name)
    #expect(profile.name == name)
    let classes = profile.sources.flatMap(\.classes).sorted()
    #expect(classes == TimingClass.allCases.map(\.key).sorted())
    #expect(profile.sources.allSatisfy { !$0.source.isEmpty })
  }

  @Test("an instruction takes at least a cycle", arguments: TimingProfile.names)
  func atLeastOneCycle(name: String) throws {
    let profile = try TimingProfile.named(name)
    for timingClass in TimingClass.allCases where timingClass.isInstruction {
      #expect(profile.cycles(timingClass) >= 1, "\(timingClass)")
    }
  }

  @Test("functional timing charges one cycle an instruction and nothing else")
  func functional() throws {
    let profile = try TimingProfile.named("functional")
    for timingClass in TimingClass.allCases {
      #expect(profile.cycles(timingClass) == (timingClass.isInstruction ? 1 : 0))
    }
  }

  /// The published round trips; the phases must add up to them, checks included only where the part
  /// cannot skip them.
  @Test(
    "the phases of a VM entry and exit add up to the published round trip",
    arguments: [("penryn", 1266), ("nehalem", 1009), ("sandybridge", 784)])
  func roundTrip(name: String, cycles: Int) throws {
    let profile = try TimingProfile.named(name)
    var phases: [TimingClass] = [
      .entryBase, .entryGuestStateLoad, .exitBase, .exitSaveState, .exitHostStateLoad,
    ]
    if !profile.vmcsCaching {
      phases += [.entryControlChecks, .entryHostChecks, .entryGuestChecks]
    }
    #expect(phases.reduce(0) { $0 + Int(profile.cycles($1)) } == cycles)
  }

  @Test("an unknown timing profile is an error that names those that exist")
  func unknown() {
    #expect {
      try TimingProfile.named("z80")
    } throws: { error in
      let text = "\(error)"
      return text.contains("'z80'") && TimingProfile.names.allSatisfy { text.contains($0) }
    }
  }

  @Test("a timing profile with a class left out, or of an unknown class, says which")
  func malformed() {
    func reason(_ json: String) -> String {
      do throws(TimingProfileError) {
        _ = try TimingProfile(json: Array(json.utf8))
        return ""
      } catch {
        return error.description
      }
    }
    let missing = reason(
      #"{"name": "x", "description": "", "vmcsCaching": true, "groups": []}"#)
    #expect(missing.contains("divide64"))
    let unknown = reason(
      #"""
      {"name": "x", "description": "", "base": "nehalem", "vmcsCaching": true,
       "groups": [{"source": "s", "cycles": {"dvide": 3}}]}
      """#)
    #expect(unknown.contains("groups.0.cycles.dvide"))
    let tooMany = reason(
      #"""
      {"name": "x", "description": "", "base": "nehalem", "vmcsCaching": true,
       "groups": [{"source": "s", "cycles": {"alu": 70000}}]}
      """#)
    #expect(tooMany.contains("groups.0.cycles.alu"))
  }

  @Test("a timing profile takes from its base what it does not give itself")
  func base() throws {
    let json = #"""
      {"name": "x", "description": "", "base": "nehalem", "vmcsCaching": false,
       "groups": [{"source": "mine", "cycles": {"cpuid": 999}}]}
      """#
    let profile = try TimingProfile(json: Array(json.utf8))
    let nehalem = try TimingProfile.named("nehalem")
    #expect(profile.cycles(.cpuid) == 999)
    #expect(profile.cycles(.divide64) == nehalem.cycles(.divide64))
    #expect(profile.sources.contains { $0.source == "mine" && $0.classes == ["cpuid"] })
  }
}
