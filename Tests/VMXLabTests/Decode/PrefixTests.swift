import Testing

@testable import VMXLab

/// Prefixes that do not count, and too many of them.
@Suite struct PrefixTests {
  @Test(arguments: [[], [0x66], [0x67], [0x66, 0x67], [0x2e, 0x66]] as [[UInt8]])
  func `DEC of the most negative number sets OF, whatever stands before REX.W`(
    prefixes: [UInt8]
  ) throws {
    let runner = try InstructionRunner()
    var registers = [UInt64](repeating: 0, count: 16)
    registers[1] = 1 << 63
    registers[4] = InstructionRunner.stackTop
    var flags: UInt64 = 2
    let outcome = runner.run(
      prefixes + [0x48, 0xff, 0xc9], registers: &registers, flags: &flags)
    #expect(outcome == .retired)
    #expect(registers[1] == ~0 >> 1)
    #expect(flags == 2 | RFLAGS.of.rawValue | RFLAGS.af.rawValue | RFLAGS.pf.rawValue)
  }

  @Test func `16 bytes raise #GP, and 15 do not`() throws {
    let runner = try InstructionRunner()
    for code in [
      [0x90], [0x01, 0xc1], [0x0f, 0x1f, 0xc0], [0x81, 0xc0, 1, 2, 3, 4], [0x0f, 0x58, 0xc1],
    ] as [[UInt8]] {
      let full = [UInt8](repeating: 0x2e, count: 15 - code.count) + code
      #expect(runner.run(full) == .retired, "\(code)")
      #expect(runner.run([0x2e] + full) == .fault(13), "\(code)")
    }
  }
}
