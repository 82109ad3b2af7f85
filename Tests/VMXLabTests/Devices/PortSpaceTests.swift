import Testing

@testable import VMXLab

@Suite("Port space") struct PortSpaceTests {
  /// Answers each byte with the low byte of its port, and keeps what it is told.
  private final class Echo: PortDevice {
    let portWidth: PortWidth
    private(set) var writes: [[UInt32]] = []

    init(_ width: PortWidth) { portWidth = width }

    func readPort(_ port: UInt16, size: Int) -> UInt32 {
      (0..<size).reduce(0) { $0 | (UInt32(port) + UInt32($1) & 0xff) << UInt32($1 * 8) }
    }
    func writePort(_ port: UInt16, size: Int, value: UInt32) {
      writes.append([UInt32(port), UInt32(size), value])
    }
  }

  @Test("a port without a device reads as ones and drops writes")
  func unclaimed() {
    let ports = PortSpace()
    #expect(ports.read(0x1234, size: 1) == 0xff)
    #expect(ports.read(0x1234, size: 2) == 0xffff)
    #expect(ports.read(0x1234, size: 4) == 0xffff_ffff)
    ports.write(0x1234, size: 4, value: 1)
  }

  @Test("an access wider than its device arrives in pieces, lowest port first")
  func split() {
    let ports = PortSpace()
    let bytes = Echo(.byte)
    let words = Echo(.word)
    ports.claim(0x10...0x17, for: bytes)
    ports.claim(0x20...0x27, for: words)
    #expect(ports.read(0x10, size: 4) == 0x1312_1110)
    ports.write(0x10, size: 4, value: 0xddcc_bbaa)
    #expect(
      bytes.writes == [[0x10, 1, 0xaa], [0x11, 1, 0xbb], [0x12, 1, 0xcc], [0x13, 1, 0xdd]])
    ports.write(0x20, size: 4, value: 0xddcc_bbaa)
    #expect(words.writes == [[0x20, 2, 0xbbaa], [0x22, 2, 0xddcc]])
  }

  @Test("an access across the edge of a device reaches each port's own device")
  func straddle() {
    let ports = PortSpace()
    let low = Echo(.doubleword)
    let high = Echo(.doubleword)
    ports.claim(0x30...0x31, for: low)
    ports.claim(0x32...0x32, for: high)
    #expect(ports.read(0x30, size: 4) == 0xff32_3130)
    ports.write(0x31, size: 4, value: 0x4433_2211)
    #expect(low.writes == [[0x31, 1, 0x11]])
    #expect(high.writes == [[0x32, 1, 0x22]])
  }

  @Test("bytes past port 0xffff read as ones")
  func end() {
    let ports = PortSpace()
    ports.claim(0...0, for: Echo(.byte))
    ports.claim(0xfffe...0xffff, for: Echo(.word))
    #expect(ports.read(0xfffe, size: 4) == 0xffff_fffe | 0xff00)
    #expect(ports.read(0xffff, size: 2) == 0xffff)
    ports.write(0xffff, size: 4, value: 0)
  }

  @Test("the last device to claim a port has it")
  func reclaim() {
    let ports = PortSpace()
    let first = Echo(.byte)
    let second = Echo(.byte)
    ports.claim(0...0xffff, for: first)
    ports.claim(0x40...0x40, for: second)
    ports.write(0x40, size: 1, value: 7)
    ports.write(0x41, size: 1, value: 8)
    #expect(second.writes == [[0x40, 1, 7]])
    #expect(first.writes == [[0x41, 1, 8]])
  }
}

@Suite("Machine clock") struct MachineClockTests {
  @Test(
    "ticks and cycles are exact inverses of one another",
    arguments: [1_193_182, 32_768, 3_000_000_000])
  func inverse(hz: UInt64) {
    let clock = MachineClock(frequency: 2_900_000_000)
    var generator = TestGenerator(seed: hz)
    for _ in 0..<1000 {
      let tick = generator.next() >> UInt64.random(in: 24...63, using: &generator)
      let cycle = clock.cycle(ofTick: tick, hz: hz)
      clock.now = cycle
      #expect(clock.ticks(hz: hz) >= tick)
      if cycle > 0 {
        clock.now = cycle - 1
        #expect(clock.ticks(hz: hz) < tick)
      }
    }
  }

  @Test("what does not fit saturates")
  func saturation() {
    let clock = MachineClock(frequency: 1)
    clock.now = .max
    #expect(clock.ticks(hz: 2) == .max)
    #expect(clock.ticks(hz: 0) == 0)
    #expect(clock.cycle(ofTick: 5, hz: 0) == .max)
    let fast = MachineClock(frequency: .max)
    #expect(fast.cycle(ofTick: 3, hz: 2) == .max)
    #expect(MachineClock(frequency: 0).frequency == 1)
  }
}
