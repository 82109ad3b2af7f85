// BSF, BSR, TZCNT, LZCNT, POPCNT, BSWAP, MOVBE.
//
// Source: Intel SDM, the pages of these instructions. Flags that the manual leaves undefined are set
// as by a logical operation on the result.

/// A one-source operation on bits with a destination of its own.
protocol BitScanOperation {
  /// The result; nil if the destination stays as it is.
  static func apply<W: OperandWidth>(_ value: W, _ flags: inout LazyFlags) -> W?
}

/// BSF: a source of 0 sets ZF and leaves the destination alone.
enum BitScanForward: BitScanOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ flags: inout LazyFlags) -> W? {
    guard value != 0 else {
      flags.setLogic(value)
      return nil
    }
    let index = W(truncatingIfNeeded: value.trailingZeroBitCount)
    flags.setBitIndex(index)
    return index
  }
}

/// BSR: a source of 0 sets ZF and leaves the destination alone.
enum BitScanReverse: BitScanOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ flags: inout LazyFlags) -> W? {
    guard value != 0 else {
      flags.setLogic(value)
      return nil
    }
    let index = W(truncatingIfNeeded: W.bitWidth &- 1 &- value.leadingZeroBitCount)
    flags.setBitIndex(index)
    return index
  }
}

enum TrailingZeroCount: BitScanOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ flags: inout LazyFlags) -> W? {
    let result = W(truncatingIfNeeded: value.trailingZeroBitCount)
    flags.set(result, cf: value == 0, of: false, af: false)
    return result
  }
}

enum LeadingZeroCount: BitScanOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ flags: inout LazyFlags) -> W? {
    let result = W(truncatingIfNeeded: value.leadingZeroBitCount)
    flags.set(result, cf: value == 0, of: false, af: false)
    return result
  }
}

/// POPCNT: all flags but ZF are clear.
enum PopulationCount: BitScanOperation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ flags: inout LazyFlags) -> W? {
    flags.load(value == 0 ? RFLAGS.zf.rawValue : 0)
    return W(truncatingIfNeeded: value.nonzeroBitCount)
  }
}

extension LazyFlags {
  /// Sets PF from a bit index and clears all other flags, ZF for the index 0 too.
  @inline(__always) fileprivate mutating func setBitIndex<W: OperandWidth>(_ index: W) {
    result = index.zeroExtended | 0x100
    carriesIn = 0
    carry = 0
  }
}

// MARK: Bodies

@inline(__always)
func scanR<O: BitScanOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let value = core.register(i.pointer.pointee.source, as: width)
  if let result = O.apply(value, &core.state.pointee.lazy) {
    core.setRegister(i.pointer.pointee.destination, result)
  }
  return core.next(i)
}

@inline(__always)
func scanM<O: BitScanOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, width) else { return core.leave(i) }
  if let result = O.apply(value, &core.state.pointee.lazy) {
    core.setRegister(i.pointer.pointee.destination, result)
  }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func swapBytes<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  // The 16-bit form is undefined; processors clear the register.
  let value = core.register(i.pointer.pointee.destination, as: width)
  core.setRegister(i.pointer.pointee.destination, W.bits == 16 ? 0 : value.byteSwapped)
  return core.next(i)
}

/// MOVBE from memory.
@inline(__always)
func moveSwappedRM<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, width) else { return core.leave(i) }
  core.setRegister(i.pointer.pointee.destination, value.byteSwapped)
  return core.nextAfterSlowAccess(i)
}

/// MOVBE to memory.
@inline(__always)
func moveSwappedMR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let value = core.register(i.pointer.pointee.source, as: width)
  guard core.store(i, value.byteSwapped) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}
