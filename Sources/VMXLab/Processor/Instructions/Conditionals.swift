// CMOVcc and SETcc.

/// CMOVcc between registers; a 32-bit destination is written, and so extended, either way.
@inline(__always)
func moveIfRR<C: Condition, W: OperandWidth>(
  _ condition: C.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let old = core.register(i.pointer.pointee.destination, as: width)
  let new = core.register(i.pointer.pointee.source, as: width)
  core.setRegister(
    i.pointer.pointee.destination, C.holds(core.state.pointee.lazy) ? new : old)
  return core.next(i)
}

/// CMOVcc from memory, which is read, and may fault, whether the condition holds or not.
@inline(__always)
func moveIfRM<C: Condition, W: OperandWidth>(
  _ condition: C.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let new = core.load(i, width) else { return core.leave(i) }
  let old = core.register(i.pointer.pointee.destination, as: width)
  core.setRegister(
    i.pointer.pointee.destination, C.holds(core.state.pointee.lazy) ? new : old)
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func setIfR<C: Condition>(
  _ condition: C.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let value: UInt8 = C.holds(core.state.pointee.lazy) ? 1 : 0
  core.setRegister(i.pointer.pointee.destination, value)
  return core.next(i)
}

@inline(__always)
func setIfM<C: Condition>(
  _ condition: C.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let value: UInt8 = C.holds(core.state.pointee.lazy) ? 1 : 0
  guard core.store(i, value) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}
