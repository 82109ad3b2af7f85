import CCapstone

// From Capstone's instruction numbers to MMX handlers. Instructions with a mandatory prefix, which use
// XMM registers, do not come here: `VectorDecoder` takes them.
//
// Source: Intel SDM, "MMX Instruction Set", and the 64-bit forms of the packed-integer instructions of
// SSE, SSE2 and SSSE3.
extension InstructionForm {
  static let mmx: [InstructionForm] = mmxPacked + mmxShifts + mmxMoves

  private static let mmxPacked: [InstructionForm] = [
    packed(X86_INS_PADDB, .sse) { a, b, _ in PackedInteger.addBytes(a, b) },
    packed(X86_INS_PADDW, .sse) { a, b, _ in PackedInteger.addWords(a, b) },
    packed(X86_INS_PADDD, .sse) { a, b, _ in PackedInteger.addDoublewords(a, b) },
    packed(X86_INS_PADDQ, .sse, feature: .sse2) { a, b, _ in PackedInteger.addQuadwords(a, b) },
    packed(X86_INS_PADDSB, .sse) { a, b, _ in PackedInteger.addSaturatingSignedBytes(a, b) },
    packed(X86_INS_PADDSW, .sse) { a, b, _ in PackedInteger.addSaturatingSignedWords(a, b) },
    packed(X86_INS_PADDUSB, .sse) { a, b, _ in PackedInteger.addSaturatingUnsignedBytes(a, b) },
    packed(X86_INS_PADDUSW, .sse) { a, b, _ in PackedInteger.addSaturatingUnsignedWords(a, b) },
    packed(X86_INS_PSUBB, .sse) { a, b, _ in PackedInteger.subtractBytes(a, b) },
    packed(X86_INS_PSUBW, .sse) { a, b, _ in PackedInteger.subtractWords(a, b) },
    packed(X86_INS_PSUBD, .sse) { a, b, _ in PackedInteger.subtractDoublewords(a, b) },
    packed(X86_INS_PSUBQ, .sse, feature: .sse2) { a, b, _ in PackedInteger.subtractQuadwords(a, b)
    },
    packed(X86_INS_PSUBSB, .sse) { a, b, _ in PackedInteger.subtractSaturatingSignedBytes(a, b) },
    packed(X86_INS_PSUBSW, .sse) { a, b, _ in PackedInteger.subtractSaturatingSignedWords(a, b) },
    packed(X86_INS_PSUBUSB, .sse) { a, b, _ in PackedInteger.subtractSaturatingUnsignedBytes(a, b)
    },
    packed(X86_INS_PSUBUSW, .sse) { a, b, _ in PackedInteger.subtractSaturatingUnsignedWords(a, b)
    },
    packed(X86_INS_PAND, .sse) { a, b, _ in PackedInteger.and(a, b) },
    packed(X86_INS_PANDN, .sse) { a, b, _ in PackedInteger.andNot(a, b) },
    packed(X86_INS_POR, .sse) { a, b, _ in PackedInteger.or(a, b) },
    packed(X86_INS_PXOR, .sse) { a, b, _ in PackedInteger.exclusiveOr(a, b) },
    packed(X86_INS_PCMPEQB, .sse) { a, b, _ in PackedInteger.equalBytes(a, b) },
    packed(X86_INS_PCMPEQW, .sse) { a, b, _ in PackedInteger.equalWords(a, b) },
    packed(X86_INS_PCMPEQD, .sse) { a, b, _ in PackedInteger.equalDoublewords(a, b) },
    packed(X86_INS_PCMPGTB, .sse) { a, b, _ in PackedInteger.greaterBytes(a, b) },
    packed(X86_INS_PCMPGTW, .sse) { a, b, _ in PackedInteger.greaterWords(a, b) },
    packed(X86_INS_PCMPGTD, .sse) { a, b, _ in PackedInteger.greaterDoublewords(a, b) },
    packed(X86_INS_PMINUB, .sse, feature: .sse) { a, b, _ in
      PackedInteger.minimumUnsignedBytes(a, b)
    },
    packed(X86_INS_PMINSW, .sse, feature: .sse) { a, b, _ in PackedInteger.minimumSignedWords(a, b)
    },
    packed(X86_INS_PMAXUB, .sse, feature: .sse) { a, b, _ in
      PackedInteger.maximumUnsignedBytes(a, b)
    },
    packed(X86_INS_PMAXSW, .sse, feature: .sse) { a, b, _ in PackedInteger.maximumSignedWords(a, b)
    },
    packed(X86_INS_PAVGB, .sse, feature: .sse) { a, b, _ in PackedInteger.averageBytes(a, b) },
    packed(X86_INS_PAVGW, .sse, feature: .sse) { a, b, _ in PackedInteger.averageWords(a, b) },
    packed(X86_INS_PSADBW, .sse, feature: .sse) { a, b, _ in
      PackedInteger.sumOfAbsoluteDifferences(a, b)
    },
    packed(X86_INS_PSIGNB, .sse, feature: .ssse3) { a, b, _ in PackedInteger.signBytes(a, b) },
    packed(X86_INS_PSIGNW, .sse, feature: .ssse3) { a, b, _ in PackedInteger.signWords(a, b) },
    packed(X86_INS_PSIGND, .sse, feature: .ssse3) { a, b, _ in PackedInteger.signDoublewords(a, b)
    },
    packed(X86_INS_PSHUFB, .sse, feature: .ssse3) { a, b, _ in PackedInteger.shuffleBytes(a, b) },
    packed(X86_INS_PMULLW, .sseMultiply) { a, b, _ in PackedInteger.multiplyLowWords(a, b) },
    packed(X86_INS_PMULHW, .sseMultiply) { a, b, _ in PackedInteger.multiplyHighSignedWords(a, b) },
    packed(X86_INS_PMULHUW, .sseMultiply, feature: .sse) { a, b, _ in
      PackedInteger.multiplyHighUnsignedWords(a, b)
    },
    packed(X86_INS_PMULUDQ, .sseMultiply, feature: .sse2) { a, b, _ in
      PackedInteger.multiplyUnsignedDoublewords(a, b)
    },
    packed(X86_INS_PMADDWD, .sseMultiply) { a, b, _ in PackedInteger.multiplyAddWords(a, b) },
    packed(X86_INS_PMULHRSW, .sseMultiply, feature: .ssse3) { a, b, _ in
      PackedInteger.multiplyHighRoundingWords(a, b)
    },
    packed(X86_INS_PMADDUBSW, .sseMultiply, feature: .ssse3) { a, b, _ in
      PackedInteger.multiplyAddBytes(a, b)
    },
    packed(X86_INS_PABSB, .sse, feature: .ssse3) { _, b, _ in PackedInteger.absoluteBytes(b) },
    packed(X86_INS_PABSW, .sse, feature: .ssse3) { _, b, _ in PackedInteger.absoluteWords(b) },
    packed(X86_INS_PABSD, .sse, feature: .ssse3) { _, b, _ in PackedInteger.absoluteDoublewords(b)
    },
    packed(X86_INS_PACKSSWB, .sse) { a, b, _ in
      PackedInteger.join(PackedInteger.packSignedWords(a), PackedInteger.packSignedWords(b))
    },
    packed(X86_INS_PACKUSWB, .sse) { a, b, _ in
      PackedInteger.join(PackedInteger.packUnsignedWords(a), PackedInteger.packUnsignedWords(b))
    },
    packed(X86_INS_PACKSSDW, .sse) { a, b, _ in
      PackedInteger.join(
        PackedInteger.packSignedDoublewords(a), PackedInteger.packSignedDoublewords(b))
    },
    packed(X86_INS_PHADDW, .sse, feature: .ssse3) { a, b, _ in
      PackedInteger.join(PackedInteger.addNeighbourWords(a), PackedInteger.addNeighbourWords(b))
    },
    packed(X86_INS_PHADDD, .sse, feature: .ssse3) { a, b, _ in
      PackedInteger.join(
        PackedInteger.addNeighbourDoublewords(a), PackedInteger.addNeighbourDoublewords(b))
    },
    packed(X86_INS_PHADDSW, .sse, feature: .ssse3) { a, b, _ in
      PackedInteger.join(
        PackedInteger.addNeighbourWordsSaturating(a), PackedInteger.addNeighbourWordsSaturating(b))
    },
    packed(X86_INS_PHSUBW, .sse, feature: .ssse3) { a, b, _ in
      PackedInteger.join(
        PackedInteger.subtractNeighbourWords(a), PackedInteger.subtractNeighbourWords(b))
    },
    packed(X86_INS_PHSUBD, .sse, feature: .ssse3) { a, b, _ in
      PackedInteger.join(
        PackedInteger.subtractNeighbourDoublewords(a), PackedInteger.subtractNeighbourDoublewords(b)
      )
    },
    packed(X86_INS_PHSUBSW, .sse, feature: .ssse3) { a, b, _ in
      PackedInteger.join(
        PackedInteger.subtractNeighbourWordsSaturating(a),
        PackedInteger.subtractNeighbourWordsSaturating(b))
    },
    packed(X86_INS_PUNPCKHBW, .sse) { a, b, _ in PackedInteger.interleaveHighBytes(a, b) },
    packed(X86_INS_PUNPCKHWD, .sse) { a, b, _ in PackedInteger.interleaveHighWords(a, b) },
    packed(X86_INS_PUNPCKHDQ, .sse) { a, b, _ in PackedInteger.interleaveHighDoublewords(a, b) },
    packedLow(X86_INS_PUNPCKLBW, .sse) { a, b, _ in PackedInteger.interleaveLowBytes(a, b) },
    packedLow(X86_INS_PUNPCKLWD, .sse) { a, b, _ in PackedInteger.interleaveLowWords(a, b) },
    packedLow(X86_INS_PUNPCKLDQ, .sse) { a, b, _ in PackedInteger.interleaveLowDoublewords(a, b) },
    packed(X86_INS_PSHUFW, .sse, feature: .sse) { _, b, order in
      PackedInteger.shuffleWords(b, order)
    },
    packed(X86_INS_PALIGNR, .sse, feature: .ssse3) { a, b, count in
      PackedInteger.alignRight(a, b, count)
    },
  ]

  private static let mmxShifts: [InstructionForm] = [
    shift(
      X86_INS_PSLLW, { a, b, _ in PackedInteger.shiftWordsLeft(a, b) },
      byImmediate: { a, _, count in PackedInteger.shiftWordsLeft(a, count) }),
    shift(
      X86_INS_PSLLD, { a, b, _ in PackedInteger.shiftDoublewordsLeft(a, b) },
      byImmediate: { a, _, count in PackedInteger.shiftDoublewordsLeft(a, count) }),
    shift(
      X86_INS_PSLLQ, { a, b, _ in PackedInteger.shiftQuadwordsLeft(a, b) },
      byImmediate: { a, _, count in PackedInteger.shiftQuadwordsLeft(a, count) }),
    shift(
      X86_INS_PSRLW, { a, b, _ in PackedInteger.shiftWordsRight(a, b) },
      byImmediate: { a, _, count in PackedInteger.shiftWordsRight(a, count) }),
    shift(
      X86_INS_PSRLD, { a, b, _ in PackedInteger.shiftDoublewordsRight(a, b) },
      byImmediate: { a, _, count in PackedInteger.shiftDoublewordsRight(a, count) }),
    shift(
      X86_INS_PSRLQ, { a, b, _ in PackedInteger.shiftQuadwordsRight(a, b) },
      byImmediate: { a, _, count in PackedInteger.shiftQuadwordsRight(a, count) }),
    shift(
      X86_INS_PSRAW, { a, b, _ in PackedInteger.shiftWordsRightSigned(a, b) },
      byImmediate: { a, _, count in PackedInteger.shiftWordsRightSigned(a, count) }),
    shift(
      X86_INS_PSRAD, { a, b, _ in PackedInteger.shiftDoublewordsRightSigned(a, b) },
      byImmediate: { a, _, count in PackedInteger.shiftDoublewordsRightSigned(a, count) }),
  ]

  private static let mmxMoves: [InstructionForm] = [
    InstructionForm(X86_INS_MOVD, .sse, feature: .mmx) { selectMove($0, &$1) },
    InstructionForm(X86_INS_MOVQ, .sse, feature: .mmx) { selectMove($0, &$1) },
    InstructionForm(X86_INS_MOVNTQ, .store, feature: .sse) { decoded, builder in
      guard !decoded.modRMIsRegister else { return nil }
      builder.setMMX(decoded)
      return MMXHandlers.storeMemory64
    },
    InstructionForm(X86_INS_PINSRW, .sse, feature: .sse) { decoded, builder in
      builder.setMMX(decoded)
      builder.immediate = UInt64(decoded.mmxImmediate)
      if decoded.modRMIsRegister {
        builder.source = decoded.generalOperandOffset
        return MMXHandlers.insertRegister
      }
      builder.memoryTiming = .load
      return MMXHandlers.insertMemory
    },
    InstructionForm(X86_INS_PEXTRW, .sse, feature: .sse) { decoded, builder in
      selectToGeneral(decoded, &builder, MMXHandlers.extract)
    },
    InstructionForm(X86_INS_PMOVMSKB, .sse, feature: .sse) { decoded, builder in
      selectToGeneral(decoded, &builder, MMXHandlers.signMask)
    },
    InstructionForm(X86_INS_MASKMOVQ, .store, feature: .sse) { decoded, builder in
      guard decoded.modRMIsRegister else { return nil }
      builder.setMMX(decoded)
      builder.memory = DecodedMemory(
        base: RegisterOffset.general(7), segment: decoded.segmentOverride ?? .ds)
      return MMXHandlers.maskedMove
    },
    InstructionForm(
      X86_INS_EMMS, .x87Control, .continue, feature: .mmx, handler: MMXHandlers.empty),
  ]

  // MARK: Shapes

  /// mm ← mm, mm/m64 and perhaps an immediate byte.
  private static func packed(
    _ id: x86_insn, _ timing: TimingClass, feature: CPUFeature = .mmx,
    _ kernel: @escaping MMXKernel
  ) -> InstructionForm {
    InstructionForm(id, timing, feature: feature) { decoded, builder in
      selectPacked(decoded, &builder, kernel, memory: MMXHandlers.registerMemory64)
    }
  }

  /// mm ← mm, mm/m32.
  private static func packedLow(
    _ id: x86_insn, _ timing: TimingClass, _ kernel: @escaping MMXKernel
  ) -> InstructionForm {
    InstructionForm(id, timing, feature: .mmx) { decoded, builder in
      selectPacked(decoded, &builder, kernel, memory: MMXHandlers.registerMemory32)
    }
  }

  private static func selectPacked(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder, _ kernel: MMXKernel,
    memory: @escaping Handler
  ) -> Handler? {
    builder.setMMX(decoded)
    builder.source = decoded.mmxImmediate
    builder.setKernel(kernel)
    if decoded.modRMIsRegister { return MMXHandlers.registerRegister }
    builder.memoryTiming = .load
    return memory
  }

  /// mm ← mm, mm/m64, or mm ← mm, immediate byte.
  private static func shift(
    _ id: x86_insn, _ kernel: @escaping MMXKernel, byImmediate: @escaping MMXKernel
  ) -> InstructionForm {
    InstructionForm(id, .sse, feature: .mmx) { decoded, builder in
      guard (0x71...0x73).contains(decoded.opcode.1) else {
        return selectPacked(decoded, &builder, kernel, memory: MMXHandlers.registerMemory64)
      }
      guard decoded.modRMIsRegister else { return nil }
      builder.destination = decoded.modRM & 7
      builder.source = decoded.mmxImmediate
      builder.setKernel(byImmediate)
      return MMXHandlers.registerRegister
    }
  }

  private static func selectMove(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Handler? {
    builder.setMMX(decoded)
    let isMemory = !decoded.modRMIsRegister
    switch decoded.opcode.1 {
    case 0x6f:
      builder.setKernel { _, b, _ in b }
      if isMemory { builder.memoryTiming = .load }
      return isMemory ? MMXHandlers.registerMemory64 : MMXHandlers.registerRegister
    case 0x6e:
      if isMemory {
        builder.setKernel { _, b, _ in b }
        builder.memoryTiming = .load
        return decoded.rexW ? MMXHandlers.registerMemory64 : MMXHandlers.registerMemory32
      }
      builder.source = decoded.generalOperandOffset
      return decoded.rexW ? MMXHandlers.loadRegister64 : MMXHandlers.loadRegister32
    case 0x7e:
      if isMemory {
        builder.timing = .store
        return decoded.rexW ? MMXHandlers.storeMemory64 : MMXHandlers.storeMemory32
      }
      builder.source = decoded.generalOperandOffset
      return decoded.rexW ? MMXHandlers.storeRegister64 : MMXHandlers.storeRegister32
    case 0x7f:
      if isMemory {
        builder.timing = .store
        return MMXHandlers.storeMemory64
      }
      // To the register in ModRM.rm.
      builder.destination = decoded.modRM & 7 | decoded.modRMReg << 3
      builder.setKernel { _, b, _ in b }
      return MMXHandlers.registerRegister
    default: return nil
    }
  }

  /// General register ← mm, which ModRM.rm names.
  private static func selectToGeneral(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder,
    _ handler: @escaping Handler
  ) -> Handler? {
    guard decoded.modRMIsRegister else { return nil }
    builder.destination = decoded.modRM & 7
    builder.source = decoded.generalOperandOffset
    builder.immediate = UInt64(decoded.mmxImmediate)
    return handler
  }
}

extension InstructionBuilder {
  /// Takes over the MMX registers that ModRM names, and its memory operand.
  fileprivate mutating func setMMX(_ decoded: DecodedInstruction) {
    destination = decoded.modRMReg | (decoded.modRM & 7) << 3
    if !decoded.modRMIsRegister { memory = decoded.memory }
  }
}

extension DecodedInstruction {
  /// The immediate byte; 0 if there is none.
  fileprivate var mmxImmediate: UInt8 {
    for operand in operands {
      if case .immediate(let value) = operand { return UInt8(truncatingIfNeeded: value) }
    }
    return 0
  }

  /// Where the one general register among the operands is.
  fileprivate var generalOperandOffset: UInt8 {
    for operand in operands {
      if case .general(let offset, _) = operand { return offset }
    }
    return RegisterOffset.general(0)
  }
}
