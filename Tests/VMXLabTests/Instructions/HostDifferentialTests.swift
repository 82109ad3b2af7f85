#if arch(x86_64) && os(Linux)
  import Foundation
  import Testing

  @testable import VMXLab

  /// Runs the same instructions on the host's processor and on the interpreter.
  ///
  /// `VMXLAB_FUZZ_SEED` and `VMXLAB_FUZZ_SECONDS` in the environment choose other random numbers and a
  /// longer run.
  @Suite(.serialized) struct HostDifferentialTests {
    @Test("Integer instructions do what the host's processor does")
    func integerInstructions() throws {
      let environment = ProcessInfo.processInfo.environment
      let seed = environment["VMXLAB_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
      let seconds = environment["VMXLAB_FUZZ_SECONDS"].flatMap { Double($0) } ?? 0
      let host = try #require(HostExecutor(), "the host gives no memory at the address wanted")
      let profile = try CPUProfile.named("skylake-server")
      let interpreter = try InterpretedProcessor(profile: profile)
      var comparison = DifferentialComparison(seed: seed)
      let end = Date(timeIntervalSinceNow: seconds)
      repeat {
        for template in IntegerTemplates.all {
          comparison.compare(
            template, encodings: 2, states: 3, host: host, interpreter: interpreter)
        }
      } while Date() < end && comparison.mismatches.count < 20
      for mismatch in comparison.mismatches.prefix(20) { Issue.record("\(mismatch)") }
      comparison.forms.report("integer instructions")
      #expect(comparison.forms.run.count >= 3_000)
      #expect(comparison.runs > 10_000)
    }
  }
#endif
