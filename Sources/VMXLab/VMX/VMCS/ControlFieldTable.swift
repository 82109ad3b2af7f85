extension VMCSField {
  /// Every control field, by width and index.
  ///
  /// Source: Intel SDM, "Field Encoding in VMCS".
  static let controlFields: [VMCSField] = [
    word(
      0x0000, "virtualProcessorIdentifier", "Virtual-processor identifier (VPID)",
      \.virtualProcessorIdentifier,
      .executionControls, .secondary(.enableVPID)),
    word(
      0x0002, "postedInterruptNotificationVector", "Posted-interrupt notification vector",
      \.postedInterruptNotificationVector,
      .executionControls, .pin(.processPostedInterrupts)),
    word(
      0x0004, "eptpIndex", "EPTP index", \.eptpIndex,
      .unchecked, .secondary(.eptViolationVE)),
    word(
      0x0006, "hlatPrefixSize", "HLAT prefix size", \.hlatPrefixSize,
      .executionControls, .tertiary(.enableHLAT)),
    word(
      0x0008, "lastPIDPointerIndex", "Last PID-pointer index", \.lastPIDPointerIndex,
      .executionControls, .tertiary(.ipiVirtualization)),
    quad(
      0x2000, "ioBitmapAAddress", "Address of I/O bitmap A", \.ioBitmapAAddress,
      .executionControls),
    quad(
      0x2002, "ioBitmapBAddress", "Address of I/O bitmap B", \.ioBitmapBAddress,
      .executionControls),
    quad(
      0x2004, "msrBitmapsAddress", "Address of MSR bitmaps", \.msrBitmapsAddress,
      .executionControls, .primary(.useMSRBitmaps)),
    quad(
      0x2006, "exitMSRStoreAddress", "VM-exit MSR-store address", \.exitMSRStoreAddress,
      .exitControls),
    quad(
      0x2008, "exitMSRLoadAddress", "VM-exit MSR-load address", \.exitMSRLoadAddress,
      .exitControls),
    quad(
      0x200a, "entryMSRLoadAddress", "VM-entry MSR-load address", \.entryMSRLoadAddress,
      .entryControls),
    quad(
      0x200c, "executiveVMCSPointer", "Executive-VMCS pointer", \.executiveVMCSPointer,
      .guestNonRegisterState),
    quad(
      0x200e, "pmlAddress", "PML address", \.pmlAddress,
      .executionControls, .secondary(.enablePML)),
    quad(
      0x2010, "tscOffset", "TSC offset", \.tscOffset,
      .unchecked),
    quad(
      0x2012, "virtualAPICAddress", "Virtual-APIC address", \.virtualAPICAddress,
      .executionControls, .primary(.useTPRShadow)),
    quad(
      0x2014, "apicAccessAddress", "APIC-access address", \.apicAccessAddress,
      .executionControls, .secondary(.virtualizeAPICAccesses)),
    quad(
      0x2016, "postedInterruptDescriptorAddress", "Posted-interrupt descriptor address",
      \.postedInterruptDescriptorAddress,
      .executionControls, .pin(.processPostedInterrupts)),
    quad(
      0x2018, "vmFunctionControls", "VM-function controls", \.vmFunctionControls,
      .executionControls, .secondary(.enableVMFunctions)),
    quad(
      0x201a, "eptPointer", "EPT pointer (EPTP)", \.eptPointer,
      .executionControls, .secondary(.enableEPT)),
    quad(
      0x201c, "eoiExitBitmap0", "EOI-exit bitmap 0", \.eoiExitBitmap0,
      .unchecked, .secondary(.virtualInterruptDelivery)),
    quad(
      0x201e, "eoiExitBitmap1", "EOI-exit bitmap 1", \.eoiExitBitmap1,
      .unchecked, .secondary(.virtualInterruptDelivery)),
    quad(
      0x2020, "eoiExitBitmap2", "EOI-exit bitmap 2", \.eoiExitBitmap2,
      .unchecked, .secondary(.virtualInterruptDelivery)),
    quad(
      0x2022, "eoiExitBitmap3", "EOI-exit bitmap 3", \.eoiExitBitmap3,
      .unchecked, .secondary(.virtualInterruptDelivery)),
    quad(
      0x2024, "eptpListAddress", "EPTP-list address", \.eptpListAddress,
      .executionControls, .eptpSwitching),
    quad(
      0x2026, "vmreadBitmapAddress", "VMREAD-bitmap address", \.vmreadBitmapAddress,
      .executionControls, .secondary(.vmcsShadowing)),
    quad(
      0x2028, "vmwriteBitmapAddress", "VMWRITE-bitmap address", \.vmwriteBitmapAddress,
      .executionControls, .secondary(.vmcsShadowing)),
    quad(
      0x202a, "virtualizationExceptionInformationAddress",
      "Virtualization-exception information address", \.virtualizationExceptionInformationAddress,
      .executionControls, .secondary(.eptViolationVE)),
    quad(
      0x202c, "xssExitingBitmap", "XSS-exiting bitmap", \.xssExitingBitmap,
      .unchecked, .secondary(.enableXSAVESXRSTORS)),
    quad(
      0x202e, "enclsExitingBitmap", "ENCLS-exiting bitmap", \.enclsExitingBitmap,
      .unchecked, .secondary(.enableENCLSExiting)),
    quad(
      0x2030, "subPagePermissionTablePointer", "Sub-page-permission-table pointer (SPPTP)",
      \.subPagePermissionTablePointer,
      .executionControls, .secondary(.subPageWritePermissionsForEPT)),
    quad(
      0x2032, "tscMultiplier", "TSC multiplier", \.tscMultiplier,
      .executionControls, .secondary(.useTSCScaling)),
    quad(
      0x2034, "tertiaryProcessorBasedControls", "Tertiary processor-based VM-execution controls",
      \.tertiaryProcessorBasedControls,
      .executionControls, .primary(.activateTertiaryControls)),
    quad(
      0x2036, "enclvExitingBitmap", "ENCLV-exiting bitmap", \.enclvExitingBitmap,
      .unchecked, .secondary(.enableENCLVExiting)),
    quad(
      0x2038, "lowPASIDDirectoryAddress", "Low PASID directory address", \.lowPASIDDirectoryAddress,
      .executionControls, .secondary(.pasidTranslation)),
    quad(
      0x203a, "highPASIDDirectoryAddress", "High PASID directory address",
      \.highPASIDDirectoryAddress,
      .executionControls, .secondary(.pasidTranslation)),
    quad(
      0x203e, "pconfigExitingBitmap", "PCONFIG-exiting bitmap", \.pconfigExitingBitmap,
      .unchecked, .secondary(.enablePCONFIG)),
    quad(
      0x2040, "hlatPointer", "Hypervisor-managed linear-address translation pointer (HLATP)",
      \.hlatPointer,
      .executionControls, .tertiary(.enableHLAT)),
    quad(
      0x2042, "pidPointerTableAddress", "PID-pointer table address", \.pidPointerTableAddress,
      .executionControls, .tertiary(.ipiVirtualization)),
    quad(
      0x2044, "secondaryVMExitControls", "Secondary VM-exit controls", \.secondaryVMExitControls,
      .exitControls, .exit(.activateSecondaryControls)),
    quad(
      0x204a, "specCtrlMask", "IA32_SPEC_CTRL mask", \.specCtrlMask,
      .unchecked, .tertiary(.virtualizeIA32SpecCtrl)),
    quad(
      0x204c, "specCtrlShadow", "IA32_SPEC_CTRL shadow", \.specCtrlShadow,
      .unchecked, .tertiary(.virtualizeIA32SpecCtrl)),
    long(
      0x4000, "pinBasedControls", "Pin-based VM-execution controls", \.pinBasedControls,
      .executionControls),
    long(
      0x4002, "primaryProcessorBasedControls", "Primary processor-based VM-execution controls",
      \.primaryProcessorBasedControls,
      .executionControls),
    long(
      0x4004, "exceptionBitmap", "Exception bitmap", \.exceptionBitmap,
      .unchecked),
    long(
      0x4006, "pageFaultErrorCodeMask", "Page-fault error-code mask", \.pageFaultErrorCodeMask,
      .unchecked),
    long(
      0x4008, "pageFaultErrorCodeMatch", "Page-fault error-code match", \.pageFaultErrorCodeMatch,
      .unchecked),
    long(
      0x400a, "cr3TargetCount", "CR3-target count", \.cr3TargetCount,
      .executionControls),
    long(
      0x400c, "vmExitControls", "Primary VM-exit controls", \.vmExitControls,
      .exitControls),
    long(
      0x400e, "exitMSRStoreCount", "VM-exit MSR-store count", \.exitMSRStoreCount,
      .exitControls),
    long(
      0x4010, "exitMSRLoadCount", "VM-exit MSR-load count", \.exitMSRLoadCount,
      .exitControls),
    long(
      0x4012, "vmEntryControls", "VM-entry controls", \.vmEntryControls,
      .entryControls),
    long(
      0x4014, "entryMSRLoadCount", "VM-entry MSR-load count", \.entryMSRLoadCount,
      .entryControls),
    long(
      0x4016, "entryInterruptionInformation", "VM-entry interruption-information field",
      \.entryInterruptionInformation,
      .eventInjection),
    long(
      0x4018, "entryExceptionErrorCode", "VM-entry exception error code", \.entryExceptionErrorCode,
      .eventInjection),
    long(
      0x401a, "entryInstructionLength", "VM-entry instruction length", \.entryInstructionLength,
      .eventInjection),
    long(
      0x401c, "tprThreshold", "TPR threshold", \.tprThreshold,
      .executionControls, .primary(.useTPRShadow)),
    long(
      0x401e, "secondaryProcessorBasedControls", "Secondary processor-based VM-execution controls",
      \.secondaryProcessorBasedControls,
      .executionControls, .primary(.activateSecondaryControls)),
    long(
      0x4020, "pleGap", "PLE_Gap", \.pleGap,
      .unchecked, .secondary(.pauseLoopExiting)),
    long(
      0x4022, "pleWindow", "PLE_Window", \.pleWindow,
      .unchecked, .secondary(.pauseLoopExiting)),
    long(
      0x4024, "instructionTimeoutControl", "Instruction-timeout control",
      \.instructionTimeoutControl,
      .unchecked, .secondary(.instructionTimeout)),
    natural(
      0x6000, "cr0GuestHostMask", "CR0 guest/host mask", \.cr0GuestHostMask,
      .unchecked),
    natural(
      0x6002, "cr4GuestHostMask", "CR4 guest/host mask", \.cr4GuestHostMask,
      .unchecked),
    natural(
      0x6004, "cr0ReadShadow", "CR0 read shadow", \.cr0ReadShadow,
      .unchecked),
    natural(
      0x6006, "cr4ReadShadow", "CR4 read shadow", \.cr4ReadShadow,
      .unchecked),
    natural(
      0x6008, "cr3TargetValue0", "CR3-target value 0", \.cr3TargetValue0,
      .unchecked),
    natural(
      0x600a, "cr3TargetValue1", "CR3-target value 1", \.cr3TargetValue1,
      .unchecked),
    natural(
      0x600c, "cr3TargetValue2", "CR3-target value 2", \.cr3TargetValue2,
      .unchecked),
    natural(
      0x600e, "cr3TargetValue3", "CR3-target value 3", \.cr3TargetValue3,
      .unchecked),
  ]
}
