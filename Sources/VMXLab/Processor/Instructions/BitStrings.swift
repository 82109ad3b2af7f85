// BT, BTS, BTR, BTC: one bit of a register, or of a bit string in memory.
//
// Source: Intel SDM, "BT—Bit Test". CF gets the bit; the flags that the manual leaves undefined are
// left alone, as Intel processors leave them.

/// What is done with a bit after it was tested.
protocol BitOperation {
  static var writes: Bool { get }
  /// - Parameter bit: the one bit, in its place.
  static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W
}

enum BitTest: BitOperation {
  @inline(__always) static var writes: Bool { false }
  @inline(__always) static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W { value }
}

enum BitSet: BitOperation {
  @inline(__always) static var writes: Bool { true }
  @inline(__always) static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W { value | bit }
}

enum BitReset: BitOperation {
  @inline(__always) static var writes: Bool { true }
  @inline(__always) static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W { value & ~bit }
}

enum BitComplement: BitOperation {
  @inline(__always) static var writes: Bool { true }
  @inline(__always) static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W { value ^ bit }
}

extension Core {
  @inline(__always)
  func testBitOfRegister<O: BitOperation, W: OperandWidth>(
    _ operation: O.Type, _ i: InstructionReference, number: W
  ) {
    let value = register(i.pointer.pointee.destination, as: W.self)
    let bit = (1 as W) &<< number
    // Even a 32-bit BT leaves its operand, and so the upper half, as it is.
    if O.writes { setRegister(i.pointer.pointee.destination, O.apply(value, bit)) }
    state.pointee.lazy.setCF(value & bit != 0)
  }

  /// Tests bit `number` of the word at `linear`; false if that faults.
  @inline(__always)
  func testBitOfMemory<O: BitOperation, W: OperandWidth>(
    _ operation: O.Type, _ i: InstructionReference, linear: UInt64, number: W
  ) -> Bool {
    let isStack = i.pointer.pointee.segment == 2
    let bit = (1 as W) &<< number
    if !O.writes {
      guard let value = state.pointee.read(linear, W.self, stack: isStack) else { return false }
      state.pointee.lazy.setCF(value & bit != 0)
      return true
    }
    return modify(linear, W.self, stack: isStack) { value in
      state.pointee.lazy.setCF(value & bit != 0)
      return O.apply(value, bit)
    }
  }
}

@inline(__always)
func bitRR<O: BitOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  core.testBitOfRegister(operation, i, number: core.register(i.pointer.pointee.source, as: width))
  return core.next(i)
}

@inline(__always)
func bitRI<O: BitOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  core.testBitOfRegister(operation, i, number: W(low: i.pointer.pointee.immediate))
  return core.next(i)
}

@inline(__always)
func bitMI<O: BitOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let linear = core.linearAddress(i, width, O.writes ? .write : .read),
    core.testBitOfMemory(
      operation, i, linear: linear, number: W(low: i.pointer.pointee.immediate))
  else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

/// Bytes from the start of a bit string to the word that has bit `number`.
@inline(__always) func bitStringDistance<W: OperandWidth>(_ number: W) -> UInt64 {
  let words = Int64(bitPattern: number.signExtended) >> Int64(W.bits.trailingZeroBitCount)
  return UInt64(bitPattern: words) &* W.byteCount
}

/// A bit number in a register counts, signed, from the memory operand on.
@inline(__always)
func bitMR<O: BitOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let number = core.register(i.pointer.pointee.source, as: width)
  let distance = bitStringDistance(number)
  guard let linear = core.linearAddress(i, width, O.writes ? .write : .read, distance: distance),
    core.testBitOfMemory(operation, i, linear: linear, number: number)
  else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}
