// Delivery through the IDT of protected mode: interrupt, trap and task gates.
//
// Source: Intel SDM, "Exception and Interrupt Handling", "Task Gates" and the INT n instruction's
// page.
extension Processor {
  mutating func deliverProtected(_ frame: EventFrame) -> Bool {
    let offset = UInt64(frame.event.vector) &* 8
    guard offset &+ 7 <= UInt64(idtr.limit) else {
      raiseGateFault(.generalProtection, frame)
      return false
    }
    guard let low = readSystem(systemAddress(idtr.base &+ offset), UInt64.self) else {
      return false
    }
    let gate = Descriptor(low: low)
    switch gate.systemType {
    case SystemDescriptorType.taskGate, SystemDescriptorType.interruptGate16,
      SystemDescriptorType.trapGate16, SystemDescriptorType.interruptGate32,
      SystemDescriptorType.trapGate32:
      break
    default:
      raiseGateFault(.generalProtection, frame)
      return false
    }
    if frame.checksGateDPL, gate.access.dpl < cpl {
      raiseGateFault(.generalProtection, frame)
      return false
    }
    guard gate.access.isPresent else {
      raiseGateFault(.segmentNotPresent, frame)
      return false
    }
    if gate.systemType == SystemDescriptorType.taskGate { return deliver(frame, taskGate: gate) }
    return deliver(frame, gate: gate)
  }

  /// A task gate: switches tasks, and pushes the error code on the new task's stack.
  private mutating func deliver(_ frame: EventFrame, taskGate gate: Descriptor) -> Bool {
    guard
      switchTask(
        gate.gateSelector, .gate, throughGate: true, returnRIP: frame.rip, flags: frame.flags)
    else { return false }
    guard frame.event.hasErrorCode else { return true }
    let byteCount: UInt64 = hasTSS16 ? 2 : 4
    var stack = currentStack
    guard push(UInt64(frame.event.errorCode), byteCount: byteCount, &stack) else { return false }
    commit(stack, stackSegment: stack.segment)
    let limit = segments[1].limit
    guard rip <= UInt64(limit) else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    return true
  }

  /// An interrupt or trap gate.
  private mutating func deliver(_ frame: EventFrame, gate: Descriptor) -> Bool {
    let selector = gate.gateSelector
    guard !selector.isNullSelector else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    guard let target = descriptor(selector, orRaise: .generalProtection) else { return false }
    guard target.access.isCode, target.access.dpl <= cpl else {
      raise(.generalProtection, selector: selector)
      return false
    }
    guard target.access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return false
    }
    let isVirtual = mode == .virtual8086
    let level = target.access.isConforming ? cpl : target.access.dpl
    // From virtual-8086 mode only to level 0.
    if isVirtual, level != 0 {
      raise(.generalProtection, selector: selector)
      return false
    }
    let byteCount: UInt64 = gate.access.type & 8 != 0 ? 4 : 2
    var stack = currentStack
    let isInner = level < cpl
    if isInner {
      guard let inner = switchedStack(level: level) else { return false }
      stack = inner
    }
    let entry = byteCount == 4 ? gate.gateOffset : gate.gateOffset & 0xffff
    guard entry <= UInt64(target.limit) else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    if isVirtual {
      guard push(UInt64(segments[5].selector), byteCount: byteCount, &stack),
        push(UInt64(segments[4].selector), byteCount: byteCount, &stack),
        push(UInt64(segments[3].selector), byteCount: byteCount, &stack),
        push(UInt64(segments[0].selector), byteCount: byteCount, &stack)
      else { return false }
    }
    if isInner {
      guard push(UInt64(segments[2].selector), byteCount: byteCount, &stack),
        push(general[4], byteCount: byteCount, &stack)
      else { return false }
    }
    guard push(frame.flags, byteCount: byteCount, &stack),
      push(UInt64(segments[1].selector), byteCount: byteCount, &stack),
      push(frame.rip, byteCount: byteCount, &stack)
    else { return false }
    if frame.event.hasErrorCode {
      guard push(UInt64(frame.event.errorCode), byteCount: byteCount, &stack) else { return false }
    }
    guard let marked = markAccessed(target),
      let shadow = enterShadowStack(level: level, isLong: false, returnRIP: frame.rip)
    else { return false }
    commit(shadow)
    commit(stack, stackSegment: stack.segment)
    segments[1] = marked.segment(selector.withRPL(level))
    rip = entry
    cpl = level
    if isVirtual {
      segments[0] = .null
      segments[3] = .null
      segments[4] = .null
      segments[5] = .null
    }
    clearFlagsForHandler(isInterruptGate: gate.access.type & 1 == 0)
    return true
  }
}
