import Testing

@testable import VMXLab

/// The processor and its local APIC together, in a machine.
@Suite("The processor's local APIC")
struct LocalAPICAccessTests {
  private typealias Place = VMXRunner.Place

  private static let wrmsr: [UInt8] = [0x0f, 0x30]
  private static let rdmsr: [UInt8] = [0x0f, 0x32]

  private func write(_ runner: VMXRunner, _ msr: UInt64, _ value: UInt64) -> Bool {
    runner.execute(
      Self.wrmsr, registers: [0: value & 0xffff_ffff, 1: msr, 2: value >> 32]) == .retired
  }

  private func read(_ runner: VMXRunner, _ msr: UInt64) -> UInt64? {
    guard runner.execute(Self.rdmsr, registers: [1: msr]) == .retired else { return nil }
    return runner.state.pointee.general[2] << 32 | runner.state.pointee.general[0]
  }

  /// Maps the local APIC's default page, one to one.
  private func mapAPIC(_ runner: VMXRunner) {
    runner.put(Place.tables + 0x4000 | 7, at: Place.tables + 0x1018)
    runner.put(0xfee0_0087, at: Place.tables + 0x4000 + 0x1f7 * 8)
  }

  @Test("IA32_APIC_BASE after RESET: enabled at 0xfee00000, bootstrap processor")
  func base() throws {
    #expect(try read(VMXRunner(), 0x1b) == 0xfee0_0900)
  }

  @Test("IA32_APIC_BASE refuses reserved bits and transitions that do not exist")
  func transitions() throws {
    // 0 disabled, 1 invalid, 2 xAPIC, 3 x2APIC: bits 11:10.
    for (from, to, isAllowed) in [
      (0, 0, true), (0, 1, false), (0, 2, true), (0, 3, false),
      (2, 0, true), (2, 1, false), (2, 2, true), (2, 3, true),
      (3, 0, true), (3, 1, false), (3, 2, false), (3, 3, true),
    ] as [(UInt64, UInt64, Bool)] {
      let runner = try VMXRunner()
      #expect(write(runner, 0x1b, 0xfee0_0100 | from << 10))
      #expect(write(runner, 0x1b, 0xfee0_0100 | to << 10) == isAllowed, "\(from) to \(to)")
      #expect(read(runner, 0x1b) == 0xfee0_0100 | (isAllowed ? to : from) << 10)
    }
    let runner = try VMXRunner()
    for bad in [0xfee0_0901, 0xfee0_0a00, 0x4000_fee0_0900] as [UInt64] {
      #expect(!write(runner, 0x1b, bad))
    }
    #expect(try !write(VMXRunner(profile: "penryn"), 0x1b, 0xfee0_0d00))
  }

  @Test("CPUID shows the local APIC while it is enabled")
  func cpuid() throws {
    let runner = try VMXRunner()
    runner.execute(Code.cpuid, registers: [0: 1])
    #expect(runner.state.pointee.general[2] >> 9 & 1 == 1)
    #expect(runner.state.pointee.general[1] >> 21 & 1 == 1)
    #expect(runner.state.pointee.general[1] >> 24 & 1 == 1)
    #expect(write(runner, 0x1b, 0xfee0_0100))
    runner.execute(Code.cpuid, registers: [0: 1])
    #expect(runner.state.pointee.general[2] >> 9 & 1 == 0)
  }

  @Test("MSRs of x2APIC mode fault outside it")
  func x2APIC() throws {
    let runner = try VMXRunner()
    #expect(read(runner, 0x803) == nil)
    #expect(!write(runner, 0x808, 0))
    #expect(write(runner, 0x1b, 0xfee0_0d00))
    #expect(read(runner, 0x803) == 0x0106_0015)
    #expect(write(runner, 0x808, 0x50))
    #expect(read(runner, 0x808) == 0x50)
  }

  @Test("CR8 is the class of the task priority")
  func cr8() throws {
    let runner = try VMXRunner()
    mapAPIC(runner)
    runner.execute([0x44, 0x0f, 0x22, 0xc0], registers: [0: 9])
    #expect(runner.machine.platform.localAPIC.taskPriority == 0x90)
    runner.execute([0x8b, 0x03], memory: 0xfee0_0080)
    #expect(runner.state.pointee.general[0] == 0x90)
    runner.execute([0xc7, 0x03, 0x6f, 0, 0, 0], memory: 0xfee0_0080)
    runner.execute([0x44, 0x0f, 0x20, 0xc0])
    #expect(runner.state.pointee.general[0] == 6)
  }

  @Test("a self-IPI is taken before the instruction after the store")
  func selfIPI() throws {
    let runner = try VMXRunner()
    mapAPIC(runner)
    // MOV [RBX], self-IPI 0x31; NOP; NOP, with interrupts on.
    let code: [UInt8] = [0xc7, 0x03, 0x31, 0x40, 0x04, 0x00, 0x90, 0x90]
    runner.execute([0x90], memory: 0xfee0_0300)
    runner.machine.writeMemory(code, at: Place.code)
    runner.state.pointee.rip = Place.code
    runner.state.pointee.setRFLAGS(0x202)
    runner.state.pointee.activity = .active
    runner.state.pointee.updateAttention()
    #expect(runner.machine.run(instructions: 100) == .haltedForever)
    // The handler of 0x31 halts; its frame has the address behind the store.
    #expect(runner.state.pointee.rip == Place.handlers + 0x31 * 16 + 1)
    #expect(runner.get(runner.state.pointee.general[4]) == Place.code + 6)
  }

  @Test("a string store to the registers goes on between interrupts")
  func stringStore() throws {
    let runner = try VMXRunner()
    mapAPIC(runner)
    // REP STOSD twice: the task priority, and beside it.
    runner.execute(
      [0xf3, 0xab], registers: [0: 0x20, 1: 2, 7: 0xfee0_0080])
    #expect(runner.machine.run(instructions: 1) == .haltedForever)
    #expect(runner.state.pointee.general[1] == 0)
    #expect(runner.state.pointee.general[7] == 0xfee0_0088)
    #expect(runner.machine.platform.localAPIC.taskPriority == 0x20)
  }

  @Test("the registers can lie over RAM, which is there again when they have gone")
  func relocation() throws {
    let runner = try VMXRunner()
    let page: UInt64 = 0x70_0000
    runner.put(0x1234_5678, at: page + 0x30)
    runner.execute([0x8b, 0x03], memory: page + 0x30)
    #expect(runner.state.pointee.general[0] == 0x1234_5678)
    #expect(write(runner, 0x1b, page | 0x900))
    runner.execute([0x8b, 0x03], memory: page + 0x30)
    #expect(runner.state.pointee.general[0] == 0x0106_0015)
    runner.execute([0xc7, 0x03, 0x40, 0, 0, 0], memory: page + 0x80)
    #expect(runner.machine.platform.localAPIC.taskPriority == 0x40)
    #expect(write(runner, 0x1b, 0xfee0_0900))
    runner.execute([0x8b, 0x03], memory: page + 0x30)
    #expect(runner.state.pointee.general[0] == 0x1234_5678)
    #expect(runner.get(page + 0x80) == 0)
  }

  @Test("the timer wakes a processor that halts, at its cycle")
  func timer() throws {
    let runner = try VMXRunner()
    mapAPIC(runner)
    runner.machine.platform.ports.write(0x43, size: 1, value: 0x30)
    for (register, value) in [(0x3e0, 0xb), (0x320, 0x40), (0x380, 10000)] as [(UInt64, UInt16)] {
      let immediate = [UInt8(truncatingIfNeeded: value), UInt8(value >> 8), 0, 0]
      runner.execute([0xc7, 0x03] + immediate, memory: 0xfee0_0000 + register)
    }
    let start = runner.state.pointee.cycles
    runner.state.pointee.setRFLAGS(0x202)
    runner.machine.writeMemory([0xf4], at: Place.code)
    runner.state.pointee.rip = Place.code
    runner.state.pointee.activity = .active
    runner.state.pointee.updateAttention()
    #expect(runner.machine.run(instructions: 100) == .haltedForever)
    #expect(runner.state.pointee.rip == Place.handlers + 0x40 * 16 + 1)
    // Pulses of 25 MHz at 3 GHz.
    let length: UInt64 = 10000 * 120
    #expect((length - 1000...length + 1000).contains(runner.state.pointee.cycles - start))
  }

  @Test("an NMI of the 8254, by LINT0 or the I/O APIC, ends HLT with interrupts off")
  func timerNMI() throws {
    for usesIOAPIC in [false, true] {
      let runner = try VMXRunner()
      let platform = runner.machine.platform
      platform.ports.write(0x43, size: 1, value: 0x30)
      #expect(runner.execute([0x90]) == .retired)
      #expect(runner.machine.run(instructions: 10) == .haltedForever)
      if usesIOAPIC {
        platform.ioAPIC.writeMemory(offset: 0, size: 4, value: 0x14)
        platform.ioAPIC.writeMemory(offset: 0x10, size: 4, value: 0x400)
      } else {
        platform.localAPIC.setLocalVector(.lint0, 0x400)
      }
      for byte in [0x00, 0x01] as [UInt32] { platform.ports.write(0x40, size: 1, value: byte) }
      #expect(runner.machine.run(instructions: 10) == .haltedForever)
      #expect(runner.state.pointee.rip == Place.handlers + 2 * 16 + 1)
    }
  }

  @Test("INIT waits in VMX root operation, and comes after VMXOFF")
  func initialize() throws {
    let runner = try VMXRunner()
    let platform = runner.machine.platform
    platform.interruptBus.send(
      InterruptMessage(deliveryMode: .initialize, vector: 0, destination: 0))
    #expect(runner.execute([0x90]) == .retired)
    platform.localAPIC.setTaskPriority(0x30)
    runner.execute(Code.vmxoff)
    _ = runner.machine.run(cycles: 1)
    #expect(runner.state.pointee.cr0 == .et)
    #expect(platform.localAPIC.taskPriority == 0)
    #expect(runner.state.pointee.msrs.apicBase == 0xfee0_0900)
  }

  @Test("an application processor waits after INIT, and a start-up IPI starts it")
  func startUp() throws {
    let machine = try Machine(
      MachineConfiguration(memoryByteCount: 16 << 20, profile: .named("skylake-server")))
    let state = machine.processor.pointer
    machine.writeMemory([0xf4], at: 0x9_9000)
    let bus = machine.platform.interruptBus
    state.pointee.msrs.apicBase &= ~APICBase.bootstrapProcessor
    // One that does not wait loses it.
    bus.send(InterruptMessage(deliveryMode: .startUp, vector: 0x12, destination: 0))
    bus.send(InterruptMessage(deliveryMode: .initialize, vector: 0, destination: 0))
    #expect(machine.run(instructions: 10) == .haltedForever)
    #expect(state.pointee.activity == .waitForSIPI)
    bus.send(InterruptMessage(deliveryMode: .startUp, vector: 0x99, destination: 0))
    #expect(machine.run(instructions: 10) == .haltedForever)
    #expect(state.pointee.activity == .hlt)
    #expect(state.pointee.segments[1].base == 0x9_9000)
    #expect(state.pointee.rip == 1)
  }

  @Test("an external interrupt that exits is acknowledged from the local APIC")
  func acknowledgeOnExit() throws {
    let runner = try VMXRunner()
    runner.set(.externalInterruptExiting)
    runner.set(exit: .acknowledgeInterruptOnExit)
    runner.setGuestCode([0xeb, 0xfe])
    let apic = runner.machine.platform.localAPIC
    apic.accept(InterruptMessage(deliveryMode: .fixed, vector: 0x77))
    runner.machine.platform.updateSignals()
    #expect(runner.exitReason() == .externalInterrupt)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0077)
    #expect(apic.inService.highest == 0x77)
  }

  @Test("timers of the profiles count what their parts count")
  func frequencies() throws {
    for (profile, frequency) in [
      ("penryn", 400_000_000), ("nehalem", 133_333_333), ("sandybridge", 100_000_000),
      ("haswell", 100_000_000), ("skylake-server", 25_000_000), ("icelake-server", 25_000_000),
      ("sapphire-rapids", 25_000_000),
    ] as [(String, UInt64)] {
      #expect(try CPUProfile.named(profile).localAPICTimerFrequency == frequency)
    }
  }
}
