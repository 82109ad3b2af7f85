/// Keeps decoded blocks, finds them by physical address and mode, and kills them when their bytes
/// are written.
///
/// A killed block stays in its arena with every handler replaced by one that leaves the block, so
/// that a block that is running, or that another is chained to, needs no check.
final class BlockCache {
  /// Blocks by address and mode; those that share a slot are in a list.
  private let slots: UnsafeMutablePointer<UnsafeMutablePointer<Block>?>
  static let slotCount = 1 << 18
  private var arena = BlockArena()
  private var blocksOnPage: [UInt64: UnsafeMutablePointer<Block>] = [:]
  private let ram: RAMMap
  private let translations: TranslationCache
  /// Counts blocks made, for statistics.
  private(set) var decodedBlocks: UInt64 = 0

  init(ram: RAMMap, translations: TranslationCache) {
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

  /// Whether the arena is too full for another block: call `removeAll` before `insert`.
  var isFull: Bool { arena.isFull }

  /// Keeps a block of `instructions`, which end with their end marker.
  func insert(
    _ instructions: [Instruction], physical: UInt64, secondPage: UInt64, cycles: UInt64,
    byteCount: Int, mode: UInt8
  ) -> UnsafeMutablePointer<Block> {
    decodedBlocks &+= 1
    let storage = arena.allocate(Instruction.self, count: instructions.count)
    for (index, instruction) in instructions.enumerated() {
      (storage + index).initialize(to: instruction)
    }
    let block = arena.allocate(Block.self, count: 1)
    block.initialize(
      to: Block(
        physical: physical, secondPage: secondPage, instructions: storage, cycles: cycles,
        byteCount: byteCount, count: instructions.count - 1, mode: mode))
    let slot = Self.slot(physical, mode)
    block.pointee.nextInSlot = slots[slot]
    slots[slot] = block
    if ram.offset(physical) != nil {
      let page = physical & ~0xfff
      if blocksOnPage[page] == nil { translations.protect(page) }
      block.pointee.nextOnPage = blocksOnPage[page]
      blocksOnPage[page] = block
      markLines(physical, byteCount: min(byteCount, Int(0x1000 - physical & 0xfff)))
      if secondPage != Block.noPage { adopt(block, secondPage: secondPage) }
    }
    return block
  }

  /// The tail of an instruction that crosses into another page: a marker block on that page.
  private func adopt(_ block: UnsafeMutablePointer<Block>, secondPage: UInt64) {
    guard ram.offset(secondPage) != nil else { return }
    if blocksOnPage[secondPage] == nil { translations.protect(secondPage) }
    let tail = arena.allocate(Block.self, count: 1)
    tail.initialize(to: block.pointee)
    let before = Int(0x1000 - block.pointee.physical & 0xfff)
    tail.pointee.physical = secondPage
    tail.pointee.secondPage = Block.noPage
    tail.pointee.head = block
    tail.pointee.byteCount = UInt16(truncatingIfNeeded: Int(block.pointee.byteCount) - before)
    tail.pointee.nextOnPage = blocksOnPage[secondPage]
    blocksOnPage[secondPage] = tail
    markLines(secondPage, byteCount: Int(tail.pointee.byteCount))
  }

  private func markLines(_ physical: UInt64, byteCount: Int) {
    guard let offset = ram.offset(physical), byteCount > 0 else { return }
    let first = UInt64(offset & 0xfff) >> 6
    let last = min((UInt64(offset & 0xfff) + UInt64(byteCount) - 1) >> 6, 63)
    for line in first...last { ram.codeLines[offset >> 12] |= 1 << line }
  }

  /// Kills the blocks that hold any of the bytes at `physical` (within one page).
  func invalidate(_ physical: UInt64, byteCount: UInt64) {
    guard let offset = ram.offset(physical), byteCount > 0 else { return }
    let first = physical & 0xfff
    let end = min(first &+ byteCount, 0x1000)
    let touched = (~0 as UInt64) << (first >> 6) & (~0 as UInt64) >> (63 &- (end &- 1) >> 6)
    guard ram.codeLines[offset >> 12] & touched != 0 else { return }
    let page = physical & ~0xfff
    var survivors: UnsafeMutablePointer<Block>?
    var next = blocksOnPage[page]
    ram.codeLines[offset >> 12] = 0
    while let block = next {
      next = block.pointee.nextOnPage
      let start = block.pointee.physical & 0xfff
      let stop = start &+ UInt64(block.pointee.byteCount)
      if start < end, first < stop {
        kill(block)
      } else {
        block.pointee.nextOnPage = survivors
        survivors = block
        block.pointee.unlink()
        markLines(block.pointee.physical, byteCount: Int(min(stop, 0x1000) &- start))
      }
    }
    blocksOnPage[page] = survivors
    if survivors == nil { blocksOnPage.removeValue(forKey: page) }
  }

  /// Kills every block that holds any byte of a range of physical addresses.
  func invalidate(_ range: Range<UInt64>) {
    var address = range.lowerBound
    while address < range.upperBound {
      let end = min((address | 0xfff) &+ 1, range.upperBound)
      invalidate(address, byteCount: end &- address)
      address = end
    }
  }

  private func kill(_ block: UnsafeMutablePointer<Block>) {
    for index in 0...Int(block.pointee.count) {
      block.pointee.instructions[index].handler = leaveDeadBlock
    }
    block.pointee.isDead = true
    remove(block)
    if let head = block.pointee.head, !head.pointee.isDead { kill(head) }
  }

  /// Takes a block out of its slot's list.
  private func remove(_ block: UnsafeMutablePointer<Block>) {
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

  /// Forgets every block. Not while one runs.
  func removeAll() {
    translations.generation.pointee &+= 1
    slots.update(repeating: nil, count: Self.slotCount)
    for page in blocksOnPage.keys {
      if let offset = ram.offset(page) { ram.codeLines[offset >> 12] = 0 }
    }
    blocksOnPage.removeAll(keepingCapacity: true)
    arena.removeAll()
  }
}

/// Memory for blocks: grows by slabs to a bound, and is emptied as a whole.
///
/// Invariant: what `allocate` returns stays valid until `removeAll` or the arena's end.
private final class BlockArena {
  private static let slabBytes = 1 << 20
  private static let maximumSlabs = 256
  private var slabs: [UnsafeMutableRawPointer] = []
  private var slab = 0
  private var used = 0

  deinit { for slab in slabs { slab.deallocate() } }

  /// True when the next block might not fit.
  var isFull: Bool { slab + 1 >= Self.maximumSlabs && used > Self.slabBytes / 2 }

  func allocate<T: BitwiseCopyable>(_ type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
    let bytes = (MemoryLayout<T>.stride * count + 15) & ~15
    if slabs.isEmpty { addSlab() }
    if used + bytes > Self.slabBytes {
      slab += 1
      used = 0
      if slab == slabs.count { addSlab() }
    }
    defer { used += bytes }
    return (slabs[slab] + used).bindMemory(to: T.self, capacity: count)
  }

  private func addSlab() {
    slabs.append(.allocate(byteCount: Self.slabBytes, alignment: 64))
  }

  func removeAll() {
    slab = 0
    used = 0
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

  func invalidate(_ physical: UInt64, byteCount: UInt64) {
    cache._withUnsafeGuaranteedRef { $0.invalidate(physical, byteCount: byteCount) }
  }
}
