import Testing

@testable import VMXLab

/// Instructions that only the latest of the emulated parts have, and no host is sure to have.
@Suite struct RecentInstructionTests {
  private static let data = InstructionRunner.dataAddress

  @Test("What Sapphire Rapids brings raises #UD on Ice Lake, or is a hint there")
  func features() throws {
    let cases: [(String, [UInt8], InstructionRunner.Outcome)] = [
      ("SERIALIZE", [0x0f, 0x01, 0xe8], .fault(6)),
      ("CLDEMOTE", [0x0f, 0x1c, 0x03], .retired),
      ("MOVDIRI", [0x0f, 0x38, 0xf9, 0x03], .fault(6)),
      ("MOVDIR64B", [0x66, 0x0f, 0x38, 0xf8, 0x03], .fault(6)),
      ("VPDPBUSD", [0xc4, 0xe2, 0x71, 0x50, 0xc2], .fault(6)),
    ]
    for (name, code, expected) in cases {
      for (part, outcome) in [("icelake-server", expected), ("sapphire-rapids", .retired)]
        as [(String, InstructionRunner.Outcome)]
      {
        let runner = try InstructionRunner(profile: part)
        runner.enableAVX()
        let registers = [0: Self.data + 0x1000, 3: Self.data]
        #expect(runner.run(code, registers) == outcome, "\(name) on \(part)")
        #expect(runner.run([0xf0] + code, registers) == .fault(6), "LOCK \(name) on \(part)")
      }
    }
  }

  @Test("WBNOINVD is WBINVD where CPUID does not offer it")
  func writeBack() throws {
    for part in ["skylake-server", "icelake-server"] {
      let runner = try InstructionRunner(profile: part)
      #expect(runner.run([0xf3, 0x0f, 0x09]) == .retired)
    }
  }

  @Test("STAC, CLAC and INVPCID exist in real-address mode")
  func realAddressMode() throws {
    let runner = try InstructionRunner()
    let state = runner.state
    state.pointee.cr0 = [.et, .ne]
    state.pointee.efer = []
    for segment in 0..<6 {
      state.pointee.segments[segment] = Segment(
        selector: 0, base: 0, limit: 0xffff,
        access: SegmentAccessRights(rawValue: segment == 1 ? 0x9b : 0x93))
    }
    state.pointee.updateMode()
    var registers = [UInt64](repeating: 0, count: 16)
    var flags: UInt64 = 2
    // INVPCID of everything, type 3 in EAX, with the descriptor at 0.
    registers[0] = 3
    for code in [
      [0x0f, 0x01, 0xcb], [0x0f, 0x01, 0xca], [0x66, 0x0f, 0x38, 0x82, 0x06, 0, 0],
    ] as [[UInt8]] {
      _ = runner.run(code, at: 0x1000, registers: &registers, flags: &flags)
      #expect(runner.rip == 0x1000 + UInt64(code.count), "\(code)")
    }
  }

  @Test("CLDEMOTE looks at no address")
  func demote() throws {
    let runner = try InstructionRunner(profile: "sapphire-rapids")
    #expect(runner.run([0x0f, 0x1c, 0x03], [3: 0x8000_0000_0000_0000]) == .retired)
  }

  @Test("MOVDIRI stores a register, aligned or not")
  func directStore() throws {
    let runner = try InstructionRunner(profile: "sapphire-rapids")
    runner.write([UInt8](repeating: 0xee, count: 16), at: Self.data)
    let registers = [1: 0x1122_3344_5566_7788, 3: Self.data + 3]
    #expect(runner.run([0x0f, 0x38, 0xf9, 0x0b], registers) == .retired)
    #expect(runner.read(8, at: Self.data) == [0xee, 0xee, 0xee, 0x88, 0x77, 0x66, 0x55, 0xee])
    #expect(runner.run([0x48, 0x0f, 0x38, 0xf9, 0x0b], registers) == .retired)
    #expect(
      runner.read(12, at: Self.data)
        == [0xee, 0xee, 0xee, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xee])
    #expect(runner.run([0x0f, 0x38, 0xf9, 0xcb], registers) == .fault(6))
  }

  @Test("MOVDIR64B moves 64 bytes to an aligned address, or raises #GP with nothing written")
  func lineStore() throws {
    let runner = try InstructionRunner(profile: "sapphire-rapids")
    let source = (0..<64).map { UInt8($0) ^ 0x5a }
    // Across a page boundary, misaligned.
    let from = Self.data + 0xfe7
    let target = Self.data + 0x2040
    func clear() {
      runner.write(source, at: from)
      runner.write([UInt8](repeating: 0, count: 192), at: target - 64)
    }
    clear()
    let code: [UInt8] = [0x66, 0x0f, 0x38, 0xf8, 0x0b]
    #expect(runner.run(code, [1: target, 3: from]) == .retired)
    #expect(runner.read(64, at: target) == source)
    #expect(runner.read(64, at: target - 64).allSatisfy { $0 == 0 })
    #expect(runner.read(64, at: target + 64).allSatisfy { $0 == 0 })
    for distance in [1, 8, 32, 63] as [UInt64] {
      clear()
      #expect(runner.run(code, [1: target + distance, 3: from]) == .fault(13))
      #expect(runner.read(192, at: target - 64).allSatisfy { $0 == 0 })
    }
    // With 32-bit addresses the upper half of the register does not count.
    clear()
    #expect(
      runner.run([0x67] + code, [1: target | 7 << 40, 3: from | 9 << 40]) == .retired)
    #expect(runner.read(64, at: target) == source)
    #expect(runner.run(code, [1: 1 << 47, 3: from]) == .fault(13))
    #expect(runner.run(code, [1: target, 3: 1 << 47]) == .fault(13))
    #expect(runner.run([0x66, 0x0f, 0x38, 0xf8, 0xcb], [1: target, 3: from]) == .fault(6))
  }

  @Test("AVX-VNNI adds products of bytes and words, with and without saturation")
  func dotProducts() throws {
    let runner = try InstructionRunner(profile: "sapphire-rapids")
    runner.enableAVX()
    var random = SeededGenerator(seed: 5)
    let words = runner.state
    for opcode in 0x50...0x53 as ClosedRange<UInt8> {
      for isWide in [false, true] {
        for _ in 0..<200 {
          for index in 0..<12 {
            // Edges are frequent: sums that saturate.
            words.pointee.vector.registers[index] =
              random.chance(1, in: 2)
              ? random.next()
              : [0, ~0, 0x8000_8000_8000_8000, 0x7fff_ffff_7fff_ffff, 0x8080_8080_8080_8080][
                random.below(5)]
          }
          let before = (0..<12).map { words.pointee.vector.registers[$0] }
          let vex: UInt8 = isWide ? 0x75 : 0x71
          #expect(runner.run([0xc4, 0xe2, vex, opcode, 0xc2]) == .retired)
          for element in 0..<8 {
            let expected =
              !isWide && element >= 4 ? 0 : Self.dotProduct(opcode, before, element)
            let actual = UInt32(
              truncatingIfNeeded: words.pointee.vector.registers[element / 2]
                >> UInt64(element % 2 * 32))
            #expect(actual == expected, "\(opcode) \(element)")
          }
        }
      }
    }
  }

  /// The manual's operation, on the quadwords of YMM0, YMM1 and YMM2.
  private static func dotProduct(_ opcode: UInt8, _ words: [UInt64], _ element: Int) -> UInt32 {
    func bytes(_ register: Int) -> [UInt8] {
      (0..<4).map { byte in
        UInt8(
          truncatingIfNeeded: words[register * 4 + element / 2]
            >> UInt64(element % 2 * 32 + byte * 8))
      }
    }
    func signed(_ bytes: ArraySlice<UInt8>) -> Int {
      bytes.reversed().reduce(Int(Int8(bitPattern: bytes.last ?? 0)) < 0 ? -1 : 0) {
        $0 << 8 | Int($1)
      }
    }
    let (a, b) = (bytes(1), bytes(2))
    var sum = signed(bytes(0)[...])
    if opcode < 0x52 {
      for byte in 0..<4 { sum += Int(a[byte]) * Int(Int8(bitPattern: b[byte])) }
    } else {
      for half in [0..<2, 2..<4] { sum += signed(a[half]) * signed(b[half]) }
    }
    return UInt32(
      bitPattern: opcode & 1 == 0 ? Int32(truncatingIfNeeded: sum) : Int32(clamping: sum))
  }
}
