import CCapstone

/// An instruction as it would be at the start of a block, and what a block must know of it.
struct InstructionTemplate {
  /// What moves with the instruction's place in its block.
  enum Anchor: UInt8 {
    case none
    /// `immediate` counts from the start of the block: the target of a direct branch.
    case immediate
    /// `displacement` does: an address relative to RIP, or a branch within its page.
    case displacement
  }

  var instruction: Instruction
  var length: Int
  /// Cycles that the block charges for the instruction.
  var cycles = 0
  var effect = BlockEffect.end
  var anchor = Anchor.none
  /// What it may be carried out with, if a conditional branch follows.
  var fusable: FusableOperation?
  /// The condition on which it branches within the page.
  var condition: BranchCondition?
  /// What stands before it, with the same operands, because it may lock the bus.
  var lockWatch: Handler?

  /// An instruction without operands that charges nothing and ends its block.
  init(_ handler: @escaping Handler, length: Int) {
    self.length = length
    instruction = Instruction(
      handler: handler, immediate: 0, displacement: 0, ripOffset: 0, cyclesBefore: 0,
      destination: 0, source: 0, base: RegisterOffset.zero, index: RegisterOffset.zero,
      scaleAndSegment: 0, lengthAndPrefixes: UInt8(truncatingIfNeeded: min(length, 15)),
      position: 0, mode: [])
  }

  /// The marker behind a block's last instruction: goes back to the run loop.
  ///
  /// - Parameter isLinked: the next instruction is on the same page.
  static func marker(isLinked: Bool) -> InstructionTemplate {
    var marker = InstructionTemplate(isLinked ? endOfBlockInPage : endOfBlock, length: 0)
    if isLinked {
      marker.anchor = .displacement
      marker.instruction.lengthAndPrefixes |= 0x80
    }
    return marker
  }

  /// The instruction at a place in a block.
  ///
  /// - Parameters:
  ///   - ripOffset: bytes from the start of the block.
  ///   - position: instructions before it.
  ///   - cyclesBefore: cycles of these.
  @inline(__always)
  func placed(ripOffset: Int, position: Int, cyclesBefore: Int) -> Instruction {
    var placed = instruction
    placed.ripOffset = UInt16(truncatingIfNeeded: ripOffset)
    placed.position = UInt8(truncatingIfNeeded: position)
    placed.cyclesBefore = UInt16(truncatingIfNeeded: cyclesBefore)
    switch anchor {
    case .none: break
    case .immediate: placed.immediate &+= UInt64(truncatingIfNeeded: ripOffset)
    case .displacement: placed.displacement &+= Int32(truncatingIfNeeded: ripOffset)
    }
    return placed
  }
}

extension InstructionTemplate {
  /// What the table found for a decoded instruction.
  init(
    _ decoded: DecodedInstruction, _ builder: InstructionBuilder, _ handler: @escaping Handler,
    class timingClass: TimingClass?, effect: BlockEffect, timing: TimingTable
  ) {
    self.init(handler, length: decoded.length)
    self.effect = builder.effect ?? effect
    if let timingClass { cycles += Int(timing.cycles(timingClass)) }
    if let memoryClass = builder.memoryTiming { cycles += Int(timing.cycles(memoryClass)) }
    if decoded.hasLock { cycles += Int(timing.cycles(.lock)) }
    fusable = FusableOperation(decoded)
    if decoded.watchesBusLocks { lockWatch = decoded.lockWatch }
    instruction.immediate = builder.immediate
    instruction.destination = builder.destination
    instruction.source = builder.source
    setBranch(decoded, builder.branch)
    setPrefixes(decoded)
    setMemory(decoded, builder)
    if builder.isBranchTarget { instruction.scaleAndSegment |= Instruction.branchTarget }
  }

  private mutating func setBranch(_ decoded: DecodedInstruction, _ branch: DirectBranch) {
    switch branch {
    case .none: break
    case .relative:
      instruction.immediate &+= UInt64(decoded.length)
      anchor = .immediate
    case .withinPage:
      instruction.immediate = 0
      instruction.displacement = Int32(
        truncatingIfNeeded: decoded.branchDisplacement + Int64(decoded.length))
      instruction.lengthAndPrefixes |= 0x80
      anchor = .displacement
      condition = BranchCondition(decoded.id)
    }
  }

  private mutating func setPrefixes(_ decoded: DecodedInstruction) {
    if decoded.hasREP { instruction.lengthAndPrefixes |= 0x10 }
    if decoded.hasREPNE { instruction.lengthAndPrefixes |= 0x20 }
    if decoded.hasLock { instruction.lengthAndPrefixes |= 0x40 }
    var mode: InstructionMode = decoded.isLongMode ? .long : []
    switch decoded.operandBytes {
    case 2: mode.insert(.operand16)
    case 4: mode.insert(.operand32)
    default: mode.insert(.operand64)
    }
    switch decoded.addressBytes {
    case 2: mode.insert(.address16)
    case 4: mode.insert(.address32)
    default: break
    }
    instruction.mode = mode
  }

  private mutating func setMemory(_ decoded: DecodedInstruction, _ builder: InstructionBuilder) {
    guard let memory = builder.memory else {
      instruction.base = builder.base
      instruction.scaleAndSegment = (decoded.segmentOverride ?? .ds).rawValue << 2
      // For what pushes and pops: the stack may be used without its segment.
      if decoded.isFlatData { instruction.mode.insert(.flat) }
      return
    }
    instruction.base = memory.base
    instruction.index = memory.index
    instruction.displacement = Int32(truncatingIfNeeded: memory.displacement)
    if memory.isRIPRelative {
      instruction.displacement &+= Int32(truncatingIfNeeded: decoded.length)
      anchor = .displacement
    }
    instruction.scaleAndSegment = memory.scale | memory.segment.rawValue << 2
    let plainSegment = memory.segment != .fs && memory.segment != .gs
    let isFlat =
      decoded.isLongMode
      ? decoded.addressBytes == 8
      : decoded.isFlatData && decoded.addressBytes == 4 && memory.segment != .cs
    if isFlat, plainSegment { instruction.mode.insert(.flat) }
  }
}
