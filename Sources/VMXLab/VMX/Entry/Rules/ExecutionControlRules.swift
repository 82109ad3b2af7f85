extension VMEntryRuleCatalogue {
  /// The rules of "VM-Execution Control Fields".
  static let executionControlsRules: [VMEntryRuleEntry] = [
    .init(
      .pinControlsReserved, .executionControls,
      """
      Each pin-based VM-execution control must have a setting that IA32_VMX_PINBASED_CTLS (or \
      its TRUE variant) allows.
      """,
      ["pinBasedControls"]),
    .init(
      .primaryControlsReserved, .executionControls,
      """
      Each primary processor-based VM-execution control must have a setting that \
      IA32_VMX_PROCBASED_CTLS (or its TRUE variant) allows.
      """,
      ["primaryProcessorBasedControls"]),
    .init(
      .secondaryControlsReserved, .executionControls,
      """
      With "activate secondary controls", each secondary processor-based VM-execution control \
      must have a setting that IA32_VMX_PROCBASED_CTLS2 allows.
      """,
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .tertiaryControlsReserved, .executionControls,
      """
      With "activate tertiary controls", tertiary processor-based VM-execution controls that \
      IA32_VMX_PROCBASED_CTLS3 does not allow must be 0.
      """,
      ["tertiaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .cr3TargetCount, .executionControls,
      "The CR3-target count must not exceed the number of CR3-target values in IA32_VMX_MISC.",
      ["cr3TargetCount"]),
    .init(
      .ioBitmapAAligned, .executionControls,
      "With \"use I/O bitmaps\", bits 11:0 of the address of I/O bitmap A must be 0.",
      ["ioBitmapAAddress", "primaryProcessorBasedControls"]),
    .init(
      .ioBitmapAWidth, .executionControls,
      """
      With "use I/O bitmaps", the address of I/O bitmap A must not exceed the physical-address \
      width.
      """,
      ["ioBitmapAAddress", "primaryProcessorBasedControls"]),
    .init(
      .ioBitmapBAligned, .executionControls,
      "With \"use I/O bitmaps\", bits 11:0 of the address of I/O bitmap B must be 0.",
      ["ioBitmapBAddress", "primaryProcessorBasedControls"]),
    .init(
      .ioBitmapBWidth, .executionControls,
      """
      With "use I/O bitmaps", the address of I/O bitmap B must not exceed the physical-address \
      width.
      """,
      ["ioBitmapBAddress", "primaryProcessorBasedControls"]),
    .init(
      .msrBitmapsAligned, .executionControls,
      "With \"use MSR bitmaps\", bits 11:0 of the address of MSR bitmaps must be 0.",
      ["msrBitmapsAddress", "primaryProcessorBasedControls"]),
    .init(
      .msrBitmapsWidth, .executionControls,
      """
      With "use MSR bitmaps", the address of MSR bitmaps must not exceed the physical-address \
      width.
      """,
      ["msrBitmapsAddress", "primaryProcessorBasedControls"]),
    .init(
      .virtualAPICAligned, .executionControls,
      "With \"use TPR shadow\", bits 11:0 of the virtual-APIC address must be 0.",
      ["virtualAPICAddress", "primaryProcessorBasedControls"]),
    .init(
      .virtualAPICWidth, .executionControls,
      """
      With "use TPR shadow", the virtual-APIC address must not exceed the physical-address \
      width.
      """,
      ["virtualAPICAddress", "primaryProcessorBasedControls"]),
    .init(
      .tprThresholdReserved, .executionControls,
      """
      With "use TPR shadow" and without "virtual-interrupt delivery", bits 31:4 of the TPR \
      threshold must be 0.
      """,
      ["tprThreshold", "primaryProcessorBasedControls", "secondaryProcessorBasedControls"]),
    .init(
      .tprThresholdAboveVTPR, .executionControls,
      """
      With "use TPR shadow" and neither "virtualize APIC accesses" nor "virtual-interrupt \
      delivery", bits 3:0 of the TPR threshold must not exceed VTPR[7:4] in the virtual-APIC \
      page.
      """,
      [
        "tprThreshold", "virtualAPICAddress", "primaryProcessorBasedControls",
        "secondaryProcessorBasedControls",
      ]),
    .init(
      .virtualNMIsNeedNMIExiting, .executionControls,
      "\"Virtual NMIs\" needs \"NMI exiting\".",
      ["pinBasedControls"]),
    .init(
      .nmiWindowNeedsVirtualNMIs, .executionControls,
      "\"NMI-window exiting\" needs \"virtual NMIs\".",
      ["primaryProcessorBasedControls", "pinBasedControls"]),
    .init(
      .apicAccessAligned, .executionControls,
      "With \"virtualize APIC accesses\", bits 11:0 of the APIC-access address must be 0.",
      ["apicAccessAddress", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .apicAccessWidth, .executionControls,
      """
      With "virtualize APIC accesses", the APIC-access address must not exceed the physical- \
      address width.
      """,
      ["apicAccessAddress", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .x2APICModeNeedsTPRShadow, .executionControls,
      "\"Virtualize x2APIC mode\" needs \"use TPR shadow\".",
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .apicRegistersNeedTPRShadow, .executionControls,
      "\"APIC-register virtualization\" needs \"use TPR shadow\".",
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .virtualInterruptsNeedTPRShadow, .executionControls,
      "\"Virtual-interrupt delivery\" needs \"use TPR shadow\".",
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .ipiVirtualizationNeedsTPRShadow, .executionControls,
      "\"IPI virtualization\" needs \"use TPR shadow\".",
      ["tertiaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .x2APICModeExcludesAPICAccesses, .executionControls,
      "\"Virtualize x2APIC mode\" and \"virtualize APIC accesses\" must not both be 1.",
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .virtualInterruptsNeedInterruptExiting, .executionControls,
      "\"Virtual-interrupt delivery\" needs \"external-interrupt exiting\".",
      ["secondaryProcessorBasedControls", "pinBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .postedInterruptsNeedVirtualInterrupts, .executionControls,
      "\"Process posted interrupts\" needs \"virtual-interrupt delivery\".",
      ["pinBasedControls", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .postedInterruptsNeedAcknowledge, .executionControls,
      "\"Process posted interrupts\" needs the VM-exit control \"acknowledge interrupt on exit\".",
      ["pinBasedControls", "vmExitControls"]),
    .init(
      .postedInterruptVector, .executionControls,
      """
      With "process posted interrupts", bits 15:8 of the posted-interrupt notification vector \
      must be 0.
      """,
      ["postedInterruptNotificationVector", "pinBasedControls"]),
    .init(
      .postedInterruptDescriptorAligned, .executionControls,
      """
      With "process posted interrupts", bits 5:0 of the posted-interrupt descriptor address must \
      be 0.
      """,
      ["postedInterruptDescriptorAddress", "pinBasedControls"]),
    .init(
      .postedInterruptDescriptorWidth, .executionControls,
      """
      With "process posted interrupts", the posted-interrupt descriptor address must not exceed \
      the physical-address width.
      """,
      ["postedInterruptDescriptorAddress", "pinBasedControls"]),
    .init(
      .vpidZero, .executionControls,
      "With \"enable VPID\", the VPID must not be 0.",
      [
        "virtualProcessorIdentifier", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .eptpMemoryType, .executionControls,
      """
      With "enable EPT", bits 2:0 of the EPTP must be a memory type that IA32_VMX_EPT_VPID_CAP \
      allows for EPT paging structures.
      """,
      ["eptPointer", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .eptpWalkLength, .executionControls,
      """
      With "enable EPT", bits 5:3 of the EPTP, one less than the page-walk length, must be a \
      length that IA32_VMX_EPT_VPID_CAP allows.
      """,
      ["eptPointer", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .eptpAccessedAndDirty, .executionControls,
      """
      With "enable EPT", bit 6 of the EPTP must be 0 if the processor has no accessed and dirty \
      flags for EPT.
      """,
      ["eptPointer", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .eptpSupervisorShadowStack, .executionControls,
      """
      With "enable EPT", bit 7 of the EPTP must be 0 if the processor has no supervisor shadow- \
      stack control.
      """,
      ["eptPointer", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .eptpReserved, .executionControls,
      "With \"enable EPT\", bits 11:8 of the EPTP must be 0.",
      ["eptPointer", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .eptpWidth, .executionControls,
      "With \"enable EPT\", the EPTP must not exceed the physical-address width.",
      ["eptPointer", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .pmlNeedsEPT, .executionControls,
      "\"Enable PML\" needs \"enable EPT\".",
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .pmlAligned, .executionControls,
      "With \"enable PML\", bits 11:0 of the PML address must be 0.",
      ["pmlAddress", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .pmlWidth, .executionControls,
      "With \"enable PML\", the PML address must not exceed the physical-address width.",
      ["pmlAddress", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .unrestrictedGuestNeedsEPT, .executionControls,
      "\"Unrestricted guest\" needs \"enable EPT\".",
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .modeBasedExecuteNeedsEPT, .executionControls,
      "\"Mode-based execute control for EPT\" needs \"enable EPT\".",
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .subPageWriteNeedsEPT, .executionControls,
      "\"Sub-page write permissions for EPT\" needs \"enable EPT\".",
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .subPagePermissionTableAligned, .executionControls,
      "With \"sub-page write permissions for EPT\", bits 11:0 of the SPPTP must be 0.",
      [
        "subPagePermissionTablePointer", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .subPagePermissionTableWidth, .executionControls,
      """
      With "sub-page write permissions for EPT", the SPPTP must not exceed the physical-address \
      width.
      """,
      [
        "subPagePermissionTablePointer", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .vmFunctionsReserved, .executionControls,
      """
      With "enable VM functions", VM-function controls that IA32_VMX_VMFUNC does not allow must \
      be 0.
      """,
      ["vmFunctionControls", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .eptpSwitchingNeedsEPT, .executionControls,
      "The VM-function control \"EPTP switching\" needs \"enable EPT\".",
      ["vmFunctionControls", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .eptpListAligned, .executionControls,
      """
      With the VM-function control "EPTP switching", bits 11:0 of the EPTP-list address must be \
      0.
      """,
      [
        "eptpListAddress", "vmFunctionControls", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .eptpListWidth, .executionControls,
      """
      With the VM-function control "EPTP switching", the EPTP-list address must not exceed the \
      physical-address width.
      """,
      [
        "eptpListAddress", "vmFunctionControls", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .vmreadBitmapAligned, .executionControls,
      "With \"VMCS shadowing\", bits 11:0 of the VMREAD-bitmap address must be 0.",
      ["vmreadBitmapAddress", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .vmreadBitmapWidth, .executionControls,
      """
      With "VMCS shadowing", the VMREAD-bitmap address must not exceed the physical-address \
      width.
      """,
      ["vmreadBitmapAddress", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .vmwriteBitmapAligned, .executionControls,
      "With \"VMCS shadowing\", bits 11:0 of the VMWRITE-bitmap address must be 0.",
      [
        "vmwriteBitmapAddress", "secondaryProcessorBasedControls", "primaryProcessorBasedControls",
      ]),
    .init(
      .vmwriteBitmapWidth, .executionControls,
      """
      With "VMCS shadowing", the VMWRITE-bitmap address must not exceed the physical-address \
      width.
      """,
      [
        "vmwriteBitmapAddress", "secondaryProcessorBasedControls", "primaryProcessorBasedControls",
      ]),
    .init(
      .virtualizationExceptionAligned, .executionControls,
      """
      With "EPT-violation #VE", bits 11:0 of the virtualization-exception information address \
      must be 0.
      """,
      [
        "virtualizationExceptionInformationAddress", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .virtualizationExceptionWidth, .executionControls,
      """
      With "EPT-violation #VE", the virtualization-exception information address must not exceed \
      the physical-address width.
      """,
      [
        "virtualizationExceptionInformationAddress", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .ptAddressesNeedEPT, .executionControls,
      "\"Intel PT uses guest physical addresses\" needs \"enable EPT\".",
      ["secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .ptAddressesNeedLoadRTITCtl, .executionControls,
      """
      "Intel PT uses guest physical addresses" needs the VM-entry control "load IA32_RTIT_CTL".
      """,
      ["secondaryProcessorBasedControls", "vmEntryControls", "primaryProcessorBasedControls"]),
    .init(
      .ptAddressesNeedClearRTITCtl, .executionControls,
      """
      "Intel PT uses guest physical addresses" needs the VM-exit control "clear IA32_RTIT_CTL".
      """,
      ["secondaryProcessorBasedControls", "vmExitControls", "primaryProcessorBasedControls"]),
    .init(
      .tscMultiplierZero, .executionControls,
      "With \"use TSC scaling\", the TSC multiplier must not be 0.",
      ["tscMultiplier", "secondaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .lowPASIDDirectoryAligned, .executionControls,
      "With \"PASID translation\", bits 11:0 of the low PASID directory address must be 0.",
      [
        "lowPASIDDirectoryAddress", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .lowPASIDDirectoryWidth, .executionControls,
      """
      With "PASID translation", the low PASID directory address must not exceed the physical- \
      address width.
      """,
      [
        "lowPASIDDirectoryAddress", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .highPASIDDirectoryAligned, .executionControls,
      "With \"PASID translation\", bits 11:0 of the high PASID directory address must be 0.",
      [
        "highPASIDDirectoryAddress", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .highPASIDDirectoryWidth, .executionControls,
      """
      With "PASID translation", the high PASID directory address must not exceed the physical- \
      address width.
      """,
      [
        "highPASIDDirectoryAddress", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .hlatNeedsEPT, .executionControls,
      "\"Enable HLAT\" needs \"enable EPT\".",
      [
        "tertiaryProcessorBasedControls", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .eptPagingWriteNeedsEPT, .executionControls,
      "\"EPT paging-write control\" needs \"enable EPT\".",
      [
        "tertiaryProcessorBasedControls", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .guestPagingVerificationNeedsEPT, .executionControls,
      "\"Guest-paging verification\" needs \"enable EPT\".",
      [
        "tertiaryProcessorBasedControls", "secondaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
    .init(
      .hlatPointerReserved, .executionControls,
      "With \"enable HLAT\", bits 2:0 and 11:5 of the HLATP must be 0.",
      ["hlatPointer", "tertiaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .hlatPointerWidth, .executionControls,
      "With \"enable HLAT\", the HLATP must not exceed the physical-address width.",
      ["hlatPointer", "tertiaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .hlatPrefixSize, .executionControls,
      """
      With "enable HLAT", the HLAT prefix size must not exceed the maximum in \
      IA32_VMX_EPT_VPID_CAP[53:48].
      """,
      ["hlatPrefixSize", "tertiaryProcessorBasedControls", "primaryProcessorBasedControls"]),
    .init(
      .pidPointerTableAligned, .executionControls,
      "With \"IPI virtualization\", bits 2:0 of the PID-pointer table address must be 0.",
      [
        "pidPointerTableAddress", "tertiaryProcessorBasedControls", "primaryProcessorBasedControls",
      ]),
    .init(
      .pidPointerTableWidth, .executionControls,
      """
      With "IPI virtualization", the PID-pointer table address must not exceed the physical- \
      address width.
      """,
      [
        "pidPointerTableAddress", "tertiaryProcessorBasedControls", "primaryProcessorBasedControls",
      ]),
    .init(
      .pidPointerTableEnd, .executionControls,
      """
      With "IPI virtualization", the last entry of the PID-pointer table must not exceed the \
      physical-address width.
      """,
      [
        "lastPIDPointerIndex", "pidPointerTableAddress", "tertiaryProcessorBasedControls",
        "primaryProcessorBasedControls",
      ]),
  ]
}
