/// Keeps decoded blocks, finds them by physical address and mode, and kills them when their bytes
/// are written.
///
/// A page whose code is written loses all its blocks, and is an ordinary page again. A killed block
/// has every handler replaced by one that leaves it, so that a block that is running needs no check;
/// its memory is used again when the next block is decoded, for then none runs.
final class BlockCache {
  /// Blocks by address and mode; those that share a slot are in a list.
  private let slots: UnsafeMutablePointer<UnsafeMutablePointer<Block>?>
  static let slotCount = 1 << 18
  @exclusivity(unchecked) private var memory = BlockMemory()
  /// For each page of RAM, the list of the blocks with bytes on it.
  private let pages: HostReservation
  /// Killed blocks whose memory is not used again yet.
  @exclusivity(unchecked) private var killed: UnsafeMutablePointer<Block>?
  private let ram: RAMMap
  private let translations: TranslationCache
  /// Counts blocks made, for statistics.
  @exclusivity(unchecked) private(set) var decodedBlocks: UInt64 = 0

  /// - Returns: nil if the host has no address space left for it.
  init?(ram: RAMMap, translations: TranslationCache) {
    guard
      let pages = HostReservation(
        byteCount: ram.pageCount * MemoryLayout<UnsafeMutablePointer<Block>?>.stride)
    else { return nil }
    self.pages = pages
    self.ram = ram
    self.translations = translations
    slots = .allocate(capacity: Self.slotCount)
    slots.initialize(repeating: nil, count: Self.slotCount)
  }

  deinit { slots.deallocate() }

  /// The table, for the run loop's own look-up.
  var table: UnsafeMutablePointer<UnsafeMutablePointer<Block>?> { slots }

  @inline(__always) static func slot(_ physical: UInt64, _ mode: UInt8) -> Int {
    Int(truncatingIfNeeded: (physical ^ physical >> 16 ^ UInt64(mode) << 8) & UInt64(slotCount - 1))
  }

  /// Whether there might be no room for another block: call `removeAll` before `insert`.
  var isFull: Bool { memory.isFull }

  /// The list of the blocks on the page of RAM at `offset`.
  private func blocks(at offset: Int) -> UnsafeMutablePointer<UnsafeMutablePointer<Block>?> {
    pages.base.assumingMemoryBound(to: UnsafeMutablePointer<Block>?.self) + offset >> 12
  }

  // MARK: Insertion

  /// Room for the instructions of a block that is to be inserted. Not while a block runs.
  func reserve() -> UnsafeMutablePointer<Block> {
    releaseKilled()
    return memory.reserve()
  }

  /// Keeps the block for which room was reserved, with its first `count` instructions, which include the
  /// end marker.
  func insert(
    _ block: UnsafeMutablePointer<Block>, count: Int, physical: UInt64, secondPage: UInt64,
    cycles: UInt64, byteCount: Int, mode: UInt8
  ) {
    decodedBlocks &+= 1
    memory.keep(count: count)
    block.initialize(
      to: Block(
        physical: physical, secondPage: secondPage, cycles: cycles, byteCount: byteCount,
        count: count - 1, mode: mode))
    let slot = Self.slot(physical, mode)
    block.pointee.nextInSlot = slots[slot]
    slots[slot] = block
    if let offset = ram.offset(physical) {
      let end = min(physical & 0xfff + UInt64(byteCount), 0x1000)
      add(block, at: offset, lines: lines(physical & 0xfff, end))
    }
    if secondPage != Block.noPage { addTail(of: block) }
  }

  /// A block whose last bytes are on a second page has a *tail* there, which stands for it.
  private func addTail(of block: UnsafeMutablePointer<Block>) {
    let page = block.pointee.secondPage
    guard let offset = ram.offset(page) else { return }
    let tail = memory.reserve()
    memory.keep(count: 0)
    tail.initialize(to: block.pointee)
    let before = 0x1000 - block.pointee.physical & 0xfff
    tail.pointee.physical = page
    tail.pointee.count = 0
    tail.pointee.byteCount = UInt16(UInt64(block.pointee.byteCount) &- before)
    tail.pointee.head = block
    add(tail, at: offset, lines: lines(0, UInt64(tail.pointee.byteCount)))
  }

  private func add(_ block: UnsafeMutablePointer<Block>, at offset: Int, lines: UInt64) {
    let list = blocks(at: offset)
    if ram.watchedLines[offset >> 12] == 0 { translations.protect(block.pointee.physical & ~0xfff) }
    block.pointee.nextOnPage = list.pointee
    list.pointee = block
    ram.watchedLines[offset >> 12] |= lines
  }

  /// The bits of the 64-byte lines of a page that hold any of the bytes from `first` up to `end`.
  @inline(__always) private func lines(_ first: UInt64, _ end: UInt64) -> UInt64 {
    (~0 as UInt64) << (first >> 6) & (~0 as UInt64) >> (63 &- (end &- 1) >> 6)
  }

  // MARK: Stores to watched pages

  /// Called before a store to lines of a page that are watched: kills the page's blocks if any of them
  /// has any of the bytes at `physical` (within the page), and counts stores to paging structures.
  func noteStore(_ physical: UInt64, byteCount: UInt64) {
    guard let offset = ram.offset(physical), byteCount > 0 else { return }
    let first = physical & 0xfff
    let end = min(first &+ byteCount, 0x1000)
    guard ram.watchedLines[offset >> 12] & lines(first, end) != 0 else { return }
    if ram.pagingStructures[offset >> 12] != 0 { countPagingStore(physical, at: offset) }
    killBlocks(physical & ~0xfff, at: offset, first: first, end: end)
  }

  /// Called before the processor itself sets flags in an entry of a paging structure: not a store that
  /// translations must heed.
  func noteMark(_ physical: UInt64, byteCount: UInt64) {
    guard let offset = ram.offset(physical) else { return }
    let first = physical & 0xfff
    killBlocks(physical & ~0xfff, at: offset, first: first, end: first &+ byteCount)
  }

  /// Kills the blocks of a page if any of them has any of the bytes from `first` up to `end`.
  private func killBlocks(_ page: UInt64, at offset: Int, first: UInt64, end: UInt64) {
    var next = blocks(at: offset).pointee
    while let block = next {
      let start = block.pointee.physical & 0xfff
      if start < end, first < start &+ UInt64(block.pointee.byteCount) {
        return removePage(page, at: offset)
      }
      next = block.pointee.nextOnPage
    }
  }

  /// Watches a page of RAM from which a page walk reads an entry.
  func watchPagingStructure(_ physical: UInt64) {
    guard let offset = ram.offset(physical) else { return }
    let page = offset >> 12
    if ram.pagingStructures[page] == 0 {
      if ram.watchedLines[page] == 0 { translations.protect(physical & ~0xfff) }
      ram.watchedLines[page] = ~0
    }
    ram.pagingStructures[page] = 1
  }

  /// Most stores to a page of paging structures before it is taken for another page, unless a walk
  /// reads from it again.
  private static let pagingStoreLimit: UInt8 = 64

  private func countPagingStore(_ physical: UInt64, at offset: Int) {
    translations.pagingStores.pointee &+= 1
    ram.pagingStructures[offset >> 12] &+= 1
    guard ram.pagingStructures[offset >> 12] > Self.pagingStoreLimit else { return }
    ram.pagingStructures[offset >> 12] = 0
    // With blocks on the page, all of its lines stay watched until they go.
    guard blocks(at: offset).pointee == nil else { return }
    ram.watchedLines[offset >> 12] = 0
    translations.unprotect(physical & ~0xfff)
  }

  /// The same for a range of physical addresses.
  func noteStores(to range: Range<UInt64>) {
    var address = range.lowerBound
    while address < range.upperBound {
      let end = min((address | 0xfff) &+ 1, range.upperBound)
      noteStore(address, byteCount: end &- address)
      address = end
    }
  }

  /// Kills all blocks of a page. Links lead from block to block of one page, so all of them go.
  private func removePage(_ page: UInt64, at offset: Int) {
    let list = blocks(at: offset)
    var next = list.pointee
    list.pointee = nil
    unwatchCode(page, at: offset)
    while let block = next {
      next = block.pointee.nextOnPage
      if let head = block.pointee.head {
        // Both pages may be the same one, mapped twice: then the list has the head as well.
        if head.pointee.physical & ~0xfff != page {
          kill(head)
          remove(head, fromPageOf: head.pointee.physical)
          discard(head)
        }
      } else {
        kill(block)
        let secondPage = block.pointee.secondPage
        if secondPage != Block.noPage, secondPage != page { removeTail(of: block) }
      }
      discard(block)
    }
    // The jump cache may lead to the killed blocks.
    translations.generation.pointee &+= 1
  }

  /// A page has no blocks any more: unless it is one of paging structures, stores to it are fast again.
  private func unwatchCode(_ page: UInt64, at offset: Int) {
    guard ram.pagingStructures[offset >> 12] == 0 else { return }
    ram.watchedLines[offset >> 12] = 0
    translations.unprotect(page)
  }

  /// Lets a block go whose memory is used again when no block runs.
  private func discard(_ block: UnsafeMutablePointer<Block>) {
    block.pointee.nextOnPage = killed
    killed = block
  }

  private func removeTail(of block: UnsafeMutablePointer<Block>) {
    guard let offset = ram.offset(block.pointee.secondPage) else { return }
    var next = blocks(at: offset).pointee
    while let tail = next, tail.pointee.head != block { next = tail.pointee.nextOnPage }
    guard let tail = next else { return }
    remove(tail, fromPageOf: tail.pointee.physical)
    discard(tail)
  }

  /// Takes a block out of its page's list.
  private func remove(_ block: UnsafeMutablePointer<Block>, fromPageOf physical: UInt64) {
    guard let offset = ram.offset(physical) else { return }
    let list = blocks(at: offset)
    guard list.pointee != block else {
      list.pointee = block.pointee.nextOnPage
      return
    }
    var previous = list.pointee
    while let other = previous, other.pointee.nextOnPage != block {
      previous = other.pointee.nextOnPage
    }
    previous?.pointee.nextOnPage = block.pointee.nextOnPage
  }

  private func kill(_ block: UnsafeMutablePointer<Block>) {
    for index in 0...Int(block.pointee.count) {
      block.instructions[index].handler = leaveDeadBlock
    }
    let slot = Self.slot(block.pointee.physical, block.pointee.mode)
    guard slots[slot] != block else {
      slots[slot] = block.pointee.nextInSlot
      return
    }
    var previous = slots[slot]
    while let other = previous, other.pointee.nextInSlot != block {
      previous = other.pointee.nextInSlot
    }
    previous?.pointee.nextInSlot = block.pointee.nextInSlot
  }

  /// Makes the memory of killed blocks free. A branch in one of them may still wait for its link: the
  /// new generation says so.
  private func releaseKilled() {
    guard var next = killed else { return }
    translations.generation.pointee &+= 1
    while true {
      let block = next
      let following = block.pointee.nextOnPage
      memory.release(block)
      guard let following else { break }
      next = following
    }
    killed = nil
  }

  /// Forgets every block. Not while one runs.
  func removeAll() {
    guard decodedBlocks != 0 else { return }
    translations.generation.pointee &+= 1
    for slot in 0..<Self.slotCount {
      var next = slots[slot]
      slots[slot] = nil
      while let block = next {
        next = block.pointee.nextInSlot
        forgetPage(block.pointee.physical)
        if block.pointee.secondPage != Block.noPage { forgetPage(block.pointee.secondPage) }
      }
    }
    killed = nil
    memory.removeAll()
  }

  private func forgetPage(_ physical: UInt64) {
    guard let offset = ram.offset(physical), blocks(at: offset).pointee != nil else { return }
    blocks(at: offset).pointee = nil
    unwatchCode(physical & ~0xfff, at: offset)
  }
}

/// Leaves a killed block before this instruction: the run loop looks for its bytes anew.
let leaveDeadBlock: Handler = { state, instruction in
  Core(state).leave(InstructionReference(instruction))
}

/// The processor's unowned reference to its block cache.
///
/// Invariant: the machine that owns both keeps the cache alive while the processor is used.
struct BlockCacheReference {
  private let cache: Unmanaged<BlockCache>
  let table: UnsafeMutablePointer<UnsafeMutablePointer<Block>?>

  init(_ cache: BlockCache) {
    self.cache = Unmanaged.passUnretained(cache)
    table = cache.table
  }

  func noteStore(_ physical: UInt64, byteCount: UInt64) {
    cache._withUnsafeGuaranteedRef { $0.noteStore(physical, byteCount: byteCount) }
  }

  func noteMark(_ physical: UInt64, byteCount: UInt64) {
    cache._withUnsafeGuaranteedRef { $0.noteMark(physical, byteCount: byteCount) }
  }

  func watchPagingStructure(_ physical: UInt64) {
    cache._withUnsafeGuaranteedRef { $0.watchPagingStructure(physical) }
  }
}
