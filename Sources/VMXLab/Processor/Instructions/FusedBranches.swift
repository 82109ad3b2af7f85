import CCapstone

// A comparison and the conditional branch behind it, carried out by one handler: the branch looks at
// the operands rather than at the flags, and a step from one handler to the next is saved.

/// An instruction that sets the flags and can be carried out together with a branch behind it.
struct FusableOperation {
  enum Kind: UInt8 {
    case compare
    case test
    case decrement
  }
  let kind: Kind
  let isImmediate: Bool
  let byteCount: UInt8

  init?(_ decoded: DecodedInstruction) {
    switch decoded.id {
    case X86_INS_CMP: kind = .compare
    case X86_INS_TEST: kind = .test
    case X86_INS_DEC: kind = .decrement
    default: return nil
    }
    guard !decoded.hasLock, case .general(_, let bytes)? = decoded.operands.first else {
      return nil
    }
    byteCount = UInt8(truncatingIfNeeded: bytes)
    guard kind != .decrement else {
      isImmediate = false
      return
    }
    guard decoded.operands.count == 2 else { return nil }
    switch decoded.operands[1] {
    case .general: isImmediate = false
    case .immediate: isImmediate = true
    default: return nil
    }
  }

  /// The handler of the operation and the branch together, where there is one.
  func handler(_ condition: BranchCondition) -> Handler? {
    let table =
      switch kind {
      case .compare: isImmediate ? compareImmediateAndJump : compareRegisterAndJump
      case .test: isImmediate ? testImmediateAndJump : testRegisterAndJump
      case .decrement: decrementAndJump
      }
    return table[condition]?[Int(byteCount)]
  }
}

/// The conditions that branches are fused on.
enum BranchCondition: UInt8, CaseIterable {
  case e, ne, b, ae, be, a, l, ge, le, g, s, ns

  init?(_ id: x86_insn) {
    switch id {
    case X86_INS_JE: self = .e
    case X86_INS_JNE: self = .ne
    case X86_INS_JB: self = .b
    case X86_INS_JAE: self = .ae
    case X86_INS_JBE: self = .be
    case X86_INS_JA: self = .a
    case X86_INS_JL: self = .l
    case X86_INS_JGE: self = .ge
    case X86_INS_JLE: self = .le
    case X86_INS_JG: self = .g
    case X86_INS_JS: self = .s
    case X86_INS_JNS: self = .ns
    default: return nil
    }
  }
}

/// Handlers of an operation and a branch behind it, by the branch's condition.
private struct FusedHandlers {
  private let byCondition: [WidthHandlers?]

  subscript(condition: BranchCondition) -> WidthHandlers? { byCondition[Int(condition.rawValue)] }
}

extension FusedHandlers: ExpressibleByDictionaryLiteral {
  init(dictionaryLiteral elements: (BranchCondition, WidthHandlers)...) {
    var byCondition = [WidthHandlers?](repeating: nil, count: BranchCondition.allCases.count)
    for (condition, handlers) in elements { byCondition[Int(condition.rawValue)] = handlers }
    self.byCondition = byCondition
  }
}

// MARK: Bodies

@inline(__always)
private func finish<C: Condition>(
  _ condition: C.Type, _ flags: LazyFlags, _ core: Core, _ i: InstructionReference
) {
  core.state.pointee.lazy = flags
  let branch = InstructionReference(UnsafeRawPointer(i.next))
  if C.holds(flags) { return core.follow(branch) }
  return core.next(branch)
}

@inline(__always)
private func compareRRThenJump<O: BinaryOperation, C: Condition, W: OperandWidth>(
  _ operation: O.Type, _ condition: C.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer,
  _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  let b = core.register(i.pointer.pointee.source, as: width)
  var flags = LazyFlags()
  _ = O.apply(a, b, &flags)
  return finish(condition, flags, core, i)
}

@inline(__always)
private func compareRIThenJump<O: BinaryOperation, C: Condition, W: OperandWidth>(
  _ operation: O.Type, _ condition: C.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer,
  _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let a = core.register(i.pointer.pointee.destination, as: width)
  var flags = LazyFlags()
  _ = O.apply(a, W(low: i.pointer.pointee.immediate), &flags)
  return finish(condition, flags, core, i)
}

@inline(__always)
private func decrementThenJump<C: Condition, W: OperandWidth>(
  _ condition: C.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  var flags = core.state.pointee.lazy
  let result = Decrement.apply(core.register(i.pointer.pointee.destination, as: width), &flags)
  core.setRegister(i.pointer.pointee.destination, result)
  return finish(condition, flags, core, i)
}

// MARK: Tables

private let compareRegisterAndJump: FusedHandlers = [
  .e: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.E.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.E.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.E.self, UInt64.self, $0, $1) }),
  .ne: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.NE.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.NE.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.NE.self, UInt64.self, $0, $1) }),
  .b: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.B.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.B.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.B.self, UInt64.self, $0, $1) }),
  .ae: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.AE.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.AE.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.AE.self, UInt64.self, $0, $1) }),
  .be: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.BE.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.BE.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.BE.self, UInt64.self, $0, $1) }),
  .a: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.A.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.A.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.A.self, UInt64.self, $0, $1) }),
  .l: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.L.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.L.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.L.self, UInt64.self, $0, $1) }),
  .ge: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.GE.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.GE.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.GE.self, UInt64.self, $0, $1) }),
  .le: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.LE.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.LE.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.LE.self, UInt64.self, $0, $1) }),
  .g: WidthHandlers(
    { compareRRThenJump(Subtraction.self, Conditions.G.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Subtraction.self, Conditions.G.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Subtraction.self, Conditions.G.self, UInt64.self, $0, $1) }),
]

private let compareImmediateAndJump: FusedHandlers = [
  .e: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.E.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.E.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.E.self, UInt64.self, $0, $1) }),
  .ne: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.NE.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.NE.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.NE.self, UInt64.self, $0, $1) }),
  .b: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.B.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.B.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.B.self, UInt64.self, $0, $1) }),
  .ae: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.AE.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.AE.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.AE.self, UInt64.self, $0, $1) }),
  .be: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.BE.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.BE.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.BE.self, UInt64.self, $0, $1) }),
  .a: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.A.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.A.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.A.self, UInt64.self, $0, $1) }),
  .l: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.L.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.L.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.L.self, UInt64.self, $0, $1) }),
  .ge: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.GE.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.GE.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.GE.self, UInt64.self, $0, $1) }),
  .le: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.LE.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.LE.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.LE.self, UInt64.self, $0, $1) }),
  .g: WidthHandlers(
    { compareRIThenJump(Subtraction.self, Conditions.G.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Subtraction.self, Conditions.G.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Subtraction.self, Conditions.G.self, UInt64.self, $0, $1) }),
]

private let testRegisterAndJump: FusedHandlers = [
  .e: WidthHandlers(
    { compareRRThenJump(Conjunction.self, Conditions.E.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Conjunction.self, Conditions.E.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Conjunction.self, Conditions.E.self, UInt64.self, $0, $1) }),
  .ne: WidthHandlers(
    { compareRRThenJump(Conjunction.self, Conditions.NE.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Conjunction.self, Conditions.NE.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Conjunction.self, Conditions.NE.self, UInt64.self, $0, $1) }),
  .s: WidthHandlers(
    { compareRRThenJump(Conjunction.self, Conditions.S.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Conjunction.self, Conditions.S.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Conjunction.self, Conditions.S.self, UInt64.self, $0, $1) }),
  .ns: WidthHandlers(
    { compareRRThenJump(Conjunction.self, Conditions.NS.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Conjunction.self, Conditions.NS.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Conjunction.self, Conditions.NS.self, UInt64.self, $0, $1) }),
  .le: WidthHandlers(
    { compareRRThenJump(Conjunction.self, Conditions.LE.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Conjunction.self, Conditions.LE.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Conjunction.self, Conditions.LE.self, UInt64.self, $0, $1) }),
  .g: WidthHandlers(
    { compareRRThenJump(Conjunction.self, Conditions.G.self, UInt8.self, $0, $1) },
    nil,
    { compareRRThenJump(Conjunction.self, Conditions.G.self, UInt32.self, $0, $1) },
    { compareRRThenJump(Conjunction.self, Conditions.G.self, UInt64.self, $0, $1) }),
]

private let testImmediateAndJump: FusedHandlers = [
  .e: WidthHandlers(
    { compareRIThenJump(Conjunction.self, Conditions.E.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Conjunction.self, Conditions.E.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Conjunction.self, Conditions.E.self, UInt64.self, $0, $1) }),
  .ne: WidthHandlers(
    { compareRIThenJump(Conjunction.self, Conditions.NE.self, UInt8.self, $0, $1) },
    nil,
    { compareRIThenJump(Conjunction.self, Conditions.NE.self, UInt32.self, $0, $1) },
    { compareRIThenJump(Conjunction.self, Conditions.NE.self, UInt64.self, $0, $1) }),
]

private let decrementAndJump: FusedHandlers = [
  .e: WidthHandlers(
    nil,
    nil,
    { decrementThenJump(Conditions.E.self, UInt32.self, $0, $1) },
    { decrementThenJump(Conditions.E.self, UInt64.self, $0, $1) }),
  .ne: WidthHandlers(
    nil,
    nil,
    { decrementThenJump(Conditions.NE.self, UInt32.self, $0, $1) },
    { decrementThenJump(Conditions.NE.self, UInt64.self, $0, $1) }),
]
