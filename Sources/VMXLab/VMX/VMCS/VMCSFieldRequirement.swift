/// When a VMCS field exists: most optional fields exist only on processors that support the 1-setting
/// of some control.
///
/// Source: Intel SDM, the footnotes of "Field Encoding in VMCS".
public enum VMCSFieldRequirement: Sendable, Equatable {
  /// The field exists on every processor with VMX.
  case always
  /// A pin-based VM-execution control can be 1.
  case pin(PinBasedControls)
  /// A primary processor-based VM-execution control can be 1.
  case primary(PrimaryProcessorBasedControls)
  /// A secondary processor-based VM-execution control can be 1.
  case secondary(SecondaryProcessorBasedControls)
  /// A tertiary processor-based VM-execution control can be 1.
  case tertiary(TertiaryProcessorBasedControls)
  /// A VM-exit control can be 1.
  case exit(VMExitControls)
  /// A VM-entry control can be 1.
  case entry(VMEntryControls)
  /// The VM-exit control or the VM-entry control, or both, can be 1.
  case exitOrEntry(VMExitControls, VMEntryControls)
  /// The VM function "EPTP switching" can be enabled.
  case eptpSwitching

  /// Whether the requirement holds on a processor that offers `capabilities`.
  public func isMet(by capabilities: VMXCapabilities) -> Bool {
    let offered = capabilities.offeredControls
    switch self {
    case .always: return true
    case .pin(let control): return offered.pin.isSuperset(of: control)
    case .primary(let control): return offered.primary.isSuperset(of: control)
    case .secondary(let control): return offered.secondary.isSuperset(of: control)
    case .tertiary(let control): return offered.tertiary.isSuperset(of: control)
    case .exit(let control): return offered.exit.isSuperset(of: control)
    case .entry(let control): return offered.entry.isSuperset(of: control)
    case .exitOrEntry(let exit, let entry):
      return offered.exit.isSuperset(of: exit) || offered.entry.isSuperset(of: entry)
    case .eptpSwitching:
      return capabilities.msrs.vmFunctions & VMFunctionControls.eptpSwitching.rawValue != 0
    }
  }
}
