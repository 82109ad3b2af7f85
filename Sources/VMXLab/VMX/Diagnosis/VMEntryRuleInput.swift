/// What a rule reads beside fields of the VMCS and capabilities.
public enum VMEntryRuleInput: Sendable, CaseIterable {
  /// IA32_EFER.LMA when the instruction is executed.
  case ia32eMode
  /// Whether the processor is in system-management mode.
  case systemManagementMode
  /// IA32_RTIT_CTL.TraceEn.
  case tracing
  /// The current-VMCS pointer.
  case currentVMCSPointer
  /// VTPR in the virtual-APIC page.
  case virtualTPR
  /// The first four bytes of the region that the VMCS link pointer names.
  case linkedRegion
  /// The page-directory-pointer table at guest CR3.
  case pageDirectoryPointerTable
  /// The VM-entry MSR-load area.
  case entryMSRLoadArea
  /// Which values WRMSR accepts.
  case acceptedMSRValues

  /// What it is called in reports and documents.
  public var name: String {
    switch self {
    case .ia32eMode: "IA32_EFER.LMA of the processor"
    case .systemManagementMode: "whether the processor is in SMM"
    case .tracing: "IA32_RTIT_CTL.TraceEn of the processor"
    case .currentVMCSPointer: "the current-VMCS pointer"
    case .virtualTPR: "memory: VTPR in the virtual-APIC page"
    case .linkedRegion: "memory: the revision identifier behind the VMCS link pointer"
    case .pageDirectoryPointerTable: "memory: the PDPTEs at guest CR3"
    case .entryMSRLoadArea: "memory: the VM-entry MSR-load area"
    case .acceptedMSRValues: "which values WRMSR accepts"
    }
  }

  /// Whether it is memory.
  public var isMemory: Bool {
    switch self {
    case .virtualTPR, .linkedRegion, .pageDirectoryPointerTable, .entryMSRLoadArea: true
    default: false
    }
  }
}

extension VMEntryRule {
  /// What the rule reads beside fields and capabilities.
  public var inputs: [VMEntryRuleInput] {
    switch self {
    case .legacyModeForbidsIA32eGuest, .legacyModeForbidsIA32eHost, .ia32eModeNeedsIA32eHost:
      [.ia32eMode]
    case .entryToSMMOutsideSMM, .deactivateDualMonitorOutsideSMM, .smiBlockingOutsideSMM:
      [.systemManagementMode]
    case .linkPointerNotExecutive: [.systemManagementMode]
    case .linkPointerNotCurrent: [.systemManagementMode, .currentVMCSPointer]
    case .tracingForbidsLoadRTITCtl: [.tracing]
    case .tprThresholdAboveVTPR: [.virtualTPR]
    case .linkPointerRevision, .linkPointerShadowIndicator: [.linkedRegion]
    case .guestPDPTE0Reserved, .guestPDPTE1Reserved, .guestPDPTE2Reserved, .guestPDPTE3Reserved:
      [.pageDirectoryPointerTable]
    case .msrLoadReserved, .msrLoadSegmentBase, .msrLoadX2APIC, .msrLoadModelSpecific:
      [.entryMSRLoadArea]
    case .msrLoadSMMOnly: [.entryMSRLoadArea, .systemManagementMode]
    case .msrLoadRejected: [.entryMSRLoadArea, .acceptedMSRValues]
    default: []
    }
  }
}
