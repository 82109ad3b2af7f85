/// Why `Processor.run` returned.
enum RunStop {
  /// The cycle counter reached `PlatformSignals.deadline`.
  case deadline
  /// A request to stop, from the platform or the embedder.
  case stopRequested
  /// Not active, and no event that would wake it is pending.
  case inactive
  /// The next instruction is one that VMXLab has not built; nothing of it was done.
  case notBuilt
  /// The retired-instruction limit was reached.
  case instructionLimit
  /// A triple fault outside VMX non-root operation.
  case shutdown
}

extension Processor {
  /// Runs until something stops it.
  mutating func run(builder: BlockBuilder) -> RunStop {
    while true {
      if !attention.isEmpty || !signals.pointee.requests.isDisjoint(with: heededRequests) {
        linkSource = nil
        if let stop = lookAround() { return stop }
        if needsSingleStep {
          guard cycles < signals.pointee.deadline else { return .deadline }
          guard instructions < instructionLimit else { return .instructionLimit }
          singleStep(builder)
          continue
        }
      }
      if followJump() { continue }
      guard let block = findBlock(builder) else {
        // Handlers that cannot be fetched fault for ever: time goes on all the same.
        guard cycles < signals.pointee.deadline else { return .deadline }
        continue
      }
      if cycles &+ block.pointee.cycles >= signals.pointee.deadline
        || instructions &+ UInt64(block.pointee.count) > instructionLimit
      {
        guard cycles < signals.pointee.deadline else { return .deadline }
        guard instructions < instructionLimit else { return .instructionLimit }
        runOne(builder)
        continue
      }
      prepareLinks()
      enter(block)
    }
  }

  /// Goes on in the block that the jump cache has for RIP; false if it has none, if a branch waits
  /// for its link, or if the deadline or the limit is near.
  @inline(__always) private mutating func followJump() -> Bool {
    guard linkSource == nil else { return false }
    prepareLinks()
    let entry = jumps.entry(rip)
    guard entry.pointee.rip == rip, entry.pointee.key == jumpKey,
      cycles < signals.pointee.horizon, let code = entry.pointee.code
    else { return false }
    blockRIP = rip
    withUnsafeMutablePointer(to: &self) { code.pointee.handler($0, code) }
    return true
  }

  /// Runs a block from its start.
  @inline(__always) private mutating func enter(_ block: UnsafeMutablePointer<Block>) {
    blockRIP = rip
    let first = block.instructions
    withUnsafeMutablePointer(to: &self) { first.pointee.handler($0, first) }
  }

  /// The block at CS:RIP, decoded if need be; nil if fetching faulted (the fault is recorded).
  private mutating func findBlock(_ builder: BlockBuilder) -> UnsafeMutablePointer<Block>? {
    let source = linkSource
    linkSource = nil
    let generation = translations.generation.pointee
    guard let block = lookUpBlock(builder, single: false) else { return nil }
    // A new generation may mean that the block of the branch is gone.
    remember(block, from: translations.generation.pointee == generation ? source : nil)
    return block
  }

  private mutating func lookUpBlock(
    _ builder: BlockBuilder, single: Bool
  ) -> UnsafeMutablePointer<Block>? {
    let linear = wrapLinear(effectiveBase[1] &+ rip)
    let entry = translations.entry(linear)
    let physical: UInt64
    if entry.pointee.fetchTag & ~TranslationTag.slow == linear & ~0xfff | fetchTag {
      physical = entry.pointee.physicalPage | linear & 0xfff
    } else {
      guard let page = fetchPage(linear) else { return nil }
      physical = page | linear & 0xfff
    }
    let key = decodeMode | (single ? DecodeMode.single : 0)
    var found = blocks.table[BlockCache.slot(physical, key)]
    var secondPage: UInt64?
    while let block = found {
      if block.pointee.physical == physical, block.pointee.mode == key {
        if block.pointee.secondPage == Block.noPage { break }
        if secondPage == nil {
          secondPage = fetchPage(linear &+ (0x1000 &- physical & 0xfff))
          if secondPage == nil { return nil }
        }
        if secondPage == block.pointee.secondPage { break }
      }
      found = block.pointee.nextInSlot
    }
    guard
      let block = found ?? builder.build(&self, linear: linear, physical: physical, single: single)
    else { return nil }
    guard mode != .long, decodeMode & DecodeMode.flatCode == 0 else { return block }
    // Outside 64-bit mode the code segment's limit applies to every byte.
    let limit = UInt64(segments[1].limit)
    if rip &+ UInt64(block.pointee.byteCount) &- 1 <= limit { return block }
    guard !single, rip <= limit else {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    return lookUpBlock(builder, single: true)
  }

  /// Runs one instruction, in a block of its own.
  private mutating func runOne(_ builder: BlockBuilder) {
    guard let block = lookUpBlock(builder, single: true) else { return }
    signals.pointee.horizon = 0
    enter(block)
    linkSource = nil
  }

  /// Runs one instruction and then what follows an instruction: traps, the end of shadows.
  private mutating func singleStep(_ builder: BlockBuilder) {
    guard let block = lookUpBlock(builder, single: true) else { return }
    if attention.contains(.endbranch), !mayLand(on: block.instructions) { return }
    let before = instructions
    beginStep(length: block.instructions.pointee.length)
    signals.pointee.horizon = 0
    enter(block)
    linkSource = nil
    attention.remove(.alone)
    if instructions != before || isBetweenIterations { endStep() }
  }
}
