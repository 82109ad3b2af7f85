/// Which entry of the VM-entry MSR-load area failed: 1 for the first, so 1 to ``maximum``.
///
/// It is a count, another kind of thing than ``VMEntryFailureCode``, and goes into the
/// exit-qualification field through ``exitQualification`` alone.
///
/// Source: Intel SDM, "VM-Entry Failures During or After Loading Guest State".
public struct MSRLoadIndex: Equatable, Hashable, Sendable {
  /// The entry's number, counted from 1.
  public let rawValue: UInt16

  /// The most entries that any processor takes: 512 × (7 + 1), by the width of IA32_VMX_MISC[27:25].
  public static let maximum: UInt16 = 4096

  /// The entry after `loaded` entries that were loaded.
  ///
  /// The count of a list is capped at ``maximum`` (``VMXCapabilities/msrListMaximum``), so `loaded` is
  /// below it and the addition cannot wrap; a larger number is taken for the last entry.
  @inline(__always) public init(afterLoading loaded: UInt32) {
    let last = UInt32(Self.maximum) &- 1
    rawValue = UInt16(truncatingIfNeeded: loaded < last ? loaded : last) &+ 1
  }

  /// The value of the exit-qualification field.
  @inline(__always) public var exitQualification: UInt64 { UInt64(rawValue) }
}
