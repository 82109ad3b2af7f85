/// The PAUSEs that a guest has executed at CPL 0 since VM entry, for "PAUSE-loop exiting".
///
/// Source: Intel SDM, "Instructions That Cause VM Exits Conditionally", PAUSE.
struct PauseLoop {
  private var hasPaused = false
  /// Cycle of the last PAUSE.
  private var last: UInt64 = 0
  /// Cycle of the PAUSE that counts as the first of the loop.
  private var first: UInt64 = 0

  /// Notes a PAUSE; whether the loop has gone on for more than `window` cycles. More than `gap` cycles
  /// between two PAUSEs start another loop.
  mutating func pause(at cycle: UInt64, gap: UInt64, window: UInt64) -> Bool {
    if !hasPaused || cycle &- last > gap { first = cycle }
    hasPaused = true
    last = cycle
    return cycle &- first > window
  }
}
