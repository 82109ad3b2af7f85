/// The settings that VM entry accepts in one word of controls.
struct ControlLimits<Word: FixedWidthInteger & Sendable>: Sendable, Equatable {
  /// Bits that must be 1 (allowed 0-settings of the capability MSR).
  var required: Word = 0
  /// Bits that may be 1 (allowed 1-settings).
  var allowed: Word = 0

  /// The bits of `value` that are set wrongly; 0 when the value is acceptable.
  @inline(__always) func faults(in value: Word) -> Word {
    (required & ~value) | (value & ~allowed)
  }
}

/// Facts about a processor, beside its VMX capability MSRs, that VM entry checks against.
public struct VMXProcessorFacts: Sendable, Equatable {
  /// MAXPHYADDR, in bits.
  public var physicalAddressWidth: UInt8 = 46
  /// The number of linear-address bits, 48 or 57.
  public var linearAddressWidth: UInt8 = 48
  /// Bits that IA32_EFER has.
  public var eferBits: UInt64 = 0xd01
  /// Bits that IA32_DEBUGCTL has.
  public var debugCtlBits: UInt64 = 0x3
  /// Bits that IA32_PERF_GLOBAL_CTRL has.
  public var perfGlobalCtrlBits: UInt64 = 0x7_0000_000f
  /// Bits that IA32_S_CET has.
  public var sCETBits: UInt64 = ~0x3c0
  /// Bits that IA32_RTIT_CTL has.
  public var rtitCtlBits: UInt64 = 0
  /// Bits that IA32_LBR_CTL has.
  public var lbrCtlBits: UInt64 = 0
  /// Whether CPUID enumerates RTM.
  public var hasRTM = false
  /// Whether CPUID enumerates SGX.
  public var hasSGX = false
  /// Whether CPUID enumerates OS bus-lock detection, whose traps bit 11 of the pending debug
  /// exceptions stands for.
  public var hasBusLockDetection = false

  /// The facts of a plain processor; set what differs.
  public init() {}
}

/// What a virtual processor offers of VMX: the capability MSRs and what VM entry derives from them.
///
/// A plain value without references, so that checks can read it through a pointer.
public struct VMXCapabilities: Sendable, Equatable {
  /// The MSRs as the guest reads them.
  public let msrs: VMXCapabilityMSRs
  /// The other facts that checks need.
  public let facts: VMXProcessorFacts
  /// The controls that can be 1.
  public let offeredControls: VMXControlSet

  let pin: ControlLimits<UInt32>
  let primary: ControlLimits<UInt32>
  let secondary: ControlLimits<UInt32>
  let exit: ControlLimits<UInt32>
  let entry: ControlLimits<UInt32>

  /// Bits that a physical address of a VMX structure must not set: those beyond the processor's
  /// physical-address width, or beyond 32 bits where IA32_VMX_BASIC[48] is 1.
  let structureAddressReserved: UInt64
  /// Bits beyond the processor's physical-address width.
  let physicalAddressReserved: UInt64

  /// The capabilities of a part whose MSRs read `part`, without what is not `built`.
  ///
  /// What depends on a control that is left out is left out too. The VMCS revision identifier and
  /// region size are those of ``VMCSRegion``, and IA32_VMX_VMCS_ENUM counts the fields offered.
  public init(
    part: VMXCapabilityMSRs, facts: VMXProcessorFacts, built: BuiltControls = .current
  ) {
    var real = VMXControlSet()
    real.pin = .init(rawValue: Self.high(part.pinBasedControls))
    real.primary = .init(rawValue: Self.high(part.primaryProcessorBasedControls))
    real.secondary = .init(rawValue: Self.high(part.secondaryProcessorBasedControls))
    real.tertiary = .init(rawValue: part.tertiaryProcessorBasedControls)
    real.exit = .init(rawValue: Self.high(part.exitControls))
    real.secondaryExit = .init(rawValue: part.secondaryExitControls)
    real.entry = .init(rawValue: Self.high(part.entryControls))
    let offered = real.intersection(built.controls).withoutUnusableControls()

    var msrs = part
    let identity = UInt64(VMCSRegion.revisionIdentifier) | UInt64(VMCSRegion.size) << 32
    msrs.basic = part.basic & ~0x1fff_ffff_ffff | identity
    msrs.pinBasedControls = Self.limit(
      part.pinBasedControls, to: offered.pin.rawValue | Self.pinDefault1)
    msrs.primaryProcessorBasedControls = Self.limit(
      part.primaryProcessorBasedControls, to: offered.primary.rawValue | Self.primaryDefault1)
    msrs.secondaryProcessorBasedControls = Self.limit(
      part.secondaryProcessorBasedControls, to: offered.secondary.rawValue)
    msrs.tertiaryProcessorBasedControls = offered.tertiary.rawValue
    msrs.exitControls = Self.limit(part.exitControls, to: offered.exit.rawValue | Self.exitDefault1)
    msrs.secondaryExitControls = offered.secondaryExit.rawValue
    msrs.entryControls = Self.limit(
      part.entryControls, to: offered.entry.rawValue | Self.entryDefault1)
    if part.hasTrueControls {
      msrs.truePinBasedControls = Self.limit(
        part.truePinBasedControls, to: offered.pin.rawValue | Self.pinDefault1)
      msrs.truePrimaryProcessorBasedControls = Self.limit(
        part.truePrimaryProcessorBasedControls, to: offered.primary.rawValue | Self.primaryDefault1)
      msrs.trueExitControls = Self.limit(
        part.trueExitControls, to: offered.exit.rawValue | Self.exitDefault1)
      msrs.trueEntryControls = Self.limit(
        part.trueEntryControls, to: offered.entry.rawValue | Self.entryDefault1)
    }

    var eptAndVPID = EPTAndVPIDCapabilities(rawValue: part.eptAndVPID)
    var builtEPTAndVPID = built.eptAndVPID.rawValue
    if offered.tertiary.contains(.enableHLAT) { builtEPTAndVPID |= 0x3f << 48 }
    eptAndVPID.formIntersection(EPTAndVPIDCapabilities(rawValue: builtEPTAndVPID))
    if !offered.secondary.contains(.enableEPT) { eptAndVPID.subtract(.eptBits) }
    if !offered.secondary.contains(.enableVPID) { eptAndVPID.subtract(.vpidBits) }
    msrs.eptAndVPID = eptAndVPID.rawValue
    msrs.vmFunctions =
      offered.secondary.contains(.enableVMFunctions)
      ? part.vmFunctions & built.vmFunctions.rawValue : 0
    msrs.miscellaneous = part.miscellaneous & built.miscellaneous

    // The enumeration counts the fields that the rest offers, so it is filled in last.
    msrs.vmcsEnumeration = 0
    let withoutEnumeration = VMXCapabilities(msrs: msrs, facts: facts, offered: offered)
    let fields = VMCSField.all.filter { $0.requirement.isMet(by: withoutEnumeration) }
    msrs.vmcsEnumeration = UInt64(fields.map(\.index).max() ?? 0) << 1
    self.init(msrs: msrs, facts: facts, offered: offered)
  }

  private init(msrs: VMXCapabilityMSRs, facts: VMXProcessorFacts, offered: VMXControlSet) {
    self.msrs = msrs
    self.facts = facts
    self.offeredControls = offered
    let hasTrue = msrs.hasTrueControls
    pin = Self.limits(hasTrue ? msrs.truePinBasedControls : msrs.pinBasedControls)
    primary = Self.limits(
      hasTrue ? msrs.truePrimaryProcessorBasedControls : msrs.primaryProcessorBasedControls)
    exit = Self.limits(hasTrue ? msrs.trueExitControls : msrs.exitControls)
    entry = Self.limits(hasTrue ? msrs.trueEntryControls : msrs.entryControls)
    secondary = Self.limits(msrs.secondaryProcessorBasedControls)
    physicalAddressReserved = ~0 << UInt64(facts.physicalAddressWidth)
    let limited = msrs.basic & VMXCapabilityMSRs.addressesLimitedTo32Bits != 0
    structureAddressReserved = limited ? ~0 << 32 : physicalAddressReserved
  }

  /// The highest number of MSRs that an MSR list may hold: 512 × (IA32_VMX_MISC[27:25] + 1), so at
  /// most 4096.
  public var msrListMaximum: UInt32 {
    let field = UInt32(truncatingIfNeeded: msrs.miscellaneous &>> 25) & 7
    return 512 &* (field &+ 1)
  }

  /// The number of CR3-target values, IA32_VMX_MISC[24:16].
  @inline(__always) var cr3TargetCount: UInt32 {
    UInt32(truncatingIfNeeded: msrs.miscellaneous &>> 16) & 0x1ff
  }

  /// IA32_VMX_EPT_VPID_CAP.
  public var eptAndVPID: EPTAndVPIDCapabilities { .init(rawValue: msrs.eptAndVPID) }

  /// Whether `address` is canonical for the processor's linear-address width.
  @inline(__always) func isCanonical(_ address: UInt64) -> Bool {
    isCanonicalAddress(address, width: facts.linearAddressWidth)
  }

  /// Controls of the default1 class: reserved, or 1 in the first processors with VMX.
  ///
  /// Source: Intel SDM, "Reserved Controls and Default Settings".
  private static let pinDefault1: UInt32 = 0x0000_0016
  private static let primaryDefault1: UInt32 = 0x0401_e172
  private static let exitDefault1: UInt32 = 0x0003_6dff
  private static let entryDefault1: UInt32 = 0x0000_11ff

  private static func high(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value &>> 32) }

  private static func limits(_ msr: UInt64) -> ControlLimits<UInt32> {
    ControlLimits(required: UInt32(truncatingIfNeeded: msr), allowed: high(msr))
  }

  /// A capability MSR with allowed 1-settings `mask` at most, and required settings among those.
  private static func limit(_ msr: UInt64, to mask: UInt32) -> UInt64 {
    let allowed = high(msr) & mask
    let required = UInt32(truncatingIfNeeded: msr) & allowed
    return UInt64(allowed) << 32 | UInt64(required)
  }
}

/// Whether `address` is canonical with `width` linear-address bits: bits 63:width-1 are all alike.
@inline(__always) func isCanonicalAddress(_ address: UInt64, width: UInt8) -> Bool {
  let shift = Int64(64 &- Int(width))
  let extended = (Int64(bitPattern: address) &<< shift) &>> shift
  return UInt64(bitPattern: extended) == address
}
