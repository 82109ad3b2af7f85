/// The port with which a guest ends the run and leaves a value behind.
///
/// Source: QEMU, isa-debug-exit device (iobase 0xf4, iosize 4).
final class DebugExitPort: PortDevice {
  private let control: MachineControl

  init(ports: PortSpace, control: MachineControl) {
    self.control = control
    ports.claim(0xf4...0xf7, for: self)
  }

  var portWidth: PortWidth { .doubleword }

  func readPort(_ port: UInt16, size: Int) -> UInt32 { .max }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    control.ask(for: .debugExit(value))
  }
}

/// The port whose bytes go straight to the host. That it reads as its own number is how a guest
/// finds it.
///
/// Source: Bochs documentation, "port_e9_hack".
final class DebugConsole: PortDevice {
  private static let port: UInt16 = 0xe9
  /// Takes each byte that the guest writes.
  var transmit: (UInt8) -> Void

  init(ports: PortSpace, transmit: @escaping (UInt8) -> Void) {
    self.transmit = transmit
    ports.claim(Self.port...Self.port, for: self)
  }

  func readPort(_ port: UInt16, size: Int) -> UInt32 { UInt32(Self.port) }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    transmit(UInt8(truncatingIfNeeded: value))
  }
}

/// The port that switches the machine off when it is sent the text "Shutdown".
///
/// Source: Bochs source code, iodev/unmapped.cc.
final class BochsShutdownPort: PortDevice {
  private static let port: UInt16 = 0x8900
  private static let text = Array("Shutdown".utf8)
  private let control: MachineControl
  /// How much of the text has arrived.
  private var matched = 0

  init(ports: PortSpace, control: MachineControl) {
    self.control = control
    ports.claim(Self.port...Self.port, for: self)
  }

  func readPort(_ port: UInt16, size: Int) -> UInt32 { .max }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    if byte == Self.text[matched] {
      matched += 1
    } else {
      matched = byte == Self.text[0] ? 1 : 0
    }
    guard matched == Self.text.count else { return }
    matched = 0
    control.ask(for: .powerOff)
  }
}
