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
        if let stop = lookAround() { return stop }
        // RIP may be elsewhere now.
        nextBlock = nil
        chainSlot = nil
        if needsSingleStep {
          guard cycles < signals.pointee.deadline else { return .deadline }
          guard instructions < instructionLimit else { return .instructionLimit }
          singleStep(builder)
          continue
        }
      }
      guard let block = nextBlock ?? findBlock(builder) else { continue }
      if cycles &+ block.pointee.cycles >= signals.pointee.deadline
        || instructions &+ UInt64(block.pointee.count) > instructionLimit
      {
        guard cycles < signals.pointee.deadline else { return .deadline }
        guard instructions < instructionLimit else { return .instructionLimit }
        runPart(block)
        continue
      }
      enter(block)
    }
  }

  /// Runs a block from its start.
  @inline(__always) private mutating func enter(_ block: UnsafeMutablePointer<Block>) {
    blockRIP = rip
    currentBlock = block
    nextBlock = nil
    chainSlot = nil
    let first = block.pointee.instructions
    withUnsafeMutablePointer(to: &self) { first.pointee.handler($0, first) }
  }

  /// The block at CS:RIP, decoded if need be; nil if fetching faulted (the fault is recorded).
  private mutating func findBlock(_ builder: BlockBuilder) -> UnsafeMutablePointer<Block>? {
    defer { chainSlot = nil }
    guard let block = lookUpBlock(builder, single: false) else { return nil }
    // The second page of a block must be looked up each time.
    if let slot = chainSlot, block.pointee.secondPage == Block.noPage,
      mode == .long || decodeMode & DecodeMode.flatCode != 0
    {
      slot.pointee = block
    }
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
    if let block = found {
      if block.pointee.physical != physical || block.pointee.mode != key { found = nil }
      if block.pointee.secondPage != Block.noPage, found != nil {
        let before = 0x1000 &- physical & 0xfff
        guard let page = fetchPage(linear &+ before) else { return nil }
        if page != block.pointee.secondPage { found = nil }
      }
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

  /// Runs as many of the block's instructions as the deadline and the limit allow (at least one).
  private mutating func runPart(_ block: UnsafeMutablePointer<Block>) {
    let cyclesLeft = signals.pointee.deadline &- cycles
    let instructionsLeft = instructionLimit &- instructions
    let code = block.pointee.instructions
    var count = 1
    while count < Int(block.pointee.count), UInt64(code[count].cyclesBefore) < cyclesLeft,
      UInt64(count) < instructionsLeft
    {
      count += 1
    }
    run(block, count: count)
  }

  /// Runs the first `count` instructions of a block, by putting a marker in place of the next.
  private mutating func run(_ block: UnsafeMutablePointer<Block>, count: Int) {
    let next = block.pointee.instructions + count
    let handler = next.pointee.handler
    next.pointee.handler = leaveDeadBlock
    enter(block)
    nextBlock = nil
    chainSlot = nil
    if !block.pointee.isDead { next.pointee.handler = handler }
  }

  /// Runs one instruction and then what follows an instruction: traps, the end of shadows.
  private mutating func singleStep(_ builder: BlockBuilder) {
    chainSlot = nil
    guard let block = nextBlock ?? lookUpBlock(builder, single: true) else { return }
    let before = instructions
    beginStep()
    run(block, count: 1)
    attention.remove(.alone)
    if instructions != before || isBetweenIterations { endStep() }
  }

  /// Records where the running block goes on, at RIP, for the run loop to follow or to fill in.
  ///
  /// Only a successor on the block's own page of linear addresses is remembered: it is on the same
  /// physical page, however paging changes.
  @inline(__always)
  mutating func chain(_ block: UnsafeMutablePointer<Block>, _ link: ChainLink) {
    guard (rip ^ blockRIP) & ~0xfff == 0 else { return }
    let slot = block.chainSlot(link)
    if let next = slot.pointee, !next.pointee.isDead {
      nextBlock = next
    } else {
      chainSlot = slot
    }
  }
}
