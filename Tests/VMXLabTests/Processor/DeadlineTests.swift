import Testing

@testable import VMXLab

/// A run ends at the first instruction, or iteration of a repeated one, that begins after the deadline:
/// where a stepped run ends too, whatever a block takes for granted.
struct DeadlineTests {
  /// Physical addresses that nothing answers.
  private static let hole: UInt64 = 0xe000_0000
  /// What a run has: enough for the block, too little for an access to a device.
  private static let cycles: UInt64 = 60

  /// An access to a device takes cycles that a block does not count on. Each instruction that can make
  /// one has to leave its block when they used up the deadline.
  @Test(
    "Every instruction of which an operand is in a device stops at the deadline as when it is stepped",
    arguments: [CodeSize.bits32, .bits64])
  func deviceOperands(_ size: CodeSize) throws {
    let decoder = try #require(InstructionDecoder())
    let runner = try InstructionRunner(profile: "sapphire-rapids")
    // Large pages at linear addresses that have 32 bits in both modes; bit strings reach far.
    for page in (InstructionRunner.dataAddress >> 21)..<512 {
      let target = Self.hole + (page << 21) - InstructionRunner.dataAddress
      runner.put(target | 0x87, at: InstructionRunner.pageDirectory + page * 8)
    }
    var comparison = DeadlineComparison(runner: runner, size: size, hole: Self.hole)
    for encoding in Self.encodings(size) {
      let bytes = encoding + [UInt8](repeating: 0, count: 15 - encoding.count)
      let result = bytes.withUnsafeBufferPointer {
        decoder.decode($0, codeBytes: size == .bits64 ? 8 : 4)
      }
      guard case .success(let decoded) = result else { continue }
      let code = Array(bytes.prefix(decoded.length)) + Self.following
      comparison.compare(code, cycles: Self.cycles)
    }
    for difference in comparison.differences.prefix(20) { Issue.record("\(difference)") }
    #expect(comparison.reached > 3_000)
  }

  /// NOPs, past where short branches lead, and a JMP to itself.
  private static let following: [UInt8] = [UInt8](repeating: 0x90, count: 24) + [0xeb, 0xfe]

  @Test(
    "A repeated string instruction stops at the deadline as when it is stepped, in RAM and in a device"
  )
  func repeatedStrings() throws {
    let runner = try InstructionRunner()
    var comparison = DeadlineComparison(runner: runner, size: .bits32, hole: Self.hole)
    for place in [InstructionRunner.dataAddress, Self.hole] {
      for opcode in [0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf] as [UInt8] {
        // CMPS finds equal elements, SCAS none like the accumulator.
        let code =
          [UInt8](repeating: 0x90, count: 24) + [opcode & 0xfe == 0xae ? 0xf2 : 0xf3, opcode]
        for cycles in 30..<90 as Range<UInt64> {
          comparison.compare(
            code + Self.following, cycles: cycles, [0: ~0, 1: 3000, 6: place, 7: place])
        }
      }
    }
    for difference in comparison.differences.prefix(20) { Issue.record("\(difference)") }
    #expect(comparison.reached == 0)
  }

  enum CodeSize { case bits32, bits64 }

  /// Every opcode with a memory operand at RBX, plain and with each mandatory prefix.
  private static func encodings(_ size: CodeSize) -> [[UInt8]] {
    var encodings: [[UInt8]] = []
    let prefixes: [[UInt8]] = [[], [0x66], [0xf3], [0xf2], size == .bits64 ? [0x48] : []]
    for map in [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]] as [[UInt8]] {
      for opcode in 0...255 as ClosedRange<UInt8> where !isLeftOut(map, opcode, size) {
        for prefix in Set(prefixes) {
          for digit in 0..<(map.count < 2 ? 8 : 1) as Range<UInt8> {
            encodings.append(prefix + map + [opcode, digit << 3 | 3])
          }
        }
      }
    }
    for map in 1...3 as ClosedRange<UInt8> {
      for opcode in 0...255 as ClosedRange<UInt8> {
        for fields in 0..<8 as Range<UInt8> {
          // W 0, vvvv inverted (register 0), L and pp.
          encodings.append([0xc4, 0xe0 | map, 0x78 | fields, opcode, 0x03])
        }
      }
    }
    return encodings
  }

  /// Prefixes, and the instructions that a port answers.
  private static func isLeftOut(_ map: [UInt8], _ opcode: UInt8, _ size: CodeSize) -> Bool {
    guard map.isEmpty else { return map == [0x0f] && [0x38, 0x3a].contains(opcode) }
    switch opcode {
    case 0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64...0x67, 0xf0, 0xf2, 0xf3: return true
    case 0x6c...0x6f, 0xe4...0xe7, 0xec...0xef: return true
    case 0x40...0x4f, 0xc4, 0xc5: return size == .bits64
    default: return false
    }
  }
}

/// Runs code in one piece and in steps, from the same state.
private struct DeadlineComparison {
  let runner: InstructionRunner
  let size: DeadlineTests.CodeSize
  /// Physical addresses of the device; linear ones too in 32-bit code, which has no paging here.
  let hole: UInt64
  /// Runs that ended after the first instruction.
  private(set) var reached = 0
  private(set) var differences: [String] = []
  /// Never reached: a limit that is near would make blocks of single instructions.
  private static let limit: UInt64 = 1_000

  init(runner: InstructionRunner, size: DeadlineTests.CodeSize, hole: UInt64) {
    self.runner = runner
    self.size = size
    self.hole = hole
  }

  mutating func compare(_ code: [UInt8], cycles: UInt64, _ registers: [Int: UInt64] = [:]) {
    let state = runner.state
    runner.write(code, at: InstructionRunner.codeAddress)
    restart(registers)
    let wholeStop = runner.machine.run(instructions: Self.limit, cycles: cycles)
    let whole = GuestSnapshot(state.pointee)
    restart(registers)
    let steppedStop = runner.machine.step(instructions: Self.limit, cycles: cycles)
    let stepped = GuestSnapshot(state.pointee)
    if steppedStop == .cycleLimit, state.pointee.instructions == 1 { reached += 1 }
    guard wholeStop != steppedStop || whole != stepped else { return }
    let text = code.prefix(10).map { String($0, radix: 16) }.joined(separator: " ")
    differences.append(
      (["\(text): \(wholeStop), stepped \(steppedStop)"]
        + GuestSnapshot.differences(before: whole, actual: whole, expected: stepped))
        .joined(separator: "\n"))
  }

  private func restart(_ registers: [Int: UInt64]) {
    let state = runner.state
    runner.enterLongMode()
    let data = size == .bits64 ? InstructionRunner.dataAddress : hole
    if size == .bits32 {
      state.pointee.cr0.remove(.pg)
      state.pointee.efer = []
      state.pointee.segments[1].access = SegmentAccessRights(rawValue: 0xc09b)
      state.pointee.updateMode()
    }
    runner.enableAVX()
    for register in 0..<16 { state.pointee.general[register] = data + 0x800 }
    // Counts and ports.
    state.pointee.general[1] = 2
    state.pointee.general[2] = 0
    for (register, value) in registers { state.pointee.general[register] = value }
    state.pointee.rip = InstructionRunner.codeAddress
  }
}
