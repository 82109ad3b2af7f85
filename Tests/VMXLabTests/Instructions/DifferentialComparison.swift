#if arch(x86_64) && os(Linux)
  @testable import VMXLab

  /// Compares instructions run on the host and on the interpreter, and keeps what differs.
  struct DifferentialComparison {
    private var random: SeededGenerator
    private(set) var runs = 0
    private(set) var forms = FormTally()
    private(set) var mismatches: [Mismatch] = []

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// Compares one template in all its widths and addressing forms.
    mutating func compare(
      _ template: InstructionTemplate, encodings: Int, states: Int, host: HostExecutor,
      interpreter: InterpretedProcessor
    ) {
      let isSkipped = !HostFeatures.has(template.feature, host)
      for width in template.widths {
        for form in template.forms(width: width) {
          forms.insert(template.formName(width, form), isSkipped: isSkipped)
          guard !isSkipped else { continue }
          // A register operand has no address to be varied.
          for _ in 0..<(form.isMemory ? encodings : 3 * encodings) {
            let instruction = InstructionCase(template, width: width, form: form, using: &random)
            host.setInstruction(instruction.bytes)
            interpreter.setInstruction(instruction.bytes)
            for _ in 0..<states {
              let state = instruction.state(using: &random)
              runs += 1
              if let mismatch = run(instruction, from: state, host, interpreter) {
                let shrinker = MismatchShrinker { [self] in
                  run(instruction, from: $0, host, interpreter)
                }
                mismatches.append(shrinker.shrink(mismatch))
                break
              }
            }
          }
        }
      }
    }

    private func run(
      _ instruction: InstructionCase, from state: MachineState, _ host: HostExecutor,
      _ interpreter: InterpretedProcessor
    ) -> Mismatch? {
      var expected = state
      let expectedEnd = host.run(&expected)
      var actual = state
      let actualEnd = interpreter.run(&actual)
      let result = Mismatch(
        instruction: instruction, before: state, expected: expected, expectedEnd: expectedEnd,
        actual: actual, actualEnd: actualEnd)
      guard expectedEnd == actualEnd else { return result }
      if case .faulted = expectedEnd { return expected == actual ? nil : result }
      if instruction.hasUndefinedResult(from: state) { return nil }
      let undefined = instruction.undefinedFlags(from: state)
      guard (expected.flags ^ actual.flags) & ~undefined == 0,
        expected.general == actual.general, expected.memory == actual.memory
      else { return result }
      return nil
    }
  }

  extension InstructionTemplate {
    fileprivate func formName(_ width: Int, _ form: AddressingForm) -> String {
      let digit = if case .digit(let digit) = encoding { "/\(digit)" } else { "" }
      let bytes = opcode.map { String($0, radix: 16) }.joined()
      return
        "\(name) \(prefix.map { String($0, radix: 16) } ?? "") \(bytes)\(digit) \(width) \(form)"
    }
  }

  /// An instruction that the interpreter carries out otherwise than the host.
  struct Mismatch: CustomStringConvertible {
    let instruction: InstructionCase
    let before: MachineState
    let expected: MachineState
    let expectedEnd: InstructionEnd
    let actual: MachineState
    let actualEnd: InstructionEnd?

    var description: String {
      let bytes = instruction.bytes.map { hexadecimal(UInt64($0), digits: 2) }
      let text =
        InstructionDecoder()?.describe(instruction.bytes, codeBytes: 8).text ?? "no decoder"
      var lines = [
        "\(instruction.template.name), \(instruction.width * 8) bits: \(bytes.joined(separator: " "))"
          + " (\(text))",
        "  ended \(actualEnd.map { "\($0)" } ?? "astray"), expected \(expectedEnd)",
      ]
      let undefined = instruction.undefinedFlags(from: before)
      lines.append(
        "  flags before \(flags(before.flags)), after \(flags(actual.flags)), expected"
          + " \(flags(expected.flags)), undefined \(flags(undefined))")
      for register in 0..<16
      where before.general[register] != 0 || actual.general[register] != 0
        || expected.general[register] != 0
      {
        let after = actual.general[register]
        let wanted = expected.general[register]
        let mark = after == wanted ? "" : ", expected \(hexadecimal(wanted, digits: 16))"
        lines.append(
          "  \(Self.names[register]) before \(hexadecimal(before.general[register], digits: 16))"
            + ", after \(hexadecimal(after, digits: 16))\(mark)")
      }
      for offset in 0..<TestLayout.windowBytes
      where actual.memory[offset] != expected.memory[offset] {
        lines.append(
          "  byte at \(hexadecimal(TestLayout.window + UInt64(offset), digits: 8)) before"
            + " \(hexadecimal(UInt64(before.memory[offset]), digits: 2)), after"
            + " \(hexadecimal(UInt64(actual.memory[offset]), digits: 2)), expected"
            + " \(hexadecimal(UInt64(expected.memory[offset]), digits: 2))")
      }
      return lines.joined(separator: "\n")
    }

    private static let names = [
      "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8 ", "R9 ", "R10", "R11", "R12",
      "R13", "R14", "R15",
    ]

    private func flags(_ value: UInt64) -> String {
      let names: [(UInt64, String)] = [
        (11, "OF"), (10, "DF"), (7, "SF"), (6, "ZF"), (4, "AF"), (2, "PF"), (0, "CF"),
      ]
      let set = names.filter { value >> $0.0 & 1 != 0 }.map(\.1)
      return set.isEmpty ? "none" : set.joined(separator: "+")
    }

    private func hexadecimal(_ value: UInt64, digits: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
  }

  /// What the host's CPUID says of features that not every processor has.
  enum HostFeatures {
    static func has(_ feature: InstructionTemplate.HostFeature?, _ host: HostExecutor) -> Bool {
      guard let feature else { return true }
      let (leaf, register, bit): (UInt64, Int, UInt64) =
        switch feature {
        case .movbe: (1, 1, 22)
        case .popcnt: (1, 1, 23)
        case .cmpxchg16b: (1, 1, 13)
        case .lzcnt: (0x8000_0001, 1, 5)
        case .bmi1: (7, 3, 3)
        case .clflushopt: (7, 3, 23)
        case .clwb: (7, 3, 24)
        }
      var state = MachineState()
      state.general[0] = leaf
      host.setInstruction([0x0f, 0xa2])
      _ = host.run(&state)
      return state.general[register] >> bit & 1 != 0
    }
  }
#endif
