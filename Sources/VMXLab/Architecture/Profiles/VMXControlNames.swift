/// The manual's names of the VM-execution, VM-exit and VM-entry controls, by bit.
///
/// Sources: Intel SDM, "Definitions of Pin-Based VM-Execution Controls", "Definitions of Primary
/// Processor-Based VM-Execution Controls", "… Secondary …", "… Tertiary …", "Definitions of Primary
/// VM-Exit Controls", "Definitions of Secondary VM-Exit Controls", "Definitions of VM-Entry Controls".
enum VMXControlNames {
  typealias Name = (bit: UInt8, name: String)

  static let pinBased: [Name] = [
    (0, "External-interrupt exiting"),
    (3, "NMI exiting"),
    (5, "Virtual NMIs"),
    (6, "Activate VMX-preemption timer"),
    (7, "Process posted interrupts"),
  ]

  static let primaryProcessorBased: [Name] = [
    (2, "Interrupt-window exiting"),
    (3, "Use TSC offsetting"),
    (7, "HLT exiting"),
    (9, "INVLPG exiting"),
    (10, "MWAIT exiting"),
    (11, "RDPMC exiting"),
    (12, "RDTSC exiting"),
    (15, "CR3-load exiting"),
    (16, "CR3-store exiting"),
    (17, "Activate tertiary controls"),
    (19, "CR8-load exiting"),
    (20, "CR8-store exiting"),
    (21, "Use TPR shadow"),
    (22, "NMI-window exiting"),
    (23, "MOV-DR exiting"),
    (24, "Unconditional I/O exiting"),
    (25, "Use I/O bitmaps"),
    (27, "Monitor trap flag"),
    (28, "Use MSR bitmaps"),
    (29, "MONITOR exiting"),
    (30, "PAUSE exiting"),
    (31, "Activate secondary controls"),
  ]

  static let secondaryProcessorBased: [Name] = [
    (0, "Virtualize APIC accesses"),
    (1, "Enable EPT"),
    (2, "Descriptor-table exiting"),
    (3, "Enable RDTSCP"),
    (4, "Virtualize x2APIC mode"),
    (5, "Enable VPID"),
    (6, "WBINVD exiting"),
    (7, "Unrestricted guest"),
    (8, "APIC-register virtualization"),
    (9, "Virtual-interrupt delivery"),
    (10, "PAUSE-loop exiting"),
    (11, "RDRAND exiting"),
    (12, "Enable INVPCID"),
    (13, "Enable VM functions"),
    (14, "VMCS shadowing"),
    (15, "Enable ENCLS exiting"),
    (16, "RDSEED exiting"),
    (17, "Enable PML"),
    (18, "EPT-violation #VE"),
    (19, "Conceal VMX from PT"),
    (20, "Enable XSAVES/XRSTORS"),
    (21, "PASID translation"),
    (22, "Mode-based execute control for EPT"),
    (23, "Sub-page write permissions for EPT"),
    (24, "Intel PT uses guest physical addresses"),
    (25, "Use TSC scaling"),
    (26, "Enable user wait and pause"),
    (27, "Enable PCONFIG"),
    (28, "Enable ENCLV exiting"),
    (30, "VMM bus-lock detection"),
    (31, "Instruction timeout"),
  ]

  static let tertiaryProcessorBased: [Name] = [
    (0, "LOADIWKEY exiting"),
    (1, "Enable HLAT"),
    (2, "EPT paging-write control"),
    (3, "Guest-paging verification"),
    (4, "IPI virtualization"),
    (6, "Enable MSR-list instructions"),
    (7, "Virtualize IA32_SPEC_CTRL"),
  ]

  static let primaryExit: [Name] = [
    (2, "Save debug controls"),
    (9, "Host address-space size"),
    (12, "Load IA32_PERF_GLOBAL_CTRL"),
    (15, "Acknowledge interrupt on exit"),
    (18, "Save IA32_PAT"),
    (19, "Load IA32_PAT"),
    (20, "Save IA32_EFER"),
    (21, "Load IA32_EFER"),
    (22, "Save VMX-preemption timer value"),
    (23, "Clear IA32_BNDCFGS"),
    (24, "Conceal VMX from PT"),
    (25, "Clear IA32_RTIT_CTL"),
    (26, "Clear IA32_LBR_CTL"),
    (27, "Clear UINV"),
    (28, "Load CET state"),
    (29, "Load PKRS"),
    (30, "Save IA32_PERF_GLOBAL_CTRL"),
    (31, "Activate secondary controls"),
  ]

  static let secondaryExit: [Name] = [
    (3, "Prematurely busy shadow stack")
  ]

  static let entry: [Name] = [
    (2, "Load debug controls"),
    (9, "IA-32e mode guest"),
    (10, "Entry to SMM"),
    (11, "Deactivate dual-monitor treatment"),
    (13, "Load IA32_PERF_GLOBAL_CTRL"),
    (14, "Load IA32_PAT"),
    (15, "Load IA32_EFER"),
    (16, "Load IA32_BNDCFGS"),
    (17, "Conceal VMX from PT"),
    (18, "Load IA32_RTIT_CTL"),
    (19, "Load UINV"),
    (20, "Load CET state"),
    (21, "Load guest IA32_LBR_CTL"),
    (22, "Load PKRS"),
  ]

  /// Bits of IA32_VMX_EPT_VPID_CAP.
  ///
  /// Source: Intel SDM, "VPID and EPT Capabilities".
  static let eptVPID: [Name] = [
    (0, "Execute-only translations"),
    (6, "Page-walk length of 4"),
    (7, "Page-walk length of 5"),
    (8, "Uncacheable (UC) EPT paging structures"),
    (14, "Write-back (WB) EPT paging structures"),
    (16, "2-MByte EPT pages"),
    (17, "1-GByte EPT pages"),
    (20, "INVEPT"),
    (21, "Accessed and dirty flags for EPT"),
    (22, "Advanced VM-exit information for EPT violations"),
    (23, "Supervisor shadow-stack control"),
    (25, "Single-context INVEPT"),
    (26, "All-context INVEPT"),
    (32, "INVVPID"),
    (40, "Individual-address INVVPID"),
    (41, "Single-context INVVPID"),
    (42, "All-context INVVPID"),
    (43, "Single-context-retaining-globals INVVPID"),
  ]

  /// Bits of IA32_VMX_VMFUNC.
  ///
  /// Source: Intel SDM, "VM Functions".
  static let vmFunctions: [Name] = [
    (0, "EPTP switching")
  ]

  /// Flags of IA32_VMX_BASIC.
  ///
  /// Source: Intel SDM, "Basic VMX Information".
  static let basicFlags: [Name] = [
    (48, "Physical addresses limited to 32 bits"),
    (49, "Dual-monitor treatment of SMIs and SMM"),
    (54, "Information for VM exits due to INS and OUTS"),
    (55, "VMX controls that default to 1 may be cleared"),
    (56, "Hardware exceptions with or without an error code"),
    (58, "Nested-exception support"),
  ]

  /// Flags of IA32_VMX_MISC.
  ///
  /// Source: Intel SDM, "Miscellaneous Data".
  static let miscellaneousFlags: [Name] = [
    (5, "VM exits store IA32_EFER.LMA into \"IA-32e mode guest\""),
    (6, "Activity state HLT"),
    (7, "Activity state shutdown"),
    (8, "Activity state wait-for-SIPI"),
    (14, "Intel PT in VMX operation"),
    (15, "RDMSR of IA32_SMBASE in SMM"),
    (28, "Bit 2 of IA32_SMM_MONITOR_CTL"),
    (29, "VMWRITE to any supported field"),
    (30, "Injection with an instruction length of 0"),
  ]

  /// Bits of CR0.
  static let cr0: [Name] = [
    (0, "PE"), (1, "MP"), (2, "EM"), (3, "TS"), (4, "ET"), (5, "NE"), (16, "WP"), (18, "AM"),
    (29, "NW"), (30, "CD"), (31, "PG"),
  ]

  /// Bits of CR4.
  static let cr4: [Name] = [
    (0, "VME"), (1, "PVI"), (2, "TSD"), (3, "DE"), (4, "PSE"), (5, "PAE"), (6, "MCE"), (7, "PGE"),
    (8, "PCE"), (9, "OSFXSR"), (10, "OSXMMEXCPT"), (11, "UMIP"), (12, "LA57"), (13, "VMXE"),
    (14, "SMXE"), (16, "FSGSBASE"), (17, "PCIDE"), (18, "OSXSAVE"), (19, "KL"), (20, "SMEP"),
    (21, "SMAP"), (22, "PKE"), (23, "CET"), (24, "PKS"), (25, "UINTR"),
  ]
}
