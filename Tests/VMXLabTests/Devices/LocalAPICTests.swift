import Testing

@testable import VMXLab

@Suite("Local APIC")
struct LocalAPICTests {
  private let rig = APICRig()

  /// A fixed IPI to oneself.
  private func send(_ vector: UInt32) { rig.write(0x300, 0x4_4000 | vector) }

  // MARK: Registers

  @Test("after RESET the registers are as the manual says")
  func reset() {
    let apic = LocalAPIC(
      features: rig.apic.features, identifier: 3, clock: rig.clock, bus: rig.bus,
      signals: rig.signals)
    func read(_ register: UInt64) -> UInt64 { apic.readMemory(offset: register, size: 4) }
    #expect(read(0x20) == 0x0300_0000)
    #expect(read(0xe0) == 0xffff_ffff)
    #expect(read(0xf0) == 0xff)
    for lvt in [0x2f0, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370] as [UInt64] {
      #expect(read(lvt) == 0x1_0000)
    }
    for zero in [0x80, 0xa0, 0xd0, 0x280, 0x300, 0x310, 0x380, 0x390, 0x3e0] as [UInt64] {
      #expect(read(zero) == 0)
    }
    for bits in 0..<UInt64(24) { #expect(read(0x100 + bits * 16) == 0) }
  }

  @Test("the version register counts the LVT entries, of which older parts have no CMCI")
  func version() {
    #expect(rig.read(0x30) == 0x0106_0015)
    let old = APICRig(hasX2APIC: false, hasTSCDeadline: false)
    #expect(old.read(0x30) == 0x5_0014)
    old.write(0x2f0, 0x20)
    old.write(0x280, 0)
    #expect(old.read(0x280) == 0x80)
  }

  @Test("reserved registers are errors, read-only and odd accesses are not")
  func illegalRegister() {
    rig.write(0x370, 0x31)
    for register in [0x000, 0x010, 0x040, 0x290, 0x3f0, 0x400] as [UInt32] {
      #expect(rig.read(register) == 0)
      rig.write(0x280, 0)
      #expect(rig.read(0x280) == 0x80)
      #expect(rig.apic.acknowledge() == 0x31)
      rig.write(0xb0, 0)
    }
    rig.write(0x30, 0)
    rig.write(0x100, 0xffff_ffff)
    rig.apic.writeMemory(offset: 0x84, size: 4, value: 0xff)
    rig.apic.writeMemory(offset: 0x80, size: 1, value: 0xff)
    #expect(rig.read(0x80) == 0)
    rig.write(0x280, 0)
    #expect(rig.read(0x280) == 0)
  }

  @Test("bytes and words of a register can be read")
  func narrowReads() {
    rig.write(0x80, 0x12)
    #expect(rig.apic.readMemory(offset: 0x30, size: 1) == 0x15)
    #expect(rig.apic.readMemory(offset: 0x32, size: 2) == 0x0106)
    #expect(rig.apic.readMemory(offset: 0x34, size: 4) == 0)
  }

  @Test("disabling by software masks every LVT entry, and they stay so")
  func softwareDisable() {
    rig.write(0x320, 0x30)
    rig.write(0xf0, 0xff)
    #expect(rig.read(0x320) == 0x1_0030)
    #expect(rig.read(0x350) == 0x1_8700)
    #expect(!rig.apic.passesExternalInterrupts)
    rig.write(0x320, 0x31)
    #expect(rig.read(0x320) == 0x1_0031)
    send(0x40)
    #expect(!rig.apic.hasInterrupt)
    rig.write(0xf0, 0x1ff)
    #expect(rig.read(0x320) == 0x1_0031)
    send(0x40)
    #expect(rig.apic.hasInterrupt)
  }

  // MARK: Priorities

  @Test("interrupts are taken by priority, and an EOI ends the highest")
  func priorities() {
    send(0x31)
    send(0x52)
    send(0x35)
    #expect(rig.read(0x200 + 0x10) == 0x22_0000)
    #expect(rig.apic.acknowledge() == 0x52)
    #expect(rig.read(0xa0) == 0x50)
    #expect(!rig.apic.hasInterrupt)
    // Of the same class: held.
    send(0x5f)
    #expect(!rig.apic.hasInterrupt)
    send(0x60)
    #expect(rig.apic.acknowledge() == 0x60)
    rig.write(0xb0, 0)
    #expect(!rig.apic.hasInterrupt)
    rig.write(0xb0, 0)
    #expect(rig.apic.acknowledge() == 0x5f)
    rig.write(0xb0, 0)
    #expect(rig.apic.acknowledge() == 0x35)
    rig.write(0xb0, 0)
    #expect(rig.apic.acknowledge() == 0x31)
    rig.write(0xb0, 0)
    #expect(rig.read(0xa0) == 0)
    rig.write(0xb0, 0)  // nothing in service
  }

  @Test("TPR holds back its class and below; PPR is the higher of TPR and ISR")
  func taskPriority() {
    rig.write(0x80, 0x45)
    #expect(rig.read(0xa0) == 0x45)
    send(0x4f)
    #expect(!rig.apic.hasInterrupt)
    #expect(rig.apic.acknowledge() == 0xff)  // spurious, not in service
    #expect(rig.read(0x120) == 0)
    send(0x50)
    #expect(rig.apic.acknowledge() == 0x50)
    #expect(rig.read(0xa0) == 0x50)
    rig.write(0x80, 0x5a)
    #expect(rig.read(0xa0) == 0x5a)
    rig.write(0xb0, 0)
    rig.write(0x80, 0)
    #expect(rig.apic.acknowledge() == 0x4f)
  }

  // MARK: Interprocessor interrupts

  @Test("vectors below 16 are errors of the sender, and of the receiver where it is the same")
  func illegalVector() {
    send(0x0f)
    rig.write(0x280, 0)
    #expect(rig.read(0x280) == 0x40)
    rig.write(0x280, 0)
    rig.write(0x370, 0x33)
    rig.write(0x300, 0x400f)
    #expect(rig.apic.acknowledge() == 0x33)
    #expect(rig.read(0x280) == 0)
    rig.write(0x280, 0)
    #expect(rig.read(0x280) == 0x20)
    rig.write(0x280, 0)
    #expect(rig.read(0x280) == 0)
  }

  @Test("an IPI finds its destination: physical, flat, cluster, broadcast, shorthands")
  func destinations() {
    func arrives(_ low: UInt32, to destination: UInt32) -> Bool {
      rig.write(0x310, destination << 24)
      rig.write(0x300, low | 0x4055)
      defer {
        if rig.apic.hasInterrupt {
          _ = rig.apic.acknowledge()
          rig.write(0xb0, 0)
        }
      }
      return rig.apic.hasInterrupt
    }
    #expect(arrives(0, to: 0))
    #expect(!arrives(0, to: 1))
    #expect(arrives(0, to: 0xff))
    #expect(arrives(1 << 18, to: 1))
    #expect(arrives(2 << 18, to: 1))
    #expect(!arrives(3 << 18, to: 0))
    #expect(arrives(0x100, to: 0))  // lowest priority
    rig.write(0xd0, 0x0200_0000)
    #expect(arrives(0x800, to: 2))
    #expect(arrives(0x800, to: 6))
    #expect(!arrives(0x800, to: 1))
    rig.write(0xe0, 0x0fff_ffff)
    rig.write(0xd0, 0x3200_0000)
    #expect(arrives(0x800, to: 0x32))
    #expect(arrives(0x800, to: 0xf6))
    #expect(!arrives(0x800, to: 0x22))
    #expect(!arrives(0x800, to: 0x31))
    rig.write(0x20, 0x0700_0000)
    #expect(arrives(0, to: 7))
  }

  @Test("NMI, INIT and start-up IPIs reach the processor, each on its own line")
  func otherModes() {
    rig.write(0x300, 0x4400)
    #expect(rig.requests == .nmi)
    rig.signals.pointee.requests = []
    rig.write(0x300, 0x4500)
    #expect(rig.requests == .initialize)
    rig.signals.pointee.requests = []
    rig.write(0x300, 0x8500)  // level de-assert
    #expect(rig.requests == [])
    rig.write(0x300, 0x4699)
    #expect(rig.requests == .startUp)
    #expect(rig.signals.pointee.startUpVector == 0x99)
    rig.signals.pointee.requests = []
    rig.write(0x300, 0xc_4500)  // all but oneself
    rig.write(0x300, 0x4_4400)  // an NMI cannot be sent to oneself by shorthand
    #expect(rig.requests == [])
    // They arrive though the local APIC is disabled by software.
    rig.write(0xf0, 0xff)
    rig.write(0x300, 0x4400)
    #expect(rig.requests == .nmi)
  }

  // MARK: LINT0 and LINT1

  @Test("LINT0 passes the interrupt controllers on, or gives a vector, or an NMI")
  func localPins() {
    #expect(rig.apic.passesExternalInterrupts)
    rig.write(0x350, 0x41)  // fixed, edge
    #expect(!rig.apic.passesExternalInterrupts)
    rig.apic.setPin(.lint0, level: true)
    #expect(rig.apic.acknowledge() == 0x41)
    rig.write(0xb0, 0)
    #expect(!rig.apic.hasInterrupt)
    rig.apic.setPin(.lint0, level: false)
    rig.write(0x350, 0x8042)  // fixed, level
    rig.apic.setPin(.lint0, level: true)
    #expect(rig.read(0x350) == 0xc042)
    #expect(rig.apic.acknowledge() == 0x42)
    rig.write(0xb0, 0)
    #expect(rig.apic.acknowledge() == 0x42)
    rig.apic.setPin(.lint0, level: false)
    rig.write(0xb0, 0)
    #expect(!rig.apic.hasInterrupt)
    rig.apic.setPin(.lint1, level: true)
    #expect(rig.requests == .nmi)
  }

  // MARK: Timer

  @Test("a one-shot count ends once, and the current count shows how far it is")
  func oneShot() {
    rig.write(0x3e0, 0xb)  // divide by 1: 10 cycles a count
    rig.write(0x320, 0x60)
    rig.write(0x380, 100)
    #expect(rig.read(0x390) == 100)
    #expect(rig.apic.nextEvent == 1000)
    rig.advance(to: 499)
    #expect(rig.read(0x390) == 51)
    rig.advance(to: 999)
    #expect(!rig.apic.hasInterrupt)
    rig.advance(to: 1000)
    #expect(rig.apic.acknowledge() == 0x60)
    rig.write(0xb0, 0)
    #expect(rig.read(0x390) == 0)
    #expect(rig.read(0x380) == 100)
    rig.advance(to: 5000)
    #expect(!rig.apic.hasInterrupt)
  }

  @Test("the divide configuration register divides by 2 to 128, and by 1")
  func divider() {
    for (value, divisor) in [
      (0, 2), (1, 4), (2, 8), (3, 16), (8, 32), (9, 64), (0xa, 128), (0xb, 1),
    ] as [(UInt32, UInt64)] {
      let rig = APICRig()
      rig.write(0x3e0, value)
      rig.write(0x320, 0x60)
      rig.write(0x380, 50)
      #expect(rig.apic.nextEvent == 500 * divisor)
      rig.advance(to: 100 * divisor)
      #expect(rig.read(0x390) == 40)
    }
  }

  @Test("a periodic timer goes on, also while nobody looks")
  func periodic() {
    rig.write(0x3e0, 0xb)
    rig.write(0x320, 0x2_0060)
    rig.write(0x380, 10)
    for tick in 1...5 as ClosedRange<UInt64> {
      rig.advance(to: tick * 100 - 1)
      #expect(!rig.apic.hasInterrupt)
      rig.advance(to: tick * 100)
      #expect(rig.apic.acknowledge() == 0x60)
      rig.write(0xb0, 0)
    }
    rig.clock.now = 10_050
    rig.apic.advance()
    #expect(rig.apic.acknowledge() == 0x60)
    #expect(!rig.apic.hasInterrupt)
    #expect(rig.apic.nextEvent == 10_100)
    #expect(rig.read(0x390) == 5)
    rig.write(0x380, 0)
    #expect(rig.apic.nextEvent == .max)
  }

  @Test("a masked timer counts, and nobody has to wait for it")
  func maskedTimer() {
    rig.write(0x3e0, 0xb)
    rig.write(0x320, 0x3_0060)
    rig.write(0x380, 10)
    #expect(rig.apic.nextEvent == .max)
    rig.clock.now = 250
    #expect(rig.read(0x390) == 5)
    rig.write(0x320, 0x2_0060)
    #expect(!rig.apic.hasInterrupt)
    rig.advance(to: 300)
    #expect(rig.apic.hasInterrupt)
  }

  @Test("in TSC-deadline mode the timer fires at its cycle, once, and the count does nothing")
  func deadline() {
    #expect(rig.apic.writeModelSpecific(0x6e0, 500))
    #expect(rig.apic.readModelSpecific(0x6e0) == 0)  // not in that mode
    rig.write(0x320, 0x4_0060)
    rig.write(0x380, 10)
    #expect(rig.read(0x380) == 0)
    #expect(rig.apic.writeModelSpecific(0x6e0, 500))
    #expect(rig.apic.readModelSpecific(0x6e0) == 500)
    #expect(rig.apic.nextEvent == 500)
    rig.apic.setTSCOffset(100)
    #expect(rig.apic.nextEvent == 400)
    rig.advance(to: 399)
    #expect(!rig.apic.hasInterrupt)
    rig.advance(to: 400)
    #expect(rig.apic.acknowledge() == 0x60)
    rig.write(0xb0, 0)
    #expect(rig.apic.readModelSpecific(0x6e0) == 0)
    // A deadline in the past fires at once; 0 disarms; leaving the mode disarms.
    #expect(rig.apic.writeModelSpecific(0x6e0, 300))
    #expect(rig.apic.acknowledge() == 0x60)
    rig.write(0xb0, 0)
    #expect(rig.apic.writeModelSpecific(0x6e0, 900))
    #expect(rig.apic.writeModelSpecific(0x6e0, 0))
    #expect(rig.apic.nextEvent == .max)
    #expect(rig.apic.writeModelSpecific(0x6e0, 900))
    rig.write(0x320, 0x60)
    #expect(rig.apic.nextEvent == .max)
    #expect(APICRig(hasTSCDeadline: false).apic.readModelSpecific(0x6e0) == nil)
  }

  // MARK: x2APIC

  @Test("in x2APIC mode registers are MSRs, with the manual's access rules")
  func x2APICRegisters() {
    #expect(rig.readMSR(0x20) == nil)
    #expect(rig.apic.page == 0xfee0_0000)
    rig.enterX2APICMode()
    #expect(rig.apic.page == nil)
    let readable: [UInt32] =
      [
        0x20, 0x30, 0x80, 0xa0, 0xd0, 0xf0, 0x280, 0x2f0, 0x300, 0x320, 0x330, 0x340, 0x350, 0x360,
        0x370, 0x380, 0x390, 0x3e0,
      ] + (0..<24).map { 0x100 + $0 * 16 }
    let writable: [UInt32] = [
      0x80, 0xb0, 0xf0, 0x280, 0x2f0, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0,
    ]
    for register in 0..<UInt32(0x100) {
      let offset = register << 4
      #expect((rig.readMSR(offset) != nil) == readable.contains(offset), "\(offset)")
      if offset == 0x300 || offset == 0x3f0 { continue }
      #expect(rig.writeMSR(offset, 0) == writable.contains(offset), "\(offset)")
    }
  }

  @Test("in x2APIC mode reserved bits are refused")
  func x2APICReserved() {
    rig.enterX2APICMode()
    for (register, good, bad) in [
      (0x80, 0xff, 0x100), (0xb0, 0, 1), (0xf0, 0x11ff, 0x200), (0x280, 0, 1),
      (0x320, 0x7_00ff, 0x100), (0x330, 0x1_07ff, 0x2000), (0x350, 0x1_a7ff, 0x800),
      (0x370, 0x1_00ff, 0x400), (0x380, 0xffff_ffff, 0x1_0000_0000), (0x3e0, 0xb, 0x4),
      (0x300, 0xffff_ffff_0000_c8ff, 0x10_0000), (0x3f0, 0xff, 0x100), (0x300, 0x20, 0x1000),
    ] as [(UInt32, UInt64, UInt64)] {
      #expect(rig.writeMSR(register, good), "\(register)")
      #expect(!rig.writeMSR(register, bad), "\(register)")
    }
  }

  @Test("in x2APIC mode the logical ID comes from the ID, and the ICR has 64 bits")
  func x2APICDestinations() {
    let wide = LocalAPIC(
      features: rig.apic.features, identifier: 0x25, clock: rig.clock, bus: rig.bus,
      signals: rig.signals)
    wide.setBase(0xfee0_0c00)
    wide.setSpurious(0x1ff)
    #expect(wide.readModelSpecific(0x802) == 0x25)
    #expect(wide.readModelSpecific(0x80d) == 0x2_0020)
    rig.enterX2APICMode()
    func arrives(_ destination: UInt64, logical: Bool) -> Bool {
      #expect(rig.writeMSR(0x300, destination << 32 | (logical ? 0x800 : 0) | 0x70))
      defer {
        if wide.hasInterrupt {
          _ = wide.acknowledge()
          wide.endInterrupt()
        }
      }
      return wide.hasInterrupt
    }
    #expect(arrives(0x25, logical: false))
    #expect(!arrives(0xff, logical: false))
    #expect(arrives(0xffff_ffff, logical: false))
    #expect(arrives(0x2_0030, logical: true))
    #expect(!arrives(0x2_0010, logical: true))
    #expect(!arrives(0x1_0020, logical: true))
    #expect(rig.readMSR(0x300) == 0x1_0020_0000_0870)
    #expect(rig.writeMSR(0x3f0, 0x61))
    #expect(rig.apic.acknowledge() == 0x70)  // the broadcast before
    #expect(rig.readMSR(0x300) == 0x1_0020_0000_0870)
  }

  @Test("leaving and entering the disabled state resets the registers")
  func disabled() {
    rig.write(0x80, 0x20)
    rig.write(0x20, 0x0900_0000)
    rig.apic.setBase(0xfee0_0100)
    #expect(rig.apic.page == nil)
    #expect(rig.apic.passesExternalInterrupts)
    rig.bus.send(InterruptMessage(deliveryMode: .nmi, vector: 0, destination: 0xff))
    #expect(rig.requests == [])
    rig.apic.setBase(0x1000_0900)
    #expect(rig.apic.page == 0x1000_0000)
    #expect(rig.read(0x80) == 0)
    #expect(rig.read(0x20) == 0)
    #expect(rig.read(0xf0) == 0xff)
  }

  @Test("INIT resets all but the ID")
  func initialize() {
    rig.write(0x20, 0x0900_0000)
    rig.write(0x80, 0x20)
    rig.write(0x3e0, 0xb)
    rig.write(0x320, 0x60)
    rig.write(0x380, 10)
    rig.apic.initialize()
    #expect(rig.read(0x20) == 0x0900_0000)
    #expect(rig.read(0x80) == 0)
    #expect(rig.read(0x320) == 0x1_0000)
    #expect(rig.apic.nextEvent == .max)
  }
}
