/// The MC146818 real-time clock of a PC and its 128 bytes of battery-backed memory.
///
/// It counts from a date that it is given, on the machine's clock: the host's time plays no part.
/// As in the chip, the bytes of the time are plain memory that the update cycle changes, in the
/// format (BCD or binary, 12 or 24 hours) that register B has at that moment, and every fourth year
/// of a century is a leap year. The century, in byte 0x32, is counted too. Daylight saving, the
/// square wave and the test modes of the divider are not built.
///
/// Source: Motorola MC146818A data sheet; the layout of the memory: IBM PC AT Technical Reference,
/// "Real-Time Clock/CMOS RAM".
final class RealTimeClock: PortDevice, TimedDevice {
  /// Ticks a second of the crystal.
  static let frequency: UInt64 = 32_768
  /// 2000-01-01T00:00:00Z.
  static let defaultStart: Int64 = 946_684_800

  private enum Port {
    static let index: UInt16 = 0x70
    static let data: UInt16 = 0x71
  }

  private enum Register {
    static let a = 0x0a
    static let b = 0x0b
    static let c = 0x0c
    static let d = 0x0d
    static let shutdown = 0x0f
  }

  private enum A {
    static let updateInProgress: UInt8 = 0x80
    static let divider: UInt8 = 0x70
    static let rate: UInt8 = 0x0f
    /// The divider of the 32.768 kHz crystal, and the rate of 1024 Hz.
    static let initial: UInt8 = 0x26
    /// Dividers up to this one run, always at the crystal's rate; the others hold or test the
    /// chain.
    static let lastRunningDivider: UInt8 = 0x20
  }

  private enum B {
    static let set: UInt8 = 0x80
    static let updateInterrupt: UInt8 = 0x10
  }

  private enum C {
    static let request: UInt8 = 0x80
    static let periodic: UInt8 = 0x40
    static let alarm: UInt8 = 0x20
    static let update: UInt8 = 0x10
    static let flags = periodic | alarm | update
  }

  /// Register D: the battery is good.
  private static let validRAM: UInt8 = 0x80
  /// The update cycle takes 1984 µs, and announces itself 244 µs before.
  private static let updateTicks: UInt64 = 65 + 8

  private let clock: MachineClock
  private let interrupt: InterruptLine
  private var index = 0
  /// Set by bit 7 of the index port: non-maskable interrupts are held back.
  private(set) var nmiMasked = false
  private(set) var nextEvent = UInt64.max

  /// The bytes of the memory; registers A to D are in their places.
  private(set) var memory: CMOSMemory
  /// The tick up to which ``memory`` is right.
  private var settled: UInt64 = 0
  /// The ticks of the divider chain when the machine's clock was at tick 0: seconds and periods end
  /// where the sum is a multiple of theirs.
  private var phase: UInt64 = 0

  /// A clock that stands at `startSeconds` (Unix time) when the machine's clock is at 0.
  init(
    clock: MachineClock, ports: PortSpace, interrupt: InterruptLine,
    startSeconds: Int64 = RealTimeClock.defaultStart
  ) {
    self.clock = clock
    self.interrupt = interrupt
    memory = CMOSMemory(registerB: CMOSMemory.hours24)
    memory[Register.a] = A.initial
    memory[Register.d] = Self.validRAM
    memory.setTime(CalendarTime(unixSeconds: startSeconds))
    ports.claim(Port.index...Port.data, for: self)
  }

  /// Why the processor was reset, as firmware reads it: byte 0x0f.
  var shutdownStatus: UInt8 { memory[Register.shutdown] }

  /// Records the memory of the machine, in bytes, where firmware does.
  func setMemorySize(below4GiB: UInt64, above4GiB: UInt64) {
    memory.setMemorySize(below4GiB: below4GiB, above4GiB: above4GiB)
  }

  // MARK: Ports

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    guard port == Port.data else { return .max }  // the index cannot be read
    advance()
    var value = memory[index]
    switch index {
    case Register.a:
      if isUpdating { value |= A.updateInProgress }
    case Register.c:
      memory[Register.c] = 0
      update()
    default: break
    }
    return UInt32(value)
  }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    guard port == Port.data else {
      index = Int(byte & 0x7f)
      nmiMasked = byte & 0x80 != 0
      return
    }
    advance()
    switch index {
    case Register.a:
      let wasRunning = isRunning
      memory[index] = byte & ~A.updateInProgress
      if !wasRunning && isRunning {
        // The first update comes half a second after the chain is let go.
        phase = Self.frequency / 2 &- tick
      }
    case Register.b:
      // Setting the time withdraws the update interrupt.
      memory[index] = byte & B.set != 0 ? byte & ~B.updateInterrupt : byte
    case Register.c, Register.d: break  // read only
    default: memory[index] = byte
    }
    update()
  }

  // MARK: Time

  private var tick: UInt64 { clock.ticks(hz: Self.frequency) }

  /// The divider chain runs.
  private var isRunning: Bool { memory[Register.a] & A.divider <= A.lastRunningDivider }
  /// Update cycles happen.
  private var isCounting: Bool { isRunning && memory[Register.b] & B.set == 0 }

  private var isUpdating: Bool {
    isCounting && ticksToBoundary(of: Self.frequency, after: tick) <= Self.updateTicks
  }

  /// Ticks between periodic interrupts: a power of two, or nil where there are none.
  private var period: UInt64? {
    let rate = UInt64(memory[Register.a] & A.rate)
    guard isRunning, rate > 0 else { return nil }
    // The two fastest rates are not what the chain gives at this crystal; they are those of 8 and
    // 9.
    return 1 << (rate < 3 ? rate + 6 : rate - 1)
  }

  /// Ticks from `tick` to the next boundary of `period`, at least 1. All periods are powers of two,
  /// so that a sum that wraps does no harm.
  private func ticksToBoundary(of period: UInt64, after tick: UInt64) -> UInt64 {
    period - (tick &+ phase) % period
  }

  func advance() {
    let now = tick
    defer { update() }
    guard now > settled else { return }
    let elapsed = now - settled
    if let period, ticksToBoundary(of: period, after: settled) <= elapsed {
      memory[Register.c] |= C.periodic
    }
    let toFirst = ticksToBoundary(of: Self.frequency, after: settled)
    if isCounting, toFirst <= elapsed {
      let seconds = 1 + (elapsed - toFirst) / Self.frequency
      memory[Register.c] |= C.update
      if memory.count(seconds: seconds) { memory[Register.c] |= C.alarm }
    }
    settled = now
  }

  /// Settles what follows from the registers: the request flag, the interrupt, the next event.
  private func update() {
    let enabled = memory[Register.b] & C.flags
    let flags = memory[Register.c] & C.flags
    let requests = flags & enabled != 0
    memory[Register.c] = flags | (requests ? C.request : 0)
    interrupt.set(level: requests)

    // Once it asks, nothing more happens until the guest reads register C.
    var next = UInt64.max
    if !requests {
      if let period, enabled & C.periodic != 0 {
        next = ticksToBoundary(of: period, after: settled)
      }
      if isCounting, enabled & (C.update | C.alarm) != 0 {
        next = min(next, ticksToBoundary(of: Self.frequency, after: settled))
      }
    }
    let (due, overflow) = settled.addingReportingOverflow(next)
    nextEvent = overflow ? .max : clock.cycle(ofTick: due, hz: Self.frequency)
  }
}
