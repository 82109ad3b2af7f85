/// What the firmware of a PC has written to its devices by the time it hands over to a boot loader.
///
/// The timer ticks 18.2 times a second on IRQ 0, memory is refreshed, the interrupt controllers
/// give the vectors of real mode and let through the timer, the keyboard, the slave and the disks.
/// The local APIC is enabled and passes the interrupt controllers' output on ("virtual wire"). Images
/// that are loaded past the firmware find their devices so.
///
/// Sources: IBM PC AT Technical Reference, the listing of the BIOS; Intel MultiProcessor
/// Specification, "Virtual Wire Mode".
enum FirmwareSetup {
  /// Ports and the bytes for them, in the order of the writes.
  static let writes: [(port: UInt16, value: UInt8)] = [
    // The timer: counter 0 in mode 3 with 65536, counter 1 in mode 2 with 18.
    (0x43, 0x36), (0x40, 0x00), (0x40, 0x00),
    (0x43, 0x54), (0x41, 18),
    // The master: edges, cascaded, vectors from 0x08, slave at input 2, 8086 mode, masks.
    (0x20, 0x11), (0x21, 0x08), (0x21, 0x04), (0x21, 0x01), (0x21, 0xb8),
    // The slave: vectors from 0x70, identity 2.
    (0xa0, 0x11), (0xa1, 0x70), (0xa1, 0x02), (0xa1, 0x01), (0xa1, 0xbf),
  ]

  /// Makes the writes.
  static func apply(to ports: PortSpace) {
    for write in writes { ports.write(write.port, size: 1, value: UInt32(write.value)) }
  }

  /// Enables the bootstrap processor's local APIC, with ExtINT at LINT0 and NMI at LINT1.
  static func apply(to localAPIC: LocalAPIC) {
    localAPIC.setSpurious(0x1ff)
    localAPIC.setLocalVector(.lint0, 0x8700)
    localAPIC.setLocalVector(.lint1, 0x8400)
  }
}
