/// Port 0x61: the gate of the timer's counter 2, the speaker, and bits of timing that software
/// polls.
///
/// Source: Intel 82371AB (PIIX4) data sheet, "NMISC: NMI Status and Control Register".
final class SystemControlPortB: PortDevice {
  private static let port: UInt16 = 0x61
  private static let gate: UInt8 = 1 << 0
  private static let refresh: UInt8 = 1 << 4
  private static let timerOutput: UInt8 = 1 << 5
  private static let writable: UInt8 = 0x0f
  /// Pulses of the timer's clock between two refresh requests, as firmware sets counter 1: about 15
  /// µs. The bit keeps to it whatever is written to counter 1.
  private static let refreshPeriod: UInt64 = 18

  private let timer: PIT8254
  private var written: UInt8 = 0

  init(ports: PortSpace, timer: PIT8254) {
    self.timer = timer
    ports.claim(Self.port...Self.port, for: self)
  }

  /// Bit 1: whether the speaker hears counter 2.
  var isSpeakerOn: Bool { written & 2 != 0 }

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    var value = written
    if timer.pulse / Self.refreshPeriod & 1 != 0 { value |= Self.refresh }
    if timer.speakerOutput { value |= Self.timerOutput }
    return UInt32(value)
  }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    written = UInt8(truncatingIfNeeded: value) & Self.writable
    timer.speakerGate = written & Self.gate != 0
  }
}
