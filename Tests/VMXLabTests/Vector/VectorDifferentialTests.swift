#if arch(x86_64) && os(Linux)
  import Foundation
  import Testing

  @testable import VMXLab

  /// Runs every line of the table of vector instructions on the host's processor and on the
  /// interpreter.
  ///
  /// `VMXLAB_FUZZ_SEED` and `VMXLAB_FUZZ_SECONDS` in the environment choose other random numbers and a
  /// longer run.
  extension HostDifferentialTests {
    @Test("Vector instructions do what the host's processor does")
    func vectorInstructions() throws {
      let environment = ProcessInfo.processInfo.environment
      let seed = environment["VMXLAB_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
      let seconds = environment["VMXLAB_FUZZ_SECONDS"].flatMap { Double($0) } ?? 0
      let features = HostFeatures.all()
      guard features.contains(.avx) else { return }
      let host = try #require(HostExecutor(extended: true))
      var comparison = VectorComparison(
        host: host,
        interpreter: try InterpretedProcessor(profile: .named("sapphire-rapids")),
        hostFeatures: features, seed: seed)
      let end = Date(timeIntervalSinceNow: seconds)
      repeat {
        for entry in VectorTable.shared.entries { comparison.compare(entry.form) }
      } while Date() < end && comparison.mismatches.count < 20
      for mismatch in comparison.mismatches.prefix(30) { Issue.record("\(mismatch)") }
      comparison.forms.report("vector instructions")
      #expect(comparison.forms.run.count >= 1_000)
      #expect(comparison.runs > 10_000)
    }
  }

  extension HostFeatures {
    /// Whether the host's processor calls itself "AuthenticAMD".
    static func isAMD(_ host: HostExecutor) -> Bool {
      var state = MachineState()
      host.setInstruction([0x0f, 0xa2])
      _ = host.run(&state)
      return state.general[3] == 0x6874_7541
    }

    /// What the host's CPUID offers of what the interpreter knows.
    static func all() -> CPUFeatureSet {
      var features = CPUFeatureSet()
      guard let host = HostExecutor() else { return features }
      for feature in CPUFeature.allCases where has(feature, host) { features.insert(feature) }
      return features
    }

    static func has(_ feature: CPUFeature, _ host: HostExecutor) -> Bool {
      let place = feature.place
      var state = MachineState()
      state.general[0] = UInt64(place.leaf)
      state.general[1] = UInt64(place.subleaf)
      host.setInstruction([0x0f, 0xa2])
      _ = host.run(&state)
      let register =
        switch place.register {
        case .eax: 0
        case .ebx: 3
        case .ecx: 1
        case .edx: 2
        }
      return state.general[register] >> UInt64(place.bit) & 1 != 0
    }
  }

  /// Compares lines of the table of vector instructions, and keeps what differs.
  struct VectorComparison {
    let host: HostExecutor
    let interpreter: InterpretedProcessor
    let hostFeatures: CPUFeatureSet
    private var random: SeededGenerator
    private(set) var runs = 0
    private(set) var forms = FormTally()
    private(set) var mismatches: [String] = []

    init(
      host: HostExecutor, interpreter: InterpretedProcessor, hostFeatures: CPUFeatureSet,
      seed: UInt64
    ) {
      self.host = host
      self.interpreter = interpreter
      self.hostFeatures = hostFeatures
      random = SeededGenerator(seed: seed)
    }

    private static let approximations: Set<String> = ["rcpps", "rcpss", "rsqrtps", "rsqrtss"]

    /// Status flags that the manual leaves undefined.
    private static func undefinedFlags(_ form: VectorForm) -> RFLAGS {
      switch "\(form.name)" {
      case "andn", "bzhi", "blsi", "blsr", "blsmsk": [.af, .pf]
      case "bextr": [.af, .pf, .sf]
      default: []
      }
    }

    /// Compares one line in its legacy and VEX encodings, with registers and with memory.
    mutating func compare(_ form: VectorForm) {
      if case .system = form.shape { return }
      // Not exact: see `ReciprocalTests`.
      if Self.approximations.contains("\(form.name)") { return }
      for (isVEX, isWide) in [(false, false), (true, false), (true, true)] {
        if form.options.contains(isVEX ? .legacyOnly : .vexOnly) { continue }
        let isOffered = form.isOffered(by: hostFeatures, isVEX: isVEX, isWide: isWide)
        for isMemory in [false, true] {
          if form.options.contains(isMemory ? .registerOnly : .memoryOnly) { continue }
          let name = [
            "\(form.prefix)", String(form.opcode, radix: 16), "\(form.name)",
            form.digit.map { "/\($0)" } ?? "", isVEX ? isWide ? "VEX.256" : "VEX.128" : "legacy",
            isMemory ? "memory" : "register",
          ].joined(separator: " ")
          forms.insert(name, isSkipped: !isOffered)
          if isOffered { compare(form, isVEX, isWide, isMemory) }
        }
      }
    }

    private mutating func compare(
      _ form: VectorForm, _ isVEX: Bool, _ isWide: Bool, _ isMemory: Bool
    ) {
      // Every immediate of what an immediate steers.
      let hasImmediate = form.options.contains(.immediate)
      let isRepetition = isMemory || isVEX && !form.options.contains(.vexOnly)
      let count = hasImmediate ? isRepetition ? 16 : 256 : 4
      for step in 0..<count {
        let number = isRepetition ? step * 17 : step
        let instruction = VectorCase(
          form, vex: isVEX, wide: isWide, memory: isMemory,
          immediate: hasImmediate ? UInt8(number) : nil, using: &random)
        host.setInstruction(instruction.bytes)
        interpreter.setInstruction(instruction.bytes)
        for _ in 0..<(hasImmediate ? 1 : 5) where !run(instruction, isWide) { return }
      }
    }

    /// Whether the two agree.
    private mutating func run(_ instruction: VectorCase, _ isWide: Bool) -> Bool {
      runs += 1
      let state = instruction.state(using: &random)
      var expected = state
      let expectedEnd = host.run(&expected)
      var actual = state
      let actualEnd = interpreter.run(&actual)
      // The host writes the whole area; the rest of it is not under test here.
      var normalized = ExtendedState()
      if let extended = expected.extended {
        normalized.mxcsr = extended.mxcsr
        normalized.control = extended.control
        // Whether the x87 registers become MMX registers before a fault is the processor's affair.
        var extended = extended
        if case .faulted = expectedEnd, let own = actual.extended {
          (extended.status, extended.tags) = (own.status, own.tags)
          for register in 0..<8 { extended.setST(register, own.st(register)) }
        }
        normalized.status = extended.status
        normalized.tags = extended.tags
        for register in 0..<8 { normalized.setST(register, extended.st(register)) }
        for register in 0..<16 {
          for word in 0..<4 { normalized[register, word] = extended[register, word] }
        }
      }
      expected.extended = normalized
      let undefined = Self.undefinedFlags(instruction.form).rawValue
      if case .fellThrough = expectedEnd {
        actual.flags = actual.flags & ~undefined | expected.flags & undefined
      }
      if expected == actual, expectedEnd == actualEnd { return true }
      let name = "\(instruction.isVEX ? "vex" : "legacy") \(instruction.form.name)"
      let bytes = instruction.bytes.map { String($0, radix: 16) }.joined(separator: " ")
      var lines = [
        "\(name)\(isWide ? ", 256 bits" : ""): \(bytes)",
        "  ended \(actualEnd.map { "\($0)" } ?? "astray"), expected \(expectedEnd)",
      ]
      if actual.flags != expected.flags {
        lines.append(
          "  flags \(String(actual.flags, radix: 16)), expected \(String(expected.flags, radix: 16))"
        )
      }
      for register in 0..<16 where actual.general[register] != expected.general[register] {
        lines.append(
          "  general \(register) before \(String(state.general[register], radix: 16)), after"
            + " \(String(actual.general[register], radix: 16)), expected"
            + " \(String(expected.general[register], radix: 16))")
      }
      if let before = state.extended, let after = actual.extended {
        lines.append(
          "  MXCSR before \(String(before.mxcsr, radix: 16)), after"
            + " \(String(after.mxcsr, radix: 16)), expected \(String(normalized.mxcsr, radix: 16))")
        for register in 0..<16 {
          let isDifferent = (0..<4).contains { after[register, $0] != normalized[register, $0] }
          lines.append(
            "  vector \(register) \(Self.text(before, register))"
              + (isDifferent
                ? "\n     after \(Self.text(after, register))"
                  + "\n  expected \(Self.text(normalized, register))" : ""))
        }
      }
      for offset in 0..<TestLayout.windowBytes
      where actual.memory[offset] != expected.memory[offset] {
        lines.append(
          "  byte \(offset) before \(state.memory[offset]), after \(actual.memory[offset]),"
            + " expected \(expected.memory[offset])")
      }
      mismatches.append(lines.joined(separator: "\n"))
      return false
    }

    private static func text(_ state: ExtendedState, _ register: Int) -> String {
      (0..<4).reversed().map { word in
        let text = String(state[register, word], radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
      }.joined(separator: " ")
    }
  }
#endif
