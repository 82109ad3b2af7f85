import Testing

@testable import VMXLab

@Suite("Intel MPX and branches")
struct BoundsBranchTests {
  private static let code = InstructionRunner.codeAddress
  private static let data = BoundsRunner.data

  /// What a branch is, and whether it initializes the bounds without a BND prefix.
  struct Branch: Sendable, CustomStringConvertible {
    let description: String
    let code: [UInt8]
    let initializes: Bool
    let flags: UInt64

    init(_ description: String, _ code: [UInt8], _ initializes: Bool, flags: UInt64 = 2) {
      self.description = description
      self.code = code
      self.initializes = initializes
      self.flags = flags
    }
  }

  static let branches: [Branch] = [
    Branch("CALL rel32", [0xe8, 0, 1, 0, 0], true),
    Branch("CALL RAX", [0xff, 0xd0], true), Branch("CALL [RBX]", [0xff, 0x13], true),
    Branch("RET", [0xc3], true), Branch("RET 8", [0xc2, 8, 0], true),
    Branch("JMP rel32", [0xe9, 0, 1, 0, 0], true),
    Branch("JMP rel32 far", [0xe9, 0, 0x10, 0, 0], true),
    Branch("JMP RAX", [0xff, 0xe0], true), Branch("JMP [RBX]", [0xff, 0x23], true),
    Branch("JZ rel8", [0x74, 0x10], true, flags: 0x42),
    Branch("JZ rel8, not taken", [0x74, 0x10], true),
    Branch("JZ rel32", [0x0f, 0x84, 0, 0x10, 0, 0], true, flags: 0x42),
    Branch("JMP rel8", [0xeb, 0x10], false),
    Branch("JRCXZ", [0xe3, 0x10], false), Branch("LOOP", [0xe2, 0x10], false),
    Branch("NOP", [0x90], false), Branch("INT3", [0xcc], false),
  ]

  private func runner(_ configuration: UInt64) throws -> BoundsRunner {
    let runner = try BoundsRunner(configuration: configuration)
    runner.setWord(Self.data, Self.code + 0x100)
    runner.setWord(InstructionRunner.stackTop - 64, Self.code + 0x100)
    for number in 0..<4 { runner.setBounds(number, UInt64(number) + 1, 7) }
    return runner
  }

  private func run(_ runner: BoundsRunner, _ branch: Branch, prefix: [UInt8]) -> UInt64 {
    var registers = [UInt64](repeating: 0, count: 16)
    registers[0] = Self.code + 0x100
    registers[3] = Self.data
    registers[4] = InstructionRunner.stackTop - 64
    var flags = branch.flags
    _ = runner.base.run(prefix + branch.code, registers: &registers, flags: &flags)
    return runner.base.rip
  }

  @Test(
    "a near branch without BND prefix initializes the bounds, unless BNDPRESERVE is set",
    arguments: branches)
  func initialization(branch: Branch) throws {
    // Where the branch goes without Intel MPX.
    let plain = try runner(0)
    let target = run(plain, branch, prefix: [])
    for (configuration, prefix, initializes) in [
      (1, [], branch.initializes), (1, [0xf2], false), (3, [], false), (3, [0xf2], false),
      (1, [0xf3], branch.initializes), (0, [], false),
    ] as [(UInt64, [UInt8], Bool)] {
      let runner = try runner(configuration)
      let rip = run(runner, branch, prefix: prefix)
      let isRelative = branch.code[0] != 0xff && branch.code[0] & 0xfe != 0xc2
      let isInterrupt = branch.code[0] == 0xcc
      #expect(rip == target + (isRelative && !isInterrupt ? UInt64(prefix.count) : 0))
      for number in 0..<4 {
        #expect(runner.bounds(number) == (initializes ? [0, 0] : [UInt64(number) + 1, 7]))
      }
    }
  }

  @Test("every condition of Jcc is the one that it is without Intel MPX")
  func conditions() throws {
    for condition in 0..<UInt8(16) {
      for flags in [0x2, 0x3, 0x6, 0x42, 0x43, 0x82, 0x802, 0x882, 0x8c2, 0x46] as [UInt64] {
        let branch = Branch("", [0x70 | condition, 0x20], true, flags: flags)
        let plain = try runner(0)
        let heeding = try runner(1)
        let target = run(plain, branch, prefix: [])
        #expect(run(heeding, branch, prefix: []) == target)
        #expect(heeding.bounds(0) == [0, 0])
      }
    }
  }

  @Test("a branch that faults leaves the bounds alone")
  func faults() throws {
    let runner = try runner(1)
    let missing: UInt64 = 0x1e00_0000
    runner.unmap(missing)
    runner.setWord(Self.data, 1 << 62)
    for (code, registers, vector) in [
      ([0xff, 0xe0], [0: 1 << 62], 13), ([0xff, 0x23], [3: Self.data], 13),
      ([0xff, 0x23], [3: missing], 14), ([0xff, 0x13], [3: missing], 14),
    ] as [([UInt8], [Int: UInt64], UInt8)] {
      #expect(runner.run(code, registers) == .fault(vector))
      #expect(runner.bounds(0) == [1, 7] && runner.bounds(3) == [4, 7])
    }
  }

  @Test("a loop of branches does the same in one piece and instruction by instruction")
  func loops() throws {
    // BNDMK BND0, [RCX]; BNDMOV BND1, BND0; DEC RCX; BND JZ +5; BNDMOV BND2, BND0; JMP to the start (EB).
    let program: [UInt8] = [
      0xf3, 0x0f, 0x1b, 0x01, 0x66, 0x0f, 0x1a, 0xc8, 0x48, 0xff, 0xc9, 0xf2, 0x74, 0x06, 0x66,
      0x0f,
      0x1a, 0xd0, 0xeb, 0xec, 0xf4,
    ]
    var results: [[UInt64]] = []
    for piece in [10_000, 1] as [UInt64] {
      let runner = try runner(1)
      runner.base.write(program, at: Self.code)
      runner.state.pointee.rip = Self.code
      runner.state.pointee.general[1] = 50
      runner.state.pointee.activity = .active
      runner.state.pointee.linkSource = nil
      while runner.base.machine.run(instructions: piece) == .instructionLimit {}
      results.append(
        (0..<3).flatMap { runner.bounds($0) } + [
          runner.state.pointee.cycles, runner.state.pointee.instructions,
        ])
    }
    #expect(results[0] == results[1])
    #expect(results[0][..<6] == [1, ~1, 1, ~1, 2, ~2])
  }
}
