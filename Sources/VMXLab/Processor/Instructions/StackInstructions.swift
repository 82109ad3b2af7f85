// PUSH, POP, PUSHA, POPA, ENTER, LEAVE of general registers, memory and immediates.
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

extension Processor {
  /// Writes the stack pointer as wide as stack addresses are: SP keeps the bits above it.
  @inline(__always) mutating func setStackPointer(_ value: UInt64) {
    let kept = stackMask == 0xffff ? general[4] & ~0xffff : 0
    general[4] = kept | value & stackMask
  }

  @inline(__always) mutating func moveStackPointer(by distance: UInt64) {
    setStackPointer(general[4] &+ distance)
  }
}

// MARK: PUSH

@inline(__always)
func pushRegisterLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.pushLong(core.register(i.pointer.pointee.source, as: UInt64.self)) else {
    return core.leave(i)
  }
  return core.next(i)
}

@inline(__always)
func pushImmediateLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.pushLong(i.pointer.pointee.immediate) else { return core.leave(i) }
  return core.next(i)
}

@inline(__always)
func pushMemoryLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, UInt64.self), core.pushLong(value) else { return core.leave(i) }
  return core.next(i)
}

@inline(__always)
func pushRegister<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.state.pointee.push(core.register(i.pointer.pointee.source, as: width)) else {
    return core.leave(i)
  }
  return core.next(i)
}

@inline(__always)
func pushImmediate<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.state.pointee.push(W(low: i.pointer.pointee.immediate)) else { return core.leave(i) }
  return core.next(i)
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
  return core.next(i)
}

// MARK: POP

@inline(__always)
func popRegisterLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4]
  guard let value = core.state.pointee.read(top, UInt64.self, stack: true) else {
    return core.leave(i)
  }
  // POP RSP leaves what was popped.
  core.state.pointee.general[4] = top &+ 8
  core.setRegister(i.pointer.pointee.destination, value)
  return core.next(i)
}

@inline(__always)
func popRegister<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.state.pointee.pop(width) else { return core.leave(i) }
  core.setRegister(i.pointer.pointee.destination, value)
  return core.next(i)
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
  return core.next(i)
}

// MARK: PUSHA, POPA

@inline(__always)
func pushAll<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4]
  for register in 0..<8 {
    let value = register == 4 ? top : core.state.pointee.general[register]
    guard core.state.pointee.push(W(low: value)) else {
      core.state.pointee.general[4] = top
      return core.leave(i)
    }
  }
  return core.next(i)
}

@inline(__always)
func popAll<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4]
  var values = InlineArray<8, W>(repeating: 0)
  for register in 0..<8 {
    guard let value = core.state.pointee.pop(width) else {
      core.state.pointee.general[4] = top
      return core.leave(i)
    }
    values[7 &- register] = value
  }
  // The place of the stack pointer is skipped.
  for register in 0..<8 where register != 4 {
    core.setRegister(RegisterOffset.general(UInt8(truncatingIfNeeded: register)), values[register])
  }
  return core.next(i)
}

// MARK: ENTER, LEAVE

/// ENTER: `immediate` is the number of bytes to reserve, `source` the nesting level.
@inline(__always)
func enterFrame<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4]
  guard let frame = core.state.pointee.buildFrame(i, width) else {
    core.state.pointee.general[4] = top
    return core.leave(i)
  }
  core.setRegister(RegisterOffset.general(5), W(low: frame))
  return core.next(i)
}

extension Processor {
  /// Pushes what ENTER pushes and reserves its bytes; the new frame pointer, nil if that faults.
  fileprivate mutating func buildFrame<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type
  ) -> UInt64? {
    var display = general[5]
    guard push(W(low: display)) else { return nil }
    let frame = general[4]
    let level = i.pointer.pointee.source
    if level > 0 {
      for _ in 1..<level {
        display = display & ~stackMask | (display &- W.byteCount) & stackMask
        guard let linear = stackLinear(display & stackMask, width, i, .read),
          let pointer = read(linear, width, stack: true), push(pointer)
        else { return nil }
      }
      guard push(W(low: frame)) else { return nil }
    }
    moveStackPointer(by: 0 &- i.pointer.pointee.immediate)
    // The new top of the stack must be writable.
    guard let linear = stackLinear(general[4] & stackMask, width, i, .write),
      readForWrite(linear, width, stack: true) != nil
    else { return nil }
    return frame
  }

  /// Linear address of an offset in the stack segment; nil if that faults.
  fileprivate mutating func stackLinear<W: OperandWidth>(
    _ offset: UInt64, _ width: W.Type, _ i: InstructionReference, _ access: AccessKind
  ) -> UInt64? {
    if i.pointer.pointee.mode.contains(.long) { return offset }
    return segmentedAddress(
      offset, segment: 2, mode: [], byteCount: W.byteCount, access: access)
  }
}

@inline(__always)
func leaveFrameLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let frame = core.state.pointee.general[5]
  guard let value = core.state.pointee.read(frame, UInt64.self, stack: true) else {
    return core.leave(i)
  }
  core.state.pointee.general[4] = frame &+ 8
  core.state.pointee.general[5] = value
  return core.next(i)
}

@inline(__always)
func leaveFrame<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4]
  core.state.pointee.setStackPointer(core.state.pointee.general[5])
  guard let value = core.state.pointee.pop(width) else {
    core.state.pointee.general[4] = top
    return core.leave(i)
  }
  core.setRegister(RegisterOffset.general(5), value)
  return core.next(i)
}
