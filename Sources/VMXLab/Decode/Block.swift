/// A run of decoded instructions from one page of physical memory, entered at its start.
///
/// Invariant: `count` instructions and then one end marker lie behind the block, in the memory of the
/// cache that made it, which uses that memory again only while no block runs.
struct Block {
  /// Physical address of the first byte.
  var physical: UInt64
  /// Physical page of the last byte, where that is another page than the first's.
  var secondPage: UInt64
  /// Cycles of all instructions.
  var cycles: UInt64
  var byteCount: UInt16
  /// The instructions, and what stands before some of them.
  var count: UInt8
  /// The `Processor.decodeMode` it was decoded for.
  var mode: UInt8
  /// Next block in the same slot of the cache's table.
  var nextInSlot: UnsafeMutablePointer<Block>?
  /// Next block with bytes on the same page.
  var nextOnPage: UnsafeMutablePointer<Block>?
  /// The block whose last bytes this one stands for, if it is only the tail on a second page.
  var head: UnsafeMutablePointer<Block>?

  init(
    physical: UInt64, secondPage: UInt64, cycles: UInt64, byteCount: Int, count: Int, mode: UInt8
  ) {
    self.physical = physical
    self.secondPage = secondPage
    self.cycles = cycles
    self.byteCount = UInt16(truncatingIfNeeded: byteCount)
    self.count = UInt8(truncatingIfNeeded: count)
    self.mode = mode
    nextInSlot = nil
    nextOnPage = nil
    head = nil
  }

  /// Limits of a block; the counts fit the fields of `Instruction`.
  static let maximumCount = 48
  /// Most places that the instructions take; what stands before the last may take one more.
  static let maximumSlots = maximumCount + 1
  static let maximumCycles = 60_000
  /// Most cycles of a block that others may go on to without the run loop.
  static let maximumLinkedCycles: UInt64 = 4096
  /// `secondPage` of a block within one page.
  static let noPage: UInt64 = ~0
}

extension Block {
  /// Distance from a block to its first instruction.
  static let headerBytes = 64
}

extension UnsafeMutablePointer<Block> {
  /// The block's instructions, which lie behind it.
  @inline(__always) var instructions: UnsafeMutablePointer<Instruction> {
    (UnsafeMutableRawPointer(self) + Block.headerBytes).assumingMemoryBound(to: Instruction.self)
  }
}
