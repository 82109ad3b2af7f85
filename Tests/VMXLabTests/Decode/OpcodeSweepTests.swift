#if arch(x86_64) && os(Linux)
  import Testing

  @testable import VMXLab

  extension HostDifferentialTests {
    @Test("The host's processor has the same opcodes, and its instructions have the same length")
    func opcodeSweep() throws {
      let features = HostFeatures.all()
      guard features.contains(.avx2), features.contains(.sha), features.contains(.fma) else {
        return
      }
      let host = try #require(HostExecutor(extended: true))
      let decoder = try #require(InstructionDecoder())
      var sweep = OpcodeSweep(
        host: host, decoder: decoder, features: features,
        excuses: HostDifference.all.filter {
          $0.vendor == nil || ($0.vendor == .amd) == HostFeatures.isAMD(host)
        })
      for map in [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]] as [[UInt8]] {
        for opcode in 0...255 as ClosedRange<UInt8> { sweep.compare(map, opcode) }
      }
      for difference in sweep.differences.prefix(40) { Issue.record("\(difference)") }
      #expect(sweep.runs > 100_000)
      print("opcode sweep: \(sweep.runs) encodings, \(sweep.excused) of them excused")
    }
  }

  /// Compares encodings of 64-bit mode: #UD or not, and how many bytes.
  private struct OpcodeSweep {
    let host: HostExecutor
    let decoder: InstructionDecoder
    let features: CPUFeatureSet
    let excuses: [HostDifference]
    private(set) var runs = 0
    private(set) var excused = 0
    private(set) var differences: [String] = []

    init(
      host: HostExecutor, decoder: InstructionDecoder, features: CPUFeatureSet,
      excuses: [HostDifference]
    ) {
      self.host = host
      self.decoder = decoder
      self.features = features
      self.excuses = excuses
    }

    /// An opcode with each prefix, REX.W, LOCK, and ModRM.reg, with memory and with a register.
    mutating func compare(_ map: [UInt8], _ opcode: UInt8) {
      guard !isPrefix(map, opcode) else { return }
      // ModRM.rm of a register form is part of some opcodes.
      let isWhole =
        map.isEmpty
        ? (0xd8...0xdf).contains(opcode) || opcode & 0xfe == 0xc6
        : map == [0x0f] && [0x01, 0x1e, 0xae, 0xc7].contains(opcode)
      for prefixes in [
        [], [0x66], [0xf3], [0xf2], [0x48], [0x66, 0x48], [0xf3, 0x48], [0xf2, 0x48], [0xf0],
        [0xf0, 0x48], [0x67], [0x67, 0x48],
      ] as [[UInt8]] {
        for digit in 0..<8 as Range<UInt8> {
          compare(HostEncoding(prefixes, map, opcode, modRM: digit << 3 | 3))
          for rm in isWhole ? 0..<8 : 1..<2 as Range<UInt8> {
            compare(HostEncoding(prefixes, map, opcode, modRM: 0xc0 | digit << 3 | rm))
          }
        }
      }
    }

    private func isPrefix(_ map: [UInt8], _ opcode: UInt8) -> Bool {
      guard map.isEmpty else { return map == [0x0f] && (opcode == 0x38 || opcode == 0x3a) }
      switch opcode {
      case 0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x40...0x4f, 0x62, 0x64...0x67, 0xc4, 0xc5, 0xf0, 0xf2,
        0xf3:
        return true
      default: return false
      }
    }

    private mutating func compare(_ encoding: HostEncoding) {
      guard !encoding.mustNotRun else { return }
      runs += 1
      if excuses.contains(where: { $0.applies(encoding) }) {
        excused += 1
        return
      }
      let bytes = encoding.bytes
      let expected = length(bytes)
      let isSame =
        if let expected {
          host.probe(Array(bytes.prefix(expected))) == .instruction
            && (expected == 1 || host.probe(Array(bytes.prefix(expected - 1))) == .truncated)
        } else {
          host.probe(bytes) == .undefined
        }
      guard !isSame else { return }
      let text = bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: " ")
      differences.append(
        "\(text): \(expected.map { "\($0) bytes" } ?? "#UD"), on the host \(hostText(bytes))")
    }

    /// Bytes of the instruction; nil for #UD.
    private func length(_ bytes: [UInt8]) -> Int? {
      let result = bytes.withUnsafeBufferPointer { decoder.decode($0, codeBytes: 8) }
      guard case .success(let decoded) = result,
        case .instruction(let handler, _, _, _) = InstructionTable.shared.meaning(
          of: decoded, features: features),
        !isRaisingInvalidOpcode(handler)
      else { return nil }
      return decoded.length
    }

    /// UD0, UD1 and UD2 are instructions that raise #UD.
    private func isRaisingInvalidOpcode(_ handler: Handler) -> Bool {
      unsafeBitCast(handler, to: UInt.self) == unsafeBitCast(raiseInvalidOpcode, to: UInt.self)
    }

    private func hostText(_ bytes: [UInt8]) -> String {
      for count in 1...bytes.count {
        switch host.probe(Array(bytes.prefix(count))) {
        case .truncated: continue
        case .undefined: return "#UD"
        case .instruction: return "\(count) bytes"
        }
      }
      return "too long"
    }
  }
#endif
