import CCapstone

// IN, OUT, INS, OUTS.
extension InstructionForm {
  static let inputOutput: [InstructionForm] = [
    InstructionForm(X86_INS_IN, .portInput, .end) { decoded, builder in
      portOperand(decoded, index: 1, &builder)
      return { state, i in system(state, i) { cpu, i in cpu.input(i) } }
    },
    InstructionForm(X86_INS_OUT, .portOutput, .end) { decoded, builder in
      portOperand(decoded, index: 0, &builder)
      return { state, i in system(state, i) { cpu, i in cpu.output(i) } }
    },
    string(X86_INS_INSB, .portInput, write: false), string(X86_INS_INSW, .portInput, write: false),
    string(X86_INS_INSD, .portInput, write: false), string(X86_INS_OUTSB, .portOutput, write: true),
    string(X86_INS_OUTSW, .portOutput, write: true),
    string(X86_INS_OUTSD, .portOutput, write: true),
  ]

  /// Puts the size in `destination`, and in `source` whether the port is an immediate.
  private static func portOperand(
    _ decoded: DecodedInstruction, index: Int, _ builder: inout InstructionBuilder
  ) {
    builder.destination = portBytes(decoded)
    if decoded.operands.indices.contains(index), case .immediate(let port) = decoded.operands[index]
    {
      builder.immediate = port & 0xff
      builder.source = 1
    }
  }

  private static func portBytes(_ decoded: DecodedInstruction) -> UInt8 {
    decoded.opcode.0 & 1 == 0 ? 1 : decoded.operandBytes == 2 ? 2 : 4
  }

  private static func string(
    _ id: x86_insn, _ timing: TimingClass, write: Bool
  ) -> InstructionForm {
    InstructionForm(id, timing, .end) { decoded, builder in
      builder.destination = portBytes(decoded)
      return write
        ? { state, i in system(state, i) { cpu, i in cpu.outputString(i) } }
        : { state, i in system(state, i) { cpu, i in cpu.inputString(i) } }
    }
  }
}

/// An access to an I/O port, as permission checks and VM exits see it.
struct PortAccess {
  var port: UInt16
  /// 1, 2 or 4 bytes.
  var byteCount: UInt8
  var isInput: Bool
  var isString = false
  var isRepeated = false
  var isImmediate = false
}

extension Processor {
  private func portAccess(_ i: InstructionReference, isInput: Bool) -> PortAccess {
    let isImmediate = i.pointer.pointee.source == 1
    return PortAccess(
      port: UInt16(
        truncatingIfNeeded: isImmediate ? i.pointer.pointee.immediate : general[2]),
      byteCount: i.pointer.pointee.destination, isInput: isInput, isImmediate: isImmediate)
  }

  fileprivate mutating func input(_ i: InstructionReference) {
    let access = portAccess(i, isInput: true)
    guard checkPort(access) else { return }
    if interceptIO(access) { return }
    notePortAccess(access.port, byteCount: UInt64(access.byteCount))
    let value = UInt64(
      platform.readPort(access.port, byteCount: Int(access.byteCount), cycles: cycles))
    switch access.byteCount {
    case 1: general[0] = general[0] & ~0xff | value & 0xff
    case 2: general[0] = general[0] & ~0xffff | value & 0xffff
    default: general[0] = value
    }
  }

  fileprivate mutating func output(_ i: InstructionReference) {
    let access = portAccess(i, isInput: false)
    guard checkPort(access) else { return }
    if interceptIO(access) { return }
    notePortAccess(access.port, byteCount: UInt64(access.byteCount))
    let value = UInt32(truncatingIfNeeded: general[0])
    platform.writePort(
      access.port, value & (.max >> (32 &- UInt32(access.byteCount) &* 8)),
      byteCount: Int(access.byteCount), cycles: cycles)
  }

  /// INS: one iteration, or with REP one and then RIP stays here until the count is used up.
  fileprivate mutating func inputString(_ i: InstructionReference) {
    var access = portAccess(i, isInput: true)
    access.isString = true
    access.isRepeated = i.pointer.pointee.isRepeated
    let mask = stringMask(i)
    if access.isRepeated, general[1] & mask == 0 { return }
    guard checkPort(access) else { return }
    let width = UInt64(access.byteCount)
    let operand = uncheckedStringAddress(i, register: 7, segment: 0)
    if interceptStringIO(access, i, linear: operand, segment: 0) { return }
    guard
      let linear = stringAddress(i, register: 7, segment: 0, byteCount: width, access: .write)
    else { return }
    notePortAccess(access.port, byteCount: width)
    // The store must not fault once the port has been read.
    guard mayStore(linear, byteCount: width),
      translate(wrapLinear(linear &+ width &- 1), .write, tag: dataTag) != nil
    else { return }
    let value = UInt64(platform.readPort(access.port, byteCount: Int(width), cycles: cycles))
    guard writeSlow(linear, value, byteCount: width, tag: dataTag, stack: false) else { return }
    finishStringIteration(i, register: 7, width: width, mask: mask)
  }

  fileprivate mutating func outputString(_ i: InstructionReference) {
    var access = portAccess(i, isInput: false)
    access.isString = true
    access.isRepeated = i.pointer.pointee.isRepeated
    let mask = stringMask(i)
    if access.isRepeated, general[1] & mask == 0 { return }
    guard checkPort(access) else { return }
    let width = UInt64(access.byteCount)
    let segment = i.pointer.pointee.segment
    let operand = uncheckedStringAddress(i, register: 6, segment: segment)
    if interceptStringIO(access, i, linear: operand, segment: segment) { return }
    guard
      let linear = stringAddress(i, register: 6, segment: segment, byteCount: width, access: .read)
    else { return }
    guard
      let value = readSlow(
        linear, byteCount: width, tag: dataTag, kind: .read, stack: segment == 2)
    else { return }
    notePortAccess(access.port, byteCount: width)
    platform.writePort(
      access.port, UInt32(truncatingIfNeeded: value), byteCount: Int(width), cycles: cycles)
    finishStringIteration(i, register: 6, width: width, mask: mask)
  }

  private func stringMask(_ i: InstructionReference) -> UInt64 {
    let mode = i.pointer.pointee.mode
    return mode.contains(.address16) ? 0xffff : mode.contains(.address32) ? 0xffff_ffff : ~0
  }

  /// The operand's linear address as a VM exit reports it: VM exits come before segment faults.
  private func uncheckedStringAddress(
    _ i: InstructionReference, register: Int, segment: Int
  ) -> UInt64 {
    let offset = general[register] & stringMask(i)
    return wrapLinear(offset &+ effectiveBase[segment])
  }

  private mutating func stringAddress(
    _ i: InstructionReference, register: Int, segment: Int, byteCount: UInt64, access: AccessKind
  ) -> UInt64? {
    let offset = general[register] & stringMask(i)
    return segmentedAddress(
      offset, segment: segment, mode: i.pointer.pointee.mode, byteCount: byteCount, access: access)
  }

  private mutating func finishStringIteration(
    _ i: InstructionReference, register: Int, width: UInt64, mask: UInt64
  ) {
    let step = systemFlags & RFLAGS.df.rawValue != 0 ? 0 &- width : width
    setMasked(register, general[register] &+ step, mask)
    guard i.pointer.pointee.isRepeated else { return }
    setMasked(1, general[1] &- 1, mask)
    if general[1] & mask != 0 { nextRIP = rip }
  }

  /// Writes an address-size-wide register: 32-bit writes clear the upper half, 16-bit ones keep it.
  private mutating func setMasked(_ register: Int, _ value: UInt64, _ mask: UInt64) {
    general[register] = mask == 0xffff ? general[register] & ~mask | value & mask : value & mask
  }

  /// IOPL and the I/O permission bitmap; raises #GP(0) where they refuse.
  ///
  /// Source: Intel SDM, "I/O Privilege Level" and "I/O Permission Bit Map".
  private mutating func checkPort(_ access: PortAccess) -> Bool {
    guard cr0.contains(.pe) else { return true }
    let iopl = UInt8(truncatingIfNeeded: systemFlags >> 12) & 3
    if cpl <= iopl, mode != .virtual8086 { return true }
    let tss = segments[7]
    guard !tss.access.isUnusable, tss.access.type & 8 != 0, tss.limit >= 103,
      let map = readSystem(tss.base &+ 102, UInt16.self)
    else {
      if pending.kind == .none { raise(.generalProtection, errorCode: 0) }
      return false
    }
    let byte = UInt64(map) &+ UInt64(access.port >> 3)
    guard byte &+ 1 <= UInt64(tss.limit) else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    guard let bits = readSystem(tss.base &+ byte, UInt16.self) else { return false }
    let wanted = (UInt16(1) << UInt16(access.byteCount)) &- 1
    guard bits >> (access.port & 7) & wanted == 0 else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    return true
  }
}
