/// The values of the VMX capability MSRs, 480H to 493H.
///
/// Source: Intel SDM, "VMX Capability Reporting Facility".
public struct VMXCapabilityMSRs: Sendable, Equatable {
  /// IA32_VMX_BASIC, 480H.
  public var basic: UInt64 = 0
  /// IA32_VMX_PINBASED_CTLS, 481H.
  public var pinBasedControls: UInt64 = 0
  /// IA32_VMX_PROCBASED_CTLS, 482H.
  public var primaryProcessorBasedControls: UInt64 = 0
  /// IA32_VMX_EXIT_CTLS, 483H.
  public var exitControls: UInt64 = 0
  /// IA32_VMX_ENTRY_CTLS, 484H.
  public var entryControls: UInt64 = 0
  /// IA32_VMX_MISC, 485H.
  public var miscellaneous: UInt64 = 0
  /// IA32_VMX_CR0_FIXED0, 486H.
  public var cr0Fixed0: UInt64 = 0
  /// IA32_VMX_CR0_FIXED1, 487H.
  public var cr0Fixed1: UInt64 = 0
  /// IA32_VMX_CR4_FIXED0, 488H.
  public var cr4Fixed0: UInt64 = 0
  /// IA32_VMX_CR4_FIXED1, 489H.
  public var cr4Fixed1: UInt64 = 0
  /// IA32_VMX_VMCS_ENUM, 48AH.
  public var vmcsEnumeration: UInt64 = 0
  /// IA32_VMX_PROCBASED_CTLS2, 48BH.
  public var secondaryProcessorBasedControls: UInt64 = 0
  /// IA32_VMX_EPT_VPID_CAP, 48CH.
  public var eptAndVPID: UInt64 = 0
  /// IA32_VMX_TRUE_PINBASED_CTLS, 48DH.
  public var truePinBasedControls: UInt64 = 0
  /// IA32_VMX_TRUE_PROCBASED_CTLS, 48EH.
  public var truePrimaryProcessorBasedControls: UInt64 = 0
  /// IA32_VMX_TRUE_EXIT_CTLS, 48FH.
  public var trueExitControls: UInt64 = 0
  /// IA32_VMX_TRUE_ENTRY_CTLS, 490H.
  public var trueEntryControls: UInt64 = 0
  /// IA32_VMX_VMFUNC, 491H.
  public var vmFunctions: UInt64 = 0
  /// IA32_VMX_PROCBASED_CTLS3, 492H.
  public var tertiaryProcessorBasedControls: UInt64 = 0
  /// IA32_VMX_EXIT_CTLS2, 493H.
  public var secondaryExitControls: UInt64 = 0

  /// All zero; set what the part has.
  public init() {}

  /// IA32_VMX_BASIC[55]: the "true" MSRs exist.
  public var hasTrueControls: Bool { basic & Self.trueControls != 0 }

  /// IA32_VMX_BASIC[48]: physical addresses of VMX structures are limited to 32 bits.
  static let addressesLimitedTo32Bits: UInt64 = 1 << 48
  /// IA32_VMX_BASIC[55].
  static let trueControls: UInt64 = 1 << 55
  /// IA32_VMX_BASIC[56]: any hardware exception may be injected with or without an error code.
  static let anyErrorCode: UInt64 = 1 << 56

  /// The value that RDMSR of `msr` returns, or nil where the MSR does not exist, so that RDMSR
  /// causes #GP(0).
  public func value(of msr: UInt32) -> UInt64? {
    let primary = UInt32(truncatingIfNeeded: primaryProcessorBasedControls &>> 32)
    let controls = PrimaryProcessorBasedControls(rawValue: primary)
    let secondary = SecondaryProcessorBasedControls(
      rawValue: UInt32(truncatingIfNeeded: secondaryProcessorBasedControls &>> 32))
    switch msr {
    case MSR.ia32VMXBasic: return basic
    case MSR.ia32VMXPinbasedCtls: return pinBasedControls
    case MSR.ia32VMXProcbasedCtls: return primaryProcessorBasedControls
    case MSR.ia32VMXExitCtls: return exitControls
    case MSR.ia32VMXEntryCtls: return entryControls
    case MSR.ia32VMXMisc: return miscellaneous
    case MSR.ia32VMXCR0Fixed0: return cr0Fixed0
    case MSR.ia32VMXCR0Fixed1: return cr0Fixed1
    case MSR.ia32VMXCR4Fixed0: return cr4Fixed0
    case MSR.ia32VMXCR4Fixed1: return cr4Fixed1
    case MSR.ia32VMXVMCSEnum: return vmcsEnumeration
    case MSR.ia32VMXProcbasedCtls2:
      return controls.contains(.activateSecondaryControls) ? secondaryProcessorBasedControls : nil
    case MSR.ia32VMXEPTVPIDCap:
      return secondary.isDisjoint(with: [.enableEPT, .enableVPID]) ? nil : eptAndVPID
    case MSR.ia32VMXTruePinbasedCtls: return hasTrueControls ? truePinBasedControls : nil
    case MSR.ia32VMXTrueProcbasedCtls:
      return hasTrueControls ? truePrimaryProcessorBasedControls : nil
    case MSR.ia32VMXTrueExitCtls: return hasTrueControls ? trueExitControls : nil
    case MSR.ia32VMXTrueEntryCtls: return hasTrueControls ? trueEntryControls : nil
    case MSR.ia32VMXVMFunc: return secondary.contains(.enableVMFunctions) ? vmFunctions : nil
    case MSR.ia32VMXProcbasedCtls3:
      return controls.contains(.activateTertiaryControls) ? tertiaryProcessorBasedControls : nil
    case MSR.ia32VMXExitCtls2:
      let exit = VMExitControls(rawValue: UInt32(truncatingIfNeeded: exitControls &>> 32))
      return exit.contains(.activateSecondaryControls) ? secondaryExitControls : nil
    default: return nil
    }
  }
}
