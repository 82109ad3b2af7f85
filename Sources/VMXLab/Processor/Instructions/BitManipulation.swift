import CCapstone

// BMI1, BMI2, ADX and CRC32. The first three have a destination of their own and up to two sources:
// the ModRM operand, and the register in VEX.vvvv (or an immediate).
//
// Source: Intel SDM, the pages of these instructions. Flags that the manual leaves undefined are set
// as by a logical operation on the result.

/// An operation on the ModRM operand and another source.
protocol BitManipulation {
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W
}

enum AndNot: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    let result = ~other & value
    flags.setLogic(result)
    return result
  }
}

/// BLSI.
enum ExtractLowestBit: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    let result = (0 &- value) & value
    flags.set(result, cf: value != 0, of: false, af: false)
    return result
  }
}

/// BLSMSK.
enum MaskToLowestBit: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    let result = (value &- 1) ^ value
    flags.set(result, cf: value == 0, of: false, af: false)
    return result
  }
}

/// BLSR.
enum ResetLowestBit: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    let result = (value &- 1) & value
    flags.set(result, cf: value == 0, of: false, af: false)
    return result
  }
}

/// BEXTR: bits 7:0 of the other source say where, bits 15:8 how many.
enum ExtractBits: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    let start = other.zeroExtended & 0xff
    let count = other.zeroExtended >> 8 & 0xff
    var result: W = start >= W.bits ? 0 : value &>> W(truncatingIfNeeded: start)
    if count < W.bits { result &= (1 &<< W(truncatingIfNeeded: count)) &- 1 }
    flags.setLogic(result)
    return result
  }
}

/// BZHI.
enum ZeroHighBits: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    let count = other.zeroExtended & 0xff
    let result =
      count < W.bits ? value & ((1 &<< W(truncatingIfNeeded: count)) &- 1) : value
    flags.set(result, cf: count >= W.bits, of: false, af: false)
    return result
  }
}

/// PDEP.
enum DepositBits: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    var mask = value
    var source = other
    var result: W = 0
    while mask != 0 {
      if source & 1 != 0 { result |= mask & (0 &- mask) }
      source >>= 1
      mask &= mask &- 1
    }
    return result
  }
}

/// PEXT.
enum GatherBits: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    var mask = value
    var result: W = 0
    var bit: W = 1
    while mask != 0 {
      if other & mask & (0 &- mask) != 0 { result |= bit }
      bit &<<= 1
      mask &= mask &- 1
    }
    return result
  }
}

enum RotateRightWithoutFlags: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    value &>> other | value &<< (0 &- other)
  }
}

enum ShiftLeftWithoutFlags: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    value &<< other
  }
}

enum ShiftRightWithoutFlags: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    value &>> other
  }
}

enum ShiftRightSignedWithoutFlags: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    W(truncatingIfNeeded: value.signed &>> W.Signed(truncatingIfNeeded: other))
  }
}

/// ADCX: the destination plus the operand plus CF; no other flag changes.
enum AddWithCarryFlag: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    let first = other.addingReportingOverflow(value)
    let second = first.partialValue.addingReportingOverflow(flags.cf ? 1 : 0)
    flags.setCF(first.overflow || second.overflow)
    return second.partialValue
  }
}

/// ADOX: the same with OF.
enum AddWithOverflowFlag: BitManipulation {
  @inline(__always)
  static func apply<W: OperandWidth>(_ value: W, _ other: W, _ flags: inout LazyFlags) -> W {
    let first = other.addingReportingOverflow(value)
    let second = first.partialValue.addingReportingOverflow(flags.of ? 1 : 0)
    flags.set(cf: flags.cf, of: first.overflow || second.overflow)
    return second.partialValue
  }
}

// MARK: Bodies. `destination` is the destination, `source` the other source, `base` the ModRM
// register, each as an offset.

extension Core {
  /// Instructions with a VEX prefix do not exist in real-address and virtual-8086 mode.
  @inline(__always) fileprivate func allowsVEX(_ i: InstructionReference) -> Bool {
    if i.pointer.pointee.mode.contains(.long) || state.pointee.isProtected { return true }
    state.pointee.raise(.invalidOpcode)
    return false
  }
}

@inline(__always)
func manipulateR<O: BitManipulation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, vex isVEX: Bool, _ state: UnsafeMutableRawPointer,
  _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  if isVEX, !core.allowsVEX(i) { return core.leave(i) }
  let result = O.apply(
    core.register(i.pointer.pointee.base, as: width),
    core.register(i.pointer.pointee.source, as: width), &core.state.pointee.lazy)
  core.setRegister(i.pointer.pointee.destination, result)
  return core.next(i)
}

@inline(__always)
func manipulateM<O: BitManipulation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, vex isVEX: Bool, _ state: UnsafeMutableRawPointer,
  _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  if isVEX, !core.allowsVEX(i) { return core.leave(i) }
  guard let value = core.load(i, width) else { return core.leave(i) }
  let result = O.apply(
    value, core.register(i.pointer.pointee.source, as: width), &core.state.pointee.lazy)
  core.setRegister(i.pointer.pointee.destination, result)
  return core.nextAfterSlowAccess(i)
}

/// RORX: the count is the immediate.
@inline(__always)
func rotateByImmediate<W: OperandWidth>(
  _ width: W.Type, memory isMemory: Bool, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.allowsVEX(i),
    let value = isMemory
      ? core.load(i, width) : core.register(i.pointer.pointee.base, as: width)
  else { return core.leave(i) }
  let count = W(truncatingIfNeeded: i.pointer.pointee.immediate)
  let result = RotateRightWithoutFlags.apply(value, count, &core.state.pointee.lazy)
  core.setRegister(i.pointer.pointee.destination, result)
  return core.nextAfterSlowAccess(i)
}

/// MULX: rDX times the operand; the low half to VEX.vvvv first, so that the high half wins.
@inline(__always)
func multiplyWithoutFlags<W: OperandWidth>(
  _ width: W.Type, memory isMemory: Bool, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.allowsVEX(i),
    let value = isMemory
      ? core.load(i, width) : core.register(i.pointer.pointee.base, as: width)
  else { return core.leave(i) }
  let product = core.register(RegisterOffset.general(2), as: width).multipliedFullWidth(by: value)
  core.setRegister(i.pointer.pointee.source, W(truncatingIfNeeded: product.low))
  core.setRegister(i.pointer.pointee.destination, product.high)
  return core.nextAfterSlowAccess(i)
}

/// CRC32 with the polynomial 11EDC6F41H, bits in reflected order.
@inline(__always)
func accumulateCRC<W: OperandWidth>(
  _ width: W.Type, memory isMemory: Bool, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard
    let value = isMemory
      ? core.load(i, width) : core.register(i.pointer.pointee.source, as: width)
  else { return core.leave(i) }
  var crc = UInt64(core.register(i.pointer.pointee.destination, as: UInt32.self))
  var rest = value.zeroExtended
  for _ in 0..<Int(W.byteCount) {
    crc = crc >> 8 ^ reflectedCRC(crc ^ rest)
    rest >>= 8
  }
  core.setRegister(i.pointer.pointee.destination, UInt32(truncatingIfNeeded: crc))
  return core.nextAfterSlowAccess(i)
}

/// The remainder of one byte.
@inline(__always) private func reflectedCRC(_ byte: UInt64) -> UInt64 {
  var crc = byte & 0xff
  for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 != 0 ? 0x82f6_3b78 : 0) }
  return crc
}
