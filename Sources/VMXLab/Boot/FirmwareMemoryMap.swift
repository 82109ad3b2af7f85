/// The memory map that a PC's firmware hands to a boot loader (INT 15h, AX=E820h).
///
/// Source: ACPI Specification, "INT 15H, E820H - Query System Address Map".
struct FirmwareMemoryMap: Equatable, Sendable {
  enum Kind: UInt32, Sendable {
    case available = 1
    case reserved = 2
  }

  struct Entry: Equatable, Sendable {
    var range: Range<UInt64>
    var kind: Kind
  }

  /// Ascending, apart from one another.
  private(set) var entries: [Entry]

  /// The extended BIOS data area, at the top of the lower 640 KiB.
  private static let extendedBIOSData: Range<UInt64> = 0x9_fc00..<0xa_0000
  /// The ROM of the firmware below 1 MiB.
  private static let firmware: Range<UInt64> = 0xf_0000..<0x10_0000
  /// What is not available below 1 MiB: the above, and display memory and option ROMs between them.
  private static let hole = extendedBIOSData.lowerBound..<firmware.upperBound

  /// The map of a machine with RAM at `ramRanges` (ascending, apart from one another).
  init(ramRanges: [Range<UInt64>]) {
    entries = []
    for ram in ramRanges {
      let below = ram.clamped(to: 0..<Self.hole.lowerBound)
      let above = ram.clamped(to: Self.hole.upperBound..<UInt64.max)
      for range in [below, above] where !range.isEmpty {
        entries.append(Entry(range: range, kind: .available))
      }
    }
    let hasBIOSData = ramRanges.contains { $0.overlaps(Self.extendedBIOSData) }
    if hasBIOSData { entries.append(Entry(range: Self.extendedBIOSData, kind: .reserved)) }
    entries.append(Entry(range: Self.firmware, kind: .reserved))
    entries.sort { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// Where software may be put: ascending, adjoining ranges made one.
  var available: [Range<UInt64>] {
    entries.filter { $0.kind == .available }.map(\.range).coalesced()
  }

  /// The available memory that begins at address 0, in KiB: 639 at most.
  var lowerKibibytes: UInt32 { kibibytes(from: 0) }

  /// The available memory from 1 MiB to the first hole, in KiB.
  var upperKibibytes: UInt32 { kibibytes(from: Self.hole.upperBound) }

  private func kibibytes(from address: UInt64) -> UInt32 {
    guard let range = available.first(where: { $0.contains(address) }) else { return 0 }
    return UInt32(clamping: (range.upperBound - address) >> 10)
  }
}

extension [Range<UInt64>] {
  /// The same addresses in as few ranges as it takes; the array is ascending.
  func coalesced() -> [Range<UInt64>] {
    reduce(into: []) { result, range in
      if let last = result.last, last.upperBound >= range.lowerBound {
        result[result.count - 1] = last.lowerBound..<Swift.max(last.upperBound, range.upperBound)
      } else {
        result.append(range)
      }
    }
  }
}
