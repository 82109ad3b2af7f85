/// What a performance counter counts, as far as it can be told from the clock and the number of
/// retired instructions.
///
/// No instruction takes less than a cycle, and so no cycle retires more than one: what CMASK and INV
/// make of an event follows from this.
enum PerformanceSource: UInt8 {
  /// Nothing: the counter stands still. So do counters of events that are not built.
  case nothing
  case instructions
  case cycles
  /// Ticks of the reference clock.
  case referenceTicks
  /// Cycles in which no instruction retires.
  case cyclesWithoutInstruction
  /// Cycles in which the reference clock does not tick.
  case cyclesWithoutTick
  /// How often cycles began to count, after a halt or a change of privilege level.
  case starts

  /// Whether it goes on while the processor is halted.
  var countsInHalt: Bool { self == .instructions }
}

/// One performance counter with its configuration.
struct PerformanceCounter {
  var value: UInt64 = 0
  /// IA32_PERFEVTSELx; not used for fixed-function counters.
  var selection: UInt64 = 0
  var source = PerformanceSource.nothing
  var countsSupervisor = false
  var countsUser = false
  /// An overflow is a performance-monitoring interrupt.
  var interrupts = false

  /// Takes a new IA32_PERFEVTSELx.
  ///
  /// - Parameter ticksEveryCycle: the reference clock is the time-stamp counter's.
  mutating func select(_ new: UInt64, ticksEveryCycle: Bool) {
    selection = new
    let isEnabled = new & PerformanceSelection.enable != 0
    countsSupervisor = isEnabled && new & PerformanceSelection.supervisor != 0
    countsUser = isEnabled && new & PerformanceSelection.user != 0
    interrupts = new & PerformanceSelection.interrupt != 0
    source = Self.source(new, ticksEveryCycle: ticksEveryCycle)
  }

  /// Takes a 4-bit block of IA32_FIXED_CTR_CTRL.
  mutating func selectFixed(_ index: Int, _ block: UInt64) {
    countsSupervisor = block & 1 != 0
    countsUser = block & 2 != 0
    interrupts = block & 8 != 0
    // Fixed-function counter 2 ticks as the time-stamp counter does, and so does the core.
    source = index == 0 ? .instructions : .cycles
  }

  /// Source: Intel SDM, "Architectural Performance Monitoring Version 1 Facilities", on E, INV and
  /// CMASK.
  private static func source(_ selection: UInt64, ticksEveryCycle: Bool) -> PerformanceSource {
    let events: PerformanceSource
    let others: PerformanceSource
    switch selection & 0xffff {
    case ArchitecturalPerformanceEvent.unhaltedCoreCycles.selection:
      events = .cycles
      others = .nothing
    case ArchitecturalPerformanceEvent.unhaltedReferenceCycles.selection:
      events = ticksEveryCycle ? .cycles : .referenceTicks
      others = ticksEveryCycle ? .nothing : .cyclesWithoutTick
    case ArchitecturalPerformanceEvent.instructionsRetired.selection:
      events = .instructions
      others = .cyclesWithoutInstruction
    default: return .nothing
    }
    let mask = selection >> PerformanceSelection.counterMask & 0xff
    let isInverted = selection & PerformanceSelection.invert != 0
    // A cycle has one event or none.
    let level: PerformanceSource =
      switch (mask, isInverted) {
      case (0, _), (1, false): events
      case (1, true): others
      case (_, false): .nothing
      case (_, true): .cycles
      }
    guard selection & PerformanceSelection.edge != 0 else { return level }
    switch level {
    case .cycles: return .starts
    // The clock's ticks are cycles apart.
    case .referenceTicks, .cyclesWithoutTick: return .referenceTicks
    default: return .nothing
    }
  }
}
