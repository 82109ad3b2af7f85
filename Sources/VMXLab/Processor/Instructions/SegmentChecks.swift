import CCapstone

// LAR, LSL, VERR, VERW, ARPL.
//
// Source: Intel SDM, "Pointer Validation" and the pages of these instructions.
extension InstructionForm {
  static let segmentChecks: [InstructionForm] = [
    InstructionForm(X86_INS_LAR, .segmentQuery, .end) { decoded, builder in
      guard setOperands(decoded, &builder) else { return nil }
      return { state, i in system(state, i) { cpu, i in cpu.loadAccessRights(i) } }
    },
    InstructionForm(X86_INS_LSL, .segmentQuery, .end) { decoded, builder in
      guard setOperands(decoded, &builder) else { return nil }
      return { state, i in system(state, i) { cpu, i in cpu.loadSegmentLimit(i) } }
    },
    InstructionForm(X86_INS_VERR, .segmentQuery, .end) { decoded, builder in
      setOperand(decoded, &builder)
      return { state, i in system(state, i) { cpu, i in cpu.verifySegment(i, forWrite: false) } }
    },
    InstructionForm(X86_INS_VERW, .segmentQuery, .end) { decoded, builder in
      setOperand(decoded, &builder)
      return { state, i in system(state, i) { cpu, i in cpu.verifySegment(i, forWrite: true) } }
    },
    InstructionForm(X86_INS_ARPL, .segmentQuery, .end) { decoded, builder in
      guard decoded.operands.count == 2, case .general(let source, _) = decoded.operands[1] else {
        return nil
      }
      builder.source = source
      guard case .general(let destination, _) = decoded.operands[0] else {
        builder.memory = decoded.memory
        return { state, i in system(state, i) { cpu, i in cpu.adjustRPLInMemory(i) } }
      }
      builder.destination = destination
      return { state, i in system(state, i) { cpu, i in cpu.adjustRPL(i) } }
    },
  ]

  /// Destination register in `immediate`; the selector as for LLDT: a register (`source` is 1,
  /// `destination` its offset) or memory.
  private static func setOperands(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Bool {
    guard decoded.operands.count == 2, case .general(let result, _) = decoded.operands[0] else {
      return false
    }
    builder.immediate = UInt64(result)
    if case .general(let offset, _) = decoded.operands[1] {
      builder.destination = offset
      builder.source = 1
    } else {
      builder.memory = decoded.memory
    }
    return true
  }

  private static func setOperand(_ decoded: DecodedInstruction, _ builder: inout InstructionBuilder)
  {
    if case .general(let offset, _)? = decoded.operands.first {
      builder.destination = offset
      builder.source = 1
    } else {
      builder.memory = decoded.memory
    }
  }
}

extension Processor {
  /// The descriptor that the selector operand names, if it can be seen from the CPL; nil with ZF
  /// cleared if not, or after recording a fault.
  private mutating func visibleDescriptor(
    _ i: InstructionReference, systemTypes: UInt32
  ) -> Descriptor? {
    guard isProtected else {
      raise(.invalidOpcode)
      return nil
    }
    guard let selector = selectorOperand(i) else { return nil }
    guard !selector.isNullSelector, let address = descriptorAddress(selector) else {
      lazy.setZF(false)
      return nil
    }
    guard let low = readSystem(address, UInt64.self) else { return nil }
    let found = Descriptor(low: low, address: address)
    let access = found.access
    let isKnown = access.isCodeOrData || systemTypes >> access.type & 1 != 0
    let isPrivileged =
      access.isConforming || (access.dpl >= cpl && access.dpl >= selector.rpl)
    guard isKnown, isPrivileged else {
      lazy.setZF(false)
      return nil
    }
    return found
  }

  private func setResult(_ i: InstructionReference) -> UInt8 {
    UInt8(truncatingIfNeeded: i.pointer.pointee.immediate)
  }

  fileprivate mutating func loadAccessRights(_ i: InstructionReference) {
    // TSS, LDT, call gates, task gate; in IA-32e mode the 16-bit ones and the task gate are not.
    let types: UInt32 = isIA32e ? 0b0001_1010_0000_0100 : 0b0001_1010_0011_1110
    guard let found = visibleDescriptor(i, systemTypes: types) else { return }
    // The manual leaves bits 19:16 undefined; processors give those of the descriptor.
    setOperand(setResult(i), found.low >> 32 & 0x00ff_ff00, byteCount: operandByteCount(i))
    lazy.setZF(true)
  }

  fileprivate mutating func loadSegmentLimit(_ i: InstructionReference) {
    // TSS and LDT; gates have no limit.
    let types: UInt32 = isIA32e ? 0b0000_1010_0000_0100 : 0b0000_1010_0000_1110
    guard let found = visibleDescriptor(i, systemTypes: types) else { return }
    setOperand(setResult(i), UInt64(found.limit), byteCount: operandByteCount(i))
    lazy.setZF(true)
  }

  fileprivate mutating func verifySegment(_ i: InstructionReference, forWrite: Bool) {
    guard let found = visibleDescriptor(i, systemTypes: 0) else { return }
    let access = found.access
    lazy.setZF(forWrite ? access.isWritableData : access.isData || access.isReadableCode)
  }

  // MARK: ARPL

  /// The selector with its RPL raised to that of the source operand; nil, with ZF cleared, if it is
  /// already as high. The mode has been checked.
  private mutating func raisedRPL(_ selector: UInt16, _ i: InstructionReference) -> UInt16? {
    let level = UInt8(
      truncatingIfNeeded: general[Int(i.pointer.pointee.source >> 3) & 15] & 3)
    let isRaised = selector.rpl < level
    lazy.setZF(isRaised)
    return isRaised ? selector.withRPL(level) : nil
  }

  fileprivate mutating func adjustRPL(_ i: InstructionReference) {
    guard isProtected else { return raise(.invalidOpcode) }
    let number = Int(i.pointer.pointee.destination >> 3) & 15
    guard let raised = raisedRPL(UInt16(truncatingIfNeeded: general[number]), i) else { return }
    general[number] = general[number] & ~0xffff | UInt64(raised)
  }

  fileprivate mutating func adjustRPLInMemory(_ i: InstructionReference) {
    guard isProtected else { return raise(.invalidOpcode) }
    let isStack = i.pointer.pointee.segment == 2
    guard let linear = linearOperand(i, byteCount: 2, .write),
      let selector = readForWrite(linear, UInt16.self, stack: isStack),
      let raised = raisedRPL(selector, i)
    else { return }
    _ = write(linear, raised, stack: isStack)
  }
}
