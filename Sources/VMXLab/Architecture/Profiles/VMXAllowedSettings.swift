/// The allowed settings of 32 controls, as the capability MSRs of the VM-execution, VM-exit and
/// VM-entry controls report them.
///
/// Source: Intel SDM, "VM-Execution Controls" under "VMX Capability Reporting Facility".
public struct VMXAllowedSettings: Equatable, Sendable {
  /// Bits 31:0 of the MSR, the allowed 0-settings: a control that is 1 here must be 1.
  public let mustBe1: UInt32
  /// Bits 63:32 of the MSR, the allowed 1-settings: a control that is 0 here must be 0.
  public let mayBe1: UInt32

  public init(_ msr: UInt64) {
    mustBe1 = UInt32(truncatingIfNeeded: msr)
    mayBe1 = UInt32(truncatingIfNeeded: msr >> 32)
  }

  /// What a VMM may do with the control at `bit`.
  public func setting(of bit: UInt8) -> VMXControlSetting {
    switch (mustBe1 >> (bit & 31) & 1, mayBe1 >> (bit & 31) & 1) {
    case (0, 0): .fixed0
    case (0, _): .flexible
    default: .fixed1
    }
  }

  /// The controls of the default1 class, by the number of the MSR that reports them.
  ///
  /// Source: Intel SDM, "Pin-Based VM-Execution Controls", "Processor-Based VM-Execution Controls",
  /// "VM-Exit Controls", "VM-Entry Controls".
  static let default1: [UInt32: UInt32] = [
    MSR.ia32VMXPinbasedCtls: 0x0000_0016,
    MSR.ia32VMXProcbasedCtls: 0x0401_e172,
    MSR.ia32VMXExitCtls: 0x0003_6dff,
    MSR.ia32VMXEntryCtls: 0x0000_11ff,
  ]
}

/// What a VMM may do with a control.
public enum VMXControlSetting: String, Sendable, Codable {
  /// The control must be 0: the part does not have it.
  case fixed0 = "fixed 0"
  /// The control must be 1.
  case fixed1 = "fixed 1"
  /// The control may be 0 or 1.
  case flexible = "0 or 1"
}
