import Testing

@testable import VMXLab

/// Which exception a vector instruction raises in which state.
@Suite struct VectorExceptionTests {
  private static let movaps: [UInt8] = [0x0f, 0x28, 0x03]  // movaps xmm0, [rbx]
  private static let vmovups: [UInt8] = [0xc5, 0xf8, 0x10, 0x03]
  private static let vmovaps: [UInt8] = [0xc5, 0xfc, 0x28, 0x03]
  private static let data: [Int: UInt64] = [3: InstructionRunner.dataAddress]

  @Test("SSE instructions heed CR0.EM, CR4.OSFXSR and CR0.TS")
  func sse() throws {
    let runner = try InstructionRunner()
    for setting in 0..<8 {
      let (em, fxsr, ts) = (setting & 1 != 0, setting & 2 != 0, setting & 4 != 0)
      runner.state.pointee.cr0 = em ? [.pe, .pg, .et, .ne, .em] : [.pe, .pg, .et, .ne]
      if ts { runner.state.pointee.cr0.insert(.ts) }
      runner.state.pointee.cr4 = fxsr ? [.pae, .osfxsr] : [.pae]
      runner.state.pointee.updateMode()
      let expected: InstructionRunner.Outcome =
        em || !fxsr ? .fault(6) : ts ? .fault(7) : .retired
      #expect(runner.run(Self.movaps, Self.data) == expected)
    }
  }

  @Test("AVX instructions heed CR4.OSXSAVE, XCR0 and CR0.TS, but not CR0.EM")
  func avx() throws {
    let runner = try InstructionRunner()
    for (osxsave, xcr0, ts, expected) in [
      (false, 7, false, .fault(6)), (true, 1, false, .fault(6)), (true, 3, false, .fault(6)),
      (true, 7, true, .fault(7)), (true, 7, false, .retired),
    ] as [(Bool, UInt64, Bool, InstructionRunner.Outcome)] {
      runner.state.pointee.cr0 = [.pe, .pg, .et, .ne, .em]
      if ts { runner.state.pointee.cr0.insert(.ts) }
      runner.state.pointee.cr4 = osxsave ? [.pae, .osxsave] : [.pae]
      runner.state.pointee.vector.xcr0 = xcr0
      runner.state.pointee.updateMode()
      #expect(runner.run(Self.vmovups, Self.data) == expected)
    }
  }

  @Test("CLTS lets vector instructions run again")
  func clts() throws {
    let runner = try InstructionRunner()
    runner.state.pointee.cr0.insert(.ts)
    runner.state.pointee.updateMode()
    #expect(runner.run(Self.movaps, Self.data) == .fault(7))
    #expect(runner.run([0x0f, 0x06]) == .retired)
    #expect(runner.run(Self.movaps, Self.data) == .retired)
  }

  @Test("Memory operands of 16 bytes are aligned in SSE, and in AVX only where the manual says")
  func alignment() throws {
    let runner = try InstructionRunner()
    runner.enableAVX()
    let cases: [([UInt8], InstructionRunner.Outcome)] = [
      (Self.movaps, .fault(13)),
      ([0x0f, 0x10, 0x03], .retired),  // movups
      ([0x0f, 0x58, 0x03], .fault(13)),  // addps
      ([0xf3, 0x0f, 0x58, 0x03], .retired),  // addss
      ([0x66, 0x0f, 0xfc, 0x03], .fault(13)),  // paddb
      ([0xf2, 0x0f, 0xf0, 0x03], .retired),  // lddqu
      ([0x66, 0x0f, 0xe7, 0x03], .fault(13)),  // movntdq
      ([0x66, 0x0f, 0x3a, 0x63, 0x03, 0], .retired),  // pcmpistri
      (Self.vmovaps, .fault(13)),
      (Self.vmovups, .retired),
      ([0xc5, 0xfc, 0x58, 0x03], .retired),  // vaddps ymm
      ([0xc5, 0xfd, 0xe7, 0x03], .fault(13)),  // vmovntdq ymm
    ]
    for (code, expected) in cases {
      #expect(runner.run(code, [3: InstructionRunner.dataAddress + 8]) == expected, "\(code)")
    }
    // 16 bytes are not enough for a YMM register.
    #expect(runner.run(Self.vmovaps, [3: InstructionRunner.dataAddress + 16]) == .fault(13))
    #expect(runner.run(Self.vmovaps, [3: InstructionRunner.dataAddress + 32]) == .retired)
    // A stack address that is not canonical is #SS, aligned or not.
    #expect(runner.run([0x0f, 0x28, 0x45, 0x01], [5: 1 << 62]) == .fault(12))
  }

  @Test("An unmasked exception is #XM, or #UD if CR4.OSXMMEXCPT is clear, and commits MXCSR's flag")
  func unmaskedException() throws {
    let runner = try InstructionRunner()
    let divss: [UInt8] = [0xf3, 0x0f, 0x5e, 0xc1]
    for (isEnabled, vector) in [(true, 19), (false, 6)] as [(Bool, UInt8)] {
      runner.state.pointee.cr4 = isEnabled ? [.pae, .osfxsr, .osxmmexcpt] : [.pae, .osfxsr]
      runner.state.pointee.updateMode()
      runner.state.pointee.vector.mxcsr = 0x1f80 & ~0x200
      runner.state.pointee.vector.registers[0] = 0x3f80_0000
      runner.state.pointee.vector.registers[4] = 0
      #expect(runner.run(divss) == .fault(vector))
      #expect(runner.state.pointee.vector.mxcsr == 0x1d84)
      #expect(runner.state.pointee.vector.registers[0] == 0x3f80_0000)
    }
  }

  @Test("LDMXCSR refuses reserved bits")
  func loadMXCSR() throws {
    let runner = try InstructionRunner()
    runner.write([0x80, 0x1f, 1, 0], at: InstructionRunner.dataAddress)
    #expect(runner.run([0x0f, 0xae, 0x13], Self.data) == .fault(13))
    runner.write([0xc0, 0xff, 0, 0], at: InstructionRunner.dataAddress)
    #expect(runner.run([0x0f, 0xae, 0x13], Self.data) == .retired)
    #expect(runner.state.pointee.vector.mxcsr == 0xffc0)
    #expect(runner.run([0x0f, 0xae, 0x5b, 0x10], Self.data) == .retired)
    #expect(runner.read(4, at: InstructionRunner.dataAddress + 16) == [0xc0, 0xff, 0, 0])
  }

  @Test("A store that faults on its second page writes nothing")
  func storeAcrossPages() throws {
    let runner = try InstructionRunner()
    runner.enableAVX()
    // The 2-MByte page behind the data's is absent.
    let end = InstructionRunner.dataAddress + 0x20_0000
    runner.write([0], at: 0x10_2000 + (end >> 21) * 8)
    runner.state.pointee.startNewAddressSpace()
    runner.write([UInt8](repeating: 0x55, count: 24), at: end - 24)
    for word in 0..<4 { runner.state.pointee.vector.registers[word] = ~0 }
    let vmovupsStore: [UInt8] = [0xc5, 0xfc, 0x11, 0x03]
    #expect(runner.run(vmovupsStore, [3: end - 24]) == .fault(14))
    #expect(runner.state.pointee.cr2 == end)
    #expect(runner.read(24, at: end - 24) == [UInt8](repeating: 0x55, count: 24))
    #expect(runner.run(vmovupsStore, [3: end - 32]) == .retired)
    // A masked store touches no more than what it stores.
    for word in 0..<4 { runner.state.pointee.vector.registers[4 + word] = word < 2 ? ~0 : 0 }
    let vmaskmovps: [UInt8] = [0xc4, 0xe2, 0x75, 0x2e, 0x03]
    #expect(runner.run(vmaskmovps, [3: end - 16]) == .retired)
    #expect(runner.run(vmaskmovps, [3: end - 12]) == .fault(14))
  }

  @Test("A gather that faults keeps what it has loaded and clears the mask so far")
  func gatherFault() throws {
    let runner = try InstructionRunner()
    runner.enableAVX()
    let end = InstructionRunner.dataAddress + 0x20_0000
    runner.write([0], at: 0x10_2000 + (end >> 21) * 8)
    runner.state.pointee.startNewAddressSpace()
    runner.write([1, 2, 3, 4], at: end - 4)
    // vpgatherdd xmm0, [rbx + xmm1 * 4], xmm2
    let vpgatherdd: [UInt8] = [0xc4, 0xe2, 0x69, 0x90, 0x04, 0x8b]
    let registers = runner.state
    registers.pointee.vector.registers[4] = 0
    registers.pointee.vector.registers[5] = 1
    registers.pointee.vector.registers[8] = 0x8000_0000_8000_0000
    registers.pointee.vector.registers[9] = 0x8000_0000_8000_0000
    registers.pointee.vector.registers[0] = 0
    registers.pointee.vector.registers[1] = 0x77
    #expect(runner.run(vpgatherdd, [3: end - 4]) == .fault(14))
    #expect(registers.pointee.vector.registers[0] == 0x0403_0201_0403_0201)
    #expect(registers.pointee.vector.registers[1] == 0x77)
    #expect(registers.pointee.vector.registers[8] == 0)
    #expect(registers.pointee.vector.registers[9] == 0xffff_ffff_ffff_ffff)
    // The same register twice is no instruction.
    #expect(runner.run([0xc4, 0xe2, 0x71, 0x90, 0x04, 0x8b], [3: end - 4]) == .fault(6))
  }
}
