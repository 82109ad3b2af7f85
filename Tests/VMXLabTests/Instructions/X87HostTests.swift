#if arch(x86_64) && os(Linux)
  import Foundation
  import Testing

  @testable import VMXLab

  extension HostDifferentialTests {
    @Test(
      "x87 and MMX instructions do what the host's processor does",
      arguments: [false, true])
    func x87Instructions(unmasked: Bool) throws {
      let environment = ProcessInfo.processInfo.environment
      let seed = environment["VMXLAB_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
      let seconds = environment["VMXLAB_FUZZ_SECONDS"].flatMap { Double($0) } ?? 0
      let host = try #require(
        HostExecutor(extended: true), "the host gives no memory at the address wanted")
      let interpreter = try InterpretedProcessor(profile: CPUProfile.named("skylake-server"))
      var comparison = X87Comparison(seed: seed)
      let templates = X87Template.x87 + (unmasked ? [] : X87Template.mmx)
      let end = Date(timeIntervalSinceNow: seconds)
      repeat {
        for template in templates {
          comparison.compare(
            template, states: 10, unmasked: unmasked, host: host, interpreter: interpreter)
        }
      } while Date() < end && comparison.mismatches.count < 20
      for mismatch in comparison.mismatches.prefix(20) { Issue.record("\(mismatch)") }
      comparison.forms.report("x87 and MMX instructions")
      #expect(comparison.forms.run.count >= (unmasked ? 400 : 800))
      #expect(comparison.runs > 1_000)
    }
  }
#endif
