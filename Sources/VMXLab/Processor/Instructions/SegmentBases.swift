import CCapstone

// SWAPGS, RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE.
//
// Source: Intel SDM, "SWAPGS—Swap GS Base Register" and "RDFSBASE/RDGSBASE—Read FS/GS Segment Base".
extension InstructionForm {
  static let segmentBases: [InstructionForm] = [
    InstructionForm(X86_INS_SWAPGS, .swapGS) { decoded, _ in
      guard decoded.isLongMode else { return nil }
      return { state, i in swapGS(state, i) }
    },
    base(X86_INS_RDFSBASE, .fs) { state, i in
      system(state, i) { cpu, i in cpu.readSegmentBase(i) }
    },
    base(X86_INS_RDGSBASE, .gs) { state, i in
      system(state, i) { cpu, i in cpu.readSegmentBase(i) }
    },
    base(X86_INS_WRFSBASE, .fs) { state, i in
      system(state, i) { cpu, i in cpu.writeSegmentBase(i) }
    },
    base(X86_INS_WRGSBASE, .gs) { state, i in
      system(state, i) { cpu, i in cpu.writeSegmentBase(i) }
    },
  ]

  /// The general register is in `destination`, the segment register in `source`.
  private static func base(
    _ id: x86_insn, _ register: SegmentRegister, _ handler: @escaping Handler
  ) -> InstructionForm {
    InstructionForm(id, .segmentBase, .end, feature: .fsgsbase) { decoded, builder in
      guard decoded.isLongMode, case .general(let offset, _)? = decoded.operands.first else {
        return nil
      }
      builder.destination = offset
      builder.source = register.rawValue
      return handler
    }
  }
}

/// Goes on in its block, unless it faults.
@inline(__always)
private func swapGS(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  guard core.state.pointee.cpl == 0 else { return refuseSwapGS(state, i) }
  core.state.pointee.swapGSBase()
  return core.next(InstructionReference(i))
}

@inline(never)
private func refuseSwapGS(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  system(state, i) { cpu, _ in cpu.raise(.generalProtection, errorCode: 0) }
}

extension Processor {
  @inline(__always) fileprivate mutating func swapGSBase() {
    let base = segments[5].base
    segments[5].base = msrs.kernelGSBase
    effectiveBase[5] = msrs.kernelGSBase
    msrs.kernelGSBase = base
  }

  fileprivate mutating func readSegmentBase(_ i: InstructionReference) {
    guard mode == .long, cr4.contains(.fsgsbase) else { return raise(.invalidOpcode) }
    let base = segments[Int(i.pointer.pointee.source & 7)].base
    setOperand(i.pointer.pointee.destination, base, byteCount: baseOperandByteCount(i))
  }

  fileprivate mutating func writeSegmentBase(_ i: InstructionReference) {
    guard mode == .long, cr4.contains(.fsgsbase) else { return raise(.invalidOpcode) }
    var base = general[Int(i.pointer.pointee.destination >> 3) & 15]
    if baseOperandByteCount(i) == 4 { base &= 0xffff_ffff }
    guard isCanonicalForProcessor(base) else { return raise(.generalProtection, errorCode: 0) }
    let register = Int(i.pointer.pointee.source & 7)
    segments[register].base = base
    effectiveBase[register] = base
  }

  /// 8 with REX.W, else 4: there is no 16-bit form.
  private func baseOperandByteCount(_ i: InstructionReference) -> UInt64 {
    i.pointer.pointee.mode.contains(.operand64) ? 8 : 4
  }
}
