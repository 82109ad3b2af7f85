import CCapstone

// LGDT, SGDT, LIDT, SIDT, LLDT, SLDT, LTR, STR.
//
// Source: Intel SDM, the pages of these instructions, and "User-Mode Instruction Prevention".
extension InstructionForm {
  static let descriptorTables: [InstructionForm] = [
    table(X86_INS_SGDT, .storeDescriptorTable) { state, i in
      system(state, i) { cpu, i in cpu.storeTableRegister(.sgdt, i) }
    },
    table(X86_INS_SIDT, .storeDescriptorTable) { state, i in
      system(state, i) { cpu, i in cpu.storeTableRegister(.sidt, i) }
    },
    table(X86_INS_LGDT, .loadDescriptorTable) { state, i in
      system(state, i) { cpu, i in cpu.loadTableRegister(.lgdt, i) }
    },
    table(X86_INS_LIDT, .loadDescriptorTable) { state, i in
      system(state, i) { cpu, i in cpu.loadTableRegister(.lidt, i) }
    },
    selector(X86_INS_SLDT, .storeDescriptorTable) { state, i in
      system(state, i) { cpu, i in cpu.storeSystemSegment(.sldt, i) }
    },
    selector(X86_INS_STR, .storeDescriptorTable) { state, i in
      system(state, i) { cpu, i in cpu.storeSystemSegment(.str, i) }
    },
    selector(X86_INS_LLDT, .loadLDTR) { state, i in
      system(state, i) { cpu, i in cpu.loadSystemSegment(.lldt, i) }
    },
    selector(X86_INS_LTR, .loadTaskRegister) { state, i in
      system(state, i) { cpu, i in cpu.loadSystemSegment(.ltr, i) }
    },
  ]

  /// An instruction with a pseudo-descriptor in memory.
  private static func table(
    _ id: x86_insn, _ timing: TimingClass, _ handler: @escaping Handler
  ) -> InstructionForm {
    InstructionForm(id, timing, .end) { decoded, builder in
      guard decoded.hasMemoryOperand else { return nil }
      builder.memory = decoded.memory
      return handler
    }
  }

  /// An instruction with a selector in a register (`source` is 1, `destination` its offset) or in
  /// memory.
  private static func selector(
    _ id: x86_insn, _ timing: TimingClass, _ handler: @escaping Handler
  ) -> InstructionForm {
    InstructionForm(id, timing, .end) { decoded, builder in
      switch decoded.operands.first {
      case .general(let offset, _):
        builder.destination = offset
        builder.source = 1
      case .memory: builder.memory = decoded.memory
      default: return nil
      }
      return handler
    }
  }
}

extension Processor {
  /// UMIP: #GP(0) for SGDT, SIDT, SLDT, SMSW and STR above CPL 0.
  private mutating func allowsStore() -> Bool {
    guard cr4.contains(.umip), cpl > 0 else { return true }
    raise(.generalProtection, errorCode: 0)
    return false
  }

  /// Bytes of a base in a pseudo-descriptor.
  private func baseByteCount(_ i: InstructionReference) -> UInt64 {
    i.pointer.pointee.mode.contains(.long) ? 8 : 4
  }

  fileprivate mutating func storeTableRegister(
    _ instruction: DescriptorTableInstruction, _ i: InstructionReference
  ) {
    guard allowsStore() else { return }
    if interceptDescriptorTable(instruction, i) { return }
    let table = instruction == .sgdt ? gdtr : idtr
    let byteCount = baseByteCount(i)
    guard let linear = linearOperand(i, byteCount: byteCount &+ 2, .write) else { return }
    let isStack = i.pointer.pointee.segment == 2
    guard write(linear, table.limit, stack: isStack) else { return }
    _ = writeSlow(
      wrapLinear(linear &+ 2), table.base, byteCount: byteCount, tag: dataTag, stack: isStack)
  }

  fileprivate mutating func loadTableRegister(
    _ instruction: DescriptorTableInstruction, _ i: InstructionReference
  ) {
    guard requireCPL0() else { return }
    if interceptDescriptorTable(instruction, i) { return }
    let byteCount = baseByteCount(i)
    guard let linear = linearOperand(i, byteCount: byteCount &+ 2, .read) else { return }
    let isStack = i.pointer.pointee.segment == 2
    guard let limit = read(linear, UInt16.self, stack: isStack),
      var base = readSlow(
        wrapLinear(linear &+ 2), byteCount: byteCount, tag: dataTag, kind: .read, stack: isStack)
    else { return }
    if byteCount == 8 {
      guard isCanonicalForProcessor(base) else { return raise(.generalProtection, errorCode: 0) }
    } else if i.pointer.pointee.mode.contains(.operand16) {
      base &= 0xff_ffff
    }
    let table = DescriptorTableRegister(base: base, limit: limit)
    if instruction == .lgdt { gdtr = table } else { idtr = table }
  }

  fileprivate mutating func storeSystemSegment(
    _ instruction: DescriptorTableInstruction, _ i: InstructionReference
  ) {
    guard isProtected else { return raise(.invalidOpcode) }
    guard allowsStore() else { return }
    if interceptDescriptorTable(instruction, i) { return }
    let selector = segments[instruction == .sldt ? 6 : 7].selector
    if i.pointer.pointee.source == 1 {
      return setOperand(
        i.pointer.pointee.destination, UInt64(selector), byteCount: operandByteCount(i))
    }
    guard let linear = linearOperand(i, byteCount: 2, .write) else { return }
    _ = write(linear, selector, stack: i.pointer.pointee.segment == 2)
  }

  fileprivate mutating func loadSystemSegment(
    _ instruction: DescriptorTableInstruction, _ i: InstructionReference
  ) {
    guard isProtected else { return raise(.invalidOpcode) }
    guard requireCPL0() else { return }
    if interceptDescriptorTable(instruction, i) { return }
    guard let selector = selectorOperand(i) else { return }
    _ = instruction == .lldt ? loadLDTR(selector) : loadTR(selector)
  }

  /// The 16-bit register or memory operand of LLDT and its like; nil if that faults.
  mutating func selectorOperand(_ i: InstructionReference) -> UInt16? {
    guard i.pointer.pointee.source == 1 else { return readSelector(i) }
    return UInt16(truncatingIfNeeded: general[Int(i.pointer.pointee.destination >> 3) & 15])
  }
}
