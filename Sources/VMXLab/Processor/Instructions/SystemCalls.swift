import CCapstone

// SYSCALL, SYSRET, SYSENTER, SYSEXIT.
//
// Source: Intel SDM, "Fast System Calls in 64-Bit Mode" and "Performing Fast Calls to System
// Procedures with the SYSENTER and SYSEXIT Instructions".
extension InstructionForm {
  static let systemCalls: [InstructionForm] = [
    InstructionForm(X86_INS_SYSCALL, .syscall, .end) { state, i in
      system(state, i) { cpu, _ in cpu.systemCall() }
    },
    InstructionForm(X86_INS_SYSRET, .sysret, .end) { state, i in
      system(state, i) { cpu, i in cpu.systemReturn(i) }
    },
    InstructionForm(X86_INS_SYSENTER, .sysenter, .end, feature: .sysenter) { state, i in
      system(state, i) { cpu, _ in cpu.systemEnter() }
    },
    InstructionForm(X86_INS_SYSEXIT, .sysexit, .end, feature: .sysenter) { state, i in
      system(state, i) { cpu, i in cpu.systemExit(i) }
    },
  ]
}

extension Processor {
  /// Loads CS and SS with the flat segments that these instructions imply, and the CPL.
  private mutating func loadFlatSegments(
    code: UInt16, stack: UInt16, level: UInt8, isLong: Bool
  ) {
    // Present, S, accessed, and for CS read and execute; 4 GiB; L or D for CS, B for SS.
    let privilege = UInt32(level) << 5
    segments[1] = Segment(
      selector: code, base: 0, limit: 0xffff_ffff,
      access: SegmentAccessRights(rawValue: (isLong ? 0xa09b : 0xc09b) | privilege))
    segments[2] = Segment(
      selector: stack, base: 0, limit: 0xffff_ffff,
      access: SegmentAccessRights(rawValue: 0xc093 | privilege))
    cpl = level
  }

  private var allowsSystemCall: Bool { mode == .long && efer.contains(.sce) }

  fileprivate mutating func systemCall() {
    guard allowsSystemCall else { return raise(.invalidOpcode) }
    general[1] = nextRIP
    let flags = rflags & ~RFLAGS.rf.rawValue
    general[11] = flags
    let selector = UInt16(truncatingIfNeeded: msrs.star >> 32) & 0xfffc
    loadFlatSegments(code: selector, stack: selector &+ 8, level: 0, isLong: true)
    nextRIP = msrs.lstar
    setRFLAGS(flags & ~msrs.fmask)
    // With TF masked there is no single-step trap in the kernel.
    if systemFlags & RFLAGS.tf.rawValue == 0 { step.hadTF = false }
    finishSystemEntry()
  }

  /// The last step of SYSCALL and SYSENTER, once CPL is 0.
  private mutating func finishSystemEntry() {
    // Until the mode is updated, this is still about the caller.
    if cet.usesShadowStack { cet.levelSSP[3] = savedUserPointer }
    updateModeAfterTransfer()
    if cet.usesShadowStack { cet.ssp = 0 }
    trackFarTransfer()
  }

  /// The last step of SYSRET and SYSEXIT, once CPL is 3.
  private mutating func finishSystemReturn() {
    updateModeAfterTransfer()
    if cet.usesShadowStack { cet.ssp = cet.levelSSP[3] }
  }

  fileprivate mutating func systemReturn(_ i: InstructionReference) {
    guard allowsSystemCall else { return raise(.invalidOpcode) }
    let isLong = i.pointer.pointee.mode.contains(.operand64)
    let target = isLong ? general[1] : general[1] & 0xffff_ffff
    guard cpl == 0, isCanonical(target) else { return raise(.generalProtection, errorCode: 0) }
    let selector = UInt16(truncatingIfNeeded: msrs.star >> 48)
    loadFlatSegments(
      code: (isLong ? selector &+ 16 : selector) | 3, stack: (selector &+ 8) | 3, level: 3,
      isLong: isLong)
    nextRIP = target
    setRFLAGS(general[11] & 0x3c_7fd7)
    finishSystemReturn()
  }

  fileprivate mutating func systemEnter() {
    guard mode != .real, msrs.sysenterCS & 0xfffc != 0 else {
      return raise(.generalProtection, errorCode: 0)
    }
    let selector = UInt16(truncatingIfNeeded: msrs.sysenterCS) & 0xfffc
    loadFlatSegments(code: selector, stack: selector &+ 8, level: 0, isLong: isIA32e)
    let mask: UInt64 = isIA32e ? ~0 : 0xffff_ffff
    general[4] = msrs.sysenterESP & mask
    nextRIP = msrs.sysenterEIP & mask
    setSystemFlags([.vm, .if, .rf], false)
    finishSystemEntry()
  }

  fileprivate mutating func systemExit(_ i: InstructionReference) {
    let isLong = i.pointer.pointee.mode.contains(.operand64)
    guard mode != .real, msrs.sysenterCS & 0xfffc != 0, cpl == 0 else {
      return raise(.generalProtection, errorCode: 0)
    }
    let mask: UInt64 = isLong ? ~0 : 0xffff_ffff
    let target = general[2] & mask
    let stack = general[1] & mask
    guard !isLong || (isCanonical(target) && isCanonical(stack)) else {
      return raise(.generalProtection, errorCode: 0)
    }
    let selector = UInt16(truncatingIfNeeded: msrs.sysenterCS) &+ (isLong ? 32 : 16)
    loadFlatSegments(code: selector | 3, stack: (selector &+ 8) | 3, level: 3, isLong: isLong)
    general[4] = stack
    nextRIP = target
    finishSystemReturn()
  }
}
