/// The two 8259A interrupt controllers of a PC: IRQ 0 to 7 at the master, IRQ 8 to 15 at the slave
/// behind its input 2.
///
/// Source: Intel 8259A data sheet, "Cascade Mode"; Intel 82371AB (PIIX4) data sheet, "ELCR".
final class DualPIC: PortDevice, InterruptSink {
  private var master = PIC8259(isMaster: true)
  private var slave = PIC8259(isMaster: false)

  private enum Port {
    static let master: UInt16 = 0x20
    static let slave: UInt16 = 0xa0
    static let masterTriggers: UInt16 = 0x4d0
    static let slaveTriggers: UInt16 = 0x4d1
  }
  private static let cascadeInput = 2
  /// IRQ 0, 1, 2, 8 and 13 are edge-triggered whatever is written.
  private static let masterTriggersMask: UInt8 = 0xf8
  private static let slaveTriggersMask: UInt8 = 0xde

  init(ports: PortSpace) {
    for base in [Port.master, Port.slave, Port.masterTriggers] {
      ports.claim(base...base + 1, for: self)
    }
  }

  /// INTR of the processor.
  var output: Bool { master.output }

  /// Whether a request at `number` would reach the processor, as far as the masks go.
  func letsThrough(_ number: Int) -> Bool {
    if number < 8 { return master.masked >> UInt8(number) & 1 == 0 }
    return slave.masked >> UInt8(number & 7) & 1 == 0
      && master.masked >> UInt8(Self.cascadeInput) & 1 == 0
  }

  /// Answers the processor's interrupt acknowledge: the vector of the interrupt that is now in
  /// service, or of IRQ 7 or 15, without putting it in service, when the request has gone (a
  /// spurious interrupt).
  func acknowledge() -> UInt8 {
    let (input, vector) = master.acknowledge()
    let isCascaded = input == Self.cascadeInput && master.cascade & (1 << Self.cascadeInput) != 0
    guard isCascaded else { return vector }
    guard slave.cascade == Self.cascadeInput else { return 0xff }  // nobody drives the bus
    let answer = slave.acknowledge()
    pulseCascade()
    return answer.vector
  }

  func setInterrupt(_ number: Int, level: Bool) {
    switch number {
    case Self.cascadeInput: break  // taken by the slave
    case 0..<8: master.setInput(number, level: level)
    case 8..<16:
      slave.setInput(number - 8, level: level)
      updateCascade()
    default: break
    }
  }

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    let odd = port & 1 != 0
    switch port {
    case Port.master, Port.master + 1: return UInt32(master.read(odd: odd))
    case Port.slave, Port.slave + 1:
      let acknowledges = slave.isPolled
      let value = slave.read(odd: odd)
      if acknowledges { pulseCascade() }
      return UInt32(value)
    case Port.masterTriggers: return UInt32(master.levelTriggered)
    case Port.slaveTriggers: return UInt32(slave.levelTriggered)
    default: return .max
    }
  }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    let odd = port & 1 != 0
    switch port {
    case Port.master, Port.master + 1: master.write(odd: odd, value: byte)
    case Port.slave, Port.slave + 1: slave.write(odd: odd, value: byte)
    case Port.masterTriggers: master.levelTriggered = byte & Self.masterTriggersMask
    case Port.slaveTriggers: slave.levelTriggered = byte & Self.slaveTriggersMask
    default: break
    }
    updateCascade()
  }

  private func updateCascade() {
    master.setInput(Self.cascadeInput, level: slave.output)
  }

  /// The slave's INT falls when it is acknowledged, even where it rises again at once for another
  /// request.
  private func pulseCascade() {
    master.setInput(Self.cascadeInput, level: false)
    updateCascade()
  }
}
