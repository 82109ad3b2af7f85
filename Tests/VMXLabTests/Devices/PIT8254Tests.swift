import Testing

@testable import VMXLab

@Suite("8254 counter") struct PITChannelTests {
  /// A counter in `mode` with `count` written as two bytes at pulse 0.
  private func channel(_ mode: UInt8, _ count: UInt16, gate: Bool = true, bcd: Bool = false)
    -> PITChannel
  {
    var channel = PITChannel(gate: gate)
    channel.writeControl(0x30 | mode << 1 | (bcd ? 1 : 0))
    channel.write(UInt8(truncatingIfNeeded: count))
    channel.write(UInt8(truncatingIfNeeded: count >> 8))
    return channel
  }

  /// The output after each of the pulses 1 to `count`, as a row of digits.
  private func wave(_ channel: PITChannel, _ count: Int) -> String {
    var channel = channel
    return (0..<count).reduce(into: "") { text, _ in
      _ = channel.advance(to: channel.pulse + 1)
      text += channel.output ? "1" : "0"
    }
  }

  /// The count after each of the pulses 1 to `count`.
  private func counts(_ channel: PITChannel, _ count: Int) -> [Int] {
    var channel = channel
    return (0..<count).map { _ in
      _ = channel.advance(to: channel.pulse + 1)
      return read(&channel)
    }
  }

  private func read(_ channel: inout PITChannel) -> Int {
    let low = channel.read()
    return Int(channel.read()) << 8 | Int(low)
  }

  @Test("mode 0 goes high N + 1 pulses after the count was written, and stays so")
  func mode0() {
    #expect(channel(0, 4).output == false)
    #expect(wave(channel(0, 4), 8) == "00001111")
    #expect(counts(channel(0, 4), 7) == [4, 3, 2, 1, 0, 0xffff, 0xfffe])
    #expect(channel(0, 4).nextOutputChange == 5)
  }

  @Test("the gate of mode 0 holds the count")
  func mode0Gate() {
    var held = channel(0, 4)
    _ = held.advance(to: 3)
    held.setGate(false)
    _ = held.advance(to: 100)
    #expect(read(&held) == 2)
    #expect(held.nextOutputChange == nil)
    held.setGate(true)
    #expect(held.nextOutputChange == 102)
  }

  @Test("in mode 0 the first byte of a new count stops the old one, the second loads it")
  func mode0Rewrite() {
    var counter = channel(0, 4)
    _ = counter.advance(to: 10)
    #expect(counter.output)
    counter.write(3)
    #expect(!counter.output)
    _ = counter.advance(to: 20)
    #expect(counter.nextOutputChange == nil)
    counter.write(0)
    #expect(counter.nextOutputChange == 24)
  }

  @Test("mode 1 is low for N pulses after a trigger, and starts anew with another")
  func mode1() {
    var shot = channel(1, 3, gate: false)
    #expect(wave(shot, 4) == "1111")
    shot.setGate(true)
    #expect(wave(shot, 6) == "000111")
    _ = shot.advance(to: 2)
    shot.setGate(false)
    shot.setGate(true)
    #expect(wave(shot, 6) == "000111")
  }

  @Test("mode 2 is low for the last pulse of every N")
  func mode2() {
    #expect(wave(channel(2, 3), 10) == "1101101101")
    #expect(counts(channel(2, 3), 7) == [3, 2, 1, 3, 2, 1, 3])
    #expect(channel(2, 3).nextOutputChange == 3)
  }

  @Test("in mode 2 a new count waits for the end of the period")
  func mode2Rewrite() {
    var rate = channel(2, 5)
    _ = rate.advance(to: 2)
    rate.write(2)
    rate.write(0)
    #expect(wave(rate, 8) == "11010101")
    #expect(counts(rate, 5) == [3, 2, 1, 2, 1])
  }

  @Test("a low gate raises the output of mode 2, and its rise begins a period")
  func mode2Gate() {
    var rate = channel(2, 3)
    _ = rate.advance(to: 3)
    #expect(!rate.output)
    rate.setGate(false)
    #expect(rate.output)
    #expect(wave(rate, 5) == "11111")
    _ = rate.advance(to: 50)
    rate.setGate(true)
    #expect(wave(rate, 6) == "110110")
  }

  @Test("mode 3 with an even count is high and low for half of it")
  func mode3Even() {
    #expect(wave(channel(3, 4), 9) == "110011001")
    #expect(counts(channel(3, 4), 5) == [4, 2, 4, 2, 4])
  }

  @Test("mode 3 with an odd count is high one pulse longer than low")
  func mode3Odd() {
    #expect(wave(channel(3, 5), 11) == "11100111001")
    #expect(counts(channel(3, 5), 6) == [4, 2, 0, 4, 2, 4])
  }

  @Test("mode 4 is low for one pulse, N + 1 pulses after the count was written")
  func mode4() {
    #expect(wave(channel(4, 3), 8) == "11101111")
    #expect(counts(channel(4, 3), 6) == [3, 2, 1, 0, 0xffff, 0xfffe])
  }

  @Test("mode 5 does the same after a trigger")
  func mode5() {
    var strobe = channel(5, 3, gate: false)
    #expect(wave(strobe, 4) == "1111")
    strobe.setGate(true)
    #expect(wave(strobe, 8) == "11101111")
  }

  @Test("a count of 0 is 65536, or 10000 in BCD")
  func zero() {
    #expect(channel(0, 0).nextOutputChange == 65_537)
    #expect(channel(0, 0, bcd: true).nextOutputChange == 10_001)
  }

  @Test("BCD counts by tens")
  func decimal() {
    #expect(counts(channel(0, 0x1001, bcd: true), 3) == [0x1001, 0x1000, 0x0999])
    #expect(channel(0, 0x1001, bcd: true).nextOutputChange == 1002)
  }

  @Test("modes 6 and 7 are modes 2 and 3")
  func modeAliases() {
    #expect(wave(channel(6, 3), 9) == wave(channel(2, 3), 9))
    #expect(wave(channel(7, 5), 9) == wave(channel(3, 5), 9))
  }

  @Test("a latched count stays until it has been read, while counting goes on")
  func latch() {
    var counter = channel(0, 100)
    _ = counter.advance(to: 11)
    counter.writeControl(0)
    _ = counter.advance(to: 31)
    counter.writeControl(0)
    #expect(read(&counter) == 90)
    #expect(read(&counter) == 70)
  }

  @Test("the status tells output, null count, access, mode and BCD, before the latched count")
  func status() {
    var counter = channel(2, 100)
    counter.latchStatus()
    #expect(counter.read() == 0xf4)
    _ = counter.advance(to: 1)
    counter.latchCount()
    counter.latchStatus()
    #expect(counter.read() == 0xb4)
    #expect(read(&counter) == 100)
  }

  @Test("one-byte access leaves the other byte of the count 0")
  func oneByte() {
    var low = PITChannel(gate: true)
    low.writeControl(0x10)
    low.write(5)
    #expect(low.nextOutputChange == 6)
    var high = PITChannel(gate: true)
    high.writeControl(0x20)
    high.write(5)
    #expect(high.nextOutputChange == 0x501)
    _ = high.advance(to: 2)
    #expect(high.read() == 0x04)
    #expect(high.read() == 0x04)
  }

  @Test("one long advance is the same as many short ones", arguments: 0...5)
  func longAdvance(mode: UInt8) {
    var generator = TestGenerator(seed: UInt64(mode))
    for _ in 0..<200 {
      var slow = channel(
        mode, UInt16.random(in: 0...12, using: &generator), gate: false,
        bcd: Bool.random(using: &generator))
      slow.setGate(true)
      var fast = slow
      for _ in 0..<6 {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0:
          let count = UInt8.random(in: 0...9, using: &generator)
          for byte in [count, 0] {
            slow.write(byte)
            fast.write(byte)
          }
        case 1:
          let level = Bool.random(using: &generator)
          slow.setGate(level)
          fast.setGate(level)
        default: break
        }
        let target = slow.pulse + UInt64.random(in: 0...70, using: &generator)
        var rose = false
        var change: UInt64?
        let before = slow.output
        let predicted = slow.nextOutputChange
        while slow.pulse < target {
          if slow.advance(to: slow.pulse + 1) { rose = true }
          if change == nil && slow.output != before { change = slow.pulse }
        }
        #expect(fast.advance(to: target) == rose)
        #expect(fast.output == slow.output)
        if let predicted, predicted <= target {
          #expect(change == predicted)
        } else {
          #expect(change == nil)
        }
        #expect(read(&fast) == read(&slow))
      }
    }
  }
}

@Suite("8254 in the machine") struct PIT8254Tests {
  private let clock = MachineClock(frequency: 2_400_000_000)
  private let ports = PortSpace()
  private let sink = RecordingSink()
  private let pit: PIT8254
  private let portB: SystemControlPortB

  init() {
    pit = PIT8254(clock: clock, ports: ports, interrupt: InterruptLine(to: sink, number: 0))
    portB = SystemControlPortB(ports: ports, timer: pit)
  }

  private func at(pulse: UInt64) { clock.now = clock.cycle(ofTick: pulse, hz: PIT8254.frequency) }

  private func program(_ control: UInt8, _ channel: UInt16, _ count: UInt16) {
    ports.writeByte(0x43, control)
    ports.writeByte(0x40 + channel, UInt8(truncatingIfNeeded: count))
    ports.writeByte(0x40 + channel, UInt8(truncatingIfNeeded: count >> 8))
  }

  @Test("a timer that was never set asks for nothing")
  func idle() {
    #expect(pit.nextEvent == .max)
  }

  @Test("in mode 2 IRQ 0 rises in the first cycle of the pulse that ends each period")
  func mode2Edges() {
    at(pulse: 1000)
    program(0x34, 0, 1193)
    #expect(sink.isHigh(0))
    let rises = sink.rises[0] ?? 0
    for period: UInt64 in 1...5 {
      let fall = 1001 + period * 1193 - 1
      #expect(pit.nextEvent == clock.cycle(ofTick: fall, hz: PIT8254.frequency))
      clock.now = pit.nextEvent - 1
      pit.advance()
      #expect(sink.isHigh(0))
      clock.now += 1
      pit.advance()
      #expect(!sink.isHigh(0))
      #expect(pit.nextEvent == clock.cycle(ofTick: fall + 1, hz: PIT8254.frequency))
      clock.now = pit.nextEvent
      pit.advance()
      #expect(sink.isHigh(0))
      #expect(sink.rises[0] == rises + Int(period))
    }
  }

  @Test("in mode 3 IRQ 0 rises once a period of N pulses")
  func mode3Edges() {
    program(0x36, 0, 1000)
    let rises = sink.rises[0] ?? 0
    for _ in 0..<10 {
      clock.now = pit.nextEvent
      pit.advance()
    }
    #expect(sink.rises[0] == rises + 5)
    #expect(clock.now == clock.cycle(ofTick: 5001, hz: PIT8254.frequency))
  }

  @Test("an interrupt that fell due while nobody looked is still seen as an edge")
  func lateAdvance() {
    program(0x34, 0, 100)
    let rises = sink.rises[0] ?? 0
    at(pulse: 100_000_000)
    pit.advance()
    #expect(sink.rises[0] == rises + 1)
    #expect(pit.nextEvent > clock.now)
  }

  @Test("the read-back command latches the chosen counters")
  func readBack() {
    program(0x34, 0, 1000)
    program(0xb0, 2, 500)
    at(pulse: 11)
    ports.writeByte(0x43, 0xc0 | 0x02 | 0x08)  // count and status of 0 and 2
    at(pulse: 100)
    #expect(ports.readByte(0x40) == 0xb4)
    #expect(Int(ports.readByte(0x40)) | Int(ports.readByte(0x40)) << 8 == 990)
    #expect(ports.readByte(0x42) == 0x30)  // loaded, but its gate is low
    #expect(Int(ports.readByte(0x42)) | Int(ports.readByte(0x42)) << 8 == 500)
    #expect(ports.readByte(0x43) == 0xff)
  }

  @Test("port 0x61 gates counter 2, and shows its output and the refresh")
  func speaker() {
    program(0xb0, 2, 100)
    at(pulse: 1000)
    #expect(ports.readByte(0x61) & 0x21 == 0)
    ports.writeByte(0x61, 0xf1)
    #expect(ports.readByte(0x61) & 0xcf == 0x01)
    at(pulse: 1099)
    #expect(ports.readByte(0x61) & 0x20 == 0)
    at(pulse: 1100)
    #expect(ports.readByte(0x61) & 0x20 == 0x20)

    let before = ports.readByte(0x61) & 0x10
    at(pulse: 1118)
    #expect(ports.readByte(0x61) & 0x10 == before ^ 0x10)
    #expect(!portB.isSpeakerOn)
    ports.writeByte(0x61, 0x02)
    #expect(portB.isSpeakerOn)
  }
}
