import CCapstone

// The table of MUL, IMUL, DIV, IDIV.
extension InstructionForm {
  static let multiplyDivide: [InstructionForm] = [
    InstructionForm(X86_INS_MUL, .multiply32) { decoded, builder in
      builder.timing = multiplyTiming(decoded)
      return unsignedMultiplicationHandlers.select(decoded, &builder)
    },
    InstructionForm(X86_INS_IMUL, .multiply32) { multiplyForm($0, &$1) },
    InstructionForm(X86_INS_DIV, .divide32) { decoded, builder in
      builder.timing = divideTiming(decoded)
      return unsignedDivisionHandlers.select(decoded, &builder)
    },
    InstructionForm(X86_INS_IDIV, .signedDivide32) { decoded, builder in
      builder.timing = signedDivideTiming(decoded)
      return signedDivisionHandlers.select(decoded, &builder)
    },
  ]

  private static func multiplyForm(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Handler? {
    builder.timing = multiplyTiming(decoded)
    switch decoded.operands.count {
    case 1: return signedMultiplicationHandlers.select(decoded, &builder)
    case 2: return twoOperandHandlers.select(decoded, &builder)
    case 3:
      guard case .immediate(let value) = decoded.operands[2] else { return nil }
      builder.immediate = value
      return threeOperandHandlers.select(decoded, &builder)
    default: return nil
    }
  }

  private static func multiplyTiming(_ decoded: DecodedInstruction) -> TimingClass {
    switch decoded.operands.first?.byteCount {
    case 1: .multiply8
    case 2: .multiply16
    case 8: .multiply64
    default: .multiply32
    }
  }

  private static func divideTiming(_ decoded: DecodedInstruction) -> TimingClass {
    switch decoded.operands.first?.byteCount {
    case 1: .divide8
    case 2: .divide16
    case 8: .divide64
    default: .divide32
    }
  }

  private static func signedDivideTiming(_ decoded: DecodedInstruction) -> TimingClass {
    switch decoded.operands.first?.byteCount {
    case 1: .signedDivide8
    case 2: .signedDivide16
    case 8: .signedDivide64
    default: .signedDivide32
    }
  }
}

private let unsignedMultiplicationHandlers = UnaryHandlers(
  register: WidthHandlers(
    { accumulatorR(UnsignedMultiplication.self, UInt8.self, $0, $1) },
    { accumulatorR(UnsignedMultiplication.self, UInt16.self, $0, $1) },
    { accumulatorR(UnsignedMultiplication.self, UInt32.self, $0, $1) },
    { accumulatorR(UnsignedMultiplication.self, UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    { accumulatorM(UnsignedMultiplication.self, UInt8.self, $0, $1) },
    { accumulatorM(UnsignedMultiplication.self, UInt16.self, $0, $1) },
    { accumulatorM(UnsignedMultiplication.self, UInt32.self, $0, $1) },
    { accumulatorM(UnsignedMultiplication.self, UInt64.self, $0, $1) }),
  memoryTiming: .load)

private let signedMultiplicationHandlers = UnaryHandlers(
  register: WidthHandlers(
    { accumulatorR(SignedMultiplication.self, UInt8.self, $0, $1) },
    { accumulatorR(SignedMultiplication.self, UInt16.self, $0, $1) },
    { accumulatorR(SignedMultiplication.self, UInt32.self, $0, $1) },
    { accumulatorR(SignedMultiplication.self, UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    { accumulatorM(SignedMultiplication.self, UInt8.self, $0, $1) },
    { accumulatorM(SignedMultiplication.self, UInt16.self, $0, $1) },
    { accumulatorM(SignedMultiplication.self, UInt32.self, $0, $1) },
    { accumulatorM(SignedMultiplication.self, UInt64.self, $0, $1) }),
  memoryTiming: .load)

private let unsignedDivisionHandlers = UnaryHandlers(
  register: WidthHandlers(
    { accumulatorR(UnsignedDivision.self, UInt8.self, $0, $1) },
    { accumulatorR(UnsignedDivision.self, UInt16.self, $0, $1) },
    { accumulatorR(UnsignedDivision.self, UInt32.self, $0, $1) },
    { accumulatorR(UnsignedDivision.self, UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    { accumulatorM(UnsignedDivision.self, UInt8.self, $0, $1) },
    { accumulatorM(UnsignedDivision.self, UInt16.self, $0, $1) },
    { accumulatorM(UnsignedDivision.self, UInt32.self, $0, $1) },
    { accumulatorM(UnsignedDivision.self, UInt64.self, $0, $1) }),
  memoryTiming: .load)

private let signedDivisionHandlers = UnaryHandlers(
  register: WidthHandlers(
    { accumulatorR(SignedDivision.self, UInt8.self, $0, $1) },
    { accumulatorR(SignedDivision.self, UInt16.self, $0, $1) },
    { accumulatorR(SignedDivision.self, UInt32.self, $0, $1) },
    { accumulatorR(SignedDivision.self, UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    { accumulatorM(SignedDivision.self, UInt8.self, $0, $1) },
    { accumulatorM(SignedDivision.self, UInt16.self, $0, $1) },
    { accumulatorM(SignedDivision.self, UInt32.self, $0, $1) },
    { accumulatorM(SignedDivision.self, UInt64.self, $0, $1) }),
  memoryTiming: .load)

private let twoOperandHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { multiplyRR(UInt16.self, $0, $1) },
    { multiplyRR(UInt32.self, $0, $1) },
    { multiplyRR(UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { multiplyRM(UInt16.self, $0, $1) },
    { multiplyRM(UInt32.self, $0, $1) },
    { multiplyRM(UInt64.self, $0, $1) }))

private let threeOperandHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { multiplyRRI(UInt16.self, $0, $1) },
    { multiplyRRI(UInt32.self, $0, $1) },
    { multiplyRRI(UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { multiplyRMI(UInt16.self, $0, $1) },
    { multiplyRMI(UInt32.self, $0, $1) },
    { multiplyRMI(UInt64.self, $0, $1) }))
