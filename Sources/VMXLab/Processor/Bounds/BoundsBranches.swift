import CCapstone

// Near branches while Intel MPX is enabled: without a BND prefix they initialize the bounds, once they
// are known not to fault. The run loop gets its turn behind each of them.
//
// Source: Intel SDM, "CALL, RET, JMP and All Jcc" of the MPX chapter.

@inline(__always)
private func initializingBounds(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer,
  _ branch: (Core, InstructionReference) -> Void
) {
  let core = Core(state)
  core.state.pointee.signals.pointee.horizon = 0
  branch(core, InstructionReference(i))
  if core.state.pointee.pending.kind == .none { core.state.pointee.initializeBounds() }
}

extension LazyFlags {
  /// Whether the condition with this number holds, as the low bits of Jcc's opcode have it.
  ///
  /// Source: Intel SDM, "EFLAGS Condition Codes".
  fileprivate func holds(condition: UInt8) -> Bool {
    let isTrue: Bool =
      switch condition >> 1 & 7 {
      case 0: of
      case 1: cf
      case 2: zf
      case 3: cf || zf
      case 4: sf
      case 5: pf
      case 6: sf != of
      default: zf || sf != of
      }
    return isTrue != (condition & 1 != 0)
  }
}

extension InstructionBuilder {
  /// The handler of a near branch that initializes the bounds, in the place of the usual one, for which
  /// the builder has been filled; nil for other instructions.
  mutating func boundsBranch(_ decoded: DecodedInstruction) -> Handler? {
    guard decoded.initializesBounds else { return nil }
    let bytes = decoded.isLongMode ? 8 : decoded.operandBytes
    switch decoded.id {
    case X86_INS_RET:
      return returnHandlers[bytes]
    case X86_INS_CALL, X86_INS_JMP:
      let isCall = decoded.id == X86_INS_CALL
      switch decoded.operands.first {
      case .immediate?:
        setBranchTarget(of: decoded)
        return isCall ? callHandlers[bytes] : jump
      case .general?: return (isCall ? callRegisterHandlers : jumpRegisterHandlers)[bytes]
      case .memory?: return (isCall ? callMemoryHandlers : jumpMemoryHandlers)[bytes]
      default: return nil
      }
    default:
      guard let condition = decoded.jumpCondition else { return nil }
      setBranchTarget(of: decoded)
      source = condition
      effect = .end
      return jumpIf
    }
  }
}

extension DecodedInstruction {
  /// The number of the condition of a Jcc.
  fileprivate var jumpCondition: UInt8? {
    if opcode.0 & 0xf0 == 0x70 { return opcode.0 & 0xf }
    return opcode.0 == 0x0f && opcode.1 & 0xf0 == 0x80 ? opcode.1 & 0xf : nil
  }
}

private let jump: Handler = { initializingBounds($0, $1) { $0.jump($1) } }

private let jumpIf: Handler = {
  initializingBounds($0, $1) { core, i in
    if core.state.pointee.lazy.holds(condition: i.pointer.pointee.source) { return core.jump(i) }
    return core.fallThrough(i)
  }
}

/// A branch handler as it is without Intel MPX.
private typealias Plain = (UnsafeMutableRawPointer, UnsafeRawPointer) -> Void

@inline(__always)
private func initializingBounds(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, plain branch: Plain
) {
  initializingBounds(state, i) { _, reference in branch(state, UnsafeRawPointer(reference.pointer))
  }
}

private let callHandlers = WidthHandlers(
  nil,
  { initializingBounds($0, $1, plain: { callRelativeLegacy(UInt16.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { callRelativeLegacy(UInt32.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { callRelativeLong($0, $1) }) })
private let returnHandlers = WidthHandlers(
  nil,
  { initializingBounds($0, $1, plain: { returnLegacy(UInt16.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { returnLegacy(UInt32.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { returnLong($0, $1) }) })
private let jumpRegisterHandlers = WidthHandlers(
  nil,
  { initializingBounds($0, $1, plain: { jumpRegister(UInt16.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { jumpRegister(UInt32.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { jumpRegister(UInt64.self, $0, $1) }) })
private let jumpMemoryHandlers = WidthHandlers(
  nil,
  { initializingBounds($0, $1, plain: { jumpMemory(UInt16.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { jumpMemory(UInt32.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { jumpMemory(UInt64.self, $0, $1) }) })
private let callRegisterHandlers = WidthHandlers(
  nil,
  { initializingBounds($0, $1, plain: { callRegister(UInt16.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { callRegister(UInt32.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { callRegister(UInt64.self, $0, $1) }) })
private let callMemoryHandlers = WidthHandlers(
  nil,
  { initializingBounds($0, $1, plain: { callMemory(UInt16.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { callMemory(UInt32.self, $0, $1) }) },
  { initializingBounds($0, $1, plain: { callMemory(UInt64.self, $0, $1) }) })
