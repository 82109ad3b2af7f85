import Testing

@testable import VMXLab

@Suite("Performance-monitoring interrupts")
struct PerformanceInterruptTests {
  private typealias Register = PerformanceRunner.Register
  private typealias Event = PerformanceRunner.Event

  /// A runner in the loop whose counter 0 overflows after `left` events.
  private func runner(
    _ selection: UInt64, left: UInt64, profile: String = "skylake-server", debugControl: UInt64 = 0
  ) throws -> PerformanceRunner {
    let runner = try PerformanceRunner(profile: profile)
    runner.deliverNMIs()
    runner.write(Register.debugControl, debugControl)
    runner.write(Register.global, 0)
    runner.write(
      Register.selection, selection | Event.both | Event.enabled | Event.interrupts)
    runner.state.pointee.performance.counters[0].value =
      (0 &- left) & runner.state.pointee.model.performance.generalMask
    runner.start(PerformanceRunner.loop)
    runner.state.pointee.performance.globalControl = 1
    runner.state.pointee.updatePerformanceMonitoring()
    return runner
  }

  @Test(
    "an overflow interrupts behind the very instruction that caused it",
    arguments: [
      Event.instructions, Event.cycles, Event.reference, Event.cycles | 2 << 24 | 1 << 23,
      Event.instructions | 1 << 24 | 1 << 23, Event.reference | 1 << 24 | 1 << 23,
    ])
  func exact(selection: UInt64) throws {
    let stepped = try runner(selection, left: 1 << 40)
    let first = stepped.state.pointee.cycles
    var ends: [UInt64] = []
    var steps: [CycleModel.Step] = []
    for _ in 0..<400 {
      steps += stepped.trace(1)
      ends.append(stepped.state.pointee.rip)
    }
    let model = CycleModel(
      steps: steps, firstCycle: first,
      reference: ClockRatio(hz: 25_000_000, frequency: 3_000_000_000))
    let counts = model.counts(selection | Event.both)
    for left in [1, 2, 3, 4, 5, 7, 11, 16, 17, 23, 40, 41, 42] as [UInt64] {
      guard let last = counts.firstIndex(where: { $0 >= left }) else { continue }
      for pieces in [10_000, 7, 1] as [UInt64] {
        let runner = try runner(selection, left: left)
        #expect(runner.state.pointee.cycles == first)
        var stop = MachineStop.instructionLimit
        while stop == .instructionLimit { stop = runner.machine.run(instructions: pieces) }
        // HLT of the NMI's handler.
        #expect(stop == .haltedForever)
        let rsp = runner.state.pointee.general[4]
        let rip = runner.base.read(8, at: rsp).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        #expect(rip == ends[last], "\(left) left, \(pieces) at a time")
        #expect(
          runner.state.pointee.instructions + 400
            == stepped.state.pointee.instructions + UInt64(last) + 2)
        #expect(runner.state.pointee.performance.globalStatus == 1)
        #expect(runner.localVector == 0x1_0400)
      }
    }
  }

  @Test("an overflow is noted, and interrupts only if it is to")
  func silent() throws {
    let runner = try runner(Event.instructions, left: 10)
    runner.state.pointee.performance.counters[0].interrupts = false
    runner.state.pointee.updatePerformanceMonitoring()
    #expect(runner.machine.run(instructions: 50) == .instructionLimit)
    #expect(runner.localVector == 0x400)
    #expect(runner.read(Register.status) == 1)
    runner.write(Register.statusReset, 1)
    #expect(runner.read(Register.status) == 0)
  }

  @Test("a masked LVT entry loses the interrupt")
  func masked() throws {
    let runner = try runner(Event.instructions, left: 10)
    runner.machine.platform.localAPIC.setLocalVector(.performance, 0x1_0400)
    #expect(runner.machine.run(instructions: 50) == .instructionLimit)
    runner.machine.platform.localAPIC.setLocalVector(.performance, 0x400)
    #expect(runner.machine.run(instructions: 50) == .instructionLimit)
    #expect(runner.read(Register.status) == 1)
  }

  @Test("fixed-function counters interrupt by their own bits")
  func fixedFunction() throws {
    for index in 0..<3 as Range<UInt32> {
      let runner = try PerformanceRunner()
      runner.deliverNMIs()
      runner.write(Register.fixedCounter + index, 0xffff_ffff_ff00)
      runner.write(Register.fixedControl, 0xb << UInt64(index * 4))
      runner.write(Register.global, 1 << UInt64(32 + index))
      runner.start(PerformanceRunner.loop)
      #expect(runner.machine.run(instructions: 10_000) == .haltedForever)
      #expect(runner.state.pointee.performance.globalStatus == 1 << UInt64(32 + index))
    }
  }

  @Test("FREEZE_PERFMON_ON_PMI clears the enable bits before version 4 of performance monitoring")
  func legacyFreeze() throws {
    for name in ["penryn", "haswell"] {
      let runner = try runner(
        Event.instructions, left: 10, profile: name, debugControl: 1 << 12)
      #expect(runner.machine.run(instructions: 10_000) == .haltedForever)
      let counter = runner.state.pointee.performance.counters[0].value
      #expect(counter == 0)
      #expect(runner.read(Register.global) == 0 && runner.read(Register.status) == 1)
      #expect(runner.counter(0) == 0)
    }
  }

  @Test("FREEZE_PERFMON_ON_PMI sets CTR_FRZ from version 4 on, which stops all counters")
  func freeze() throws {
    let runner = try runner(Event.instructions, left: 10, debugControl: 1 << 12)
    #expect(runner.machine.run(instructions: 10_000) == .haltedForever)
    #expect(runner.read(Register.global) == 1)
    #expect(runner.read(Register.status) == 1 << 59 | 1)
    #expect(runner.counter(0) == 0)
    runner.write(Register.statusReset, 1)
    #expect(runner.counter(0) == 0)
    // Counting goes on with the instruction that resets the flag.
    runner.write(Register.statusReset, 1 << 59)
    #expect(runner.counter(0) == 1)
    runner.write(Register.statusSet, 1 << 59 | 2)
    #expect(runner.read(Register.status) == 1 << 59 | 2)
    #expect(runner.counter(0) == 2)
  }

  @Test("without the bit the counter goes on, and the next overflow needs the entry unmasked")
  func again() throws {
    let runner = try runner(Event.instructions, left: 10)
    #expect(runner.machine.run(instructions: 10_000) == .haltedForever)
    runner.write(Register.counter, 0xffff_fff0)
    runner.state.pointee.interruptibility.blockingByNMI = false
    runner.start(PerformanceRunner.loop)
    #expect(runner.machine.run(instructions: 100) == .instructionLimit)
    runner.write(Register.counter, 0xffff_fff0)
    runner.deliverNMIs()
    runner.start(PerformanceRunner.loop)
    #expect(runner.machine.run(instructions: 100) == .haltedForever)
  }
}
