// The MSRs of performance monitoring, and RDPMC.
//
// Source: Intel SDM, volume 4, "IA-32 Architectural MSRs"; "RDPMC—Read Performance-Monitoring
// Counters".
extension Processor {
  /// Reads an MSR of performance monitoring; nil where RDMSR raises #GP(0).
  mutating func readPerformanceMSR(_ index: UInt32) -> UInt64? {
    let version = model.performance.version
    switch index {
    case MSR.ia32PerfCapabilities:
      return model.performance.hasCapabilities ? model.performance.capabilities : nil
    case MSR.ia32FixedCtrCtrl where version >= 2: return performance.fixedControl
    case MSR.ia32PerfGlobalStatus where version >= 2:
      updatePerformanceMonitoring()
      return performance.globalStatus
    case MSR.ia32PerfGlobalCtrl where version >= 2: return performance.globalControl
    // What is written here is not kept.
    case MSR.ia32PerfGlobalStatusReset where version >= 2: return 0
    case MSR.ia32PerfGlobalStatusSet where version >= 4: return 0
    case MSR.ia32PerfGlobalInUse where version >= 4: return performanceCountersInUse
    default: break
    }
    if let number = generalCounter(index, from: MSR.ia32PerfEvtSel0) {
      return performance.counters[number].selection
    }
    guard
      let number = generalCounter(index, from: MSR.ia32PMC0) ?? fullWidthCounter(index)
        ?? fixedCounter(index)
    else { return nil }
    updatePerformanceMonitoring()
    return performance.counters[number].value
  }

  /// Writes an MSR of performance monitoring; false, with nothing changed, where WRMSR raises #GP(0).
  mutating func writePerformanceMSR(_ index: UInt32, _ value: UInt64) -> Bool {
    let version = model.performance.version
    updatePerformanceMonitoring()
    switch index {
    case MSR.ia32FixedCtrCtrl where version >= 2:
      guard value & ~model.performance.fixedControlBits == 0 else { return false }
      performance.fixedControl = value
      for number in 0..<min(model.performance.fixedCount, Self.fixedCounterRoom) {
        performance.counters[PerformanceMonitor.firstFixed &+ number].selectFixed(
          number, value >> UInt64(number &* 4) & 0xf)
      }
    case MSR.ia32PerfGlobalCtrl where version >= 2:
      guard value & ~model.performance.globalControlBits == 0 else { return false }
      performance.globalControl = value
    case MSR.ia32PerfGlobalStatusReset where version >= 2:
      guard value & ~model.performance.statusBits == 0 else { return false }
      performance.globalStatus &= ~value
    case MSR.ia32PerfGlobalStatusSet where version >= 4:
      guard value & ~model.performance.statusBits == 0 else { return false }
      performance.globalStatus |= value
    default:
      guard writeCounter(index, value) else { return false }
    }
    updatePerformanceMonitoring()
    return true
  }

  /// Writes a counter or an event selection.
  private mutating func writeCounter(_ index: UInt32, _ value: UInt64) -> Bool {
    if let number = generalCounter(index, from: MSR.ia32PerfEvtSel0) {
      guard value & ~model.performance.selectionBits == 0 else { return false }
      let clock = model.performance.reference
      performance.counters[number].select(value, ticksEveryCycle: clock.hz >= clock.frequency)
    } else if let number = generalCounter(index, from: MSR.ia32PMC0) {
      // Bit 31 is extended to the width of the counter.
      let extended = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))
      performance.counters[number].value = extended & model.performance.generalMask
    } else if let number = fullWidthCounter(index) {
      guard value & ~model.performance.generalMask == 0 else { return false }
      performance.counters[number].value = value
    } else if let number = fixedCounter(index) {
      guard value & ~model.performance.fixedMask == 0 else { return false }
      performance.counters[number].value = value
    } else {
      return false
    }
    return true
  }

  /// Loads IA32_PERF_GLOBAL_CTRL with a value that has been checked: VM entries and VM exits.
  mutating func loadPerformanceGlobalControl(_ value: UInt64) {
    performance.globalControl = value & model.performance.globalControlBits
    updatePerformanceMonitoring()
  }

  /// IA32_PERF_GLOBAL_INUSE.
  ///
  /// Source: Intel SDM, "IA32_PERF_GLOBAL_INUSE MSR".
  private var performanceCountersInUse: UInt64 {
    mutating get {
      var bits: UInt64 = 0
      for index in 0..<performance.counters.count {
        let counter = performance.counters[index]
        let isFixed = index >= PerformanceMonitor.firstFixed
        let isUsed =
          isFixed
          ? counter.countsUser || counter.countsSupervisor
          : counter.selection & PerformanceSelection.event != 0
        if isUsed { bits |= PerformanceMonitor.globalBit(index) }
        if counter.interrupts { bits |= PerformanceStatus.interruptInUse }
      }
      return bits
    }
  }

  // MARK: Numbers of counters

  private static var fixedCounterRoom: Int { Int(PerformanceMonitoringLeaf.builtFixedCounters) }

  /// The general counter that an MSR of a row from `first` on belongs to.
  @inline(__always) private func generalCounter(_ index: UInt32, from first: UInt32) -> Int? {
    let number = Int(index &- first)
    return number < model.performance.generalCount ? number : nil
  }

  @inline(__always) private func fullWidthCounter(_ index: UInt32) -> Int? {
    guard model.performance.capabilities & PerformanceCapabilities.fullWidthWrites != 0 else {
      return nil
    }
    return generalCounter(index, from: MSR.ia32APMC0)
  }

  @inline(__always) private func fixedCounter(_ index: UInt32) -> Int? {
    let number = Int(index &- MSR.ia32FixedCtr0)
    let count = min(model.performance.fixedCount, Self.fixedCounterRoom)
    return number < count ? PerformanceMonitor.firstFixed &+ number : nil
  }

  // MARK: RDPMC

  /// RDPMC: general counters by number, fixed-function counters with bit 30 of ECX.
  mutating func readPerformanceCounter() {
    if cpl > 0, !cr4.contains(.pce) { return raise(.generalProtection, errorCode: 0) }
    if interceptRDPMC() { return }
    let selector = UInt32(truncatingIfNeeded: general[1])
    let isFixed = selector & 1 << 30 != 0
    let counter =
      isFixed
      ? fixedCounter(MSR.ia32FixedCtr0 &+ selector & ~(1 << 30))
      : generalCounter(selector, from: 0)
    guard let counter else { return raise(.generalProtection, errorCode: 0) }
    updatePerformanceMonitoring()
    setEDXEAX(performance.counters[counter].value)
  }
}
