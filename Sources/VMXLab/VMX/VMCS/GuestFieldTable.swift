extension VMCSField {
  /// Every guest-state field, by width and index.
  ///
  /// Source: Intel SDM, "Field Encoding in VMCS".
  static let guestStateFields: [VMCSField] = [
    word(
      0x0800, "guestESSelector", "Guest ES selector", \.guestESSelector,
      .guestSegments),
    word(
      0x0802, "guestCSSelector", "Guest CS selector", \.guestCSSelector,
      .guestSegments),
    word(
      0x0804, "guestSSSelector", "Guest SS selector", \.guestSSSelector,
      .guestSegments),
    word(
      0x0806, "guestDSSelector", "Guest DS selector", \.guestDSSelector,
      .guestSegments),
    word(
      0x0808, "guestFSSelector", "Guest FS selector", \.guestFSSelector,
      .guestSegments),
    word(
      0x080a, "guestGSSelector", "Guest GS selector", \.guestGSSelector,
      .guestSegments),
    word(
      0x080c, "guestLDTRSelector", "Guest LDTR selector", \.guestLDTRSelector,
      .guestSegments),
    word(
      0x080e, "guestTRSelector", "Guest TR selector", \.guestTRSelector,
      .guestSegments),
    word(
      0x0810, "guestInterruptStatus", "Guest interrupt status", \.guestInterruptStatus,
      .unchecked, .secondary(.virtualInterruptDelivery)),
    word(
      0x0812, "pmlIndex", "PML index", \.pmlIndex,
      .unchecked, .secondary(.enablePML)),
    word(
      0x0814, "guestUINV", "Guest UINV", \.guestUINV,
      .guestRegisters, .exitOrEntry(.clearUINV, .loadUINV)),
    quad(
      0x2800, "vmcsLinkPointer", "VMCS link pointer", \.vmcsLinkPointer,
      .guestNonRegisterState),
    quad(
      0x2802, "guestDebugCtl", "Guest IA32_DEBUGCTL", \.guestDebugCtl,
      .guestRegisters),
    quad(
      0x2804, "guestPAT", "Guest IA32_PAT", \.guestPAT,
      .guestRegisters, .exitOrEntry(.savePAT, .loadPAT)),
    quad(
      0x2806, "guestEFER", "Guest IA32_EFER", \.guestEFER,
      .guestRegisters, .exitOrEntry(.saveEFER, .loadEFER)),
    quad(
      0x2808, "guestPerfGlobalCtrl", "Guest IA32_PERF_GLOBAL_CTRL", \.guestPerfGlobalCtrl,
      .guestRegisters, .exitOrEntry(.savePerfGlobalCtrl, .loadPerfGlobalCtrl)),
    quad(
      0x280a, "guestPDPTE0", "Guest PDPTE0", \.guestPDPTE0,
      .guestPDPTEs, .secondary(.enableEPT)),
    quad(
      0x280c, "guestPDPTE1", "Guest PDPTE1", \.guestPDPTE1,
      .guestPDPTEs, .secondary(.enableEPT)),
    quad(
      0x280e, "guestPDPTE2", "Guest PDPTE2", \.guestPDPTE2,
      .guestPDPTEs, .secondary(.enableEPT)),
    quad(
      0x2810, "guestPDPTE3", "Guest PDPTE3", \.guestPDPTE3,
      .guestPDPTEs, .secondary(.enableEPT)),
    quad(
      0x2812, "guestBNDCFGS", "Guest IA32_BNDCFGS", \.guestBNDCFGS,
      .guestRegisters, .exitOrEntry(.clearBNDCFGS, .loadBNDCFGS)),
    quad(
      0x2814, "guestRTITCtl", "Guest IA32_RTIT_CTL", \.guestRTITCtl,
      .guestRegisters, .exitOrEntry(.clearRTITCtl, .loadRTITCtl)),
    quad(
      0x2816, "guestLBRCtl", "Guest IA32_LBR_CTL", \.guestLBRCtl,
      .guestRegisters, .exitOrEntry(.clearLBRCtl, .loadLBRCtl)),
    quad(
      0x2818, "guestPKRS", "Guest IA32_PKRS", \.guestPKRS,
      .guestRegisters, .entry(.loadPKRS)),
    long(
      0x4800, "guestESLimit", "Guest ES limit", \.guestESLimit,
      .guestSegments),
    long(
      0x4802, "guestCSLimit", "Guest CS limit", \.guestCSLimit,
      .guestSegments),
    long(
      0x4804, "guestSSLimit", "Guest SS limit", \.guestSSLimit,
      .guestSegments),
    long(
      0x4806, "guestDSLimit", "Guest DS limit", \.guestDSLimit,
      .guestSegments),
    long(
      0x4808, "guestFSLimit", "Guest FS limit", \.guestFSLimit,
      .guestSegments),
    long(
      0x480a, "guestGSLimit", "Guest GS limit", \.guestGSLimit,
      .guestSegments),
    long(
      0x480c, "guestLDTRLimit", "Guest LDTR limit", \.guestLDTRLimit,
      .guestSegments),
    long(
      0x480e, "guestTRLimit", "Guest TR limit", \.guestTRLimit,
      .guestSegments),
    long(
      0x4810, "guestGDTRLimit", "Guest GDTR limit", \.guestGDTRLimit,
      .guestDescriptorTables),
    long(
      0x4812, "guestIDTRLimit", "Guest IDTR limit", \.guestIDTRLimit,
      .guestDescriptorTables),
    long(
      0x4814, "guestESAccessRights", "Guest ES access rights", \.guestESAccessRights,
      .guestSegments),
    long(
      0x4816, "guestCSAccessRights", "Guest CS access rights", \.guestCSAccessRights,
      .guestSegments),
    long(
      0x4818, "guestSSAccessRights", "Guest SS access rights", \.guestSSAccessRights,
      .guestSegments),
    long(
      0x481a, "guestDSAccessRights", "Guest DS access rights", \.guestDSAccessRights,
      .guestSegments),
    long(
      0x481c, "guestFSAccessRights", "Guest FS access rights", \.guestFSAccessRights,
      .guestSegments),
    long(
      0x481e, "guestGSAccessRights", "Guest GS access rights", \.guestGSAccessRights,
      .guestSegments),
    long(
      0x4820, "guestLDTRAccessRights", "Guest LDTR access rights", \.guestLDTRAccessRights,
      .guestSegments),
    long(
      0x4822, "guestTRAccessRights", "Guest TR access rights", \.guestTRAccessRights,
      .guestSegments),
    long(
      0x4824, "guestInterruptibilityState", "Guest interruptibility state",
      \.guestInterruptibilityState,
      .guestNonRegisterState),
    long(
      0x4826, "guestActivityState", "Guest activity state", \.guestActivityState,
      .guestNonRegisterState),
    long(
      0x4828, "guestSMBASE", "Guest SMBASE", \.guestSMBASE,
      .unchecked),
    long(
      0x482a, "guestSYSENTERCS", "Guest IA32_SYSENTER_CS", \.guestSYSENTERCS,
      .unchecked),
    long(
      0x482e, "vmxPreemptionTimerValue", "VMX-preemption timer value", \.vmxPreemptionTimerValue,
      .unchecked, .pin(.activateVMXPreemptionTimer)),
    natural(
      0x6800, "guestCR0", "Guest CR0", \.guestCR0,
      .guestRegisters),
    natural(
      0x6802, "guestCR3", "Guest CR3", \.guestCR3,
      .guestRegisters),
    natural(
      0x6804, "guestCR4", "Guest CR4", \.guestCR4,
      .guestRegisters),
    natural(
      0x6806, "guestESBase", "Guest ES base", \.guestESBase,
      .guestSegments),
    natural(
      0x6808, "guestCSBase", "Guest CS base", \.guestCSBase,
      .guestSegments),
    natural(
      0x680a, "guestSSBase", "Guest SS base", \.guestSSBase,
      .guestSegments),
    natural(
      0x680c, "guestDSBase", "Guest DS base", \.guestDSBase,
      .guestSegments),
    natural(
      0x680e, "guestFSBase", "Guest FS base", \.guestFSBase,
      .guestSegments),
    natural(
      0x6810, "guestGSBase", "Guest GS base", \.guestGSBase,
      .guestSegments),
    natural(
      0x6812, "guestLDTRBase", "Guest LDTR base", \.guestLDTRBase,
      .guestSegments),
    natural(
      0x6814, "guestTRBase", "Guest TR base", \.guestTRBase,
      .guestSegments),
    natural(
      0x6816, "guestGDTRBase", "Guest GDTR base", \.guestGDTRBase,
      .guestDescriptorTables),
    natural(
      0x6818, "guestIDTRBase", "Guest IDTR base", \.guestIDTRBase,
      .guestDescriptorTables),
    natural(
      0x681a, "guestDR7", "Guest DR7", \.guestDR7,
      .guestRegisters),
    natural(
      0x681c, "guestRSP", "Guest RSP", \.guestRSP,
      .unchecked),
    natural(
      0x681e, "guestRIP", "Guest RIP", \.guestRIP,
      .guestInstruction),
    natural(
      0x6820, "guestRFLAGS", "Guest RFLAGS", \.guestRFLAGS,
      .guestFlags),
    natural(
      0x6822, "guestPendingDebugExceptions", "Guest pending debug exceptions",
      \.guestPendingDebugExceptions,
      .guestNonRegisterState),
    natural(
      0x6824, "guestSYSENTERESP", "Guest IA32_SYSENTER_ESP", \.guestSYSENTERESP,
      .guestRegisters),
    natural(
      0x6826, "guestSYSENTEREIP", "Guest IA32_SYSENTER_EIP", \.guestSYSENTEREIP,
      .guestRegisters),
    natural(
      0x6828, "guestSCET", "Guest IA32_S_CET", \.guestSCET,
      .guestRegisters, .entry(.loadCETState)),
    natural(
      0x682a, "guestSSP", "Guest SSP", \.guestSSP,
      .guestInstruction, .entry(.loadCETState)),
    natural(
      0x682c, "guestInterruptSSPTableAddress", "Guest IA32_INTERRUPT_SSP_TABLE_ADDR",
      \.guestInterruptSSPTableAddress,
      .guestRegisters, .entry(.loadCETState)),
  ]
}
