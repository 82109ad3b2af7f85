import CCapstone

// Far JMP and CALL: direct, through memory, through call gates, and to other tasks.
//
// Source: Intel SDM, "JMP—Jump", "CALL—Call Procedure" and "Privilege Level Checking When
// Transferring Program Control Between Code Segments".
extension InstructionForm {
  static let farTransfers: [InstructionForm] = [
    InstructionForm(X86_INS_LJMP, .farTransfer, .end) { decoded, builder in
      if farPointerOperand(decoded, &builder) {
        return { state, i in
          system(state, i) { cpu, i in
            let pointer = i.pointer.pointee.immediate
            cpu.farJump(UInt16(truncatingIfNeeded: pointer >> 32), pointer & 0xffff_ffff, i)
          }
        }
      }
      return { state, i in
        system(state, i) { cpu, i in
          guard let (selector, offset) = cpu.readFarPointer(i) else { return }
          cpu.farJump(selector, offset, i)
        }
      }
    },
    InstructionForm(X86_INS_LCALL, .farTransfer, .end) { decoded, builder in
      if farPointerOperand(decoded, &builder) {
        return { state, i in
          system(state, i) { cpu, i in
            let pointer = i.pointer.pointee.immediate
            cpu.farCall(UInt16(truncatingIfNeeded: pointer >> 32), pointer & 0xffff_ffff, i)
          }
        }
      }
      return { state, i in
        system(state, i) { cpu, i in
          guard let (selector, offset) = cpu.readFarPointer(i) else { return }
          cpu.farCall(selector, offset, i)
        }
      }
    },
  ]

  /// Puts a pointer in the instruction where handlers find it: the offset below the selector in
  /// `immediate`. Returns false, with the memory operand set, if the pointer is in memory.
  private static func farPointerOperand(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Bool {
    guard decoded.operands.count == 2, case .immediate(let selector) = decoded.operands[0],
      case .immediate(let offset) = decoded.operands[1]
    else {
      builder.memory = decoded.memory
      return false
    }
    let mask: UInt64 = decoded.operandBytes == 2 ? 0xffff : 0xffff_ffff
    builder.immediate = (selector & 0xffff) << 32 | offset & mask
    return true
  }
}

extension Processor {
  // MARK: Where to

  /// A far target outside protected mode; nil after #GP(0) if the offset is beyond CS's limit.
  fileprivate mutating func allowsRealTarget(_ offset: UInt64) -> Bool {
    guard offset <= UInt64(segments[1].limit) else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    return true
  }

  /// Loads CS in real-address or virtual-8086 mode.
  mutating func loadRealCodeSegment(_ selector: UInt16) {
    if mode == .virtual8086 {
      loadVirtual8086Segment(1, selector)
    } else {
      loadRealSegment(1, selector)
    }
  }

  /// Whether the code segment `target` may be continued in at `offset`; if not, #GP(0) is recorded.
  mutating func allowsTarget(_ offset: UInt64, in target: Descriptor) -> Bool {
    let isLong = isIA32e && target.access.isLong
    guard isLong ? isCanonical(offset) : offset <= UInt64(target.limit) else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    return true
  }

  /// The code segment of a direct far JMP or CALL, checked; nil after recording a fault.
  private mutating func directTarget(
    _ found: Descriptor, _ selector: UInt16
  ) -> Descriptor? {
    let access = found.access
    let isAllowed =
      access.isConforming ? access.dpl <= cpl : access.dpl == cpl && selector.rpl <= cpl
    guard isAllowed, !(isIA32e && access.isLong && access.isBig) else {
      raise(.generalProtection, selector: selector)
      return nil
    }
    guard access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return nil
    }
    return found
  }

  /// The gate or TSS of a far JMP or CALL: its DPL and presence, checked; false after a fault.
  private mutating func allowsGate(_ gate: Descriptor, _ selector: UInt16) -> Bool {
    guard gate.access.dpl >= cpl, gate.access.dpl >= selector.rpl else {
      raise(.generalProtection, selector: selector)
      return false
    }
    guard gate.access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return false
    }
    return true
  }

  /// The code segment that a call gate names, checked; nil after recording a fault.
  private mutating func gateTarget(_ gate: Descriptor, isCall: Bool) -> Descriptor? {
    let selector = gate.gateSelector
    guard !selector.isNullSelector else {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    guard let found = descriptor(selector, orRaise: .generalProtection) else { return nil }
    let access = found.access
    // Only CALL goes to an inner level.
    let isAllowed = isCall || access.isConforming ? access.dpl <= cpl : access.dpl == cpl
    guard access.isCode, isAllowed, !isIA32e || (access.isLong && !access.isBig) else {
      raise(.generalProtection, selector: selector)
      return nil
    }
    guard access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return nil
    }
    return found
  }

  /// What a far JMP or CALL in protected mode goes through; nil after recording a fault, or after
  /// the task switch that it turned out to be.
  private mutating func farDestination(
    _ selector: UInt16, _ source: TaskSwitchSource
  ) -> (found: Descriptor, isGate: Bool)? {
    guard !selector.isNullSelector else {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    guard let found = descriptor(selector, orRaise: .generalProtection) else { return nil }
    if found.access.isCode {
      return directTarget(found, selector).map { ($0, false) }
    }
    switch found.systemType {
    case SystemDescriptorType.callGate32 where isIA32e:
      guard allowsGate(found, selector) else { return nil }
      return completed(found, selector, orRaise: .generalProtection).map { ($0, true) }
    case SystemDescriptorType.callGate16 where !isIA32e,
      SystemDescriptorType.callGate32 where !isIA32e:
      return allowsGate(found, selector) ? (found, true) : nil
    case SystemDescriptorType.taskGate where !isIA32e:
      guard allowsGate(found, selector) else { return nil }
      switchTask(found.gateSelector, source, throughGate: true)
    case SystemDescriptorType.availableTSS16 where !isIA32e,
      SystemDescriptorType.availableTSS32 where !isIA32e:
      switchTask(selector, source, throughGate: false)
    default: raise(.generalProtection, selector: selector)
    }
    return nil
  }

  private mutating func switchTask(
    _ selector: UInt16, _ source: TaskSwitchSource, throughGate: Bool
  ) {
    if switchTask(
      selector, source, throughGate: throughGate, returnRIP: nextRIP, flags: rflags)
    {
      nextRIP = rip
    }
  }

  /// Continues at `offset` in the code segment `target`, whose selector gets the CPL as its RPL.
  mutating func enterCode(_ target: Descriptor, _ selector: UInt16, _ offset: UInt64, level: UInt8)
  {
    segments[1] = target.segment(selector.withRPL(level))
    cpl = level
    nextRIP = offset
    updateModeAfterTransfer()
  }

  // MARK: JMP

  fileprivate mutating func farJump(
    _ selector: UInt16, _ offset: UInt64, _ i: InstructionReference
  ) {
    guard isProtected else {
      guard allowsRealTarget(offset) else { return }
      loadRealCodeSegment(selector)
      nextRIP = offset
      return updateMode()
    }
    guard let (found, isGate) = farDestination(selector, .jump) else { return }
    guard isGate else {
      guard allowsTarget(offset, in: found), allowsShadowStack(in: found),
        let marked = markAccessed(found)
      else { return }
      enterCode(marked, selector, offset, level: cpl)
      return trackFarTransfer()
    }
    guard let target = gateTarget(found, isCall: false) else { return }
    let entry = entryOffset(found)
    guard allowsTarget(entry, in: target), let marked = markAccessed(target) else { return }
    enterCode(marked, found.gateSelector, entry, level: cpl)
    trackFarTransfer()
  }

  /// The offset that a call gate holds.
  private func entryOffset(_ gate: Descriptor) -> UInt64 {
    gate.access.type & 8 != 0 ? gate.gateOffset : gate.gateOffset & 0xffff
  }

  // MARK: CALL

  fileprivate mutating func farCall(
    _ selector: UInt16, _ offset: UInt64, _ i: InstructionReference
  ) {
    let byteCount = operandByteCount(i)
    guard isProtected else {
      var pointer = stackPointer
      guard push(UInt64(segments[1].selector), byteCount: byteCount, &pointer),
        push(nextRIP, byteCount: byteCount, &pointer), allowsRealTarget(offset)
      else { return }
      commit(pointer)
      loadRealCodeSegment(selector)
      nextRIP = offset
      return updateMode()
    }
    guard let (found, isGate) = farDestination(selector, .call) else { return }
    if isGate { return callGate(found) }
    var pointer = stackPointer
    guard push(UInt64(segments[1].selector), byteCount: byteCount, &pointer),
      push(nextRIP, byteCount: byteCount, &pointer), allowsTarget(offset, in: found),
      let marked = markAccessed(found),
      let shadow = enterShadowStack(
        level: cpl, isLong: isIA32e && found.access.isLong, returnRIP: nextRIP)
    else { return }
    commit(pointer)
    commit(shadow)
    enterCode(marked, selector, offset, level: cpl)
    trackFarTransfer()
  }

  /// CALL through a call gate of 16, 32 or (in IA-32e mode) 64 bits.
  private mutating func callGate(_ gate: Descriptor) {
    guard let target = gateTarget(gate, isCall: true) else { return }
    let byteCount: UInt64 = isIA32e ? 8 : gate.access.type & 8 != 0 ? 4 : 2
    let entry = entryOffset(gate)
    let isInner = !target.access.isConforming && target.access.dpl < cpl
    let level = isInner ? target.access.dpl : cpl
    var stack = currentStack
    if isIA32e {
      // The target is 64-bit code, whose stack has neither base nor limit.
      stack = longStack(general[4], level: cpl)
    }
    if isInner {
      guard let inner = innerStack(gate, byteCount: byteCount, level: level) else { return }
      stack = inner
    }
    guard push(UInt64(segments[1].selector), byteCount: byteCount, &stack),
      push(nextRIP, byteCount: byteCount, &stack), allowsTarget(entry, in: target),
      let marked = markAccessed(target),
      let shadow = enterShadowStack(level: level, isLong: isIA32e, returnRIP: nextRIP)
    else { return }
    let stackSegment =
      isInner && isIA32e
      ? nullStackSegment(level: level) : isInner ? stack.segment : segments[2]
    commit(stack, stackSegment: stackSegment)
    commit(shadow)
    enterCode(marked, gate.gateSelector, entry, level: level)
    trackFarTransfer()
  }

  /// The stack of an inner level with the old stack's address and the parameters on it.
  private mutating func innerStack(
    _ gate: Descriptor, byteCount: UInt64, level: UInt8
  ) -> StackCursor? {
    var stack: StackCursor
    if isIA32e {
      guard let pointer = longStackPointer(level: level, interruptStack: 0) else { return nil }
      stack = longStack(pointer, level: level)
    } else {
      guard let inner = switchedStack(level: level) else { return nil }
      stack = inner
    }
    guard push(UInt64(segments[2].selector), byteCount: byteCount, &stack),
      push(general[4], byteCount: byteCount, &stack)
    else { return nil }
    if isIA32e { return stack }
    let old = currentStack
    var count = gate.parameterCount
    while count > 0 {
      count &-= 1
      guard
        let parameter = peek(UInt64(count) &* byteCount, byteCount: byteCount, old),
        push(parameter, byteCount: byteCount, &stack)
      else { return nil }
    }
    return stack
  }
}
