/// VMX capability MSRs decoded by the manual's names.
///
/// Works on raw MSR values, so that a part's own capabilities and those that a machine offers are
/// shown alike.
///
/// Source: Intel SDM, "VMX Capability Reporting Facility".
public struct VMXCapabilityReport: Equatable, Sendable, Codable {
  /// One control, and what a VMM may do with it.
  public struct Control: Equatable, Sendable, Codable {
    public var bit: Int
    public var name: String
    public var setting: VMXControlSetting
  }

  /// The controls that one MSR reports.
  public struct Controls: Equatable, Sendable, Codable {
    /// Such as `Pin-based VM-execution controls`.
    public var name: String
    /// The MSR read: the TRUE one where the part has it.
    public var msr: String
    public var controls: [Control]
  }

  /// A capability that is there or not.
  public struct Flag: Equatable, Sendable, Codable {
    public var bit: Int
    public var name: String
    public var isSupported: Bool
  }

  /// A bit of a control register in VMX operation.
  public struct FixedBit: Equatable, Sendable, Codable {
    public var bit: Int
    public var name: String
    public var setting: VMXControlSetting
  }

  /// The raw values, by MSR number in hexadecimal.
  public var msrs: [String: String]
  /// The VMCS revision identifier.
  public var revisionIdentifier: UInt32
  /// Bytes of a VMCS or VMXON region.
  public var regionSize: Int
  /// The memory type for VMCS accesses, such as `write back`.
  public var memoryType: String
  /// Flags of IA32_VMX_BASIC.
  public var basic: [Flag]
  /// Control groups, in the order of their MSRs.
  public var controls: [Controls]
  /// IA32_VMX_EPT_VPID_CAP; empty where the part has neither EPT nor VPID.
  public var eptVPID: [Flag]
  /// IA32_VMX_VMFUNC; empty where the part has no VM functions.
  public var vmFunctions: [Flag]
  /// Flags of IA32_VMX_MISC.
  public var miscellaneous: [Flag]
  /// The VMX-preemption timer counts down when this bit of the TSC changes.
  public var preemptionTimerTSCBit: Int
  /// How many CR3-target values there are.
  public var cr3TargetCount: Int
  /// The recommended maximum of entries in an MSR area.
  public var maximumMSRListEntries: Int
  /// The MSEG revision identifier.
  public var msegRevisionIdentifier: UInt32
  /// The highest index of any VMCS field's encoding.
  public var highestVMCSFieldIndex: Int
  /// Bits of CR0 and CR4 in VMX operation.
  public var cr0: [FixedBit]
  public var cr4: [FixedBit]

  /// Decodes the MSRs `values`; one that is absent is taken as 0.
  public init(msrs values: [UInt32: UInt64]) {
    func value(_ number: UInt32) -> UInt64 { values[number] ?? 0 }
    let basic = value(MSR.ia32VMXBasic)
    let misc = value(MSR.ia32VMXMisc)

    msrs = Dictionary(
      uniqueKeysWithValues: values.map { (hexadecimal($0.key), hexadecimal($0.value, digits: 16)) })
    revisionIdentifier = UInt32(truncatingIfNeeded: basic) & 0x7fff_ffff
    regionSize = Int(truncatingIfNeeded: basic >> 32 & 0x1fff)
    memoryType =
      switch basic >> 50 & 0xf {
      case 0: "uncacheable"
      case 6: "write back"
      default: "reserved (\(basic >> 50 & 0xf))"
      }
    self.basic = Self.flags(basic, VMXControlNames.basicFlags)
    controls = Self.groups.compactMap { group in
      let number = group.trueNumber.flatMap { values[$0] == nil ? nil : $0 } ?? group.number
      return values[number].map { value in
        Controls(name: group.name, msr: hexadecimal(number), controls: group.decode(value))
      }
    }
    eptVPID =
      values[MSR.ia32VMXEPTVPIDCap].map { Self.flags($0, VMXControlNames.eptVPID) } ?? []
    vmFunctions =
      values[MSR.ia32VMXVMFunc].map { Self.flags($0, VMXControlNames.vmFunctions) } ?? []
    miscellaneous = Self.flags(misc, VMXControlNames.miscellaneousFlags)
    preemptionTimerTSCBit = Int(truncatingIfNeeded: misc & 0x1f)
    cr3TargetCount = Int(truncatingIfNeeded: misc >> 16 & 0x1ff)
    maximumMSRListEntries = 512 &* (Int(truncatingIfNeeded: misc >> 25 & 7) &+ 1)
    msegRevisionIdentifier = UInt32(truncatingIfNeeded: misc >> 32)
    highestVMCSFieldIndex = Int(truncatingIfNeeded: value(MSR.ia32VMXVMCSEnum) >> 1 & 0x1ff)
    cr0 = Self.fixedBits(
      VMXControlNames.cr0, must: value(MSR.ia32VMXCR0Fixed0), may: value(MSR.ia32VMXCR0Fixed1))
    cr4 = Self.fixedBits(
      VMXControlNames.cr4, must: value(MSR.ia32VMXCR4Fixed0), may: value(MSR.ia32VMXCR4Fixed1))
  }

  private static func flags(_ value: UInt64, _ names: [VMXControlNames.Name]) -> [Flag] {
    names.map { Flag(bit: Int($0.bit), name: $0.name, isSupported: value >> $0.bit & 1 == 1) }
  }

  private static func fixedBits(
    _ names: [VMXControlNames.Name], must: UInt64, may: UInt64
  ) -> [FixedBit] {
    names.map { bit, name in
      let setting: VMXControlSetting =
        may >> bit & 1 == 0 ? .fixed0 : must >> bit & 1 == 1 ? .fixed1 : .flexible
      return FixedBit(bit: Int(bit), name: name, setting: setting)
    }
  }

  /// A group of controls and how its MSR reports them.
  private struct Group {
    enum Format { case allowedSettings, allowed1Only }
    var name: String
    var number: UInt32
    var trueNumber: UInt32?
    var format: Format
    var names: [VMXControlNames.Name]

    func decode(_ value: UInt64) -> [Control] {
      names.map { bit, name in
        let setting: VMXControlSetting =
          switch format {
          case .allowedSettings: VMXAllowedSettings(value).setting(of: bit)
          case .allowed1Only: value >> bit & 1 == 1 ? .flexible : .fixed0
          }
        return Control(bit: Int(bit), name: name, setting: setting)
      }
    }
  }

  private static let groups: [Group] = [
    Group(
      name: "Pin-based VM-execution controls", number: MSR.ia32VMXPinbasedCtls,
      trueNumber: MSR.ia32VMXTruePinbasedCtls, format: .allowedSettings,
      names: VMXControlNames.pinBased),
    Group(
      name: "Primary processor-based VM-execution controls", number: MSR.ia32VMXProcbasedCtls,
      trueNumber: MSR.ia32VMXTrueProcbasedCtls, format: .allowedSettings,
      names: VMXControlNames.primaryProcessorBased),
    Group(
      name: "Secondary processor-based VM-execution controls", number: MSR.ia32VMXProcbasedCtls2,
      trueNumber: nil, format: .allowedSettings, names: VMXControlNames.secondaryProcessorBased),
    Group(
      name: "Tertiary processor-based VM-execution controls", number: MSR.ia32VMXProcbasedCtls3,
      trueNumber: nil, format: .allowed1Only, names: VMXControlNames.tertiaryProcessorBased),
    Group(
      name: "VM-exit controls", number: MSR.ia32VMXExitCtls, trueNumber: MSR.ia32VMXTrueExitCtls,
      format: .allowedSettings, names: VMXControlNames.primaryExit),
    Group(
      name: "Secondary VM-exit controls", number: MSR.ia32VMXExitCtls2, trueNumber: nil,
      format: .allowed1Only, names: VMXControlNames.secondaryExit),
    Group(
      name: "VM-entry controls", number: MSR.ia32VMXEntryCtls, trueNumber: MSR.ia32VMXTrueEntryCtls,
      format: .allowedSettings, names: VMXControlNames.entry),
  ]
}

extension VMXCapabilityReport {
  /// The report as lines of text.
  public var lines: [String] {
    func yesOrNo(_ flag: Flag) -> String {
      "  \(flag.isSupported ? "yes" : "no ")         \(flag.name)"
    }
    var lines = [
      "Basic VMX information",
      "  VMCS revision identifier \(hexadecimal(revisionIdentifier)), regions of \(regionSize) bytes, \(memoryType)",
    ]
    lines += basic.map(yesOrNo)
    for group in controls {
      lines.append("\(group.name) (MSR \(group.msr))")
      for control in group.controls {
        lines.append("  \(control.setting.padded)  \(control.name) [\(control.bit)]")
      }
    }
    if !eptVPID.isEmpty {
      lines.append("EPT and VPID capabilities")
      lines += eptVPID.map(yesOrNo)
    }
    if !vmFunctions.isEmpty {
      lines.append("VM functions")
      lines += vmFunctions.map(yesOrNo)
    }
    lines += [
      "Miscellaneous data",
      "  VMX-preemption timer: TSC bit \(preemptionTimerTSCBit); CR3-target values: \(cr3TargetCount); MSR-list entries: \(maximumMSRListEntries)",
      "  MSEG revision identifier \(hexadecimal(msegRevisionIdentifier)); highest VMCS field index \(hexadecimal(highestVMCSFieldIndex))",
    ]
    lines += miscellaneous.map(yesOrNo)
    for (register, bits) in [("CR0", cr0), ("CR4", cr4)] {
      lines.append("\(register) in VMX operation")
      for setting in [VMXControlSetting.fixed1, .fixed0, .flexible] {
        let names = bits.filter { $0.setting == setting }.map(\.name)
        if !names.isEmpty { lines.append("  \(setting.padded)  \(names.joined(separator: " "))") }
      }
    }
    return lines
  }
}

extension VMXControlSetting {
  /// The text in a column of 10.
  fileprivate var padded: String {
    rawValue + String(repeating: " ", count: max(0, 10 - rawValue.count))
  }
}
