import Testing

@testable import VMXLab

/// Code that changes under the processor, and what was derived from it.
@Suite struct RewrittenCodeTests {
  private static let function: UInt64 = 0x1000_2000
  private static let caller = InstructionRunner.codeAddress

  /// MOV EAX, imm32; RET.
  private func function(_ value: UInt8) -> [UInt8] { [0xb8, value, 0, 0, 0, 0xc3] }

  @Test func `A function on another page runs as it was last written`() throws {
    let runner = try InstructionRunner()
    // CALL RBX; MOV [RSI], RAX; MOV BYTE [RBX+1], 2; CALL RBX; HLT
    runner.write(
      [0xff, 0xd3, 0x48, 0x89, 0x06, 0xc6, 0x43, 0x01, 0x02, 0xff, 0xd3, 0xf4], at: Self.caller)
    runner.write(function(1), at: Self.function)
    runner.state.pointee.general[3] = Self.function
    runner.state.pointee.general[4] = InstructionRunner.stackTop
    runner.state.pointee.general[6] = InstructionRunner.dataAddress
    runner.state.pointee.rip = Self.caller
    #expect(runner.machine.run(instructions: 100) == .haltedForever)
    #expect(runner.read(4, at: InstructionRunner.dataAddress) == [1, 0, 0, 0])
    #expect(runner.state.pointee.general[0] == 2)
  }

  @Test func `A loop that rewrites one of its own instructions sees each change`() throws {
    let runner = try InstructionRunner()
    // next: ADD EAX, 0; INC BYTE [RIP-9] (the immediate); DEC ECX; JNZ next; HLT
    runner.write(
      [0x05, 0, 0, 0, 0, 0xfe, 0x05, 0xf6, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x75, 0xf1, 0xf4],
      at: Self.caller)
    runner.state.pointee.general[0] = 0
    runner.state.pointee.general[1] = 50
    runner.state.pointee.rip = Self.caller
    #expect(runner.machine.run(instructions: 1000) == .haltedForever)
    #expect(runner.state.pointee.general[0] == (0..<50).reduce(0, +))
  }

  @Test func `Code that is written and run a thousand times takes no more memory for it`() throws {
    let runner = try InstructionRunner()
    var slabs: Set<UInt64> = []
    for round in 0..<1000 {
      // Functions on two pages, one behind the other.
      for page in 0..<2 as Range<UInt64> {
        runner.write(function(UInt8(round & 0xff)), at: Self.function + page << 12)
        #expect(runner.run([0xff, 0xd3], [3: Self.function + page << 12]) == .retired)
        #expect(runner.machine.run(instructions: 1) == .instructionLimit)
        #expect(runner.state.pointee.general[0] == UInt64(round & 0xff))
        let code = runner.state.pointee.jumps.entry(Self.function).pointee.code
        slabs.insert(UInt64(UInt(bitPattern: code)) / UInt64(BlockMemory.slabBytes))
      }
    }
    #expect(slabs.count <= 2)
  }

  @Test func `An instruction across two pages follows changes of either`() throws {
    let runner = try InstructionRunner()
    let start: UInt64 = 0x1000_3ffd
    for change in 0..<5 as Range<UInt64> {
      var code: [UInt8] = [0xb8, 1, 1, 1, 1]
      code[Int(max(change, 1))] = 7
      runner.write(code, at: start)
      runner.state.pointee.rip = start
      runner.state.pointee.linkSource = nil
      #expect(runner.machine.run(instructions: 1) == .instructionLimit)
      #expect(runner.state.pointee.general[0] == 0x0101_0101 + 6 << ((max(change, 1) - 1) * 8))
    }
  }

  @Test func `An instruction across two mappings of one page can be rewritten`() throws {
    let runner = try InstructionRunner()
    // Two linear pages, mapped to the same page of memory.
    let tables: UInt64 = 0x12_0000
    let directory = try #require(runner.machine.memory.map.host(0x10_2000))
    directory.storeBytes(of: tables | 7, toByteOffset: 0x81 * 8, as: UInt64.self)
    for page in 0..<2 as Range<UInt64> {
      let entry = withUnsafeBytes(of: 0x1100_5000 | 7 as UInt64) { [UInt8]($0) }
      runner.write(entry, at: tables + page * 8)
    }
    let linear: UInt64 = 0x81 << 21
    for value in 1..<5 as Range<UInt8> {
      // MOV EAX, imm32 begins at the page's end and ends at its start.
      runner.write([0xb8, value], at: 0x1100_5ffe)
      runner.write([0, 0, value], at: 0x1100_5000)
      runner.state.pointee.rip = linear + 0xffe
      runner.state.pointee.linkSource = nil
      #expect(runner.machine.run(instructions: 1) == .instructionLimit)
      #expect(runner.state.pointee.general[0] == UInt64(value) | UInt64(value) << 24)
    }
  }
}
