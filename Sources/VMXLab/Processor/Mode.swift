// The mode of operation, and everything that is derived from it and cached.
extension Processor {
  /// Recomputes the mode and all that follows from it, after any change of CR0, CR4, IA32_EFER, CS,
  /// SS, the CPL or EFLAGS.VM.
  ///
  /// Source: Intel SDM, "Modes of Operation".
  mutating func updateMode() {
    let code = segments[1]
    if !cr0.contains(.pe) {
      mode = .real
    } else if efer.contains(.lma) {
      mode = code.access.isLong ? .long : .compatibility
    } else if systemFlags & RFLAGS.vm.rawValue != 0 {
      mode = .virtual8086
    } else {
      mode = .protected
    }
    if mode == .long {
      decodeMode = DecodeMode.code64 | DecodeMode.flatCode
      ripMask = ~0
      stackMask = ~0
    } else {
      decodeMode = code.access.isBig ? DecodeMode.code32 : DecodeMode.code16
      if code.base & 0xffff_ffff == 0, code.limit == 0xffff_ffff {
        decodeMode |= DecodeMode.flatCode
      }
      ripMask = 0xffff_ffff
      stackMask = segments[2].access.isBig ? 0xffff_ffff : 0xffff
    }
    updateDecodeOptions()
    updateBases()
    updateAccessTags()
    updateVectorTraps()
    updateControlFlow()
    notePerformanceState()
  }

  /// `updateMode` after a far transfer, which changes CS, SS, the CPL and EFLAGS.VM alone.
  mutating func updateModeAfterTransfer() {
    guard mode == .long, segments[1].access.isLong else { return updateMode() }
    decodeMode = DecodeMode.code64 | DecodeMode.flatCode
    updateDecodeOptions()
    updateAccessTags()
    updateControlFlow()
    notePerformanceState()
  }

  /// Adds to `decodeMode` what does not follow from CS.
  @inline(__always) private mutating func updateDecodeOptions() {
    if heedsBounds { decodeMode |= DecodeMode.bounds }
    if detectsBusLocks { decodeMode |= DecodeMode.busLocks }
  }

  /// Recomputes the bases that address generation uses.
  ///
  /// Source: Intel SDM, "Segmentation in IA-32e Mode".
  mutating func updateBases() {
    for index in 0..<4 {
      effectiveBase[index] = mode == .long ? 0 : segments[index].base & 0xffff_ffff
    }
    let mask: UInt64 = mode == .long ? ~0 : 0xffff_ffff
    effectiveBase[4] = segments[4].base & mask
    effectiveBase[5] = segments[5].base & mask
    updateFlatData()
  }

  /// Recomputes whether blocks may take ES, SS and DS to be flat.
  @inline(__always) mutating func updateFlatData() {
    if mode != .long, segments[0].isFlatData, segments[2].isFlatData, segments[3].isFlatData {
      decodeMode |= DecodeMode.flatData
    } else {
      decodeMode &= ~DecodeMode.flatData
    }
  }

  /// Whether the processor is in IA-32e mode (64-bit or compatibility mode).
  @inline(__always) var isIA32e: Bool { efer.contains(.lma) }

  /// Protected mode proper, or a submode of IA-32e mode: neither real-address nor virtual-8086 mode.
  @inline(__always) var isProtected: Bool { mode != .real && mode != .virtual8086 }

  /// The access class of data accesses at privilege level `level`, in the current address space.
  mutating func accessTag(level: UInt8) -> UInt64 {
    let space = addressSpace.value << TranslationTag.asnShift
    let flags = RFLAGS(rawValue: systemFlags)
    if level == 3 {
      let checksAlignment = cr0.contains(.am) && flags.contains(.ac)
      return space | (checksAlignment ? TranslationTag.userAligned : TranslationTag.user)
    }
    let ignoresSMAP = cr4.contains(.smap) && flags.contains(.ac)
    return space | (ignoresSMAP ? TranslationTag.supervisorAC : TranslationTag.supervisor)
  }
}

// MARK: RFLAGS

extension Processor {
  /// RFLAGS, all bits.
  var rflags: UInt64 { systemFlags | lazy.rawValue }

  /// EFLAGS.IOPL.
  @inline(__always) var iopl: UInt8 { UInt8(truncatingIfNeeded: systemFlags >> 12) & 3 }

  /// Sets every defined bit of RFLAGS, and what depends on TF, IF, RF and AC.
  ///
  /// A change of VM needs `updateMode` as well.
  mutating func setRFLAGS(_ value: UInt64) {
    let old = systemFlags
    loadRFLAGS(value)
    let changed = old ^ systemFlags
    if changed & RFLAGS.ac.rawValue != 0 { updateAccessTags() }
    if changed & (RFLAGS.tf.rawValue | RFLAGS.rf.rawValue | RFLAGS.if.rawValue) != 0 {
      updateAttention()
    }
  }

  /// The same without what depends on it: `updateMode` and `updateAttention` are to follow.
  @inline(__always) mutating func loadRFLAGS(_ value: UInt64) {
    lazy.load(value)
    systemFlags =
      value & RFLAGS.defined.subtracting(.status).rawValue | RFLAGS.fixed.rawValue
    step.clearsRF = false
  }

  /// Sets or clears system flags (not the status flags), as `setRFLAGS` does.
  mutating func setSystemFlags(_ flags: RFLAGS, _ isSet: Bool) {
    let old = systemFlags
    systemFlags = isSet ? systemFlags | flags.rawValue : systemFlags & ~flags.rawValue
    let changed = old ^ systemFlags
    if changed & RFLAGS.ac.rawValue != 0 { updateAccessTags() }
    if changed & (RFLAGS.tf.rawValue | RFLAGS.rf.rawValue | RFLAGS.if.rawValue) != 0 {
      updateAttention()
    }
  }
}
