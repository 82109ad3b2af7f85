/// The 8254 programmable interval timer of a PC: counter 0 drives IRQ 0, counter 1 was the memory
/// refresh, counter 2 belongs to the speaker and has its gate at port 0x61.
///
/// Source: Intel 8254 data sheet.
final class PIT8254: PortDevice, TimedDevice {
  /// Pulses a second of the counters' clock inputs.
  static let frequency: UInt64 = 1_193_182

  private enum Port {
    static let counters: UInt16 = 0x40
    static let control: UInt16 = 0x43
  }
  private static let speaker = 2

  private let clock: MachineClock
  private let interrupt: InterruptLine
  private var channels = [
    PITChannel(gate: true), PITChannel(gate: true), PITChannel(gate: false),
  ]
  private(set) var nextEvent = UInt64.max

  /// A timer whose counter 0 drives `interrupt`.
  init(clock: MachineClock, ports: PortSpace, interrupt: InterruptLine) {
    self.clock = clock
    self.interrupt = interrupt
    ports.claim(Port.counters...Port.control, for: self)
    update(hasRisen: false)
  }

  /// Pulses of the counters' clock so far.
  var pulse: UInt64 { clock.ticks(hz: Self.frequency) }

  /// The gate of counter 2.
  var speakerGate: Bool {
    get { channels[Self.speaker].gate }
    set {
      advance()
      channels[Self.speaker].setGate(newValue)
    }
  }

  /// The output of counter 2, now.
  var speakerOutput: Bool {
    advance()
    return channels[Self.speaker].output
  }

  func advance() {
    let now = pulse
    let hasRisen = channels[0].advance(to: now)
    _ = channels[1].advance(to: now)
    _ = channels[2].advance(to: now)
    update(hasRisen: hasRisen)
  }

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    guard port < Port.control else { return .max }  // the control word cannot be read
    advance()
    return UInt32(channels[Int(port - Port.counters)].read())
  }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    advance()
    if port < Port.control {
      channels[Int(port - Port.counters)].write(byte)
    } else if byte >> 6 < 3 {
      channels[Int(byte >> 6)].writeControl(byte)
    } else {
      readBack(byte)
    }
    update(hasRisen: false)
  }

  /// The read-back command: bits 1 to 3 choose counters, bit 5 clear latches their counts, bit 4
  /// clear their statuses.
  private func readBack(_ command: UInt8) {
    for index in channels.indices where command & (2 << UInt8(index)) != 0 {
      if command & 0x20 == 0 { channels[index].latchCount() }
      if command & 0x10 == 0 { channels[index].latchStatus() }
    }
  }

  /// Shows the output of counter 0 to the interrupt controller. If it rose and fell again while
  /// nobody looked, the edge is made up for.
  private func update(hasRisen: Bool) {
    if hasRisen {
      interrupt.set(level: false)
      interrupt.set(level: true)
    }
    interrupt.set(level: channels[0].output)
    nextEvent =
      channels[0].nextOutputChange.map { clock.cycle(ofTick: $0, hz: Self.frequency) } ?? .max
  }
}
