import Testing

@testable import VMXLab

@Suite("Intel MPX instructions")
struct BoundsInstructionTests {
  private static let data = BoundsRunner.data

  /// BNDMK BND1, [RBX + RCX*2 + 10H].
  private static let makeScaled: [UInt8] = [0xf3, 0x0f, 0x1b, 0x4c, 0x4b, 0x10]
  /// BNDMK BND2, [RCX*4 + 100H].
  private static let makeWithoutBase: [UInt8] = [0xf3, 0x0f, 0x1b, 0x14, 0x8d, 0, 1, 0, 0]

  // MARK: Making

  @Test("BNDMK takes the base register and the effective address, which it inverts")
  func makes() throws {
    let runner = try BoundsRunner()
    runner.run(Self.makeScaled, [3: 0xffff_8000_0000_1000, 1: 0x20])
    #expect(runner.bounds(1) == [0xffff_8000_0000_1000, ~0xffff_8000_0000_1050])
    runner.run(Self.makeWithoutBase, [1: 0x40])
    #expect(runner.bounds(2) == [0, ~0x200])
    // The address size is 64 bits whatever 67H says.
    runner.run([0x67] + Self.makeScaled, [3: 0x1_0000_0000, 1: 0])
    #expect(runner.bounds(1) == [0x1_0000_0000, ~0x1_0000_0010])
    runner.leave64BitMode()
    runner.run(Self.makeScaled, [3: 0xffff_fff8, 1: 0x8])
    #expect(runner.bounds(1) == [0xffff_fff8, ~0x18 & 0xffff_ffff])
    runner.leave64BitMode(big: false)
    runner.run([0x67] + Self.makeScaled, [3: 0x1000, 1: 0])
    #expect(runner.bounds(1) == [0x1000, ~0x1010 & 0xffff_ffff])
  }

  @Test("while Intel MPX is not enabled, its instructions do nothing")
  func disabled() throws {
    let disablers: [(BoundsRunner) -> Void] = [
      { $0.configure(0) },
      {
        $0.state.pointee.vector.xcr0 = 7
        $0.state.pointee.updateMode()
      },
      {
        $0.state.pointee.cr4.remove(.osxsave)
        $0.state.pointee.updateMode()
      },
    ]
    for disable in disablers {
      let runner = try BoundsRunner()
      runner.setBounds(1, 1, 2)
      disable(runner)
      for code in [
        Self.makeScaled, [0xf3, 0x0f, 0x1a, 0xc8], [0x66, 0x0f, 0x1a, 0x0b],
        [0x66, 0x0f, 0x1b, 0x0b], [0x0f, 0x1a, 0x0b], [0x0f, 0x1b, 0x0b], [0xf3, 0x0f, 0x1a, 0xe0],
        [0xe8, 0, 0, 0, 0],
      ] as [[UInt8]] {
        #expect(runner.run(code, [0: 0, 3: 1 << 63]) == .retired)
        #expect(runner.bounds(1) == [1, 2])
      }
    }
    // BNDCFGU is for CPL 3 alone.
    let runner = try BoundsRunner(configuration: 0)
    runner.state.pointee.bounds.userConfiguration = 1
    runner.state.pointee.updateMode()
    runner.run(Self.makeScaled, [3: 0x1000])
    #expect(runner.bounds(1) == [0, 0])
  }

  // MARK: Checking

  private typealias Check = @Sendable (UInt64, UInt64, UInt64) -> Bool
  /// Prefix, opcode, and whether an address breaks the bounds, as the pages of the instructions say.
  private static let checks: [(code: [UInt8], isBroken: Check)] =
    [
      ([0xf3, 0x0f, 0x1a], { address, lower, _ in address < lower }),
      ([0xf2, 0x0f, 0x1a], { address, _, upper in address > ~upper }),
      ([0xf2, 0x0f, 0x1b], { address, _, upper in address > upper }),
    ]

  @Test("BNDCL, BNDCU and BNDCN raise #BR for an address outside, and BNDSTATUS is 1")
  func checks() throws {
    let values: [UInt64] = [
      0, 1, 0x1000, 0xfff, 0x1001, 0x7fff_ffff, 0xffff_ffff, 0x1_0000_0000, 1 << 63, ~0x1000,
      ~0xfff, .max,
    ]
    let runner = try BoundsRunner()
    for (code, isBroken) in Self.checks {
      for lower in values {
        for address in values {
          runner.setBounds(2, lower, lower)
          let expected: InstructionRunner.Outcome =
            isBroken(address, lower, lower) ? .fault(5) : .retired
          for (operand, registers) in [
            ([0xd0], [0: address]),  // RAX
            ([0x53, 0x10], [3: address &- 0x10]),  // [RBX + 10H]
          ] as [([UInt8], [Int: UInt64])] {
            runner.state.pointee.bounds.status = 0x77
            #expect(runner.run(code + operand, registers) == expected)
            #expect(runner.state.pointee.bounds.status == (expected == .retired ? 0x77 : 1))
          }
        }
      }
    }
    // R9.
    runner.setBounds(0, 5, 0)
    #expect(runner.run([0xf3, 0x41, 0x0f, 0x1a, 0xc1], [9: 4, 1: 9]) == .fault(5))
    #expect(runner.run([0xf3, 0x41, 0x0f, 0x1a, 0xc1], [9: 5, 1: 0]) == .retired)
  }

  @Test("outside 64-bit mode addresses and bounds have 32 bits")
  func narrowChecks() throws {
    let runner = try BoundsRunner()
    runner.leave64BitMode()
    runner.run(Self.makeScaled, [3: 0x1000, 1: 0])
    for (code, address, isBroken) in [
      ([0xf3, 0x0f, 0x1a, 0xc8], 0x1000, false), ([0xf3, 0x0f, 0x1a, 0xc8], 0xfff, true),
      ([0xf3, 0x0f, 0x1a, 0xc8], 0x5_0000_0fff, true),
      ([0xf2, 0x0f, 0x1a, 0xc8], 0x1010, false), ([0xf2, 0x0f, 0x1a, 0xc8], 0x1011, true),
      ([0xf2, 0x0f, 0x1b, 0xc8], 0xffff_efef, false),
      ([0xf2, 0x0f, 0x1b, 0xc8], 0xffff_eff0, true),
    ] as [([UInt8], UInt64, Bool)] {
      #expect(runner.run(code, [0: address]) == (isBroken ? .fault(5) : .retired))
    }
  }

  @Test("BOUND's #BR sets BNDSTATUS to 0 while Intel MPX is enabled")
  func bound() throws {
    for isEnabled in [true, false] {
      let runner = try BoundsRunner(configuration: isEnabled ? 1 : 0)
      runner.leave64BitMode()
      runner.state.pointee.bounds.status = 0x33
      // BOUND EAX, [EBX].
      #expect(runner.run([0x62, 0x03], [0: 5, 3: Self.data]) == .fault(5))
      #expect(runner.state.pointee.bounds.status == (isEnabled ? 0 : 0x33))
    }
  }

  // MARK: Moving

  @Test("BNDMOV moves bounds between registers and memory")
  func moves() throws {
    let runner = try BoundsRunner()
    runner.setBounds(1, 0x1111_2222_3333_4444, 0x5555_6666_7777_8888)
    #expect(runner.run([0x66, 0x0f, 0x1b, 0x0b], [3: Self.data]) == .retired)
    #expect(runner.word(Self.data) == 0x1111_2222_3333_4444)
    #expect(runner.word(Self.data + 8) == 0x5555_6666_7777_8888)
    runner.setWord(Self.data + 0xffc, 1)
    runner.setWord(Self.data + 0x1004, 2)
    #expect(runner.run([0x66, 0x0f, 0x1a, 0x13], [3: Self.data + 0xffc]) == .retired)
    #expect(runner.bounds(2) == [1, 2])
    // BND1 from BND2, BND3 from BND1 by the other form.
    runner.run([0x66, 0x0f, 0x1a, 0xca])
    runner.run([0x66, 0x0f, 0x1b, 0xcb])
    #expect(runner.bounds(1) == [1, 2] && runner.bounds(3) == [1, 2])
    runner.leave64BitMode()
    runner.setBounds(0, 0x9999_0000_0001, 0x9999_0000_0002)
    runner.setWord(Self.data + 8, 0x77)
    runner.run([0x66, 0x0f, 0x1b, 0x03], [3: Self.data])
    #expect(runner.word(Self.data) == 2 << 32 | 1 && runner.word(Self.data + 8) == 0x77)
    runner.setWord(Self.data, 0xaaaa_aaaa_bbbb_bbbb)
    runner.run([0x66, 0x0f, 0x1a, 0x03], [3: Self.data])
    #expect(runner.bounds(0) == [0xbbbb_bbbb, 0xaaaa_aaaa])
  }

  @Test("BNDMOV that faults changes nothing")
  func movesNothing() throws {
    let runner = try BoundsRunner()
    let edge = Self.data + 0x20_0000
    runner.unmap(edge)
    runner.setBounds(0, 7, 8)
    runner.setWord(edge - 8, 0x55)
    #expect(runner.run([0x66, 0x0f, 0x1b, 0x03], [3: edge - 8]) == .fault(14))
    #expect(runner.word(edge - 8) == 0x55)
    #expect(runner.run([0x66, 0x0f, 0x1a, 0x03], [3: edge - 8]) == .fault(14))
    #expect(runner.bounds(0) == [7, 8])
    #expect(runner.run([0x66, 0x0f, 0x1a, 0x03], [3: 1 << 62]) == .fault(13))
  }

  // MARK: Tables

  /// BNDLDX BND3, [RBX + RCX + 20H] and BNDSTX: the scale does not matter.
  private static let load: [UInt8] = [0x0f, 0x1a, 0x5c, 0x8b, 0x20]
  private static let store: [UInt8] = [0x0f, 0x1b, 0x5c, 0x8b, 0x20]

  @Test("BNDSTX and BNDLDX walk from the directory to an entry, by the address of a pointer")
  func tables() throws {
    let runner = try BoundsRunner()
    let table: UInt64 = 0x900_0008
    for pointer in [0x1234_5678, 0x10_0008, 0x1f_ffff, 0x3f_fff8] as [UInt64] {
      let entry = BoundsRunner.directory + (pointer >> 20 & 0xfff_ffff) * 8
      let place = table + (pointer >> 3 & 0x1_ffff) * 32
      runner.setWord(entry, table | 7)
      runner.setBounds(3, pointer + 1, ~pointer)
      #expect(runner.run(Self.store, [3: pointer - 0x20, 1: 0xcafe]) == .retired)
      #expect([0, 8, 16].map { runner.word(place + $0) } == [pointer + 1, ~pointer, 0xcafe])
      runner.setBounds(3, 9, 9)
      #expect(runner.run(Self.load, [3: pointer - 0x20, 1: 0xcafe]) == .retired)
      #expect(runner.bounds(3) == [pointer + 1, ~pointer])
      // Another pointer: the bounds are those of all memory.
      #expect(runner.run(Self.load, [3: pointer - 0x20, 1: 0xcaff]) == .retired)
      #expect(runner.bounds(3) == [0, 0])
    }
  }

  @Test("the directory and the tables of 32-bit code have entries of 4 and 16 bytes")
  func narrowTables() throws {
    let runner = try BoundsRunner()
    runner.leave64BitMode()
    let table: UInt64 = 0x900_0004
    for pointer in [0x1234_5678, 0x10_0ffc, 0xfff] as [UInt64] {
      let entry = BoundsRunner.directory + (pointer >> 12) * 4
      let place = table + (pointer >> 2 & 0x3ff) * 16
      runner.setWord(entry, table | 3, byteCount: 4)
      runner.setWord(place + 12, 0x4444, byteCount: 4)
      runner.setBounds(3, pointer, 0x1_0000_0001)
      #expect(runner.run(Self.store, [3: pointer - 0x20, 1: 0x9_0000_cafe]) == .retired)
      #expect(
        [0, 4, 8, 12].map { runner.word(place + $0, byteCount: 4) } == [pointer, 1, 0xcafe, 0x4444])
      runner.setBounds(3, 9, 9)
      #expect(runner.run(Self.load, [3: pointer - 0x20, 1: 0xcafe]) == .retired)
      #expect(runner.bounds(3) == [pointer, 1])
    }
  }

  @Test("an entry of the directory that is not valid raises #BR with its address in BNDSTATUS")
  func invalidEntry() throws {
    let runner = try BoundsRunner()
    let pointer: UInt64 = 0x77_0000_0010
    let entry = BoundsRunner.directory + (pointer >> 20) * 8
    runner.setBounds(3, 1, 2)
    for code in [Self.load, Self.store] {
      runner.setWord(entry, ~1)
      #expect(runner.run(code, [3: pointer - 0x20]) == .fault(5))
      #expect(runner.state.pointee.bounds.status == entry | 2)
      #expect(runner.bounds(3) == [1, 2])
    }
  }

  @Test("a pointer without base register is at 0, and segments FS and GS count")
  func bases() throws {
    let runner = try BoundsRunner()
    let table: UInt64 = 0x900_0000
    runner.setWord(BoundsRunner.directory, table | 1)
    runner.setWord(BoundsRunner.directory + 8, (table + 0x40_0000) | 1)
    runner.setBounds(0, 1, 2)
    // BNDSTX [RCX + 12345678H without base], BND0: the displacement is nothing without a base.
    #expect(runner.run([0x0f, 0x1b, 0x04, 0x0d, 0x78, 0x56, 0x34, 0x12], [1: 5]) == .retired)
    #expect([0, 8, 16].map { runner.word(table + $0) } == [1, 2, 5])
    runner.state.pointee.segments[4].base = 0x10_0000
    runner.state.pointee.updateMode()
    #expect(runner.run([0x64, 0x0f, 0x1b, 0x03], [3: 8]) == .retired)
    #expect([0, 8, 16].map { runner.word(table + 0x40_0020 + $0) } == [1, 2, 0])
  }

  @Test("faults in the directory and the tables are page faults and change nothing")
  func tableFaults() throws {
    let runner = try BoundsRunner()
    runner.setBounds(3, 7, 8)
    #expect(runner.run(Self.load, [3: 0x7f00_0000_0000]) == .fault(14))
    let table: UInt64 = 0x900_0000
    let edge: UInt64 = 0x920_0000
    runner.unmap(edge)
    // The entry's last word is on the page that is not there.
    runner.setWord(BoundsRunner.directory, (edge - 16) | 1)
    runner.setWord(edge - 16, 0x55)
    #expect(runner.run(Self.store, [3: 0 &- 0x20]) == .fault(14))
    #expect(runner.word(edge - 16) == 0x55)
    #expect(runner.run(Self.load, [3: 0 &- 0x20]) == .fault(14))
    #expect(runner.bounds(3) == [7, 8])
    runner.setWord(BoundsRunner.directory, 1 << 63 | table | 1)
    #expect(runner.run(Self.load, [3: 0 &- 0x20]) == .fault(13))
    runner.configure(1 | 0x1000)
    #expect(runner.run(Self.load, [3: 0x7fff_ffff_ffff]) == .fault(14))
  }

  // MARK: Encodings

  @Test("encodings that do not exist raise #UD while Intel MPX is enabled")
  func invalidEncodings() throws {
    let runner = try BoundsRunner()
    let invalid: [[UInt8]] = [
      [0xf3, 0x0f, 0x1b, 0x23],  // BNDMK BND4
      [0xf3, 0x44, 0x0f, 0x1b, 0x03],  // BNDMK BND8
      [0xf3, 0x0f, 0x1b, 0x05, 0, 0, 0, 0],  // BNDMK relative to RIP
      [0x0f, 0x1a, 0x05, 0, 0, 0, 0], [0x0f, 0x1b, 0x05, 0, 0, 0, 0],
      [0xf3, 0x0f, 0x1a, 0xe0], [0xf2, 0x44, 0x0f, 0x1a, 0xc0], [0x66, 0x0f, 0x1a, 0xc4],
      [0x66, 0x41, 0x0f, 0x1b, 0xc0], [0x66, 0x0f, 0x1b, 0xe0], [0x0f, 0x1a, 0x23],
      [0xf0, 0xf3, 0x0f, 0x1b, 0x03], [0xf0, 0x0f, 0x1b, 0x03],
    ]
    for code in invalid { #expect(runner.run(code) == .fault(6)) }
    let valid: [[UInt8]] = [
      // Register forms of BNDMK, BNDLDX and BNDSTX stay NOPs.
      [0xf3, 0x0f, 0x1b, 0xc0], [0x0f, 0x1a, 0xe0], [0x0f, 0x1b, 0xc0],
      // Relative to RIP.
      [0xf2, 0x0f, 0x1a, 0x05, 0, 0, 0, 0], [0x66, 0x0f, 0x1a, 0x05, 0, 0, 0, 0],
    ]
    for code in valid { #expect(runner.run(code) == .retired) }
    runner.leave64BitMode()
    for code in [Self.makeScaled, [0xf2, 0x0f, 0x1a, 0x03], [0x66, 0x0f, 0x1a, 0x03]] as [[UInt8]] {
      #expect(runner.run([0x67] + code, [3: 0x1000]) == .fault(6))
    }
    #expect(runner.run([0x67, 0xf2, 0x0f, 0x1a, 0xc0]) == .retired)
    runner.leave64BitMode(big: false)
    for code in [[0xf3, 0x0f, 0x1b, 0x00], [0xf2, 0x0f, 0x1a, 0x07], [0x66, 0x0f, 0x1a, 0x07]]
      as [[UInt8]]
    {
      #expect(runner.run(code) == .fault(6))
      #expect(runner.run([0x67] + code, [0: Self.data, 7: Self.data]) == .retired)
    }
  }
}
