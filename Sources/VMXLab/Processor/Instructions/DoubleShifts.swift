/// A shift that fills the operand from a second one.
///
/// A 16-bit operand and a count above 16 are undefined; as Intel processors since the P6 do, the
/// first operand follows the second.
///
/// Source: Intel SDM, "SHLD—Double Precision Shift Left" and "SHRD—Double Precision Shift Right".
protocol DoubleShiftOperation {
  /// - Parameter count: 0 to 31, or to 63 for 64-bit operands.
  static func apply<W: OperandWidth>(
    _ a: W, _ fill: W, _ count: UInt64, _ flags: inout LazyFlags
  ) -> W
}

enum DoubleShiftLeft: DoubleShiftOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(
    _ a: W, _ fill: W, _ count: UInt64, _ flags: inout LazyFlags
  ) -> W {
    guard count != 0 else { return a }
    let result: W
    let cf: Bool
    if W.bits == 16 {
      let wide = a.zeroExtended &<< 32 | fill.zeroExtended &<< 16 | a.zeroExtended
      result = W(low: wide &>> (32 &- count))
      cf = wide &>> (48 &- count) & 1 != 0
    } else {
      result = a &<< W(low: count) | fill &>> W(low: W.bits &- count)
      cf = a &>> W(low: W.bits &- count) & 1 != 0
    }
    flags.set(result, cf: cf, of: cf != result.topBit, af: false)
    return result
  }
}

enum DoubleShiftRight: DoubleShiftOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(
    _ a: W, _ fill: W, _ count: UInt64, _ flags: inout LazyFlags
  ) -> W {
    guard count != 0 else { return a }
    let result: W
    let cf: Bool
    if W.bits == 16 {
      let wide = a.zeroExtended &<< 32 | fill.zeroExtended &<< 16 | a.zeroExtended
      result = W(low: wide &>> count)
      cf = wide &>> (count &- 1) & 1 != 0
    } else {
      result = a &>> W(low: count) | fill &<< W(low: W.bits &- count)
      cf = a &>> W(low: count &- 1) & 1 != 0
    }
    flags.set(result, cf: cf, of: result.topBit != result.secondBit, af: false)
    return result
  }
}

// MARK: Bodies: the second operand is the source register, the count an immediate or CL.

@inline(__always)
func doubleShiftR<O: DoubleShiftOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, byCL: Bool, _ state: UnsafeMutableRawPointer,
  _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let count = (byCL ? core.state.pointee.general[1] : i.pointer.pointee.immediate) & W.shiftMask
  let a = core.register(i.pointer.pointee.destination, as: width)
  let fill = core.register(i.pointer.pointee.source, as: width)
  core.setRegister(
    i.pointer.pointee.destination, O.apply(a, fill, count, &core.state.pointee.lazy))
  return core.next(i)
}

@inline(__always)
func doubleShiftM<O: DoubleShiftOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, byCL: Bool, _ state: UnsafeMutableRawPointer,
  _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let count = (byCL ? core.state.pointee.general[1] : i.pointer.pointee.immediate) & W.shiftMask
  let fill = core.register(i.pointer.pointee.source, as: width)
  guard core.modify(i, width, { O.apply($0, fill, count, &core.state.pointee.lazy) }) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}
