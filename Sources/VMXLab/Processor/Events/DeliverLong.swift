// Delivery through the IDT of IA-32e mode: 64-bit interrupt and trap gates.
//
// Source: Intel SDM, "Exception and Interrupt Handling in 64-bit Mode".
extension Processor {
  mutating func deliverLong(_ frame: EventFrame) -> Bool {
    let offset = UInt64(frame.event.vector) &* 16
    guard offset &+ 15 <= UInt64(idtr.limit) else {
      raiseGateFault(.generalProtection, frame)
      return false
    }
    let address = idtr.base &+ offset
    guard let low = readSystem(address, UInt64.self),
      let high = readSystem(address &+ 8, UInt64.self)
    else { return false }
    let gate = Descriptor(low: low, high: high & 0xffff_ffff)
    guard
      gate.systemType == SystemDescriptorType.interruptGate32
        || gate.systemType == SystemDescriptorType.trapGate32
    else {
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
    let selector = gate.gateSelector
    guard !selector.isNullSelector else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    guard let target = descriptor(selector, orRaise: .generalProtection) else { return false }
    let access = target.access
    guard access.isCode, access.dpl <= cpl, access.isLong, !access.isBig else {
      raise(.generalProtection, selector: selector)
      return false
    }
    guard access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return false
    }
    let level = access.isConforming ? cpl : access.dpl
    var pointer = general[4]
    if level < cpl || gate.interruptStack != 0 {
      guard let other = longStackPointer(level: level, interruptStack: gate.interruptStack) else {
        return false
      }
      pointer = other
    }
    var shadowPointer: UInt64?
    guard readInterruptSSP(gate.interruptStack, level: level, into: &shadowPointer) else {
      return false
    }
    var stack = longStack(pointer & ~0xf, level: level)
    guard isCanonical(gate.gateOffset) else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    guard push(UInt64(segments[2].selector), byteCount: 8, &stack),
      push(general[4], byteCount: 8, &stack),
      push(frame.flags, byteCount: 8, &stack),
      push(UInt64(segments[1].selector), byteCount: 8, &stack),
      push(frame.rip, byteCount: 8, &stack)
    else { return false }
    if frame.event.hasErrorCode {
      guard push(UInt64(frame.event.errorCode), byteCount: 8, &stack) else { return false }
    }
    guard let marked = markAccessed(target),
      let shadow = enterShadowStack(
        level: level, isLong: true, returnRIP: frame.rip, pointer: shadowPointer)
    else { return false }
    commit(shadow)
    commit(stack, stackSegment: level < cpl ? nullStackSegment(level: level) : segments[2])
    segments[1] = marked.segment(selector.withRPL(level))
    rip = gate.gateOffset
    cpl = level
    clearFlagsForHandler(isInterruptGate: gate.access.type & 1 == 0)
    return true
  }
}
