// MUL, IMUL, DIV, IDIV.
//
// Source: Intel SDM, "MUL—Unsigned Multiply", "IMUL—Signed Multiply", "DIV—Unsigned Divide",
// "IDIV—Signed Divide". Multiplications set the flags that the manual leaves undefined from the low
// half of the product; divisions leave all flags alone.

extension Core {
  /// Writes a double-width result: AX for bytes, else rDX:rAX.
  @inline(__always)
  func setPair<W: OperandWidth>(high: W, low: W) {
    setRegister(RegisterOffset.general(0), low)
    setRegister(W.bits == 8 ? RegisterOffset.highByte(0) : RegisterOffset.general(2), high)
  }

  /// The high half of a double-width operand: AH for bytes, else rDX.
  @inline(__always)
  func pairHigh<W: OperandWidth>(_ width: W.Type) -> W {
    register(W.bits == 8 ? RegisterOffset.highByte(0) : RegisterOffset.general(2), as: width)
  }
}

/// An operation of the accumulator with one operand, on double-width results or operands.
protocol AccumulatorOperation {
  /// Carries it out; false if it raises #DE, with nothing committed.
  static func apply<W: OperandWidth>(_ core: Core, _ operand: W) -> Bool
}

enum UnsignedMultiplication: AccumulatorOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ core: Core, _ operand: W) -> Bool {
    let a = core.register(RegisterOffset.general(0), as: W.self)
    let product = a.multipliedFullWidth(by: operand)
    let low = W(truncatingIfNeeded: product.low)
    core.setPair(high: product.high, low: low)
    let overflows = product.high != 0
    core.state.pointee.lazy.set(low, cf: overflows, of: overflows, af: false)
    return true
  }
}

enum SignedMultiplication: AccumulatorOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ core: Core, _ operand: W) -> Bool {
    let a = core.register(RegisterOffset.general(0), as: W.self)
    let (high, low, overflows) = multiply(a, operand)
    core.setPair(high: high, low: low)
    core.state.pointee.lazy.set(low, cf: overflows, of: overflows, af: false)
    return true
  }

  /// The signed product, and whether its low half does not hold it.
  @inline(__always)
  static func multiply<W: OperandWidth>(_ a: W, _ b: W) -> (high: W, low: W, overflows: Bool) {
    let product = a.signed.multipliedFullWidth(by: b.signed)
    let low = W(truncatingIfNeeded: product.low)
    let high = W(truncatingIfNeeded: product.high)
    return (high, low, high != (low.isNegative ? W.max : 0))
  }
}

enum UnsignedDivision: AccumulatorOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ core: Core, _ operand: W) -> Bool {
    let high = core.pairHigh(W.self)
    let low = core.register(RegisterOffset.general(0), as: W.self)
    // Also refuses a divisor of 0.
    guard high < operand else {
      core.state.pointee.raise(.divideError)
      return false
    }
    let (quotient, remainder) = divide(high: high, low: low, by: operand)
    core.setPair(high: remainder, low: quotient)
    return true
  }

  /// Divides; the quotient must fit, that is, `high` be less than `divisor`.
  @inline(__always)
  static func divide<W: OperandWidth>(high: W, low: W, by divisor: W) -> (W, W) {
    if W.bits < 64 {
      let dividend = high.zeroExtended &<< W.bits | low.zeroExtended
      let (quotient, remainder) = dividend.quotientAndRemainder(
        dividingBy: max(divisor.zeroExtended, 1))
      return (W(low: quotient), W(low: remainder))
    }
    if high == 0 { return low.quotientAndRemainder(dividingBy: max(divisor, 1)) }
    return divideWide(high: high, low: low, by: divisor)
  }

  /// The slow case of `divide`.
  @inline(never)
  static func divideWide<W: OperandWidth>(high: W, low: W, by divisor: W) -> (W, W) {
    guard high < divisor else { return (0, 0) }
    return divisor.dividingFullWidth((high, W.Magnitude(truncatingIfNeeded: low)))
  }
}

enum SignedDivision: AccumulatorOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ core: Core, _ operand: W) -> Bool {
    let high = core.pairHigh(W.self)
    let low = core.register(RegisterOffset.general(0), as: W.self)
    guard let (quotient, remainder) = divide(high: high, low: low, by: operand) else {
      core.state.pointee.raise(.divideError)
      return false
    }
    core.setPair(high: remainder, low: quotient)
    return true
  }

  /// Divides magnitudes, then gives the quotient its sign and the remainder the dividend's; nil if
  /// the quotient does not fit.
  @inline(__always)
  static func divide<W: OperandWidth>(high: W, low: W, by divisor: W) -> (W, W)? {
    let isNegative = high.isNegative
    let quotientIsNegative = isNegative != divisor.isNegative
    let magnitudeLow = isNegative ? 0 &- low : low
    let magnitudeHigh = isNegative ? ~high &+ (low == 0 ? 1 : 0) : high
    let magnitude = divisor.isNegative ? 0 &- divisor : divisor
    guard magnitudeHigh < magnitude else { return nil }
    let (quotient, remainder) = UnsignedDivision.divide(
      high: magnitudeHigh, low: magnitudeLow, by: magnitude)
    let limit = (1 as W) &<< W(low: W.bits &- 1)
    guard quotientIsNegative ? quotient <= limit : quotient < limit else { return nil }
    return (
      quotientIsNegative ? 0 &- quotient : quotient, isNegative ? 0 &- remainder : remainder
    )
  }
}

// MARK: Bodies

@inline(__always)
func accumulatorR<O: AccumulatorOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard O.apply(core, core.register(i.pointer.pointee.destination, as: width)) else {
    return core.leave(i)
  }
  return core.next(i)
}

@inline(__always)
func accumulatorM<O: AccumulatorOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let operand = core.load(i, width), O.apply(core, operand) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

extension Core {
  /// IMUL with a destination of its own.
  @inline(__always)
  func multiply<W: OperandWidth>(_ a: W, _ b: W, into destination: UInt8) {
    let (_, low, overflows) = SignedMultiplication.multiply(a, b)
    setRegister(destination, low)
    state.pointee.lazy.set(low, cf: overflows, of: overflows, af: false)
  }
}

@inline(__always)
func multiplyRR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let destination = i.pointer.pointee.destination
  core.multiply(
    core.register(destination, as: width), core.register(i.pointer.pointee.source, as: width),
    into: destination)
  return core.next(i)
}

@inline(__always)
func multiplyRM<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, width) else { return core.leave(i) }
  let destination = i.pointer.pointee.destination
  core.multiply(core.register(destination, as: width), value, into: destination)
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func multiplyRRI<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  core.multiply(
    core.register(i.pointer.pointee.source, as: width), W(low: i.pointer.pointee.immediate),
    into: i.pointer.pointee.destination)
  return core.next(i)
}

@inline(__always)
func multiplyRMI<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, width) else { return core.leave(i) }
  core.multiply(
    value, W(low: i.pointer.pointee.immediate), into: i.pointer.pointee.destination)
  return core.nextAfterSlowAccess(i)
}
