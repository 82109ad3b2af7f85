extension VMEntryRuleCatalogue {
  /// The rules of "Checks on Guest Non-Register State".
  static let guestNonRegisterStateRules: [VMEntryRuleEntry] = [
    .init(
      .activityStateSupported, .guestNonRegisterState,
      """
      The activity state must be one that the processor supports (0, or 1 to 3 as \
      IA32_VMX_MISC[8:6] has them).
      """,
      ["guestActivityState"]),
    .init(
      .hltNeedsPrivilege, .guestNonRegisterState,
      "The activity state must not be HLT if the DPL of SS is not 0.",
      ["guestActivityState", "guestSSAccessRights"]),
    .init(
      .blockingNeedsActive, .guestNonRegisterState,
      "The activity state must be active if there is blocking by STI or MOV SS.",
      ["guestActivityState", "guestInterruptibilityState"]),
    .init(
      .hltInjection, .guestNonRegisterState,
      """
      Into the HLT state only an external interrupt, an NMI, #DB, #MC or a pending MTF VM exit \
      can be injected.
      """,
      ["guestActivityState", "entryInterruptionInformation"]),
    .init(
      .shutdownInjection, .guestNonRegisterState,
      "Into the shutdown state only an NMI or #MC can be injected.",
      ["guestActivityState", "entryInterruptionInformation"]),
    .init(
      .waitForSIPIInjection, .guestNonRegisterState,
      "Into the wait-for-SIPI state nothing can be injected.",
      ["guestActivityState", "entryInterruptionInformation"]),
    .init(
      .waitForSIPIEntryToSMM, .guestNonRegisterState,
      "The activity state must not be wait-for-SIPI with \"entry to SMM\".",
      ["guestActivityState", "vmEntryControls"]),
    .init(
      .interruptibilityReserved, .guestNonRegisterState,
      "Bits 31:5 of the interruptibility state must be 0.",
      ["guestInterruptibilityState"]),
    .init(
      .stiExcludesMOVSS, .guestNonRegisterState,
      "There must not be blocking by STI and by MOV SS at once.",
      ["guestInterruptibilityState"]),
    .init(
      .stiNeedsIF, .guestNonRegisterState,
      "There must be no blocking by STI if RFLAGS.IF is 0.",
      ["guestInterruptibilityState", "guestRFLAGS"]),
    .init(
      .stiForbidsInterrupt, .guestNonRegisterState,
      "There must be no blocking by STI if an external interrupt is injected.",
      ["guestInterruptibilityState", "entryInterruptionInformation"]),
    .init(
      .movSSForbidsInterrupt, .guestNonRegisterState,
      "There must be no blocking by MOV SS if an external interrupt is injected.",
      ["guestInterruptibilityState", "entryInterruptionInformation"]),
    .init(
      .movSSForbidsNMI, .guestNonRegisterState,
      "There must be no blocking by MOV SS if an NMI is injected.",
      ["guestInterruptibilityState", "entryInterruptionInformation"]),
    .init(
      .smiBlockingOutsideSMM, .guestNonRegisterState,
      "There must be no blocking by SMI if the processor is not in SMM.",
      ["guestInterruptibilityState"]),
    .init(
      .entryToSMMNeedsSMIBlocking, .guestNonRegisterState,
      "There must be blocking by SMI with \"entry to SMM\".",
      ["guestInterruptibilityState", "vmEntryControls"]),
    .init(
      .stiForbidsNMI, .guestNonRegisterState,
      """
      There must be no blocking by STI if an NMI is injected (a check that the manual leaves to \
      the processor; VMXLab makes it).
      """,
      ["guestInterruptibilityState", "entryInterruptionInformation"]),
    .init(
      .nmiBlockingForbidsVirtualNMI, .guestNonRegisterState,
      "There must be no blocking by NMI if an NMI is injected with \"virtual NMIs\".",
      ["guestInterruptibilityState", "entryInterruptionInformation", "pinBasedControls"]),
    .init(
      .enclaveNeedsSGX, .guestNonRegisterState,
      "\"Enclave interruption\" must be 0 if the processor does not have SGX.",
      ["guestInterruptibilityState"]),
    .init(
      .enclaveExcludesMOVSS, .guestNonRegisterState,
      "There must be no blocking by MOV SS if \"enclave interruption\" is 1.",
      ["guestInterruptibilityState"]),
    .init(
      .pendingDebugReserved, .guestNonRegisterState,
      """
      Reserved bits of the pending debug exceptions must be 0: 10:4, 13, 15 and 63:17, and 11 on \
      processors without OS bus-lock detection.
      """,
      ["guestPendingDebugExceptions"]),
    .init(
      .pendingSingleStepRequired, .guestNonRegisterState,
      """
      Pending BS must be 1 with blocking by STI or MOV SS or in the HLT state if RFLAGS.TF is 1 \
      and IA32_DEBUGCTL.BTF is 0.
      """,
      [
        "guestPendingDebugExceptions", "guestInterruptibilityState", "guestActivityState",
        "guestRFLAGS", "guestDebugCtl",
      ]),
    .init(
      .pendingSingleStepForbidden, .guestNonRegisterState,
      """
      Pending BS must be 0 with blocking by STI or MOV SS or in the HLT state if RFLAGS.TF is 0 \
      or IA32_DEBUGCTL.BTF is 1.
      """,
      [
        "guestPendingDebugExceptions", "guestInterruptibilityState", "guestActivityState",
        "guestRFLAGS", "guestDebugCtl",
      ]),
    .init(
      .pendingRTMOtherBits, .guestNonRegisterState,
      "With pending RTM, bits 11:0 and 15:13 of the pending debug exceptions must be 0.",
      ["guestPendingDebugExceptions"]),
    .init(
      .pendingRTMEnabledBreakpoint, .guestNonRegisterState,
      "With pending RTM, bit 12 of the pending debug exceptions must be 1.",
      ["guestPendingDebugExceptions"]),
    .init(
      .pendingRTMNeedsRTM, .guestNonRegisterState,
      "Pending RTM must be 0 if the processor does not have RTM.",
      ["guestPendingDebugExceptions"]),
    .init(
      .pendingRTMExcludesMOVSS, .guestNonRegisterState,
      "With pending RTM there must be no blocking by MOV SS.",
      ["guestPendingDebugExceptions", "guestInterruptibilityState"]),
    .init(
      .linkPointerAligned, .guestNonRegisterState,
      "Bits 11:0 of the VMCS link pointer must be 0 unless it is FFFFFFFF_FFFFFFFFH.",
      ["vmcsLinkPointer"]),
    .init(
      .linkPointerWidth, .guestNonRegisterState,
      """
      The VMCS link pointer must not exceed the physical-address width unless it is \
      FFFFFFFF_FFFFFFFFH.
      """,
      ["vmcsLinkPointer"]),
    .init(
      .linkPointerRevision, .guestNonRegisterState,
      """
      Bits 30:0 of the four bytes that the VMCS link pointer refers to must be the VMCS revision \
      identifier.
      """,
      ["vmcsLinkPointer"]),
    .init(
      .linkPointerShadowIndicator, .guestNonRegisterState,
      """
      Bit 31 of the four bytes that the VMCS link pointer refers to must equal "VMCS shadowing".
      """,
      ["vmcsLinkPointer", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .linkPointerNotCurrent, .guestNonRegisterState,
      """
      The VMCS link pointer must not be the current-VMCS pointer, outside SMM or with "entry to \
      SMM".
      """,
      ["vmcsLinkPointer", "vmEntryControls"]),
    .init(
      .linkPointerNotExecutive, .guestNonRegisterState,
      """
      The VMCS link pointer must not be the executive-VMCS pointer, in SMM without "entry to \
      SMM".
      """,
      ["vmcsLinkPointer", "executiveVMCSPointer", "vmEntryControls"]),
  ]
}
