/// A virtual-machine control structure, decoded: one native property for each field.
///
/// This is the form in which the current VMCS lives between VMPTRLD and VMCLEAR. It holds values
/// only: which fields a guest can reach is said by ``VMCSFieldIndex``, what may be in them by the
/// VM-entry rules, and what they look like in memory by ``VMCSRegion``. Fields of natural width
/// are 64 bits, as on every processor with Intel 64 architecture.
///
/// Source: Intel SDM, "Field Encoding in VMCS".
public struct VMCS: Sendable {
  // MARK: Control fields: VM-execution, VM-exit and VM-entry controls

  /// CR0 guest/host mask, encoding 6000H.
  public var cr0GuestHostMask: UInt64 = 0
  /// CR4 guest/host mask, encoding 6002H.
  public var cr4GuestHostMask: UInt64 = 0
  /// CR0 read shadow, encoding 6004H.
  public var cr0ReadShadow: UInt64 = 0
  /// CR4 read shadow, encoding 6006H.
  public var cr4ReadShadow: UInt64 = 0
  /// CR3-target value 0, encoding 6008H.
  public var cr3TargetValue0: UInt64 = 0
  /// CR3-target value 1, encoding 600AH.
  public var cr3TargetValue1: UInt64 = 0
  /// CR3-target value 2, encoding 600CH.
  public var cr3TargetValue2: UInt64 = 0
  /// CR3-target value 3, encoding 600EH.
  public var cr3TargetValue3: UInt64 = 0
  /// Address of I/O bitmap A, encoding 2000H.
  public var ioBitmapAAddress: UInt64 = 0
  /// Address of I/O bitmap B, encoding 2002H.
  public var ioBitmapBAddress: UInt64 = 0
  /// Address of MSR bitmaps, encoding 2004H.
  public var msrBitmapsAddress: UInt64 = 0
  /// VM-exit MSR-store address, encoding 2006H.
  public var exitMSRStoreAddress: UInt64 = 0
  /// VM-exit MSR-load address, encoding 2008H.
  public var exitMSRLoadAddress: UInt64 = 0
  /// VM-entry MSR-load address, encoding 200AH.
  public var entryMSRLoadAddress: UInt64 = 0
  /// Executive-VMCS pointer, encoding 200CH.
  public var executiveVMCSPointer: UInt64 = 0
  /// PML address, encoding 200EH.
  public var pmlAddress: UInt64 = 0
  /// TSC offset, encoding 2010H.
  public var tscOffset: UInt64 = 0
  /// Virtual-APIC address, encoding 2012H.
  public var virtualAPICAddress: UInt64 = 0
  /// APIC-access address, encoding 2014H.
  public var apicAccessAddress: UInt64 = 0
  /// Posted-interrupt descriptor address, encoding 2016H.
  public var postedInterruptDescriptorAddress: UInt64 = 0
  /// VM-function controls, encoding 2018H.
  public var vmFunctionControls: UInt64 = 0
  /// EPT pointer (EPTP), encoding 201AH.
  public var eptPointer: UInt64 = 0
  /// EOI-exit bitmap 0, encoding 201CH.
  public var eoiExitBitmap0: UInt64 = 0
  /// EOI-exit bitmap 1, encoding 201EH.
  public var eoiExitBitmap1: UInt64 = 0
  /// EOI-exit bitmap 2, encoding 2020H.
  public var eoiExitBitmap2: UInt64 = 0
  /// EOI-exit bitmap 3, encoding 2022H.
  public var eoiExitBitmap3: UInt64 = 0
  /// EPTP-list address, encoding 2024H.
  public var eptpListAddress: UInt64 = 0
  /// VMREAD-bitmap address, encoding 2026H.
  public var vmreadBitmapAddress: UInt64 = 0
  /// VMWRITE-bitmap address, encoding 2028H.
  public var vmwriteBitmapAddress: UInt64 = 0
  /// Virtualization-exception information address, encoding 202AH.
  public var virtualizationExceptionInformationAddress: UInt64 = 0
  /// XSS-exiting bitmap, encoding 202CH.
  public var xssExitingBitmap: UInt64 = 0
  /// ENCLS-exiting bitmap, encoding 202EH.
  public var enclsExitingBitmap: UInt64 = 0
  /// Sub-page-permission-table pointer (SPPTP), encoding 2030H.
  public var subPagePermissionTablePointer: UInt64 = 0
  /// TSC multiplier, encoding 2032H.
  public var tscMultiplier: UInt64 = 0
  /// Tertiary processor-based VM-execution controls, encoding 2034H.
  public var tertiaryProcessorBasedControls: UInt64 = 0
  /// ENCLV-exiting bitmap, encoding 2036H.
  public var enclvExitingBitmap: UInt64 = 0
  /// Low PASID directory address, encoding 2038H.
  public var lowPASIDDirectoryAddress: UInt64 = 0
  /// High PASID directory address, encoding 203AH.
  public var highPASIDDirectoryAddress: UInt64 = 0
  /// PCONFIG-exiting bitmap, encoding 203EH.
  public var pconfigExitingBitmap: UInt64 = 0
  /// Hypervisor-managed linear-address translation pointer (HLATP), encoding 2040H.
  public var hlatPointer: UInt64 = 0
  /// PID-pointer table address, encoding 2042H.
  public var pidPointerTableAddress: UInt64 = 0
  /// Secondary VM-exit controls, encoding 2044H.
  public var secondaryVMExitControls: UInt64 = 0
  /// IA32_SPEC_CTRL mask, encoding 204AH.
  public var specCtrlMask: UInt64 = 0
  /// IA32_SPEC_CTRL shadow, encoding 204CH.
  public var specCtrlShadow: UInt64 = 0
  /// Pin-based VM-execution controls, encoding 4000H.
  public var pinBasedControls: UInt32 = 0
  /// Primary processor-based VM-execution controls, encoding 4002H.
  public var primaryProcessorBasedControls: UInt32 = 0
  /// Exception bitmap, encoding 4004H.
  public var exceptionBitmap: UInt32 = 0
  /// Page-fault error-code mask, encoding 4006H.
  public var pageFaultErrorCodeMask: UInt32 = 0
  /// Page-fault error-code match, encoding 4008H.
  public var pageFaultErrorCodeMatch: UInt32 = 0
  /// CR3-target count, encoding 400AH.
  public var cr3TargetCount: UInt32 = 0
  /// Primary VM-exit controls, encoding 400CH.
  public var vmExitControls: UInt32 = 0
  /// VM-exit MSR-store count, encoding 400EH.
  public var exitMSRStoreCount: UInt32 = 0
  /// VM-exit MSR-load count, encoding 4010H.
  public var exitMSRLoadCount: UInt32 = 0
  /// VM-entry controls, encoding 4012H.
  public var vmEntryControls: UInt32 = 0
  /// VM-entry MSR-load count, encoding 4014H.
  public var entryMSRLoadCount: UInt32 = 0
  /// VM-entry interruption-information field, encoding 4016H.
  public var entryInterruptionInformation: UInt32 = 0
  /// VM-entry exception error code, encoding 4018H.
  public var entryExceptionErrorCode: UInt32 = 0
  /// VM-entry instruction length, encoding 401AH.
  public var entryInstructionLength: UInt32 = 0
  /// TPR threshold, encoding 401CH.
  public var tprThreshold: UInt32 = 0
  /// Secondary processor-based VM-execution controls, encoding 401EH.
  public var secondaryProcessorBasedControls: UInt32 = 0
  /// PLE_Gap, encoding 4020H.
  public var pleGap: UInt32 = 0
  /// PLE_Window, encoding 4022H.
  public var pleWindow: UInt32 = 0
  /// Instruction-timeout control, encoding 4024H.
  public var instructionTimeoutControl: UInt32 = 0
  /// Virtual-processor identifier (VPID), encoding 0000H.
  public var virtualProcessorIdentifier: UInt16 = 0
  /// Posted-interrupt notification vector, encoding 0002H.
  public var postedInterruptNotificationVector: UInt16 = 0
  /// EPTP index, encoding 0004H.
  public var eptpIndex: UInt16 = 0
  /// HLAT prefix size, encoding 0006H.
  public var hlatPrefixSize: UInt16 = 0
  /// Last PID-pointer index, encoding 0008H.
  public var lastPIDPointerIndex: UInt16 = 0

  // MARK: Read-only data fields: VM-exit information

  /// Exit qualification, encoding 6400H.
  public var exitQualification: UInt64 = 0
  /// I/O RCX, encoding 6402H.
  public var ioRCX: UInt64 = 0
  /// I/O RSI, encoding 6404H.
  public var ioRSI: UInt64 = 0
  /// I/O RDI, encoding 6406H.
  public var ioRDI: UInt64 = 0
  /// I/O RIP, encoding 6408H.
  public var ioRIP: UInt64 = 0
  /// Guest-linear address, encoding 640AH.
  public var guestLinearAddress: UInt64 = 0
  /// Guest-physical address, encoding 2400H.
  public var guestPhysicalAddress: UInt64 = 0
  /// VM-instruction error, encoding 4400H.
  public var vmInstructionError: UInt32 = 0
  /// Exit reason, encoding 4402H.
  public var exitReason: UInt32 = 0
  /// VM-exit interruption information, encoding 4404H.
  public var exitInterruptionInformation: UInt32 = 0
  /// VM-exit interruption error code, encoding 4406H.
  public var exitInterruptionErrorCode: UInt32 = 0
  /// IDT-vectoring information field, encoding 4408H.
  public var idtVectoringInformation: UInt32 = 0
  /// IDT-vectoring error code, encoding 440AH.
  public var idtVectoringErrorCode: UInt32 = 0
  /// VM-exit instruction length, encoding 440CH.
  public var exitInstructionLength: UInt32 = 0
  /// VM-exit instruction information, encoding 440EH.
  public var exitInstructionInformation: UInt32 = 0

  // MARK: Guest-state fields

  /// Guest CR0, encoding 6800H.
  public var guestCR0: UInt64 = 0
  /// Guest CR3, encoding 6802H.
  public var guestCR3: UInt64 = 0
  /// Guest CR4, encoding 6804H.
  public var guestCR4: UInt64 = 0
  /// Guest ES base, encoding 6806H.
  public var guestESBase: UInt64 = 0
  /// Guest CS base, encoding 6808H.
  public var guestCSBase: UInt64 = 0
  /// Guest SS base, encoding 680AH.
  public var guestSSBase: UInt64 = 0
  /// Guest DS base, encoding 680CH.
  public var guestDSBase: UInt64 = 0
  /// Guest FS base, encoding 680EH.
  public var guestFSBase: UInt64 = 0
  /// Guest GS base, encoding 6810H.
  public var guestGSBase: UInt64 = 0
  /// Guest LDTR base, encoding 6812H.
  public var guestLDTRBase: UInt64 = 0
  /// Guest TR base, encoding 6814H.
  public var guestTRBase: UInt64 = 0
  /// Guest GDTR base, encoding 6816H.
  public var guestGDTRBase: UInt64 = 0
  /// Guest IDTR base, encoding 6818H.
  public var guestIDTRBase: UInt64 = 0
  /// Guest DR7, encoding 681AH.
  public var guestDR7: UInt64 = 0
  /// Guest RSP, encoding 681CH.
  public var guestRSP: UInt64 = 0
  /// Guest RIP, encoding 681EH.
  public var guestRIP: UInt64 = 0
  /// Guest RFLAGS, encoding 6820H.
  public var guestRFLAGS: UInt64 = 0
  /// Guest pending debug exceptions, encoding 6822H.
  public var guestPendingDebugExceptions: UInt64 = 0
  /// Guest IA32_SYSENTER_ESP, encoding 6824H.
  public var guestSYSENTERESP: UInt64 = 0
  /// Guest IA32_SYSENTER_EIP, encoding 6826H.
  public var guestSYSENTEREIP: UInt64 = 0
  /// Guest IA32_S_CET, encoding 6828H.
  public var guestSCET: UInt64 = 0
  /// Guest SSP, encoding 682AH.
  public var guestSSP: UInt64 = 0
  /// Guest IA32_INTERRUPT_SSP_TABLE_ADDR, encoding 682CH.
  public var guestInterruptSSPTableAddress: UInt64 = 0
  /// VMCS link pointer, encoding 2800H.
  public var vmcsLinkPointer: UInt64 = 0
  /// Guest IA32_DEBUGCTL, encoding 2802H.
  public var guestDebugCtl: UInt64 = 0
  /// Guest IA32_PAT, encoding 2804H.
  public var guestPAT: UInt64 = 0
  /// Guest IA32_EFER, encoding 2806H.
  public var guestEFER: UInt64 = 0
  /// Guest IA32_PERF_GLOBAL_CTRL, encoding 2808H.
  public var guestPerfGlobalCtrl: UInt64 = 0
  /// Guest PDPTE0, encoding 280AH.
  public var guestPDPTE0: UInt64 = 0
  /// Guest PDPTE1, encoding 280CH.
  public var guestPDPTE1: UInt64 = 0
  /// Guest PDPTE2, encoding 280EH.
  public var guestPDPTE2: UInt64 = 0
  /// Guest PDPTE3, encoding 2810H.
  public var guestPDPTE3: UInt64 = 0
  /// Guest IA32_BNDCFGS, encoding 2812H.
  public var guestBNDCFGS: UInt64 = 0
  /// Guest IA32_RTIT_CTL, encoding 2814H.
  public var guestRTITCtl: UInt64 = 0
  /// Guest IA32_LBR_CTL, encoding 2816H.
  public var guestLBRCtl: UInt64 = 0
  /// Guest IA32_PKRS, encoding 2818H.
  public var guestPKRS: UInt64 = 0
  /// Guest ES limit, encoding 4800H.
  public var guestESLimit: UInt32 = 0
  /// Guest CS limit, encoding 4802H.
  public var guestCSLimit: UInt32 = 0
  /// Guest SS limit, encoding 4804H.
  public var guestSSLimit: UInt32 = 0
  /// Guest DS limit, encoding 4806H.
  public var guestDSLimit: UInt32 = 0
  /// Guest FS limit, encoding 4808H.
  public var guestFSLimit: UInt32 = 0
  /// Guest GS limit, encoding 480AH.
  public var guestGSLimit: UInt32 = 0
  /// Guest LDTR limit, encoding 480CH.
  public var guestLDTRLimit: UInt32 = 0
  /// Guest TR limit, encoding 480EH.
  public var guestTRLimit: UInt32 = 0
  /// Guest GDTR limit, encoding 4810H.
  public var guestGDTRLimit: UInt32 = 0
  /// Guest IDTR limit, encoding 4812H.
  public var guestIDTRLimit: UInt32 = 0
  /// Guest ES access rights, encoding 4814H.
  public var guestESAccessRights: UInt32 = 0
  /// Guest CS access rights, encoding 4816H.
  public var guestCSAccessRights: UInt32 = 0
  /// Guest SS access rights, encoding 4818H.
  public var guestSSAccessRights: UInt32 = 0
  /// Guest DS access rights, encoding 481AH.
  public var guestDSAccessRights: UInt32 = 0
  /// Guest FS access rights, encoding 481CH.
  public var guestFSAccessRights: UInt32 = 0
  /// Guest GS access rights, encoding 481EH.
  public var guestGSAccessRights: UInt32 = 0
  /// Guest LDTR access rights, encoding 4820H.
  public var guestLDTRAccessRights: UInt32 = 0
  /// Guest TR access rights, encoding 4822H.
  public var guestTRAccessRights: UInt32 = 0
  /// Guest interruptibility state, encoding 4824H.
  public var guestInterruptibilityState: UInt32 = 0
  /// Guest activity state, encoding 4826H.
  public var guestActivityState: UInt32 = 0
  /// Guest SMBASE, encoding 4828H.
  public var guestSMBASE: UInt32 = 0
  /// Guest IA32_SYSENTER_CS, encoding 482AH.
  public var guestSYSENTERCS: UInt32 = 0
  /// VMX-preemption timer value, encoding 482EH.
  public var vmxPreemptionTimerValue: UInt32 = 0
  /// Guest ES selector, encoding 0800H.
  public var guestESSelector: UInt16 = 0
  /// Guest CS selector, encoding 0802H.
  public var guestCSSelector: UInt16 = 0
  /// Guest SS selector, encoding 0804H.
  public var guestSSSelector: UInt16 = 0
  /// Guest DS selector, encoding 0806H.
  public var guestDSSelector: UInt16 = 0
  /// Guest FS selector, encoding 0808H.
  public var guestFSSelector: UInt16 = 0
  /// Guest GS selector, encoding 080AH.
  public var guestGSSelector: UInt16 = 0
  /// Guest LDTR selector, encoding 080CH.
  public var guestLDTRSelector: UInt16 = 0
  /// Guest TR selector, encoding 080EH.
  public var guestTRSelector: UInt16 = 0
  /// Guest interrupt status, encoding 0810H.
  public var guestInterruptStatus: UInt16 = 0
  /// PML index, encoding 0812H.
  public var pmlIndex: UInt16 = 0
  /// Guest UINV, encoding 0814H.
  public var guestUINV: UInt16 = 0

  // MARK: Host-state fields

  /// Host CR0, encoding 6C00H.
  public var hostCR0: UInt64 = 0
  /// Host CR3, encoding 6C02H.
  public var hostCR3: UInt64 = 0
  /// Host CR4, encoding 6C04H.
  public var hostCR4: UInt64 = 0
  /// Host FS base, encoding 6C06H.
  public var hostFSBase: UInt64 = 0
  /// Host GS base, encoding 6C08H.
  public var hostGSBase: UInt64 = 0
  /// Host TR base, encoding 6C0AH.
  public var hostTRBase: UInt64 = 0
  /// Host GDTR base, encoding 6C0CH.
  public var hostGDTRBase: UInt64 = 0
  /// Host IDTR base, encoding 6C0EH.
  public var hostIDTRBase: UInt64 = 0
  /// Host IA32_SYSENTER_ESP, encoding 6C10H.
  public var hostSYSENTERESP: UInt64 = 0
  /// Host IA32_SYSENTER_EIP, encoding 6C12H.
  public var hostSYSENTEREIP: UInt64 = 0
  /// Host RSP, encoding 6C14H.
  public var hostRSP: UInt64 = 0
  /// Host RIP, encoding 6C16H.
  public var hostRIP: UInt64 = 0
  /// Host IA32_S_CET, encoding 6C18H.
  public var hostSCET: UInt64 = 0
  /// Host SSP, encoding 6C1AH.
  public var hostSSP: UInt64 = 0
  /// Host IA32_INTERRUPT_SSP_TABLE_ADDR, encoding 6C1CH.
  public var hostInterruptSSPTableAddress: UInt64 = 0
  /// Host IA32_PAT, encoding 2C00H.
  public var hostPAT: UInt64 = 0
  /// Host IA32_EFER, encoding 2C02H.
  public var hostEFER: UInt64 = 0
  /// Host IA32_PERF_GLOBAL_CTRL, encoding 2C04H.
  public var hostPerfGlobalCtrl: UInt64 = 0
  /// Host IA32_PKRS, encoding 2C06H.
  public var hostPKRS: UInt64 = 0
  /// Host IA32_SYSENTER_CS, encoding 4C00H.
  public var hostSYSENTERCS: UInt32 = 0
  /// Host ES selector, encoding 0C00H.
  public var hostESSelector: UInt16 = 0
  /// Host CS selector, encoding 0C02H.
  public var hostCSSelector: UInt16 = 0
  /// Host SS selector, encoding 0C04H.
  public var hostSSSelector: UInt16 = 0
  /// Host DS selector, encoding 0C06H.
  public var hostDSSelector: UInt16 = 0
  /// Host FS selector, encoding 0C08H.
  public var hostFSSelector: UInt16 = 0
  /// Host GS selector, encoding 0C0AH.
  public var hostGSSelector: UInt16 = 0
  /// Host TR selector, encoding 0C0CH.
  public var hostTRSelector: UInt16 = 0

  /// A VMCS whose every field is 0.
  public init() {}
}
