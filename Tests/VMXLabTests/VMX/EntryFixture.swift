@testable import VMXLab

/// Memory of a few words; everything else reads as 1s.
struct SparseMemory: PhysicalMemoryReader {
  var words: [UInt64: UInt64] = [:]

  func readPhysical64(_ address: UInt64) -> UInt64 { words[address] ?? .max }
  func readPhysical32(_ address: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: readPhysical64(address))
  }
}

/// A VM entry that breaks no rule, on a processor with every control there is: a 64-bit guest with EPT on
/// a 64-bit host. Tests change it.
struct EntryFixture {
  var vmcs = VMCS()
  var part = EntryFixture.everything
  var facts = VMXProcessorFacts()
  var processor = VMEntryProcessorState(currentVMCS: 0x4000)
  var memory = SparseMemory()

  static let physicalAddressWidth: UInt64 = 46
  static let beyondWidth: UInt64 = 1 << physicalAddressWidth
  static let nonCanonical: UInt64 = 0x0000_8000_0000_0000
  static let secondVMCS: UInt64 = 0x9000
  static let virtualAPICPage: UInt64 = 0x5000
  static let pageTable: UInt64 = 0x7020

  /// The MSRs of a part that has every control that VMXLab knows.
  static let everything: VMXCapabilityMSRs = {
    var msrs = VMXCapabilityMSRs()
    msrs.basic = 1 << 55 | 6 << 50
    msrs.pinBasedControls = 0x0000_00ff_0000_0016
    msrs.primaryProcessorBasedControls = 0xffff_ffff_0401_e172
    msrs.secondaryProcessorBasedControls = 0xdfff_ffff_0000_0000
    msrs.tertiaryProcessorBasedControls = 0xdf
    msrs.exitControls = 0xffff_ffff_0003_6dff
    msrs.secondaryExitControls = 8
    msrs.entryControls = 0x00ff_ffff_0000_11ff
    msrs.truePinBasedControls = msrs.pinBasedControls
    msrs.truePrimaryProcessorBasedControls = 0xffff_ffff_0400_6172
    msrs.trueExitControls = 0xffff_ffff_0003_6dfb
    msrs.trueEntryControls = 0x00ff_ffff_0000_11fb
    msrs.miscellaneous = 0x7004_01e5
    msrs.cr0Fixed0 = 0x8000_0021
    msrs.cr0Fixed1 = 0xffff_ffff
    msrs.cr4Fixed0 = 0x2000
    msrs.cr4Fixed1 = 0x03ff_7fff
    msrs.eptAndVPID = 0x000c_0f01_06f3_4141
    msrs.vmFunctions = 1
    return msrs
  }()

  static let allControls = VMXControlSet(
    pin: .init(rawValue: .max), primary: .init(rawValue: .max), secondary: .init(rawValue: .max),
    tertiary: .init(rawValue: .max), exit: .init(rawValue: .max),
    secondaryExit: .init(rawValue: .max), entry: .init(rawValue: .max))

  /// As if everything were built.
  static let allBuilt = BuiltControls(
    controls: allControls, eptAndVPID: .init(rawValue: .max), vmFunctions: .init(rawValue: .max),
    miscellaneous: .max)

  init() {
    facts.physicalAddressWidth = UInt8(Self.physicalAddressWidth)
    facts.hasSGX = true
    facts.hasRTM = true
    facts.hasBusLockDetection = true
    facts.rtitCtlBits = 0x1
    facts.lbrCtlBits = 0x1
    setControls()
    setHost()
    setGuest()
    memory.words[Self.secondVMCS] = UInt64(VMCSRegion.revisionIdentifier)
    memory.words[Self.virtualAPICPage + 0x80] = 0x20
  }

  private mutating func setControls() {
    vmcs.pinBasedControls = 0x16
    vmcs.primaryProcessorBasedControls = 0x8400_6172
    vmcs.secondaryProcessorBasedControls = 2
    vmcs.eptPointer = 0x1e | 0x10_0000
    vmcs.vmExitControls = 0x0003_6dfb | 1 << 9
    vmcs.vmEntryControls = 0x0000_11fb | 1 << 9
    vmcs.vmcsLinkPointer = .max
  }

  private mutating func setHost() {
    vmcs.hostCR0 = 0x8005_0033
    vmcs.hostCR3 = 0x1000
    vmcs.hostCR4 = 0x20a0
    vmcs.hostCSSelector = 0x08
    vmcs.hostSSSelector = 0x10
    vmcs.hostTRSelector = 0x18
    vmcs.hostRIP = 0xffff_8000_0000_1000
  }

  private mutating func setGuest() {
    vmcs.guestCR0 = 0x8005_0033
    vmcs.guestCR3 = 0x2000
    vmcs.guestCR4 = 0x20a0
    vmcs.guestCSSelector = 0x08
    vmcs.guestCSLimit = 0xffff_ffff
    vmcs.guestCSAccessRights = 0xa09b
    setDataSegments(selector: 0x10, base: 0, limit: 0xffff_ffff, access: 0xc093)
    vmcs.guestTRSelector = 0x18
    vmcs.guestTRLimit = 0x67
    vmcs.guestTRAccessRights = 0x8b
    vmcs.guestLDTRAccessRights = 0x1_0000
    vmcs.guestGDTRLimit = 0xffff
    vmcs.guestIDTRLimit = 0xffff
    vmcs.guestRIP = 0xffff_8000_0000_2000
    vmcs.guestRFLAGS = 2
  }

  mutating func setDataSegments(selector: UInt16, base: UInt64, limit: UInt32, access: UInt32) {
    for segment in GuestSegmentPaths.data {
      vmcs[keyPath: segment.selector] = selector
      vmcs[keyPath: segment.base] = base
      vmcs[keyPath: segment.limit] = limit
      vmcs[keyPath: segment.access] = access
    }
  }

  var capabilities: VMXCapabilities {
    VMXCapabilities(part: part, facts: facts, built: Self.allBuilt)
  }

  /// Hands the checks a context of this state.
  func withContext<Result>(
    _ capabilities: VMXCapabilities, _ body: (VMEntryContext<SparseMemory>) -> Result
  ) -> Result {
    withUnsafePointer(to: vmcs) { vmcs in
      withUnsafePointer(to: capabilities) { capabilities in
        body(
          VMEntryContext(
            vmcs: vmcs, capabilities: capabilities, processor: processor, memory: memory))
      }
    }
  }

  var brokenRules: [VMEntryRule] { withContext(capabilities) { $0.brokenRules().map(\.rule) } }
  var firstFailure: VMEntryOutcome? { withContext(capabilities) { $0.firstFailure() } }
}

/// Turning controls on and off, and changing the guest and the host as a whole.
extension EntryFixture {
  mutating func set(_ control: PinBasedControls, _ on: Bool = true) {
    vmcs.pinBasedControls &= ~control.rawValue
    if on { vmcs.pinBasedControls |= control.rawValue }
  }
  mutating func set(_ control: PrimaryProcessorBasedControls, _ on: Bool = true) {
    vmcs.primaryProcessorBasedControls &= ~control.rawValue
    if on { vmcs.primaryProcessorBasedControls |= control.rawValue }
  }
  mutating func set(secondary control: SecondaryProcessorBasedControls, _ on: Bool = true) {
    vmcs.secondaryProcessorBasedControls &= ~control.rawValue
    if on { vmcs.secondaryProcessorBasedControls |= control.rawValue }
  }
  mutating func set(tertiary control: TertiaryProcessorBasedControls) {
    set(.activateTertiaryControls)
    vmcs.tertiaryProcessorBasedControls |= control.rawValue
  }
  mutating func set(exit control: VMExitControls, _ on: Bool = true) {
    vmcs.vmExitControls &= ~control.rawValue
    if on { vmcs.vmExitControls |= control.rawValue }
  }
  mutating func set(entry control: VMEntryControls, _ on: Bool = true) {
    vmcs.vmEntryControls &= ~control.rawValue
    if on { vmcs.vmEntryControls |= control.rawValue }
  }
  mutating func inject(_ type: InterruptionType, _ vector: UInt8, hasErrorCode: Bool = false) {
    vmcs.entryInterruptionInformation =
      InterruptionInformation(type, vector: vector, hasErrorCode: hasErrorCode).rawValue
    vmcs.entryInstructionLength = 2
  }

  mutating func useTPRShadow() {
    set(.useTPRShadow)
    vmcs.virtualAPICAddress = Self.virtualAPICPage
  }

  mutating func useVirtualInterrupts() {
    useTPRShadow()
    set(.externalInterruptExiting)
    set(secondary: .virtualInterruptDelivery)
  }

  mutating func usePostedInterrupts() {
    useVirtualInterrupts()
    set(.processPostedInterrupts)
    set(exit: .acknowledgeInterruptOnExit)
  }

  mutating func useUnrestrictedGuest() { set(secondary: .unrestrictedGuest) }

  /// A 32-bit guest with PAE paging.
  mutating func useLegacyGuest() {
    set(entry: .ia32eModeGuest, false)
    vmcs.guestCSAccessRights = 0xc09b
    vmcs.guestRIP = 0x2000
  }

  mutating func useRealModeGuest() {
    useLegacyGuest()
    useUnrestrictedGuest()
    vmcs.guestCR0 = 0x30
    vmcs.guestCR4 = 0x2000
    setDataSegments(selector: 0, base: 0, limit: 0xffff, access: 0x93)
    vmcs.guestCSLimit = 0xffff
    vmcs.guestCSAccessRights = 0x93
  }

  /// Segments as virtual-8086 mode has them, and RFLAGS.VM.
  mutating func useVirtual8086Segments() {
    vmcs.guestRFLAGS |= RFLAGS.vm.rawValue
    for segment in GuestSegmentPaths.six {
      vmcs[keyPath: segment.selector] = 0x1000
      vmcs[keyPath: segment.base] = 0x10000
      vmcs[keyPath: segment.limit] = 0xffff
      vmcs[keyPath: segment.access] = 0xf3
    }
    vmcs.guestRIP = 0x2000
  }

  mutating func useVirtual8086Guest() {
    useLegacyGuest()
    useVirtual8086Segments()
  }

  mutating func useUserModeGuest() {
    vmcs.guestCSSelector = 0x0b
    vmcs.guestCSAccessRights = 0xa0fb
    setDataSegments(selector: 0x13, base: 0, limit: 0xffff_ffff, access: 0xc0f3)
  }

  /// A host without IA-32e mode, which makes the VM entry too.
  mutating func useLegacyHost() {
    useLegacyGuest()
    processor.isInIA32eMode = false
    set(exit: .hostAddressSpaceSize, false)
    vmcs.hostRIP = 0x1000
  }

  mutating func useCETOnExit() {
    set(exit: .loadCETState)
    vmcs.hostSCET = 1
    vmcs.hostSSP = 0x8000
  }

  mutating func useCETOnEntry() {
    set(entry: .loadCETState)
    vmcs.guestSCET = 1
    vmcs.guestSSP = 0x8000
  }

  mutating func useLDTR() {
    vmcs.guestLDTRSelector = 0x20
    vmcs.guestLDTRLimit = 0xfff
    vmcs.guestLDTRAccessRights = 0x82
  }

  mutating func enterSMM() {
    processor.isInSMM = true
    set(entry: .entryToSMM)
    vmcs.guestInterruptibilityState = InterruptibilityState.blockingBySMI.rawValue
  }

  mutating func useMSRLists() {
    vmcs.exitMSRStoreCount = 2
    vmcs.exitMSRLoadCount = 2
    vmcs.entryMSRLoadCount = 2
  }
}

/// Where a guest segment register's four fields are.
struct GuestSegmentPaths {
  var name: String
  var selector: WritableKeyPath<VMCS, UInt16>
  var base: WritableKeyPath<VMCS, UInt64>
  var limit: WritableKeyPath<VMCS, UInt32>
  var access: WritableKeyPath<VMCS, UInt32>

  func rule(_ suffix: String) -> VMEntryRule {
    VMEntryRule(rawValue: "guest\(name)\(suffix)") ?? .pinControlsReserved
  }

  static var cs: GuestSegmentPaths {
    .init(
      name: "CS", selector: \.guestCSSelector, base: \.guestCSBase, limit: \.guestCSLimit,
      access: \.guestCSAccessRights)
  }
  static var ss: GuestSegmentPaths {
    .init(
      name: "SS", selector: \.guestSSSelector, base: \.guestSSBase, limit: \.guestSSLimit,
      access: \.guestSSAccessRights)
  }
  static var tr: GuestSegmentPaths {
    .init(
      name: "TR", selector: \.guestTRSelector, base: \.guestTRBase, limit: \.guestTRLimit,
      access: \.guestTRAccessRights)
  }
  static var ldtr: GuestSegmentPaths {
    .init(
      name: "LDTR", selector: \.guestLDTRSelector, base: \.guestLDTRBase, limit: \.guestLDTRLimit,
      access: \.guestLDTRAccessRights)
  }
  /// DS, ES, FS and GS.
  static var four: [GuestSegmentPaths] {
    [
      .init(
        name: "DS", selector: \.guestDSSelector, base: \.guestDSBase, limit: \.guestDSLimit,
        access: \.guestDSAccessRights),
      .init(
        name: "ES", selector: \.guestESSelector, base: \.guestESBase, limit: \.guestESLimit,
        access: \.guestESAccessRights),
      .init(
        name: "FS", selector: \.guestFSSelector, base: \.guestFSBase, limit: \.guestFSLimit,
        access: \.guestFSAccessRights),
      .init(
        name: "GS", selector: \.guestGSSelector, base: \.guestGSBase, limit: \.guestGSLimit,
        access: \.guestGSAccessRights),
    ]
  }
  static var data: [GuestSegmentPaths] { [ss] + four }
  static var six: [GuestSegmentPaths] { [cs] + data }
}
