// Pushing and popping.
//
// Source: Intel SDM, "Stacks".

/// Where the stack will be when an instruction that pushes or pops several values has done so.
///
/// RSP changes only when the processor commits it, so that a fault leaves it as it was.
struct StackPointer {
  /// Offset into the stack segment, within the stack-address size.
  var offset: UInt64
}

extension Processor {
  /// The stack pointer as it is now.
  @inline(__always) var stackPointer: StackPointer { StackPointer(offset: general[4] & stackMask) }

  /// Makes `pointer` RSP, ESP or SP, by the stack-address size.
  @inline(__always) mutating func commit(_ pointer: StackPointer) {
    if stackMask == 0xffff {
      general[4] = general[4] & ~0xffff | pointer.offset & 0xffff
    } else {
      general[4] = pointer.offset & stackMask
    }
  }

  /// Pushes a value and moves RSP; false if that faults, with nothing changed.
  @inline(__always) mutating func push<W: OperandWidth>(_ value: W) -> Bool {
    var pointer = stackPointer
    guard push(value, &pointer) else { return false }
    commit(pointer)
    return true
  }

  /// Pops a value and moves RSP; nil if that faults, with nothing changed.
  @inline(__always) mutating func pop<W: OperandWidth>(_ width: W.Type) -> W? {
    var pointer = stackPointer
    guard let value = pop(width, &pointer) else { return nil }
    commit(pointer)
    return value
  }

  /// Pushes a value without moving RSP; false if that faults.
  @inline(__always)
  mutating func push<W: OperandWidth>(_ value: W, _ pointer: inout StackPointer) -> Bool {
    let offset = (pointer.offset &- W.byteCount) & stackMask
    guard let linear = stackAddress(offset, byteCount: W.byteCount, .write),
      write(linear, value, stack: true)
    else { return false }
    pointer.offset = offset
    return true
  }

  /// Pops a value without moving RSP; nil if that faults.
  @inline(__always)
  mutating func pop<W: OperandWidth>(_ width: W.Type, _ pointer: inout StackPointer) -> W? {
    guard let linear = stackAddress(pointer.offset, byteCount: W.byteCount, .read),
      let value = read(linear, width, stack: true)
    else { return nil }
    pointer.offset = (pointer.offset &+ W.byteCount) & stackMask
    return value
  }

  /// Linear address of an offset into the stack segment; nil if its limit refuses it.
  @inline(__always)
  mutating func stackAddress(_ offset: UInt64, byteCount: UInt64, _ access: AccessKind) -> UInt64? {
    if mode == .long { return offset }
    if segments[2].isBigData {
      return (offset &+ effectiveBase[2]) & 0xffff_ffff
    }
    return checkedAddress(offset, segment: 2, byteCount: byteCount, access: access)
  }

  /// Pushes the low `byteCount` (2, 4 or 8) bytes of a value without moving RSP.
  mutating func push(_ value: UInt64, byteCount: UInt64, _ pointer: inout StackPointer) -> Bool {
    switch byteCount {
    case 2: push(UInt16(truncatingIfNeeded: value), &pointer)
    case 4: push(UInt32(truncatingIfNeeded: value), &pointer)
    default: push(value, &pointer)
    }
  }

  /// Pops `byteCount` (2, 4 or 8) bytes without moving RSP.
  mutating func pop(byteCount: UInt64, _ pointer: inout StackPointer) -> UInt64? {
    switch byteCount {
    case 2: pop(UInt16.self, &pointer).map { UInt64($0) }
    case 4: pop(UInt32.self, &pointer).map { UInt64($0) }
    default: pop(UInt64.self, &pointer)
    }
  }
}
