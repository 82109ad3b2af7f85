import Testing

@testable import VMXLab

@Suite("RDRAND and RDSEED")
struct RandomNumberTests {
  /// SplitMix64 from state 0, as published with the generator.
  private static let sequence: [UInt64] = [
    0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f, 0xf88b_b8a8_724c_81ec,
  ]

  @Test(
    "they give the seed's sequence in their operand's size, with CF set and the other flags clear")
  func sequence() throws {
    let runner = try InstructionRunner()
    for (index, code) in [
      [0x48, 0x0f, 0xc7, 0xf1], [0x0f, 0xc7, 0xf9], [0x66, 0x0f, 0xc7, 0xf1],
      [0x49, 0x0f, 0xc7, 0xfa],
    ].enumerated() as EnumeratedSequence<[[UInt8]]> {
      var registers = [UInt64](repeating: ~0, count: 16)
      registers[4] = InstructionRunner.stackTop
      var flags: UInt64 = 0x8d6
      #expect(runner.run(code, registers: &registers, flags: &flags) == .retired)
      #expect(flags & RFLAGS.status.rawValue == RFLAGS.cf.rawValue)
      let number = Self.sequence[index]
      switch index {
      case 0: #expect(registers[1] == number)
      case 1: #expect(registers[1] == number & 0xffff_ffff)
      case 2: #expect(registers[1] == ~0xffff | number & 0xffff)
      default: #expect(registers[10] == number)
      }
    }
  }

  @Test("another seed gives other numbers, the same seed the same")
  func seeds() throws {
    func first(_ seed: UInt64) throws -> UInt64 {
      var source = RandomSource(seed: seed)
      let machine = try Machine(
        MachineConfiguration(profile: CPUProfile.named("skylake-server"), seed: seed))
      let expected = source.next()
      #expect(machine.processor.state.random.next() == expected)
      return expected
    }
    #expect(try first(1) != first(2))
  }

  @Test("parts without them raise #UD", arguments: ["nehalem", "sandybridge"])
  func notThere(profile: String) throws {
    let runner = try VMXRunner(profile: profile)
    #expect(runner.execute([0x0f, 0xc7, 0xf0]) == .fault(6))
    #expect(runner.execute([0x0f, 0xc7, 0xf8]) == .fault(6))
  }

  @Test("L2's exit with the register and its size in the instruction information")
  func exits() throws {
    for (control, reason, digit) in [
      (SecondaryProcessorBasedControls.rdrandExiting, BasicExitReason.rdrand, 6),
      (.rdseedExiting, .rdseed, 7),
    ] as [(SecondaryProcessorBasedControls, BasicExitReason, UInt8)] {
      for (prefix, size) in [([0x66], 0), ([], 1), ([0x48], 2)] as [([UInt8], UInt32)] {
        let runner = try VMXRunner()
        let code = prefix + [0x0f, 0xc7, 0xc2 | digit << 3]
        runner.setGuestCode(code)
        #expect(runner.exitReason() == .vmcall)
        runner.set(secondary: control)
        runner.vmcs.guestRIP = VMXRunner.Place.guestCode
        #expect(runner.exitReason() == reason)
        #expect(runner.vmcs.exitInstructionLength == UInt32(code.count))
        #expect(runner.vmcs.exitInstructionInformation == 2 << 3 | size << 11)
      }
    }
  }
}
