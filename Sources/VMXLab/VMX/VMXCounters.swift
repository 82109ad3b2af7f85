/// Counts of what the VMX unit did, for statistics.
struct VMXCounters {
  /// VM entries that ran the guest.
  var entries: UInt64 = 0
  var failInvalid: UInt64 = 0
  var invalidGuestState: UInt64 = 0
  var msrLoadFailed: UInt64 = 0
  /// VMfailValid by VM-instruction error number.
  var failValid = InlineArray<32, UInt64>(repeating: 0)
  /// VM exits by basic exit reason.
  var exits = InlineArray<96, UInt64>(repeating: 0)

  mutating func count(_ outcome: VMEntryOutcome) {
    switch outcome {
    case .entered: entries &+= 1
    case .failInvalid: failInvalid &+= 1
    case .failValid(let error): failValid[Int(error.rawValue) & 31] &+= 1
    case .invalidGuestState: invalidGuestState &+= 1
    case .msrLoadFailed: msrLoadFailed &+= 1
    }
  }

  mutating func count(exit reason: BasicExitReason) {
    exits[min(Int(reason.rawValue), 95)] &+= 1
  }
}
