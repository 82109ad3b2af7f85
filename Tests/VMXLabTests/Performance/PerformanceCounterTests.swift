import Testing

@testable import VMXLab

@Suite("Performance counters")
struct PerformanceCounterTests {
  private typealias Register = PerformanceRunner.Register
  private typealias Event = PerformanceRunner.Event

  // MARK: CPUID

  /// Version, general counters, their width, fixed-function counters and their width, by the parts'
  /// dumps less the counter of pipeline slots.
  @Test(
    "CPUID says which counters there are",
    arguments: [
      ("penryn", 2, 2, 40, 3, 40), ("nehalem", 3, 4, 48, 3, 48), ("sandybridge", 3, 4, 48, 3, 48),
      ("haswell", 3, 4, 48, 3, 48), ("skylake-server", 4, 4, 48, 3, 48),
      ("icelake-server", 5, 8, 48, 3, 48), ("sapphire-rapids", 5, 8, 48, 3, 48),
    ] as [(String, UInt32, UInt32, UInt32, UInt32, UInt32)])
  func leaf(
    name: String, version: UInt32, general: UInt32, width: UInt32, fixed: UInt32,
    fixedWidth: UInt32
  ) throws {
    let runner = try PerformanceRunner(profile: name)
    #expect(runner.base.run([0x0f, 0xa2], [0: 0xa]) == .retired)
    let eax = UInt32(truncatingIfNeeded: runner.state.pointee.general[0])
    let ebx = UInt32(truncatingIfNeeded: runner.state.pointee.general[3])
    let ecx = UInt32(truncatingIfNeeded: runner.state.pointee.general[1])
    let edx = UInt32(truncatingIfNeeded: runner.state.pointee.general[2])
    let events: UInt32 = version >= 5 ? 8 : 7
    #expect(eax == version | general << 8 | width << 16 | events << 24)
    // Core cycles, instructions and reference cycles are available, nothing else.
    #expect(ebx == (1 << events - 1) & ~7)
    #expect(ecx == (version >= 5 ? 7 : 0))
    #expect(edx & 0x1fff == fixed | fixedWidth << 5)
    #expect(edx >> 15 == (version >= 5 ? 1 : 0))
    // A leaf above the highest must not lend its data to the processor's features.
    if name == "penryn" { #expect(!runner.state.pointee.model.features.contains(.xsavec)) }
    #expect(runner.state.pointee.model.performance.hasCapabilities)
    let capabilities = runner.read(Register.capabilities)
    let isFullWidth = !["penryn", "nehalem"].contains(name)
    #expect(capabilities == (isFullWidth ? 1 << 13 : 0))
    #expect((runner.read(Register.wideCounter) != nil) == isFullWidth)
  }

  // MARK: MSRs

  /// Bits that cannot be set. Those of the first two parts are as VirtualBox's probing of real
  /// processors found them (CPU database, X5482 and i7-3960X).
  @Test(
    "reserved bits are refused one by one",
    arguments: [
      ("penryn", 0xc1, 0), ("penryn", 0x186, 0xffff_ffff_0020_0000),
      ("penryn", 0x309, 0xffff_ff00_0000_0000), ("penryn", 0x38d, 0xffff_ffff_ffff_f444),
      ("sandybridge", 0xc1, 0), ("sandybridge", 0x186, 0xffff_ffff_0000_0000),
      ("sandybridge", 0x309, 0xffff_0000_0000_0000), ("sandybridge", 0x38d, 0xffff_ffff_ffff_f000),
      ("sandybridge", 0x38e, .max), ("sandybridge", 0x38f, 0xffff_fff8_ffff_fff0),
      ("sandybridge", 0x390, 0x1fff_fff8_ffff_fff0), ("sandybridge", 0x391, .max),
      ("sandybridge", 0x4c1, 0xffff_0000_0000_0000), ("sandybridge", 0x345, .max),
      ("sandybridge", 0x30c, .max), ("sandybridge", 0xc5, .max), ("sandybridge", 0x18a, .max),
      ("nehalem", 0x4c1, .max), ("skylake-server", 0x390, 0x17ff_fff8_ffff_fff0),
      ("skylake-server", 0x391, 0x17ff_fff8_ffff_fff0), ("skylake-server", 0x392, .max),
      ("icelake-server", 0x186, 0xffff_ffff_0020_0000),
      ("icelake-server", 0x18d, 0xffff_ffff_0020_0000),
      ("icelake-server", 0x38d, 0xffff_ffff_ffff_f444),
      ("icelake-server", 0x38f, 0xffff_fff8_ffff_ff00), ("icelake-server", 0x30c, .max),
    ] as [(String, UInt32, UInt64)])
  func reserved(name: String, msr: UInt32, reserved: UInt64) throws {
    let runner = try PerformanceRunner(profile: name)
    for bit in 0..<UInt64(64) {
      let isReserved = reserved >> bit & 1 != 0
      #expect(
        runner.write(msr, 1 << bit) == !isReserved, "bit \(bit)")
    }
    if msr == 0x38f { #expect(runner.write(msr, ~reserved)) }
  }

  @Test(
    "after RESET the general counters are enabled in IA32_PERF_GLOBAL_CTRL, and INIT changes nothing"
  )
  func reset() throws {
    let runner = try PerformanceRunner()
    #expect(runner.read(Register.global) == 0xf)
    runner.write(Register.selection + 1, Event.instructions | Event.both | Event.enabled)
    runner.write(Register.fixedControl, 0x222)
    let before = try #require(runner.counter(1))
    func value(_ msr: UInt32) -> UInt64? { runner.state.pointee.readMSR(msr) }
    runner.state.pointee.initialize()
    #expect(value(Register.fixedControl) == 0x222)
    #expect(value(Register.counter + 1) == before + 1)
    #expect(value(Register.global) == 0xf)
    runner.state.pointee.reset()
    #expect(value(Register.fixedControl) == 0 && value(Register.counter + 1) == 0)
  }

  @Test("IA32_PMCx extends bit 31, IA32_A_PMCx writes every bit")
  func widths() throws {
    let value: UInt64 = 0xff01_8345_6789
    for (name, bits) in [("penryn", 40), ("sandybridge", 48)] as [(String, UInt64)] {
      let runner = try PerformanceRunner(profile: name)
      runner.write(Register.global, 0)
      #expect(runner.write(Register.counter, value))
      let extended: UInt64 = 0xffff_ffff_8345_6789 & (1 << bits - 1)
      #expect(runner.read(Register.counter) == extended && runner.counter(0) == extended)
      #expect(runner.write(Register.counter, 0x0345_6789))
      #expect(runner.counter(0) == 0x0345_6789)
      #expect(runner.write(Register.fixedCounter + 2, value & (1 << bits - 1)))
      #expect(runner.counter(1 << 30 | 2) == value & (1 << bits - 1))
    }
    let runner = try PerformanceRunner()
    #expect(runner.write(Register.wideCounter + 3, value))
    #expect(
      runner.read(Register.counter + 3) == value && runner.read(Register.wideCounter + 3) == value)
  }

  @Test("RDPMC takes the counters there are, above CPL 0 with CR4.PCE")
  func selectors() throws {
    let runner = try PerformanceRunner()
    for selector: UInt32 in [0, 3, 1 << 30, 1 << 30 | 2] {
      #expect(runner.counter(selector) != nil)
    }
    for selector: UInt32 in [4, 64, 1 << 30 | 3, 1 << 31, 1 << 31 | 1 << 30, .max, 1 << 29] {
      #expect(runner.counter(selector) == nil)
    }
    for allows in [false, true] {
      let runner = try PerformanceRunner()
      if allows { runner.state.pointee.cr4.insert(.pce) }
      // SYSRET, then RDPMC in the user's code.
      runner.enterUserLoop()
      runner.base.write([0x0f, 0x33], at: InstructionRunner.codeAddress + 0x1000)
      _ = runner.machine.run(instructions: 1)
      #expect(runner.state.pointee.cpl == 3)
      runner.state.pointee.general[1] = 0
      let before = runner.state.pointee.instructions
      // Without a task-state segment to take a stack from, #GP is the end.
      let stop = runner.machine.run(instructions: 1)
      #expect(stop == (allows ? .instructionLimit : .tripleFault))
      #expect(runner.state.pointee.instructions == before + (allows ? 1 : 0))
    }
  }

  @Test("IA32_PERF_GLOBAL_INUSE tells what is configured")
  func inUse() throws {
    let runner = try PerformanceRunner()
    #expect(runner.read(Register.inUse) == 0)
    runner.write(Register.selection + 2, Event.instructions)
    #expect(runner.read(Register.inUse) == 4)
    runner.write(Register.fixedControl, 0x20)
    #expect(runner.read(Register.inUse) == 4 | 2 << 32)
    runner.write(Register.fixedControl, 0xa0)
    #expect(runner.read(Register.inUse) == 4 | 2 << 32 | (1 as UInt64) << 63)
    #expect(try PerformanceRunner(profile: "haswell").read(Register.inUse) == nil)
  }

  // MARK: Counting

  @Test("the instruction that enables a counter counts, the one that disables it does not")
  func boundaries() throws {
    let runner = try PerformanceRunner()
    runner.write(Register.global, 0)
    runner.write(Register.selection, Event.instructions | Event.both | Event.enabled)
    runner.write(Register.selection + 1, Event.cycles | Event.both | Event.enabled)
    runner.write(Register.fixedControl, 0x333)
    let start = runner.state.pointee.cycles
    runner.write(Register.global, 7 << 32 | 3)
    runner.start(PerformanceRunner.loop)
    #expect(runner.machine.run(instructions: 1000) == .instructionLimit)
    let cycles = runner.state.pointee.cycles - start
    runner.write(Register.global, 0)
    runner.start(PerformanceRunner.loop)
    #expect(runner.machine.run(instructions: 10) == .instructionLimit)
    #expect(runner.counter(0) == 1001 && runner.counter(1) == cycles)
    #expect(runner.counter(1 << 30) == 1001)
    #expect(runner.counter(1 << 30 | 1) == cycles && runner.counter(1 << 30 | 2) == cycles)
  }

  @Test(
    "unhalted reference cycles are those of the part's bus, crystal or time-stamp clock",
    arguments: [
      ("penryn", 400_000_000), ("nehalem", 133_333_333), ("sandybridge", 100_000_000),
      ("haswell", 100_000_000), ("skylake-server", 25_000_000), ("icelake-server", 25_000_000),
      ("sapphire-rapids", 2_100_000_000),
    ] as [(String, UInt64)])
  func referenceCycles(name: String, hz: UInt64) throws {
    let runner = try PerformanceRunner(profile: name)
    runner.write(Register.global, 0)
    runner.write(Register.selection, Event.reference | Event.both | Event.enabled)
    let start = runner.state.pointee.cycles
    runner.write(Register.global, 1)
    runner.start(PerformanceRunner.loop)
    #expect(runner.machine.run(instructions: 20_000) == .instructionLimit)
    let cycles = runner.state.pointee.cycles - start
    let ticks = try #require(runner.counter(0))
    let expected = Double(cycles) * Double(hz) / Double(try CPUProfile.named(name).frequency)
    #expect(abs(Double(ticks) - expected) < 3)
  }

  /// Event, unit mask, USR, OS, E, INV and CMASK in all combinations that are built.
  private static let selections: [UInt64] = {
    var selections: [UInt64] = []
    for event: UInt64 in [0x3c, 0xc0, 0x13c, 0x4f2e] {
      for flags: UInt64 in [1, 2, 3] {
        for mask: UInt64 in [0, 1, 2, 16] {
          for invert: UInt64 in [0, 1] {
            for edge: UInt64 in [0, 1] where edge == 0 || (event != 0xc0 && mask < 2 && invert == 0)
            {
              selections.append(event | flags << 16 | edge << 18 | invert << 23 | mask << 24)
            }
          }
        }
      }
    }
    return selections
  }()

  @Test("counters count what a count of every single cycle finds")
  func cycleByCycle() throws {
    let stepped = try PerformanceRunner()
    stepped.enterUserLoop()
    let first = stepped.state.pointee.cycles
    let steps = stepped.trace(700)
    #expect(steps.count == 700 && steps.contains { $0.isUser } && steps.contains { !$0.isUser })
    let model = CycleModel(
      steps: steps, firstCycle: first,
      reference: ClockRatio(hz: 25_000_000, frequency: 3_000_000_000))
    for row in stride(from: 0, to: Self.selections.count, by: 4) {
      let selections = Self.selections[row..<min(row + 4, Self.selections.count)]
      let runner = try PerformanceRunner()
      for (index, selection) in selections.enumerated() {
        runner.state.pointee.performance.counters[index].select(
          selection | Event.enabled, ticksEveryCycle: false)
      }
      runner.state.pointee.cycles = first
      runner.state.pointee.performance.cycles = first
      runner.enterUserLoop()
      runner.state.pointee.updatePerformanceMonitoring()
      #expect(runner.machine.run(instructions: 700) == .instructionLimit)
      for (index, selection) in selections.enumerated() {
        let counted = runner.state.pointee.readMSR(Register.counter + UInt32(index))
        let expected = selection & 0xffff == 0x4f2e ? 0 : model.counts(selection).last
        #expect(counted == expected, "selection \(String(selection, radix: 16))")
      }
    }
  }

  @Test("AnyThread makes no difference, since a core has one thread")
  func anyThread() throws {
    let runner = try PerformanceRunner()
    runner.write(Register.global, 0)
    runner.write(Register.selection, Event.instructions | Event.both | Event.enabled)
    runner.write(Register.selection + 1, Event.instructions | Event.both | Event.enabled | 1 << 21)
    runner.write(Register.global, 3)
    runner.start(PerformanceRunner.loop)
    #expect(runner.machine.run(instructions: 100) == .instructionLimit)
    runner.write(Register.global, 0)
    #expect(runner.counter(0) == 101 && runner.counter(1) == 101)
  }
}
