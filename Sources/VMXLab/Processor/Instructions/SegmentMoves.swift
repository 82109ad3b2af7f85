import CCapstone

// MOV to and from segment registers, and loads of far pointers.
//
// Source: Intel SDM, "MOV—Move" and "LDS/LES/LFS/LGS/LSS—Load Far Pointer".
extension InstructionForm {
  static let farPointers: [InstructionForm] = [
    farPointer(X86_INS_LES, .es), farPointer(X86_INS_LDS, .ds), farPointer(X86_INS_LSS, .ss),
    farPointer(X86_INS_LFS, .fs), farPointer(X86_INS_LGS, .gs),
  ]

  private static func farPointer(_ id: x86_insn, _ register: SegmentRegister) -> InstructionForm {
    InstructionForm(id, .loadSegment, .end) { decoded, builder in
      guard case .general(let offset, _)? = decoded.operands.first, decoded.hasMemoryOperand else {
        return nil
      }
      builder.destination = offset
      builder.source = register.rawValue
      builder.memory = decoded.memory
      return { state, i in system(state, i) { cpu, i in cpu.loadFarPointer(i) } }
    }
  }

  /// MOV with a segment register: 16 bits to and from memory, the operand size to a register.
  static func segmentMove(
    _ decoded: DecodedInstruction, _ builder: inout InstructionBuilder
  ) -> Handler? {
    builder.setDestination(decoded.operands[0], of: decoded)
    builder.setSource(decoded.operands[1], of: decoded)
    switch (decoded.operands[0], decoded.operands[1]) {
    case (.segment(.cs), _): return nil
    case (.segment(.ss), .general):
      builder.timing = .loadSegment
      builder.effect = .end
      return { state, i in
        system(state, i) { cpu, i in
          cpu.moveToStackSegment(
            UInt16(truncatingIfNeeded: cpu.general[Int(i.pointer.pointee.source >> 3) & 15]))
        }
      }
    case (.segment(.ss), .memory):
      builder.timing = .loadSegment
      builder.effect = .end
      return { state, i in
        system(state, i) { cpu, i in
          guard let selector = cpu.readSelector(i) else { return }
          cpu.moveToStackSegment(selector)
        }
      }
    case (.segment, .general):
      builder.timing = .loadSegment
      if decoded.isLongMode { return moveRegisterToSegment }
      builder.effect = .end
      return moveRegisterToSegmentLegacy
    case (.segment, .memory):
      builder.timing = .loadSegment
      if decoded.isLongMode { return moveMemoryToSegment }
      builder.effect = .end
      return moveMemoryToSegmentLegacy
    case (.general(_, let bytes), .segment):
      builder.timing = .readSegment
      return segmentToRegisterHandlers[bytes]
    case (.memory, .segment):
      builder.timing = .readSegment
      builder.memoryTiming = .store
      return moveSegmentToMemory
    default: return nil
    }
  }
}

private let moveRegisterToSegment: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  let selector = core.register(i.pointer.pointee.source, as: UInt16.self)
  guard core.state.pointee.loadSegment(Int(i.pointer.pointee.destination), selector) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}

private let moveMemoryToSegment: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  guard let selector = core.load(i, UInt16.self),
    core.state.pointee.loadSegment(Int(i.pointer.pointee.destination), selector)
  else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

// Outside 64-bit mode, what is decoded depends on whether the data segments are flat.
private let moveRegisterToSegmentLegacy: Handler = { state, i in
  system(state, i) { cpu, i in
    let selector = UInt16(truncatingIfNeeded: cpu.general[Int(i.pointer.pointee.source >> 3) & 15])
    _ = cpu.loadSegment(Int(i.pointer.pointee.destination), selector)
  }
}

private let moveMemoryToSegmentLegacy: Handler = { state, i in
  system(state, i) { cpu, i in
    guard let selector = cpu.readSelector(i) else { return }
    _ = cpu.loadSegment(Int(i.pointer.pointee.destination), selector)
  }
}

private let moveSegmentToMemory: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  let selector = core.state.pointee.segments[Int(i.pointer.pointee.source & 7)].selector
  guard core.store(i, selector) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

private let segmentToRegisterHandlers = WidthHandlers(
  nil,
  { moveSegmentToRegister(UInt16.self, $0, $1) },
  { moveSegmentToRegister(UInt32.self, $0, $1) },
  { moveSegmentToRegister(UInt64.self, $0, $1) })

@inline(__always)
private func moveSegmentToRegister<W: OperandWidth>(
  _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let selector = core.state.pointee.segments[Int(i.pointer.pointee.source & 7)].selector
  core.setRegister(i.pointer.pointee.destination, W(low: UInt64(selector)))
  return core.next(i)
}

extension Processor {
  fileprivate mutating func moveToStackSegment(_ selector: UInt16) {
    guard loadSegment(2, selector) else { return }
    beginShadow(ofMOVSS: true)
  }

  /// LDS, LES, LFS, LGS, LSS.
  fileprivate mutating func loadFarPointer(_ i: InstructionReference) {
    guard let (selector, offset) = readFarPointer(i),
      loadSegment(Int(i.pointer.pointee.source & 7), selector)
    else { return }
    setOperand(i.pointer.pointee.destination, offset, byteCount: operandByteCount(i))
  }

  // MARK: Operands of system instructions

  /// The effective operand size in bytes: 2, 4 or 8.
  func operandByteCount(_ i: InstructionReference) -> UInt64 {
    let mode = i.pointer.pointee.mode
    return mode.contains(.operand16) ? 2 : mode.contains(.operand32) ? 4 : 8
  }

  /// Writes a general register operand of 2, 4 or 8 bytes; 32-bit results clear the upper half.
  mutating func setOperand(_ offset: UInt8, _ value: UInt64, byteCount: UInt64) {
    let number = Int(offset >> 3) & 15
    switch byteCount {
    case 2: general[number] = general[number] & ~0xffff | value & 0xffff
    case 4: general[number] = value & 0xffff_ffff
    default: general[number] = value
    }
  }

  /// Reads the selector in the memory operand; nil if that faults.
  mutating func readSelector(_ i: InstructionReference) -> UInt16? {
    guard let linear = linearOperand(i, byteCount: 2, .read) else { return nil }
    return read(linear, UInt16.self, stack: i.pointer.pointee.segment == 2)
  }

  /// Reads the far pointer in the memory operand; nil if that faults.
  mutating func readFarPointer(
    _ i: InstructionReference
  ) -> (selector: UInt16, offset: UInt64)? {
    let byteCount = operandByteCount(i)
    guard let linear = linearOperand(i, byteCount: byteCount &+ 2, .read) else { return nil }
    let isStack = i.pointer.pointee.segment == 2
    guard
      let offset = readSlow(
        linear, byteCount: byteCount, tag: dataTag, kind: .read, stack: isStack),
      let selector = readSlow(
        wrapLinear(linear &+ byteCount), byteCount: 2, tag: dataTag, kind: .read, stack: isStack)
    else { return nil }
    return (UInt16(truncatingIfNeeded: selector), offset)
  }
}
