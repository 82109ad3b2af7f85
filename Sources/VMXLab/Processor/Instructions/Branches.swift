// Near control transfer. Targets are checked before anything is committed: they must be canonical in
// 64-bit mode and within the code segment's limit in all others.
//
// Source: Intel SDM, "JMP—Jump", "Jcc—Jump if Condition Is Met", "CALL—Call Procedure",
// "RET—Return From Procedure", "LOOP/LOOPcc—Loop According to ECX Counter".

extension Core {
  /// Whether 64-bit code may go on at `target`.
  @inline(__always) func allowsLongTarget(_ target: UInt64) -> Bool {
    state.pointee.isCanonical(target)
  }

  /// Whether 16- or 32-bit code may go on at `target`.
  @inline(__always) func allowsLegacyTarget(_ target: UInt64) -> Bool {
    target <= UInt64(state.pointee.segments[1].limit)
  }

  /// Leaves the block with #GP(0): apart, so that branches need no stack frame for it.
  @inline(never) func refuseTarget(_ i: InstructionReference) {
    state.pointee.raise(.generalProtection, errorCode: 0)
    leave(i)
  }
}

extension Core {
  /// RIP behind the block-ending instruction `i`.
  @inline(__always) func ripBehind(_ i: InstructionReference) -> UInt64 {
    state.pointee.blockRIP &+ UInt64(i.next.pointee.ripOffset)
  }

  /// Mask of the instruction pointer that the operand size gives, outside 64-bit mode.
  @inline(__always) func targetMask(_ i: InstructionReference) -> UInt64 {
    i.pointer.pointee.mode.contains(.operand16) ? 0xffff : 0xffff_ffff
  }

  /// A direct branch that is not taken.
  @inline(__always) func fallThrough(_ i: InstructionReference) {
    return branch(i, to: ripBehind(i) & state.pointee.ripMask)
  }

  /// A direct branch that is taken, in 64-bit mode.
  @inline(__always) func jumpLong(_ i: InstructionReference) {
    let target = state.pointee.blockRIP &+ i.pointer.pointee.immediate
    // A target on this page is as canonical as this instruction is.
    if (target ^ state.pointee.blockRIP) & ~0xfff != 0 {
      guard allowsLongTarget(target) else { return refuseTarget(i) }
    }
    return branch(i, to: target)
  }

  /// A direct branch that is taken, outside 64-bit mode.
  @inline(__always) func jumpLegacy(_ i: InstructionReference) {
    let target = (state.pointee.blockRIP &+ i.pointer.pointee.immediate) & targetMask(i)
    guard allowsLegacyTarget(target) else { return refuseTarget(i) }
    return branch(i, to: target)
  }

  /// A direct branch that is taken, in whatever mode the block is for.
  @inline(__always) func jump(_ i: InstructionReference) {
    if i.pointer.pointee.mode.contains(.long) { return jumpLong(i) }
    return jumpLegacy(i)
  }

  /// Whether `jump` would go to its target.
  @inline(__always) func allowsTarget(_ i: InstructionReference) -> Bool {
    let target = state.pointee.blockRIP &+ i.pointer.pointee.immediate
    return i.pointer.pointee.mode.contains(.long)
      ? allowsLongTarget(target) : allowsLegacyTarget(target & targetMask(i))
  }

  /// An indirect branch in 64-bit mode.
  @inline(__always) func jumpLong(_ i: InstructionReference, to target: UInt64) {
    guard allowsLongTarget(target) else { return refuseTarget(i) }
    return branch(i, to: target)
  }

  /// An indirect branch outside 64-bit mode.
  @inline(__always) func jumpLegacy(_ i: InstructionReference, to target: UInt64) {
    guard allowsLegacyTarget(target) else { return refuseTarget(i) }
    return branch(i, to: target)
  }
}

// MARK: Jumps

@inline(__always)
func jumpIfLong<C: Condition>(
  _ condition: C.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  if C.holds(core.state.pointee.lazy) { return core.jumpLong(i) }
  return core.next(i)
}

@inline(__always)
func jumpIfLegacy<C: Condition>(
  _ condition: C.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  if C.holds(core.state.pointee.lazy) { return core.jumpLegacy(i) }
  return core.next(i)
}

@inline(__always)
func jumpIfWithinPage<C: Condition>(
  _ condition: C.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  if C.holds(core.state.pointee.lazy) { return core.follow(i) }
  return core.next(i)
}

@inline(__always)
func jumpRegister<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let target = core.register(i.pointer.pointee.destination, as: width).zeroExtended
  if W.bits == 64 { return core.jumpLong(i, to: target) }
  return core.jumpLegacy(i, to: target)
}

@inline(__always)
func jumpMemory<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.readableOperand(i, width) else {
    return jumpMemorySlow(width, state, UnsafeRawPointer(i.pointer))
  }
  let target = host.loadUnaligned(as: width).zeroExtended
  if W.bits == 64 { return core.jumpLong(i, to: target) }
  return core.jumpLegacy(i, to: target)
}

@inline(never)
private func jumpMemorySlow<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let target = core.load(i, width)?.zeroExtended else { return core.leave(i) }
  if W.bits == 64 { return core.jumpLong(i, to: target) }
  return core.jumpLegacy(i, to: target)
}

// MARK: Counted jumps

/// JCXZ, JECXZ, JRCXZ.
@inline(__always)
func jumpIfCountIsZero<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  if core.register(RegisterOffset.general(1), as: width) == 0 { return core.jump(i) }
  return core.fallThrough(i)
}

/// LOOP, LOOPE, LOOPNE: the count goes down only if the target is allowed.
@inline(__always)
func loop<C: Condition, W: OperandWidth>(
  _ condition: C.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let before = core.state.pointee.general[1]
  let count = core.register(RegisterOffset.general(1), as: width) &- 1
  core.setRegister(RegisterOffset.general(1), count)
  guard count != 0, C.holds(core.state.pointee.lazy) else { return core.fallThrough(i) }
  guard core.allowsTarget(i) else {
    core.state.pointee.general[1] = before
    return core.refuseTarget(i)
  }
  return core.jump(i)
}

extension Conditions {
  /// The condition of plain LOOP.
  enum Always: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { true }
  }
}

// MARK: Calls and returns

@inline(__always)
func callRelativeLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let target = core.state.pointee.blockRIP &+ i.pointer.pointee.immediate
  let top = core.state.pointee.general[4] &- 8
  guard core.allowsLongTarget(target),
    let host = core.state.pointee.writableHost(top, UInt64.self)
  else {
    return callRelativeLongSlow(state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(of: core.ripBehind(i), as: UInt64.self)
  core.state.pointee.general[4] = top
  return core.branch(i, to: target)
}

@inline(never)
private func callRelativeLongSlow(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let target = core.state.pointee.blockRIP &+ i.pointer.pointee.immediate
  guard core.allowsLongTarget(target) else { return core.refuseTarget(i) }
  guard core.pushLong(core.ripBehind(i)) else { return core.leave(i) }
  return core.branch(i, to: target)
}

@inline(__always)
func callRelativeLegacy<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let target = W(low: core.state.pointee.blockRIP &+ i.pointer.pointee.immediate).zeroExtended
  guard core.allowsLegacyTarget(target), let (host, top) = core.flatPushTarget(i, width) else {
    return callRelativeLegacySlow(width, state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(of: W(low: core.ripBehind(i)), as: width)
  core.state.pointee.general[4] = top
  return core.branch(i, to: target)
}

@inline(never)
private func callRelativeLegacySlow<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let target = W(low: core.state.pointee.blockRIP &+ i.pointer.pointee.immediate).zeroExtended
  guard core.allowsLegacyTarget(target) else { return core.refuseTarget(i) }
  guard core.state.pointee.push(W(low: core.ripBehind(i))) else { return core.leave(i) }
  return core.branch(i, to: target)
}

/// CALL in 64-bit mode to the same page.
@inline(__always)
func callWithinPage(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4] &- 8
  guard let host = core.state.pointee.writableHost(top, UInt64.self) else {
    return callWithinPageSlow(state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(of: core.ripBehind(i), as: UInt64.self)
  core.state.pointee.general[4] = top
  return core.follow(i)
}

@inline(never)
private func callWithinPageSlow(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.pushLong(core.ripBehind(i)) else { return core.leave(i) }
  return core.follow(i)
}

extension Core {
  /// CALL to an absolute target that is `W` wide.
  @inline(__always)
  func call<W: OperandWidth>(_ i: InstructionReference, to target: W) {
    let target = target.zeroExtended
    if W.bits == 64 {
      guard allowsLongTarget(target) else { return refuseTarget(i) }
      guard pushLong(ripBehind(i)) else { return leave(i) }
    } else {
      guard allowsLegacyTarget(target) else { return refuseTarget(i) }
      guard state.pointee.push(W(low: ripBehind(i))) else { return leave(i) }
    }
    return branch(i, to: target)
  }
}

@inline(__always)
func callRegister<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  return core.call(i, to: core.register(i.pointer.pointee.destination, as: width))
}

@inline(__always)
func callMemory<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let target = core.load(i, width) else { return core.leave(i) }
  return core.call(i, to: target)
}

/// RET with or without a number of bytes to release, in 64-bit mode.
@inline(__always)
func returnLong(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let top = core.state.pointee.general[4]
  guard let host = core.state.pointee.readableHost(top, UInt64.self) else {
    return returnLongSlow(state, UnsafeRawPointer(i.pointer))
  }
  let target = host.loadUnaligned(as: UInt64.self)
  guard core.allowsLongTarget(target) else { return core.refuseTarget(i) }
  core.state.pointee.general[4] = top &+ 8 &+ i.pointer.pointee.immediate
  return core.branch(i, to: target)
}

@inline(never)
private func returnLongSlow(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let stack = core.state.pointee.general[4]
  guard let target = core.state.pointee.read(stack, UInt64.self, stack: true) else {
    return core.leave(i)
  }
  guard core.allowsLongTarget(target) else { return core.refuseTarget(i) }
  core.state.pointee.general[4] = stack &+ 8 &+ i.pointer.pointee.immediate
  return core.branch(i, to: target)
}

/// RET with or without a number of bytes to release, outside 64-bit mode.
@inline(__always)
func returnLegacy<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let top = core.flatStackTop(i), let host = core.state.pointee.readableHost(top, width)
  else {
    return returnLegacySlow(width, state, UnsafeRawPointer(i.pointer))
  }
  let target = host.loadUnaligned(as: width).zeroExtended
  guard core.allowsLegacyTarget(target) else { return core.refuseTarget(i) }
  core.state.pointee.general[4] =
    (top &+ W.byteCount &+ i.pointer.pointee.immediate) & 0xffff_ffff
  return core.branch(i, to: target)
}

@inline(never)
private func returnLegacySlow<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  var pointer = core.state.pointee.stackPointer
  guard let target = core.state.pointee.pop(width, &pointer)?.zeroExtended else {
    return core.leave(i)
  }
  guard core.allowsLegacyTarget(target) else { return core.refuseTarget(i) }
  pointer.offset &+= i.pointer.pointee.immediate
  core.state.pointee.commit(pointer)
  return core.branch(i, to: target)
}
