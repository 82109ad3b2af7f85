// The stacks that the task-state segment keeps for inner privilege levels.
//
// Source: Intel SDM, "Task-State Segment (TSS)" and "64-Bit TSS".
extension Processor {
  /// Whether TR holds a 16-bit TSS.
  @inline(__always) var hasTSS16: Bool { segments[7].access.type & 8 == 0 }

  /// SS and ESP of privilege level `level` in the TSS, unchecked; nil after recording a fault.
  mutating func innerStack(level: UInt8) -> (selector: UInt16, pointer: UInt64)? {
    let task = segments[7]
    let width: UInt64 = hasTSS16 ? 2 : 4
    let offset = UInt64(level) &* (width &* 2) &+ width
    guard !task.access.isUnusable, offset &+ width &+ 1 <= UInt64(task.limit) else {
      raise(.invalidTSS, selector: task.selector)
      return nil
    }
    let address = systemAddress(task.base &+ offset)
    guard
      let pointer = readSlow(
        address, byteCount: width, tag: systemTag, kind: .read, stack: false),
      let selector = readSystem(systemAddress(address &+ width), UInt16.self)
    else { return nil }
    return (selector, pointer)
  }

  /// The stack of privilege level `level` outside IA-32e mode, with the checks of a stack switch;
  /// nil after recording #TS, #SS or a fault of the accesses.
  ///
  /// Source: Intel SDM, "Stack Switching".
  mutating func switchedStack(level: UInt8) -> StackCursor? {
    guard let (selector, pointer) = innerStack(level: level) else { return nil }
    guard !selector.isNullSelector else {
      raise(.invalidTSS, errorCode: 0)
      return nil
    }
    guard let found = descriptor(selector, orRaise: .invalidTSS) else { return nil }
    guard selector.rpl == level, found.access.dpl == level, found.access.isWritableData else {
      raise(.invalidTSS, selector: selector)
      return nil
    }
    guard found.access.isPresent else {
      raise(.stackFault, selector: selector)
      return nil
    }
    guard let marked = markAccessed(found) else { return nil }
    return stack(
      marked.segment(selector), pointer, level: level, faultCode: UInt32(selector & 0xfffc))
  }

  /// RSP of privilege level `level` (`interruptStack` 0), or of an interrupt-stack-table entry (1 to
  /// 7), in a 64-bit TSS; nil after recording #TS, #SS or a fault of the access.
  mutating func longStackPointer(level: UInt8, interruptStack: UInt64) -> UInt64? {
    let task = segments[7]
    let offset = interruptStack == 0 ? 4 &+ UInt64(level) &* 8 : 28 &+ interruptStack &* 8
    guard !task.access.isUnusable, offset &+ 7 <= UInt64(task.limit) else {
      raise(.invalidTSS, selector: task.selector)
      return nil
    }
    guard let pointer = readSystem(task.base &+ offset, UInt64.self) else { return nil }
    guard isCanonical(pointer) else {
      raise(.stackFault, errorCode: 0)
      return nil
    }
    return pointer
  }
}
