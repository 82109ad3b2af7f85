import CCapstone

// The table of BMI1, BMI2, ADX and CRC32. `VectorTable` has their encodings, but for CRC32's; the CPUID
// flag that each takes is there.
extension InstructionForm {
  static let bitManipulation: [InstructionForm] = [
    manipulation(
      X86_INS_ANDN, .alu,
      [
        { manipulateR(AndNot.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(AndNot.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(AndNot.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(AndNot.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_BLSI, .alu,
      [
        { manipulateR(ExtractLowestBit.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(ExtractLowestBit.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(ExtractLowestBit.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(ExtractLowestBit.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_BLSMSK, .alu,
      [
        { manipulateR(MaskToLowestBit.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(MaskToLowestBit.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(MaskToLowestBit.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(MaskToLowestBit.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_BLSR, .alu,
      [
        { manipulateR(ResetLowestBit.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(ResetLowestBit.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(ResetLowestBit.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(ResetLowestBit.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_BEXTR, .alu,
      [
        { manipulateR(ExtractBits.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(ExtractBits.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(ExtractBits.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(ExtractBits.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_BZHI, .alu,
      [
        { manipulateR(ZeroHighBits.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(ZeroHighBits.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(ZeroHighBits.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(ZeroHighBits.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_PDEP, .bitScan,
      [
        { manipulateR(DepositBits.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(DepositBits.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(DepositBits.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(DepositBits.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_PEXT, .bitScan,
      [
        { manipulateR(GatherBits.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(GatherBits.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(GatherBits.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(GatherBits.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_SHLX, .alu,
      [
        { manipulateR(ShiftLeftWithoutFlags.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(ShiftLeftWithoutFlags.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(ShiftLeftWithoutFlags.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(ShiftLeftWithoutFlags.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_SHRX, .alu,
      [
        { manipulateR(ShiftRightWithoutFlags.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(ShiftRightWithoutFlags.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(ShiftRightWithoutFlags.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(ShiftRightWithoutFlags.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_SARX, .alu,
      [
        { manipulateR(ShiftRightSignedWithoutFlags.self, UInt32.self, vex: true, $0, $1) },
        { manipulateR(ShiftRightSignedWithoutFlags.self, UInt64.self, vex: true, $0, $1) },
        { manipulateM(ShiftRightSignedWithoutFlags.self, UInt32.self, vex: true, $0, $1) },
        { manipulateM(ShiftRightSignedWithoutFlags.self, UInt64.self, vex: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_ADCX, .alu,
      [
        { manipulateR(AddWithCarryFlag.self, UInt32.self, vex: false, $0, $1) },
        { manipulateR(AddWithCarryFlag.self, UInt64.self, vex: false, $0, $1) },
        { manipulateM(AddWithCarryFlag.self, UInt32.self, vex: false, $0, $1) },
        { manipulateM(AddWithCarryFlag.self, UInt64.self, vex: false, $0, $1) },
      ]),
    manipulation(
      X86_INS_ADOX, .alu,
      [
        { manipulateR(AddWithOverflowFlag.self, UInt32.self, vex: false, $0, $1) },
        { manipulateR(AddWithOverflowFlag.self, UInt64.self, vex: false, $0, $1) },
        { manipulateM(AddWithOverflowFlag.self, UInt32.self, vex: false, $0, $1) },
        { manipulateM(AddWithOverflowFlag.self, UInt64.self, vex: false, $0, $1) },
      ]),
    manipulation(
      X86_INS_RORX, .alu,
      [
        { rotateByImmediate(UInt32.self, memory: false, $0, $1) },
        { rotateByImmediate(UInt64.self, memory: false, $0, $1) },
        { rotateByImmediate(UInt32.self, memory: true, $0, $1) },
        { rotateByImmediate(UInt64.self, memory: true, $0, $1) },
      ]),
    manipulation(
      X86_INS_MULX, .multiply64,
      [
        { multiplyWithoutFlags(UInt32.self, memory: false, $0, $1) },
        { multiplyWithoutFlags(UInt64.self, memory: false, $0, $1) },
        { multiplyWithoutFlags(UInt32.self, memory: true, $0, $1) },
        { multiplyWithoutFlags(UInt64.self, memory: true, $0, $1) },
      ]),
    InstructionForm(X86_INS_CRC32, .bitScan, feature: .sse42) { decoded, builder in
      guard decoded.operands.count == 2, case .general(let offset, _) = decoded.operands[0]
      else { return nil }
      builder.destination = offset
      builder.setSource(decoded.operands[1], of: decoded)
      // Capstone's operand sizes are not to be relied on here.
      let width = decoded.opcode.2 & 1 == 0 ? 1 : decoded.operandBytes
      if !decoded.modRMIsRegister {
        builder.memoryTiming = .load
        return crcHandlers.memory?[width]
      }
      return crcHandlers.register?[width]
    },
  ]

  /// Operands: destination; ModRM; and VEX.vvvv, the immediate or the destination again.
  ///
  /// - Parameter handlers: for registers of 32 and 64 bits, then for memory.
  private static func manipulation(
    _ id: x86_insn, _ timing: TimingClass, _ handlers: [Handler]
  ) -> InstructionForm {
    InstructionForm(id, timing) { decoded, builder in
      guard let selection = decoded.vector,
        case .general(_, let order) = VectorTable.shared.entries[selection.entry].form.shape
      else { return nil }
      builder.destination = RegisterOffset.general(
        order == .vvvvRM ? selection.vvvv : selection.reg)
      builder.source = RegisterOffset.general(selection.vvvv)
      builder.immediate = UInt64(selection.immediate)
      builder.base = RegisterOffset.general(selection.rm)
      let isWide = decoded.operandBytes == 8
      guard !decoded.modRMIsRegister else { return handlers[isWide ? 1 : 0] }
      builder.memory = decoded.memory
      builder.memoryTiming = .load
      return handlers[isWide ? 3 : 2]
    }
  }
}

private let crcHandlers = UnaryHandlers(
  register: WidthHandlers(
    { accumulateCRC(UInt8.self, memory: false, $0, $1) },
    { accumulateCRC(UInt16.self, memory: false, $0, $1) },
    { accumulateCRC(UInt32.self, memory: false, $0, $1) },
    { accumulateCRC(UInt64.self, memory: false, $0, $1) }),
  memory: WidthHandlers(
    { accumulateCRC(UInt8.self, memory: true, $0, $1) },
    { accumulateCRC(UInt16.self, memory: true, $0, $1) },
    { accumulateCRC(UInt32.self, memory: true, $0, $1) },
    { accumulateCRC(UInt64.self, memory: true, $0, $1) }))
