// Near CALL, RET and indirect JMP as they are while shadow stacks or the tracking of indirect branches
// are on at the CPL: handlers of their own, so that the ordinary ones need not ask.
//
// Source: Intel SDM, "CALL—Call Procedure", "RET—Return From Procedure" and "JMP—Jump".

/// Handlers of an indirect branch. `Instruction.source` is 1 with a NOTRACK prefix.
struct EnforcedBranch: Sendable {
  let register: Handler
  let memory: Handler

  static let jump = EnforcedBranch(
    register: { state, i in
      system(state, i) { cpu, i in cpu.enforcedJump(i, to: cpu.registerTarget(i)) }
    },
    memory: { state, i in
      system(state, i) { cpu, i in
        guard let target = cpu.memoryTarget(i) else { return }
        cpu.enforcedJump(i, to: target)
      }
    })

  static let call = EnforcedBranch(
    register: { state, i in
      system(state, i) { cpu, i in cpu.enforcedIndirectCall(i, to: cpu.registerTarget(i)) }
    },
    memory: { state, i in
      system(state, i) { cpu, i in
        guard let target = cpu.memoryTarget(i) else { return }
        cpu.enforcedIndirectCall(i, to: target)
      }
    })
}

/// A direct CALL.
let enforcedCallRelative: Handler = { state, i in
  system(state, i) { cpu, i in cpu.enforcedRelativeCall(i) }
}

let enforcedReturn: Handler = { state, i in system(state, i) { cpu, i in cpu.enforcedReturn(i) } }

extension Processor {
  // MARK: Targets

  /// Bytes of the instruction pointer that a near branch loads.
  private func nearByteCount(_ i: InstructionReference) -> UInt64 {
    let mode = i.pointer.pointee.mode
    return mode.contains(.long) ? 8 : mode.contains(.operand16) ? 2 : 4
  }

  fileprivate func registerTarget(_ i: InstructionReference) -> UInt64 {
    general[Int(i.pointer.pointee.destination >> 3) & 15]
  }

  /// The target in memory; nil after a fault.
  fileprivate mutating func memoryTarget(_ i: InstructionReference) -> UInt64? {
    let byteCount = nearByteCount(i)
    guard let linear = linearOperand(i, byteCount: byteCount, .read) else { return nil }
    return readSlow(
      linear, byteCount: byteCount, tag: dataTag, kind: .read,
      stack: i.pointer.pointee.segment == 2)
  }

  /// Checks a target that is as wide as the operand size; nil after #GP(0).
  private mutating func checkedTarget(_ target: UInt64, byteCount: UInt64) -> UInt64? {
    let isAllowed: Bool
    var target = target
    if byteCount == 8 {
      isAllowed = isCanonical(target)
    } else {
      target &= byteCount == 2 ? 0xffff : 0xffff_ffff
      isAllowed = target <= UInt64(segments[1].limit)
    }
    guard isAllowed else {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    return target
  }

  // MARK: JMP and CALL

  fileprivate mutating func enforcedJump(_ i: InstructionReference, to target: UInt64) {
    guard let target = checkedTarget(target, byteCount: nearByteCount(i)) else { return }
    nextRIP = target
    trackIndirectBranch(noTrack: i.pointer.pointee.source != 0)
  }

  fileprivate mutating func enforcedIndirectCall(_ i: InstructionReference, to target: UInt64) {
    guard enforcedCall(i, to: target, returns: true) else { return }
    trackIndirectBranch(noTrack: i.pointer.pointee.source != 0)
  }

  fileprivate mutating func enforcedRelativeCall(_ i: InstructionReference) {
    let target = blockRIP &+ i.pointer.pointee.immediate
    let unused = 64 &- nearByteCount(i) &* 8
    // A call of the next instruction only reads RIP, and nothing will return from it.
    let isCall = (target ^ nextRIP) << unused != 0
    _ = enforcedCall(i, to: target, returns: isCall)
  }

  /// Pushes the return address on both stacks; false after a fault.
  fileprivate mutating func enforcedCall(
    _ i: InstructionReference, to target: UInt64, returns: Bool
  ) -> Bool {
    let byteCount = nearByteCount(i)
    guard let target = checkedTarget(target, byteCount: byteCount) else { return false }
    var pointer = stackPointer
    guard push(nextRIP, byteCount: byteCount, &pointer) else { return false }
    if returns, cet.usesShadowStack {
      var shadow = currentShadowStack
      // IP is zero-extended.
      let address = byteCount == 2 ? nextRIP & 0xffff : nextRIP
      guard push(address, byteCount: max(byteCount, 4), &shadow) else { return false }
      cet.ssp = shadow.pointer
    }
    commit(pointer)
    nextRIP = target
    return true
  }

  // MARK: RET

  fileprivate mutating func enforcedReturn(_ i: InstructionReference) {
    let byteCount = nearByteCount(i)
    var pointer = stackPointer
    guard let target = pop(byteCount: byteCount, &pointer) else { return }
    var shadow = currentShadowStack
    if cet.usesShadowStack {
      // An IP beyond the limit is found before the shadow stack is looked at.
      if byteCount == 2, checkedTarget(target, byteCount: 2) == nil { return }
      guard let expected = pop(byteCount: max(byteCount, 4), &shadow) else { return }
      guard expected == target else { return raiseControlProtection(.nearReturn) }
    }
    guard checkedTarget(target, byteCount: byteCount) != nil else { return }
    cet.ssp = shadow.pointer
    pointer.offset &+= i.pointer.pointee.immediate
    commit(pointer)
    nextRIP = target
  }
}
