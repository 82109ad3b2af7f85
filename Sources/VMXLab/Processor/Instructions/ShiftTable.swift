import CCapstone

// The table of shifts and rotations.
extension InstructionForm {
  static let shifts: [InstructionForm] = [
    shift(X86_INS_SHL, shiftLeftHandlers), shift(X86_INS_SAL, shiftLeftHandlers),
    shift(X86_INS_SHR, shiftRightHandlers), shift(X86_INS_SAR, shiftArithmeticRightHandlers),
    shift(X86_INS_ROL, rotateLeftHandlers), shift(X86_INS_ROR, rotateRightHandlers),
    shift(X86_INS_RCL, rotateLeftThroughCarryHandlers, .rotateCarry),
    shift(X86_INS_RCR, rotateRightThroughCarryHandlers, .rotateCarry),
    doubleShift(X86_INS_SHLD, doubleShiftLeftHandlers),
    doubleShift(X86_INS_SHRD, doubleShiftRightHandlers),
  ]

  private static func shift(
    _ id: x86_insn, _ handlers: ShiftHandlers, _ timing: TimingClass = .shift
  ) -> InstructionForm {
    InstructionForm(id, timing) { handlers.select($0, &$1) }
  }

  private static func doubleShift(
    _ id: x86_insn, _ handlers: ShiftHandlers
  ) -> InstructionForm {
    InstructionForm(id, .shiftDouble) { decoded, builder in
      guard decoded.operands.count == 3 else { return nil }
      builder.setSource(decoded.operands[1], of: decoded)
      return handlers.select(decoded, &builder)
    }
  }
}

/// Handlers of a shift by the kind of its first operand and by what holds the count, its last.
private struct ShiftHandlers: Sendable {
  var registerImmediate: WidthHandlers
  var registerCL: WidthHandlers
  var memoryImmediate: WidthHandlers
  var memoryCL: WidthHandlers

  func select(_ decoded: DecodedInstruction, _ builder: inout InstructionBuilder) -> Handler? {
    guard let operand = decoded.operands.first, let count = decoded.operands.last else {
      return nil
    }
    builder.setDestination(operand, of: decoded)
    if case .memory = operand { builder.memoryTiming = .readModifyWrite }
    if case .immediate(let value) = count {
      builder.immediate = value
      switch operand {
      case .general(_, let bytes): return registerImmediate[bytes]
      case .memory(let bytes): return memoryImmediate[bytes]
      default: return nil
      }
    }
    switch operand {
    case .general(_, let bytes): return registerCL[bytes]
    case .memory(let bytes): return memoryCL[bytes]
    default: return nil
    }
  }
}

private let shiftLeftHandlers = ShiftHandlers(
  registerImmediate: WidthHandlers(
    { shiftRI(ShiftLeft.self, UInt8.self, $0, $1) },
    { shiftRI(ShiftLeft.self, UInt16.self, $0, $1) },
    { shiftRI(ShiftLeft.self, UInt32.self, $0, $1) },
    { shiftRI(ShiftLeft.self, UInt64.self, $0, $1) }),
  registerCL: WidthHandlers(
    { shiftRC(ShiftLeft.self, UInt8.self, $0, $1) },
    { shiftRC(ShiftLeft.self, UInt16.self, $0, $1) },
    { shiftRC(ShiftLeft.self, UInt32.self, $0, $1) },
    { shiftRC(ShiftLeft.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    { shiftMI(ShiftLeft.self, UInt8.self, $0, $1) },
    { shiftMI(ShiftLeft.self, UInt16.self, $0, $1) },
    { shiftMI(ShiftLeft.self, UInt32.self, $0, $1) },
    { shiftMI(ShiftLeft.self, UInt64.self, $0, $1) }),
  memoryCL: WidthHandlers(
    { shiftMC(ShiftLeft.self, UInt8.self, $0, $1) },
    { shiftMC(ShiftLeft.self, UInt16.self, $0, $1) },
    { shiftMC(ShiftLeft.self, UInt32.self, $0, $1) },
    { shiftMC(ShiftLeft.self, UInt64.self, $0, $1) }))

private let shiftRightHandlers = ShiftHandlers(
  registerImmediate: WidthHandlers(
    { shiftRI(ShiftRight.self, UInt8.self, $0, $1) },
    { shiftRI(ShiftRight.self, UInt16.self, $0, $1) },
    { shiftRI(ShiftRight.self, UInt32.self, $0, $1) },
    { shiftRI(ShiftRight.self, UInt64.self, $0, $1) }),
  registerCL: WidthHandlers(
    { shiftRC(ShiftRight.self, UInt8.self, $0, $1) },
    { shiftRC(ShiftRight.self, UInt16.self, $0, $1) },
    { shiftRC(ShiftRight.self, UInt32.self, $0, $1) },
    { shiftRC(ShiftRight.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    { shiftMI(ShiftRight.self, UInt8.self, $0, $1) },
    { shiftMI(ShiftRight.self, UInt16.self, $0, $1) },
    { shiftMI(ShiftRight.self, UInt32.self, $0, $1) },
    { shiftMI(ShiftRight.self, UInt64.self, $0, $1) }),
  memoryCL: WidthHandlers(
    { shiftMC(ShiftRight.self, UInt8.self, $0, $1) },
    { shiftMC(ShiftRight.self, UInt16.self, $0, $1) },
    { shiftMC(ShiftRight.self, UInt32.self, $0, $1) },
    { shiftMC(ShiftRight.self, UInt64.self, $0, $1) }))

private let shiftArithmeticRightHandlers = ShiftHandlers(
  registerImmediate: WidthHandlers(
    { shiftRI(ShiftArithmeticRight.self, UInt8.self, $0, $1) },
    { shiftRI(ShiftArithmeticRight.self, UInt16.self, $0, $1) },
    { shiftRI(ShiftArithmeticRight.self, UInt32.self, $0, $1) },
    { shiftRI(ShiftArithmeticRight.self, UInt64.self, $0, $1) }),
  registerCL: WidthHandlers(
    { shiftRC(ShiftArithmeticRight.self, UInt8.self, $0, $1) },
    { shiftRC(ShiftArithmeticRight.self, UInt16.self, $0, $1) },
    { shiftRC(ShiftArithmeticRight.self, UInt32.self, $0, $1) },
    { shiftRC(ShiftArithmeticRight.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    { shiftMI(ShiftArithmeticRight.self, UInt8.self, $0, $1) },
    { shiftMI(ShiftArithmeticRight.self, UInt16.self, $0, $1) },
    { shiftMI(ShiftArithmeticRight.self, UInt32.self, $0, $1) },
    { shiftMI(ShiftArithmeticRight.self, UInt64.self, $0, $1) }),
  memoryCL: WidthHandlers(
    { shiftMC(ShiftArithmeticRight.self, UInt8.self, $0, $1) },
    { shiftMC(ShiftArithmeticRight.self, UInt16.self, $0, $1) },
    { shiftMC(ShiftArithmeticRight.self, UInt32.self, $0, $1) },
    { shiftMC(ShiftArithmeticRight.self, UInt64.self, $0, $1) }))

private let rotateLeftHandlers = ShiftHandlers(
  registerImmediate: WidthHandlers(
    { shiftRI(RotateLeft.self, UInt8.self, $0, $1) },
    { shiftRI(RotateLeft.self, UInt16.self, $0, $1) },
    { shiftRI(RotateLeft.self, UInt32.self, $0, $1) },
    { shiftRI(RotateLeft.self, UInt64.self, $0, $1) }),
  registerCL: WidthHandlers(
    { shiftRC(RotateLeft.self, UInt8.self, $0, $1) },
    { shiftRC(RotateLeft.self, UInt16.self, $0, $1) },
    { shiftRC(RotateLeft.self, UInt32.self, $0, $1) },
    { shiftRC(RotateLeft.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    { shiftMI(RotateLeft.self, UInt8.self, $0, $1) },
    { shiftMI(RotateLeft.self, UInt16.self, $0, $1) },
    { shiftMI(RotateLeft.self, UInt32.self, $0, $1) },
    { shiftMI(RotateLeft.self, UInt64.self, $0, $1) }),
  memoryCL: WidthHandlers(
    { shiftMC(RotateLeft.self, UInt8.self, $0, $1) },
    { shiftMC(RotateLeft.self, UInt16.self, $0, $1) },
    { shiftMC(RotateLeft.self, UInt32.self, $0, $1) },
    { shiftMC(RotateLeft.self, UInt64.self, $0, $1) }))

private let rotateRightHandlers = ShiftHandlers(
  registerImmediate: WidthHandlers(
    { shiftRI(RotateRight.self, UInt8.self, $0, $1) },
    { shiftRI(RotateRight.self, UInt16.self, $0, $1) },
    { shiftRI(RotateRight.self, UInt32.self, $0, $1) },
    { shiftRI(RotateRight.self, UInt64.self, $0, $1) }),
  registerCL: WidthHandlers(
    { shiftRC(RotateRight.self, UInt8.self, $0, $1) },
    { shiftRC(RotateRight.self, UInt16.self, $0, $1) },
    { shiftRC(RotateRight.self, UInt32.self, $0, $1) },
    { shiftRC(RotateRight.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    { shiftMI(RotateRight.self, UInt8.self, $0, $1) },
    { shiftMI(RotateRight.self, UInt16.self, $0, $1) },
    { shiftMI(RotateRight.self, UInt32.self, $0, $1) },
    { shiftMI(RotateRight.self, UInt64.self, $0, $1) }),
  memoryCL: WidthHandlers(
    { shiftMC(RotateRight.self, UInt8.self, $0, $1) },
    { shiftMC(RotateRight.self, UInt16.self, $0, $1) },
    { shiftMC(RotateRight.self, UInt32.self, $0, $1) },
    { shiftMC(RotateRight.self, UInt64.self, $0, $1) }))

private let rotateLeftThroughCarryHandlers = ShiftHandlers(
  registerImmediate: WidthHandlers(
    { shiftRI(RotateLeftThroughCarry.self, UInt8.self, $0, $1) },
    { shiftRI(RotateLeftThroughCarry.self, UInt16.self, $0, $1) },
    { shiftRI(RotateLeftThroughCarry.self, UInt32.self, $0, $1) },
    { shiftRI(RotateLeftThroughCarry.self, UInt64.self, $0, $1) }),
  registerCL: WidthHandlers(
    { shiftRC(RotateLeftThroughCarry.self, UInt8.self, $0, $1) },
    { shiftRC(RotateLeftThroughCarry.self, UInt16.self, $0, $1) },
    { shiftRC(RotateLeftThroughCarry.self, UInt32.self, $0, $1) },
    { shiftRC(RotateLeftThroughCarry.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    { shiftMI(RotateLeftThroughCarry.self, UInt8.self, $0, $1) },
    { shiftMI(RotateLeftThroughCarry.self, UInt16.self, $0, $1) },
    { shiftMI(RotateLeftThroughCarry.self, UInt32.self, $0, $1) },
    { shiftMI(RotateLeftThroughCarry.self, UInt64.self, $0, $1) }),
  memoryCL: WidthHandlers(
    { shiftMC(RotateLeftThroughCarry.self, UInt8.self, $0, $1) },
    { shiftMC(RotateLeftThroughCarry.self, UInt16.self, $0, $1) },
    { shiftMC(RotateLeftThroughCarry.self, UInt32.self, $0, $1) },
    { shiftMC(RotateLeftThroughCarry.self, UInt64.self, $0, $1) }))

private let rotateRightThroughCarryHandlers = ShiftHandlers(
  registerImmediate: WidthHandlers(
    { shiftRI(RotateRightThroughCarry.self, UInt8.self, $0, $1) },
    { shiftRI(RotateRightThroughCarry.self, UInt16.self, $0, $1) },
    { shiftRI(RotateRightThroughCarry.self, UInt32.self, $0, $1) },
    { shiftRI(RotateRightThroughCarry.self, UInt64.self, $0, $1) }),
  registerCL: WidthHandlers(
    { shiftRC(RotateRightThroughCarry.self, UInt8.self, $0, $1) },
    { shiftRC(RotateRightThroughCarry.self, UInt16.self, $0, $1) },
    { shiftRC(RotateRightThroughCarry.self, UInt32.self, $0, $1) },
    { shiftRC(RotateRightThroughCarry.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    { shiftMI(RotateRightThroughCarry.self, UInt8.self, $0, $1) },
    { shiftMI(RotateRightThroughCarry.self, UInt16.self, $0, $1) },
    { shiftMI(RotateRightThroughCarry.self, UInt32.self, $0, $1) },
    { shiftMI(RotateRightThroughCarry.self, UInt64.self, $0, $1) }),
  memoryCL: WidthHandlers(
    { shiftMC(RotateRightThroughCarry.self, UInt8.self, $0, $1) },
    { shiftMC(RotateRightThroughCarry.self, UInt16.self, $0, $1) },
    { shiftMC(RotateRightThroughCarry.self, UInt32.self, $0, $1) },
    { shiftMC(RotateRightThroughCarry.self, UInt64.self, $0, $1) }))

private let doubleShiftLeftHandlers = ShiftHandlers(
  registerImmediate: WidthHandlers(
    nil,
    { doubleShiftR(DoubleShiftLeft.self, UInt16.self, byCL: false, $0, $1) },
    { doubleShiftR(DoubleShiftLeft.self, UInt32.self, byCL: false, $0, $1) },
    { doubleShiftR(DoubleShiftLeft.self, UInt64.self, byCL: false, $0, $1) }),
  registerCL: WidthHandlers(
    nil,
    { doubleShiftR(DoubleShiftLeft.self, UInt16.self, byCL: true, $0, $1) },
    { doubleShiftR(DoubleShiftLeft.self, UInt32.self, byCL: true, $0, $1) },
    { doubleShiftR(DoubleShiftLeft.self, UInt64.self, byCL: true, $0, $1) }),
  memoryImmediate: WidthHandlers(
    nil,
    { doubleShiftM(DoubleShiftLeft.self, UInt16.self, byCL: false, $0, $1) },
    { doubleShiftM(DoubleShiftLeft.self, UInt32.self, byCL: false, $0, $1) },
    { doubleShiftM(DoubleShiftLeft.self, UInt64.self, byCL: false, $0, $1) }),
  memoryCL: WidthHandlers(
    nil,
    { doubleShiftM(DoubleShiftLeft.self, UInt16.self, byCL: true, $0, $1) },
    { doubleShiftM(DoubleShiftLeft.self, UInt32.self, byCL: true, $0, $1) },
    { doubleShiftM(DoubleShiftLeft.self, UInt64.self, byCL: true, $0, $1) }))

private let doubleShiftRightHandlers = ShiftHandlers(
  registerImmediate: WidthHandlers(
    nil,
    { doubleShiftR(DoubleShiftRight.self, UInt16.self, byCL: false, $0, $1) },
    { doubleShiftR(DoubleShiftRight.self, UInt32.self, byCL: false, $0, $1) },
    { doubleShiftR(DoubleShiftRight.self, UInt64.self, byCL: false, $0, $1) }),
  registerCL: WidthHandlers(
    nil,
    { doubleShiftR(DoubleShiftRight.self, UInt16.self, byCL: true, $0, $1) },
    { doubleShiftR(DoubleShiftRight.self, UInt32.self, byCL: true, $0, $1) },
    { doubleShiftR(DoubleShiftRight.self, UInt64.self, byCL: true, $0, $1) }),
  memoryImmediate: WidthHandlers(
    nil,
    { doubleShiftM(DoubleShiftRight.self, UInt16.self, byCL: false, $0, $1) },
    { doubleShiftM(DoubleShiftRight.self, UInt32.self, byCL: false, $0, $1) },
    { doubleShiftM(DoubleShiftRight.self, UInt64.self, byCL: false, $0, $1) }),
  memoryCL: WidthHandlers(
    nil,
    { doubleShiftM(DoubleShiftRight.self, UInt16.self, byCL: true, $0, $1) },
    { doubleShiftM(DoubleShiftRight.self, UInt32.self, byCL: true, $0, $1) },
    { doubleShiftM(DoubleShiftRight.self, UInt64.self, byCL: true, $0, $1) }))
