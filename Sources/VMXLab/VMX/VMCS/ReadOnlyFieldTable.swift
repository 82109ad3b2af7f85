extension VMCSField {
  /// Every read-only data field, by width and index.
  ///
  /// Source: Intel SDM, "Field Encoding in VMCS".
  static let readOnlyDataFields: [VMCSField] = [
    quad(
      0x2400, "guestPhysicalAddress", "Guest-physical address", \.guestPhysicalAddress,
      .unchecked, .secondary(.enableEPT)),
    long(
      0x4400, "vmInstructionError", "VM-instruction error", \.vmInstructionError,
      .unchecked),
    long(
      0x4402, "exitReason", "Exit reason", \.exitReason,
      .unchecked),
    long(
      0x4404, "exitInterruptionInformation", "VM-exit interruption information",
      \.exitInterruptionInformation,
      .unchecked),
    long(
      0x4406, "exitInterruptionErrorCode", "VM-exit interruption error code",
      \.exitInterruptionErrorCode,
      .unchecked),
    long(
      0x4408, "idtVectoringInformation", "IDT-vectoring information field",
      \.idtVectoringInformation,
      .unchecked),
    long(
      0x440a, "idtVectoringErrorCode", "IDT-vectoring error code", \.idtVectoringErrorCode,
      .unchecked),
    long(
      0x440c, "exitInstructionLength", "VM-exit instruction length", \.exitInstructionLength,
      .unchecked),
    long(
      0x440e, "exitInstructionInformation", "VM-exit instruction information",
      \.exitInstructionInformation,
      .unchecked),
    natural(
      0x6400, "exitQualification", "Exit qualification", \.exitQualification,
      .unchecked),
    natural(
      0x6402, "ioRCX", "I/O RCX", \.ioRCX,
      .unchecked),
    natural(
      0x6404, "ioRSI", "I/O RSI", \.ioRSI,
      .unchecked),
    natural(
      0x6406, "ioRDI", "I/O RDI", \.ioRDI,
      .unchecked),
    natural(
      0x6408, "ioRIP", "I/O RIP", \.ioRIP,
      .unchecked),
    natural(
      0x640a, "guestLinearAddress", "Guest-linear address", \.guestLinearAddress,
      .unchecked),
  ]
}
