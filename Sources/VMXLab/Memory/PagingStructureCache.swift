/// Where the walk of a linear address meets its page table: what the entries above the page table come to.
struct CachedPageTable {
  /// The 2 MiB of linear addresses that the page table maps, and the address-space number.
  fileprivate var key: UInt64
  /// The cache's generation when the entry was made.
  fileprivate var generation: UInt64
  /// Guest-physical address of the page table.
  var table: UInt64
  /// What the entries above it allow.
  var rights: PageRights

  fileprivate static let none = CachedPageTable(
    key: ~0, generation: ~0, table: 0, rights: [])
}

/// A direct-mapped cache of the entries that refer to page tables, so that most walks read one entry.
///
/// Whatever gives an address space a fresh number or takes translations away leaves none of its entries
/// usable.
///
/// Invariant: `entries` is valid for `count` entries for the life of the owner, and so is `generation`.
///
/// Source: Intel SDM, "Paging-Structure Caches".
struct PagingStructureCache {
  private static let count = 256
  private let entries: UnsafeMutablePointer<CachedPageTable>
  /// Entries of another generation are none.
  private let generation: UnsafeMutablePointer<UInt64>

  static func allocate() -> PagingStructureCache {
    let entries = UnsafeMutablePointer<CachedPageTable>.allocate(capacity: count)
    entries.initialize(repeating: .none, count: count)
    let generation = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    generation.initialize(to: 0)
    return PagingStructureCache(entries: entries, generation: generation)
  }

  func deallocate() {
    entries.deallocate()
    generation.deallocate()
  }

  @inline(__always) func removeAll() { generation.pointee &+= 1 }

  /// The page table for `linear`; nil if it is not known.
  ///
  /// - Parameter tag: has the address-space number.
  @inline(__always)
  func find(_ linear: UInt64, tag: UInt64) -> CachedPageTable? {
    let entry = entry(linear)
    guard entry.pointee.key == Self.key(linear, tag),
      entry.pointee.generation == generation.pointee
    else { return nil }
    return entry.pointee
  }

  @inline(__always)
  func insert(_ linear: UInt64, tag: UInt64, table: UInt64, rights: PageRights) {
    entry(linear).pointee = CachedPageTable(
      key: Self.key(linear, tag), generation: generation.pointee, table: table, rights: rights)
  }

  @inline(__always)
  private func entry(_ linear: UInt64) -> UnsafeMutablePointer<CachedPageTable> {
    entries + Int(truncatingIfNeeded: linear >> 21 & UInt64(Self.count - 1))
  }

  @inline(__always) private static func key(_ linear: UInt64, _ tag: UInt64) -> UInt64 {
    linear & ~0x1f_ffff | tag & TranslationTag.space
  }
}
