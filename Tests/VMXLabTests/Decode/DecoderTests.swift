import Testing

@testable import VMXLab

@Suite("The decoder") struct DecoderTests {
  private func decode(_ bytes: [UInt8], codeBits: Int = 64) throws -> DecodedInstruction {
    let decoder = try #require(InstructionDecoder())
    let padded = bytes + [UInt8](repeating: 0, count: max(0, 15 - bytes.count))
    return try padded.withUnsafeBufferPointer {
      try decoder.decode($0, codeBytes: codeBits / 8).get()
    }
  }

  @Test("67, 66 and REX prefixes that change nothing leave an instruction as it is")
  func idlePrefixes() throws {
    let decoder = try #require(InstructionDecoder())
    let cases: [([UInt8], Int, String)] = [
      ([0x67, 0x48, 0xe8, 1, 2, 3, 4], 7, "call"),
      ([0x67, 0x48, 0xe9, 1, 2, 3, 4], 7, "jmp"),
      ([0x66, 0xe8, 1, 2, 3, 4], 6, "call"),
      ([0x67, 0x48, 0xc2, 8, 0], 5, "ret"),
      ([0x66, 0x48, 0xc2, 8, 0], 5, "ret"),
      ([0x67, 0x4a, 0x0f, 0x6f, 0x35, 1, 2, 3, 4], 9, "movq"),
      ([0x67, 0x4f, 0x0f, 0x70, 0x7c, 0x96, 0xd6, 1], 8, "pshufw"),
      ([0x67, 0x48, 0x0f, 0x78, 0xd3], 5, "vmread"),
      ([0x67, 0x4f, 0x0f, 0xf7, 0xdd], 5, "maskmovq"),
      ([0x4d, 0x8c, 0xd9], 3, "mov"),
      ([0x45, 0x8e, 0xd9], 3, "mov"),
      ([0xf3, 0x41, 0x90], 3, "xchg"),
    ]
    for (bytes, length, name) in cases {
      let decoded = try decode(bytes)
      #expect(decoded.length == length, "\(bytes)")
      #expect(decoder.name(of: decoded) == name, "\(bytes)")
    }
  }

  @Test("IN and OUT have 32-bit operands whatever REX.W says")
  func portOperands() throws {
    for bytes in [
      [0x66, 0x48, 0xe5, 1], [0x66, 0x48, 0xe7, 1], [0x67, 0x48, 0xef], [0x66, 0x48, 0xed],
      [0x48, 0xef], [0x67, 0xed],
    ] as [[UInt8]] {
      let sizes = try decode(bytes).operands.compactMap(\.byteCount).filter { $0 > 2 }
      #expect(sizes == [4], "\(bytes)")
    }
    #expect(try decode([0x66, 0xed]).operands.first?.byteCount == 2)
  }

  @Test("15 bytes are an instruction, 16 raise #GP, whoever reads them")
  func longestInstruction() throws {
    let runner = try InstructionRunner(profile: "sapphire-rapids")
    runner.enableAVX()
    // Capstone, the table of encodings, vector instructions, VEX.
    for code in [
      [0x90], [0x01, 0xc1], [0x0f, 0x1f, 0xc0], [0xd9, 0xd0], [0x0f, 0x01, 0xe8],
      [0x0f, 0x58, 0xc1], [0x0f, 0x3a, 0x0f, 0xc1, 1], [0xc5, 0xf8, 0x58, 0xc1],
      [0xc4, 0xe3, 0x79, 0x0f, 0xc1, 1],
    ] as [[UInt8]] {
      let full = [UInt8](repeating: 0x2e, count: 15 - code.count) + code
      #expect(runner.run(full) == .retired, "\(code)")
      #expect(runner.run([0x2e] + full) == .fault(13), "\(code)")
    }
  }

  @Test("UD0 and UD1 want their ModRM operand before they raise #UD")
  func undefinedInstructions() throws {
    let decoder = try #require(InstructionDecoder())
    for opcode in [0xb9, 0xff] as [UInt8] {
      let operand: [UInt8] = [0x84, 0x24, 1, 2, 3, 4]
      for count in 0...operand.count {
        let bytes = [0x0f, opcode] + operand.prefix(count)
        let result = bytes.withUnsafeBufferPointer { decoder.decode($0, codeBytes: 8) }
        switch result {
        case .success(let decoded):
          #expect(count == operand.count)
          #expect(decoded.length == bytes.count)
        case .failure(let failure):
          #expect(count < operand.count)
          #expect(failure == .truncated)
        }
      }
      #expect(try InstructionRunner().run([0x0f, opcode, 0xc0]) == .fault(6))
    }
    #expect(try InstructionRunner().run([0x0f, 0x0b]) == .fault(6))
  }

  @Test("What other vendors have, and what CPUID does not offer, raises #UD")
  func foreignInstructions() throws {
    let runner = try InstructionRunner(profile: "sapphire-rapids")
    let cases: [(String, [UInt8])] = [
      ("VMRUN", [0x0f, 0x01, 0xd8]), ("VMMCALL", [0x0f, 0x01, 0xd9]),
      ("CLGI", [0x0f, 0x01, 0xdd]), ("MONITORX", [0x0f, 0x01, 0xfa]),
      ("CLZERO", [0x0f, 0x01, 0xfc]), ("FEMMS", [0x0f, 0x0e]),
      ("PFADD", [0x0f, 0x0f, 0xc1, 0x9e]), ("EXTRQ", [0x66, 0x0f, 0x79, 0xc1]),
      ("INSERTQ", [0xf2, 0x0f, 0x78, 0xc1, 1, 1]), ("MOVNTSS", [0xf3, 0x0f, 0x2b, 0x03]),
      ("XSTORE", [0x0f, 0xa7, 0xc0]), ("XOP", [0x8f, 0xe8, 0x78, 0xc0, 0xc1, 1]),
      ("GETSEC", [0x0f, 0x37]), ("RSM", [0x0f, 0xaa]), ("ENCLS", [0x0f, 0x01, 0xcf]),
      ("ENCLU", [0x0f, 0x01, 0xd7]), ("XTEST", [0x0f, 0x01, 0xd6]),
      ("XABORT", [0xc6, 0xf8, 1]), ("XBEGIN", [0xc7, 0xf8, 0, 0, 0, 0]),
      ("PTWRITE", [0xf3, 0x0f, 0xae, 0xe0]), ("PCONFIG", [0x0f, 0x01, 0xc5]),
      ("ENQCMD", [0xf2, 0x0f, 0x38, 0xf8, 0x03]), ("SENDUIPI", [0xf3, 0x0f, 0xc7, 0xf0]),
    ]
    for (name, code) in cases {
      #expect(runner.run(code, [3: InstructionRunner.dataAddress]) == .fault(6), "\(name)")
    }
  }

  @Test("A prefix that an instruction does not take raises #UD")
  func wrongPrefixes() throws {
    let runner = try InstructionRunner(profile: "sapphire-rapids")
    let cases: [(String, [UInt8])] = [
      ("FXSAVE", [0x0f, 0xae, 0x03]), ("XSAVE", [0x0f, 0xae, 0x23]),
      ("MOVNTI", [0x0f, 0xc3, 0x03]), ("XSAVEC", [0x0f, 0xc7, 0x23]),
      ("LFENCE", [0x0f, 0xae, 0xe8]), ("SFENCE", [0x0f, 0xae, 0xf8]),
      ("XGETBV", [0x0f, 0x01, 0xd0]), ("CLAC", [0x0f, 0x01, 0xca]),
      ("SERIALIZE", [0x0f, 0x01, 0xe8]),
    ]
    for (name, code) in cases {
      for prefix in [0x66, 0xf3, 0xf2] as [UInt8] {
        let outcome = runner.run([prefix] + code, [3: InstructionRunner.dataAddress])
        #expect(outcome == .fault(6), "\(prefix) \(name)")
      }
    }
  }

  @Test("Every line of the table of encodings is the first for some encoding")
  func reachableLines() {
    var reached = Set<Int>()
    let prefixes: [MandatoryPrefix] = [.none, .x66, .xF3, .xF2]
    for map in [0, 0x0f00, 0x3800, 0x3a00] as [UInt16] {
      for opcode in 0...255 as ClosedRange<UInt16> {
        for prefix in prefixes {
          for modRM in 0...255 as ClosedRange<UInt8> {
            guard let line = EncodingTable.index(map | opcode, prefix, modRM: modRM) else {
              continue
            }
            reached.insert(line)
          }
        }
      }
    }
    #expect(reached == Set(EncodingTable.lines.indices))
  }

  @Test("Memory operands of the reader are those of the manual's tables")
  func addressForms() throws {
    // PREFETCHNTA, which the table of encodings has, and NOP r/m.
    let cases: [([UInt8], Int, String)] = [
      ([0x0f, 0x18, 0x04, 0x25, 1, 2, 3, 4], 64, "0x4030201"),
      ([0x0f, 0x18, 0x05, 1, 2, 3, 4], 64, "rip 0x4030201"),
      ([0x0f, 0x18, 0x05, 1, 2, 3, 4], 32, "0x4030201"),
      ([0x42, 0x0f, 0x18, 0x04, 0x63], 64, "r3 + r12 * 2"),
      ([0x0f, 0x18, 0x04, 0x63], 64, "r3"),
      ([0x43, 0x0f, 0x18, 0x44, 0xbd, 0xff], 64, "r13 + r15 * 4 -0x1"),
      ([0x0f, 0x18, 0x04, 0x2f], 32, "r7 + r5 * 1"),
      ([0x0f, 0x18, 0x06, 1, 0x80], 16, "-0x7fff"),
      ([0x0f, 0x18, 0x42, 0x80], 16, "r5 + r6 * 1 -0x80"),
      ([0x67, 0x0f, 0x18, 0x47, 0x7f], 32, "r3 0x7f"),
    ]
    for (bytes, bits, expected) in cases {
      let decoded = try decode(bytes, codeBits: bits)
      let memory = decoded.memory
      func register(_ offset: UInt8) -> String? {
        offset == RegisterOffset.zero
          ? nil : offset == RegisterOffset.blockRIP ? "rip" : "r\(offset / 8)"
      }
      let sum = [
        register(memory.base), register(memory.index).map { "\($0) * \(1 << memory.scale)" },
      ].compactMap(\.self).joined(separator: " + ")
      let displacement =
        memory.displacement == 0
        ? []
        : [
          "\(memory.displacement < 0 ? "-" : "")0x\(String(memory.displacement.magnitude, radix: 16))"
        ]
      #expect(
        ([sum].filter { !$0.isEmpty } + displacement).joined(separator: " ") == expected,
        "\(bytes)")
      #expect(decoded.length == bytes.count, "\(bytes)")
    }
  }
}
