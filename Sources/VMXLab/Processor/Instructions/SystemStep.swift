/// Runs a system instruction: state is exact when the body starts, and the instruction retires if
/// the body recorded nothing.
///
/// The body continues elsewhere than at the next instruction by setting `nextRIP`.
@inline(__always)
func system(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer,
  _ body: (inout Processor, InstructionReference) -> Void
) {
  let core = Core(state)
  let i = InstructionReference(i)
  core.state.pointee.beginSystem(i)
  body(&core.state.pointee, i)
  core.state.pointee.endSystem(i)
  return core.goOn()
}

extension Processor {
  /// Brings RIP and the counters up to this instruction.
  @inline(__always) mutating func beginSystem(_ i: InstructionReference) {
    synchronize(i)
    nextRIP = (rip &+ i.pointer.pointee.length) & ripMask
  }

  /// Retires the instruction unless it recorded a fault or an exit.
  @inline(__always) mutating func endSystem(_ i: InstructionReference) {
    guard pending.kind == .none || pending.isTrap else { return }
    rip = nextRIP
    cycles &+= UInt64(i.next.pointee.cyclesBefore &- i.pointer.pointee.cyclesBefore)
    instructions &+= 1
  }
}
