/// The interrupt lines of a PC's ISA devices: each goes to the 8259 pair and to the I/O APIC, where the
/// timer, IRQ 0, is at input 2 and every other line at the input of its number.
///
/// Source: Intel MultiProcessor Specification, "Default Configurations"; the interrupt-source override
/// that firmware of PCs reports in ACPI's MADT.
final class ISAInterrupts: InterruptSink {
  private let pic: DualPIC
  private let ioAPIC: IOAPIC

  init(pic: DualPIC, ioAPIC: IOAPIC) {
    self.pic = pic
    self.ioAPIC = ioAPIC
  }

  /// The I/O APIC's input for an IRQ.
  static func input(ofIRQ number: Int) -> Int { number == 0 ? 2 : number }

  func setInterrupt(_ number: Int, level: Bool) {
    pic.setInterrupt(number, level: level)
    ioAPIC.setInterrupt(Self.input(ofIRQ: number), level: level)
  }
}
