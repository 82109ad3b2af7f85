/// The paging structure whose entry maps a page: the last one that the walk of a linear address reads.
struct CachedTable {
  /// Guest-physical address.
  var table: UInt64
  /// 1 for a page table, 2 for a page directory, and so on.
  var level: UInt64
  /// What the entries above it allow.
  var rights: PageRights
}

/// A direct-mapped cache of where the last tables of walks are, so that most walks read one entry.
///
/// Whatever gives an address space a fresh number or takes translations away leaves none of its entries
/// usable.
///
/// Invariant: `entries` is valid for `count` entries for the life of the owner, and so is `generation`.
///
/// Source: Intel SDM, "Paging-Structure Caches".
struct PagingStructureCache {
  private struct Entry {
    /// The 2 MiB of linear addresses that it is for, and the address-space number.
    var key: UInt64 = ~0
    /// The cache's generation when it was made.
    var generation: UInt64 = ~0
    var table = CachedTable(table: 0, level: 0, rights: [])
  }

  private static let count = 256
  private let entries: UnsafeMutablePointer<Entry>
  /// Entries of another generation are none.
  private let generation: UnsafeMutablePointer<UInt64>

  static func allocate() -> PagingStructureCache {
    let entries = UnsafeMutablePointer<Entry>.allocate(capacity: count)
    entries.initialize(repeating: Entry(), count: count)
    let generation = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    generation.initialize(to: 0)
    return PagingStructureCache(entries: entries, generation: generation)
  }

  func deallocate() {
    entries.deallocate()
    generation.deallocate()
  }

  @inline(__always) func removeAll() { generation.pointee &+= 1 }

  /// The last table for `linear`; nil if it is not known.
  ///
  /// - Parameter tag: has the address-space number.
  @inline(__always) func find(_ linear: UInt64, tag: UInt64) -> CachedTable? {
    let entry = entry(linear)
    guard entry.pointee.key == Self.key(linear, tag),
      entry.pointee.generation == generation.pointee
    else { return nil }
    return entry.pointee.table
  }

  @inline(__always) func insert(_ table: CachedTable, _ linear: UInt64, tag: UInt64) {
    entry(linear).pointee = Entry(
      key: Self.key(linear, tag), generation: generation.pointee, table: table)
  }

  @inline(__always) private func entry(_ linear: UInt64) -> UnsafeMutablePointer<Entry> {
    entries + Int(truncatingIfNeeded: linear >> 21 & UInt64(Self.count - 1))
  }

  @inline(__always) private static func key(_ linear: UInt64, _ tag: UInt64) -> UInt64 {
    linear & ~0x1f_ffff | tag & TranslationTag.space
  }
}
