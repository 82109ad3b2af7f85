import FoundationEssentials
import VMXLab

/// A processor profile and its VMX capabilities in words, for people and as JSON.
struct ProcessorDescription: Encodable {
  let name: String
  let description: String
  let brand: String
  let family: UInt16
  let model: UInt16
  let stepping: UInt8
  /// Hertz.
  let frequency: UInt64
  let physicalAddressWidth: UInt8
  let linearAddressWidth: UInt8
  let vmx: VMX?

  /// What the VMX capability MSRs say.
  struct VMX: Encodable {
    /// The MSRs as RDMSR returns them, by the manual's name, in hexadecimal.
    let msrs: [String: String]
    let vmcsRevision: UInt32
    let vmcsRegionSize: UInt64
    let controls: [Controls]
    let eptAndVPID: [String]
    let cr3TargetCount: UInt64
    let msrListMaximum: UInt32
    /// The VMX-preemption timer counts down once in 2 to this power cycles of the TSC.
    let preemptionTimerShift: UInt64
    let activityStates: [String]
  }

  /// The controls of one kind.
  struct Controls: Encodable {
    /// The manual's name of the kind.
    let kind: String
    /// Controls that may be 1, and those of them that must be.
    let offered: [String]
    let required: [String]
  }

  init(_ profile: CPUProfile) {
    name = profile.name
    description = profile.description
    brand = profile.brand
    family = profile.family
    model = profile.model
    stepping = profile.stepping
    frequency = profile.frequency
    physicalAddressWidth = profile.physicalAddressWidth
    linearAddressWidth = profile.linearAddressWidth
    vmx = profile.vmxCapabilities.map(VMX.init)
  }

  /// The descriptions as a JSON list, keys sorted.
  static func json(_ descriptions: [ProcessorDescription]) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Numbers and text alone: encoding them does not fail.
    let data = (try? encoder.encode(descriptions)) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}

extension ProcessorDescription.VMX {
  init(_ capabilities: VMXCapabilities) {
    let values = capabilities.msrs
    msrs = Dictionary(
      uniqueKeysWithValues: Self.msrNames.compactMap { number, name in
        values.value(of: number).map { (name, "0x" + String($0, radix: 16)) }
      })
    vmcsRevision = UInt32(truncatingIfNeeded: values.basic) & 0x7fff_ffff
    vmcsRegionSize = values.basic >> 32 & 0x1fff
    controls = Self.controls(capabilities)
    eptAndVPID = capabilities.eptAndVPID.controlNames
    cr3TargetCount = (values.miscellaneous & VMXMiscellaneous.cr3TargetCount) >> 16
    msrListMaximum = capabilities.msrListMaximum
    preemptionTimerShift = values.miscellaneous & VMXMiscellaneous.timerRate
    let states: [(UInt64, String)] = [
      (VMXMiscellaneous.activityHLT, "HLT"), (VMXMiscellaneous.activityShutdown, "shutdown"),
      (VMXMiscellaneous.activityWaitForSIPI, "wait-for-SIPI"),
    ]
    activityStates =
      ["active"] + states.filter { values.miscellaneous & $0.0 != 0 }.map(\.1)
  }

  private static func controls(
    _ capabilities: VMXCapabilities
  ) -> [ProcessorDescription.Controls] {
    let msrs = capabilities.msrs
    let offered = capabilities.offeredControls
    let hasTrue = msrs.hasTrueControls
    let primary =
      hasTrue ? msrs.truePrimaryProcessorBasedControls : msrs.primaryProcessorBasedControls
    let all = [
      group(
        "Pin-based VM-execution controls", offered.pin,
        required: hasTrue ? msrs.truePinBasedControls : msrs.pinBasedControls),
      group("Primary processor-based VM-execution controls", offered.primary, required: primary),
      group(
        "Secondary processor-based VM-execution controls", offered.secondary,
        required: msrs.secondaryProcessorBasedControls),
      group("Tertiary processor-based VM-execution controls", offered.tertiary, required: 0),
      group(
        "Primary VM-exit controls", offered.exit,
        required: hasTrue ? msrs.trueExitControls : msrs.exitControls),
      group("Secondary VM-exit controls", offered.secondaryExit, required: 0),
      group(
        "VM-entry controls", offered.entry,
        required: hasTrue ? msrs.trueEntryControls : msrs.entryControls),
    ]
    return all.filter { !$0.offered.isEmpty }
  }

  /// - Parameter required: the capability MSR, whose bits 31:0 must be 1 in the word of controls.
  private static func group<Word: VMXControlWord>(
    _ kind: String, _ offered: Word, required msr: UInt64
  ) -> ProcessorDescription.Controls where Word.Element == Word {
    let required = Word(rawValue: Word.RawValue(truncatingIfNeeded: msr & 0xffff_ffff))
    return ProcessorDescription.Controls(
      kind: kind, offered: offered.controlNames,
      required: offered.intersection(required).controlNames)
  }

  private static let msrNames: [(UInt32, String)] = [
    (MSR.ia32VMXBasic, "IA32_VMX_BASIC"),
    (MSR.ia32VMXPinbasedCtls, "IA32_VMX_PINBASED_CTLS"),
    (MSR.ia32VMXProcbasedCtls, "IA32_VMX_PROCBASED_CTLS"),
    (MSR.ia32VMXExitCtls, "IA32_VMX_EXIT_CTLS"),
    (MSR.ia32VMXEntryCtls, "IA32_VMX_ENTRY_CTLS"),
    (MSR.ia32VMXMisc, "IA32_VMX_MISC"),
    (MSR.ia32VMXCR0Fixed0, "IA32_VMX_CR0_FIXED0"),
    (MSR.ia32VMXCR0Fixed1, "IA32_VMX_CR0_FIXED1"),
    (MSR.ia32VMXCR4Fixed0, "IA32_VMX_CR4_FIXED0"),
    (MSR.ia32VMXCR4Fixed1, "IA32_VMX_CR4_FIXED1"),
    (MSR.ia32VMXVMCSEnum, "IA32_VMX_VMCS_ENUM"),
    (MSR.ia32VMXProcbasedCtls2, "IA32_VMX_PROCBASED_CTLS2"),
    (MSR.ia32VMXEPTVPIDCap, "IA32_VMX_EPT_VPID_CAP"),
    (MSR.ia32VMXTruePinbasedCtls, "IA32_VMX_TRUE_PINBASED_CTLS"),
    (MSR.ia32VMXTrueProcbasedCtls, "IA32_VMX_TRUE_PROCBASED_CTLS"),
    (MSR.ia32VMXTrueExitCtls, "IA32_VMX_TRUE_EXIT_CTLS"),
    (MSR.ia32VMXTrueEntryCtls, "IA32_VMX_TRUE_ENTRY_CTLS"),
    (MSR.ia32VMXVMFunc, "IA32_VMX_VMFUNC"),
    (MSR.ia32VMXProcbasedCtls3, "IA32_VMX_PROCBASED_CTLS3"),
    (MSR.ia32VMXExitCtls2, "IA32_VMX_EXIT_CTLS2"),
  ]
}

extension ProcessorDescription {
  /// The description for people to read, in lines.
  var text: String {
    var lines = [
      "\(name): \(description)",
      "  \(brand)",
      "  family \(family), model \(model), stepping \(stepping), \(Self.gigahertz(frequency)) GHz",
      "  physical addresses of \(physicalAddressWidth) bits, linear ones of \(linearAddressWidth)",
    ]
    lines += vmx.map(Self.lines) ?? ["  no VMX"]
    return lines.map { $0 + "\n" }.joined()
  }

  private static func lines(_ vmx: VMX) -> [String] {
    var lines = [
      "  VMX",
      "    VMCS revision 0x\(String(vmx.vmcsRevision, radix: 16)), region of \(vmx.vmcsRegionSize) bytes",
      "    \(vmx.cr3TargetCount) CR3-target values, MSR lists of up to \(vmx.msrListMaximum) entries",
      "    the VMX-preemption timer counts once in \(UInt64(1) << vmx.preemptionTimerShift) cycles",
      "    activity states: \(vmx.activityStates.joined(separator: ", "))",
    ]
    for group in vmx.controls {
      lines.append("    \(group.kind)")
      for control in group.offered {
        lines.append("      \(control)\(group.required.contains(control) ? " (must be 1)" : "")")
      }
    }
    if !vmx.eptAndVPID.isEmpty {
      lines.append("    EPT and VPID")
      lines += vmx.eptAndVPID.map { "      \($0)" }
    }
    return lines
  }

  /// Billions with one decimal.
  private static func gigahertz(_ hertz: UInt64) -> String {
    let tenths = (hertz + 50_000_000) / 100_000_000
    return "\(tenths / 10).\(tenths % 10)"
  }
}
