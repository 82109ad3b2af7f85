// Capabilities of processors that VMXLab does not emulate: dumps come from real parts.

extension CPUProfile {
  /// The VMX capabilities of the real part, with everything that VMXLab has not built; nil for a part
  /// without VMX. Which bits an MSR has where the profile does not tell is answered generously.
  public var partVMXCapabilities: VMXCapabilities? {
    guard leaf(1).map({ $0.ecx >> 5 & 1 != 0 }) ?? false else { return nil }
    func has(_ leaf: UInt32, _ register: CPUIDRegister, _ bit: UInt32) -> Bool {
      self.leaf(leaf).map { $0[register] >> bit & 1 != 0 } ?? false
    }
    var facts = VMXProcessorFacts()
    facts.physicalAddressWidth = physicalAddressWidth
    facts.linearAddressWidth = linearAddressWidth
    facts.eferBits =
      (has(0x8000_0001, .edx, 11) ? 1 : 0) | (has(0x8000_0001, .edx, 29) ? 0x500 : 0)
      | (has(0x8000_0001, .edx, 20) ? 0x800 : 0)
    facts.hasRTM = has(7, .ebx, 11)
    facts.hasSGX = has(7, .ebx, 2)
    facts.hasBusLockDetection = has(7, .ecx, 24)
    facts.debugCtlBits =
      Self.debugCtlBits & ~(facts.hasRTM ? 0 : 1 << 15)
      & ~(facts.hasBusLockDetection ? 0 : 1 << 2)
    facts.perfGlobalCtrlBits = perfGlobalCtrlBits
    facts.rtitCtlBits = has(7, .ebx, 25) ? .max : 0
    facts.lbrCtlBits = has(7, .edx, 19) ? .max : 0
    return VMXCapabilities(part: vmxMSRs, facts: facts, built: .everything)
  }

  /// IA32_DEBUGCTL: LBR, BTF, bus-lock detection, TR to FREEZE_WHILE_SMM, RTM debug.
  fileprivate static let debugCtlBits: UInt64 = 0xffc7

  /// The counters that CPUID leaf 0AH enumerates.
  private var perfGlobalCtrlBits: UInt64 {
    guard let leaf = leaf(0xa), leaf.eax & 0xff != 0 else { return 0 }
    let general = UInt64(leaf.eax >> 8 & 0xff)
    let fixed = leaf.eax & 0xff > 1 ? UInt64(leaf.edx & 0x1f) : 0
    let metrics: UInt64 = leaf.eax & 0xff >= 5 ? 1 << 48 : 0
    return (1 << min(general, 32) - 1) | (1 << min(fixed, 16) - 1) << 32 | metrics
  }
}

extension BuiltControls {
  /// As if everything were built.
  static let everything = BuiltControls(
    controls: VMXControlSet(
      pin: .init(rawValue: .max), primary: .init(rawValue: .max),
      secondary: .init(rawValue: .max), tertiary: .init(rawValue: .max),
      exit: .init(rawValue: .max), secondaryExit: .init(rawValue: .max),
      entry: .init(rawValue: .max)),
    eptAndVPID: .init(rawValue: .max), vmFunctions: .init(rawValue: .max), miscellaneous: .max)
}

extension VMXCapabilities {
  /// What any processor could offer: every control that the manual names, the widest addresses, the
  /// fewest settings that are required. A rule that is broken here is broken everywhere.
  ///
  /// Source: Intel SDM, "Reserved Controls and Default Settings", "Consistent CR0 and CR4 fixed bits".
  public static let ofAnyProcessor: VMXCapabilities = {
    func allowing<Word: VMXControlWord>(_ word: Word.Type, _ required: UInt32) -> UInt64
    where Word.RawValue == UInt32 {
      let named = Word.names.reduce(0 as UInt32) { $0 | $1.control.rawValue }
      return UInt64(named | required) << 32 | UInt64(required)
    }
    func all<Word: VMXControlWord>(_ word: Word.Type) -> UInt64 {
      Word.names.reduce(0 as UInt64) { $0 | UInt64(truncatingIfNeeded: $1.control.rawValue) }
    }
    var part = VMXCapabilityMSRs()
    part.basic = VMXCapabilityMSRs.trueControls | VMXCapabilityMSRs.anyErrorCode
    part.pinBasedControls = allowing(PinBasedControls.self, 0x16)
    part.primaryProcessorBasedControls = allowing(
      PrimaryProcessorBasedControls.self, 0x0400_6172)
    part.secondaryProcessorBasedControls = allowing(SecondaryProcessorBasedControls.self, 0)
    part.tertiaryProcessorBasedControls = all(TertiaryProcessorBasedControls.self)
    part.exitControls = allowing(VMExitControls.self, 0x0003_6dfb)
    part.secondaryExitControls = all(SecondaryVMExitControls.self)
    part.entryControls = allowing(VMEntryControls.self, 0x0000_11fb)
    part.truePinBasedControls = part.pinBasedControls
    part.truePrimaryProcessorBasedControls = part.primaryProcessorBasedControls
    part.trueExitControls = part.exitControls
    part.trueEntryControls = part.entryControls
    part.miscellaneous = 0x7fff_ffff
    part.cr0Fixed0 = 0x8000_0021
    part.cr0Fixed1 = 0xffff_ffff
    part.cr4Fixed0 = 0x2000
    part.cr4Fixed1 = 0x1_1bff_7fff
    part.eptAndVPID = .max
    part.vmFunctions = .max
    var facts = VMXProcessorFacts()
    facts.physicalAddressWidth = 52
    facts.linearAddressWidth = 57
    facts.eferBits = 0xd01
    facts.debugCtlBits = CPUProfile.debugCtlBits
    facts.perfGlobalCtrlBits = .max
    facts.rtitCtlBits = .max
    facts.lbrCtlBits = .max
    facts.hasRTM = true
    facts.hasSGX = true
    facts.hasBusLockDetection = true
    return VMXCapabilities(part: part, facts: facts, built: .everything)
  }()
}
