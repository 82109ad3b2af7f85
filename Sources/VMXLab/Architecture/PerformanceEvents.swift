/// The events that every processor with architectural performance monitoring counts alike, in the
/// order of their bits in CPUID.0AH:EBX.
///
/// Source: Intel SDM, "Pre-defined Architectural Performance Events".
enum ArchitecturalPerformanceEvent: UInt32, CaseIterable {
  case unhaltedCoreCycles = 0
  case instructionsRetired = 1
  case unhaltedReferenceCycles = 2
  case lastLevelCacheReferences = 3
  case lastLevelCacheMisses = 4
  case branchInstructionsRetired = 5
  case branchMissesRetired = 6
  case topdownSlots = 7

  /// Unit mask and event select, as bits 15:0 of IA32_PERFEVTSELx have them.
  var selection: UInt64 {
    switch self {
    case .unhaltedCoreCycles: 0x003c
    case .instructionsRetired: 0x00c0
    case .unhaltedReferenceCycles: 0x013c
    case .lastLevelCacheReferences: 0x4f2e
    case .lastLevelCacheMisses: 0x412e
    case .branchInstructionsRetired: 0x00c4
    case .branchMissesRetired: 0x00c5
    case .topdownSlots: 0x01a4
    }
  }

  /// Whether VMXLab counts it. There are no caches to miss, no branches to mispredict and no
  /// pipeline slots.
  var isBuilt: Bool {
    switch self {
    case .unhaltedCoreCycles, .instructionsRetired, .unhaltedReferenceCycles: true
    default: false
    }
  }
}

/// What CPUID leaf 0AH says of performance monitoring.
///
/// Source: Intel SDM, "Architectural Performance Monitoring Leaf".
struct PerformanceMonitoringLeaf {
  var result: CPUIDResult

  /// Fixed-function counters that VMXLab has: instructions, core cycles, reference cycles. The next
  /// one counts pipeline slots.
  static let builtFixedCounters: UInt32 = 3
  /// General counters that VMXLab has room for.
  static let maximumGeneralCounters = 8

  var version: UInt32 { result.eax & 0xff }
  var generalCounters: Int { min(Int(result.eax >> 8 & 0xff), Self.maximumGeneralCounters) }
  var generalWidth: UInt32 { result.eax >> 16 & 0xff }
  /// Version 1 has no fixed-function counters.
  var fixedCounters: Int { version > 1 ? Int(result.edx & 0x1f) : 0 }
  var fixedWidth: UInt32 { result.edx >> 5 & 0xff }
  /// AnyThread, of version 3, does not exist where EDX[15] says that it is deprecated.
  var hasAnyThread: Bool { version >= 3 && result.edx >> 15 & 1 == 0 }

  /// Whether CPUID says that the event is available.
  func offers(_ event: ArchitecturalPerformanceEvent) -> Bool {
    event.rawValue < result.eax >> 24 && result.ebx >> event.rawValue & 1 == 0
  }

  /// The leaf without the counters and events that are not built.
  var offered: CPUIDResult {
    guard version != 0 else { return .zero }
    var offered = result
    for event in ArchitecturalPerformanceEvent.allCases
    where !event.isBuilt && event.rawValue < result.eax >> 24 {
      offered.ebx |= 1 << event.rawValue
    }
    offered.ecx &= 1 << Self.builtFixedCounters - 1
    offered.edx = offered.edx & ~0x1f | min(offered.edx & 0x1f, Self.builtFixedCounters)
    return offered
  }
}
