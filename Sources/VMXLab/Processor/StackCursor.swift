/// A stack that is not (yet) the processor's: the one that a gate, an event or a return switches to,
/// or the current one while its privilege level changes.
struct StackCursor {
  var segment: Segment
  var offset: UInt64
  /// Stack-address size: 16, 32 or 64 bits.
  var mask: UInt64
  /// Address space and access class of the privilege level that owns the stack.
  var tag: UInt64
  /// 64-bit stacks have no base or limit.
  var isLong: Bool
  /// Error code of #SS when the limit refuses an access.
  var faultCode: UInt32 = 0
}

extension Processor {
  /// The current stack.
  var currentStack: StackCursor {
    mutating get {
      StackCursor(
        segment: segments[2], offset: general[4] & stackMask, mask: stackMask, tag: dataTag,
        isLong: mode == .long)
    }
  }

  /// A stack in `segment` for privilege level `level`, outside 64-bit mode.
  mutating func stack(_ segment: Segment, _ offset: UInt64, level: UInt8, faultCode: UInt32)
    -> StackCursor
  {
    let mask: UInt64 = segment.access.isBig ? 0xffff_ffff : 0xffff
    return StackCursor(
      segment: segment, offset: offset & mask, mask: mask, tag: accessTag(level: level),
      isLong: false, faultCode: faultCode)
  }

  /// A 64-bit stack for privilege level `level`.
  mutating func longStack(_ offset: UInt64, level: UInt8) -> StackCursor {
    StackCursor(
      segment: segments[2], offset: offset, mask: ~0, tag: accessTag(level: level), isLong: true)
  }

  /// Pushes the low `byteCount` bytes of a value; false if that faults.
  @inline(__always)
  mutating func push(_ value: UInt64, byteCount: UInt64, _ stack: inout StackCursor) -> Bool {
    if stack.isLong {
      let offset = stack.offset &- byteCount
      if let host = writableHost(offset, byteCount: byteCount, tag: stack.tag) {
        host.store(value, byteCount: byteCount)
        stack.offset = offset
        return true
      }
    }
    return pushSlow(value, byteCount: byteCount, &stack)
  }

  @inline(never)
  private mutating func pushSlow(
    _ value: UInt64, byteCount: UInt64, _ stack: inout StackCursor
  ) -> Bool {
    let offset = (stack.offset &- byteCount) & stack.mask
    guard let linear = linearAddress(stack, offset, byteCount: byteCount, isWrite: true) else {
      return false
    }
    if let host = writableHost(linear, byteCount: byteCount, tag: stack.tag) {
      host.store(value, byteCount: byteCount)
    } else {
      guard writeSlow(linear, value, byteCount: byteCount, tag: stack.tag, stack: true) else {
        return false
      }
    }
    stack.offset = offset
    return true
  }

  /// Reads `byteCount` bytes `distance` bytes above the top of the stack; nil if that faults.
  @inline(__always)
  mutating func peek(
    _ distance: UInt64, byteCount: UInt64, _ stack: StackCursor
  ) -> UInt64? {
    if stack.isLong,
      let host = readableHost(stack.offset &+ distance, byteCount: byteCount, tag: stack.tag)
    {
      return host.load(byteCount: byteCount)
    }
    return peekSlow(distance, byteCount: byteCount, stack)
  }

  @inline(never)
  private mutating func peekSlow(
    _ distance: UInt64, byteCount: UInt64, _ stack: StackCursor
  ) -> UInt64? {
    let offset = (stack.offset &+ distance) & stack.mask
    guard let linear = linearAddress(stack, offset, byteCount: byteCount, isWrite: false) else {
      return nil
    }
    if let host = readableHost(linear, byteCount: byteCount, tag: stack.tag) {
      return host.load(byteCount: byteCount)
    }
    return readSlow(linear, byteCount: byteCount, tag: stack.tag, kind: .read, stack: true)
  }

  private mutating func linearAddress(
    _ stack: StackCursor, _ offset: UInt64, byteCount: UInt64, isWrite: Bool
  ) -> UInt64? {
    if stack.isLong {
      guard isCanonical(offset) else {
        raise(.stackFault, errorCode: stack.faultCode)
        return nil
      }
      return offset
    }
    let rights = stack.segment.access
    let isUsable = !rights.isUnusable && (!isProtected || !isWrite || rights.isWritableData)
    guard isUsable, stack.segment.contains(offset, byteCount: byteCount) else {
      raise(.stackFault, errorCode: stack.faultCode)
      return nil
    }
    return (stack.segment.base &+ offset) & 0xffff_ffff
  }

  /// Makes `stack` the stack: SS and RSP. The caller updates the mode.
  mutating func commit(_ stack: StackCursor, stackSegment: Segment) {
    segments[2] = stackSegment
    switch stack.mask {
    case 0xffff: general[4] = general[4] & ~0xffff | stack.offset & 0xffff
    default: general[4] = stack.offset & stack.mask
    }
  }

  /// SS after a switch to an inner level in IA-32e mode: null, with the new CPL as its RPL.
  func nullStackSegment(level: UInt8) -> Segment {
    Segment(
      selector: UInt16(level), base: 0, limit: 0,
      access: SegmentAccessRights(
        rawValue: SegmentAccessRights.unusable.rawValue | UInt32(level) << 5))
  }
}
