extension VMCSField {
  /// Every host-state field, by width and index.
  ///
  /// Source: Intel SDM, "Field Encoding in VMCS".
  static let hostStateFields: [VMCSField] = [
    word(
      0x0c00, "hostESSelector", "Host ES selector", \.hostESSelector,
      .hostState),
    word(
      0x0c02, "hostCSSelector", "Host CS selector", \.hostCSSelector,
      .hostState),
    word(
      0x0c04, "hostSSSelector", "Host SS selector", \.hostSSSelector,
      .hostState),
    word(
      0x0c06, "hostDSSelector", "Host DS selector", \.hostDSSelector,
      .hostState),
    word(
      0x0c08, "hostFSSelector", "Host FS selector", \.hostFSSelector,
      .hostState),
    word(
      0x0c0a, "hostGSSelector", "Host GS selector", \.hostGSSelector,
      .hostState),
    word(
      0x0c0c, "hostTRSelector", "Host TR selector", \.hostTRSelector,
      .hostState),
    quad(
      0x2c00, "hostPAT", "Host IA32_PAT", \.hostPAT,
      .hostState, .exit(.loadPAT)),
    quad(
      0x2c02, "hostEFER", "Host IA32_EFER", \.hostEFER,
      .hostState, .exit(.loadEFER)),
    quad(
      0x2c04, "hostPerfGlobalCtrl", "Host IA32_PERF_GLOBAL_CTRL", \.hostPerfGlobalCtrl,
      .hostState, .exit(.loadPerfGlobalCtrl)),
    quad(
      0x2c06, "hostPKRS", "Host IA32_PKRS", \.hostPKRS,
      .hostState, .exit(.loadPKRS)),
    long(
      0x4c00, "hostSYSENTERCS", "Host IA32_SYSENTER_CS", \.hostSYSENTERCS,
      .unchecked),
    natural(
      0x6c00, "hostCR0", "Host CR0", \.hostCR0,
      .hostState),
    natural(
      0x6c02, "hostCR3", "Host CR3", \.hostCR3,
      .hostState),
    natural(
      0x6c04, "hostCR4", "Host CR4", \.hostCR4,
      .hostState),
    natural(
      0x6c06, "hostFSBase", "Host FS base", \.hostFSBase,
      .hostState),
    natural(
      0x6c08, "hostGSBase", "Host GS base", \.hostGSBase,
      .hostState),
    natural(
      0x6c0a, "hostTRBase", "Host TR base", \.hostTRBase,
      .hostState),
    natural(
      0x6c0c, "hostGDTRBase", "Host GDTR base", \.hostGDTRBase,
      .hostState),
    natural(
      0x6c0e, "hostIDTRBase", "Host IDTR base", \.hostIDTRBase,
      .hostState),
    natural(
      0x6c10, "hostSYSENTERESP", "Host IA32_SYSENTER_ESP", \.hostSYSENTERESP,
      .hostState),
    natural(
      0x6c12, "hostSYSENTEREIP", "Host IA32_SYSENTER_EIP", \.hostSYSENTEREIP,
      .hostState),
    natural(
      0x6c14, "hostRSP", "Host RSP", \.hostRSP,
      .unchecked),
    natural(
      0x6c16, "hostRIP", "Host RIP", \.hostRIP,
      .hostState),
    natural(
      0x6c18, "hostSCET", "Host IA32_S_CET", \.hostSCET,
      .hostState, .exit(.loadCETState)),
    natural(
      0x6c1a, "hostSSP", "Host SSP", \.hostSSP,
      .hostState, .exit(.loadCETState)),
    natural(
      0x6c1c, "hostInterruptSSPTableAddress", "Host IA32_INTERRUPT_SSP_TABLE_ADDR",
      \.hostInterruptSSPTableAddress,
      .hostState, .exit(.loadCETState)),
  ]
}
