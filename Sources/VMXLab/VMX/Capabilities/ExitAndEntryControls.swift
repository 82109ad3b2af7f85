/// Primary VM-exit controls.
///
/// Source: Intel SDM, "VM-Exit Controls".
public struct VMExitControls: OptionSet, Sendable, Hashable, VMXControlWord {
  public let rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// "save debug controls", bit 2.
  public static let saveDebugControls = VMExitControls(rawValue: 1 << 2)
  /// "host address-space size", bit 9.
  public static let hostAddressSpaceSize = VMExitControls(rawValue: 1 << 9)
  /// "load IA32_PERF_GLOBAL_CTRL", bit 12.
  public static let loadPerfGlobalCtrl = VMExitControls(rawValue: 1 << 12)
  /// "acknowledge interrupt on exit", bit 15.
  public static let acknowledgeInterruptOnExit = VMExitControls(rawValue: 1 << 15)
  /// "save IA32_PAT", bit 18.
  public static let savePAT = VMExitControls(rawValue: 1 << 18)
  /// "load IA32_PAT", bit 19.
  public static let loadPAT = VMExitControls(rawValue: 1 << 19)
  /// "save IA32_EFER", bit 20.
  public static let saveEFER = VMExitControls(rawValue: 1 << 20)
  /// "load IA32_EFER", bit 21.
  public static let loadEFER = VMExitControls(rawValue: 1 << 21)
  /// "save VMX-preemption timer value", bit 22.
  public static let saveVMXPreemptionTimerValue = VMExitControls(rawValue: 1 << 22)
  /// "clear IA32_BNDCFGS", bit 23.
  public static let clearBNDCFGS = VMExitControls(rawValue: 1 << 23)
  /// "conceal VMX from PT", bit 24.
  public static let concealVMXFromPT = VMExitControls(rawValue: 1 << 24)
  /// "clear IA32_RTIT_CTL", bit 25.
  public static let clearRTITCtl = VMExitControls(rawValue: 1 << 25)
  /// "clear IA32_LBR_CTL", bit 26.
  public static let clearLBRCtl = VMExitControls(rawValue: 1 << 26)
  /// "clear UINV", bit 27.
  public static let clearUINV = VMExitControls(rawValue: 1 << 27)
  /// "load CET state", bit 28.
  public static let loadCETState = VMExitControls(rawValue: 1 << 28)
  /// "load PKRS", bit 29.
  public static let loadPKRS = VMExitControls(rawValue: 1 << 29)
  /// "save IA32_PERF_GLOBAL_CTRL", bit 30.
  public static let savePerfGlobalCtrl = VMExitControls(rawValue: 1 << 30)
  /// "activate secondary controls", bit 31.
  public static let activateSecondaryControls = VMExitControls(rawValue: 1 << 31)

  public static let names: [(control: VMExitControls, name: String)] = [
    (.saveDebugControls, "save debug controls"),
    (.hostAddressSpaceSize, "host address-space size"),
    (.loadPerfGlobalCtrl, "load IA32_PERF_GLOBAL_CTRL"),
    (.acknowledgeInterruptOnExit, "acknowledge interrupt on exit"),
    (.savePAT, "save IA32_PAT"),
    (.loadPAT, "load IA32_PAT"),
    (.saveEFER, "save IA32_EFER"),
    (.loadEFER, "load IA32_EFER"),
    (.saveVMXPreemptionTimerValue, "save VMX-preemption timer value"),
    (.clearBNDCFGS, "clear IA32_BNDCFGS"),
    (.concealVMXFromPT, "conceal VMX from PT"),
    (.clearRTITCtl, "clear IA32_RTIT_CTL"),
    (.clearLBRCtl, "clear IA32_LBR_CTL"),
    (.clearUINV, "clear UINV"),
    (.loadCETState, "load CET state"),
    (.loadPKRS, "load PKRS"),
    (.savePerfGlobalCtrl, "save IA32_PERF_GLOBAL_CTRL"),
    (.activateSecondaryControls, "activate secondary controls"),
  ]
}

/// Secondary VM-exit controls.
///
/// Source: Intel SDM, "VM-Exit Controls".
public struct SecondaryVMExitControls: OptionSet, Sendable, Hashable, VMXControlWord {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// "prematurely busy shadow stack", bit 3.
  public static let prematurelyBusyShadowStack = SecondaryVMExitControls(rawValue: 1 << 3)

  public static let names: [(control: SecondaryVMExitControls, name: String)] = [
    (.prematurelyBusyShadowStack, "prematurely busy shadow stack")
  ]
}

/// VM-entry controls.
///
/// Source: Intel SDM, "VM-Entry Controls".
public struct VMEntryControls: OptionSet, Sendable, Hashable, VMXControlWord {
  public let rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// "load debug controls", bit 2.
  public static let loadDebugControls = VMEntryControls(rawValue: 1 << 2)
  /// "IA-32e mode guest", bit 9.
  public static let ia32eModeGuest = VMEntryControls(rawValue: 1 << 9)
  /// "entry to SMM", bit 10.
  public static let entryToSMM = VMEntryControls(rawValue: 1 << 10)
  /// "deactivate dual-monitor treatment", bit 11.
  public static let deactivateDualMonitorTreatment = VMEntryControls(rawValue: 1 << 11)
  /// "load IA32_PERF_GLOBAL_CTRL", bit 13.
  public static let loadPerfGlobalCtrl = VMEntryControls(rawValue: 1 << 13)
  /// "load IA32_PAT", bit 14.
  public static let loadPAT = VMEntryControls(rawValue: 1 << 14)
  /// "load IA32_EFER", bit 15.
  public static let loadEFER = VMEntryControls(rawValue: 1 << 15)
  /// "load IA32_BNDCFGS", bit 16.
  public static let loadBNDCFGS = VMEntryControls(rawValue: 1 << 16)
  /// "conceal VMX from PT", bit 17.
  public static let concealVMXFromPT = VMEntryControls(rawValue: 1 << 17)
  /// "load IA32_RTIT_CTL", bit 18.
  public static let loadRTITCtl = VMEntryControls(rawValue: 1 << 18)
  /// "load UINV", bit 19.
  public static let loadUINV = VMEntryControls(rawValue: 1 << 19)
  /// "load CET state", bit 20.
  public static let loadCETState = VMEntryControls(rawValue: 1 << 20)
  /// "load guest IA32_LBR_CTL", bit 21.
  public static let loadLBRCtl = VMEntryControls(rawValue: 1 << 21)
  /// "load PKRS", bit 22.
  public static let loadPKRS = VMEntryControls(rawValue: 1 << 22)

  public static let names: [(control: VMEntryControls, name: String)] = [
    (.loadDebugControls, "load debug controls"),
    (.ia32eModeGuest, "IA-32e mode guest"),
    (.entryToSMM, "entry to SMM"),
    (.deactivateDualMonitorTreatment, "deactivate dual-monitor treatment"),
    (.loadPerfGlobalCtrl, "load IA32_PERF_GLOBAL_CTRL"),
    (.loadPAT, "load IA32_PAT"),
    (.loadEFER, "load IA32_EFER"),
    (.loadBNDCFGS, "load IA32_BNDCFGS"),
    (.concealVMXFromPT, "conceal VMX from PT"),
    (.loadRTITCtl, "load IA32_RTIT_CTL"),
    (.loadUINV, "load UINV"),
    (.loadCETState, "load CET state"),
    (.loadLBRCtl, "load guest IA32_LBR_CTL"),
    (.loadPKRS, "load PKRS"),
  ]
}

/// VM-function controls.
///
/// Source: Intel SDM, "VM-Function Controls".
public struct VMFunctionControls: OptionSet, Sendable, Hashable, VMXControlWord {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// "EPTP switching", bit 0.
  public static let eptpSwitching = VMFunctionControls(rawValue: 1 << 0)

  public static let names: [(control: VMFunctionControls, name: String)] = [
    (.eptpSwitching, "EPTP switching")
  ]
}
