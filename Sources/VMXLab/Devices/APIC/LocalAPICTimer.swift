/// The timer of a local APIC: its counts and when it fires, without the LVT entry's vector and mask.
///
/// It counts pulses of the bus or crystal clock that leave the divider, or compares the time-stamp
/// counter with a deadline.
///
/// Source: Intel SDM, "APIC Timer".
struct LocalAPICTimer {
  /// Bits 18:17 of the LVT timer register.
  enum Mode: UInt32 {
    case oneShot = 0
    case periodic = 1
    case deadline = 2
    case reserved = 3

    init(lvt: UInt32) { self = Mode(rawValue: lvt >> 17 & 3) ?? .oneShot }
  }

  private(set) var mode = Mode.oneShot
  private(set) var initialCount: UInt32 = 0
  /// The divide configuration register.
  private(set) var divideConfiguration: UInt32 = 0
  /// IA32_TSC_DEADLINE: 0 when the timer is not armed.
  private(set) var deadline: UInt64 = 0
  private var isCounting = false
  /// Pulse of the clock at which the present count started.
  private var start: UInt64 = 0

  /// The divider's shift: 2, 4, … 128 for values 0 to 6, and 1 for 7.
  private var shift: UInt64 {
    let value = UInt64(divideConfiguration & 3 | divideConfiguration >> 1 & 4)
    return (value &+ 1) & 7
  }

  /// Pulses of a whole count.
  private var length: UInt64 { UInt64(initialCount) << shift }

  /// The pulse at which the count reaches 0, if it does.
  var end: UInt64? { isCounting ? start &+ length : nil }

  /// The current-count register at clock pulse `now`.
  func currentCount(at now: UInt64) -> UInt32 {
    guard isCounting else { return 0 }
    let elapsed = (now &- start) >> shift
    let count = UInt64(initialCount)
    switch mode {
    case .periodic: return UInt32(truncatingIfNeeded: count &- elapsed % count)
    default: return elapsed >= count ? 0 : UInt32(truncatingIfNeeded: count &- elapsed)
    }
  }

  /// Starts a count at pulse `now`; 0 stops the timer.
  mutating func setInitialCount(_ value: UInt32, at now: UInt64) {
    guard mode != .deadline else { return }
    initialCount = value
    start = now
    isCounting = value != 0
  }

  /// Changes the divider; what is left of the count goes on with it.
  mutating func setDivideConfiguration(_ value: UInt32, at now: UInt64) {
    let left = UInt64(currentCount(at: now))
    divideConfiguration = value & 0xb
    if isCounting { start = now &- (UInt64(initialCount) &- left) << shift }
  }

  /// A change to or from TSC-deadline mode disarms the timer.
  mutating func setMode(_ new: Mode) {
    if (new == .deadline) != (mode == .deadline) {
      isCounting = false
      initialCount = 0
      deadline = 0
    }
    mode = new
  }

  /// Writes IA32_TSC_DEADLINE, which has no effect in the other modes; 0 disarms.
  mutating func setDeadline(_ value: UInt64) {
    if mode == .deadline { deadline = value }
  }

  /// Whether the timer has fired by clock pulse `now` and time-stamp counter `tsc`; once for each
  /// time.
  mutating func takeExpiry(at now: UInt64, tsc: UInt64) -> Bool {
    if mode == .deadline {
      guard deadline != 0, tsc >= deadline else { return false }
      deadline = 0
      return true
    }
    guard let end, now >= end else { return false }
    if mode == .periodic {
      start &+= (now &- start) / length &* length
    } else {
      isCounting = false
    }
    return true
  }
}
