import CCapstone

// XLAT, BOUND, NOP, PAUSE, fences, cache-line and prefetch instructions, UD0 to UD2.
extension InstructionForm {
  static let miscellaneous: [InstructionForm] = [
    InstructionForm(X86_INS_XLATB, .alu) { _, builder in
      builder.memoryTiming = .load
      return translateByte
    },
    InstructionForm(X86_INS_BOUND, .alu) { decoded, builder in
      guard decoded.operands.count == 2, decoded.hasMemoryOperand, !decoded.isLongMode else {
        return nil
      }
      builder.setDestination(decoded.operands[0], of: decoded)
      builder.memory = decoded.memory
      builder.memoryTiming = .load
      return boundHandlers[decoded.operandBytes]
    },
    InstructionForm(X86_INS_NOP, .nop) { decoded, builder in
      // F3 90 is PAUSE; Capstone is not shown the F3.
      if decoded.opcode.0 == 0x90, decoded.hasREP { return pauseForm(&builder) }
      if decoded.heedsBounds, let bounds = decoded.bounds { return bounds.select(&builder) }
      return doNothing
    },
    InstructionForm(X86_INS_PAUSE, .pause) { _, builder in pauseForm(&builder) },
    InstructionForm(X86_INS_LFENCE, .fence, .continue, feature: .sse2, handler: doNothing),
    InstructionForm(X86_INS_MFENCE, .fence, .continue, feature: .sse2, handler: doNothing),
    InstructionForm(X86_INS_SFENCE, .fence, .continue, feature: .sse, handler: doNothing),
    cacheLine(X86_INS_CLFLUSH, .clflush), cacheLine(X86_INS_CLFLUSHOPT, .clflushopt),
    cacheLine(X86_INS_CLWB, .clwb),
    // What is fetched after it is fetched anew: the block ends.
    InstructionForm(
      AddedInstruction.serialize.id, .fence, .end, feature: .serialize, handler: doNothing),
    InstructionForm(
      AddedInstruction.cldemote.id, .nop, feature: .cldemote, without: X86_INS_NOP
    ) { _, _ in doNothing },
    InstructionForm(X86_INS_PREFETCHW, .nop, .continue, handler: doNothing),
    InstructionForm(X86_INS_PREFETCHNTA, .nop, .continue, handler: doNothing),
    InstructionForm(X86_INS_PREFETCHT0, .nop, .continue, handler: doNothing),
    InstructionForm(X86_INS_PREFETCHT1, .nop, .continue, handler: doNothing),
    InstructionForm(X86_INS_PREFETCHT2, .nop, .continue, handler: doNothing),
    InstructionForm(X86_INS_UD0, .nop, .end, handler: raiseInvalidOpcode),
    InstructionForm(X86_INS_UD2B, .nop, .end, handler: raiseInvalidOpcode),
    InstructionForm(X86_INS_UD2, .nop, .end, handler: raiseInvalidOpcode),
  ]

  private static func pauseForm(_ builder: inout InstructionBuilder) -> Handler? {
    builder.timing = .pause
    builder.effect = .end
    return { state, i in system(state, i) { cpu, _ in _ = cpu.interceptPause() } }
  }

  private static func cacheLine(_ id: x86_insn, _ feature: CPUFeature) -> InstructionForm {
    InstructionForm(id, .cacheLineFlush, feature: feature) { decoded, builder in
      guard decoded.hasMemoryOperand else { return nil }
      builder.memory = decoded.memory
      return flushLine
    }
  }
}

/// An instruction without effect.
let doNothing: Handler = { state, i in Core(state).next(InstructionReference(i)) }

/// XLAT: AL from the table at rBX.
private let translateByte: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  let offset =
    core.state.pointee.general[3]
    &+ core.register(RegisterOffset.general(0), as: UInt8.self).zeroExtended
  guard
    let linear = core.state.pointee.stringLinear(
      offset, segment: i.pointer.pointee.segment, i, UInt8.self, .read),
    let value = core.state.pointee.read(
      linear, UInt8.self, stack: i.pointer.pointee.segment == 2)
  else { return core.leave(i) }
  core.setRegister(RegisterOffset.general(0), value)
  return core.nextAfterSlowAccess(i)
}

/// CLFLUSH, CLFLUSHOPT, CLWB: there is no cache to act on, but the address is checked as a load's.
private let flushLine: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  guard let linear = core.linearAddress(i, UInt8.self, .read),
    core.state.pointee.probe(linear, stack: i.pointer.pointee.segment == 2) != nil
  else { return core.leave(i) }
  return core.next(i)
}

extension Processor {
  /// Faults as a load of the byte at `linear` would, but reads nothing: the byte's physical address,
  /// or nil if that faults.
  mutating func probe(_ linear: UInt64, stack: Bool) -> UInt64? {
    if mode == .long, !isCanonical(linear) {
      raise(stack ? .stackFault : .generalProtection, errorCode: 0)
      return nil
    }
    guard let entry = translate(linear, .read, tag: dataTag) else { return nil }
    return entry.pointee.physicalPage | linear & 0xfff
  }
}

/// BOUND: #BR unless the register lies between the two signed bounds in memory.
///
/// Source: Intel SDM, "BOUND—Check Array Index Against Bounds".
@inline(__always)
private func checkBounds<W: OperandWidth, Pair: OperandWidth>(
  _ width: W.Type, _ pair: Pair.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let isStack = i.pointer.pointee.segment == 2
  guard let linear = core.linearAddress(i, pair, .read),
    let lower = core.state.pointee.read(linear, width, stack: isStack)
  else { return core.leave(i) }
  let behind = core.state.pointee.wrapLinear(linear &+ W.byteCount)
  guard let upper = core.state.pointee.read(behind, width, stack: isStack) else {
    return core.leave(i)
  }
  let value = core.register(i.pointer.pointee.destination, as: width).signed
  guard value >= lower.signed, value <= upper.signed else {
    if core.state.pointee.heedsBounds { core.state.pointee.bounds.status = BoundsStatus.bound }
    core.state.pointee.raise(.boundRange)
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

private let boundHandlers = WidthHandlers(
  nil,
  { checkBounds(UInt16.self, UInt32.self, $0, $1) },
  { checkBounds(UInt32.self, UInt64.self, $0, $1) },
  nil)
