/// A one-operand operation on integers that writes its result and the status flags it changes.
protocol UnaryOperation {
  static func apply<W: OperandWidth>(_ a: W, _ flags: inout LazyFlags) -> W
}

/// INC: all status flags but CF.
enum Increment: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ flags: inout LazyFlags) -> W {
    let result = a &+ 1
    flags.setExceptCF(result, carryVector: a & ~result)
    return result
  }
}

/// DEC: all status flags but CF.
enum Decrement: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ flags: inout LazyFlags) -> W {
    let result = a &- 1
    flags.setExceptCF(result, carryVector: ~a & result)
    return result
  }
}

enum Negation: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ flags: inout LazyFlags) -> W {
    Subtraction.apply(0, a, &flags)
  }
}

enum Complement: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ flags: inout LazyFlags) -> W {
    ~a
  }
}

extension LazyFlags {
  /// Sets the flags of an addition or subtraction from its carry vector, but keeps CF.
  @inline(__always)
  mutating func setExceptCF<W: OperandWidth>(_ result: W, carryVector: W) {
    self.result = result.signExtended
    let wide = carryVector.zeroExtended
    let top = wide << (64 &- W.bits)
    // OF is the difference of the two carries: with CF kept, the lower of them is CF ^ OF.
    let lower = (carries >> 1) ^ (top >> 1) ^ top
    carries = carries & 0x8000_0000_0000_0000 | lower & 0x4000_0000_0000_0000 | wide & 8
  }
}

// MARK: Bodies

@inline(__always)
func unaryR<O: UnaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  core.setRegister(i.pointer.pointee.destination, O.apply(a, &core.state.pointee.lazy))
  return core.next(i)
}

@inline(__always)
func unaryM<O: UnaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.modify(i, width, { O.apply($0, &core.state.pointee.lazy) }) else {
    return core.leave(i)
  }
  return core.next(i)
}
