// What far transfers and events do to shadow stacks.
//
// Everything is read, checked and written first; the shadow-stack pointers change at `commit`, when
// nothing can fault any more.
//
// Source: Intel SDM, "Shadow Stacks" (far transfers, stack switching, and supervisor shadow-stack
// tokens), and the pages of CALL, INT n, RET and IRET.

/// What a control transfer makes of the shadow-stack pointers.
struct ShadowStackChange {
  /// SSP.
  var pointer: UInt64
  /// IA32_PL3_SSP; nil: it stays.
  var userPointer: UInt64?
}

/// What a far CALL or an event leaves on the shadow stack.
struct ShadowStackFrame {
  var selector: UInt64
  /// The linear address of the instruction to return to.
  var linear: UInt64
  /// SSP before.
  var pointer: UInt64
}

/// The busy flag of a supervisor shadow-stack token.
let shadowStackBusy: UInt64 = 1

extension Processor {
  mutating func commit(_ change: ShadowStackChange) {
    cet.ssp = change.pointer
    if let pointer = change.userPointer { cet.levelSSP[3] = pointer }
  }

  /// What IA32_PL3_SSP becomes when level 3 is left: SSP, as a canonical address in IA-32e mode.
  var savedUserPointer: UInt64 {
    guard isIA32e else { return cet.ssp }
    let shift: UInt64 = 64 &- UInt64(model.capabilities.facts.linearAddressWidth)
    return UInt64(bitPattern: Int64(bitPattern: cet.ssp << shift) >> Int64(shift))
  }

  /// The frame for a return to `rip` in the current code segment.
  func shadowFrame(returnRIP: UInt64) -> ShadowStackFrame {
    ShadowStackFrame(
      selector: UInt64(segments[1].selector), linear: wrapLinear(effectiveBase[1] &+ returnRIP),
      pointer: cet.ssp)
  }

  /// Pushes a frame; false if that faults.
  mutating func push(_ frame: ShadowStackFrame, _ stack: inout ShadowStack) -> Bool {
    push(frame.selector, byteCount: 8, &stack)
      && push(frame.linear, byteCount: 8, &stack)
      && push(frame.pointer, byteCount: 8, &stack)
  }

  // MARK: Entering a procedure or handler

  /// The shadow-stack side of a far CALL, or of the delivery of an event, to privilege level `level`;
  /// nil after recording a fault.
  ///
  /// - Parameters:
  ///   - isLong: to 64-bit code.
  ///   - returnRIP: where the procedure returns to.
  ///   - pointer: the shadow stack that the interrupt SSP table gives, if it gives one.
  mutating func enterShadowStack(
    level: UInt8, isLong: Bool, returnRIP: UInt64, pointer: UInt64? = nil
  ) -> ShadowStackChange? {
    var change = ShadowStackChange(pointer: cet.ssp)
    guard cr4.contains(.cet) else { return change }
    if level < cpl, cpl == 3, cet.usesShadowStack { change.userPointer = savedUserPointer }
    guard usesShadowStack(atLevel: level), isProtected || level < cpl else { return change }
    let frame = shadowFrame(returnRIP: returnRIP)
    let newPointer = pointer ?? (level < cpl ? cet.levelSSP[Int(level & 3)] : nil)
    var stack = ShadowStack(pointer: cet.ssp, isUser: level == 3, isLong: isLong)
    if let newPointer {
      guard acquire(newPointer, &stack) else { return nil }
    } else {
      guard stack.reaches(cet.ssp) else {
        raise(.generalProtection, errorCode: 0)
        return nil
      }
    }
    if level == cpl {
      // Frames are 8-byte aligned; the hole that this may leave is zero.
      guard storeShadow(stack.address(0 &- 4), 0, byteCount: 4, stack) else { return nil }
      stack.pointer &= ~7
    }
    // The user's own shadow stack has kept what level 3 has pushed.
    if level == cpl || cpl != 3 {
      guard push(frame, &stack) else { return nil }
    }
    change.pointer = stack.pointer
    return change
  }

  /// Makes `pointer` that of `stack`, if there is a supervisor shadow-stack token that is not busy, and
  /// marks it busy; false after recording a fault.
  private mutating func acquire(_ pointer: UInt64, _ stack: inout ShadowStack) -> Bool {
    // The token and the frame behind it must lie in one aligned region of 32 bytes.
    let isInRegion = pointer & ~0x1f == (pointer &- 24) & ~0x1f
    guard pointer & 7 == 0, isInRegion, stack.reaches(pointer) else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    guard let wasFree = exchangeToken(pointer, pointer, for: pointer | shadowStackBusy, stack)
    else { return false }
    guard wasFree else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    stack.pointer = pointer
    return true
  }

  /// The shadow stack that the interrupt SSP table has for a gate with an interrupt stack, where
  /// shadow stacks are on at the handler's level; false after a fault of the access.
  mutating func readInterruptSSP(
    _ interruptStack: UInt64, level: UInt8, into pointer: inout UInt64?
  ) -> Bool {
    guard interruptStack != 0, usesShadowStack(atLevel: level) else { return true }
    pointer = readSystem(cet.interruptSSPTable &+ interruptStack &* 8, UInt64.self)
    return pointer != nil
  }

  // MARK: Returning

  /// The shadow-stack side of a far RET or IRET; nil after recording a fault.
  ///
  /// - Parameters:
  ///   - target: the code segment that is returned to, with `offset` in it.
  ///   - isInterruptReturn: IRET may leave the shadow stack that an event has switched to.
  mutating func leaveShadowStack(
    to target: Descriptor, _ selector: UInt16, _ offset: UInt64, isInterruptReturn: Bool
  ) -> ShadowStackChange? {
    var change = ShadowStackChange(pointer: cet.ssp)
    guard cr4.contains(.cet) else { return change }
    let level = selector.rpl
    let isOuter = level > cpl
    let isLong = isIA32e && target.access.isLong
    var stack = currentShadowStack
    if cet.usesShadowStack {
      guard stack.pointer & 7 == 0 else {
        raiseControlProtection(.farReturn)
        return nil
      }
      if !isOuter || level != 3 {
        let linear = isLong ? offset : (target.base &+ offset) & 0xffff_ffff
        guard let pointer = popFrame(selector, linear, &stack) else { return nil }
        guard isLong ? isCanonical(pointer) : pointer >> 32 == 0 else {
          raise(.generalProtection, errorCode: 0)
          return nil
        }
        change.pointer = pointer
      }
    }
    if level == 3, isOuter, usesShadowStack(atLevel: 3) {
      let pointer = cet.levelSSP[3]
      guard isLong ? isCanonical(pointer) : pointer >> 32 == 0 else {
        raise(.generalProtection, errorCode: 0)
        return nil
      }
      change.pointer = pointer
    }
    guard cet.usesShadowStack else { return change }
    // A return to the same level leaves its shadow stack only where an event has switched it.
    let isLeft = isOuter || (isInterruptReturn && isIA32e && change.pointer != stack.pointer)
    if isLeft, !release(stack) { return nil }
    return change
  }

  /// Pops the frame of a far CALL or event, which must be that of the return made; the SSP in it, or nil
  /// after recording a fault.
  private mutating func popFrame(
    _ selector: UInt16, _ linear: UInt64, _ stack: inout ShadowStack
  ) -> UInt64? {
    guard let frameSelector = loadShadow(stack.address(16), byteCount: 8, stack),
      let frameLinear = loadShadow(stack.address(8), byteCount: 8, stack),
      let pointer = loadShadow(stack.pointer, byteCount: 8, stack)
    else { return nil }
    guard frameSelector == UInt64(selector), frameLinear == linear, pointer & 3 == 0 else {
      raiseControlProtection(.farReturn)
      return nil
    }
    stack.move(by: 24)
    return pointer
  }

  /// Clears the busy flag of the token at the top of a shadow stack that is left, if there is one; false
  /// if that faults.
  mutating func release(_ stack: ShadowStack) -> Bool {
    exchangeToken(stack.pointer, stack.pointer | shadowStackBusy, for: stack.pointer, stack) != nil
  }

  /// The shadow-stack side of an IRET to virtual-8086 mode; nil after recording a fault.
  mutating func leaveShadowStackForVirtual8086() -> ShadowStackChange? {
    let change = ShadowStackChange(pointer: cet.ssp)
    guard cr4.contains(.cet) else { return change }
    // Neither shadow stacks nor tracking exist there.
    guard cet.userControl.isDisjoint(with: .shadowStack.union(.endbranch)) else {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    guard cet.usesShadowStack else { return change }
    guard cet.ssp & 7 == 0 else {
      raiseControlProtection(.farReturn)
      return nil
    }
    return release(currentShadowStack) ? change : nil
  }

  /// Whether SSP can be that of the code segment that a far JMP goes to; #GP(0) is recorded if not.
  mutating func allowsShadowStack(in target: Descriptor) -> Bool {
    let isLong = isIA32e && target.access.isLong
    guard cet.usesShadowStack, !isLong, cet.ssp >> 32 != 0 else { return true }
    raise(.generalProtection, errorCode: 0)
    return false
  }
}
