// XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B.
//
// Source: Intel SDM, the pages of these instructions.

@inline(__always)
func exchangeRR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  let b = core.register(i.pointer.pointee.source, as: width)
  core.setRegister(i.pointer.pointee.destination, b)
  core.setRegister(i.pointer.pointee.source, a)
  return core.next(i)
}

/// XCHG of memory with the source register.
@inline(__always)
func exchangeMR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let new = core.register(i.pointer.pointee.source, as: width)
  var old: W = 0
  let done = core.modify(i, width) {
    old = $0
    return new
  }
  guard done else { return core.leave(i) }
  core.setRegister(i.pointer.pointee.source, old)
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func exchangeAddRR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  let b = core.register(i.pointer.pointee.source, as: width)
  // With one register for both operands, the sum is what stays.
  core.setRegister(i.pointer.pointee.source, a)
  core.setRegister(i.pointer.pointee.destination, Addition.apply(a, b, &core.state.pointee.lazy))
  return core.next(i)
}

@inline(__always)
func exchangeAddMR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let b = core.register(i.pointer.pointee.source, as: width)
  var old: W = 0
  let done = core.modify(i, width) {
    old = $0
    return Addition.apply($0, b, &core.state.pointee.lazy)
  }
  guard done else { return core.leave(i) }
  core.setRegister(i.pointer.pointee.source, old)
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func compareExchangeRR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let old = core.register(i.pointer.pointee.destination, as: width)
  let accumulator = core.register(RegisterOffset.general(0), as: width)
  let new = core.register(i.pointer.pointee.source, as: width)
  _ = Subtraction.apply(accumulator, old, &core.state.pointee.lazy)
  if accumulator == old {
    core.setRegister(i.pointer.pointee.destination, new)
  } else {
    core.setRegister(RegisterOffset.general(0), old)
  }
  return core.next(i)
}

/// CMPXCHG with memory: the destination is written either way, so that its faults are a write's.
@inline(__always)
func compareExchangeMR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let accumulator = core.register(RegisterOffset.general(0), as: width)
  let new = core.register(i.pointer.pointee.source, as: width)
  var old: W = 0
  let done = core.modify(i, width) {
    old = $0
    return $0 == accumulator ? new : $0
  }
  guard done else { return core.leave(i) }
  _ = Subtraction.apply(accumulator, old, &core.state.pointee.lazy)
  if accumulator != old { core.setRegister(RegisterOffset.general(0), old) }
  return core.nextAfterSlowAccess(i)
}

/// CMPXCHG8B: of the flags only ZF changes.
let compareExchange8Bytes: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  let expected = core.quadword(high: 2, low: 0)
  let new = core.quadword(high: 1, low: 3)
  var old: UInt64 = 0
  let done = core.modify(i, UInt64.self) {
    old = $0
    return $0 == expected ? new : $0
  }
  guard done else { return core.leave(i) }
  if old != expected {
    core.setRegister(RegisterOffset.general(0), UInt32(truncatingIfNeeded: old))
    core.setRegister(RegisterOffset.general(2), UInt32(truncatingIfNeeded: old >> 32))
  }
  core.state.pointee.lazy.setZF(old == expected)
  return core.nextAfterSlowAccess(i)
}

/// CMPXCHG16B: the operand must be aligned, and so lies in one page.
let compareExchange16Bytes: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  guard let linear = core.linearAddress(i, UInt64.self, .write) else { return core.leave(i) }
  guard linear & 15 == 0 else {
    core.state.pointee.raise(.generalProtection, errorCode: 0)
    return core.leave(i)
  }
  let isStack = i.pointer.pointee.segment == 2
  let high = linear &+ 8
  guard let oldLow = core.state.pointee.readForWrite(linear, UInt64.self, stack: isStack),
    let oldHigh = core.state.pointee.readForWrite(high, UInt64.self, stack: isStack)
  else { return core.leave(i) }
  let isEqual =
    oldLow == core.state.pointee.general[0] && oldHigh == core.state.pointee.general[2]
  let newLow = isEqual ? core.state.pointee.general[3] : oldLow
  let newHigh = isEqual ? core.state.pointee.general[1] : oldHigh
  guard core.state.pointee.write(linear, newLow, stack: isStack),
    core.state.pointee.write(high, newHigh, stack: isStack)
  else { return core.leave(i) }
  if !isEqual {
    core.state.pointee.general[0] = oldLow
    core.state.pointee.general[2] = oldHigh
  }
  core.state.pointee.lazy.setZF(isEqual)
  return core.nextAfterSlowAccess(i)
}

extension Core {
  /// The lower halves of two general registers, by number, as one quadword.
  @inline(__always) func quadword(high: UInt8, low: UInt8) -> UInt64 {
    register(RegisterOffset.general(high), as: UInt32.self).zeroExtended << 32
      | register(RegisterOffset.general(low), as: UInt32.self).zeroExtended
  }
}
