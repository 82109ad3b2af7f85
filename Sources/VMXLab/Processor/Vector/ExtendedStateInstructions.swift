// FXSAVE, FXRSTOR, and the XSAVE feature set.
//
// Source: Intel SDM, "Managing State Using the XSAVE Feature Set", "FXSAVE", "FXRSTOR".
extension VectorForm {
  static let extendedState: [VectorForm] = [
    saving("fxsave", 0x0fae, 0, .fxsr, .fxSave) { state, i in
      system(state, i) { cpu, i in cpu.saveLegacyState(i) }
    },
    saving("fxrstor", 0x0fae, 1, .fxsr, .fxRestore) { state, i in
      system(state, i) { cpu, i in cpu.restoreLegacyState(i) }
    },
    saving("xsave", 0x0fae, 4, .xsave, .xSave) { state, i in
      system(state, i) { cpu, i in cpu.saveExtendedState(i, .standard) }
    },
    saving("xrstor", 0x0fae, 5, .xsave, .xRestore) { state, i in
      system(state, i) { cpu, i in cpu.restoreExtendedState(i, supervisor: false) }
    },
    saving("xsaveopt", 0x0fae, 6, .xsaveopt, .xSave) { state, i in
      system(state, i) { cpu, i in cpu.saveExtendedState(i, .optimized) }
    },
    saving("xrstors", 0x0fc7, 3, .xsaves, .xRestore) { state, i in
      system(state, i) { cpu, i in cpu.restoreExtendedState(i, supervisor: true) }
    },
    saving("xsavec", 0x0fc7, 4, .xsavec, .xSave) { state, i in
      system(state, i) { cpu, i in cpu.saveExtendedState(i, .compacted) }
    },
    saving("xsaves", 0x0fc7, 5, .xsaves, .xSave) { state, i in
      system(state, i) { cpu, i in cpu.saveExtendedState(i, .supervisor) }
    },
  ]

  private static func saving(
    _ name: StaticString, _ opcode: UInt16, _ digit: UInt8, _ feature: CPUFeature,
    _ timing: TimingClass, _ handler: @escaping Handler
  ) -> VectorForm {
    VectorForm(
      name, .none, opcode, .system(register: nil, memory: handler), feature,
      [.legacyOnly, .memoryOnly],
      digit: digit, timing: timing)
  }
}

/// The ways of saving extended state.
enum ExtendedStateSaving {
  /// XSAVE.
  case standard
  /// XSAVEOPT.
  case optimized
  /// XSAVEC.
  case compacted
  /// XSAVES.
  case supervisor

  var isCompacted: Bool { self == .compacted || self == .supervisor }
}

extension Processor {
  // MARK: FXSAVE and FXRSTOR

  fileprivate mutating func saveLegacyState(_ i: InstructionReference) {
    guard canSwitchLegacyState() else { return }
    guard
      let area = ExtendedStateArea(
        &self, i, byteCount: ExtendedStateArea.legacyByteCount, alignment: 16, .write)
    else { return }
    storeX87(area, wide: i.pointer.pointee.mode.contains(.operand64))
    storeMXCSR(area)
    if cr4.contains(.osfxsr) { storeXMM(area) }
  }

  fileprivate mutating func restoreLegacyState(_ i: InstructionReference) {
    guard canSwitchLegacyState() else { return }
    guard
      let area = ExtendedStateArea(
        &self, i, byteCount: ExtendedStateArea.legacyByteCount, alignment: 16, .read)
    else { return }
    guard let mxcsr = checkedMXCSR(area) else { return raise(.generalProtection, errorCode: 0) }
    loadX87(area, wide: i.pointer.pointee.mode.contains(.operand64))
    vector.mxcsr = mxcsr
    if cr4.contains(.osfxsr) { loadXMM(area) }
  }

  private mutating func canSwitchLegacyState() -> Bool {
    guard cr0.contains(.em) || cr0.contains(.ts) else { return true }
    raise(.deviceNotAvailable)
    return false
  }

  // MARK: XSAVE, XSAVEOPT, XSAVEC, XSAVES

  fileprivate mutating func saveExtendedState(
    _ i: InstructionReference, _ saving: ExtendedStateSaving
  ) {
    let isSupervisor = saving == .supervisor
    guard canUseXSAVE(i, supervisor: isSupervisor, exit: .xsaves) else { return }
    let requested = requestedComponents(supervisor: isSupervisor)
    let layout =
      saving.isCompacted
      ? ExtendedStateLayout(compacted: XStateComponents(rawValue: requested)) : .standard
    var inUse = componentsInUse & requested
    let sse = XStateComponents.sse.rawValue
    // The compacted format has MXCSR in the SSE component.
    if saving.isCompacted, vector.mxcsr != VectorState.initialMXCSR { inUse |= sse & requested }
    let saved = XStateComponents(rawValue: saving == .standard ? requested : inUse)
    guard
      let area = ExtendedStateArea(
        &self, i, byteCount: layout.byteCount(saved), alignment: 64, .write)
    else { return }
    if saved.contains(.x87) {
      storeX87(area, wide: i.pointer.pointee.mode.contains(.operand64))
    }
    let savesMXCSR =
      saving.isCompacted
      ? saved.contains(.sse) : requested & XStateComponents.vectors.rawValue != 0
    if savesMXCSR { storeMXCSR(area) }
    if saved.contains(.sse) { storeXMM(area) }
    if saved.contains(.avx) { storeAVX(area, at: layout.avx) }
    if saved.contains(.boundRegisters) { storeBoundRegisters(area, at: layout.boundRegisters) }
    if saved.contains(.boundControl) { storeBoundControl(area, at: layout.boundControl) }
    if saved.contains(.pkru) { area.store32(layout.pkru, protectionKeys.user, &self) }
    storeControlFlow(area, saved, layout)
    let header = ExtendedStateArea.Offset.header
    if saving.isCompacted {
      area.store(header, inUse, &self)
      area.store(header &+ 8, requested | ExtendedStateArea.compacted, &self)
    } else {
      let old = area.load(header, &self)
      area.store(header, old & ~requested | inUse, &self)
    }
  }

  /// RFBM: the components that EDX:EAX asks for and that are enabled.
  private func requestedComponents(supervisor isSupervisor: Bool) -> UInt64 {
    let mask = general[2] << 32 | general[0] & 0xffff_ffff
    return mask & (vector.xcr0 | (isSupervisor ? vector.xss : 0))
  }

  /// What all instructions of the feature set check first.
  private mutating func canUseXSAVE(
    _ i: InstructionReference, supervisor isSupervisor: Bool, exit reason: BasicExitReason
  ) -> Bool {
    guard cr4.contains(.osxsave), !isSupervisor || allowsXSAVES else {
      raise(.invalidOpcode)
      return false
    }
    guard !cr0.contains(.ts) else {
      raise(.deviceNotAvailable)
      return false
    }
    guard isSupervisor else { return true }
    return requireCPL0() && !interceptXSAVES(reason, i)
  }

  // MARK: XRSTOR and XRSTORS

  fileprivate mutating func restoreExtendedState(
    _ i: InstructionReference, supervisor isSupervisor: Bool
  ) {
    guard canUseXSAVE(i, supervisor: isSupervisor, exit: .xrstors) else { return }
    let requested = XStateComponents(rawValue: requestedComponents(supervisor: isSupervisor))
    guard
      let start = ExtendedStateArea(
        &self, i, byteCount: ExtendedStateArea.Offset.extended, alignment: 64, .read)
    else { return }
    let header = XSAVEHeader(start, &self)
    guard isValid(header, supervisor: isSupervisor) else {
      return raise(.generalProtection, errorCode: 0)
    }
    let present = XStateComponents(rawValue: header.components)
    let layout =
      header.isCompacted
      ? ExtendedStateLayout(compacted: XStateComponents(rawValue: header.format)) : .standard
    guard
      let area = ExtendedStateArea(
        &self, i, byteCount: layout.byteCount(requested.intersection(present)), alignment: 64,
        .read)
    else { return }
    var mxcsr = vector.mxcsr
    let loadsMXCSR =
      header.isCompacted
      ? requested.contains(.sse) && present.contains(.sse)
      : !requested.isDisjoint(with: .vectors)
    if loadsMXCSR {
      guard let value = checkedMXCSR(area) else { return raise(.generalProtection, errorCode: 0) }
      mxcsr = value
    } else if header.isCompacted, requested.contains(.sse) {
      mxcsr = VectorState.initialMXCSR
    }
    guard let controlFlow = loadedControlFlow(area, requested, present: present, layout) else {
      return raise(.generalProtection, errorCode: 0)
    }
    if isSupervisor {
      cet = controlFlow
      updateControlFlow()
    }
    vector.mxcsr = mxcsr
    if requested.contains(.x87) {
      if present.contains(.x87) {
        loadX87(area, wide: i.pointer.pointee.mode.contains(.operand64))
      } else {
        initializeX87()
      }
    }
    if requested.contains(.sse) {
      if present.contains(.sse) { loadXMM(area) } else { initializeHalves(firstWord: 0) }
    }
    if requested.contains(.avx) {
      if present.contains(.avx) {
        loadAVX(area, at: layout.avx)
      } else {
        initializeHalves(firstWord: 2)
      }
    }
    restoreBounds(area, layout, requested, present: present)
    // Last: the accesses of the instruction itself are made with the rights from before it.
    if requested.contains(.pkru) {
      let value = present.contains(.pkru) ? area.load(layout.pkru, &self) : 0
      setPKRU(UInt32(truncatingIfNeeded: value))
    }
  }

  private mutating func restoreBounds(
    _ area: ExtendedStateArea, _ layout: ExtendedStateLayout, _ requested: XStateComponents,
    present: XStateComponents
  ) {
    if requested.contains(.boundRegisters) {
      if present.contains(.boundRegisters) {
        loadBoundRegisters(area, at: layout.boundRegisters)
      } else {
        bounds.registers = InlineArray(repeating: 0)
      }
    }
    if requested.contains(.boundControl) {
      if present.contains(.boundControl) {
        loadBoundControl(area, at: layout.boundControl)
      } else {
        setBoundControl(configuration: 0, status: 0)
      }
    }
  }

  /// Source: Intel SDM, "Operation of XRSTOR" and "Operation of XRSTORS".
  private mutating func isValid(_ header: XSAVEHeader, supervisor isSupervisor: Bool) -> Bool {
    let enabled = vector.xcr0 | (isSupervisor ? vector.xss : 0)
    if header.isCompacted {
      let layout = header.format & ~ExtendedStateArea.compacted
      return (isSupervisor || model.features.contains(.xsavec)) && layout & ~enabled == 0
        && header.components & ~layout == 0 && header.hasZeroRest
    }
    return !isSupervisor && header.components & ~enabled == 0 && header.format == 0
      && header.hasZeroThird
  }
}

// MARK: XCR0 and IA32_XSS

extension Processor {
  /// XGETBV; raises #UD or #GP(0).
  mutating func readExtendedControlRegister() {
    guard cr4.contains(.osxsave) else { return raise(.invalidOpcode) }
    let value: UInt64
    switch UInt32(truncatingIfNeeded: general[1]) {
    case 0: value = vector.xcr0
    case 1 where model.features.contains(.xgetbv1): value = vector.xcr0 & componentsInUse
    default: return raise(.generalProtection, errorCode: 0)
    }
    general[0] = value & 0xffff_ffff
    general[2] = value >> 32
  }

  /// XSETBV; raises #UD or #GP(0).
  mutating func writeExtendedControlRegister() {
    guard cr4.contains(.osxsave) else { return raise(.invalidOpcode) }
    guard requireCPL0() else { return }
    if vmx.isNonRoot { return recordExit(.xsetbv) }
    let value = general[2] << 32 | general[0] & 0xffff_ffff
    let components = XStateComponents(rawValue: value)
    guard general[1] & 0xffff_ffff == 0, value & ~model.xcr0Bits == 0, components.contains(.x87),
      components.contains(.sse) || !components.contains(.avx),
      components.contains(.boundRegisters) == components.contains(.boundControl)
    else { return raise(.generalProtection, errorCode: 0) }
    vector.xcr0 = value
    updateMode()
  }
}
