import CCapstone

// Encodings of general-register instructions with a VEX prefix, and of ADX, which share the maps of the
// vector instructions. What they do is in `InstructionForm.bitManipulation`.
extension VectorForm {
  static let generalRegisters: [VectorForm] = [
    general("andn", .none, 0x38f2, X86_INS_ANDN, .regVvvvRM, .bmi1),
    general("blsr", .none, 0x38f3, X86_INS_BLSR, .vvvvRM, .bmi1, digit: 1),
    general("blsmsk", .none, 0x38f3, X86_INS_BLSMSK, .vvvvRM, .bmi1, digit: 2),
    general("blsi", .none, 0x38f3, X86_INS_BLSI, .vvvvRM, .bmi1, digit: 3),
    general("bextr", .none, 0x38f7, X86_INS_BEXTR, .regRMVvvv, .bmi1),
    general("bzhi", .none, 0x38f5, X86_INS_BZHI, .regRMVvvv, .bmi2),
    general("pext", .xF3, 0x38f5, X86_INS_PEXT, .regVvvvRM, .bmi2),
    general("pdep", .xF2, 0x38f5, X86_INS_PDEP, .regVvvvRM, .bmi2),
    general("mulx", .xF2, 0x38f6, X86_INS_MULX, .regVvvvRM, .bmi2),
    general("shlx", .x66, 0x38f7, X86_INS_SHLX, .regRMVvvv, .bmi2),
    general("sarx", .xF3, 0x38f7, X86_INS_SARX, .regRMVvvv, .bmi2),
    general("shrx", .xF2, 0x38f7, X86_INS_SHRX, .regRMVvvv, .bmi2),
    general("rorx", .xF2, 0x3af0, X86_INS_RORX, .regRMImmediate, .bmi2, [.immediate]),
    VectorForm("adcx", .x66, 0x38f6, .general(X86_INS_ADCX, .regRM), .adx, [.legacyOnly]),
    VectorForm("adox", .xF3, 0x38f6, .general(X86_INS_ADOX, .regRM), .adx, [.legacyOnly]),
  ]

  private static func general(
    _ name: StaticString, _ prefix: MandatoryPrefix, _ opcode: UInt16, _ id: x86_insn,
    _ order: VectorShape.GeneralOrder, _ feature: CPUFeature,
    _ options: VectorFormOptions = [], digit: UInt8? = nil
  ) -> VectorForm {
    VectorForm(
      name, prefix, opcode, .general(id, order), feature, options.union([.vexOnly, .l0]),
      digit: digit)
  }
}
