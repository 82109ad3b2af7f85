// Moves and conversions that widen: MOVZX, MOVSX, MOVSXD, CBW and its kin, CWD and its kin.

@inline(__always)
func moveZeroExtendedR<W: OperandWidth, S: OperandWidth>(
  _ width: W.Type, _ source: S.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let value = core.register(i.pointer.pointee.source, as: source)
  core.setRegister(i.pointer.pointee.destination, W(low: value.zeroExtended))
  return core.next(i)
}

@inline(__always)
func moveZeroExtendedM<W: OperandWidth, S: OperandWidth>(
  _ width: W.Type, _ source: S.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.readableOperand(i, source) else {
    return moveZeroExtendedMSlow(width, source, state, UnsafeRawPointer(i.pointer))
  }
  core.setRegister(
    i.pointer.pointee.destination, W(low: host.loadUnaligned(as: source).zeroExtended))
  return core.next(i)
}

@inline(never)
private func moveZeroExtendedMSlow<W: OperandWidth, S: OperandWidth>(
  _ width: W.Type, _ source: S.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, source) else { return core.leave(i) }
  core.setRegister(i.pointer.pointee.destination, W(low: value.zeroExtended))
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func moveSignExtendedR<W: OperandWidth, S: OperandWidth>(
  _ width: W.Type, _ source: S.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let value = core.register(i.pointer.pointee.source, as: source)
  core.setRegister(i.pointer.pointee.destination, W(low: value.signExtended))
  return core.next(i)
}

@inline(__always)
func moveSignExtendedM<W: OperandWidth, S: OperandWidth>(
  _ width: W.Type, _ source: S.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.readableOperand(i, source) else {
    return moveSignExtendedMSlow(width, source, state, UnsafeRawPointer(i.pointer))
  }
  core.setRegister(
    i.pointer.pointee.destination, W(low: host.loadUnaligned(as: source).signExtended))
  return core.next(i)
}

@inline(never)
private func moveSignExtendedMSlow<W: OperandWidth, S: OperandWidth>(
  _ width: W.Type, _ source: S.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, source) else { return core.leave(i) }
  core.setRegister(i.pointer.pointee.destination, W(low: value.signExtended))
  return core.nextAfterSlowAccess(i)
}

/// CBW, CWDE, CDQE: the accumulator's lower half into all of it.
@inline(__always)
func extendAccumulator<W: OperandWidth, S: OperandWidth>(
  _ width: W.Type, _ source: S.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let value = core.register(RegisterOffset.general(0), as: source)
  core.setRegister(RegisterOffset.general(0), W(low: value.signExtended))
  return core.next(i)
}

/// CWD, CDQ, CQO: the accumulator's sign into rDX.
@inline(__always)
func spreadAccumulatorSign<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let value = core.register(RegisterOffset.general(0), as: width)
  core.setRegister(RegisterOffset.general(2), value.isNegative ? W.max : 0)
  return core.next(i)
}
