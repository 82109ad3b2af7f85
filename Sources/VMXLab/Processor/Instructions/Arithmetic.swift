import CCapstone

/// A two-operand operation on integers that writes its result and the status flags.
protocol BinaryOperation {
  static func apply<W: OperandWidth>(_ a: W, _ b: W, _ flags: inout LazyFlags) -> W
}

enum Addition: BinaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ flags: inout LazyFlags)
    -> W
  {
    let (result, carry) = a.addingReportingOverflow(b)
    flags.set(result, carriesIn: a ^ b ^ result, carry: carry)
    return result
  }
}

enum AdditionWithCarry: BinaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ flags: inout LazyFlags)
    -> W
  {
    let (sum, first) = a.addingReportingOverflow(b)
    let (result, second) = sum.addingReportingOverflow(flags.cf ? 1 : 0)
    flags.set(result, carriesIn: a ^ b ^ result, carry: first || second)
    return result
  }
}

enum Subtraction: BinaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ flags: inout LazyFlags)
    -> W
  {
    let (result, borrow) = a.subtractingReportingOverflow(b)
    flags.set(result, carriesIn: a ^ b ^ result, carry: borrow)
    return result
  }
}

enum SubtractionWithBorrow: BinaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ flags: inout LazyFlags)
    -> W
  {
    let (difference, first) = a.subtractingReportingOverflow(b)
    let (result, second) = difference.subtractingReportingOverflow(flags.cf ? 1 : 0)
    flags.set(result, carriesIn: a ^ b ^ result, carry: first || second)
    return result
  }
}

enum Conjunction: BinaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ flags: inout LazyFlags)
    -> W
  {
    let result = a & b
    flags.setLogic(result)
    return result
  }
}

enum Disjunction: BinaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ flags: inout LazyFlags)
    -> W
  {
    let result = a | b
    flags.setLogic(result)
    return result
  }
}

enum ExclusiveDisjunction: BinaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ flags: inout LazyFlags)
    -> W
  {
    let result = a ^ b
    flags.setLogic(result)
    return result
  }
}

// MARK: Bodies, generic over operation and width; the tables below name the combinations.

@inline(__always)
func binaryRR<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  let b = core.register(i.pointer.pointee.source, as: width)
  core.setRegister(i.pointer.pointee.destination, O.apply(a, b, &core.state.pointee.lazy))
  return core.next(i)
}

@inline(__always)
func binaryRM<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.readableOperand(i, width) else {
    return binaryRMSlow(operation, width, state, UnsafeRawPointer(i.pointer))
  }
  let b = host.loadUnaligned(as: width)
  let a = core.register(i.pointer.pointee.destination, as: width)
  core.setRegister(i.pointer.pointee.destination, O.apply(a, b, &core.state.pointee.lazy))
  return core.next(i)
}

@inline(never)
private func binaryRMSlow<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let b = core.load(i, width) else { return core.leave(i) }
  let a = core.register(i.pointer.pointee.destination, as: width)
  core.setRegister(i.pointer.pointee.destination, O.apply(a, b, &core.state.pointee.lazy))
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func binaryMR<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.writableOperand(i, width) else {
    return binaryMRSlow(operation, width, state, UnsafeRawPointer(i.pointer))
  }
  let b = core.register(i.pointer.pointee.source, as: width)
  let result = O.apply(host.loadUnaligned(as: width), b, &core.state.pointee.lazy)
  host.storeBytes(of: result, as: width)
  return core.next(i)
}

@inline(never)
private func binaryMRSlow<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let b = core.register(i.pointer.pointee.source, as: width)
  guard core.modify(i, width, { O.apply($0, b, &core.state.pointee.lazy) }) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func binaryRI<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  let b = W(low: i.pointer.pointee.immediate)
  core.setRegister(i.pointer.pointee.destination, O.apply(a, b, &core.state.pointee.lazy))
  return core.next(i)
}

@inline(__always)
func binaryMI<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.writableOperand(i, width) else {
    return binaryMISlow(operation, width, state, UnsafeRawPointer(i.pointer))
  }
  let b = W(low: i.pointer.pointee.immediate)
  let result = O.apply(host.loadUnaligned(as: width), b, &core.state.pointee.lazy)
  host.storeBytes(of: result, as: width)
  return core.next(i)
}

@inline(never)
private func binaryMISlow<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let b = W(low: i.pointer.pointee.immediate)
  guard core.modify(i, width, { O.apply($0, b, &core.state.pointee.lazy) }) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

/// CMP and TEST: flags only.
@inline(__always)
func compareRR<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  let b = core.register(i.pointer.pointee.source, as: width)
  _ = O.apply(a, b, &core.state.pointee.lazy)
  return core.next(i)
}

@inline(__always)
func compareRM<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.readableOperand(i, width) else {
    return compareRMSlow(operation, width, state, UnsafeRawPointer(i.pointer))
  }
  let a = core.register(i.pointer.pointee.destination, as: width)
  _ = O.apply(a, host.loadUnaligned(as: width), &core.state.pointee.lazy)
  return core.next(i)
}

@inline(never)
private func compareRMSlow<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let b = core.load(i, width) else { return core.leave(i) }
  let a = core.register(i.pointer.pointee.destination, as: width)
  _ = O.apply(a, b, &core.state.pointee.lazy)
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func compareMR<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.readableOperand(i, width) else {
    return compareMRSlow(operation, width, state, UnsafeRawPointer(i.pointer))
  }
  let b = core.register(i.pointer.pointee.source, as: width)
  _ = O.apply(host.loadUnaligned(as: width), b, &core.state.pointee.lazy)
  return core.next(i)
}

@inline(never)
private func compareMRSlow<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let a = core.load(i, width) else { return core.leave(i) }
  let b = core.register(i.pointer.pointee.source, as: width)
  _ = O.apply(a, b, &core.state.pointee.lazy)
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
func compareRI<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  _ = O.apply(a, W(low: i.pointer.pointee.immediate), &core.state.pointee.lazy)
  return core.next(i)
}

@inline(__always)
func compareMI<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.readableOperand(i, width) else {
    return compareMISlow(operation, width, state, UnsafeRawPointer(i.pointer))
  }
  let b = W(low: i.pointer.pointee.immediate)
  _ = O.apply(host.loadUnaligned(as: width), b, &core.state.pointee.lazy)
  return core.next(i)
}

@inline(never)
private func compareMISlow<O: BinaryOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let a = core.load(i, width) else { return core.leave(i) }
  _ = O.apply(a, W(low: i.pointer.pointee.immediate), &core.state.pointee.lazy)
  return core.nextAfterSlowAccess(i)
}
