/// Which of the manual's CPUID flags VMXLab has built, one line a flag, and which other fields of
/// CPUID pass to the guest as the profile has them. What is in neither table reads as 0. OSXSAVE and
/// OSPKE are not features: they follow CR4 wherever XSAVE and PKU are built.
///
/// Source: Intel SDM, "CPUID—CPU Identification".
public enum BuiltCPUIDFeatures {
  private typealias Line = (bit: UInt8, name: String, state: BuildState)

  /// Every flag, by leaf, sub-leaf, register and bit.
  public static let features: [CPUIDFeature] =
    lines(1, 0, .ecx, leaf1ECX) + lines(1, 0, .edx, leaf1EDX) + lines(6, 0, .eax, leaf6EAX)
    + lines(7, 0, .ebx, leaf7EBX) + lines(7, 0, .ecx, leaf7ECX) + lines(7, 0, .edx, leaf7EDX)
    + lines(7, 1, .eax, leaf7Subleaf1EAX) + lines(0xd, 1, .eax, leafDSubleaf1EAX)
    + lines(0x8000_0001, 0, .ecx, extendedLeaf1ECX) + lines(0x8000_0001, 0, .edx, extendedLeaf1EDX)
    + lines(0x8000_0007, 0, .edx, extendedLeaf7EDX) + lines(0x8000_0008, 0, .ebx, extendedLeaf8EBX)

  private static func lines(
    _ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister, _ lines: [Line]
  ) -> [CPUIDFeature] {
    lines.map { line in
      CPUIDFeature(
        leaf: leaf, subleaf: subleaf, register: register, bit: line.bit, name: line.name,
        isBuilt: line.state == .built)
    }
  }

  /// Leaves whose result depends on ECX.
  static let indexedLeaves: Set<UInt32> = [
    4, 7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24,
  ]

  // MARK: Flags

  private static let leaf1ECX: [Line] = [
    (0, "SSE3", .built),
    (1, "PCLMULQDQ", .built),
    (2, "DTES64", .notBuilt),
    (3, "MONITOR", .built),
    (4, "DS-CPL", .notBuilt),
    (5, "VMX", .built),
    (6, "SMX", .notBuilt),
    (7, "EIST", .notBuilt),
    (8, "TM2", .notBuilt),
    (9, "SSSE3", .built),
    (10, "CNXT-ID", .notBuilt),
    (11, "SDBG", .notBuilt),
    (12, "FMA", .built),
    (13, "CMPXCHG16B", .built),
    (14, "xTPR Update Control", .notBuilt),
    (15, "PDCM", .built),
    (17, "PCID", .built),
    (18, "DCA", .notBuilt),
    (19, "SSE4_1", .built),
    (20, "SSE4_2", .built),
    (21, "x2APIC", .built),
    (22, "MOVBE", .built),
    (23, "POPCNT", .built),
    (24, "TSC-Deadline", .built),
    (25, "AESNI", .built),
    (26, "XSAVE", .built),
    (28, "AVX", .built),
    (29, "F16C", .built),
    (30, "RDRAND", .built),
  ]

  private static let leaf1EDX: [Line] = [
    (0, "FPU", .built),
    (1, "VME", .built),
    (2, "DE", .built),
    (3, "PSE", .built),
    (4, "TSC", .built),
    (5, "MSR", .built),
    (6, "PAE", .built),
    (7, "MCE", .built),
    (8, "CX8", .built),
    (9, "APIC", .built),
    (11, "SEP", .built),
    (12, "MTRR", .built),
    (13, "PGE", .built),
    (14, "MCA", .built),
    (15, "CMOV", .built),
    (16, "PAT", .built),
    (17, "PSE-36", .built),
    (18, "PSN", .notBuilt),
    (19, "CLFSH", .built),
    (21, "DS", .notBuilt),
    (22, "ACPI", .notBuilt),
    (23, "MMX", .built),
    (24, "FXSR", .built),
    (25, "SSE", .built),
    (26, "SSE2", .built),
    (27, "SS", .built),
    (28, "HTT", .built),
    (29, "TM", .notBuilt),
    (31, "PBE", .notBuilt),
  ]

  private static let leaf6EAX: [Line] = [
    (0, "Digital temperature sensor", .notBuilt),
    (1, "Turbo Boost", .notBuilt),
    (2, "ARAT", .built),
    (4, "PLN", .notBuilt),
    (5, "ECMD", .notBuilt),
    (6, "PTM", .notBuilt),
    (7, "HWP", .notBuilt),
  ]

  private static let leaf7EBX: [Line] = [
    (0, "FSGSBASE", .built),
    (1, "IA32_TSC_ADJUST", .built),
    (2, "SGX", .notBuilt),
    (3, "BMI1", .built),
    (4, "HLE", .notBuilt),
    (5, "AVX2", .built),
    (6, "FDP_EXCPTN_ONLY", .built),
    (7, "SMEP", .built),
    (8, "BMI2", .built),
    (9, "Enhanced REP MOVSB/STOSB", .built),
    (10, "INVPCID", .built),
    (11, "RTM", .notBuilt),
    (12, "RDT-M", .notBuilt),
    (13, "Deprecates FPU CS and FPU DS", .built),
    (14, "MPX", .built),
    (15, "RDT-A", .notBuilt),
    (16, "AVX512F", .notBuilt),
    (17, "AVX512DQ", .notBuilt),
    (18, "RDSEED", .built),
    (19, "ADX", .built),
    (20, "SMAP", .built),
    (21, "AVX512_IFMA", .notBuilt),
    (23, "CLFLUSHOPT", .built),
    (24, "CLWB", .built),
    (25, "Intel Processor Trace", .notBuilt),
    (28, "AVX512CD", .notBuilt),
    (29, "SHA", .built),
    (30, "AVX512BW", .notBuilt),
    (31, "AVX512VL", .notBuilt),
  ]

  private static let leaf7ECX: [Line] = [
    (0, "PREFETCHWT1", .notBuilt),
    (1, "AVX512_VBMI", .notBuilt),
    (2, "UMIP", .built),
    (3, "PKU", .built),
    (5, "WAITPKG", .built),
    (6, "AVX512_VBMI2", .notBuilt),
    (7, "CET_SS", .built),
    (8, "GFNI", .built),
    (9, "VAES", .built),
    (10, "VPCLMULQDQ", .built),
    (11, "AVX512_VNNI", .notBuilt),
    (12, "AVX512_BITALG", .notBuilt),
    (13, "TME_EN", .notBuilt),
    (14, "AVX512_VPOPCNTDQ", .notBuilt),
    (16, "LA57", .built),
    (22, "RDPID", .built),
    (23, "KL", .notBuilt),
    (24, "BUS_LOCK_DETECT", .notBuilt),
    (25, "CLDEMOTE", .built),
    (27, "MOVDIRI", .built),
    (28, "MOVDIR64B", .built),
    (29, "ENQCMD", .notBuilt),
    (30, "SGX_LC", .notBuilt),
    (31, "PKS", .built),
  ]

  private static let leaf7EDX: [Line] = [
    (1, "SGX-KEYS", .notBuilt),
    (4, "Fast Short REP MOV", .notBuilt),
    (5, "UINTR", .notBuilt),
    (8, "AVX512_VP2INTERSECT", .notBuilt),
    (9, "SRBDS_CTRL", .notBuilt),
    (10, "MD_CLEAR", .notBuilt),
    (11, "RTM_ALWAYS_ABORT", .notBuilt),
    (13, "RTM_FORCE_ABORT", .notBuilt),
    (14, "SERIALIZE", .built),
    (15, "Hybrid", .notBuilt),
    (16, "TSXLDTRK", .notBuilt),
    (18, "PCONFIG", .notBuilt),
    (19, "Architectural LBRs", .notBuilt),
    (20, "CET_IBT", .built),
    (22, "AMX-BF16", .notBuilt),
    (23, "AVX512_FP16", .notBuilt),
    (24, "AMX-TILE", .notBuilt),
    (25, "AMX-INT8", .notBuilt),
    (26, "IBRS and IBPB", .notBuilt),
    (27, "STIBP", .notBuilt),
    (28, "L1D_FLUSH", .notBuilt),
    (29, "IA32_ARCH_CAPABILITIES", .notBuilt),
    (30, "IA32_CORE_CAPABILITIES", .notBuilt),
    (31, "SSBD", .notBuilt),
  ]

  private static let leaf7Subleaf1EAX: [Line] = [
    (4, "AVX-VNNI", .built),
    (5, "AVX512_BF16", .notBuilt),
    (10, "Fast zero-length REP MOVSB", .notBuilt),
    (11, "Fast short REP STOSB", .notBuilt),
    (12, "Fast short REP CMPSB, REP SCASB", .notBuilt),
    (22, "HRESET", .notBuilt),
  ]

  private static let leafDSubleaf1EAX: [Line] = [
    (0, "XSAVEOPT", .built),
    (1, "XSAVEC", .built),
    (2, "XGETBV with ECX = 1", .built),
    (3, "XSAVES", .built),
    (4, "XFD", .notBuilt),
  ]

  private static let extendedLeaf1ECX: [Line] = [
    (0, "LAHF/SAHF", .built),
    (5, "LZCNT", .built),
    (8, "PREFETCHW", .built),
  ]

  private static let extendedLeaf1EDX: [Line] = [
    (11, "SYSCALL/SYSRET", .built),
    (20, "Execute Disable", .built),
    (26, "1-GByte pages", .built),
    (27, "RDTSCP", .built),
    (29, "Intel 64", .built),
  ]

  private static let extendedLeaf7EDX: [Line] = [
    (8, "Invariant TSC", .built)
  ]

  private static let extendedLeaf8EBX: [Line] = [
    (9, "WBNOINVD", .built)
  ]

  // MARK: Fields that are no flags

  /// A field that a guest sees as the profile has it.
  struct Field: Sendable {
    let leaf: UInt32
    /// Nil for every sub-leaf.
    let subleaf: UInt32?
    let register: CPUIDRegister
    let mask: UInt32
  }

  /// Fields that are not flags, and that say nothing of a feature that is not built.
  static let fields: [Field] =
    whole(0, .eax, .ebx, .ecx, .edx)
    + whole(1, .eax)
    // Brand index, CLFLUSH line size, number of APIC IDs; the initial APIC ID is put in when read.
    + [Field(leaf: 1, subleaf: nil, register: .ebx, mask: 0x00ff_ffff)]
    + whole(2, .eax, .ebx, .ecx, .edx)
    + whole(4, .eax, .ebx, .ecx, .edx)
    + whole(5, .eax, .ebx, .ecx, .edx)
    + [Field(leaf: 7, subleaf: 0, register: .eax, mask: 0xffff_ffff)]
    // Performance monitoring: what is not built of it is taken out when the table is made.
    + whole(0xa, .eax, .ebx, .ecx, .edx)
    + whole(0xb, .eax, .ebx, .ecx, .edx)
    // Components of XCR0: x87, SSE, AVX, MPX, PKRU. Sizes are put in when read.
    + [Field(leaf: 0xd, subleaf: 0, register: .eax, mask: 0x21f)]
    + component(2) + component(3) + component(4) + component(9)
    // Components of IA32_XSS: CET's two.
    + [Field(leaf: 0xd, subleaf: 1, register: .ecx, mask: 0x1800)]
    + component(11) + component(12)
    + whole(0x15, .eax, .ebx, .ecx)
    + whole(0x16, .eax, .ebx, .ecx)
    + whole(0x8000_0000, .eax)
    + whole(0x8000_0002, .eax, .ebx, .ecx, .edx)
    + whole(0x8000_0003, .eax, .ebx, .ecx, .edx)
    + whole(0x8000_0004, .eax, .ebx, .ecx, .edx)
    + whole(0x8000_0006, .ecx)
    + whole(0x8000_0008, .eax)

  /// Size, offset and place of a state component of the XSAVE feature set.
  private static func component(_ number: UInt32) -> [Field] {
    [.eax, .ebx, .ecx].map {
      Field(leaf: 0xd, subleaf: number, register: $0, mask: 0xffff_ffff)
    }
  }

  private static func whole(_ leaf: UInt32, _ registers: CPUIDRegister...) -> [Field] {
    registers.map { Field(leaf: leaf, subleaf: nil, register: $0, mask: 0xffff_ffff) }
  }

  /// Whether VMXLab has built the flag of that place; false for one that is not in the table.
  public static func isBuilt(
    leaf: UInt32, subleaf: UInt32 = 0, register: CPUIDRegister, bit: UInt8
  ) -> Bool {
    features.contains {
      $0.leaf == leaf && $0.subleaf == subleaf && $0.register == register && $0.bit == bit
        && $0.isBuilt
    }
  }

  /// The bits of a CPUID result that a guest may see.
  static func visibleBits(leaf: UInt32, subleaf: UInt32) -> CPUIDResult {
    var mask = CPUIDResult.zero
    for field in fields where field.leaf == leaf && (field.subleaf ?? subleaf) == subleaf {
      mask[field.register] |= field.mask
    }
    for feature in features
    where feature.isBuilt && feature.leaf == leaf && feature.subleaf == subleaf {
      mask[feature.register] |= 1 << UInt32(feature.bit & 31)
    }
    return mask
  }
}
