// From one block to the next without the run loop.
//
// A direct branch within its page remembers the first instruction of the block it goes to, in its
// own `immediate`: source and target are on the same physical page, however paging changes. All other
// branches look in the jump cache. Either way, the run loop gets its turn at the horizon.

extension Core {
  /// Counts the instructions up to and including `i` as retired.
  @inline(__always) func retire(_ i: InstructionReference) {
    state.pointee.cycles &+= UInt64(i.next.pointee.cyclesBefore)
    state.pointee.instructions &+= UInt64(i.next.pointee.position)
  }

  /// Takes a branch within the page: retires `i` and goes on `displacement` bytes from the block's
  /// start.
  @inline(__always) func follow(_ i: InstructionReference) {
    retire(i)
    return followLink(i)
  }

  /// Goes on `displacement` bytes from the block's start, by the link if there is one.
  @inline(__always) func followLink(_ i: InstructionReference) {
    state.pointee.blockRIP &+= UInt64(
      bitPattern: Int64(i.pointer.pointee.displacement))
    guard
      let code = UnsafePointer<Instruction>(
        bitPattern: UInt(truncatingIfNeeded: i.pointer.pointee.immediate)),
      state.pointee.cycles < state.pointee.signals.pointee.horizon
    else { return suspend(i) }
    return code.pointee.handler(state, code)
  }

  /// Ends the block with a branch: retires `i` and goes on at `target` (a full, masked RIP).
  @inline(__always) func branch(_ i: InstructionReference, to target: UInt64) {
    retire(i)
    return go(to: target)
  }

  /// Goes on at `target`, in the block that the jump cache has for it.
  @inline(__always) func go(to target: UInt64) {
    state.pointee.blockRIP = target
    let entry = state.pointee.jumps.entry(target)
    guard entry.pointee.rip == target, entry.pointee.key == state.pointee.jumpKey,
      let code = entry.pointee.code,
      state.pointee.cycles < state.pointee.signals.pointee.horizon
    else { return suspend() }
    return code.pointee.handler(state, code)
  }

  /// Goes on at RIP behind an instruction that may have changed whatever the run loop looks at: in the
  /// block that the jump cache has for it, if nothing asks for the run loop.
  @inline(never) func goOn() {
    guard state.pointee.attention.isEmpty,
      state.pointee.signals.pointee.requests.isDisjoint(with: state.pointee.heededRequests),
      state.pointee.cycles < state.pointee.signals.pointee.horizon
    else { return }
    state.pointee.updateJumpKey()
    let rip = state.pointee.rip
    let entry = state.pointee.jumps.entry(rip)
    guard entry.pointee.rip == rip, entry.pointee.key == state.pointee.jumpKey,
      let code = entry.pointee.code
    else { return }
    state.pointee.blockRIP = rip
    return code.pointee.handler(state, code)
  }

  /// Hands over to the run loop, which is to fill in the link of `i` if it has none.
  @inline(never) func suspend(_ i: InstructionReference) {
    state.pointee.rip = state.pointee.blockRIP
    state.pointee.linkSource = i.pointer.pointee.immediate == 0 ? i.pointer : nil
  }

  /// Hands over to the run loop.
  @inline(never) func suspend() {
    state.pointee.rip = state.pointee.blockRIP
  }
}

/// Where the block at an address is, for branches that have no link.
struct JumpCacheEntry {
  var rip: UInt64
  /// `Processor.jumpKey` when the entry was made.
  var key: UInt64
  var code: UnsafePointer<Instruction>?
}

/// A direct-mapped cache from RIP to decoded code.
///
/// Invariant: `entries` is valid for `count` entries for the life of the owner. The code of an entry
/// whose key is current is in the block cache, killed perhaps.
struct JumpCache {
  static let count = 2048
  let entries: UnsafeMutablePointer<JumpCacheEntry>

  static func allocate() -> JumpCache {
    let entries = UnsafeMutablePointer<JumpCacheEntry>.allocate(capacity: count)
    entries.initialize(repeating: JumpCacheEntry(rip: 0, key: 0, code: nil), count: count)
    return JumpCache(entries: entries)
  }

  func deallocate() { entries.deallocate() }

  @inline(__always) func entry(_ rip: UInt64) -> UnsafeMutablePointer<JumpCacheEntry> {
    entries + Int(truncatingIfNeeded: (rip ^ rip >> 11) & UInt64(Self.count - 1))
  }
}

extension Processor {
  /// Sets how far blocks may follow one another, and what the jump cache must match.
  @inline(__always) mutating func prepareLinks() {
    updateJumpKey()
    let deadline = signals.pointee.deadline
    let end = deadline > Block.maximumLinkedCycles ? deadline &- Block.maximumLinkedCycles : 0
    // A cycle retires no more than a block's worth of instructions.
    let isFarFromLimit =
      instructionLimit &- instructions
      > Self.linkedCycles &* UInt64(Block.maximumCount) &+ UInt64(Block.maximumCount)
    signals.pointee.horizon =
      isFarFromLimit ? min(end, cycles &+ Self.linkedCycles) : min(end, cycles)
  }

  @inline(__always) fileprivate mutating func updateJumpKey() {
    jumpKey =
      translations.generation.pointee << 20 | UInt64(decodeMode) << 12 | fetchTag & 0xfff
  }

  /// Most cycles between two turns of the run loop. It bounds the host's stack too: without
  /// optimisation, a handler that calls the next one returns only when the last one does.
  private static let linkedCycles: UInt64 = {
    #if DEBUG
      64
    #else
      16_384
    #endif
  }()

  /// Remembers the block that was found at RIP: in the branch that led there, and in the jump cache.
  mutating func remember(
    _ block: UnsafeMutablePointer<Block>, from source: UnsafePointer<Instruction>?
  ) {
    // The second page of a block must be looked up each time, and so must a limit of CS.
    guard block.pointee.secondPage == Block.noPage,
      block.pointee.cycles <= Block.maximumLinkedCycles, decodeMode & DecodeMode.flatCode != 0
    else { return }
    let code = UnsafePointer(block.instructions)
    if let source {
      UnsafeMutablePointer(mutating: source).pointee.immediate = UInt64(UInt(bitPattern: code))
    }
    prepareLinks()
    jumps.entry(rip).pointee = JumpCacheEntry(rip: rip, key: jumpKey, code: code)
  }
}
