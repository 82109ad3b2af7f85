import Testing

@testable import VMXLab

@Suite("I/O APIC")
struct IOAPICTests {
  private let rig = APICRig()

  private func raise(_ input: Int) { rig.ioAPIC.setInterrupt(input, level: true) }
  private func lower(_ input: Int) { rig.ioAPIC.setInterrupt(input, level: false) }
  private func take() -> UInt8? { rig.apic.hasInterrupt ? rig.apic.acknowledge() : nil }
  private func end() { rig.write(0xb0, 0) }

  @Test("there are 24 masked entries, whose read-only bits stay")
  func registers() {
    #expect(rig.readIO(1) == 0x0017_0020)
    for entry in 0..<UInt8(24) { #expect(rig.readIO(0x10 + entry * 2) == 0x1_0000) }
    rig.writeIO(0x10, 0xffff_ffff)
    rig.writeIO(0x11, 0xffff_ffff)
    #expect(rig.readIO(0x10) == 0x1_afff)
    #expect(rig.readIO(0x11) == 0xff00_0000)
    rig.writeIO(0, 0xffff_ffff)
    #expect(rig.readIO(0) == 0x0f00_0000)
    #expect(rig.readIO(0x40) == 0)
    rig.writeIO(0xff, 1)
  }

  @Test("an edge sends one interrupt; at a masked input it is lost")
  func edges() {
    raise(4)
    rig.redirect(4, 0x34)
    #expect(take() == nil)
    lower(4)
    raise(4)
    raise(4)
    #expect(take() == 0x34)
    end()
    #expect(take() == nil)
  }

  @Test("a level is sent again after its EOI for as long as it lasts")
  func levels() {
    rig.redirect(9, 0x8039)
    raise(9)
    #expect(rig.readIO(0x10 + 18) == 0xc039)
    #expect(rig.read(0x180 + 0x10) == 1 << 0x19)
    #expect(take() == 0x39)
    #expect(take() == nil)
    end()
    #expect(take() == 0x39)
    lower(9)
    end()
    #expect(take() == nil)
    #expect(rig.readIO(0x10 + 18) == 0x8039)
  }

  @Test("with broadcasts suppressed, the EOI register ends a level")
  func directedEOI() {
    rig.write(0xf0, 0x11ff)
    rig.redirect(9, 0x8039)
    raise(9)
    #expect(take() == 0x39)
    end()
    #expect(take() == nil)
    rig.ioAPIC.writeMemory(offset: 0x40, size: 4, value: 0x38)
    #expect(take() == nil)
    rig.ioAPIC.writeMemory(offset: 0x40, size: 4, value: 0x39)
    #expect(take() == 0x39)
  }

  @Test("unmasking an active level sends it")
  func unmasking() {
    rig.redirect(9, 0x1_8039)
    raise(9)
    #expect(take() == nil)
    rig.redirect(9, 0x8039)
    #expect(take() == 0x39)
  }

  @Test("entries choose destination and delivery mode")
  func destinations() {
    rig.redirect(3, 0x33, destination: 5)
    raise(3)
    #expect(take() == nil)
    lower(3)
    rig.write(0xd0, 0x0400_0000)
    rig.redirect(3, 0x833, destination: 4)
    raise(3)
    #expect(take() == 0x33)
    rig.redirect(3, 0x400)
    lower(3)
    raise(3)
    #expect(rig.requests == .nmi)
  }

  @Test("ISA lines go to both controllers, the timer to input 2")
  func isaLines() {
    let pic = DualPIC(ports: PortSpace())
    let lines = ISAInterrupts(pic: pic, ioAPIC: rig.ioAPIC)
    rig.redirect(2, 0x32)
    rig.redirect(4, 0x34)
    lines.setInterrupt(0, level: true)
    #expect(take() == 0x32)
    end()
    lines.setInterrupt(4, level: true)
    #expect(take() == 0x34)
    #expect(pic.output)
  }
}
