/// A one-operand operation on integers that writes its result and the status flags it changes.
protocol UnaryOperation {
  static func apply<W: OperandWidth>(_ a: W, _ flags: inout LazyFlags) -> W
}

/// INC: all status flags but CF.
enum Increment: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ flags: inout LazyFlags) -> W {
    let result = a &+ 1
    flags.setExceptCF(result, carriesIn: a ^ 1 ^ result, of: result == (1 as W) << (W.bits &- 1))
    return result
  }
}

/// DEC: all status flags but CF.
enum Decrement: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ flags: inout LazyFlags) -> W {
    let result = a &- 1
    flags.setExceptCF(result, carriesIn: a ^ 1 ^ result, of: a == (1 as W) << (W.bits &- 1))
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
  guard let host = core.writableOperand(i, width) else {
    return unaryMSlow(operation, width, state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(
    of: O.apply(host.loadUnaligned(as: width), &core.state.pointee.lazy), as: width)
  return core.next(i)
}

@inline(never)
private func unaryMSlow<O: UnaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.modify(i, width, { O.apply($0, &core.state.pointee.lazy) }) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}
