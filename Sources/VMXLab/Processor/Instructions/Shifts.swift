/// A shift or rotation: by a count that is masked but may be 0, which leaves the flags alone.
///
/// Flags that the manual leaves undefined follow Intel processors: AF is clear after a shift, and OF
/// is computed for any count as it is for a count of 1.
///
/// Source: Intel SDM, "SAL/SAR/SHL/SHR—Shift" and "RCL/RCR/ROL/ROR—Rotate".
protocol ShiftOperation {
  /// - Parameter count: 0 to 31, or to 63 for 64-bit operands.
  static func apply<W: OperandWidth>(_ a: W, _ count: UInt64, _ flags: inout LazyFlags) -> W
}

extension OperandWidth {
  /// Mask that the processor applies to a shift count.
  @inline(__always) static var shiftMask: UInt64 { Self.bits == 64 ? 63 : 31 }
  /// The most significant bit.
  @inline(__always) var topBit: Bool { isNegative }
  /// The bit below the most significant one.
  @inline(__always) var secondBit: Bool { self &>> Self(low: Self.bits &- 2) & 1 != 0 }
}

enum ShiftLeft: ShiftOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ a: W, _ count: UInt64, _ flags: inout LazyFlags) -> W {
    guard count != 0 else { return a }
    let wide = a.zeroExtended
    let result = W(low: wide &<< count)
    let cf =
      W.bits == 64 ? wide &>> (64 &- count) & 1 != 0 : (wide &<< count) &>> W.bits & 1 != 0
    flags.set(result, cf: cf, of: cf != result.topBit, af: false)
    return result
  }
}

enum ShiftRight: ShiftOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ a: W, _ count: UInt64, _ flags: inout LazyFlags) -> W {
    guard count != 0 else { return a }
    let wide = a.zeroExtended
    let result = W(low: wide &>> count)
    flags.set(
      result, cf: wide &>> (count &- 1) & 1 != 0, of: result.topBit != result.secondBit, af: false)
    return result
  }
}

enum ShiftArithmeticRight: ShiftOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ a: W, _ count: UInt64, _ flags: inout LazyFlags) -> W {
    guard count != 0 else { return a }
    let wide = Int64(bitPattern: a.signExtended)
    let result = W(low: UInt64(bitPattern: wide &>> Int64(bitPattern: count)))
    let cf = wide &>> Int64(bitPattern: count &- 1) & 1 != 0
    flags.set(result, cf: cf, of: false, af: false)
    return result
  }
}

enum RotateLeft: ShiftOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ a: W, _ count: UInt64, _ flags: inout LazyFlags) -> W {
    guard count != 0 else { return a }
    let count = W(low: count)
    let result = a &<< count | a &>> (0 &- count)
    let cf = result & 1 != 0
    flags.set(cf: cf, of: cf != result.topBit)
    return result
  }
}

enum RotateRight: ShiftOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ a: W, _ count: UInt64, _ flags: inout LazyFlags) -> W {
    guard count != 0 else { return a }
    let count = W(low: count)
    let result = a &>> count | a &<< (0 &- count)
    flags.set(cf: result.topBit, of: result.topBit != result.secondBit)
    return result
  }
}

/// RCL: rotates the operand with CF on top of it.
enum RotateLeftThroughCarry: ShiftOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ a: W, _ count: UInt64, _ flags: inout LazyFlags) -> W {
    let count = count % (W.bits &+ 1)
    guard count != 0 else { return a }
    let carry: W = flags.cf ? 1 : 0
    // Swift's own shifts give 0 where the distance reaches the width.
    let result = a << count | carry &<< W(low: count &- 1) | a >> (W.bits &+ 1 &- count)
    let cf = a >> (W.bits &- count) & 1 != 0
    flags.set(cf: cf, of: cf != result.topBit)
    return result
  }
}

/// RCR: rotates the operand with CF on top of it.
enum RotateRightThroughCarry: ShiftOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ a: W, _ count: UInt64, _ flags: inout LazyFlags) -> W {
    let count = count % (W.bits &+ 1)
    guard count != 0 else { return a }
    let carry: W = flags.cf ? 1 : 0
    let result = a >> count | carry << (W.bits &- count) | a << (W.bits &+ 1 &- count)
    let cf = a >> (count &- 1) & 1 != 0
    flags.set(cf: cf, of: result.topBit != result.secondBit)
    return result
  }
}

// MARK: Bodies

@inline(__always)
func shiftRI<O: ShiftOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  let count = i.pointer.pointee.immediate & W.shiftMask
  core.setRegister(i.pointer.pointee.destination, O.apply(a, count, &core.state.pointee.lazy))
  return core.next(i)
}

@inline(__always)
func shiftRC<O: ShiftOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  let count = core.state.pointee.general[1] & W.shiftMask
  core.setRegister(i.pointer.pointee.destination, O.apply(a, count, &core.state.pointee.lazy))
  return core.next(i)
}

@inline(__always)
func shiftMI<O: ShiftOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let count = i.pointer.pointee.immediate & W.shiftMask
  guard core.modify(i, width, { O.apply($0, count, &core.state.pointee.lazy) }) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func shiftMC<O: ShiftOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let count = core.state.pointee.general[1] & W.shiftMask
  guard core.modify(i, width, { O.apply($0, count, &core.state.pointee.lazy) }) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}
