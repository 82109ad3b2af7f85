/// What VMXLab has built of VMX. A profile offers what its part has *and* is named here, so that a
/// control that is not built is never offered; building one means adding its line.
public struct BuiltControls: Sendable {
  /// Controls that may be 1.
  public var controls: VMXControlSet
  /// Bits of IA32_VMX_EPT_VPID_CAP.
  public var eptAndVPID: EPTAndVPIDCapabilities
  /// VM functions.
  public var vmFunctions: VMFunctionControls
  /// Bits of IA32_VMX_MISC.
  public var miscellaneous: UInt64

  /// A set of what is built, for tests and for embedders who want less.
  public init(
    controls: VMXControlSet, eptAndVPID: EPTAndVPIDCapabilities, vmFunctions: VMFunctionControls,
    miscellaneous: UInt64
  ) {
    self.controls = controls
    self.eptAndVPID = eptAndVPID
    self.vmFunctions = vmFunctions
    self.miscellaneous = miscellaneous
  }

  /// What this version has built.
  public static let current = BuiltControls(
    controls: VMXControlSet(
      pin: [
        .externalInterruptExiting,
        .nmiExiting,
        .virtualNMIs,
        .activateVMXPreemptionTimer,
        .processPostedInterrupts,
      ],
      primary: [
        .interruptWindowExiting,
        .useTSCOffsetting,
        .hltExiting,
        .invlpgExiting,
        .mwaitExiting,
        .rdpmcExiting,
        .rdtscExiting,
        .cr3LoadExiting,
        .cr3StoreExiting,
        .cr8LoadExiting,
        .activateTertiaryControls,
        .cr8StoreExiting,
        .useTPRShadow,
        .nmiWindowExiting,
        .movDRExiting,
        .unconditionalIOExiting,
        .useIOBitmaps,
        .monitorTrapFlag,
        .useMSRBitmaps,
        .monitorExiting,
        .pauseExiting,
        .activateSecondaryControls,
      ],
      secondary: [
        .virtualizeAPICAccesses,
        .virtualizeX2APICMode,
        .apicRegisterVirtualization,
        .virtualInterruptDelivery,
        .enableEPT,
        .descriptorTableExiting,
        .enableRDTSCP,
        .enableVPID,
        .wbinvdExiting,
        .unrestrictedGuest,
        .enableINVPCID,
        .pauseLoopExiting,
        .rdrandExiting,
        .enableVMFunctions,
        .vmcsShadowing,
        .rdseedExiting,
        .enablePML,
        .eptViolationVE,
        .modeBasedExecuteControlForEPT,
        .useTSCScaling,
        .enableUserWaitAndPause,
        .vmmBusLockDetection,
        .instructionTimeout,
        .enableXSAVESXRSTORS,
      ],
      tertiary: [
        .ipiVirtualization
      ],
      exit: [
        .saveDebugControls,
        .hostAddressSpaceSize,
        .loadPerfGlobalCtrl,
        .acknowledgeInterruptOnExit,
        .savePAT,
        .loadPAT,
        .saveEFER,
        .loadEFER,
        .saveVMXPreemptionTimerValue,
        .loadCETState,
        .clearBNDCFGS,
        .savePerfGlobalCtrl,
        .loadPKRS,
      ],
      secondaryExit: [],
      entry: [
        .loadDebugControls,
        .ia32eModeGuest,
        .loadPerfGlobalCtrl,
        .loadPAT,
        .loadEFER,
        .loadCETState,
        .loadBNDCFGS,
        .loadPKRS,
      ]),
    eptAndVPID: [
      .executeOnlyTranslations,
      .pageWalkLength4,
      .pageWalkLength5,
      .uncacheableStructures,
      .writeBackStructures,
      .pages2M,
      .pages1G,
      .invept,
      .accessedAndDirtyFlags,
      .advancedExitInformation,
      .supervisorShadowStackControl,
      .inveptSingleContext,
      .inveptAllContexts,
      .invvpid,
      .invvpidIndividualAddress,
      .invvpidSingleContext,
      .invvpidAllContexts,
      .invvpidSingleContextRetainingGlobals,
    ],
    vmFunctions: .eptpSwitching,
    miscellaneous: VMXMiscellaneous.timerRate
      | VMXMiscellaneous.exitsStoreLMA
      | VMXMiscellaneous.activityHLT
      | VMXMiscellaneous.activityShutdown
      | VMXMiscellaneous.activityWaitForSIPI
      | VMXMiscellaneous.cr3TargetCount
      | VMXMiscellaneous.msrListMaximum
      | VMXMiscellaneous.vmwriteToAnyField
      | VMXMiscellaneous.zeroInstructionLength)
}
