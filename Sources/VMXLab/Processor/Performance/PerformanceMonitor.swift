/// The state of performance monitoring.
///
/// Nothing is counted while instructions run. A counter is brought up to date from the clock and the
/// number of retired instructions when it is read, and whenever what is counted changes: at the
/// writes of its MSRs, when the processor changes between CPL 0 and others, halts or wakes, and at VM
/// entries and VM exits. An instruction counts by the state that it leaves behind.
struct PerformanceMonitor {
  /// General counters, then fixed-function counters from `firstFixed` on.
  var counters = InlineArray<11, PerformanceCounter>(repeating: PerformanceCounter())
  /// IA32_PERF_GLOBAL_CTRL.
  var globalControl: UInt64 = 0
  /// IA32_PERF_GLOBAL_STATUS.
  var globalStatus: UInt64 = 0
  /// IA32_FIXED_CTR_CTRL.
  var fixedControl: UInt64 = 0

  /// One bit a counter that is enabled, at whatever privilege level.
  var enabled: UInt32 = 0
  /// One bit a counter that counts in the present state.
  var running: UInt32 = 0
  /// Up to where `counters` are counted.
  var cycles: UInt64 = 0
  var instructions: UInt64 = 0
  /// The state in which they have been counted since.
  var isUser = false
  var isHalted = false
  /// When a counter that interrupts may overflow first.
  var cycleDeadline: UInt64 = .max
  var instructionDeadline: UInt64 = .max

  static let firstFixed = PerformanceMonitoringLeaf.maximumGeneralCounters

  /// The bit of a counter in the global MSRs.
  static func globalBit(_ index: Int) -> UInt64 {
    index < firstFixed
      ? 1 << UInt64(index) : 1 << (UInt64(index &- firstFixed) &+ PerformanceStatus.fixed)
  }
}

extension Processor {
  /// Brings the counters up to date; what has overflowed is noted, and interrupts.
  private mutating func updatePerformanceCounters() {
    let fromCycle = performance.cycles
    let elapsed = cycles &- fromCycle
    let retired = instructions &- performance.instructions
    performance.cycles = cycles
    performance.instructions = instructions
    guard performance.running != 0 else { return }
    var interrupts = false
    for index in 0..<performance.counters.count where performance.running >> UInt32(index) & 1 != 0
    {
      let counted: UInt64
      switch performance.counters[index].source {
      case .nothing, .starts: counted = 0
      case .instructions: counted = retired
      case .cycles: counted = elapsed
      case .referenceTicks: counted = ticks(from: fromCycle)
      case .cyclesWithoutInstruction: counted = elapsed > retired ? elapsed &- retired : 0
      case .cyclesWithoutTick: counted = elapsed &- ticks(from: fromCycle)
      }
      if count(counted, at: index) { interrupts = true }
    }
    if interrupts { requestPerformanceInterrupt() }
  }

  private mutating func ticks(from cycle: UInt64) -> UInt64 {
    let clock = model.performance.reference
    return clock.ticks(at: cycles) &- clock.ticks(at: cycle)
  }

  /// Adds to a counter; true if it overflows and is to interrupt.
  private mutating func count(_ counted: UInt64, at index: Int) -> Bool {
    let isFixed = index >= PerformanceMonitor.firstFixed
    let mask = isFixed ? model.performance.fixedMask : model.performance.generalMask
    let value = performance.counters[index].value
    performance.counters[index].value = (value &+ counted) & mask
    guard counted > mask &- value else { return false }
    performance.globalStatus |= PerformanceMonitor.globalBit(index)
    return performance.counters[index].interrupts
  }

  /// A performance-monitoring interrupt, which freezes the counters if IA32_DEBUGCTL says so.
  ///
  /// Source: Intel SDM, "Freezing LBR and Performance Counters on PMI".
  private mutating func requestPerformanceInterrupt() {
    if msrs.debugCtl & DebugControl.freezePerfmonOnPMI != 0 {
      if model.performance.version >= 4 {
        performance.globalStatus |= PerformanceStatus.countersFrozen
      } else {
        performance.globalControl = 0
      }
    }
    platform.raisePerformanceInterrupt(cycles: cycles)
  }

  /// Counts what has passed, and goes on by the present configuration and state of the processor: to
  /// be called before a counter is read and after anything has changed.
  mutating func updatePerformanceMonitoring() {
    updatePerformanceCounters()
    let stopped = performance.enabled & ~performance.running
    performance.isUser = cpl != 0
    performance.isHalted = activity != .active
    selectRunningCounters()
    if countStarts(stopped & performance.running) {
      requestPerformanceInterrupt()
      selectRunningCounters()
    }
    updatePerformanceDeadlines()
  }

  private mutating func selectRunningCounters() {
    performance.enabled = 0
    performance.running = 0
    guard performance.globalStatus & PerformanceStatus.countersFrozen == 0 else { return }
    for index in 0..<performance.counters.count
    where performance.globalControl & PerformanceMonitor.globalBit(index) != 0 {
      let counter = performance.counters[index]
      guard counter.source != .nothing, counter.countsUser || counter.countsSupervisor else {
        continue
      }
      performance.enabled |= 1 << UInt32(index)
      if performance.isUser ? counter.countsUser : counter.countsSupervisor,
        !performance.isHalted || counter.source.countsInHalt
      {
        performance.running |= 1 << UInt32(index)
      }
    }
  }

  /// Counts for `started`, the enabled counters that the state of the processor kept from running
  /// until now; true if one is to interrupt.
  private mutating func countStarts(_ started: UInt32) -> Bool {
    var interrupts = false
    for index in 0..<performance.counters.count
    where started >> UInt32(index) & 1 != 0 && performance.counters[index].source == .starts {
      if count(1, at: index) { interrupts = true }
    }
    return interrupts
  }

  /// What has to be done when the CPL or the activity state may have changed.
  @inline(__always) mutating func notePerformanceState() {
    guard performance.enabled != 0 else { return }
    guard performance.isUser != (cpl != 0) || performance.isHalted != (activity != .active) else {
      return
    }
    updatePerformanceMonitoring()
  }

  // MARK: Overflows to come

  private mutating func updatePerformanceDeadlines() {
    var cycle: UInt64 = .max
    var instruction: UInt64 = .max
    for index in 0..<performance.counters.count
    where performance.running >> UInt32(index) & 1 != 0 && performance.counters[index].interrupts {
      let isFixed = index >= PerformanceMonitor.firstFixed
      let mask = isFixed ? model.performance.fixedMask : model.performance.generalMask
      let left = (mask &- performance.counters[index].value).addingSaturating(1)
      switch performance.counters[index].source {
      case .nothing, .starts: break
      case .instructions: instruction = min(instruction, instructions.addingSaturating(left))
      case .referenceTicks:
        let clock = model.performance.reference
        cycle = min(cycle, clock.cycle(ofTick: clock.ticks(at: cycles).addingSaturating(left)))
      // For the last two, the first moment at which it may come to that.
      case .cycles, .cyclesWithoutInstruction, .cyclesWithoutTick:
        cycle = min(cycle, cycles.addingSaturating(left))
      }
    }
    performance.cycleDeadline = cycle
    performance.instructionDeadline = instruction
    updateProcessorDeadline()
    updateInstructionLimit()
  }

  /// Looks for overflows if one may have come.
  mutating func servePerformanceDeadlines() {
    guard
      cycles >= performance.cycleDeadline || instructions >= performance.instructionDeadline
    else { return }
    updatePerformanceMonitoring()
  }

  /// Recomputes by when the run loop has to return for the processor's own timers.
  mutating func updateProcessorDeadline() {
    // A VMX-preemption timer that has run out is in the run loop's hands.
    let timer = vmx.preemptionDeadline > cycles ? vmx.preemptionDeadline : .max
    let deadline = min(timer, performance.cycleDeadline)
    signals.pointee.processorDeadline = deadline
    if deadline < signals.pointee.deadline { signals.pointee.deadline = deadline }
  }

  /// Recomputes at which instruction the run loop has to return.
  mutating func updateInstructionLimit() {
    instructionLimit = min(requestedInstructionLimit, performance.instructionDeadline)
    signals.pointee.horizon = 0
  }
}
