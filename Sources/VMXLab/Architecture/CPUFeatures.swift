/// A CPUID flag that instructions exist with or without.
///
/// Source: Intel SDM, "CPUID—CPU Identification".
enum CPUFeature: UInt8, CaseIterable {
  case cmov
  case cmpxchg8b
  case sysenter
  case mmx
  case fxsr
  case sse
  case sse2
  case sse3
  case ssse3
  case sse41
  case sse42
  case popcnt
  case lzcnt
  case bmi1
  case bmi2
  case adx
  case movbe
  case cmpxchg16b
  case clflush
  case clflushopt
  case clwb
  case aesni
  case pclmulqdq
  case sha
  case f16c
  case fma
  case avx
  case avx2
  case vaes
  case vpclmulqdq
  case gfni
  case mpx
  case avxVNNI
  case xsave
  case xsaveopt
  case xsavec
  case xgetbv1
  case xsaves
  case cetSS
  case cetIBT
  case pku
  case pks
  case monitor
  case vmx
  case rdtscp
  case rdpid
  case rdrand
  case rdseed
  case fsgsbase
  case invpcid
  case smap
  case waitpkg
  case serialize
  case cldemote
  case movdiri
  case movdir64b
  case wbnoinvd
  /// The x87 data pointer changes on exceptions only.
  case fdpExceptionsOnly
  /// The x87 pointers' selectors are saved as 0.
  case zeroFCSFDS

  /// Where CPUID has it: leaf, sub-leaf, register and bit.
  var place: (leaf: UInt32, subleaf: UInt32, register: CPUIDRegister, bit: UInt32) {
    switch self {
    case .cmov: (1, 0, .edx, 15)
    case .cmpxchg8b: (1, 0, .edx, 8)
    case .sysenter: (1, 0, .edx, 11)
    case .mmx: (1, 0, .edx, 23)
    case .fxsr: (1, 0, .edx, 24)
    case .sse: (1, 0, .edx, 25)
    case .sse2: (1, 0, .edx, 26)
    case .sse3: (1, 0, .ecx, 0)
    case .ssse3: (1, 0, .ecx, 9)
    case .sse41: (1, 0, .ecx, 19)
    case .sse42: (1, 0, .ecx, 20)
    case .popcnt: (1, 0, .ecx, 23)
    case .lzcnt: (0x8000_0001, 0, .ecx, 5)
    case .bmi1: (7, 0, .ebx, 3)
    case .bmi2: (7, 0, .ebx, 8)
    case .adx: (7, 0, .ebx, 19)
    case .movbe: (1, 0, .ecx, 22)
    case .cmpxchg16b: (1, 0, .ecx, 13)
    case .clflush: (1, 0, .edx, 19)
    case .clflushopt: (7, 0, .ebx, 23)
    case .clwb: (7, 0, .ebx, 24)
    case .aesni: (1, 0, .ecx, 25)
    case .pclmulqdq: (1, 0, .ecx, 1)
    case .sha: (7, 0, .ebx, 29)
    case .f16c: (1, 0, .ecx, 29)
    case .fma: (1, 0, .ecx, 12)
    case .avx: (1, 0, .ecx, 28)
    case .avx2: (7, 0, .ebx, 5)
    case .vaes: (7, 0, .ecx, 9)
    case .vpclmulqdq: (7, 0, .ecx, 10)
    case .gfni: (7, 0, .ecx, 8)
    case .mpx: (7, 0, .ebx, 14)
    case .avxVNNI: (7, 1, .eax, 4)
    case .xsave: (1, 0, .ecx, 26)
    case .xsaveopt: (0xd, 1, .eax, 0)
    case .xsavec: (0xd, 1, .eax, 1)
    case .xgetbv1: (0xd, 1, .eax, 2)
    case .xsaves: (0xd, 1, .eax, 3)
    case .cetSS: (7, 0, .ecx, 7)
    case .cetIBT: (7, 0, .edx, 20)
    case .pku: (7, 0, .ecx, 3)
    case .pks: (7, 0, .ecx, 31)
    case .monitor: (1, 0, .ecx, 3)
    case .vmx: (1, 0, .ecx, 5)
    case .rdtscp: (0x8000_0001, 0, .edx, 27)
    case .rdpid: (7, 0, .ecx, 22)
    case .rdrand: (1, 0, .ecx, 30)
    case .rdseed: (7, 0, .ebx, 18)
    case .fsgsbase: (7, 0, .ebx, 0)
    case .invpcid: (7, 0, .ebx, 10)
    case .smap: (7, 0, .ebx, 20)
    case .waitpkg: (7, 0, .ecx, 5)
    case .serialize: (7, 0, .edx, 14)
    case .cldemote: (7, 0, .ecx, 25)
    case .movdiri: (7, 0, .ecx, 27)
    case .movdir64b: (7, 0, .ecx, 28)
    case .wbnoinvd: (0x8000_0008, 0, .ebx, 9)
    case .fdpExceptionsOnly: (7, 0, .ebx, 6)
    case .zeroFCSFDS: (7, 0, .ebx, 13)
    }
  }
}

/// The features that a processor has, for the decoder and for handlers.
struct CPUFeatureSet: Equatable {
  private var bits: UInt128 = 0

  init() {}

  /// What CPUID offers to a guest that has not switched it off.
  init(_ cpuid: CPUIDView) {
    // IA32_MISC_ENABLE[18]: MONITOR is on.
    let state = CPUIDDynamicState(miscEnable: 1 << 18)
    for feature in CPUFeature.allCases {
      let place = feature.place
      let result = cpuid.facts(leaf: place.leaf, subleaf: place.subleaf, state: state)
      if result[place.register] >> place.bit & 1 != 0 { insert(feature) }
    }
  }

  @inline(__always) func contains(_ feature: CPUFeature) -> Bool {
    bits >> UInt128(feature.rawValue) & 1 != 0
  }

  @inline(__always) func isSuperset(of other: CPUFeatureSet) -> Bool { other.bits & ~bits == 0 }

  mutating func insert(_ feature: CPUFeature) { bits |= 1 << UInt128(feature.rawValue) }
}
