// PUSH, POP, PUSHA, POPA, ENTER, LEAVE.
//
// Source: Intel SDM, "PUSH—Push Word, Doubleword, or Quadword Onto the Stack", "POP—Pop a Value From
// the Stack", "ENTER—Make Stack Frame for Procedure Parameters", "LEAVE—High Level Procedure Exit".

extension Core {
  /// Pushes a quadword in 64-bit mode, where the stack segment has no base and no limit.
  @inline(__always) func pushLong(_ value: UInt64) -> Bool {
    let top = state.pointee.general[4] &- 8
    guard state.pointee.write(top, value, stack: true) else { return false }
    state.pointee.general[4] = top
    return true
  }
}

extension Core {
  /// The offset of the stack's top in a 32-bit stack without base and limit; nil for other stacks.
  @inline(__always) func flatStackTop(_ i: InstructionReference) -> UInt64? {
    guard i.pointer.pointee.mode.contains(.flat), state.pointee.stackMask == 0xffff_ffff else {
      return nil
    }
    return state.pointee.general[4] & 0xffff_ffff
  }

  /// Host address of the flat stack's new top, and that top, if a push of `W` needs no more than a look
  /// at the TLB.
  @inline(__always)
  func flatPushTarget<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type
  ) -> (host: UnsafeMutableRawPointer, top: UInt64)? {
    guard let old = flatStackTop(i) else { return nil }
    let top = (old &- W.byteCount) & 0xffff_ffff
    guard let host = state.pointee.writableHost(top, width) else { return nil }
    return (host, top)
  }
}

// MARK: PUSH

@inline(__always)
func pushRegisterLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4] &- 8
  guard let host = core.state.pointee.writableHost(top, UInt64.self) else {
    return pushRegisterLongSlow(state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(
    of: core.register(i.pointer.pointee.source, as: UInt64.self), as: UInt64.self)
  core.state.pointee.general[4] = top
  return core.next(i)
}

@inline(never)
private func pushRegisterLongSlow(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.pushLong(core.register(i.pointer.pointee.source, as: UInt64.self)) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func pushImmediateLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4] &- 8
  guard let host = core.state.pointee.writableHost(top, UInt64.self) else {
    return pushImmediateLongSlow(state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(of: i.pointer.pointee.immediate, as: UInt64.self)
  core.state.pointee.general[4] = top
  return core.next(i)
}

@inline(never)
private func pushImmediateLongSlow(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.pushLong(i.pointer.pointee.immediate) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func pushMemoryLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, UInt64.self), core.pushLong(value) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func pushRegister<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let (host, top) = core.flatPushTarget(i, width) else {
    return pushRegisterSlow(width, state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(of: core.register(i.pointer.pointee.source, as: width), as: width)
  core.state.pointee.general[4] = top
  return core.next(i)
}

@inline(never)
private func pushRegisterSlow<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.state.pointee.push(core.register(i.pointer.pointee.source, as: width)) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func pushImmediate<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let (host, top) = core.flatPushTarget(i, width) else {
    return pushImmediateSlow(width, state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(of: W(low: i.pointer.pointee.immediate), as: width)
  core.state.pointee.general[4] = top
  return core.next(i)
}

@inline(never)
private func pushImmediateSlow<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.state.pointee.push(W(low: i.pointer.pointee.immediate)) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func pushMemory<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, width), core.state.pointee.push(value) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

// MARK: POP

@inline(__always)
func popRegisterLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4]
  guard let host = core.state.pointee.readableHost(top, UInt64.self) else {
    return popRegisterLongSlow(state, UnsafeRawPointer(i.pointer))
  }
  // POP RSP leaves what was popped.
  core.state.pointee.general[4] = top &+ 8
  core.setRegister(i.pointer.pointee.destination, host.loadUnaligned(as: UInt64.self))
  return core.next(i)
}

@inline(never)
private func popRegisterLongSlow(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4]
  guard let value = core.state.pointee.read(top, UInt64.self, stack: true) else {
    return core.leave(i)
  }
  // POP RSP leaves what was popped.
  core.state.pointee.general[4] = top &+ 8
  core.setRegister(i.pointer.pointee.destination, value)
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func popRegister<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let top = core.flatStackTop(i), let host = core.state.pointee.readableHost(top, width)
  else {
    return popRegisterSlow(width, state, UnsafeRawPointer(i.pointer))
  }
  core.state.pointee.general[4] = (top &+ W.byteCount) & 0xffff_ffff
  core.setRegister(i.pointer.pointee.destination, host.loadUnaligned(as: width))
  return core.next(i)
}

@inline(never)
private func popRegisterSlow<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.state.pointee.pop(width) else { return core.leave(i) }
  core.setRegister(i.pointer.pointee.destination, value)
  return core.nextAfterSlowAccess(i)
}

/// POP to memory: an address based on the stack pointer counts from where the pop leaves it.
@inline(__always)
func popMemory<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4]
  guard let value = core.state.pointee.pop(width) else { return core.leave(i) }
  guard core.store(i, value) else {
    core.state.pointee.general[4] = top
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

// MARK: PUSHA, POPA

@inline(__always)
func pushAll<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  var pointer = core.state.pointee.stackPointer
  for register in 0..<8 {
    guard core.state.pointee.push(W(low: core.state.pointee.general[register]), &pointer) else {
      return core.leave(i)
    }
  }
  core.state.pointee.commit(pointer)
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func popAll<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  var pointer = core.state.pointee.stackPointer
  var values = InlineArray<8, W>(repeating: 0)
  for register in 0..<8 {
    guard let value = core.state.pointee.pop(width, &pointer) else { return core.leave(i) }
    values[7 &- register] = value
  }
  core.state.pointee.commit(pointer)
  // The place of the stack pointer is skipped.
  for register in 0..<8 where register != 4 {
    core.setRegister(RegisterOffset.general(UInt8(truncatingIfNeeded: register)), values[register])
  }
  return core.nextAfterSlowAccess(i)
}

// MARK: ENTER, LEAVE

/// ENTER: `immediate` is the number of bytes to reserve, `source` the nesting level.
@inline(__always)
func enterFrame<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.state.pointee.enterFrame(i, width) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

extension Processor {
  /// Pushes the frame pointers and reserves bytes; false if that faults, with RSP and RBP unchanged.
  fileprivate mutating func enterFrame<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type
  ) -> Bool {
    var pointer = stackPointer
    guard push(W(low: general[5]), &pointer) else { return false }
    // All of ESP by the operand size, even where the stack counts in 16 bits.
    let frame = stackMask == 0xffff ? general[4] & ~0xffff | pointer.offset : pointer.offset
    let level = i.pointer.pointee.source
    if level > 0 {
      var display = StackPointer(offset: general[5] & stackMask)
      for _ in 1..<level {
        display.offset = (display.offset &- W.byteCount) & stackMask
        guard let linear = stackAddress(display.offset, byteCount: W.byteCount, .read),
          let outer = read(linear, width, stack: true), push(outer, &pointer)
        else { return false }
      }
      guard push(W(low: frame), &pointer) else { return false }
    }
    pointer.offset = (pointer.offset &- i.pointer.pointee.immediate) & stackMask
    // The new top of the stack must be writable.
    guard let top = stackAddress(pointer.offset, byteCount: W.byteCount, .write),
      readForWrite(top, width, stack: true) != nil
    else { return false }
    commit(pointer)
    let kept = W.bits == 16 ? general[5] & ~0xffff : 0
    general[5] = kept | W(low: frame).zeroExtended
    return true
  }
}

@inline(__always)
func leaveFrameLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let frame = core.state.pointee.general[5]
  guard let host = core.state.pointee.readableHost(frame, UInt64.self) else {
    return leaveFrameLongSlow(state, UnsafeRawPointer(i.pointer))
  }
  core.state.pointee.general[4] = frame &+ 8
  core.state.pointee.general[5] = host.loadUnaligned(as: UInt64.self)
  return core.next(i)
}

@inline(never)
private func leaveFrameLongSlow(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let frame = core.state.pointee.general[5]
  guard let value = core.state.pointee.read(frame, UInt64.self, stack: true) else {
    return core.leave(i)
  }
  core.state.pointee.general[4] = frame &+ 8
  core.state.pointee.general[5] = value
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func leaveFrame<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  var pointer = StackPointer(
    offset: core.state.pointee.general[5] & core.state.pointee.stackMask)
  guard let value = core.state.pointee.pop(width, &pointer) else { return core.leave(i) }
  core.state.pointee.commit(pointer)
  core.setRegister(RegisterOffset.general(5), value)
  return core.nextAfterSlowAccess(i)
}

// MARK: Segment registers

/// PUSH of the segment register `source`: zero-extended to 64 bits, but 16 bits of a 32-bit slot, the
/// rest of which stays as it was.
@inline(__always)
func pushSegment<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let selector = core.state.pointee.segments[Int(i.pointer.pointee.source & 7)].selector
  var pointer = core.state.pointee.stackPointer
  if W.bits == 32 {
    pointer.offset = (pointer.offset &- 2) & core.state.pointee.stackMask
    guard core.state.pointee.push(selector, &pointer) else { return core.leave(i) }
  } else {
    guard core.state.pointee.push(W(low: UInt64(selector)), &pointer) else {
      return core.leave(i)
    }
  }
  core.state.pointee.commit(pointer)
  return core.nextAfterSlowAccess(i)
}

/// POP of the segment register `destination`; POP SS holds interrupts off as MOV SS does.
@inline(__always)
func popSegment<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  system(state, i) { cpu, i in
    let top = cpu.general[4]
    let register = Int(i.pointer.pointee.destination & 7)
    guard let value = cpu.pop(width) else { return }
    guard cpu.loadSegment(register, UInt16(truncatingIfNeeded: value)) else {
      cpu.general[4] = top
      return
    }
    if register == Int(SegmentRegister.ss.rawValue) { cpu.beginShadow(ofMOVSS: true) }
  }
}
