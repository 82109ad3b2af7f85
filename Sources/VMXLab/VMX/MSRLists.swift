// The MSR areas: lists of 16-byte entries that VM entries and exits load and store.
//
// Source: Intel SDM, "Loading MSRs", "Saving MSRs" and "Loading MSRs" of the VM-exit chapter.

/// What came of loading an MSR list.
enum MSRListResult: Equatable {
  case loaded
  /// Index of the entry that failed, counted from 1.
  case failed(MSRLoadIndex)
}

/// One entry of an MSR area.
///
/// Source: Intel SDM, "VM-Exit Controls for MSRs", format of an MSR entry.
public struct MSRListEntry: Equatable, Sendable {
  /// Bits 31:0.
  public let index: UInt32
  /// Bits 63:32, reserved.
  public let reserved: UInt32
  /// Bits 127:64.
  public let value: UInt64

  /// An entry of these 16 bytes.
  public init(index: UInt32, reserved: UInt32 = 0, value: UInt64) {
    self.index = index
    self.reserved = reserved
    self.value = value
  }

  /// `MSR 0xc0000080 = 0xd01`, and the reserved bits where they are not 0.
  var text: String {
    let wrong = reserved == 0 ? "" : ", bits 63:32 = \(hexadecimal(reserved))"
    return "MSR \(hexadecimal(index)) = \(hexadecimal(value))\(wrong)"
  }
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
      let entry = msrListEntry(address, UInt64(loaded))
      let rule = checkedEntry { $0.msrLoadRule(index: entry.index, reserved: entry.reserved) }
      guard rule == nil, writeMSR(entry.index, entry.value) else {
        return .failed(MSRLoadIndex(afterLoading: loaded))
      }
      loaded &+= 1
      chargeCycles(timing)
    }
    return count > limit ? .failed(MSRLoadIndex(afterLoading: limit)) : .loaded
  }

  /// The rule that an entry of the VM-entry MSR-load area broke.
  mutating func brokenMSRLoadRule(_ number: MSRLoadIndex) -> BrokenRule {
    guard UInt32(number.rawValue) <= model.capabilities.msrListMaximum else {
      return BrokenRule(rule: .msrLoadCount, faults: 0)
    }
    let entry = msrListEntry(vmx.vmcs.entryMSRLoadAddress, UInt64(number.rawValue &- 1))
    let rule = checkedEntry { $0.msrLoadRule(index: entry.index, reserved: entry.reserved) }
    return BrokenRule(rule: rule ?? .msrLoadRejected, faults: 0, msr: entry)
  }

  mutating func msrListEntry(_ list: UInt64, _ position: UInt64) -> MSRListEntry {
    let address = list &+ position &* 16
    let header = load(address, byteCount: 8)
    return MSRListEntry(
      index: UInt32(truncatingIfNeeded: header), reserved: UInt32(truncatingIfNeeded: header >> 32),
      value: load(address &+ 8, byteCount: 8))
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
