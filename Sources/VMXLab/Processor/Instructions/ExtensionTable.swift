import CCapstone

// The table of moves and conversions that widen.
extension InstructionForm {
  static let extensions: [InstructionForm] = [
    InstructionForm(X86_INS_MOVZX, .alu) { decoded, builder in
      widen(decoded, &builder, byte: zeroExtendByteHandlers, word: zeroExtendWordHandlers)
    },
    InstructionForm(X86_INS_MOVSX, .alu) { decoded, builder in
      widen(decoded, &builder, byte: signExtendByteHandlers, word: signExtendWordHandlers)
    },
    InstructionForm(X86_INS_MOVSXD, .alu) { moveDoubleForm($0, &$1) },
    InstructionForm(X86_INS_CBW, .alu, .continue) {
      extendAccumulator(UInt16.self, UInt8.self, $0, $1)
    },
    InstructionForm(X86_INS_CWDE, .alu, .continue) {
      extendAccumulator(UInt32.self, UInt16.self, $0, $1)
    },
    InstructionForm(X86_INS_CDQE, .alu, .continue) {
      extendAccumulator(UInt64.self, UInt32.self, $0, $1)
    },
    InstructionForm(X86_INS_CWD, .alu, .continue) { spreadAccumulatorSign(UInt16.self, $0, $1) },
    InstructionForm(X86_INS_CDQ, .alu, .continue) { spreadAccumulatorSign(UInt32.self, $0, $1) },
    InstructionForm(X86_INS_CQO, .alu, .continue) { spreadAccumulatorSign(UInt64.self, $0, $1) },
  ]

  private static func widen(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder, byte: BinaryHandlers,
    word: BinaryHandlers
  ) -> Handler? {
    (decoded.opcode.1 & 1 == 0 ? byte : word).select(decoded, &builder)
  }

  /// MOVSXD: Capstone calls both operands wide without REX.W too.
  private static func moveDoubleForm(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Handler? {
    guard decoded.operands.count == 2, decoded.isLongMode else { return nil }
    builder.setDestination(decoded.operands[0], of: decoded)
    builder.setSource(decoded.operands[1], of: decoded)
    guard decoded.hasMemoryOperand else {
      return moveDoubleHandlers.register?[decoded.operandBytes]
    }
    builder.memoryTiming = .load
    return moveDoubleHandlers.memory?[decoded.operandBytes]
  }
}

private let zeroExtendByteHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveZeroExtendedR(UInt16.self, UInt8.self, $0, $1) },
    { moveZeroExtendedR(UInt32.self, UInt8.self, $0, $1) },
    { moveZeroExtendedR(UInt64.self, UInt8.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveZeroExtendedM(UInt16.self, UInt8.self, $0, $1) },
    { moveZeroExtendedM(UInt32.self, UInt8.self, $0, $1) },
    { moveZeroExtendedM(UInt64.self, UInt8.self, $0, $1) }))

private let zeroExtendWordHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveZeroExtendedR(UInt16.self, UInt16.self, $0, $1) },
    { moveZeroExtendedR(UInt32.self, UInt16.self, $0, $1) },
    { moveZeroExtendedR(UInt64.self, UInt16.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveZeroExtendedM(UInt16.self, UInt16.self, $0, $1) },
    { moveZeroExtendedM(UInt32.self, UInt16.self, $0, $1) },
    { moveZeroExtendedM(UInt64.self, UInt16.self, $0, $1) }))

private let signExtendByteHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveSignExtendedR(UInt16.self, UInt8.self, $0, $1) },
    { moveSignExtendedR(UInt32.self, UInt8.self, $0, $1) },
    { moveSignExtendedR(UInt64.self, UInt8.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveSignExtendedM(UInt16.self, UInt8.self, $0, $1) },
    { moveSignExtendedM(UInt32.self, UInt8.self, $0, $1) },
    { moveSignExtendedM(UInt64.self, UInt8.self, $0, $1) }))

private let signExtendWordHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { moveSignExtendedR(UInt16.self, UInt16.self, $0, $1) },
    { moveSignExtendedR(UInt32.self, UInt16.self, $0, $1) },
    { moveSignExtendedR(UInt64.self, UInt16.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { moveSignExtendedM(UInt16.self, UInt16.self, $0, $1) },
    { moveSignExtendedM(UInt32.self, UInt16.self, $0, $1) },
    { moveSignExtendedM(UInt64.self, UInt16.self, $0, $1) }))

private let moveDoubleHandlers = UnaryHandlers(
  register: WidthHandlers(
    nil,
    { moveSignExtendedR(UInt16.self, UInt16.self, $0, $1) },
    { moveSignExtendedR(UInt32.self, UInt32.self, $0, $1) },
    { moveSignExtendedR(UInt64.self, UInt32.self, $0, $1) }),
  memory: WidthHandlers(
    nil,
    { moveSignExtendedM(UInt16.self, UInt16.self, $0, $1) },
    { moveSignExtendedM(UInt32.self, UInt32.self, $0, $1) },
    { moveSignExtendedM(UInt64.self, UInt32.self, $0, $1) }))
