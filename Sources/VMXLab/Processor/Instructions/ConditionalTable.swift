import CCapstone

// The tables of CMOVcc and SETcc, by condition.
extension InstructionForm {
  static let conditionals: [InstructionForm] = [
    conditionalMove(X86_INS_CMOVO, moveIfO), conditionalSet(X86_INS_SETO, setIfO),
    conditionalMove(X86_INS_CMOVNO, moveIfNO), conditionalSet(X86_INS_SETNO, setIfNO),
    conditionalMove(X86_INS_CMOVB, moveIfB), conditionalSet(X86_INS_SETB, setIfB),
    conditionalMove(X86_INS_CMOVAE, moveIfAE), conditionalSet(X86_INS_SETAE, setIfAE),
    conditionalMove(X86_INS_CMOVE, moveIfE), conditionalSet(X86_INS_SETE, setIfE),
    conditionalMove(X86_INS_CMOVNE, moveIfNE), conditionalSet(X86_INS_SETNE, setIfNE),
    conditionalMove(X86_INS_CMOVBE, moveIfBE), conditionalSet(X86_INS_SETBE, setIfBE),
    conditionalMove(X86_INS_CMOVA, moveIfA), conditionalSet(X86_INS_SETA, setIfA),
    conditionalMove(X86_INS_CMOVS, moveIfS), conditionalSet(X86_INS_SETS, setIfS),
    conditionalMove(X86_INS_CMOVNS, moveIfNS), conditionalSet(X86_INS_SETNS, setIfNS),
    conditionalMove(X86_INS_CMOVP, moveIfP), conditionalSet(X86_INS_SETP, setIfP),
    conditionalMove(X86_INS_CMOVNP, moveIfNP), conditionalSet(X86_INS_SETNP, setIfNP),
    conditionalMove(X86_INS_CMOVL, moveIfL), conditionalSet(X86_INS_SETL, setIfL),
    conditionalMove(X86_INS_CMOVGE, moveIfGE), conditionalSet(X86_INS_SETGE, setIfGE),
    conditionalMove(X86_INS_CMOVLE, moveIfLE), conditionalSet(X86_INS_SETLE, setIfLE),
    conditionalMove(X86_INS_CMOVG, moveIfG), conditionalSet(X86_INS_SETG, setIfG),
  ]

  private static func conditionalMove(
    _ id: x86_insn, _ handlers: BinaryHandlers
  ) -> InstructionForm {
    InstructionForm(id, .alu, feature: .cmov) { handlers.select($0, &$1) }
  }

  private static func conditionalSet(_ id: x86_insn, _ handlers: SetHandlers) -> InstructionForm {
    InstructionForm(id, .alu) { decoded, builder in
      guard let operand = decoded.operands.first else { return nil }
      builder.setDestination(operand, of: decoded)
      guard case .memory = operand else { return handlers.register }
      builder.memoryTiming = .store
      return handlers.memory
    }
  }
}

/// Handlers of a SETcc by the kind of its operand.
private struct SetHandlers: Sendable {
  var register: Handler
  var memory: Handler
}

private let setIfO = SetHandlers(
  register: { setIfR(Conditions.O.self, $0, $1) },
  memory: { setIfM(Conditions.O.self, $0, $1) })
private let setIfNO = SetHandlers(
  register: { setIfR(Conditions.NO.self, $0, $1) },
  memory: { setIfM(Conditions.NO.self, $0, $1) })
private let setIfB = SetHandlers(
  register: { setIfR(Conditions.B.self, $0, $1) },
  memory: { setIfM(Conditions.B.self, $0, $1) })
private let setIfAE = SetHandlers(
  register: { setIfR(Conditions.AE.self, $0, $1) },
  memory: { setIfM(Conditions.AE.self, $0, $1) })
private let setIfE = SetHandlers(
  register: { setIfR(Conditions.E.self, $0, $1) },
  memory: { setIfM(Conditions.E.self, $0, $1) })
private let setIfNE = SetHandlers(
  register: { setIfR(Conditions.NE.self, $0, $1) },
  memory: { setIfM(Conditions.NE.self, $0, $1) })
private let setIfBE = SetHandlers(
  register: { setIfR(Conditions.BE.self, $0, $1) },
  memory: { setIfM(Conditions.BE.self, $0, $1) })
private let setIfA = SetHandlers(
  register: { setIfR(Conditions.A.self, $0, $1) },
  memory: { setIfM(Conditions.A.self, $0, $1) })
private let setIfS = SetHandlers(
  register: { setIfR(Conditions.S.self, $0, $1) },
  memory: { setIfM(Conditions.S.self, $0, $1) })
private let setIfNS = SetHandlers(
  register: { setIfR(Conditions.NS.self, $0, $1) },
  memory: { setIfM(Conditions.NS.self, $0, $1) })
private let setIfP = SetHandlers(
  register: { setIfR(Conditions.P.self, $0, $1) },
  memory: { setIfM(Conditions.P.self, $0, $1) })
private let setIfNP = SetHandlers(
  register: { setIfR(Conditions.NP.self, $0, $1) },
  memory: { setIfM(Conditions.NP.self, $0, $1) })
private let setIfL = SetHandlers(
  register: { setIfR(Conditions.L.self, $0, $1) },
  memory: { setIfM(Conditions.L.self, $0, $1) })
private let setIfGE = SetHandlers(
  register: { setIfR(Conditions.GE.self, $0, $1) },
  memory: { setIfM(Conditions.GE.self, $0, $1) })
private let setIfLE = SetHandlers(
  register: { setIfR(Conditions.LE.self, $0, $1) },
  memory: { setIfM(Conditions.LE.self, $0, $1) })
private let setIfG = SetHandlers(
  register: { setIfR(Conditions.G.self, $0, $1) },
  memory: { setIfM(Conditions.G.self, $0, $1) })

private let moveIfO = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.O.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.O.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.O.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.O.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.O.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.O.self, UInt64.self, $0, $1) }))

private let moveIfNO = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.NO.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.NO.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.NO.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.NO.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.NO.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.NO.self, UInt64.self, $0, $1) }))

private let moveIfB = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.B.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.B.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.B.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.B.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.B.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.B.self, UInt64.self, $0, $1) }))

private let moveIfAE = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.AE.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.AE.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.AE.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.AE.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.AE.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.AE.self, UInt64.self, $0, $1) }))

private let moveIfE = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.E.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.E.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.E.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.E.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.E.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.E.self, UInt64.self, $0, $1) }))

private let moveIfNE = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.NE.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.NE.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.NE.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.NE.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.NE.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.NE.self, UInt64.self, $0, $1) }))

private let moveIfBE = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.BE.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.BE.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.BE.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.BE.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.BE.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.BE.self, UInt64.self, $0, $1) }))

private let moveIfA = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.A.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.A.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.A.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.A.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.A.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.A.self, UInt64.self, $0, $1) }))

private let moveIfS = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.S.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.S.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.S.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.S.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.S.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.S.self, UInt64.self, $0, $1) }))

private let moveIfNS = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.NS.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.NS.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.NS.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.NS.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.NS.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.NS.self, UInt64.self, $0, $1) }))

private let moveIfP = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.P.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.P.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.P.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.P.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.P.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.P.self, UInt64.self, $0, $1) }))

private let moveIfNP = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.NP.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.NP.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.NP.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.NP.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.NP.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.NP.self, UInt64.self, $0, $1) }))

private let moveIfL = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.L.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.L.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.L.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.L.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.L.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.L.self, UInt64.self, $0, $1) }))

private let moveIfGE = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.GE.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.GE.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.GE.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.GE.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.GE.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.GE.self, UInt64.self, $0, $1) }))

private let moveIfLE = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.LE.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.LE.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.LE.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.LE.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.LE.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.LE.self, UInt64.self, $0, $1) }))

private let moveIfG = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveIfRR(Conditions.G.self, UInt16.self, $0, $1) },
    { moveIfRR(Conditions.G.self, UInt32.self, $0, $1) },
    { moveIfRR(Conditions.G.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveIfRM(Conditions.G.self, UInt16.self, $0, $1) },
    { moveIfRM(Conditions.G.self, UInt32.self, $0, $1) },
    { moveIfRM(Conditions.G.self, UInt64.self, $0, $1) }))
