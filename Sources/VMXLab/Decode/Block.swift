/// A run of decoded instructions from one page of physical memory, entered at its start.
///
/// Invariant: `instructions` holds `count` instructions and then one end marker, in the arena of the
/// cache that made the block; arenas are only emptied while no block runs.
struct Block {
  /// Physical address of the first byte.
  var physical: UInt64
  /// Physical page of the last byte, where that is another page than the first's.
  var secondPage: UInt64
  var instructions: UnsafeMutablePointer<Instruction>
  /// Cycles of all instructions.
  var cycles: UInt64
  var byteCount: UInt16
  var count: UInt8
  /// The `Processor.decodeMode` it was decoded for.
  var mode: UInt8
  var isDead: Bool
  /// Next block with bytes on the same page.
  var nextOnPage: UnsafeMutablePointer<Block>?
  /// The block whose last bytes this one stands for, if it is only the tail on a second page.
  var head: UnsafeMutablePointer<Block>?

  init(
    physical: UInt64, secondPage: UInt64, instructions: UnsafeMutablePointer<Instruction>,
    cycles: UInt64, byteCount: Int, count: Int, mode: UInt8
  ) {
    self.physical = physical
    self.secondPage = secondPage
    self.instructions = instructions
    self.cycles = cycles
    self.byteCount = UInt16(truncatingIfNeeded: byteCount)
    self.count = UInt8(truncatingIfNeeded: count)
    self.mode = mode
    isDead = false
    nextOnPage = nil
    head = nil
  }

  /// Limits of a block; the counts fit the fields of `Instruction`.
  static let maximumCount = 48
  static let maximumCycles = 60_000
  /// Most cycles of a block that others may go on to without the run loop.
  static let maximumLinkedCycles: UInt64 = 4096
  /// `secondPage` of a block within one page.
  static let noPage: UInt64 = ~0
}

extension Block {
  /// Forgets where the block's branches lead.
  func unlink() {
    for index in 0...Int(count) where instructions[index].isLinked {
      instructions[index].immediate = 0
    }
  }
}
