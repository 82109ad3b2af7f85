/// How two clocks go together that both started at 0: one of `hz`, and the cycle counter.
struct ClockRatio: Sendable {
  var hz: UInt64
  /// Cycles a second, at least 1.
  var frequency: UInt64

  /// How often the clock has ticked by cycle `cycles`: ⌊cycles × hz / frequency⌋, or the largest
  /// count if that is larger still.
  func ticks(at cycles: UInt64) -> UInt64 {
    let product = cycles.multipliedFullWidth(by: hz)
    guard product.high < frequency else { return .max }
    return frequency.dividingFullWidth(product).quotient
  }

  /// The first cycle at which ``ticks(at:)`` is at least `tick`: ⌈tick × frequency / hz⌉, or `.max`
  /// if that never comes.
  func cycle(ofTick tick: UInt64) -> UInt64 {
    let product = tick.multipliedFullWidth(by: frequency)
    guard product.high < hz else { return .max }
    let (quotient, remainder) = hz.dividingFullWidth(product)
    let (rounded, overflow) = quotient.addingReportingOverflow(remainder == 0 ? 0 : 1)
    return overflow ? .max : rounded
  }
}
