/// Pin-based VM-execution controls.
///
/// Source: Intel SDM, "Pin-Based VM-Execution Controls".
public struct PinBasedControls: OptionSet, Sendable, Hashable, VMXControlWord {
  public let rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// "external-interrupt exiting", bit 0.
  public static let externalInterruptExiting = PinBasedControls(rawValue: 1 << 0)
  /// "NMI exiting", bit 3.
  public static let nmiExiting = PinBasedControls(rawValue: 1 << 3)
  /// "virtual NMIs", bit 5.
  public static let virtualNMIs = PinBasedControls(rawValue: 1 << 5)
  /// "activate VMX-preemption timer", bit 6.
  public static let activateVMXPreemptionTimer = PinBasedControls(rawValue: 1 << 6)
  /// "process posted interrupts", bit 7.
  public static let processPostedInterrupts = PinBasedControls(rawValue: 1 << 7)

  public static let names: [(control: PinBasedControls, name: String)] = [
    (.externalInterruptExiting, "external-interrupt exiting"),
    (.nmiExiting, "NMI exiting"),
    (.virtualNMIs, "virtual NMIs"),
    (.activateVMXPreemptionTimer, "activate VMX-preemption timer"),
    (.processPostedInterrupts, "process posted interrupts"),
  ]
}

/// Primary processor-based VM-execution controls.
///
/// Source: Intel SDM, "Processor-Based VM-Execution Controls".
public struct PrimaryProcessorBasedControls: OptionSet, Sendable, Hashable, VMXControlWord {
  public let rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// "interrupt-window exiting", bit 2.
  public static let interruptWindowExiting = PrimaryProcessorBasedControls(rawValue: 1 << 2)
  /// "use TSC offsetting", bit 3.
  public static let useTSCOffsetting = PrimaryProcessorBasedControls(rawValue: 1 << 3)
  /// "HLT exiting", bit 7.
  public static let hltExiting = PrimaryProcessorBasedControls(rawValue: 1 << 7)
  /// "INVLPG exiting", bit 9.
  public static let invlpgExiting = PrimaryProcessorBasedControls(rawValue: 1 << 9)
  /// "MWAIT exiting", bit 10.
  public static let mwaitExiting = PrimaryProcessorBasedControls(rawValue: 1 << 10)
  /// "RDPMC exiting", bit 11.
  public static let rdpmcExiting = PrimaryProcessorBasedControls(rawValue: 1 << 11)
  /// "RDTSC exiting", bit 12.
  public static let rdtscExiting = PrimaryProcessorBasedControls(rawValue: 1 << 12)
  /// "CR3-load exiting", bit 15.
  public static let cr3LoadExiting = PrimaryProcessorBasedControls(rawValue: 1 << 15)
  /// "CR3-store exiting", bit 16.
  public static let cr3StoreExiting = PrimaryProcessorBasedControls(rawValue: 1 << 16)
  /// "activate tertiary controls", bit 17.
  public static let activateTertiaryControls = PrimaryProcessorBasedControls(rawValue: 1 << 17)
  /// "CR8-load exiting", bit 19.
  public static let cr8LoadExiting = PrimaryProcessorBasedControls(rawValue: 1 << 19)
  /// "CR8-store exiting", bit 20.
  public static let cr8StoreExiting = PrimaryProcessorBasedControls(rawValue: 1 << 20)
  /// "use TPR shadow", bit 21.
  public static let useTPRShadow = PrimaryProcessorBasedControls(rawValue: 1 << 21)
  /// "NMI-window exiting", bit 22.
  public static let nmiWindowExiting = PrimaryProcessorBasedControls(rawValue: 1 << 22)
  /// "MOV-DR exiting", bit 23.
  public static let movDRExiting = PrimaryProcessorBasedControls(rawValue: 1 << 23)
  /// "unconditional I/O exiting", bit 24.
  public static let unconditionalIOExiting = PrimaryProcessorBasedControls(rawValue: 1 << 24)
  /// "use I/O bitmaps", bit 25.
  public static let useIOBitmaps = PrimaryProcessorBasedControls(rawValue: 1 << 25)
  /// "monitor trap flag", bit 27.
  public static let monitorTrapFlag = PrimaryProcessorBasedControls(rawValue: 1 << 27)
  /// "use MSR bitmaps", bit 28.
  public static let useMSRBitmaps = PrimaryProcessorBasedControls(rawValue: 1 << 28)
  /// "MONITOR exiting", bit 29.
  public static let monitorExiting = PrimaryProcessorBasedControls(rawValue: 1 << 29)
  /// "PAUSE exiting", bit 30.
  public static let pauseExiting = PrimaryProcessorBasedControls(rawValue: 1 << 30)
  /// "activate secondary controls", bit 31.
  public static let activateSecondaryControls = PrimaryProcessorBasedControls(rawValue: 1 << 31)

  public static let names: [(control: PrimaryProcessorBasedControls, name: String)] = [
    (.interruptWindowExiting, "interrupt-window exiting"),
    (.useTSCOffsetting, "use TSC offsetting"),
    (.hltExiting, "HLT exiting"),
    (.invlpgExiting, "INVLPG exiting"),
    (.mwaitExiting, "MWAIT exiting"),
    (.rdpmcExiting, "RDPMC exiting"),
    (.rdtscExiting, "RDTSC exiting"),
    (.cr3LoadExiting, "CR3-load exiting"),
    (.cr3StoreExiting, "CR3-store exiting"),
    (.activateTertiaryControls, "activate tertiary controls"),
    (.cr8LoadExiting, "CR8-load exiting"),
    (.cr8StoreExiting, "CR8-store exiting"),
    (.useTPRShadow, "use TPR shadow"),
    (.nmiWindowExiting, "NMI-window exiting"),
    (.movDRExiting, "MOV-DR exiting"),
    (.unconditionalIOExiting, "unconditional I/O exiting"),
    (.useIOBitmaps, "use I/O bitmaps"),
    (.monitorTrapFlag, "monitor trap flag"),
    (.useMSRBitmaps, "use MSR bitmaps"),
    (.monitorExiting, "MONITOR exiting"),
    (.pauseExiting, "PAUSE exiting"),
    (.activateSecondaryControls, "activate secondary controls"),
  ]
}

/// Secondary processor-based VM-execution controls.
///
/// Source: Intel SDM, "Processor-Based VM-Execution Controls".
public struct SecondaryProcessorBasedControls: OptionSet, Sendable, Hashable, VMXControlWord {
  public let rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// "virtualize APIC accesses", bit 0.
  public static let virtualizeAPICAccesses = SecondaryProcessorBasedControls(rawValue: 1 << 0)
  /// "enable EPT", bit 1.
  public static let enableEPT = SecondaryProcessorBasedControls(rawValue: 1 << 1)
  /// "descriptor-table exiting", bit 2.
  public static let descriptorTableExiting = SecondaryProcessorBasedControls(rawValue: 1 << 2)
  /// "enable RDTSCP", bit 3.
  public static let enableRDTSCP = SecondaryProcessorBasedControls(rawValue: 1 << 3)
  /// "virtualize x2APIC mode", bit 4.
  public static let virtualizeX2APICMode = SecondaryProcessorBasedControls(rawValue: 1 << 4)
  /// "enable VPID", bit 5.
  public static let enableVPID = SecondaryProcessorBasedControls(rawValue: 1 << 5)
  /// "WBINVD exiting", bit 6.
  public static let wbinvdExiting = SecondaryProcessorBasedControls(rawValue: 1 << 6)
  /// "unrestricted guest", bit 7.
  public static let unrestrictedGuest = SecondaryProcessorBasedControls(rawValue: 1 << 7)
  /// "APIC-register virtualization", bit 8.
  public static let apicRegisterVirtualization = SecondaryProcessorBasedControls(rawValue: 1 << 8)
  /// "virtual-interrupt delivery", bit 9.
  public static let virtualInterruptDelivery = SecondaryProcessorBasedControls(rawValue: 1 << 9)
  /// "PAUSE-loop exiting", bit 10.
  public static let pauseLoopExiting = SecondaryProcessorBasedControls(rawValue: 1 << 10)
  /// "RDRAND exiting", bit 11.
  public static let rdrandExiting = SecondaryProcessorBasedControls(rawValue: 1 << 11)
  /// "enable INVPCID", bit 12.
  public static let enableINVPCID = SecondaryProcessorBasedControls(rawValue: 1 << 12)
  /// "enable VM functions", bit 13.
  public static let enableVMFunctions = SecondaryProcessorBasedControls(rawValue: 1 << 13)
  /// "VMCS shadowing", bit 14.
  public static let vmcsShadowing = SecondaryProcessorBasedControls(rawValue: 1 << 14)
  /// "enable ENCLS exiting", bit 15.
  public static let enableENCLSExiting = SecondaryProcessorBasedControls(rawValue: 1 << 15)
  /// "RDSEED exiting", bit 16.
  public static let rdseedExiting = SecondaryProcessorBasedControls(rawValue: 1 << 16)
  /// "enable PML", bit 17.
  public static let enablePML = SecondaryProcessorBasedControls(rawValue: 1 << 17)
  /// "EPT-violation #VE", bit 18.
  public static let eptViolationVE = SecondaryProcessorBasedControls(rawValue: 1 << 18)
  /// "conceal VMX from PT", bit 19.
  public static let concealVMXFromPT = SecondaryProcessorBasedControls(rawValue: 1 << 19)
  /// "enable XSAVES/XRSTORS", bit 20.
  public static let enableXSAVESXRSTORS = SecondaryProcessorBasedControls(rawValue: 1 << 20)
  /// "PASID translation", bit 21.
  public static let pasidTranslation = SecondaryProcessorBasedControls(rawValue: 1 << 21)
  /// "mode-based execute control for EPT", bit 22.
  public static let modeBasedExecuteControlForEPT = SecondaryProcessorBasedControls(
    rawValue: 1 << 22)
  /// "sub-page write permissions for EPT", bit 23.
  public static let subPageWritePermissionsForEPT = SecondaryProcessorBasedControls(
    rawValue: 1 << 23)
  /// "Intel PT uses guest physical addresses", bit 24.
  public static let intelPTUsesGuestPhysicalAddresses = SecondaryProcessorBasedControls(
    rawValue: 1 << 24)
  /// "use TSC scaling", bit 25.
  public static let useTSCScaling = SecondaryProcessorBasedControls(rawValue: 1 << 25)
  /// "enable user wait and pause", bit 26.
  public static let enableUserWaitAndPause = SecondaryProcessorBasedControls(rawValue: 1 << 26)
  /// "enable PCONFIG", bit 27.
  public static let enablePCONFIG = SecondaryProcessorBasedControls(rawValue: 1 << 27)
  /// "enable ENCLV exiting", bit 28.
  public static let enableENCLVExiting = SecondaryProcessorBasedControls(rawValue: 1 << 28)
  /// "VMM bus-lock detection", bit 30.
  public static let vmmBusLockDetection = SecondaryProcessorBasedControls(rawValue: 1 << 30)
  /// "instruction timeout", bit 31.
  public static let instructionTimeout = SecondaryProcessorBasedControls(rawValue: 1 << 31)

  public static let names: [(control: SecondaryProcessorBasedControls, name: String)] = [
    (.virtualizeAPICAccesses, "virtualize APIC accesses"),
    (.enableEPT, "enable EPT"),
    (.descriptorTableExiting, "descriptor-table exiting"),
    (.enableRDTSCP, "enable RDTSCP"),
    (.virtualizeX2APICMode, "virtualize x2APIC mode"),
    (.enableVPID, "enable VPID"),
    (.wbinvdExiting, "WBINVD exiting"),
    (.unrestrictedGuest, "unrestricted guest"),
    (.apicRegisterVirtualization, "APIC-register virtualization"),
    (.virtualInterruptDelivery, "virtual-interrupt delivery"),
    (.pauseLoopExiting, "PAUSE-loop exiting"),
    (.rdrandExiting, "RDRAND exiting"),
    (.enableINVPCID, "enable INVPCID"),
    (.enableVMFunctions, "enable VM functions"),
    (.vmcsShadowing, "VMCS shadowing"),
    (.enableENCLSExiting, "enable ENCLS exiting"),
    (.rdseedExiting, "RDSEED exiting"),
    (.enablePML, "enable PML"),
    (.eptViolationVE, "EPT-violation #VE"),
    (.concealVMXFromPT, "conceal VMX from PT"),
    (.enableXSAVESXRSTORS, "enable XSAVES/XRSTORS"),
    (.pasidTranslation, "PASID translation"),
    (.modeBasedExecuteControlForEPT, "mode-based execute control for EPT"),
    (.subPageWritePermissionsForEPT, "sub-page write permissions for EPT"),
    (.intelPTUsesGuestPhysicalAddresses, "Intel PT uses guest physical addresses"),
    (.useTSCScaling, "use TSC scaling"),
    (.enableUserWaitAndPause, "enable user wait and pause"),
    (.enablePCONFIG, "enable PCONFIG"),
    (.enableENCLVExiting, "enable ENCLV exiting"),
    (.vmmBusLockDetection, "VMM bus-lock detection"),
    (.instructionTimeout, "instruction timeout"),
  ]
}

/// Tertiary processor-based VM-execution controls.
///
/// Source: Intel SDM, "Processor-Based VM-Execution Controls".
public struct TertiaryProcessorBasedControls: OptionSet, Sendable, Hashable, VMXControlWord {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// "LOADIWKEY exiting", bit 0.
  public static let loadIWKEYExiting = TertiaryProcessorBasedControls(rawValue: 1 << 0)
  /// "enable HLAT", bit 1.
  public static let enableHLAT = TertiaryProcessorBasedControls(rawValue: 1 << 1)
  /// "EPT paging-write control", bit 2.
  public static let eptPagingWriteControl = TertiaryProcessorBasedControls(rawValue: 1 << 2)
  /// "guest-paging verification", bit 3.
  public static let guestPagingVerification = TertiaryProcessorBasedControls(rawValue: 1 << 3)
  /// "IPI virtualization", bit 4.
  public static let ipiVirtualization = TertiaryProcessorBasedControls(rawValue: 1 << 4)
  /// "enable MSR-list instructions", bit 6.
  public static let enableMSRListInstructions = TertiaryProcessorBasedControls(rawValue: 1 << 6)
  /// "virtualize IA32_SPEC_CTRL", bit 7.
  public static let virtualizeIA32SpecCtrl = TertiaryProcessorBasedControls(rawValue: 1 << 7)

  public static let names: [(control: TertiaryProcessorBasedControls, name: String)] = [
    (.loadIWKEYExiting, "LOADIWKEY exiting"),
    (.enableHLAT, "enable HLAT"),
    (.eptPagingWriteControl, "EPT paging-write control"),
    (.guestPagingVerification, "guest-paging verification"),
    (.ipiVirtualization, "IPI virtualization"),
    (.enableMSRListInstructions, "enable MSR-list instructions"),
    (.virtualizeIA32SpecCtrl, "virtualize IA32_SPEC_CTRL"),
  ]
}
