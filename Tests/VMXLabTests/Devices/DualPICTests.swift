import Testing

@testable import VMXLab

@Suite("8259 pair") struct DualPICTests {
  private let ports = PortSpace()
  private let pic: DualPIC

  /// Vectors 0x20 and 0x28, nothing masked, and in `icw4` the mode.
  private static func initialise(_ ports: PortSpace, icw4: UInt8 = 1) {
    for (port, value) in [
      (0x20, 0x11), (0x21, 0x20), (0x21, 0x04), (0x21, icw4),
      (0xa0, 0x11), (0xa1, 0x28), (0xa1, 0x02), (0xa1, 1),
    ] as [(UInt16, UInt8)] {
      ports.writeByte(port, value)
    }
  }

  init() {
    pic = DualPIC(ports: ports)
    Self.initialise(ports)
  }

  private func raise(_ irqs: Int...) { for irq in irqs { pic.setInterrupt(irq, level: true) } }
  private func lower(_ irqs: Int...) { for irq in irqs { pic.setInterrupt(irq, level: false) } }
  private func inService(_ base: UInt16) -> UInt8 {
    ports.writeByte(base, 0x0b)
    return ports.readByte(base)
  }
  private func requests(_ base: UInt16) -> UInt8 {
    ports.writeByte(base, 0x0a)
    return ports.readByte(base)
  }
  private func endOfInterrupt(_ base: UInt16) { ports.writeByte(base, 0x20) }

  @Test("IRQ 0 is served before IRQ 1, and both get their vectors")
  func priority() {
    #expect(!pic.output)
    raise(1, 0)
    #expect(pic.output)
    #expect(pic.acknowledge() == 0x20)
    #expect(!pic.output)
    #expect(inService(0x20) == 0x01)
    #expect(requests(0x20) == 0x02)
    endOfInterrupt(0x20)
    #expect(pic.output)
    #expect(pic.acknowledge() == 0x21)
  }

  @Test("a higher request interrupts a lower one in service, and ends first")
  func nesting() {
    raise(5)
    #expect(pic.acknowledge() == 0x25)
    raise(6)
    #expect(!pic.output)
    raise(3)
    #expect(pic.acknowledge() == 0x23)
    #expect(inService(0x20) == 0x28)
    endOfInterrupt(0x20)
    #expect(inService(0x20) == 0x20)
    endOfInterrupt(0x20)
    #expect(pic.acknowledge() == 0x26)
  }

  @Test("the slave's inputs come between IRQ 1 and IRQ 3, and need two ends of interrupt")
  func cascade() {
    raise(3, 9, 8)
    #expect(pic.acknowledge() == 0x28)
    #expect(inService(0x20) == 0x04)
    #expect(inService(0xa0) == 0x01)
    #expect(!pic.output)
    endOfInterrupt(0x20)
    // The slave still holds IRQ 9 back; IRQ 3 is free to go.
    #expect(pic.acknowledge() == 0x23)
    endOfInterrupt(0x20)
    endOfInterrupt(0xa0)
    #expect(pic.acknowledge() == 0x29)
  }

  @Test("a masked request waits in the request register")
  func mask() {
    ports.writeByte(0x21, 0x10)
    #expect(ports.readByte(0x21) == 0x10)
    raise(4)
    #expect(!pic.output)
    #expect(requests(0x20) == 0x10)
    ports.writeByte(0x21, 0)
    #expect(pic.acknowledge() == 0x24)
  }

  @Test("an edge asks once, however long the input stays high")
  func edge() {
    raise(4)
    #expect(pic.acknowledge() == 0x24)
    endOfInterrupt(0x20)
    #expect(!pic.output)
    raise(4)
    #expect(!pic.output)
    lower(4)
    raise(4)
    #expect(pic.acknowledge() == 0x24)
  }

  @Test("a level asks again after the end of interrupt while the input stays high")
  func level() {
    ports.write(0x4d0, size: 2, value: 0x0c20)
    #expect(ports.read(0x4d0, size: 2) == 0x0c20)
    raise(5)
    #expect(pic.acknowledge() == 0x25)
    #expect(!pic.output)
    endOfInterrupt(0x20)
    #expect(pic.output)
    lower(5)
    #expect(!pic.output)
    raise(10)
    #expect(pic.acknowledge() == 0x2a)
    endOfInterrupt(0xa0)
    endOfInterrupt(0x20)
    #expect(pic.acknowledge() == 0x2a)
  }

  @Test("IRQ 0, 1, 2, 8 and 13 cannot be made level-triggered")
  func fixedEdges() {
    ports.write(0x4d0, size: 2, value: 0xffff)
    #expect(ports.read(0x4d0, size: 2) == 0xdef8)
  }

  @Test("a request that goes away before its acknowledgement gives a spurious IRQ 7")
  func spuriousMaster() {
    raise(4)
    lower(4)
    #expect(!pic.output)
    #expect(pic.acknowledge() == 0x27)
    #expect(inService(0x20) == 0)
  }

  @Test("a slave whose request went away answers with its input 7, and has nothing in service")
  func spuriousSlave() {
    var slave = PIC8259(isMaster: false)
    slave.write(odd: false, value: 0x11)
    for word in [0x28, 0x02, 0x01] as [UInt8] { slave.write(odd: true, value: word) }
    slave.setInput(1, level: true)
    slave.setInput(1, level: false)
    let answer = slave.acknowledge()
    #expect(answer.input == 7)
    #expect(answer.vector == 0x2f)
    #expect(slave.inService == 0)
  }

  @Test("a request that its slave withdraws is withdrawn at the master too")
  func withdrawnCascade() {
    raise(9)
    ports.writeByte(0xa1, 0xff)
    #expect(!pic.output)
    ports.writeByte(0xa1, 0)
    #expect(pic.acknowledge() == 0x29)
  }

  @Test("a specific end of interrupt ends the one that it names")
  func specificEOI() {
    raise(5)
    _ = pic.acknowledge()
    raise(3)
    _ = pic.acknowledge()
    ports.writeByte(0x20, 0x60 | 5)
    #expect(inService(0x20) == 0x08)
  }

  @Test("rotation on end of interrupt makes the served input the lowest")
  func rotation() {
    raise(4)
    _ = pic.acknowledge()
    ports.writeByte(0x20, 0xa0)
    lower(4)
    raise(4, 6)
    #expect(pic.acknowledge() == 0x26)
    ports.writeByte(0x20, 0xe0 | 6)  // rotates to 6, so 7 is next, then 0
    raise(0)
    #expect(pic.acknowledge() == 0x20)
    endOfInterrupt(0x20)
    #expect(pic.acknowledge() == 0x24)
  }

  @Test("the set-priority command chooses the lowest input")
  func setPriority() {
    ports.writeByte(0x20, 0xc0 | 2)
    raise(1, 3)
    #expect(pic.acknowledge() == 0x23)
    endOfInterrupt(0x20)
    #expect(pic.acknowledge() == 0x21)
  }

  @Test("automatic end of interrupt leaves nothing in service, and rotates where told")
  func automaticEOI() {
    Self.initialise(ports, icw4: 3)
    raise(0, 1)
    #expect(pic.acknowledge() == 0x20)
    #expect(inService(0x20) == 0)
    #expect(pic.acknowledge() == 0x21)
    ports.writeByte(0x20, 0x80)
    lower(0, 1)
    raise(0, 1)
    #expect(pic.acknowledge() == 0x20)
    lower(0)
    raise(0)
    #expect(pic.acknowledge() == 0x21)
    #expect(pic.acknowledge() == 0x20)
  }

  @Test("special mask mode lets lower requests through a masked input in service")
  func specialMask() {
    raise(2 + 1)
    _ = pic.acknowledge()
    raise(6)
    #expect(!pic.output)
    ports.writeByte(0x21, 0x08)
    #expect(!pic.output)
    ports.writeByte(0x20, 0x68)
    #expect(pic.output)
    #expect(pic.acknowledge() == 0x26)
    endOfInterrupt(0x20)
    #expect(inService(0x20) == 0x08)
    ports.writeByte(0x20, 0x48)
    endOfInterrupt(0x20)
    #expect(inService(0x20) == 0)
  }

  @Test(
    "special fully nested mode lets a slave's higher request through, but not the master's lower ones"
  )
  func specialFullyNested() {
    raise(10)
    _ = pic.acknowledge()
    raise(8)
    #expect(!pic.output)
    endOfInterrupt(0xa0)
    endOfInterrupt(0x20)
    lower(8, 10)

    Self.initialise(ports, icw4: 0x11)
    raise(10)
    #expect(pic.acknowledge() == 0x2a)
    raise(3)
    #expect(!pic.output)
    raise(8)
    #expect(pic.acknowledge() == 0x28)
  }

  @Test("a poll acknowledges, and answers with bit 7 and the input")
  func poll() {
    raise(12)
    ports.writeByte(0x20, 0x0c)
    #expect(ports.readByte(0x20) == 0x82)
    ports.writeByte(0xa0, 0x0c)
    #expect(ports.readByte(0xa0) == 0x84)
    #expect(inService(0xa0) == 0x10)
    ports.writeByte(0xa0, 0x0c)
    #expect(ports.readByte(0xa0) == 0)
    #expect(!pic.output)
  }

  @Test("with automatic end of interrupt at the slave its second request follows its first")
  func slaveAutomaticEOI() {
    for value in [0x28, 0x02, 0x03] as [UInt8] {
      if value == 0x28 { ports.writeByte(0xa0, 0x11) }
      ports.writeByte(0xa1, value)
    }
    raise(9, 10)
    #expect(pic.acknowledge() == 0x29)
    endOfInterrupt(0x20)
    #expect(pic.output)
    #expect(pic.acknowledge() == 0x2a)
  }

  @Test("initialisation clears masks, what is in service, and edges that were seen")
  func initialisation() {
    raise(3)
    _ = pic.acknowledge()
    raise(5)
    ports.writeByte(0x21, 0xff)
    Self.initialise(ports)
    #expect(ports.readByte(0x21) == 0)
    #expect(inService(0x20) == 0)
    #expect(!pic.output)
    lower(5)
    raise(5)
    #expect(pic.acknowledge() == 0x25)
  }

  @Test("initialisation takes only the words that ICW1 announces")
  func shortInitialisation() {
    ports.writeByte(0x20, 0x12)  // single, no ICW4
    ports.writeByte(0x21, 0x47)
    ports.writeByte(0x21, 0xfe)  // already a mask
    #expect(ports.readByte(0x21) == 0xfe)
    raise(0)
    #expect(pic.acknowledge() == 0x40)
  }
}
