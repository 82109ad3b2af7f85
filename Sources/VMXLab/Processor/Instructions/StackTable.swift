import CCapstone

// The table of stack instructions. In 64-bit mode the operand size is 64 bits, or 16 with 66.
extension InstructionForm {
  static let stack: [InstructionForm] = [
    InstructionForm(X86_INS_PUSH, .push) { pushForm($0, &$1) },
    InstructionForm(X86_INS_POP, .pop) { popForm($0, &$1) },
    InstructionForm(X86_INS_PUSHAW, .pushAll, .continue) { pushAll(UInt16.self, $0, $1) },
    InstructionForm(X86_INS_PUSHAL, .pushAll, .continue) { pushAll(UInt32.self, $0, $1) },
    InstructionForm(X86_INS_POPAW, .popAll, .continue) { popAll(UInt16.self, $0, $1) },
    InstructionForm(X86_INS_POPAL, .popAll, .continue) { popAll(UInt32.self, $0, $1) },
    InstructionForm(X86_INS_ENTER, .enter) { decoded, builder in
      guard decoded.operands.count == 2, case .immediate(let bytes) = decoded.operands[0],
        case .immediate(let level) = decoded.operands[1]
      else { return nil }
      builder.immediate = bytes & 0xffff
      builder.source = UInt8(truncatingIfNeeded: level & 31)
      return enterHandlers[decoded.stackBytes]
    },
    InstructionForm(X86_INS_LEAVE, .pop) { decoded, _ in leaveHandlers[decoded.stackBytes] },
  ]

  private static func pushForm(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Handler? {
    guard let operand = decoded.operands.first else { return nil }
    builder.setSource(operand, of: decoded)
    switch operand {
    case .general: return pushRegisterHandlers[decoded.stackBytes]
    case .immediate: return pushImmediateHandlers[decoded.stackBytes]
    case .memory:
      builder.memoryTiming = .load
      return pushMemoryHandlers[decoded.stackBytes]
    case .segment: return pushSegmentHandlers[decoded.stackBytes]
    default: return nil
    }
  }

  private static func popForm(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Handler? {
    guard let operand = decoded.operands.first else { return nil }
    builder.setDestination(operand, of: decoded)
    switch operand {
    case .general: return popRegisterHandlers[decoded.stackBytes]
    case .memory:
      builder.memoryTiming = .store
      return popMemoryHandlers[decoded.stackBytes]
    case .segment:
      builder.effect = .end
      builder.timing = .loadSegment
      return popSegmentHandlers[decoded.stackBytes]
    default: return nil
    }
  }
}

extension DecodedInstruction {
  /// Bytes of an operand of PUSH, POP and their kin.
  var stackBytes: Int { isLongMode && operandBytes == 4 ? 8 : operandBytes }
}

private let pushRegisterHandlers = WidthHandlers(
  nil,
  { pushRegister(UInt16.self, $0, $1) },
  { pushRegister(UInt32.self, $0, $1) },
  { pushRegisterLong($0, $1) })
private let pushImmediateHandlers = WidthHandlers(
  nil,
  { pushImmediate(UInt16.self, $0, $1) },
  { pushImmediate(UInt32.self, $0, $1) },
  { pushImmediateLong($0, $1) })
private let pushMemoryHandlers = WidthHandlers(
  nil,
  { pushMemory(UInt16.self, $0, $1) },
  { pushMemory(UInt32.self, $0, $1) },
  { pushMemoryLong($0, $1) })
private let popRegisterHandlers = WidthHandlers(
  nil,
  { popRegister(UInt16.self, $0, $1) },
  { popRegister(UInt32.self, $0, $1) },
  { popRegisterLong($0, $1) })
private let popMemoryHandlers = WidthHandlers(
  nil,
  { popMemory(UInt16.self, $0, $1) },
  { popMemory(UInt32.self, $0, $1) },
  { popMemory(UInt64.self, $0, $1) })
private let pushSegmentHandlers = WidthHandlers(
  nil,
  { pushSegment(UInt16.self, $0, $1) },
  { pushSegment(UInt32.self, $0, $1) },
  { pushSegment(UInt64.self, $0, $1) })
private let popSegmentHandlers = WidthHandlers(
  nil,
  { popSegment(UInt16.self, $0, $1) },
  { popSegment(UInt32.self, $0, $1) },
  { popSegment(UInt64.self, $0, $1) })
private let enterHandlers = WidthHandlers(
  nil,
  { enterFrame(UInt16.self, $0, $1) },
  { enterFrame(UInt32.self, $0, $1) },
  { enterFrame(UInt64.self, $0, $1) })
private let leaveHandlers = WidthHandlers(
  nil,
  { leaveFrame(UInt16.self, $0, $1) },
  { leaveFrame(UInt32.self, $0, $1) },
  { leaveFrameLong($0, $1) })
