/// What the part has of performance monitoring, less what is not built, in the form that the counters
/// use.
///
/// Source: Intel SDM, "Architectural Performance Monitoring".
struct PerformanceModel {
  /// Of architectural performance monitoring; 0: there is none.
  var version: UInt32 = 0
  var generalCount = 0
  var fixedCount = 0
  /// Bits that a counter has.
  var generalMask: UInt64 = 0
  var fixedMask: UInt64 = 0
  /// There is an IA32_PERF_CAPABILITIES.
  var hasCapabilities = false
  /// IA32_PERF_CAPABILITIES.
  var capabilities: UInt64 = 0
  /// Bits of IA32_PERFEVTSELx, IA32_FIXED_CTR_CTRL and IA32_PERF_GLOBAL_CTRL.
  var selectionBits: UInt64 = 0
  var fixedControlBits: UInt64 = 0
  var globalControlBits: UInt64 = 0
  /// Bits of IA32_PERF_GLOBAL_STATUS that can be cleared; from version 4 on they can be set too.
  var statusBits: UInt64 = 0
  /// The clock of the event "unhalted reference cycles"; fixed-function counter 2 counts at the rate
  /// of the time-stamp counter.
  var reference = ClockRatio(hz: 1, frequency: 1)

  init(_ profile: CPUProfile, cpuid: CPUIDView) {
    let leaf = PerformanceMonitoringLeaf(result: cpuid.facts(leaf: 0xa, subleaf: 0))
    guard leaf.version != 0 else { return }
    version = leaf.version
    generalCount = leaf.generalCounters
    fixedCount = leaf.fixedCounters
    generalMask = Self.mask(leaf.generalWidth)
    fixedMask = Self.mask(leaf.fixedWidth)
    hasCapabilities = cpuid.facts(leaf: 1, subleaf: 0).ecx >> 15 & 1 != 0
    let part = profile.modelSpecificRegisters[MSR.ia32PerfCapabilities] ?? 0
    capabilities = hasCapabilities ? part & PerformanceCapabilities.fullWidthWrites : 0
    selectionBits = 0xffdf_ffff | (leaf.hasAnyThread ? PerformanceSelection.anyThread : 0)
    let fixedBlock: UInt64 = leaf.hasAnyThread ? 0xf : 0xb
    for index in 0..<fixedCount { fixedControlBits |= fixedBlock << UInt64(index &* 4) }
    globalControlBits =
      Self.mask(UInt32(generalCount)) | Self.mask(UInt32(fixedCount)) << PerformanceStatus.fixed
    statusBits =
      globalControlBits | PerformanceStatus.bufferOverflow | PerformanceStatus.conditionChanged
    if version >= 3 { statusBits |= PerformanceStatus.uncoreOverflow }
    if version >= 4 { statusBits |= PerformanceStatus.countersFrozen }
    reference = ClockRatio(
      hz: profile.referenceFrequency, frequency: max(profile.frequency, 1))
  }

  /// IA32_PERF_GLOBAL_CTRL after power-on and RESET: all general counters.
  ///
  /// Source: Intel SDM, "Processor State After Reset".
  var initialGlobalControl: UInt64 { version > 1 ? Self.mask(UInt32(generalCount)) : 0 }

  /// Whether FREEZE_PERFMON_ON_PMI is a bit of IA32_DEBUGCTL.
  var canFreeze: Bool { hasCapabilities && version > 1 }

  private static func mask(_ bits: UInt32) -> UInt64 { bits >= 64 ? ~0 : 1 << UInt64(bits) &- 1 }
}

/// Bits of IA32_PERF_CAPABILITIES.
///
/// Source: Intel SDM, volume 4, "IA-32 Architectural MSRs".
enum PerformanceCapabilities {
  /// FW_WRITE: IA32_A_PMCx writes all bits of a counter.
  static let fullWidthWrites: UInt64 = 1 << 13
}

/// Bits of IA32_PERFEVTSELx.
///
/// Source: Intel SDM, "Architectural Performance Monitoring Version 1 Facilities" and "Version 3".
enum PerformanceSelection {
  static let event: UInt64 = 0xff
  /// USR: CPL 1 to 3.
  static let user: UInt64 = 1 << 16
  /// OS: CPL 0.
  static let supervisor: UInt64 = 1 << 17
  /// E: count how often the condition comes true.
  static let edge: UInt64 = 1 << 18
  /// INT.
  static let interrupt: UInt64 = 1 << 20
  static let anyThread: UInt64 = 1 << 21
  /// EN.
  static let enable: UInt64 = 1 << 22
  /// INV.
  static let invert: UInt64 = 1 << 23
  /// CMASK, 8 bits from here.
  static let counterMask: UInt64 = 24
}

/// Bits of IA32_PERF_GLOBAL_STATUS.
///
/// Source: Intel SDM, volume 4, "IA-32 Architectural MSRs".
enum PerformanceStatus {
  /// Where the bits of the fixed-function counters start.
  static let fixed: UInt64 = 32
  /// IA32_PERF_GLOBAL_INUSE only: a counter is to interrupt.
  static let interruptInUse: UInt64 = 1 << 63
  /// CTR_Frz.
  static let countersFrozen: UInt64 = 1 << 59
  /// Ovf_Uncore.
  static let uncoreOverflow: UInt64 = 1 << 61
  /// OvfBuf.
  static let bufferOverflow: UInt64 = 1 << 62
  /// CondChgd.
  static let conditionChanged: UInt64 = 1 << 63
}
