// The lines of the table. Source of what is valid: Intel SDM, the sections that the rules name.
extension VMEntryMendTable {
  // MARK: Controls

  private static let primary = "primaryProcessorBasedControls"
  private static let secondary = "secondaryProcessorBasedControls"
  private static let tprShadow = set(
    1 << 21, primary, "a page at the virtual-APIC address is then needed")
  private static let ept = set(1 << 1, secondary, "a valid EPTP is then needed")
  private static let fewerMSRs = advice("give the list fewer entries or a lower address")

  static let controlLines: [VMEntryRule: Line] = [
    .cr3TargetCount: computed { _, capabilities in UInt64(capabilities.cr3TargetCount) },
    .virtualNMIsNeedNMIExiting: set(1 << 3),
    .nmiWindowNeedsVirtualNMIs: set(1 << 5 | 1 << 3, "pinBasedControls"),
    .x2APICModeNeedsTPRShadow: tprShadow,
    .apicRegistersNeedTPRShadow: tprShadow,
    .virtualInterruptsNeedTPRShadow: tprShadow,
    .ipiVirtualizationNeedsTPRShadow: tprShadow,
    .x2APICModeExcludesAPICAccesses: clear(1 << 0),
    .virtualInterruptsNeedInterruptExiting: set(1 << 0, "pinBasedControls"),
    .postedInterruptsNeedVirtualInterrupts: clear(
      1 << 7, nil, "or turn on \"virtual-interrupt delivery\" and what it needs"),
    .postedInterruptsNeedAcknowledge: set(1 << 15, "vmExitControls"),
    .tprThresholdAboveVTPR: clear(0xf, nil, "any number up to VTPR[7:4] will do"),
    .vpidZero: computed(nil, "any number but 0 that no other guest of the processor has") { _, _ in
      1
    },
    .eptpMemoryType: replace(7, 6, nil, "6 is write-back"),
    .eptpWalkLength: replace(0x38, 0x18, nil, "3 stands for a page-walk length of 4"),
    .pmlNeedsEPT: ept, .unrestrictedGuestNeedsEPT: ept, .modeBasedExecuteNeedsEPT: ept,
    .subPageWriteNeedsEPT: ept, .eptpSwitchingNeedsEPT: ept, .ptAddressesNeedEPT: ept,
    .hlatNeedsEPT: ept, .eptPagingWriteNeedsEPT: ept, .guestPagingVerificationNeedsEPT: ept,
    .ptAddressesNeedLoadRTITCtl: set(1 << 18, "vmEntryControls"),
    .ptAddressesNeedClearRTITCtl: set(1 << 25, "vmExitControls"),
    .tscMultiplierZero: computed(nil, "1 in bit 48 leaves the rate as it is") { _, _ in 1 << 48 },
    .hlatPrefixSize: computed { _, capabilities in
      capabilities.eptAndVPID.maximumHLATPrefixSize
    },
    .pidPointerTableEnd: advice("give the table a lower address or a smaller last index"),
    .saveTimerNeedsTimer: clear(
      1 << 22, nil, "or turn on \"activate VMX-preemption timer\""),
    .exitMSRStoreEnd: fewerMSRs, .exitMSRLoadEnd: fewerMSRs, .entryMSRLoadEnd: fewerMSRs,
    .entryToSMMOutsideSMM: clear(1 << 10),
    .deactivateDualMonitorOutsideSMM: clear(1 << 11),
    .smmControlsExclusive: clear(1 << 11),
    .legacyModeForbidsIA32eGuest: clear(1 << 9),
    .legacyModeForbidsIA32eHost: clear(1 << 9),
    .ia32eModeNeedsIA32eHost: set(1 << 9),
    .legacyHostForbidsIA32eGuest: set(1 << 9, "vmExitControls"),
    .tracingForbidsLoadRTITCtl: clear(
      1 << 18, nil, "or clear IA32_RTIT_CTL.TraceEn before the VM entry"),
    .msrLoadCount: advice("shorten the list, so that the entry is not needed"),
    .msrLoadReserved: advice("clear bits 63:32 of the entry"),
    .msrLoadSegmentBase: advice(
      "take the entry out; the field of the guest-state area for the segment's base does it"),
    .msrLoadX2APIC: advice("take the entry out"),
    .msrLoadSMMOnly: advice("take the entry out"),
    .msrLoadModelSpecific: advice("take the entry out"),
    .msrLoadRejected: advice("give the entry a value that WRMSR takes, or take it out"),
  ]

  // MARK: Event injection and non-register state

  private static let interruptibility = "guestInterruptibilityState"
  private static let noLink = computed(
    nil, "which says that there is no shadow VMCS"
  ) { _, _ in .max }
  private static let active = computed(
    "guestActivityState", "0 is active"
  ) { _, _ in 0 }
  private static let injectedLength = computed(
    "entryInstructionLength", "the length of the instruction that raises the event"
  ) { vmcs, _ in
    // INT n has two bytes; INT1, INT3 and INTO have one.
    vmcs.entryInterruptionInformation >> 8 & 7 == 4 ? 2 : 1
  }

  private static func later(_ bit: UInt64, _ window: String) -> Line {
    clear(bit, interruptibility, "or do not inject until \"\(window)\" exits")
  }

  static let eventLines: [VMEntryRule: Line] = [
    .injectionType: advice(
      "inject a type that exists: 0 external interrupt, 2 NMI, 3 hardware exception, 4 INT n, 5 INT1, "
        + "6 INT3 or INTO"),
    .injectionNMIVector: replace(0xff, 2),
    .injectionExceptionVector: advice(
      "inject an exception's vector, or type 0 if it is an external interrupt"),
    .injectionOtherEventVector: clear(0xff),
    .injectionErrorCodeForbidden: clear(1 << 11),
    .injectionErrorCodeRequired: set(1 << 11),
    .injectionInstructionLength: injectedLength,
    .injectionInstructionLengthZero: injectedLength,
    .activityStateSupported: active, .hltNeedsPrivilege: active, .blockingNeedsActive: active,
    .hltInjection: active, .shutdownInjection: active, .waitForSIPIInjection: active,
    .waitForSIPIEntryToSMM: active,
    .stiExcludesMOVSS: clear(1 << 0),
    .stiNeedsIF: clear(
      1 << 0, nil, "blocking by STI ends when the guest's RFLAGS.IF is cleared"),
    .stiForbidsInterrupt: later(1 << 0, "interrupt-window exiting"),
    .movSSForbidsInterrupt: later(1 << 1, "interrupt-window exiting"),
    .movSSForbidsNMI: later(1 << 1, "NMI-window exiting"),
    .stiForbidsNMI: later(1 << 0, "NMI-window exiting"),
    .nmiBlockingForbidsVirtualNMI: later(1 << 3, "NMI-window exiting"),
    .smiBlockingOutsideSMM: clear(1 << 2),
    .entryToSMMNeedsSMIBlocking: set(1 << 2),
    .enclaveNeedsSGX: clear(1 << 4),
    .enclaveExcludesMOVSS: clear(1 << 1),
    .pendingSingleStepRequired: set(
      1 << 14, nil, "the step that RFLAGS.TF asks for is pending while events are blocked"),
    .pendingSingleStepForbidden: clear(1 << 14),
    .pendingRTMEnabledBreakpoint: set(1 << 12),
    .pendingRTMNeedsRTM: clear(1 << 16),
    .pendingRTMExcludesMOVSS: clear(1 << 16),
    .linkPointerAligned: noLink, .linkPointerWidth: noLink, .linkPointerRevision: noLink,
    .linkPointerShadowIndicator: noLink, .linkPointerNotCurrent: noLink,
    .linkPointerNotExecutive: noLink,
  ]
}
