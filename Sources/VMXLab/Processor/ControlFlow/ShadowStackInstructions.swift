import CCapstone

// The instructions of Control-flow Enforcement Technology.
//
// Source: Intel SDM, "INCSSPD/INCSSPQ—Increment Shadow Stack Pointer" and the pages of the others.
extension InstructionForm {
  static let controlFlowEnforcement: [InstructionForm] = [
    endbranch(X86_INS_ENDBR32, isLong: false), endbranch(X86_INS_ENDBR64, isLong: true),
    InstructionForm(AddedInstruction.rdssp.id, .alu) { decoded, builder in
      // Without shadow stacks it is a NOP, on processors that do not have them too.
      guard decoded.heedsControlFlow else { return doNothing }
      builder.setDestination(decoded.operands[0], of: decoded)
      return readShadowStackPointer
    },
    InstructionForm(AddedInstruction.incssp.id, .load, .end, feature: .cetSS) { decoded, builder in
      builder.setDestination(decoded.operands[0], of: decoded)
      return { state, i in system(state, i) { cpu, i in cpu.incrementShadowStackPointer(i) } }
    },
    InstructionForm(AddedInstruction.saveprevssp.id, .compareExchange, .end, feature: .cetSS) {
      state, i in
      system(state, i) { cpu, _ in cpu.savePreviousShadowStackPointer() }
    },
    onMemory(AddedInstruction.rstorssp.id, .compareExchange) { state, i in
      system(state, i) { cpu, i in cpu.restoreShadowStackPointer(i) }
    },
    onMemory(AddedInstruction.wrss.id, .store) { state, i in
      system(state, i) { cpu, i in cpu.writeShadowStack(i) }
    },
    onMemory(AddedInstruction.wruss.id, .store) { state, i in
      system(state, i) { cpu, i in cpu.writeUserShadowStack(i) }
    },
    InstructionForm(AddedInstruction.setssbsy.id, .compareExchange, .end, feature: .cetSS) {
      state, i in
      system(state, i) { cpu, _ in cpu.setShadowStackBusy() }
    },
    onMemory(AddedInstruction.clrssbsy.id, .compareExchange) { state, i in
      system(state, i) { cpu, i in cpu.clearShadowStackBusy(i) }
    },
  ]

  private static func endbranch(_ id: x86_insn, isLong: Bool) -> InstructionForm {
    InstructionForm(id, .nop) { decoded, builder in
      guard decoded.heedsControlFlow, decoded.isLongMode == isLong else { return doNothing }
      builder.isBranchTarget = true
      return endBranch
    }
  }

  private static func onMemory(
    _ id: x86_insn, _ timing: TimingClass, _ handler: @escaping Handler
  ) -> InstructionForm {
    InstructionForm(id, timing, .end, feature: .cetSS) { decoded, builder in
      builder.memory = decoded.memory
      if decoded.operands.count == 2 { builder.setSource(decoded.operands[1], of: decoded) }
      return handler
    }
  }
}

private let endBranch: Handler = { state, i in
  let core = Core(state)
  core.state.pointee.landOnEndbranch()
  return core.next(InstructionReference(i))
}

private let readShadowStackPointer: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  if core.state.pointee.cet.usesShadowStack {
    let pointer = core.state.pointee.cet.ssp
    if i.pointer.pointee.mode.contains(.operand64) {
      core.setRegister(i.pointer.pointee.destination, pointer)
    } else {
      core.setRegister(i.pointer.pointee.destination, UInt32(truncatingIfNeeded: pointer))
    }
  }
  return core.next(i)
}

extension Processor {
  // MARK: What several check

  /// Raises #UD unless shadow stacks are on at the CPL.
  private mutating func requireShadowStack() -> Bool {
    guard cet.usesShadowStack else {
      raise(.invalidOpcode)
      return false
    }
    return true
  }

  /// Raises #UD unless supervisor shadow stacks are on, and #GP(0) unless CPL is 0.
  private mutating func requireSupervisorShadowStack() -> Bool {
    guard isProtected, usesShadowStack(atLevel: 0) else {
      raise(.invalidOpcode)
      return false
    }
    return requireCPL0()
  }

  /// Linear address of the memory operand of `byteCount` bytes, a multiple of that; nil after a fault.
  private mutating func alignedOperand(_ i: InstructionReference, byteCount: UInt64) -> UInt64? {
    guard let linear = linearOperand(i, byteCount: byteCount, .write) else { return nil }
    guard linear & (byteCount &- 1) == 0 else {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    return linear
  }

  /// What a non-canonical address of the memory operand raises.
  private func canonicalFault(_ i: InstructionReference) -> ExceptionVector {
    i.pointer.pointee.segment == 2 ? .stackFault : .generalProtection
  }

  /// EFER.LMA AND CS.L, as tokens have it.
  private var tokenMode: UInt64 { mode == .long ? 1 : 0 }

  /// The flags after RSTORSSP and CLRSSBSY.
  private mutating func setCarryAlone(_ carry: Bool) {
    lazy.load(carry ? RFLAGS.cf.rawValue : 0)
  }

  // MARK: The current shadow stack

  fileprivate mutating func incrementShadowStackPointer(_ i: InstructionReference) {
    guard requireShadowStack() else { return }
    let byteCount = operandByteCount(i)
    let count = systemOperand(i.pointer.pointee.destination) & 0xff
    var stack = currentShadowStack
    guard loadShadow(stack.pointer, byteCount: byteCount, stack) != nil else { return }
    if count > 0 {
      let last = stack.address(byteCount &* (count &- 1))
      guard loadShadow(last, byteCount: byteCount, stack) != nil else { return }
    }
    stack.move(by: byteCount &* count)
    cet.ssp = stack.pointer
  }

  fileprivate mutating func savePreviousShadowStackPointer() {
    guard requireShadowStack() else { return }
    var stack = currentShadowStack
    guard stack.pointer & 7 == 0 else { return raise(.generalProtection, errorCode: 0) }
    guard let token = pop(byteCount: 8, &stack) else { return }
    if lazy.cf {
      // There is an alignment hole above the token, which 64-bit code never leaves.
      guard mode != .long else { return raise(.generalProtection, errorCode: 0) }
      guard let hole = pop(byteCount: 4, &stack) else { return }
      guard hole == 0 else { return raise(.generalProtection, errorCode: 0) }
    }
    guard token & 2 != 0, stack.reaches(token) else {
      return raise(.generalProtection, errorCode: 0)
    }
    var previous = stack
    previous.pointer = token & ~3
    guard storeShadow(previous.address(0 &- 4), 0, byteCount: 4, previous) else { return }
    let restoreToken = previous.pointer | tokenMode
    previous.pointer &= ~7
    guard push(restoreToken, byteCount: 8, &previous) else { return }
    cet.ssp = stack.pointer
  }

  fileprivate mutating func restoreShadowStackPointer(_ i: InstructionReference) {
    guard requireShadowStack(), let linear = alignedOperand(i, byteCount: 8) else { return }
    let stack = currentShadowStack
    let mode = tokenMode
    func isValid(_ token: UInt64) -> Bool {
      token & 3 == mode && stack.reaches(token) && ((token & ~1) &- 8) & ~7 == linear
    }
    let previousToken = cet.ssp | mode | 2
    guard
      let token = exchangeShadow(
        linear, stack, orRaise: canonicalFault(i), { isValid($0) ? previousToken : nil })
    else { return }
    guard isValid(token) else { return raiseControlProtection(.restoreSSP) }
    cet.ssp = linear
    setCarryAlone(token & 4 != 0)
  }

  // MARK: Writing

  fileprivate mutating func writeShadowStack(_ i: InstructionReference) {
    guard cet.usesShadowStack, controlFlow.contains(.writeShadowStack) else {
      return raise(.invalidOpcode)
    }
    storeShadowOperand(i, currentShadowStack)
  }

  fileprivate mutating func writeUserShadowStack(_ i: InstructionReference) {
    guard cr4.contains(.cet), isProtected else { return raise(.invalidOpcode) }
    guard requireCPL0() else { return }
    var stack = currentShadowStack
    stack.isUser = true
    storeShadowOperand(i, stack)
  }

  private mutating func storeShadowOperand(_ i: InstructionReference, _ stack: ShadowStack) {
    let byteCount = operandByteCount(i)
    guard let linear = alignedOperand(i, byteCount: byteCount) else { return }
    let value = general[Int(i.pointer.pointee.source >> 3) & 15]
    _ = storeShadow(linear, value, byteCount: byteCount, stack, orRaise: canonicalFault(i))
  }

  // MARK: Supervisor shadow-stack tokens

  fileprivate mutating func setShadowStackBusy() {
    guard requireSupervisorShadowStack() else { return }
    let stack = currentShadowStack
    let linear = cet.levelSSP[0]
    guard linear & 7 == 0 else { return raise(.generalProtection, errorCode: 0) }
    guard stack.reaches(linear) else { return raiseControlProtection(.setBusy) }
    guard let wasFree = exchangeToken(linear, linear, for: linear | shadowStackBusy, stack) else {
      return
    }
    guard wasFree else { return raiseControlProtection(.setBusy) }
    cet.ssp = linear
  }

  fileprivate mutating func clearShadowStackBusy(_ i: InstructionReference) {
    guard requireSupervisorShadowStack(), let linear = alignedOperand(i, byteCount: 8) else {
      return
    }
    guard
      let wasBusy = exchangeToken(
        linear, linear | shadowStackBusy, for: linear, currentShadowStack,
        orRaise: canonicalFault(i))
    else { return }
    setCarryAlone(!wasBusy)
    cet.ssp = 0
  }
}
