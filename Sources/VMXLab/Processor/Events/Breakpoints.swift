// The breakpoints of the debug registers.
//
// Source: Intel SDM, "Debug Registers" and "Debug Exceptions".

/// Bits of DR7.
enum DebugControl {
  /// L0, G0 … L3, G3.
  static let enables: UInt64 = 0xff
  static let generalDetect: UInt64 = 1 << 13
  /// BTF of IA32_DEBUGCTL: single-step on branches.
  static let branchTrap: UInt64 = 1 << 1
  /// FREEZE_PERFMON_ON_PMI of IA32_DEBUGCTL: a performance-monitoring interrupt stops the counters.
  static let freezePerfmonOnPMI: UInt64 = 1 << 12
}

extension DebugRegisters {
  /// When a breakpoint matches.
  enum Condition: UInt64 {
    case execution = 0
    case write = 1
    case io = 2
    case readOrWrite = 3
  }

  /// Whether any breakpoint is enabled.
  @inline(__always) var isArmed: Bool { dr7 & DebugControl.enables != 0 }

  func address(_ index: UInt64) -> UInt64 {
    switch index {
    case 0: dr0
    case 1: dr1
    case 2: dr2
    default: dr3
    }
  }
  func isEnabled(_ index: UInt64) -> Bool { dr7 >> (index &* 2) & 3 != 0 }
  func condition(_ index: UInt64) -> Condition {
    Condition(rawValue: dr7 >> (16 &+ index &* 4) & 3) ?? .execution
  }
  /// Bytes that the breakpoint covers: 1, 2, 4 or 8.
  func byteCount(_ index: UInt64) -> UInt64 {
    switch dr7 >> (18 &+ index &* 4) & 3 {
    case 0: 1
    case 1: 2
    case 2: 8
    default: 4
    }
  }

  /// Bits B3–B0 of the breakpoints that `isMatch` accepts and whose range meets `address`; bit 12
  /// (`enabledBreakpoint`) if one of them is enabled.
  func matches(
    _ address: UInt64, byteCount size: UInt64, _ isMatch: (Condition) -> Bool
  ) -> UInt64 {
    var bits: UInt64 = 0
    for index in 0..<4 as Range<UInt64> where isMatch(condition(index)) {
      let length = byteCount(index)
      let start = self.address(index) & ~(length &- 1)
      guard start < address &+ size, address < start &+ length else { continue }
      bits |= 1 << index
      if isEnabled(index) { bits |= DebugStatus.enabledBreakpoint }
    }
    return bits
  }
}

extension Processor {
  /// Pages with data breakpoints leave the fast path of accesses.
  mutating func watchBreakpointPages() {
    for index in 0..<4 as Range<UInt64> where debug.condition(index) != .execution {
      translations.remove(debug.address(index))
    }
  }

  /// Whether data breakpoints keep accesses to the page of `linear` off the fast path.
  mutating func hasDataBreakpoint(onPageOf linear: UInt64) -> Bool {
    guard debug.isArmed else { return false }
    for index in 0..<4 as Range<UInt64> where debug.isEnabled(index) {
      let condition = debug.condition(index)
      guard condition == .write || condition == .readOrWrite else { continue }
      if (debug.address(index) ^ linear) & ~0xfff == 0 { return true }
    }
    return false
  }

  /// Notes a data access that was made, for the debug trap after the instruction.
  mutating func noteDataAccess(_ linear: UInt64, byteCount: UInt64, isWrite: Bool) {
    guard debug.isArmed else { return }
    notePending(
      debug.matches(linear, byteCount: byteCount) {
        $0 == .readOrWrite || (isWrite && $0 == .write)
      })
  }

  /// Notes an access to an I/O port, for the debug trap after the instruction.
  mutating func notePortAccess(_ port: UInt16, byteCount: UInt64) {
    guard debug.isArmed, cr4.contains(.de) else { return }
    notePending(debug.matches(UInt64(port), byteCount: byteCount) { $0 == .io })
  }

  private mutating func notePending(_ bits: UInt64) {
    guard bits & DebugStatus.enabledBreakpoint != 0 else { return }
    debug.pending |= bits
    attention.insert(.debug)
  }

  /// Raises #DB before the instruction at RIP if an instruction breakpoint is set there.
  mutating func checkInstructionBreakpoint() {
    guard debug.isArmed, systemFlags & RFLAGS.rf.rawValue == 0, !interruptibility.blockingByMOVSS
    else { return }
    let linear = wrapLinear(effectiveBase[1] &+ rip)
    let bits = debug.matches(linear, byteCount: 1) { $0 == .execution }
    guard bits & DebugStatus.enabledBreakpoint != 0 else { return }
    raise(.debug, qualification: bits & DebugStatus.breakpoints)
  }
}
