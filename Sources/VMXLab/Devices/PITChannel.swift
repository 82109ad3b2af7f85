/// One counter of an 8254 programmable interval timer.
///
/// The counter lives on the pulses of its clock input, numbered from 0. A count that is written
/// between pulses t and t + 1 is loaded by pulse t + 1, as the data sheet draws it. Between the
/// pulses that change something (``pulsesToChange``) the counter only counts down, so that catching
/// up costs the same however long it was left alone.
///
/// A count of 1, which the data sheet forbids in modes 2 and 3, leaves the output high.
///
/// Source: Intel 8254 data sheet, "Mode Definitions", "Programming the 8254", "Read Operations".
struct PITChannel {
  /// The output, OUT.
  private(set) var output = true
  /// The gate input, GATE.
  private(set) var gate: Bool
  /// The last pulse that was taken into account.
  private(set) var pulse: UInt64 = 0

  private var mode: UInt8 = 0
  private var access = Access.lowThenHigh
  private var countsInBCD = false

  /// What was last written, in pulses: 1 to the modulus. Meaningful once `hasCount`.
  private var countRegister: UInt32 = 0
  private var hasCount = false
  /// A count, or control word, was written and has not reached the counting element.
  private var nullCount = true
  private var lowByteWritten: UInt8?

  /// The counting element: 0 to the modulus, which reads as 0.
  private var element: UInt32 = 0
  /// The count that the present period of modes 2 and 3 began with.
  private var period: UInt32 = 0
  /// The next pulse moves the count register to the counting element.
  private var loadsNext = false
  /// The counting element was loaded since the control word.
  private var isLoaded = false
  /// Modes 0, 1, 4 and 5: the end of the count has been signalled.
  private var isExpired = false

  private var latchedCount: UInt16?
  private var latchedStatus: UInt8?
  private var readsHighByte = false

  private enum Access: UInt8 {
    case low = 1
    case high = 2
    case lowThenHigh = 3
  }

  init(gate: Bool) {
    self.gate = gate
  }

  private var modulus: UInt32 { countsInBCD ? 10_000 : 0x1_0000 }

  // MARK: Programming

  /// A control word with the number of this counter: the counter latch command, or a new mode.
  mutating func writeControl(_ word: UInt8) {
    guard let access = Access(rawValue: word >> 4 & 3) else { return latchCount() }
    self.access = access
    // Modes 6 and 7 are 2 and 3: the high bit is a don't-care there.
    mode = word >> 1 & 7
    if mode > 5 { mode &= 3 }
    countsInBCD = word & 1 != 0
    output = mode != 0
    hasCount = false
    nullCount = true
    lowByteWritten = nil
    loadsNext = false
    isLoaded = false
    isExpired = false
    latchedCount = nil
    latchedStatus = nil
    readsHighByte = false
    element %= modulus
  }

  mutating func write(_ byte: UInt8) {
    switch access {
    case .low: setCount(UInt16(byte))
    case .high: setCount(UInt16(byte) << 8)
    case .lowThenHigh:
      if let low = lowByteWritten {
        lowByteWritten = nil
        setCount(UInt16(byte) << 8 | UInt16(low))
      } else {
        lowByteWritten = byte
        if mode == 0 {
          // The first byte of the pair stops the count at once.
          isLoaded = false
          loadsNext = false
          output = false
        }
      }
    }
  }

  private mutating func setCount(_ value: UInt16) {
    let count = countsInBCD ? Self.fromBCD(value) % 10_000 : UInt32(value)
    countRegister = count == 0 ? modulus : count
    nullCount = true
    let isFirst = !hasCount
    hasCount = true
    switch mode {
    case 0:
      output = false
      loadsNext = true
    case 4:
      loadsNext = true
    case 2, 3:
      // A later count waits for the end of the period (or half-period).
      if isFirst { loadsNext = true }
    default:
      break  // waits for a trigger
    }
  }

  mutating func setGate(_ level: Bool) {
    guard level != gate else { return }
    gate = level
    switch mode {
    case 1, 5:
      if level && hasCount { loadsNext = true }
    case 2, 3:
      if level {
        if hasCount { loadsNext = true }
      } else {
        output = true
      }
    default:
      break
    }
  }

  // MARK: Reading

  mutating func read() -> UInt8 {
    if let status = latchedStatus {
      latchedStatus = nil
      return status
    }
    let count = latchedCount ?? reading
    let takesHigh = access == .high || (access == .lowThenHigh && readsHighByte)
    if access == .lowThenHigh { readsHighByte.toggle() }
    if !readsHighByte { latchedCount = nil }
    return UInt8(truncatingIfNeeded: takesHigh ? count >> 8 : count)
  }

  /// Holds the count for the next reads, unless one is held already.
  mutating func latchCount() {
    if latchedCount == nil { latchedCount = reading }
  }

  /// Holds the status byte for the next read, unless one is held already.
  mutating func latchStatus() {
    guard latchedStatus == nil else { return }
    latchedStatus =
      (output ? 0x80 : 0) | (nullCount ? 0x40 : 0) | access.rawValue << 4 | mode << 1
      | (countsInBCD ? 1 : 0)
  }

  private var reading: UInt16 {
    let value = element % modulus
    return countsInBCD ? Self.toBCD(value) : UInt16(truncatingIfNeeded: value)
  }

  // MARK: Counting

  /// Brings the counter to `target`; true if the output rose on the way.
  mutating func advance(to target: UInt64) -> Bool {
    var hasRisen = false
    while pulse < target {
      let left = target - pulse
      guard let distance = pulsesToChange, distance <= left else {
        countDown(left)
        pulse = target
        break
      }
      if isPeriodic && !loadsNext && !nullCount && period > 1 && left >= 2 * UInt64(period) {
        // Whole periods leave everything as it was.
        pulse += left / UInt64(period) * UInt64(period)
        hasRisen = true
        continue
      }
      let before = output
      change(after: distance)
      if output && !before { hasRisen = true }
    }
    return hasRisen
  }

  /// The pulse at which the output changes next, if the counter is left alone.
  var nextOutputChange: UInt64? {
    var copy = self
    // A load, the end of the count, and the end of a strobe are the most that can lie ahead.
    for _ in 0..<3 {
      guard let distance = copy.pulsesToChange, distance <= UInt64.max - copy.pulse else {
        return nil
      }
      copy.change(after: distance)
      if copy.output != output { return copy.pulse }
    }
    return nil
  }

  private var isPeriodic: Bool { mode == 2 || mode == 3 }

  /// The counting element counts: it has been loaded, and the gate lets it. The gate of modes 1 and
  /// 5 only triggers.
  private var isCounting: Bool { isLoaded && (gate || mode == 1 || mode == 5) }

  /// The output of modes 4 and 5 is low, which it is for one pulse whatever the gate does.
  private var isStrobing: Bool { !output && (mode == 4 || mode == 5) }

  /// Pulses until something other than the count changes, at least 1.
  private var pulsesToChange: UInt64? {
    if loadsNext || isStrobing { return 1 }
    guard isCounting else { return nil }
    switch mode {
    case 2:
      guard period > 1 else { return nullCount ? 1 : nil }
      return output ? UInt64(element) - 1 : 1
    case 3:
      guard period > 1 else { return nullCount ? 1 : nil }
      return UInt64(element / 2) + (period & 1 != 0 && output ? 1 : 0)
    default:
      return isExpired ? nil : UInt64(element)
    }
  }

  /// Takes the `distance` pulses to the next change, and makes it.
  private mutating func change(after distance: UInt64) {
    pulse += distance
    if loadsNext { return load(isTrigger: true) }
    switch mode {
    case 2:
      if output && period > 1 {
        element = 1
        output = false
      } else {
        load(isTrigger: false)
      }
    case 3:
      output = period > 1 ? !output : true
      load(isTrigger: false)
    case 4, 5:
      countDown(distance)
      isExpired = true
      output.toggle()
    default:
      countDown(distance)
      isExpired = true
      output = true
    }
  }

  /// Moves the count register to the counting element: at the start of a count, and in modes 2 and
  /// 3 at the end of a period too.
  private mutating func load(isTrigger: Bool) {
    loadsNext = false
    isLoaded = true
    isExpired = false
    nullCount = false
    period = countRegister
    element = mode == 3 ? period & ~1 : period
    switch mode {
    case 0, 1: output = false
    case 3: if isTrigger { output = true }
    default: output = true
    }
  }

  private mutating func countDown(_ pulses: UInt64) {
    guard isCounting else { return }
    switch mode {
    case 2:
      // Never past the end of the period, which is a change.
      if period > 1 { element -= UInt32(truncatingIfNeeded: pulses) }
    case 3:
      if period > 1 { element -= 2 * UInt32(truncatingIfNeeded: pulses) }
    default:
      let step = UInt32(truncatingIfNeeded: pulses % UInt64(modulus))
      element = (element + modulus - step) % modulus
    }
  }

  // MARK: Decimal

  /// The value of four decimal digits; digits above 9 count for what they are.
  private static func fromBCD(_ value: UInt16) -> UInt32 {
    let v = UInt32(value)
    return (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15)
  }

  private static func toBCD(_ value: UInt32) -> UInt16 {
    let digits =
      (value / 1000 % 10) << 12 | (value / 100 % 10) << 8 | (value / 10 % 10) << 4 | value % 10
    return UInt16(truncatingIfNeeded: digits)
  }
}
