/// One entry of the software TLB: a linear page, what may be done with it, and where it is.
///
/// A tag is the linear page address with the low 12 bits holding the address-space number and the
/// access class (`TranslationTag`). A tag that does not match sends the access to the slow path.
struct TranslationEntry {
  var readTag: UInt64
  var writeTag: UInt64
  var fetchTag: UInt64
  /// Add to the linear address to get the host address (fast tags only).
  var addend: Int
  /// Guest-physical (in VMX root operation) or host-physical page address.
  var physicalPage: UInt64
}

/// The low 12 bits of a translation's tag.
enum TranslationTag {
  /// Access class, bits 1:0.
  static let supervisor: UInt64 = 0
  static let user: UInt64 = 1
  /// Supervisor access that SMAP does not stop (EFLAGS.AC set).
  static let supervisorAC: UInt64 = 2
  /// User access under alignment checking, which is always left to the slow path.
  static let userAligned: UInt64 = 3
  /// Address-space number, bits 10:2.
  static let asnShift: UInt64 = 2
  static let asnCount: UInt64 = 512
  /// The bits of the address-space number.
  static let space: UInt64 = (asnCount - 1) << asnShift
  /// Permission is known, but the access needs the slow path: device memory, ROM, a hole, code.
  static let slow: UInt64 = 1 << 11
  /// An access to a shadow stack, in what is handed to a page walk; no entry has it.
  static let shadowStack: UInt64 = 1 << 63
  /// Matches no access.
  static let invalid: UInt64 = ~0
}

/// Where the TLB may have pieces of large pages: for each size, a bit for each residue of the page's
/// number modulo 1024. A bit that is set for another page costs a search, no more.
struct LargePageFilter {
  private typealias Bits = InlineArray<16, UInt64>
  private var pages2M = Bits(repeating: 0)
  private var pages4M = Bits(repeating: 0)
  private var pages1G = Bits(repeating: 0)

  mutating func insert(_ linear: UInt64, shift: UInt64) {
    let number = linear >> shift
    let word = Int(truncatingIfNeeded: number >> 6 & 15)
    let bit: UInt64 = 1 << (number & 63)
    switch shift {
    case 21: pages2M[word] |= bit
    case 22: pages4M[word] |= bit
    default: pages1G[word] |= bit
    }
  }

  /// The largest page that `linear` may be on, as a power of two; 0 if it is on no large one.
  mutating func shift(at linear: UInt64) -> UInt64 {
    if Self.contains(linear >> 30, pages1G) { return 30 }
    if Self.contains(linear >> 22, pages4M) { return 22 }
    return Self.contains(linear >> 21, pages2M) ? 21 : 0
  }

  private static func contains(_ number: UInt64, _ bits: Bits) -> Bool {
    bits[Int(truncatingIfNeeded: number >> 6 & 15)] >> (number & 63) & 1 != 0
  }
}

/// The software TLB: direct-mapped, tagged by address-space number and access class.
///
/// An address space has `spaceCount` entries, from a place that depends on its number: so the same
/// linear addresses of different spaces mostly have different entries.
///
/// Invariant: `entries` is valid for `count` entries for the life of the owner, and so is `base` for
/// `spaceCount` of them.
struct TranslationCache {
  static let spaceCount = 1024
  private static let placeCount = 8
  private static let placeDistance = 128
  static let count = spaceCount + (placeCount - 1) * placeDistance
  let entries: UnsafeMutablePointer<TranslationEntry>
  /// The entries of the current address space.
  private(set) var base: UnsafeMutablePointer<TranslationEntry>
  /// The protection key of each entry's page; its tags agree with the rights of that key.
  private let keys: UnsafeMutablePointer<ProtectionKey>
  /// The keys that `keys` may hold: a bit for each.
  private let usedKeys: UnsafeMutablePointer<UInt32>
  private let largePages: UnsafeMutablePointer<LargePageFilter>
  private let lastTables: PagingStructureCache
  /// Counts what takes entries away: whatever else was learnt from them goes by this number.
  let generation: UnsafeMutablePointer<UInt64>
  /// Counts stores to pages that page walks have read entries from.
  let pagingStores: UnsafeMutablePointer<UInt64>

  static func allocate() -> TranslationCache {
    let entries = UnsafeMutablePointer<TranslationEntry>.allocate(capacity: count)
    let cache = TranslationCache(
      entries: entries, base: entries,
      keys: UnsafeMutablePointer<ProtectionKey>.allocate(capacity: count),
      usedKeys: UnsafeMutablePointer<UInt32>.allocate(capacity: 1),
      largePages: UnsafeMutablePointer<LargePageFilter>.allocate(capacity: 1),
      lastTables: .allocate(),
      generation: UnsafeMutablePointer<UInt64>.allocate(capacity: 1),
      pagingStores: UnsafeMutablePointer<UInt64>.allocate(capacity: 1))
    cache.keys.initialize(repeating: .none, count: count)
    cache.usedKeys.initialize(to: 0)
    cache.largePages.initialize(to: LargePageFilter())
    cache.generation.initialize(to: 0)
    cache.pagingStores.initialize(to: 0)
    cache.removeAll()
    return cache
  }

  func deallocate() {
    entries.deallocate()
    keys.deallocate()
    usedKeys.deallocate()
    largePages.deallocate()
    lastTables.deallocate()
    generation.deallocate()
    pagingStores.deallocate()
  }

  @inline(__always) func entry(_ linear: UInt64) -> UnsafeMutablePointer<TranslationEntry> {
    base + Int(truncatingIfNeeded: (linear >> 12) & UInt64(Self.spaceCount - 1))
  }

  /// Goes over to the entries of the address space with this number.
  @inline(__always) mutating func enter(_ space: UInt64) {
    base = entries + Int(truncatingIfNeeded: space) % Self.placeCount * Self.placeDistance
  }

  func removeAll() {
    generation.pointee &+= 1
    lastTables.removeAll()
    entries.update(
      repeating: TranslationEntry(
        readTag: TranslationTag.invalid, writeTag: TranslationTag.invalid,
        fetchTag: TranslationTag.invalid, addend: 0, physicalPage: TranslationTag.invalid),
      count: Self.count)
    keys.update(repeating: .none, count: Self.count)
    usedKeys.pointee = 0
    largePages.pointee = LargePageFilter()
  }

  /// Drops what is known of the page of `linear`, in every address space.
  func remove(_ linear: UInt64) {
    generation.pointee &+= 1
    lastTables.removeAll()
    let first = Int(truncatingIfNeeded: (linear >> 12) & UInt64(Self.spaceCount - 1))
    for place in 0..<Self.placeCount {
      let entry = entries + (first &+ place &* Self.placeDistance)
      entry.pointee.readTag = TranslationTag.invalid
      entry.pointee.writeTag = TranslationTag.invalid
      entry.pointee.fetchTag = TranslationTag.invalid
    }
  }

  /// Drops what is known of the page of `linear`, in every address space: all pieces of a large page.
  func removePage(_ linear: UInt64) {
    remove(linear)
    let shift = largePages.pointee.shift(at: linear)
    guard shift != 0 else { return }
    for index in 0..<Self.count {
      let entry = entries + index
      if (entry.pointee.readTag ^ linear) >> shift == 0 {
        entry.pointee.readTag = TranslationTag.invalid
      }
      if (entry.pointee.writeTag ^ linear) >> shift == 0 {
        entry.pointee.writeTag = TranslationTag.invalid
      }
      if (entry.pointee.fetchTag ^ linear) >> shift == 0 {
        entry.pointee.fetchTag = TranslationTag.invalid
      }
    }
  }

  /// Notes that the page of `linear` is a piece of a page of 2^`shift` bytes.
  func noteLargePage(_ linear: UInt64, shift: UInt64) {
    largePages.pointee.insert(linear, shift: shift)
  }

  /// The last table of the walk of `linear` in the address space of `tag`, if that is known.
  @inline(__always) func lastTable(_ linear: UInt64, tag: UInt64) -> CachedTable? {
    lastTables.find(linear, tag: tag)
  }

  /// Notes the last table of a walk.
  @inline(__always) func noteLastTable(_ table: CachedTable, _ linear: UInt64, tag: UInt64) {
    lastTables.insert(table, linear, tag: tag)
  }

  /// Notes the protection key of an entry's page. What was known of its data under another key is
  /// dropped.
  @inline(__always)
  func setKey(_ key: ProtectionKey, of entry: UnsafeMutablePointer<TranslationEntry>) {
    let index = entry - entries
    guard keys[index] != key else { return }
    keys[index] = key
    usedKeys.pointee |= key.bit
    entry.pointee.readTag = TranslationTag.invalid
    entry.pointee.writeTag = TranslationTag.invalid
  }

  /// Drops what is known of the data of pages with these protection keys, in every address space. What
  /// may be fetched stays: keys say nothing of it.
  func remove(keys removed: UInt32) {
    let stale = removed & usedKeys.pointee
    guard stale != 0 else { return }
    for index in 0..<Self.count where keys[index].bit & stale != 0 {
      keys[index] = .none
      entries[index].readTag = TranslationTag.invalid
      entries[index].writeTag = TranslationTag.invalid
    }
    usedKeys.pointee &= ~stale
  }

  /// Sends stores to the physical page through the slow path, since it is watched now.
  func protect(_ physicalPage: UInt64) {
    for index in 0..<Self.count where entries[index].physicalPage == physicalPage {
      if entries[index].writeTag != TranslationTag.invalid {
        entries[index].writeTag |= TranslationTag.slow
      }
    }
  }

  /// Lets stores to the physical page be fast again, since it is not watched any more. What was slow
  /// for another reason is left to the slow path, which finds out anew.
  func unprotect(_ physicalPage: UInt64) {
    for index in 0..<Self.count where entries[index].physicalPage == physicalPage {
      if entries[index].writeTag & TranslationTag.slow != 0 {
        entries[index].writeTag = TranslationTag.invalid
      }
    }
  }
}
