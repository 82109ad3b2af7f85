import CCapstone

// MOV to and from control and debug registers, LMSW, SMSW, CLTS.
extension InstructionForm {
  static let controlRegisters: [InstructionForm] = [
    InstructionForm(X86_INS_CLTS, .writeControlRegister, .end) { state, i in
      system(state, i) { cpu, _ in cpu.clearTaskSwitched() }
    },
    InstructionForm(X86_INS_LMSW, .writeControlRegister, .end) { decoded, builder in
      guard let operand = decoded.operands.first else { return nil }
      builder.setSource(operand, of: decoded)
      return decoded.hasMemoryOperand
        ? { state, i in system(state, i) { cpu, i in cpu.loadMachineStatusWord(memory: i) } }
        : { state, i in system(state, i) { cpu, i in cpu.loadMachineStatusWord(register: i) } }
    },
    InstructionForm(X86_INS_SMSW, .readControlRegister, .end) { decoded, builder in
      guard let operand = decoded.operands.first else { return nil }
      builder.setDestination(operand, of: decoded)
      return decoded.hasMemoryOperand
        ? { state, i in system(state, i) { cpu, i in cpu.storeMachineStatusWord(memory: i) } }
        : { state, i in system(state, i) { cpu, i in cpu.storeMachineStatusWord(register: i) } }
    },
  ]

  /// MOV forms with a control or debug register.
  static func controlMove(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Handler? {
    guard decoded.operands.count == 2 else { return nil }
    builder.setDestination(decoded.operands[0], of: decoded)
    builder.setSource(decoded.operands[1], of: decoded)
    builder.effect = .end
    switch (decoded.operands[0], decoded.operands[1]) {
    case (.control(let number), .general):
      builder.timing = .writeControlRegister
      guard [0, 2, 3, 4, 8].contains(number) else { return nil }
      return { state, i in system(state, i) { cpu, i in cpu.moveToControlRegister(i) } }
    case (.general, .control(let number)):
      builder.timing = .readControlRegister
      guard [0, 2, 3, 4, 8].contains(number) else { return nil }
      return { state, i in system(state, i) { cpu, i in cpu.moveFromControlRegister(i) } }
    case (.debug(let number), .general):
      builder.timing = .writeDebugRegister
      guard number < 8 else { return nil }
      return { state, i in system(state, i) { cpu, i in cpu.moveToDebugRegister(i) } }
    case (.general, .debug(let number)):
      builder.timing = .readDebugRegister
      guard number < 8 else { return nil }
      return { state, i in system(state, i) { cpu, i in cpu.moveFromDebugRegister(i) } }
    default: return nil
    }
  }
}

extension Processor {
  /// Raises #GP(0) unless CPL is 0.
  mutating func requireCPL0() -> Bool {
    guard cpl == 0 else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    return true
  }

  /// Value of a general register operand given by offset, as wide as a system instruction uses it.
  @inline(__always) func systemOperand(_ offset: UInt8) -> UInt64 {
    let value = general[Int(offset >> 3) & 15]
    return mode == .long ? value : value & 0xffff_ffff
  }

  mutating func setSystemOperand(_ offset: UInt8, _ value: UInt64) {
    general[Int(offset >> 3) & 15] = mode == .long ? value : value & 0xffff_ffff
  }

  fileprivate mutating func moveToControlRegister(_ i: InstructionReference) {
    guard requireCPL0() else { return }
    let number = i.pointer.pointee.destination
    let value = systemOperand(i.pointer.pointee.source)
    let register = i.pointer.pointee.source >> 3
    let accepted: Bool
    switch number {
    case 0:
      guard let new = interceptCR0Write(value, register: register) else { return }
      accepted = writeCR0(new)
    case 2:
      cr2 = value
      accepted = true
    case 3:
      if interceptCR3Write(value, register: register) { return }
      accepted = writeCR3(value)
    case 4:
      guard let new = interceptCR4Write(value, register: register) else { return }
      accepted = writeCR4(new)
    default:
      if interceptCR8(write: true, register: register) { return }
      accepted = value <= 15
      if accepted { writeVisibleCR8(value) }
    }
    if !accepted { raise(.generalProtection, errorCode: 0) }
  }

  fileprivate mutating func moveFromControlRegister(_ i: InstructionReference) {
    guard requireCPL0() else { return }
    let register = i.pointer.pointee.destination >> 3
    let value: UInt64
    switch i.pointer.pointee.source {
    case 0: value = visibleCR0
    case 2: value = cr2
    case 3:
      if interceptCR3Read(register: register) { return }
      value = cr3
    case 4: value = visibleCR4
    default:
      if interceptCR8(write: false, register: register) { return }
      value = visibleCR8()
    }
    setSystemOperand(i.pointer.pointee.destination, value)
  }

  fileprivate mutating func clearTaskSwitched() {
    guard requireCPL0() else { return }
    guard let new = interceptCLTS() else { return }
    cr0 = new
    updateMode()
  }

  fileprivate mutating func loadMachineStatusWord(register i: InstructionReference) {
    loadMachineStatusWord(
      UInt16(truncatingIfNeeded: general[Int(i.pointer.pointee.source >> 3) & 15]), nil)
  }

  fileprivate mutating func loadMachineStatusWord(memory i: InstructionReference) {
    guard cpl == 0 else { return raise(.generalProtection, errorCode: 0) }
    guard let linear = linearOperand(i, byteCount: 2, .read),
      let value = read(linear, UInt16.self, stack: i.pointer.pointee.segment == 2)
    else { return }
    loadMachineStatusWord(value, linear)
  }

  private mutating func loadMachineStatusWord(_ source: UInt16, _ linear: UInt64?) {
    guard requireCPL0() else { return }
    guard let new = interceptLMSW(source, memory: linear) else { return }
    if !writeCR0(new) { raise(.generalProtection, errorCode: 0) }
  }

  fileprivate mutating func storeMachineStatusWord(register i: InstructionReference) {
    guard allowsUserModeStore() else { return }
    let offset = Int(i.pointer.pointee.destination >> 3) & 15
    if i.pointer.pointee.mode.contains(.operand16) {
      general[offset] = general[offset] & ~0xffff | visibleCR0 & 0xffff
    } else if i.pointer.pointee.mode.contains(.operand32) {
      general[offset] = visibleCR0 & 0xffff_ffff
    } else {
      general[offset] = visibleCR0
    }
  }

  fileprivate mutating func storeMachineStatusWord(memory i: InstructionReference) {
    guard allowsUserModeStore() else { return }
    guard let linear = linearOperand(i, byteCount: 2, .write) else { return }
    _ = write(linear, UInt16(truncatingIfNeeded: visibleCR0), stack: i.pointer.pointee.segment == 2)
  }

  /// UMIP: #GP(0) for SGDT, SIDT, SLDT, SMSW and STR above CPL 0.
  private mutating func allowsUserModeStore() -> Bool {
    guard cr4.contains(.umip), cpl > 0 else { return true }
    raise(.generalProtection, errorCode: 0)
    return false
  }

  /// Linear address of the memory operand of a system instruction; nil if segmentation refuses.
  mutating func linearOperand(
    _ i: InstructionReference, byteCount: UInt64, _ access: AccessKind
  ) -> UInt64? {
    let address = operandOffset(i)
    if i.pointer.pointee.mode.contains(.flat) {
      return i.pointer.pointee.mode.contains(.address32) ? address & 0xffff_ffff : address
    }
    return segmentedAddress(
      address, segment: i.pointer.pointee.segment, mode: i.pointer.pointee.mode,
      byteCount: byteCount, access: access)
  }

  /// Base + index + displacement, before segmentation and the address-size mask.
  func operandOffset(_ i: InstructionReference) -> UInt64 {
    func part(_ offset: UInt8) -> UInt64 {
      switch offset {
      case RegisterOffset.zero: 0
      case RegisterOffset.blockRIP: blockRIP
      default: general[Int(offset >> 3) & 15]
      }
    }
    return part(i.pointer.pointee.base)
      &+ (part(i.pointer.pointee.index) << i.pointer.pointee.scale)
      &+ UInt64(bitPattern: Int64(i.pointer.pointee.displacement))
  }

  // MARK: Debug registers

  private mutating func debugRegister(_ number: UInt8) -> UInt8? {
    if number == 4 || number == 5, cr4.contains(.de) {
      raise(.invalidOpcode)
      return nil
    }
    guard requireCPL0() else { return nil }
    if debug.dr7 & 1 << 13 != 0 {
      // General detect: accesses to debug registers trap before they happen.
      raise(.debug, qualification: 1 << 13)
      return nil
    }
    return number
  }

  fileprivate mutating func moveToDebugRegister(_ i: InstructionReference) {
    let number = i.pointer.pointee.destination
    guard recordMOVDR(i, write: true, number: number, register: i.pointer.pointee.source >> 3),
      debugRegister(number) != nil
    else { return }
    let value = systemOperand(i.pointer.pointee.source)
    switch number {
    case 0: debug.dr0 = value
    case 1: debug.dr1 = value
    case 2: debug.dr2 = value
    case 3: debug.dr3 = value
    case 4, 6:
      guard value >> 32 == 0 else { return raise(.generalProtection, errorCode: 0) }
      debug.dr6 = value & 0xe00f | 0xffff_0ff0
    default:
      guard value >> 32 == 0 else { return raise(.generalProtection, errorCode: 0) }
      debug.dr7 = value & 0xffff_2fff | 0x400
    }
    updateAttention()
  }

  fileprivate mutating func moveFromDebugRegister(_ i: InstructionReference) {
    let number = i.pointer.pointee.source
    guard
      recordMOVDR(i, write: false, number: number, register: i.pointer.pointee.destination >> 3),
      debugRegister(number) != nil
    else { return }
    let value =
      switch number {
      case 0: debug.dr0
      case 1: debug.dr1
      case 2: debug.dr2
      case 3: debug.dr3
      case 4, 6: debug.dr6
      default: debug.dr7
      }
    setSystemOperand(i.pointer.pointee.destination, value)
  }
}
