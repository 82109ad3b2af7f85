import CCapstone

// What stands before an instruction that locks its memory operand, in code that is decoded while bus locks
// are detected: it has the instruction's operands, and sees whether they cross a cache line.

extension DecodedInstruction {
  /// What is to stand before the instruction; nil if it locks nothing that may cross a line.
  var lockWatch: Handler? {
    // XCHG locks its memory operand without being asked to.
    guard hasLock || id == X86_INS_XCHG else { return nil }
    for case .memory(let byteCount) in operands {
      // CMPXCHG16B, whose operand must be aligned, has no watch.
      return takesBitNumberFromRegister
        ? bitStringWatches[byteCount] : lockedOperandWatches[byteCount]
    }
    return nil
  }

  /// BTS, BTR and BTC with a register access a bit string, which starts at their operand.
  private var takesBitNumberFromRegister: Bool {
    guard [X86_INS_BTS, X86_INS_BTR, X86_INS_BTC].contains(id), operands.count > 1 else {
      return false
    }
    return if case .general = operands[1] { true } else { false }
  }
}

private let lockedOperandWatches = WidthHandlers(
  nil,
  { watchLockedOperand(UInt16.self, $0, $1) },
  { watchLockedOperand(UInt32.self, $0, $1) },
  { watchLockedOperand(UInt64.self, $0, $1) })

private let bitStringWatches = WidthHandlers(
  nil,
  { watchBitString(UInt16.self, $0, $1) },
  { watchBitString(UInt32.self, $0, $1) },
  { watchBitString(UInt64.self, $0, $1) })

@inline(__always)
private func watchLockedOperand<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  Core(state).watch(InstructionReference(i), width, distance: 0)
}

@inline(__always)
private func watchBitString<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let number = core.register(i.pointer.pointee.source, as: width)
  return core.watch(i, width, distance: bitStringDistance(number))
}

extension Core {
  /// Goes on to the instruction, which runs alone if its access is to lock the bus: it may still fault.
  @inline(__always)
  fileprivate func watch<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type, distance: UInt64
  ) {
    guard let linear = linearAddress(i, width, .write, distance: distance) else { return leave(i) }
    if Processor.crossesLine(linear, byteCount: W.byteCount) {
      guard state.pointee.runsAlone() else { return leave(i) }
      state.pointee.step.locksBus = true
    }
    return next(i)
  }
}
