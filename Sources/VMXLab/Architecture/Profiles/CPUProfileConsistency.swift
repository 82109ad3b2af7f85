extension CPUProfile {
  /// What the profile's data contradict: rules of the manual that no processor breaks. Empty for a
  /// sound profile.
  ///
  /// Sources: Intel SDM, "VMX Capability Reporting Facility" and "CPUID—CPU Identification".
  public var inconsistencies: [String] {
    var reasons = cpuidInconsistencies
    guard leaf(1).map({ $0.ecx >> 5 & 1 == 1 }) ?? false else {
      if !vmxCapabilityMSRs.isEmpty {
        reasons.append("there are VMX capability MSRs, but CPUID.1:ECX.VMX[5] is 0")
      }
      return reasons
    }
    reasons += vmxInconsistencies
    return reasons
  }

  private var cpuidInconsistencies: [String] {
    var reasons: [String] = []
    if !(32...52).contains(physicalAddressWidth) {
      reasons.append("a physical-address width of \(physicalAddressWidth) bits is not in 32 to 52")
    }
    if linearAddressWidth != 48 && linearAddressWidth != 57 {
      reasons.append("a linear-address width of \(linearAddressWidth) bits is neither 48 nor 57")
    }
    let hasLA57 = leaf(7, 0).map { $0.ecx >> 16 & 1 == 1 } ?? false
    if hasLA57 != (linearAddressWidth == 57) {
      reasons.append(
        "CPUID.7.0:ECX.LA57[16] is \(hasLA57 ? 1 : 0) with a linear-address width of "
          + "\(linearAddressWidth) bits")
    }
    let highestBasic = leaf(0)?.eax ?? 0
    let highestExtended = leaf(0x8000_0000)?.eax ?? 0
    for row in cpuid {
      let highest = row.leaf < 0x8000_0000 ? highestBasic : highestExtended
      if row.leaf > highest {
        reasons.append(
          "CPUID leaf \(hexadecimal(row.leaf)) is above the highest, \(hexadecimal(highest))")
      }
    }
    if leaf(0x8000_0001).map({ $0.edx >> 29 & 1 == 0 }) ?? true {
      reasons.append("CPUID.80000001H:EDX.LM[29] is 0: only parts with Intel 64 are emulated")
    }
    return reasons
  }

  private var vmxInconsistencies: [String] {
    var reasons: [String] = []
    let msr = { (number: UInt32) in vmxCapabilityMSRs[number] }
    func need(_ number: UInt32, because: String) {
      if msr(number) == nil {
        reasons.append("MSR \(hexadecimal(number)) is missing: \(because)")
      }
    }
    func refuse(_ number: UInt32, because: String) {
      if msr(number) != nil {
        reasons.append("MSR \(hexadecimal(number)) is there: \(because)")
      }
    }

    for number in vmxCapabilityMSRs.keys.sorted() where !(0x480...0x493).contains(number) {
      reasons.append("MSR \(hexadecimal(number)) is not a VMX capability MSR (0x480 to 0x493)")
    }
    for number in UInt32(0x480)...0x48a { need(number, because: "every part with VMX has it") }
    let basic = msr(MSR.ia32VMXBasic) ?? 0
    if basic >> 31 & 1 == 1 { reasons.append("IA32_VMX_BASIC[31] is 1") }
    if !(1...4096).contains(basic >> 32 & 0x1fff) {
      reasons.append("a VMCS region of \(basic >> 32 & 0x1fff) bytes is not in 1 to 4096")
    }

    for number in UInt32(0x48d)...0x490 {
      if basic >> 55 & 1 == 1 {
        need(number, because: "IA32_VMX_BASIC[55] is 1")
      } else {
        refuse(number, because: "IA32_VMX_BASIC[55] is 0")
      }
    }
    let primary = VMXAllowedSettings(msr(MSR.ia32VMXProcbasedCtls) ?? 0)
    let secondary = VMXAllowedSettings(msr(MSR.ia32VMXProcbasedCtls2) ?? 0)
    if primary.mayBe1 >> 31 & 1 == 1 {
      need(0x48b, because: "\"activate secondary controls\" is offered")
    } else {
      refuse(0x48b, because: "\"activate secondary controls\" is not offered")
    }
    if secondary.mayBe1 & (1 << 1 | 1 << 5) != 0 {
      need(0x48c, because: "\"enable EPT\" or \"enable VPID\" is offered")
    } else {
      refuse(0x48c, because: "neither \"enable EPT\" nor \"enable VPID\" is offered")
    }
    if secondary.mayBe1 >> 13 & 1 == 1 {
      need(0x491, because: "\"enable VM functions\" is offered")
    } else {
      refuse(0x491, because: "\"enable VM functions\" is not offered")
    }
    if primary.mayBe1 >> 17 & 1 == 1 {
      need(0x492, because: "\"activate tertiary controls\" is offered")
    } else {
      refuse(0x492, because: "\"activate tertiary controls\" is not offered")
    }
    if (msr(MSR.ia32VMXExitCtls) ?? 0) >> 63 == 1 {
      need(0x493, because: "\"activate secondary controls\" (VM-exit) is offered")
    } else {
      refuse(0x493, because: "\"activate secondary controls\" (VM-exit) is not offered")
    }

    reasons += controlInconsistencies
    reasons += fixedBitInconsistencies
    return reasons
  }

  private var controlInconsistencies: [String] {
    var reasons: [String] = []
    let names: [(number: UInt32, name: String, trueNumber: UInt32?)] = [
      (MSR.ia32VMXPinbasedCtls, "pin-based", MSR.ia32VMXTruePinbasedCtls),
      (MSR.ia32VMXProcbasedCtls, "primary processor-based", MSR.ia32VMXTrueProcbasedCtls),
      (MSR.ia32VMXExitCtls, "VM-exit", MSR.ia32VMXTrueExitCtls),
      (MSR.ia32VMXEntryCtls, "VM-entry", MSR.ia32VMXTrueEntryCtls),
      (MSR.ia32VMXProcbasedCtls2, "secondary processor-based", nil),
    ]
    for (number, name, trueNumber) in names {
      guard let value = vmxCapabilityMSRs[number] else { continue }
      let settings = VMXAllowedSettings(value)
      if settings.mustBe1 & ~settings.mayBe1 != 0 {
        reasons.append(
          "\(name) controls \(hexadecimal(settings.mustBe1 & ~settings.mayBe1)) must be 1 and may not"
        )
      }
      if let defaults = VMXAllowedSettings.default1[number],
        settings.mustBe1 & defaults != defaults
      {
        reasons.append("\(name) controls: a default1 control is not reported as one that must be 1")
      }
      guard let trueNumber, let trueValue = vmxCapabilityMSRs[trueNumber] else { continue }
      let trueSettings = VMXAllowedSettings(trueValue)
      if trueSettings.mayBe1 != settings.mayBe1 {
        reasons.append("\(name) controls: the TRUE MSR allows other controls to be 1")
      }
      let defaults = VMXAllowedSettings.default1[number] ?? 0
      if trueSettings.mustBe1 & ~settings.mustBe1 != 0
        || settings.mustBe1 & ~trueSettings.mustBe1 & ~defaults != 0
      {
        reasons.append("\(name) controls: the TRUE MSR differs in a control that is not default1")
      }
    }
    if let value = vmxCapabilityMSRs[MSR.ia32VMXProcbasedCtls2],
      UInt32(truncatingIfNeeded: value) != 0
    {
      reasons.append("IA32_VMX_PROCBASED_CTLS2[31:0] is not 0")
    }
    return reasons
  }

  private var fixedBitInconsistencies: [String] {
    var reasons: [String] = []
    for (name, fixed0, fixed1) in [
      ("CR0", MSR.ia32VMXCR0Fixed0, MSR.ia32VMXCR0Fixed1),
      ("CR4", MSR.ia32VMXCR4Fixed0, MSR.ia32VMXCR4Fixed1),
    ] {
      let must = vmxCapabilityMSRs[fixed0] ?? 0
      let may = vmxCapabilityMSRs[fixed1] ?? 0
      if must & ~may != 0 {
        reasons.append("\(name) bits \(hexadecimal(must & ~may)) must be 1 and may not")
      }
    }
    let cr4 = vmxCapabilityMSRs[MSR.ia32VMXCR4Fixed0] ?? 0
    if cr4 & CR4.vmxe.rawValue == 0 {
      reasons.append("IA32_VMX_CR4_FIXED0 does not require CR4.VMXE")
    }
    return reasons
  }
}
