/// Memory for blocks: grows by slabs to a bound, takes back what is released, and is emptied as a
/// whole.
///
/// Invariant: what `allocate` returns stays valid until it is released, `removeAll`, or the owner's
/// end.
struct BlockMemory: ~Copyable {
  private static let slabBytes = 1 << 20
  private static let maximumSlabs = 256
  private var slabs: [UnsafeMutableRawPointer] = []
  private var slab = 0
  private var used = 0
  /// Released blocks by their number of instructions, each the head of a list.
  private let free: UnsafeMutablePointer<UnsafeMutablePointer<Block>?>
  private static let freeCount = Block.maximumSlots + 2

  init() {
    free = .allocate(capacity: Self.freeCount)
    free.initialize(repeating: nil, count: Self.freeCount)
  }

  deinit {
    for slab in slabs { slab.deallocate() }
    free.deallocate()
  }

  /// True when the next block might not fit.
  var isFull: Bool { slab + 1 >= Self.maximumSlabs && used > Self.slabBytes / 2 }

  /// Room for a block and, behind it, `count` instructions (the end marker included).
  mutating func allocate(count: Int) -> UnsafeMutablePointer<Block> {
    if let block = free[count] {
      free[count] = block.pointee.nextOnPage
      return block
    }
    let bytes = Block.headerBytes + MemoryLayout<Instruction>.stride * count
    if slabs.isEmpty { addSlab() }
    if used + bytes > Self.slabBytes {
      slab += 1
      used = 0
      if slab == slabs.count { addSlab() }
    }
    defer { used += bytes }
    return (slabs[slab] + used).bindMemory(to: Block.self, capacity: 1)
  }

  /// Takes back a block to which nothing leads any more.
  mutating func release(_ block: UnsafeMutablePointer<Block>) {
    let count = Int(block.pointee.count) + 1
    block.pointee.nextOnPage = free[count]
    free[count] = block
  }

  private mutating func addSlab() {
    slabs.append(.allocate(byteCount: Self.slabBytes, alignment: 64))
  }

  mutating func removeAll() {
    slab = 0
    used = 0
    free.update(repeating: nil, count: Self.freeCount)
  }
}
