import CCapstone

// Far RET and IRET.
//
// Source: Intel SDM, "RET—Return From Procedure" and "IRET/IRETD/IRETQ—Interrupt Return".
extension InstructionForm {
  static let farReturns: [InstructionForm] = [
    farReturn(X86_INS_RETF), farReturn(X86_INS_RETFQ),
    interruptReturn(X86_INS_IRET), interruptReturn(X86_INS_IRETD), interruptReturn(X86_INS_IRETQ),
  ]

  private static func farReturn(_ id: x86_insn) -> InstructionForm {
    InstructionForm(id, .farTransfer, .end) { decoded, builder in
      if case .immediate(let bytes)? = decoded.operands.first { builder.immediate = bytes & 0xffff }
      return { state, i in system(state, i) { cpu, i in cpu.farReturn(i) } }
    }
  }

  private static func interruptReturn(_ id: x86_insn) -> InstructionForm {
    InstructionForm(id, .interruptReturn, .end) { state, i in
      system(state, i) { cpu, i in cpu.interruptReturn(i) }
    }
  }
}

extension Processor {
  // MARK: What both check

  /// The code segment to return to, checked; nil after recording a fault.
  private mutating func returnTarget(_ selector: UInt16) -> Descriptor? {
    guard !selector.isNullSelector else {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    guard let found = descriptor(selector, orRaise: .generalProtection) else { return nil }
    let access = found.access
    let level = selector.rpl
    let isAllowed = access.isConforming ? access.dpl <= level : access.dpl == level
    guard access.isCode, isAllowed, level >= cpl, !(isIA32e && access.isLong && access.isBig) else {
      raise(.generalProtection, selector: selector)
      return nil
    }
    guard access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return nil
    }
    return found
  }

  /// SS to return to with code segment `target`; nil after recording a fault.
  private mutating func returnStackSegment(
    _ selector: UInt16, level: UInt8, with target: Descriptor
  ) -> Segment? {
    if selector.isNullSelector {
      // 64-bit code at levels 0 to 2 does without a stack segment.
      guard isIA32e, target.access.isLong, level != 3, selector.rpl == level else {
        raise(.generalProtection, errorCode: 0)
        return nil
      }
      var segment = nullStackSegment(level: level)
      segment.selector = selector
      return segment
    }
    return stackSegment(selector, level: level, orRaise: .generalProtection)
  }

  /// Commits a return: CS, and SS with RSP if they change.
  private mutating func commitReturn(
    _ target: Descriptor, _ selector: UInt16, _ offset: UInt64, _ stack: (Segment, UInt64)?
  ) {
    let level = selector.rpl
    let isOuter = level > cpl
    if let (segment, pointer) = stack {
      segments[2] = segment
      let isLong = isIA32e && target.access.isLong
      if isLong {
        general[4] = pointer
      } else if segment.access.isBig {
        general[4] = pointer & 0xffff_ffff
      } else {
        general[4] = general[4] & ~0xffff | pointer & 0xffff
      }
    }
    enterCode(target, selector, offset, level: level)
    if isOuter { dropInnerDataSegments() }
  }

  /// After a return to an outer level: data segments that the new CPL may not use become null.
  private mutating func dropInnerDataSegments() {
    var isChanged = false
    for index in 0..<6 where index != 1 && index != 2 {
      let access = segments[index].access
      guard !access.isUnusable, access.dpl < cpl, !access.isConforming else { continue }
      segments[index] = .null
      isChanged = true
    }
    if isChanged { updateBases() }
  }

  // MARK: RETF

  fileprivate mutating func farReturn(_ i: InstructionReference) {
    let byteCount = operandByteCount(i)
    let extra = i.pointer.pointee.immediate
    guard isProtected else { return realFarReturn(byteCount: byteCount, extra: extra) }
    let old = currentStack
    guard let offset = peek(0, byteCount: byteCount, old),
      let value = peek(byteCount, byteCount: byteCount, old)
    else { return }
    let selector = UInt16(truncatingIfNeeded: value)
    guard let target = returnTarget(selector) else { return }
    guard selector.rpl > cpl else {
      guard allowsTarget(offset, in: target), let marked = markAccessed(target),
        let shadow = leaveShadowStack(to: target, selector, offset, isInterruptReturn: false)
      else { return }
      commit(StackPointer(offset: (old.offset &+ byteCount &* 2 &+ extra) & stackMask))
      commit(shadow)
      return commitReturn(marked, selector, offset, nil)
    }
    guard let pointer = peek(byteCount &* 2 &+ extra, byteCount: byteCount, old),
      let stackValue = peek(byteCount &* 3 &+ extra, byteCount: byteCount, old),
      let segment = returnStackSegment(
        UInt16(truncatingIfNeeded: stackValue), level: selector.rpl, with: target),
      allowsTarget(offset, in: target), let marked = markAccessed(target),
      let shadow = leaveShadowStack(to: target, selector, offset, isInterruptReturn: false)
    else { return }
    commit(shadow)
    commitReturn(marked, selector, offset, (segment, pointer &+ extra))
  }

  private mutating func realFarReturn(byteCount: UInt64, extra: UInt64) {
    var pointer = stackPointer
    guard let offset = pop(byteCount: byteCount, &pointer),
      let selector = pop(byteCount: byteCount, &pointer)
    else { return }
    guard offset <= UInt64(segments[1].limit) else {
      return raise(.generalProtection, errorCode: 0)
    }
    pointer.offset = (pointer.offset &+ extra) & stackMask
    commit(pointer)
    loadRealCodeSegment(UInt16(truncatingIfNeeded: selector))
    nextRIP = offset
    updateMode()
  }

  // MARK: IRET

  fileprivate mutating func interruptReturn(_ i: InstructionReference) {
    unblockNMIs()
    let byteCount = operandByteCount(i)
    switch mode {
    case .real: realInterruptReturn(byteCount: byteCount)
    case .virtual8086: virtual8086InterruptReturn(byteCount: byteCount)
    default: protectedInterruptReturn(byteCount: byteCount)
    }
    if pending.kind == .none { interruptibility.isUnblockedByIRET = false }
  }

  private mutating func realInterruptReturn(byteCount: UInt64) {
    guard let (offset, selector, flags) = popRealFrame(byteCount: byteCount) else { return }
    let changed: RFLAGS =
      byteCount == 2 ? Self.wordFlags : RFLAGS(rawValue: 0x25_7fd5)
    finishRealReturn(offset, selector, flags, changed)
  }

  private mutating func virtual8086InterruptReturn(byteCount: UInt64) {
    guard iopl == 3 || (cr4.contains(.vme) && byteCount == 2) else {
      return raise(.generalProtection, errorCode: 0)
    }
    guard let (offset, selector, flags) = popRealFrame(byteCount: byteCount) else { return }
    if iopl == 3 {
      var changed = byteCount == 2 ? Self.wordFlags : RFLAGS(rawValue: 0x25_7fd5)
      changed.remove(.iopl)
      return finishRealReturn(offset, selector, flags, changed)
    }
    guard allowsVirtualFlags(flags) else { return }
    setVirtualInterruptFlag(flags & RFLAGS.if.rawValue != 0)
    finishRealReturn(offset, selector, flags, Self.wordFlags.subtracting([.iopl, .if]))
  }

  /// Reads IP, CS and FLAGS from the stack without committing; nil after a fault.
  private mutating func popRealFrame(
    byteCount: UInt64
  ) -> (offset: UInt64, selector: UInt16, flags: UInt64)? {
    var pointer = stackPointer
    guard let offset = pop(byteCount: byteCount, &pointer),
      let selector = pop(byteCount: byteCount, &pointer),
      let flags = pop(byteCount: byteCount, &pointer)
    else { return nil }
    guard offset <= UInt64(segments[1].limit) else {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    return (offset, UInt16(truncatingIfNeeded: selector), flags)
  }

  private mutating func finishRealReturn(
    _ offset: UInt64, _ selector: UInt16, _ flags: UInt64, _ changed: RFLAGS
  ) {
    let size: UInt64 = changed.contains(.rf) ? 4 : 2
    commit(StackPointer(offset: (stackPointer.offset &+ size &* 3) & stackMask))
    loadRealCodeSegment(selector)
    nextRIP = offset
    setRFLAGS(flags & changed.rawValue | rflags & ~changed.rawValue)
    updateMode()
  }

  private mutating func protectedInterruptReturn(byteCount: UInt64) {
    if systemFlags & RFLAGS.nt.rawValue != 0 {
      return isIA32e ? raise(.generalProtection, errorCode: 0) : returnToTask()
    }
    let old = currentStack
    guard let offset = peek(0, byteCount: byteCount, old),
      let value = peek(byteCount, byteCount: byteCount, old),
      let flags = peek(byteCount &* 2, byteCount: byteCount, old)
    else { return }
    let selector = UInt16(truncatingIfNeeded: value)
    if !isIA32e, byteCount == 4, flags & RFLAGS.vm.rawValue != 0, cpl == 0 {
      return returnToVirtual8086(selector, offset, flags, old)
    }
    guard let target = returnTarget(selector) else { return }
    let changed = changeableFlags(byteCount: byteCount)
    // In 64-bit mode SS and RSP are always popped.
    guard selector.rpl > cpl || mode == .long else {
      guard allowsTarget(offset, in: target), let marked = markAccessed(target),
        let shadow = leaveShadowStack(to: target, selector, offset, isInterruptReturn: true)
      else { return }
      commit(StackPointer(offset: (old.offset &+ byteCount &* 3) & stackMask))
      commit(shadow)
      commitReturn(marked, selector, offset, nil)
      return setRFLAGS(flags & changed.rawValue | systemFlags & ~changed.rawValue)
    }
    guard let pointer = peek(byteCount &* 3, byteCount: byteCount, old),
      let stackValue = peek(byteCount &* 4, byteCount: byteCount, old),
      let segment = returnStackSegment(
        UInt16(truncatingIfNeeded: stackValue), level: selector.rpl, with: target),
      allowsTarget(offset, in: target), let marked = markAccessed(target),
      let shadow = leaveShadowStack(to: target, selector, offset, isInterruptReturn: true)
    else { return }
    commit(shadow)
    commitReturn(marked, selector, offset, (segment, pointer))
    setRFLAGS(flags & changed.rawValue | systemFlags & ~changed.rawValue)
  }

  /// The flags that IRET in protected mode changes at the CPL that it starts with, the status flags
  /// among them.
  private func changeableFlags(byteCount: UInt64) -> RFLAGS {
    var flags: RFLAGS = [.status, .tf, .df, .nt]
    if byteCount > 2 { flags.formUnion([.rf, .ac, .id]) }
    if cpl <= iopl { flags.insert(.if) }
    if cpl == 0 {
      flags.insert(.iopl)
      if byteCount > 2 { flags.formUnion([.vif, .vip]) }
    }
    return flags
  }

  /// IRET with NT set: back to the task that the TSS links to.
  private mutating func returnToTask() {
    guard let link = readSystem(systemAddress(segments[7].base), UInt16.self) else { return }
    if switchTask(link, .iret, throughGate: false, returnRIP: nextRIP, flags: rflags) {
      nextRIP = rip
    }
  }

  private mutating func returnToVirtual8086(
    _ selector: UInt16, _ offset: UInt64, _ flags: UInt64, _ old: StackCursor
  ) {
    guard let pointer = peek(12, byteCount: 4, old) else { return }
    var selectors = InlineArray<6, UInt16>(repeating: 0)
    selectors[1] = selector
    // SS, ES, DS, FS and GS follow ESP.
    for position in 0..<5 {
      guard let value = peek(16 &+ UInt64(position) &* 4, byteCount: 4, old) else { return }
      let register = position == 0 ? 2 : position == 1 ? 0 : position &+ 1
      selectors[register] = UInt16(truncatingIfNeeded: value)
    }
    guard offset <= 0xffff else { return raise(.generalProtection, errorCode: 0) }
    guard let shadow = leaveShadowStackForVirtual8086() else { return }
    commit(shadow)
    for index in 0..<6 { loadVirtual8086Segment(index, selectors[index]) }
    general[4] = pointer & 0xffff_ffff
    nextRIP = offset
    cpl = 3
    setRFLAGS(flags)
    updateMode()
  }
}
