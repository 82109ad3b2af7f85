import CCapstone

// MOV of general registers, memory and immediates; direct stores.
//
// Source: Intel SDM, "MOVDIRI—Move Doubleword as Direct Store" and "MOVDIR64B—Move 64 Bytes as Direct
// Store".
extension InstructionForm {
  static let moves: [InstructionForm] = [
    InstructionForm(X86_INS_MOV, .alu) { movForm($0, &$1) },
    InstructionForm(X86_INS_MOVABS, .alu) { movForm($0, &$1) },
    InstructionForm(X86_INS_MOVNTI, .alu, feature: .sse2) { movHandlers.select($0, &$1) },
    InstructionForm(AddedInstruction.movdiri.id, .alu, feature: .movdiri) {
      movHandlers.select($0, &$1)
    },
    InstructionForm(AddedInstruction.movdir64b.id, .load, feature: .movdir64b) {
      decoded, builder in
      guard let register = decoded.operands.first else { return nil }
      builder.setDestination(register, of: decoded)
      builder.memory = decoded.memory
      builder.memoryTiming = .store
      return moveLine
    },
    InstructionForm(X86_INS_LEA, .lea) { decoded, builder in
      guard case .general(let offset, let bytes)? = decoded.operands.first,
        decoded.hasMemoryOperand
      else { return nil }
      builder.destination = offset
      builder.memory = decoded.memory
      return leaHandlers[bytes]
    },
  ]

  private static func movForm(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Handler? {
    guard decoded.operands.count == 2 else { return nil }
    let usesOffset = decoded.opcode.0 & 0xfc == 0xa0
    switch (decoded.operands[0], decoded.operands[1]) {
    case (.segment, _), (_, .segment): return segmentMove(decoded, &builder)
    case (.general, .memory) where usesOffset && decoded.addressBytes == 8:
      builder.immediate = UInt64(bitPattern: decoded.memory.displacement)
      builder.memoryTiming = .load
      return loadOffsetHandlers[decoded.opcode.0 & 1 == 0 ? 1 : decoded.operandBytes]
    case (.memory, .general) where usesOffset && decoded.addressBytes == 8:
      builder.immediate = UInt64(bitPattern: decoded.memory.displacement)
      builder.memoryTiming = .store
      return storeOffsetHandlers[decoded.opcode.0 & 1 == 0 ? 1 : decoded.operandBytes]
    case (.control, _), (_, .control), (.debug, _), (_, .debug):
      return controlMove(decoded, &builder)
    default: break
    }
    return movHandlers.select(decoded, &builder)
  }
}

// MARK: Bodies

@inline(__always)
private func moveRR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let value = core.register(i.pointer.pointee.source, as: width)
  core.setRegister(i.pointer.pointee.destination, value)
  return core.next(i)
}

@inline(__always)
private func moveRM<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.readableOperand(i, width) else {
    return moveRMSlow(width, state, UnsafeRawPointer(i.pointer))
  }
  core.setRegister(i.pointer.pointee.destination, host.loadUnaligned(as: width))
  return core.next(i)
}

@inline(never)
private func moveRMSlow<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let value = core.load(i, width) else { return core.leave(i) }
  core.setRegister(i.pointer.pointee.destination, value)
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
private func moveMR<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.writableOperand(i, width) else {
    return moveMRSlow(width, state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(of: core.register(i.pointer.pointee.source, as: width), as: width)
  return core.next(i)
}

@inline(never)
private func moveMRSlow<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.store(i, core.register(i.pointer.pointee.source, as: width)) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
private func moveRI<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  core.setRegister(i.pointer.pointee.destination, W(low: i.pointer.pointee.immediate))
  return core.next(i)
}

@inline(__always)
private func moveMI<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard let host = core.writableOperand(i, width) else {
    return moveMISlow(width, state, UnsafeRawPointer(i.pointer))
  }
  host.storeBytes(of: W(low: i.pointer.pointee.immediate), as: width)
  return core.next(i)
}

@inline(never)
private func moveMISlow<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.store(i, W(low: i.pointer.pointee.immediate)) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

/// MOV of the accumulator from a 64-bit absolute address.
@inline(__always)
private func moveAccumulatorOffset<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let segment = i.pointer.pointee.segment
  let base = segment >= 4 ? core.state.pointee.effectiveBase[segment] : 0
  guard let value = core.state.pointee.read(base &+ i.pointer.pointee.immediate, width) else {
    return core.leave(i)
  }
  core.setRegister(RegisterOffset.general(0), value)
  return core.nextAfterSlowAccess(i)
}

/// MOV of the accumulator to a 64-bit absolute address.
@inline(__always)
private func moveOffsetAccumulator<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let segment = i.pointer.pointee.segment
  let base = segment >= 4 ? core.state.pointee.effectiveBase[segment] : 0
  let value = core.register(RegisterOffset.general(0), as: width)
  guard core.state.pointee.write(base &+ i.pointer.pointee.immediate, value) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
private func loadEffectiveAddress<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  core.setRegister(i.pointer.pointee.destination, W(low: core.effectiveAddress(i)))
  return core.next(i)
}

/// MOVDIR64B: 64 bytes from the memory operand to the address in a register, in ES.
private let moveLine: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  let target = core.register(i.pointer.pointee.destination, as: UInt64.self)
  guard let source = core.linearAddress(i, byteCount: 64, .read),
    let destination = core.state.pointee.segmentedAddress(
      target, segment: 0, mode: i.pointer.pointee.mode, byteCount: 64, access: .write)
  else { return core.leave(i) }
  guard destination & 63 == 0 else {
    core.state.pointee.raiseMisaligned(destination, byteCount: 64, stack: false)
    return core.leave(i)
  }
  let isMoved = withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { line in
    guard let bytes = line.baseAddress else { return false }
    return core.state.pointee.readBytes(
      source, byteCount: 64, into: bytes, stack: i.pointer.pointee.segment == 2)
      && core.state.pointee.writeBytes(
        destination, byteCount: 64, from: UnsafeRawPointer(bytes), stack: false)
  }
  guard isMoved else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

// MARK: Tables

private let movHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    { moveRR(UInt8.self, $0, $1) },
    { moveRR(UInt16.self, $0, $1) },
    { moveRR(UInt32.self, $0, $1) },
    { moveRR(UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    { moveRM(UInt8.self, $0, $1) },
    { moveRM(UInt16.self, $0, $1) },
    { moveRM(UInt32.self, $0, $1) },
    { moveRM(UInt64.self, $0, $1) }),
  memoryRegister: WidthHandlers(
    { moveMR(UInt8.self, $0, $1) },
    { moveMR(UInt16.self, $0, $1) },
    { moveMR(UInt32.self, $0, $1) },
    { moveMR(UInt64.self, $0, $1) }),
  registerImmediate: WidthHandlers(
    { moveRI(UInt8.self, $0, $1) },
    { moveRI(UInt16.self, $0, $1) },
    { moveRI(UInt32.self, $0, $1) },
    { moveRI(UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    { moveMI(UInt8.self, $0, $1) },
    { moveMI(UInt16.self, $0, $1) },
    { moveMI(UInt32.self, $0, $1) },
    { moveMI(UInt64.self, $0, $1) }),
  destinationTiming: .store)
private let loadOffsetHandlers = WidthHandlers(
  { moveAccumulatorOffset(UInt8.self, $0, $1) },
  { moveAccumulatorOffset(UInt16.self, $0, $1) },
  { moveAccumulatorOffset(UInt32.self, $0, $1) },
  { moveAccumulatorOffset(UInt64.self, $0, $1) })
private let storeOffsetHandlers = WidthHandlers(
  { moveOffsetAccumulator(UInt8.self, $0, $1) },
  { moveOffsetAccumulator(UInt16.self, $0, $1) },
  { moveOffsetAccumulator(UInt32.self, $0, $1) },
  { moveOffsetAccumulator(UInt64.self, $0, $1) })
private let leaHandlers = WidthHandlers(
  nil,
  { loadEffectiveAddress(UInt16.self, $0, $1) },
  { loadEffectiveAddress(UInt32.self, $0, $1) },
  { loadEffectiveAddress(UInt64.self, $0, $1) })
