extension VMEntryRuleCatalogue {
  /// The rules of "VM-Entry Control Fields".
  static let entryControlsRules: [VMEntryRuleEntry] = [
    .init(
      .entryControlsReserved, .entryControls,
      """
      Each VM-entry control must have a setting that IA32_VMX_ENTRY_CTLS (or its TRUE variant) \
      allows.
      """,
      ["vmEntryControls"]),
    .init(
      .injectionType, .entryControls,
      """
      The type of an injected event must not be 1 (reserved), nor 7 (other event) on a processor \
      without "monitor trap flag".
      """,
      ["entryInterruptionInformation"]),
    .init(
      .injectionNMIVector, .entryControls,
      "The vector of an injected NMI must be 2.",
      ["entryInterruptionInformation"]),
    .init(
      .injectionExceptionVector, .entryControls,
      "The vector of an injected hardware exception must not exceed 31.",
      ["entryInterruptionInformation"]),
    .init(
      .injectionOtherEventVector, .entryControls,
      "The vector of an injected \"other event\" must be 0, a pending MTF VM exit.",
      ["entryInterruptionInformation"]),
    .init(
      .injectionErrorCodeForbidden, .entryControls,
      """
      "Deliver error code" must be 0 unless a hardware exception is injected into protected mode \
      and, where IA32_VMX_BASIC[56] is 0, its vector is one that has an error code.
      """,
      ["entryInterruptionInformation", "guestCR0"]),
    .init(
      .injectionErrorCodeRequired, .entryControls,
      """
      "Deliver error code" must be 1 if a hardware exception whose vector has an error code is \
      injected into protected mode, where IA32_VMX_BASIC[56] is 0.
      """,
      ["entryInterruptionInformation", "guestCR0"]),
    .init(
      .injectionReserved, .entryControls,
      "Bits 30:12 of the VM-entry interruption-information field must be 0 if the field is valid.",
      ["entryInterruptionInformation"]),
    .init(
      .injectionErrorCodeValue, .entryControls,
      "With \"deliver error code\", bits 31:16 of the VM-entry exception error code must be 0.",
      ["entryExceptionErrorCode", "entryInterruptionInformation"]),
    .init(
      .injectionInstructionLength, .entryControls,
      """
      The VM-entry instruction length must not exceed 15 if a software interrupt or software \
      exception is injected.
      """,
      ["entryInstructionLength", "entryInterruptionInformation"]),
    .init(
      .injectionInstructionLengthZero, .entryControls,
      """
      The VM-entry instruction length must not be 0 if a software interrupt or software \
      exception is injected and IA32_VMX_MISC[30] is 0.
      """,
      ["entryInstructionLength", "entryInterruptionInformation"]),
    .init(
      .entryMSRLoadAligned, .entryControls,
      """
      With a VM-entry MSR-load count other than 0, bits 3:0 of the VM-entry MSR-load address \
      must be 0.
      """,
      ["entryMSRLoadAddress", "entryMSRLoadCount"]),
    .init(
      .entryMSRLoadWidth, .entryControls,
      """
      With a VM-entry MSR-load count other than 0, the VM-entry MSR-load address must not exceed \
      the physical-address width.
      """,
      ["entryMSRLoadAddress", "entryMSRLoadCount"]),
    .init(
      .entryMSRLoadEnd, .entryControls,
      """
      With a VM-entry MSR-load count other than 0, the last byte of the VM-entry MSR-load area \
      must not exceed the physical-address width.
      """,
      ["entryMSRLoadCount", "entryMSRLoadAddress"]),
    .init(
      .entryToSMMOutsideSMM, .entryControls,
      "\"Entry to SMM\" must be 0 if the processor is not in SMM.",
      ["vmEntryControls"]),
    .init(
      .deactivateDualMonitorOutsideSMM, .entryControls,
      "\"Deactivate dual-monitor treatment\" must be 0 if the processor is not in SMM.",
      ["vmEntryControls"]),
    .init(
      .smmControlsExclusive, .entryControls,
      "\"Entry to SMM\" and \"deactivate dual-monitor treatment\" must not both be 1.",
      ["vmEntryControls"]),
  ]
}
