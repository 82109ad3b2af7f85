/// The only clock of a machine: a count of processor cycles, from which every timer derives its
/// own.
///
/// The machine sets ``now`` before it touches a device, so that a device reads the cycle of the
/// access.
public final class MachineClock {
  /// Cycles a second, at least 1.
  public let frequency: UInt64
  /// The present, in cycles since the machine was switched on.
  public internal(set) var now: UInt64 = 0

  /// A clock at cycle 0. A frequency of 0 counts as 1.
  public init(frequency: UInt64) {
    self.frequency = max(frequency, 1)
  }

  /// How often a clock of `hz` has ticked until now: ⌊now × hz / frequency⌋, or the largest count
  /// if that is larger still.
  public func ticks(hz: UInt64) -> UInt64 {
    ClockRatio(hz: hz, frequency: frequency).ticks(at: now)
  }

  /// The first cycle at which ``ticks(hz:)`` is at least `tick`: ⌈tick × frequency / hz⌉, or `.max`
  /// if that never comes.
  public func cycle(ofTick tick: UInt64, hz: UInt64) -> UInt64 {
    ClockRatio(hz: hz, frequency: frequency).cycle(ofTick: tick)
  }
}

/// A device that does something of its own accord when time passes.
public protocol TimedDevice: AnyObject {
  /// The cycle at which ``advance()`` has to be called, because something that the processor can
  /// see without touching the device changes; `.max` if nothing does. It is in the future, except
  /// that it may lie in the past until the device has caught up. It can move whenever the device is
  /// touched.
  var nextEvent: UInt64 { get }

  /// Catches up with the clock. Calling it early or more than once does no harm.
  func advance()
}
