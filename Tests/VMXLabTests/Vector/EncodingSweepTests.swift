#if arch(x86_64) && os(Linux)
  import Testing

  @testable import VMXLab

  extension HostDifferentialTests {
    @Test("The maps of vector instructions have instructions where the host's processor has them")
    func encodingSweep() throws {
      let features = HostFeatures.all()
      guard features.contains(.avx2), features.contains(.sha), features.contains(.fma) else {
        return
      }
      let host = try #require(HostExecutor(extended: true))
      let interpreter = try InterpretedProcessor(profile: .named("sapphire-rapids"))
      var sweep = EncodingSweep(host: host, interpreter: interpreter, features: features)
      for map in [0x0f, 0x38, 0x3a] as [UInt8] {
        for opcode in 0...255 as ClosedRange<UInt8> where EncodingSweep.covers(map, opcode) {
          for prefix in 0..<4 as Range<UInt8> { sweep.compare(map, opcode, prefix) }
        }
      }
      for difference in sweep.differences.prefix(60) { Issue.record("\(difference)") }
      #expect(sweep.runs > 30_000)
    }
  }

  /// Compares which encodings raise #UD.
  private struct EncodingSweep {
    let host: HostExecutor
    let interpreter: InterpretedProcessor
    let features: CPUFeatureSet
    private let decoder = InstructionDecoder()
    private(set) var runs = 0
    private(set) var differences: [String] = []

    init(host: HostExecutor, interpreter: InterpretedProcessor, features: CPUFeatureSet) {
      self.host = host
      self.interpreter = interpreter
      self.features = features
    }

    /// The opcodes that vector instructions share with nothing else.
    static func covers(_ map: UInt8, _ opcode: UInt8) -> Bool {
      guard map == 0x0f else { return map == 0x3a || opcode < 0x80 || opcode >= 0x90 }
      switch opcode {
      case 0x10...0x17, 0x28...0x2f, 0x50...0x76, 0x7c...0x7f, 0xc2, 0xc4...0xc6, 0xd0...0xfe:
        return true
      default: return false
      }
    }

    mutating func compare(_ map: UInt8, _ opcode: UInt8, _ prefix: UInt8) {
      let isGroup = map == 0x0f && (0x71...0x73).contains(opcode) || map == 0x38 && opcode == 0xf3
      for digit in isGroup ? Array(0..<8) : [0, 6] as [UInt8] {
        for isMemory in [false, true] {
          for w in [false, true] {
            compare(legacy: map, opcode, prefix, modRM(digit, isMemory), w)
            for l in [false, true] {
              compare(vex: map, opcode, prefix, modRM(digit, isMemory), w, l)
            }
          }
        }
      }
    }

    /// With RBX as the register or the base.
    private func modRM(_ digit: UInt8, _ isMemory: Bool) -> UInt8 {
      (isMemory ? 0 : 0xc0) | digit << 3 | 3
    }

    private mutating func compare(
      legacy map: UInt8, _ opcode: UInt8, _ prefix: UInt8, _ modRM: UInt8, _ w: Bool
    ) {
      var bytes: [UInt8] = [[], [0x66], [0xf3], [0xf2]][Int(prefix)]
      if w { bytes.append(0x48) }
      bytes += map == 0x0f ? [0x0f, opcode] : [0x0f, map, opcode]
      run(bytes + [modRM], "legacy")
    }

    private mutating func compare(
      vex map: UInt8, _ opcode: UInt8, _ prefix: UInt8, _ modRM: UInt8, _ w: Bool, _ l: Bool
    ) {
      let number: UInt8 = map == 0x0f ? 1 : map == 0x38 ? 2 : 3
      for vvvv in [0, 1] as [UInt8] {
        let last = (w ? 0x80 : 0) | (~vvvv & 15) << 3 | (l ? 4 : 0) | prefix
        run([0xc4, 0xe0 | number, last, opcode, modRM], "VEX")
      }
    }

    private mutating func run(_ opcode: [UInt8], _ kind: String) {
      // An immediate byte for those that have one; else the next instruction: NOP.
      let key = opcode.dropLast()
      if Self.foreign.contains(where: { key.elementsEqual($0) }) { return }
      let offered = isOffered(opcode)
      guard offered != false else { return }
      runs += 1
      var state = MachineState()
      state.extended = ExtendedState()
      for register in [1, 3, 6, 7] {
        state.general[register] = TestLayout.window + UInt64(TestLayout.windowBytes / 2)
      }
      host.setInstruction(opcode + [0x90])
      interpreter.setInstruction(opcode + [0x90])
      var expected = state
      let isInstruction = host.run(&expected) != .faulted(.invalidOpcode)
      var actual = state
      let end = interpreter.run(&actual)
      if isInstruction != (end != .faulted(.invalidOpcode)) {
        let text = opcode.map { String($0, radix: 16) }.joined(separator: " ")
        differences.append("\(kind) \(text): \(end.map { "\($0)" } ?? "not built")")
      }
    }

    /// Whether the host has the feature of the instruction; nil if there is none, or no instruction.
    private func isOffered(_ opcode: [UInt8]) -> Bool? {
      let bytes = opcode + [UInt8](repeating: 0x90, count: 10)
      let result = bytes.withUnsafeBufferPointer { decoder?.decode($0, codeBytes: 8) }
      guard case .success(let decoded)? = result else { return nil }
      guard let selection = decoded.vector else {
        return InstructionTable.shared.form(decoded.id)?.feature.map(features.contains)
      }
      return VectorTable.shared.entries[selection.entry].form.isOffered(
        by: features, isVEX: selection.isVEX, isWide: selection.isWide)
    }

    /// What AMD's processors have beside the manual.
    private static let foreign: [[UInt8]] = [
      // MOVNTSS, MOVNTSD, EXTRQ, INSERTQ.
      [0xf3, 0x0f, 0x2b], [0xf2, 0x0f, 0x2b], [0xf3, 0x48, 0x0f, 0x2b], [0xf2, 0x48, 0x0f, 0x2b],
      // VPERMQ and VPERMPD without VEX.W.
      [0xc4, 0xe3, 0x7d, 0x00], [0xc4, 0xe3, 0x7d, 0x01],
    ]
  }
#endif
