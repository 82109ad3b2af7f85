import CCapstone

// The table of exchanges.
extension InstructionForm {
  static let exchanges: [InstructionForm] = [
    InstructionForm(X86_INS_XCHG, .alu, lockable: true) { exchangeForm($0, &$1) },
    InstructionForm(X86_INS_XADD, .exchangeMemory, lockable: true) {
      exchangeAddHandlers.select($0, &$1)
    },
    InstructionForm(X86_INS_CMPXCHG, .compareExchange, lockable: true) {
      compareExchangeHandlers.select($0, &$1)
    },
    InstructionForm(
      X86_INS_CMPXCHG8B, .compareExchange, lockable: true, feature: .cmpxchg8b
    ) { decoded, builder in
      guard decoded.hasMemoryOperand else { return nil }
      builder.memory = decoded.memory
      return compareExchange8Bytes
    },
    InstructionForm(
      X86_INS_CMPXCHG16B, .compareExchange16B, lockable: true, feature: .cmpxchg16b
    ) {
      decoded, builder in
      guard decoded.hasMemoryOperand else { return nil }
      builder.memory = decoded.memory
      return compareExchange16Bytes
    },
  ]

  /// XCHG, whose memory operand may be named first or second.
  private static func exchangeForm(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Handler? {
    var decoded = decoded
    if decoded.operands.count == 2, case .memory = decoded.operands[1] {
      decoded.operands.swapAt(0, 1)
    }
    let handler = exchangeHandlers.select(decoded, &builder)
    if decoded.hasMemoryOperand {
      builder.timing = .exchangeMemory
      builder.memoryTiming = nil
    }
    return handler
  }
}

private let exchangeHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    { exchangeRR(UInt8.self, $0, $1) },
    { exchangeRR(UInt16.self, $0, $1) },
    { exchangeRR(UInt32.self, $0, $1) },
    { exchangeRR(UInt64.self, $0, $1) }),
  memoryRegister: WidthHandlers(
    { exchangeMR(UInt8.self, $0, $1) },
    { exchangeMR(UInt16.self, $0, $1) },
    { exchangeMR(UInt32.self, $0, $1) },
    { exchangeMR(UInt64.self, $0, $1) }))

private let exchangeAddHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    { exchangeAddRR(UInt8.self, $0, $1) },
    { exchangeAddRR(UInt16.self, $0, $1) },
    { exchangeAddRR(UInt32.self, $0, $1) },
    { exchangeAddRR(UInt64.self, $0, $1) }),
  memoryRegister: WidthHandlers(
    { exchangeAddMR(UInt8.self, $0, $1) },
    { exchangeAddMR(UInt16.self, $0, $1) },
    { exchangeAddMR(UInt32.self, $0, $1) },
    { exchangeAddMR(UInt64.self, $0, $1) }))

private let compareExchangeHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    { compareExchangeRR(UInt8.self, $0, $1) },
    { compareExchangeRR(UInt16.self, $0, $1) },
    { compareExchangeRR(UInt32.self, $0, $1) },
    { compareExchangeRR(UInt64.self, $0, $1) }),
  memoryRegister: WidthHandlers(
    { compareExchangeMR(UInt8.self, $0, $1) },
    { compareExchangeMR(UInt16.self, $0, $1) },
    { compareExchangeMR(UInt32.self, $0, $1) },
    { compareExchangeMR(UInt64.self, $0, $1) }))
