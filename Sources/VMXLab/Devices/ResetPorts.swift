/// Port 0x92: the fast gate of address line 20 in bit 1, and a reset when bit 0 rises.
///
/// Source: Intel 82371AB (PIIX4) data sheet, "P92: Port 92 Register".
final class SystemControlPortA: PortDevice {
  private static let port: UInt16 = 0x92
  private static let reset: UInt8 = 1 << 0
  private static let a20: UInt8 = 1 << 1
  private let control: MachineControl
  private var written: UInt8 = 0

  init(ports: PortSpace, control: MachineControl) {
    self.control = control
    ports.claim(Self.port...Self.port, for: self)
  }

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    UInt32(written & ~Self.a20 | (control.a20Enabled ? Self.a20 : 0))
  }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    let rises = byte & ~written & Self.reset != 0
    written = byte
    control.setA20(byte & Self.a20 != 0)
    if rises { control.ask(for: .reset) }
  }
}

/// Port 0xcf9: a reset when bit 2 rises. Bit 1 chooses between the processor (0) and the whole
/// platform (1), which end alike here.
///
/// It takes the aligned doubleword around its port in one piece, so that an access to the PCI
/// configuration address at 0xcf8 does not pass for a write to it. Those accesses find nobody.
///
/// Source: Intel 82371AB (PIIX4) data sheet, "RC: Reset Control Register".
final class ResetControl: PortDevice {
  private static let port: UInt16 = 0xcf9
  private static let reset: UInt8 = 1 << 2
  private static let writable: UInt8 = 0x0e
  private let control: MachineControl
  private var written: UInt8 = 0

  init(ports: PortSpace, control: MachineControl) {
    self.control = control
    ports.claim(0xcf8...0xcfb, for: self)
  }

  var portWidth: PortWidth { .doubleword }

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    port == Self.port && size == 1 ? UInt32(written) : .max
  }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    guard port == Self.port && size == 1 else { return }
    let byte = UInt8(truncatingIfNeeded: value) & Self.writable
    let rises = byte & ~written & Self.reset != 0
    written = byte
    if rises { control.ask(for: .reset) }
  }
}
