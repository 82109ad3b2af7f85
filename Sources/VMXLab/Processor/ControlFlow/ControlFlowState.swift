/// The state of Control-flow Enforcement Technology (CET).
///
/// Source: Intel SDM, "Control-flow Enforcement Technology (CET)".
struct ControlFlowState {
  /// IA32_U_CET.
  var userControl = ControlFlowControl()
  /// IA32_S_CET.
  var supervisorControl = ControlFlowControl()
  /// The shadow-stack pointer.
  var ssp: UInt64 = 0
  /// IA32_PL0_SSP to IA32_PL3_SSP.
  var levelSSP = InlineArray<4, UInt64>(repeating: 0)
  /// IA32_INTERRUPT_SSP_TABLE_ADDR.
  var interruptSSPTable: UInt64 = 0

  /// Shadow stacks are on at the CPL.
  fileprivate(set) var usesShadowStack = false
  /// Indirect branches are tracked at the CPL.
  fileprivate(set) var tracksBranches = false
}

extension Processor {
  /// IA32_U_CET or IA32_S_CET, whichever rules at the CPL.
  @inline(__always) var controlFlow: ControlFlowControl {
    get { cpl == 3 ? cet.userControl : cet.supervisorControl }
    set {
      if cpl == 3 { cet.userControl = newValue } else { cet.supervisorControl = newValue }
    }
  }

  /// Whether shadow stacks are on at privilege level `level` of protected or IA-32e mode.
  @inline(__always) func usesShadowStack(atLevel level: UInt8) -> Bool {
    let control = level == 3 ? cet.userControl : cet.supervisorControl
    return cr4.contains(.cet) && control.contains(.shadowStack)
  }

  /// The next instruction must be ENDBR.
  @inline(__always) var awaitsEndbranch: Bool {
    cet.tracksBranches && controlFlow.contains(.tracker)
  }

  /// Recomputes what CET does at the CPL, after a change of CR4.CET, of the mode or the CPL, or of its
  /// control registers.
  @inline(__always) mutating func updateControlFlow() {
    if cr4.contains(.cet) || cet.usesShadowStack || cet.tracksBranches { recomputeControlFlow() }
  }

  private mutating func recomputeControlFlow() {
    let isOn = cr4.contains(.cet) && isProtected
    cet.usesShadowStack = isOn && controlFlow.contains(.shadowStack)
    cet.tracksBranches = isOn && controlFlow.contains(.endbranch)
    if cet.usesShadowStack || cet.tracksBranches {
      decodeMode |= DecodeMode.controlFlow
    } else {
      decodeMode &= ~DecodeMode.controlFlow
    }
    if awaitsEndbranch { attention.insert(.endbranch) } else { attention.remove(.endbranch) }
  }

  /// Raises #CP.
  @inline(never) mutating func raiseControlProtection(_ code: ControlProtectionCode) {
    raise(.controlProtection, errorCode: code.rawValue)
  }
}
