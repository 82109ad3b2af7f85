import CCapstone

// CLI, STI, PUSHF and POPF, with the virtual interrupt flag of virtual-8086 and protected mode.
//
// Source: Intel SDM, "CLI—Clear Interrupt Flag", "STI—Set Interrupt Flag", "PUSHF/PUSHFD/PUSHFQ",
// "POPF/POPFD/POPFQ" and "Protected-Mode Virtual Interrupts".
extension InstructionForm {
  static let interruptFlag: [InstructionForm] = [
    InstructionForm(X86_INS_CLI, .interruptFlag, .end) { state, i in
      system(state, i) { cpu, _ in cpu.clearInterruptFlag() }
    },
    InstructionForm(X86_INS_STI, .interruptFlag, .end) { state, i in
      system(state, i) { cpu, _ in cpu.setInterruptFlag() }
    },
    pushFlags(X86_INS_PUSHF), pushFlags(X86_INS_PUSHFD), pushFlags(X86_INS_PUSHFQ),
    popFlags(X86_INS_POPF), popFlags(X86_INS_POPFD), popFlags(X86_INS_POPFQ),
  ]

  private static func pushFlags(_ id: x86_insn) -> InstructionForm {
    InstructionForm(id, .flagsTransfer, .continue) { state, i in
      let core = Core(state)
      let i = InstructionReference(i)
      guard core.state.pointee.pushFlags(i) else { return core.leave(i) }
      return core.nextAfterSlowAccess(i)
    }
  }

  private static func popFlags(_ id: x86_insn) -> InstructionForm {
    InstructionForm(id, .flagsTransfer, .end) { state, i in
      system(state, i) { cpu, i in cpu.popFlags(i) }
    }
  }
}

extension Processor {
  /// The defined flags of FLAGS, the lower half.
  static var wordFlags: RFLAGS { RFLAGS(rawValue: 0x7fd5) }

  /// Which flag CLI and STI act on; nil after #GP(0).
  private mutating func interruptFlagToChange() -> RFLAGS? {
    if mode == .real || cpl <= iopl { return .if }
    let isVirtualized = mode == .virtual8086 ? cr4.contains(.vme) : cpl == 3 && cr4.contains(.pvi)
    if isVirtualized { return .vif }
    raise(.generalProtection, errorCode: 0)
    return nil
  }

  /// Whether VIF and VIP are both set where virtual interrupts are in force, after POPF, IRET, a task
  /// switch or a VM entry: then no instruction can begin.
  ///
  /// Source: Intel SDM, "Class 2—Maskable Hardware Interrupt Handling in Virtual-8086 Mode Using the
  /// Virtual Interrupt Mechanism".
  var hasPendingVirtualInterrupt: Bool {
    let both = RFLAGS.vif.rawValue | RFLAGS.vip.rawValue
    guard systemFlags & both == both, iopl < 3 else { return false }
    return mode == .virtual8086 ? cr4.contains(.vme) : cpl == 3 && cr4.contains(.pvi)
  }

  fileprivate mutating func clearInterruptFlag() {
    guard let flag = interruptFlagToChange() else { return }
    setSystemFlags(flag, false)
  }

  fileprivate mutating func setInterruptFlag() {
    guard let flag = interruptFlagToChange() else { return }
    if flag == .vif, systemFlags & RFLAGS.vip.rawValue != 0 {
      return raise(.generalProtection, errorCode: 0)
    }
    let wasSet = systemFlags & flag.rawValue != 0
    setSystemFlags(flag, true)
    if flag == .if, !wasSet { beginShadow(ofMOVSS: false) }
  }

  /// The virtual interrupt flag, without a check of VIP.
  mutating func setVirtualInterruptFlag(_ isSet: Bool) { setSystemFlags(.vif, isSet) }

  /// Whether virtual-8086 code at an IOPL below 3 may load `flags`: not TF, and not IF while a
  /// virtual interrupt is pending. If not, #GP(0) is recorded.
  mutating func allowsVirtualFlags(_ flags: UInt64) -> Bool {
    let isPending = systemFlags & RFLAGS.vip.rawValue != 0
    guard flags & RFLAGS.tf.rawValue == 0, !(isPending && flags & RFLAGS.if.rawValue != 0) else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    return true
  }

  /// The operand size of PUSHF and POPF: 64 bits in 64-bit mode, or 16 with 66.
  private func flagsByteCount(_ i: InstructionReference) -> UInt64 {
    let byteCount = operandByteCount(i)
    return byteCount == 4 && i.pointer.pointee.mode.contains(.long) ? 8 : byteCount
  }

  fileprivate mutating func pushFlags(_ i: InstructionReference) -> Bool {
    let byteCount = flagsByteCount(i)
    var image = rflags & ~(RFLAGS.vm.rawValue | RFLAGS.rf.rawValue)
    if mode == .virtual8086, iopl < 3 {
      guard cr4.contains(.vme), byteCount == 2 else {
        raise(.generalProtection, errorCode: 0)
        return false
      }
      image |= RFLAGS.iopl.rawValue | RFLAGS.if.rawValue
      if systemFlags & RFLAGS.vif.rawValue == 0 { image &= ~RFLAGS.if.rawValue }
    }
    var pointer = stackPointer
    guard push(image, byteCount: byteCount, &pointer) else { return false }
    commit(pointer)
    return true
  }

  fileprivate mutating func popFlags(_ i: InstructionReference) {
    let byteCount = flagsByteCount(i)
    let isVirtual = mode == .virtual8086 && iopl < 3
    if isVirtual, byteCount != 2 || !cr4.contains(.vme) {
      return raise(.generalProtection, errorCode: 0)
    }
    var pointer = stackPointer
    guard let flags = pop(byteCount: byteCount, &pointer) else { return }
    var changed: RFLAGS = [.status, .tf, .df, .nt]
    if byteCount > 2 { changed.formUnion([.ac, .id]) }
    if isVirtual {
      guard allowsVirtualFlags(flags) else { return }
      setVirtualInterruptFlag(flags & RFLAGS.if.rawValue != 0)
    } else {
      if mode == .real || cpl <= iopl { changed.insert(.if) }
      if mode == .real || cpl == 0 { changed.insert(.iopl) }
    }
    commit(pointer)
    // RF is cleared whatever the image has there.
    setRFLAGS(
      flags & changed.rawValue | rflags & ~(changed.rawValue | RFLAGS.rf.rawValue))
  }
}
