// The MSRs of Control-flow Enforcement Technology.
//
// Source: Intel SDM, volume 4, "IA-32 Architectural MSRs".
extension Processor {
  /// Reads IA32_U_CET to IA32_INTERRUPT_SSP_TABLE_ADDR; nil if there is no such MSR.
  mutating func readControlFlowMSR(_ index: UInt32) -> UInt64? {
    let hasShadowStacks = model.features.contains(.cetSS)
    guard hasShadowStacks || model.features.contains(.cetIBT) else { return nil }
    switch index {
    case MSR.ia32UCET: return cet.userControl.rawValue
    case MSR.ia32SCET: return cet.supervisorControl.rawValue
    case MSR.ia32PL0SSP...MSR.ia32PL3SSP where hasShadowStacks:
      return cet.levelSSP[Int(index - MSR.ia32PL0SSP)]
    case MSR.ia32InterruptSSPTableAddr where hasShadowStacks: return cet.interruptSSPTable
    default: return nil
    }
  }

  /// Writes one of them; false, with nothing changed, where WRMSR raises #GP(0).
  mutating func writeControlFlowMSR(_ index: UInt32, _ value: UInt64) -> Bool {
    guard readControlFlowMSR(index) != nil else { return false }
    switch index {
    case MSR.ia32UCET:
      guard isControlFlowControl(value) else { return false }
      cet.userControl = ControlFlowControl(rawValue: value)
    case MSR.ia32SCET:
      guard isControlFlowControl(value) else { return false }
      cet.supervisorControl = ControlFlowControl(rawValue: value)
    case MSR.ia32PL0SSP...MSR.ia32PL3SSP:
      guard isShadowStackPointer(value) else { return false }
      cet.levelSSP[Int(index - MSR.ia32PL0SSP)] = value
    default:
      guard isCanonical(value) else { return false }
      cet.interruptSSPTable = value
    }
    updateControlFlow()
    return true
  }

  /// Whether IA32_U_CET and IA32_S_CET take a value.
  func isControlFlowControl(_ value: UInt64) -> Bool {
    value & ~model.capabilities.facts.sCETBits == 0 && isCanonical(value)
      && !ControlFlowControl(rawValue: value).isContradictory
  }

  /// Whether IA32_PL0_SSP to IA32_PL3_SSP take a value.
  func isShadowStackPointer(_ value: UInt64) -> Bool { value & 3 == 0 && isCanonical(value) }
}
