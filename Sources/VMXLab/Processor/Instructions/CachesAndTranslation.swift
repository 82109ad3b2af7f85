import CCapstone

// INVLPG, INVPCID, cache control, HLT, STAC, CLAC.
extension InstructionForm {
  static let cachesAndTranslation: [InstructionForm] = [
    InstructionForm(X86_INS_INVLPG, .invalidatePage, .end) { decoded, builder in
      guard decoded.hasMemoryOperand else { return nil }
      builder.memory = decoded.memory
      return { state, i in system(state, i) { cpu, i in cpu.invalidatePage(i) } }
    },
    InstructionForm(X86_INS_INVPCID, .invalidatePage, .end, feature: .invpcid) { decoded, builder in
      guard decoded.hasMemoryOperand, let register = decoded.operands.first else { return nil }
      builder.setDestination(register, of: decoded)
      builder.memory = decoded.memory
      return { state, i in system(state, i) { cpu, i in cpu.invalidateProcessContext(i) } }
    },
    InstructionForm(X86_INS_INVD, .writeBackInvalidate, .end) { state, i in
      system(state, i) { cpu, _ in
        guard cpu.requireCPL0() else { return }
        if cpu.vmx.isNonRoot { cpu.recordExit(.invd) }
      }
    },
    InstructionForm(X86_INS_WBINVD, .writeBackInvalidate, .end) { _, _ in writeBack },
    InstructionForm(
      AddedInstruction.wbnoinvd.id, .writeBackInvalidate, .end, feature: .wbnoinvd,
      without: X86_INS_WBINVD
    ) { _, _ in writeBack },
    InstructionForm(X86_INS_HLT, .hlt, .end) { state, i in
      system(state, i) { cpu, _ in cpu.halt() }
    },
    InstructionForm(X86_INS_STAC, .alu, .end, feature: .smap) { state, i in
      system(state, i) { cpu, _ in cpu.setAlignmentCheckFlag(true) }
    },
    InstructionForm(X86_INS_CLAC, .alu, .end, feature: .smap) { state, i in
      system(state, i) { cpu, _ in cpu.setAlignmentCheckFlag(false) }
    },
  ]
}

/// WBINVD and WBNOINVD: there is no cache to write back.
private let writeBack: Handler = { state, i in
  system(state, i) { cpu, _ in
    guard cpu.requireCPL0() else { return }
    if cpu.vmx.isNonRoot, cpu.vmx.secondary.contains(.wbinvdExiting) {
      cpu.recordExit(.wbinvdOrWBNOINVD)
    }
  }
}

extension Processor {
  fileprivate mutating func invalidatePage(_ i: InstructionReference) {
    guard requireCPL0() else { return }
    var linear = operandOffset(i)
    let mode = i.pointer.pointee.mode
    if mode.contains(.address16) { linear &= 0xffff }
    if mode.contains(.address32) { linear &= 0xffff_ffff }
    if !mode.contains(.flat) {
      linear = wrapLinear(linear &+ effectiveBase[i.pointer.pointee.segment])
    }
    if interceptINVLPG(linear) { return }
    if self.mode == .long, !isCanonicalForProcessor(linear) { return }
    invalidate(linear)
  }

  /// Drops the translation of a page, all of it where the page may have been cached in pieces.
  mutating func invalidate(_ linear: UInt64) {
    if hasLargePages { startNewAddressSpace() } else { translations.remove(linear) }
  }

  /// Source: Intel SDM, "INVPCID—Invalidate Process-Context Identifier".
  fileprivate mutating func invalidateProcessContext(_ i: InstructionReference) {
    guard mode != .virtual8086 else { return raise(.generalProtection, errorCode: 0) }
    guard allowsINVPCID else { return raise(.invalidOpcode) }
    guard requireCPL0() else { return }
    if interceptINVPCID(i) { return }
    let type = systemOperand(i.pointer.pointee.destination)
    let isStack = i.pointer.pointee.segment == 2
    guard let linear = linearOperand(i, byteCount: 16, .read),
      let pcid = read(linear, UInt64.self, stack: isStack),
      let address = read(wrapLinear(linear &+ 8), UInt64.self, stack: isStack)
    else { return }
    guard type <= 3, pcid >> 12 == 0 || type >= 2,
      type >= 2 || cr4.contains(.pcide) || pcid == 0,
      type != 0 || isCanonicalForProcessor(address)
    else { return raise(.generalProtection, errorCode: 0) }
    startNewAddressSpace()
  }

  fileprivate mutating func halt() {
    guard requireCPL0() else { return }
    if vmx.isNonRoot, vmx.primary.contains(.hltExiting) { return recordExit(.hlt) }
    optimizedState.isActive = false
    activity = .hlt
    attention.insert(.inactive)
  }

  fileprivate mutating func setAlignmentCheckFlag(_ value: Bool) {
    // In virtual-8086 mode, too, the CPL is 3.
    guard cpl == 0 else { return raise(.invalidOpcode) }
    if value {
      systemFlags |= RFLAGS.ac.rawValue
    } else {
      systemFlags &= ~RFLAGS.ac.rawValue
    }
    updateAccessTags()
  }
}
