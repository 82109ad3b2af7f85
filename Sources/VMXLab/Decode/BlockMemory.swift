/// Memory for blocks: slabs in which one block follows the other, so that what is decoded together lies
/// together. A slab is used again when all of its blocks have been released.
///
/// Invariant: what `reserve` returns stays valid until it is released, `removeAll`, or the owner's end.
struct BlockMemory: ~Copyable {
  /// What a slab begins with.
  private struct Slab {
    /// Blocks that have been kept and not released.
    var blocks = 0
    /// The next slab in the list of free ones.
    var next: UnsafeMutablePointer<Slab>?
  }

  /// A slab is aligned to its size, so that a block tells where its slab is.
  static let slabBytes = 1 << 16
  private static let slabHeaderBytes = 64
  private static let maximumSlabs = 1 << 12
  private static let maximumBlockBytes = blockBytes(count: Block.maximumSlots + 1)

  private var slabs: [UnsafeMutablePointer<Slab>] = []
  private var free: UnsafeMutablePointer<Slab>?
  /// The slab that blocks are put into.
  private var current: UnsafeMutablePointer<Slab>?
  /// Bytes of it that are taken.
  private var used = slabBytes

  deinit { for slab in slabs { UnsafeMutableRawPointer(slab).deallocate() } }

  /// True when the next block and its tail might not fit.
  var isFull: Bool {
    free == nil && slabs.count == Self.maximumSlabs
      && used > Self.slabBytes - 2 * Self.maximumBlockBytes
  }

  /// Room for a block of any size, until `keep` or the next call.
  mutating func reserve() -> UnsafeMutablePointer<Block> {
    let slab =
      if let current, used <= Self.slabBytes - Self.maximumBlockBytes { current } else {
        nextSlab()
      }
    return (UnsafeMutableRawPointer(slab) + used).assumingMemoryBound(to: Block.self)
  }

  /// Keeps what was reserved for a block of `count` instructions (the end marker included).
  mutating func keep(count: Int) {
    current?.pointee.blocks &+= 1
    used &+= Self.blockBytes(count: count)
  }

  /// Takes back a block to which nothing leads any more.
  mutating func release(_ block: UnsafeMutablePointer<Block>) {
    let address = UInt(bitPattern: block) & ~UInt(Self.slabBytes - 1)
    guard let slab = UnsafeMutablePointer<Slab>(bitPattern: address) else { return }
    slab.pointee.blocks &-= 1
    guard slab.pointee.blocks == 0, slab != current else { return }
    slab.pointee.next = free
    free = slab
  }

  /// Goes over to a slab without blocks.
  private mutating func nextSlab() -> UnsafeMutablePointer<Slab> {
    used = Self.slabHeaderBytes
    if let current, current.pointee.blocks == 0 { return current }
    let slab: UnsafeMutablePointer<Slab>
    if let next = free {
      slab = next
      free = next.pointee.next
    } else {
      slab = UnsafeMutableRawPointer.allocate(
        byteCount: Self.slabBytes, alignment: Self.slabBytes
      ).bindMemory(to: Slab.self, capacity: 1)
      slabs.append(slab)
    }
    slab.initialize(to: Slab())
    current = slab
    return slab
  }

  mutating func removeAll() {
    free = nil
    current = nil
    used = Self.slabBytes
    for slab in slabs {
      slab.initialize(to: Slab(blocks: 0, next: free))
      free = slab
    }
  }

  /// Bytes of a block with `count` instructions.
  @inline(__always) private static func blockBytes(count: Int) -> Int {
    Block.headerBytes &+ MemoryLayout<Instruction>.stride &* count
  }
}
