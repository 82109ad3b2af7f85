// Address-range monitoring, and the states that wait for it.
//
// Source: Intel SDM, "MONITOR—Set Up Monitor Address", "MWAIT—Monitor Wait", "UMONITOR—User Level Set
// Up Monitor Address" and "UMWAIT—User Level Monitor Wait".

/// The monitored line of memory.
///
/// A store to the line shows in its contents: they are compared with those when monitoring began. A
/// store that changes nothing goes unnoticed.
struct AddressRangeMonitor {
  /// Bytes of a line: CPUID.5:EAX and EBX.
  static let lineSize: UInt64 = 64

  /// MONITOR or UMONITOR has been executed, and nothing has ended monitoring.
  private(set) var isArmed = false
  private var address: UInt64 = 0
  private var contents = InlineArray<8, UInt64>(repeating: 0)

  /// Monitors the line of a physical address, if that is RAM.
  mutating func arm(_ physical: UInt64, in ram: RAMMap) {
    address = physical & ~(Self.lineSize &- 1)
    guard let host = ram.host(address) else { return disarm() }
    for word in 0..<8 {
      contents[word] = host.load(fromByteOffset: word &* 8, as: UInt64.self)
    }
    isArmed = true
  }

  mutating func disarm() { isArmed = false }

  /// Whether monitoring is on and the line is as it was.
  mutating func isWaiting(in ram: RAMMap) -> Bool {
    guard isArmed, let host = ram.host(address) else { return false }
    for word in 0..<8
    where contents[word] != host.load(fromByteOffset: word &* 8, as: UInt64.self) {
      isArmed = false
      return false
    }
    return true
  }
}

/// The implementation-dependent optimized state that MWAIT, UMWAIT and TPAUSE enter. The processor's
/// activity state is then HLT, to itself; a VMCS never shows it.
struct OptimizedState {
  var isActive = false
  /// A store to the monitored line ends it.
  var isMonitoring = false
  /// An interrupt ends it even if EFLAGS.IF is 0.
  var wakesByMaskedInterrupt = false
  /// Cycle at which it ends.
  var deadline: UInt64 = .max
  /// The deadline is that of IA32_UMWAIT_CONTROL, so that CF will be 1.
  var isLimitedBySystem = false
}

extension Processor {
  /// Whether the processor is in the optimized state.
  var isInOptimizedState: Bool { activity == .hlt && optimizedState.isActive }

  /// Cycle at which time alone wakes the processor.
  var timedWake: UInt64 {
    isInOptimizedState ? min(preemptionTimerEvent, optimizedState.deadline) : preemptionTimerEvent
  }

  /// Stops instructions until one of the state's events.
  mutating func enter(_ state: OptimizedState) {
    optimizedState = state
    activity = .hlt
    attention.insert(.inactive)
  }

  /// Ends the optimized state if its time is over, the monitored line has been written, or a masked
  /// interrupt waits that may end it; whether it did.
  mutating func leaveOptimizedState(_ requests: PlatformRequests) -> Bool {
    guard isInOptimizedState else { return false }
    let isTimedOut = cycles >= optimizedState.deadline
    let isWritten = optimizedState.isMonitoring && !monitor.isWaiting(in: ram)
    let isInterrupted = optimizedState.wakesByMaskedInterrupt && requests.contains(.interrupt)
    guard isTimedOut || isWritten || isInterrupted else { return false }
    if isTimedOut, optimizedState.isLimitedBySystem { lazy.load(RFLAGS.cf.rawValue) }
    endMonitoring()
    activity = .active
    updateAttention()
    return true
  }

  /// What ends the optimized state and VM entries and exits do to monitoring.
  mutating func endMonitoring() {
    monitor.disarm()
    optimizedState.isActive = false
  }
}
