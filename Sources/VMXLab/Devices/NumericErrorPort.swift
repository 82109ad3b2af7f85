/// The logic around FERR# and IGNNE#: an x87 exception requests IRQ 13; a write to port 0xf0 takes the
/// request back and lets the processor go on, until it has no exception any more.
///
/// Source: Intel 82371AB (PIIX4) data sheet, "Coprocessor Error Register"; Intel SDM, "MS-DOS
/// Compatibility Sub-mode".
final class NumericErrorPort: PortDevice {
  private static let port: UInt16 = 0xf0
  private let interrupt: InterruptLine
  /// IGNNE#.
  private(set) var isIgnored = false

  init(ports: PortSpace, interrupt: InterruptLine) {
    self.interrupt = interrupt
    ports.claim(Self.port...Self.port, for: self)
  }

  /// FERR#.
  var isErrorAsserted = false {
    didSet {
      interrupt.set(level: isErrorAsserted)
      if !isErrorAsserted { isIgnored = false }
    }
  }

  func readPort(_ port: UInt16, size: Int) -> UInt32 { 0xff }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    interrupt.set(level: false)
    isIgnored = isErrorAsserted
  }
}
