// The MSR areas: lists of 16-byte entries that VM entries and exits load and store.
//
// Source: Intel SDM, "Loading MSRs", "Saving MSRs" and "Loading MSRs" of the VM-exit chapter.

/// What came of loading an MSR list.
enum MSRListResult: Equatable {
  case loaded
  /// Index of the entry that failed, counted from 1.
  case failed(MSRLoadIndex)
}

extension Processor {
  /// Loads the MSRs of a list in order; stops at the first entry that fails.
  ///
  /// Counts above the recommended maximum of IA32_VMX_MISC fail at the entry after that many.
  mutating func loadMSRs(
    address: UInt64, count: UInt32, charging timing: TimingClass
  ) -> MSRListResult {
    let limit = min(count, model.capabilities.msrListMaximum)
    var loaded: UInt32 = 0
    while loaded < limit {
      let entry = address &+ UInt64(loaded) &* 16
      let header = load(entry, byteCount: 8)
      let value = load(entry &+ 8, byteCount: 8)
      let index = UInt32(truncatingIfNeeded: header)
      let reserved = UInt32(truncatingIfNeeded: header >> 32)
      let rule = checkedEntry { $0.msrLoadRule(index: index, reserved: reserved) }
      guard rule == nil, writeMSR(index, value) else {
        return .failed(MSRLoadIndex(afterLoading: loaded))
      }
      loaded &+= 1
      chargeCycles(timing)
    }
    return count > limit ? .failed(MSRLoadIndex(afterLoading: limit)) : .loaded
  }

  /// Stores the MSRs of a list; false if an entry cannot be stored.
  mutating func storeMSRs(address: UInt64, count: UInt32) -> Bool {
    guard count <= model.capabilities.msrListMaximum else { return false }
    var stored: UInt32 = 0
    while stored < count {
      let entry = address &+ UInt64(stored) &* 16
      let header = load(entry, byteCount: 8)
      let index = UInt32(truncatingIfNeeded: header)
      guard header >> 32 == 0, Self.allowsListStore(index), let value = readMSR(index) else {
        return false
      }
      store(entry &+ 8, value, byteCount: 8)
      stored &+= 1
      chargeCycles(.exitMSRStoreEntry)
    }
    return true
  }

  private static func allowsListStore(_ index: UInt32) -> Bool {
    switch index {
    case MSR.ia32SMBASE: false
    case 0x800...0x8ff: false
    default: true
    }
  }
}
