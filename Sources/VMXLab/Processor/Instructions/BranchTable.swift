import CCapstone

// The table of near branches. In 64-bit mode the operand size is 64 bits whatever the prefixes say.
extension InstructionForm {
  static let branches: [InstructionForm] = [
    jumpIf(
      X86_INS_JO, long: { jumpIfLong(Conditions.O.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.O.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.O.self, $0, $1) }),
    jumpIf(
      X86_INS_JNO, long: { jumpIfLong(Conditions.NO.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.NO.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.NO.self, $0, $1) }),
    jumpIf(
      X86_INS_JB, long: { jumpIfLong(Conditions.B.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.B.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.B.self, $0, $1) }),
    jumpIf(
      X86_INS_JAE, long: { jumpIfLong(Conditions.AE.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.AE.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.AE.self, $0, $1) }),
    jumpIf(
      X86_INS_JE, long: { jumpIfLong(Conditions.E.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.E.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.E.self, $0, $1) }),
    jumpIf(
      X86_INS_JNE, long: { jumpIfLong(Conditions.NE.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.NE.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.NE.self, $0, $1) }),
    jumpIf(
      X86_INS_JBE, long: { jumpIfLong(Conditions.BE.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.BE.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.BE.self, $0, $1) }),
    jumpIf(
      X86_INS_JA, long: { jumpIfLong(Conditions.A.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.A.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.A.self, $0, $1) }),
    jumpIf(
      X86_INS_JS, long: { jumpIfLong(Conditions.S.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.S.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.S.self, $0, $1) }),
    jumpIf(
      X86_INS_JNS, long: { jumpIfLong(Conditions.NS.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.NS.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.NS.self, $0, $1) }),
    jumpIf(
      X86_INS_JP, long: { jumpIfLong(Conditions.P.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.P.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.P.self, $0, $1) }),
    jumpIf(
      X86_INS_JNP, long: { jumpIfLong(Conditions.NP.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.NP.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.NP.self, $0, $1) }),
    jumpIf(
      X86_INS_JL, long: { jumpIfLong(Conditions.L.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.L.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.L.self, $0, $1) }),
    jumpIf(
      X86_INS_JGE, long: { jumpIfLong(Conditions.GE.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.GE.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.GE.self, $0, $1) }),
    jumpIf(
      X86_INS_JLE, long: { jumpIfLong(Conditions.LE.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.LE.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.LE.self, $0, $1) }),
    jumpIf(
      X86_INS_JG, long: { jumpIfLong(Conditions.G.self, $0, $1) },
      legacy: { jumpIfLegacy(Conditions.G.self, $0, $1) },
      withinPage: { jumpIfWithinPage(Conditions.G.self, $0, $1) }),
    counted(X86_INS_JCXZ, jumpIfCountIsZeroHandlers),
    counted(X86_INS_JECXZ, jumpIfCountIsZeroHandlers),
    counted(X86_INS_JRCXZ, jumpIfCountIsZeroHandlers),
    counted(X86_INS_LOOP, loopHandlers), counted(X86_INS_LOOPE, loopWhileEqualHandlers),
    counted(X86_INS_LOOPNE, loopWhileNotEqualHandlers),
    InstructionForm(X86_INS_JMP, .branchTaken, .end) { decoded, builder in
      guard let operand = decoded.operands.first else { return nil }
      if case .immediate = operand {
        if builder.linkTarget(of: decoded) { return jumpWithinPage }
        return decoded.isLongMode ? jumpRelativeLong : jumpRelativeLegacy
      }
      builder.timing = .indirectBranch
      return indirect(jumpHandlers, enforced: .jump, decoded, &builder)
    },
    InstructionForm(X86_INS_CALL, .call, .end) { decoded, builder in
      guard let operand = decoded.operands.first else { return nil }
      if case .immediate = operand {
        if decoded.heedsControlFlow {
          builder.setBranchTarget(of: decoded)
          return enforcedCallRelative
        }
        if decoded.isLongMode, builder.linkTarget(of: decoded) { return callLinked }
        builder.setBranchTarget(of: decoded)
        return callRelativeHandlers[decoded.isLongMode ? 8 : decoded.operandBytes]
      }
      builder.timing = .call
      return indirect(callHandlers, enforced: .call, decoded, &builder)
    },
    InstructionForm(X86_INS_RET, .return, .end) { decoded, builder in
      if case .immediate(let bytes)? = decoded.operands.first { builder.immediate = bytes & 0xffff }
      if decoded.heedsControlFlow { return enforcedReturn }
      return returnHandlers[decoded.isLongMode ? 8 : decoded.operandBytes]
    },
  ]

  private static func jumpIf(
    _ id: x86_insn, long: @escaping Handler, legacy: @escaping Handler,
    withinPage: @escaping Handler
  ) -> InstructionForm {
    InstructionForm(id, .branchTaken) { decoded, builder in
      if builder.linkTarget(of: decoded) { return withinPage }
      return decoded.isLongMode ? long : legacy
    }
  }

  /// A branch that looks at a count register, which is as wide as an address.
  private static func counted(_ id: x86_insn, _ handlers: WidthHandlers) -> InstructionForm {
    InstructionForm(id, .branchTaken, .end) { decoded, builder in
      builder.setBranchTarget(of: decoded)
      return handlers[decoded.addressBytes]
    }
  }

  private static func indirect(
    _ handlers: UnaryHandlers, enforced: EnforcedBranch, _ decoded: DecodedInstruction,
    _ builder: inout InstructionBuilder
  ) -> Handler? {
    let bytes = decoded.isLongMode ? 8 : decoded.operandBytes
    builder.setDestination(decoded.operands[0], of: decoded)
    let isEnforced = decoded.heedsControlFlow
    if isEnforced { builder.source = decoded.isNoTrack ? 1 : 0 }
    switch decoded.operands[0] {
    case .general: return isEnforced ? enforced.register : handlers.register?[bytes]
    case .memory:
      builder.memoryTiming = .load
      return isEnforced ? enforced.memory : handlers.memory?[bytes]
    default: return nil
    }
  }
}

extension InstructionBuilder {
  /// Takes the target of a direct branch.
  mutating func setBranchTarget(of decoded: DecodedInstruction) {
    immediate = UInt64(bitPattern: decoded.branchDisplacement)
    branch = .relative
  }

  /// Takes the target of a direct branch; true if the branch can be linked to it.
  fileprivate mutating func linkTarget(of decoded: DecodedInstruction) -> Bool {
    guard decoded.branchesWithinPage else {
      setBranchTarget(of: decoded)
      return false
    }
    branch = .withinPage
    return true
  }
}

private let jumpWithinPage: Handler = { Core($0).follow(InstructionReference($1)) }
private let callLinked: Handler = { callWithinPage($0, $1) }
private let jumpRelativeLong: Handler = { Core($0).jumpLong(InstructionReference($1)) }
private let jumpRelativeLegacy: Handler = { Core($0).jumpLegacy(InstructionReference($1)) }

private let jumpIfCountIsZeroHandlers = WidthHandlers(
  nil,
  { jumpIfCountIsZero(UInt16.self, $0, $1) },
  { jumpIfCountIsZero(UInt32.self, $0, $1) },
  { jumpIfCountIsZero(UInt64.self, $0, $1) })
private let loopHandlers = WidthHandlers(
  nil,
  { loop(Conditions.Always.self, UInt16.self, $0, $1) },
  { loop(Conditions.Always.self, UInt32.self, $0, $1) },
  { loop(Conditions.Always.self, UInt64.self, $0, $1) })
private let loopWhileEqualHandlers = WidthHandlers(
  nil,
  { loop(Conditions.E.self, UInt16.self, $0, $1) },
  { loop(Conditions.E.self, UInt32.self, $0, $1) },
  { loop(Conditions.E.self, UInt64.self, $0, $1) })
private let loopWhileNotEqualHandlers = WidthHandlers(
  nil,
  { loop(Conditions.NE.self, UInt16.self, $0, $1) },
  { loop(Conditions.NE.self, UInt32.self, $0, $1) },
  { loop(Conditions.NE.self, UInt64.self, $0, $1) })

private let jumpHandlers = UnaryHandlers(
  register: WidthHandlers(
    nil,
    { jumpRegister(UInt16.self, $0, $1) },
    { jumpRegister(UInt32.self, $0, $1) },
    { jumpRegister(UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    nil,
    { jumpMemory(UInt16.self, $0, $1) },
    { jumpMemory(UInt32.self, $0, $1) },
    { jumpMemory(UInt64.self, $0, $1) }))

private let callHandlers = UnaryHandlers(
  register: WidthHandlers(
    nil,
    { callRegister(UInt16.self, $0, $1) },
    { callRegister(UInt32.self, $0, $1) },
    { callRegister(UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    nil,
    { callMemory(UInt16.self, $0, $1) },
    { callMemory(UInt32.self, $0, $1) },
    { callMemory(UInt64.self, $0, $1) }))

private let callRelativeHandlers = WidthHandlers(
  nil,
  { callRelativeLegacy(UInt16.self, $0, $1) },
  { callRelativeLegacy(UInt32.self, $0, $1) },
  { callRelativeLong($0, $1) })

private let returnHandlers = WidthHandlers(
  nil,
  { returnLegacy(UInt16.self, $0, $1) },
  { returnLegacy(UInt32.self, $0, $1) },
  { returnLong($0, $1) })
