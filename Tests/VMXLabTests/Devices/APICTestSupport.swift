@testable import VMXLab

/// A local APIC and an I/O APIC on a bus, as firmware leaves them: enabled, LINT0 ExtINT, LINT1 NMI. The
/// clock makes a million cycles a second, the timer's a hundred thousand.
final class APICRig {
  let clock = MachineClock(frequency: 1_000_000)
  let bus = InterruptBus()
  let signals = UnsafeMutablePointer<PlatformSignals>.allocate(capacity: 1)
  let apic: LocalAPIC
  let ioAPIC: IOAPIC

  init(hasX2APIC: Bool = true, hasTSCDeadline: Bool = true) {
    signals.initialize(to: PlatformSignals())
    apic = LocalAPIC(
      features: LocalAPICFeatures(
        timerFrequency: 100_000, hasX2APIC: hasX2APIC, hasTSCDeadline: hasTSCDeadline),
      identifier: 0, clock: clock, bus: bus, signals: signals)
    ioAPIC = IOAPIC(bus: bus)
    FirmwareSetup.apply(to: apic)
  }

  deinit { signals.deallocate() }

  var requests: PlatformRequests { signals.pointee.requests }

  func read(_ register: UInt32) -> UInt32 {
    UInt32(apic.readMemory(offset: UInt64(register), size: 4))
  }
  func write(_ register: UInt32, _ value: UInt32) {
    apic.writeMemory(offset: UInt64(register), size: 4, value: UInt64(value))
  }
  func readMSR(_ register: UInt32) -> UInt64? { apic.readModelSpecific(0x800 + register >> 4) }
  func writeMSR(_ register: UInt32, _ value: UInt64) -> Bool {
    apic.writeModelSpecific(0x800 + register >> 4, value)
  }
  func enterX2APICMode() { apic.setBase(0xfee0_0d00) }

  /// Goes through time as a machine does, from event to event.
  func advance(to cycle: UInt64) {
    while apic.nextEvent <= cycle {
      clock.now = max(clock.now, apic.nextEvent)
      apic.advance()
    }
    clock.now = cycle
    apic.advance()
  }

  func readIO(_ index: UInt8) -> UInt32 {
    ioAPIC.writeMemory(offset: 0, size: 4, value: UInt64(index))
    return UInt32(ioAPIC.readMemory(offset: 0x10, size: 4))
  }
  func writeIO(_ index: UInt8, _ value: UInt32) {
    ioAPIC.writeMemory(offset: 0, size: 4, value: UInt64(index))
    ioAPIC.writeMemory(offset: 0x10, size: 4, value: UInt64(value))
  }
  /// Writes a redirection entry.
  func redirect(_ input: UInt8, _ low: UInt32, destination: UInt32 = 0) {
    writeIO(0x11 + input * 2, destination << 24)
    writeIO(0x10 + input * 2, low)
  }
}
