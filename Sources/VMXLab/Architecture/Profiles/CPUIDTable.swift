/// What CPUID returns in a machine: the profile's data, less what is not built, with the machine's
/// number of processors put in.
///
/// The table owns its memory; ``view`` is what the CPUID handler keeps.
public final class CPUIDTable: @unchecked Sendable {
  // The memory is written by the initialiser only, which is what makes sharing it safe.
  private let rows: UnsafeMutablePointer<CPUIDView.Row>
  /// A trivially copyable reader. It must not outlive the table.
  public let view: CPUIDView

  /// Flattens what `profile` offers in a machine of `processors` processors, each a core with one
  /// thread in the same package.
  public init(profile: CPUProfile, processors: Int = 1) {
    let count = UInt32(clamping: max(1, processors))
    var offered: [CPUIDView.Row] = []
    for leaf in profile.cpuid {
      let visible = BuiltCPUIDFeatures.visibleBits(leaf: leaf.leaf, subleaf: leaf.subleaf ?? 0)
      var result = leaf.result
      for register in CPUIDRegister.allCases { result[register] &= visible[register] }
      Self.putTopology(of: count, in: &result, leaf: leaf)
      if leaf.leaf == 0xa { result = PerformanceMonitoringLeaf(result: result).offered }
      offered.append(
        CPUIDView.Row(
          leaf: leaf.leaf, subleaf: leaf.subleaf ?? 0, isIndexed: leaf.subleaf != nil,
          result: result))
    }

    rows = .allocate(capacity: max(1, offered.count))
    rows.initialize(from: offered, count: offered.count)
    view = CPUIDView(
      rows: UnsafePointer(rows), count: offered.count,
      highestBasicLeaf: profile.leaf(0)?.eax ?? 0,
      highestExtendedLeaf: profile.leaf(0x8000_0000)?.eax ?? 0)
  }

  deinit { rows.deallocate() }

  private static func putTopology(
    of processors: UInt32, in result: inout CPUIDResult, leaf: CPUIDLeaf
  ) {
    // APIC IDs are handed out in powers of two.
    let bits = UInt32(32 - (processors - 1).leadingZeroBitCount)
    switch (leaf.leaf, leaf.subleaf) {
    case (1, _):
      let identifiers = min(UInt32(1) << min(bits, 8), 255)
      result.ebx = result.ebx & ~0x00ff_0000 | identifiers << 16
      result.edx = processors > 1 ? result.edx | 1 << 28 : result.edx & ~(1 << 28)
    case (4, _) where result.eax & 0x1f != 0:
      let cores = min((UInt32(1) << min(bits, 6)) - 1, 63)
      // The last-level cache (level 3) is shared by the package, the others belong to one core.
      let sharing = result.eax >> 5 & 7 >= 3 ? cores : 0
      result.eax = result.eax & 0x3fff | sharing << 14 | cores << 26
    case (0xb, 0):
      result = CPUIDResult(eax: 0, ebx: 1, ecx: 0x100)
    case (0xb, 1):
      result = CPUIDResult(eax: bits, ebx: min(processors, 0xffff), ecx: 0x201)
    case (0xb, _):
      result = .zero
    default:
      break
    }
  }
}

/// The reader of a ``CPUIDTable``: a pointer and three numbers, which the hot path may copy.
public struct CPUIDView {
  struct Row {
    var leaf: UInt32
    var subleaf: UInt32
    /// Whether the leaf looks at ECX.
    var isIndexed: Bool
    var result: CPUIDResult
  }

  let rows: UnsafePointer<Row>
  let count: Int
  /// CPUID.0:EAX.
  public let highestBasicLeaf: UInt32
  /// CPUID.80000000H:EAX.
  public let highestExtendedLeaf: UInt32

  /// What CPUID returns with `leaf` in EAX and `subleaf` in ECX.
  ///
  /// A leaf above the highest of its range returns the data of the highest basic leaf, as the manual
  /// has it; a leaf or sub-leaf in range that the part has not returns zeros.
  public func result(
    leaf: UInt32, subleaf: UInt32, state: CPUIDDynamicState = CPUIDDynamicState()
  ) -> CPUIDResult {
    let isLimited = state.miscEnable >> 22 & 1 == 1
    let highestBasicLeaf = isLimited ? min(self.highestBasicLeaf, 2) : self.highestBasicLeaf
    let isInRange =
      leaf <= highestBasicLeaf || leaf >= 0x8000_0000 && leaf <= highestExtendedLeaf && !isLimited
    let effectiveLeaf = isInRange ? leaf : highestBasicLeaf

    var result = row(leaf: effectiveLeaf, subleaf: subleaf)
    switch effectiveLeaf {
    case 0:
      result.eax = highestBasicLeaf
    case 1:
      result.ebx = result.ebx & 0x00ff_ffff | (state.apicID & 0xff) << 24
      if result.ecx >> 26 & 1 == 1 && state.cr4.contains(.osxsave) { result.ecx |= 1 << 27 }
      if state.miscEnable >> 18 & 1 == 0 { result.ecx &= ~(1 << 3) }
      if !state.isAPICEnabled { result.edx &= ~(1 << 9) }
    case 7 where subleaf == 0:
      if result.ecx >> 3 & 1 == 1 && state.cr4.contains(.pke) { result.ecx |= 1 << 4 }
    case 0xd:
      putExtendedState(subleaf: subleaf, state, into: &result)
    case 0xb, 0x1f:
      result.ecx = result.ecx & ~0xff | subleaf & 0xff
      result.edx = state.apicID
    case 0x8000_0001:
      if !state.isIn64BitMode { result.edx &= ~(1 << 11) }
      if state.miscEnable >> 34 & 1 == 1 { result.edx &= ~(1 << 20) }
    default:
      break
    }
    return result
  }

  /// What a leaf tells of the part: zeros for a leaf above the highest, where CPUID returns another's
  /// data.
  func facts(
    leaf: UInt32, subleaf: UInt32, state: CPUIDDynamicState = CPUIDDynamicState()
  ) -> CPUIDResult {
    let highest = leaf < 0x8000_0000 ? highestBasicLeaf : highestExtendedLeaf
    return leaf <= highest ? result(leaf: leaf, subleaf: subleaf, state: state) : .zero
  }

  /// Sizes of XSAVE areas: of the components in XCR0 in the standard format, of those in XCR0 and
  /// IA32_XSS in the compacted format.
  ///
  /// Source: Intel SDM, "Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported
  /// Features".
  private func putExtendedState(
    subleaf: UInt32, _ state: CPUIDDynamicState, into result: inout CPUIDResult
  ) {
    switch subleaf {
    case 0 where result.eax != 0:
      result.ebx = areaSize(state.xcr0, isCompacted: false)
      result.ecx = areaSize(UInt64(result.eax), isCompacted: false)
    case 1 where result.eax & 0xa != 0:
      result.ebx = areaSize(state.xcr0 | state.xss, isCompacted: true)
    default: break
    }
  }

  /// Bytes of an XSAVE area with `components`.
  private func areaSize(_ components: UInt64, isCompacted: Bool) -> UInt32 {
    // The legacy region and the header.
    var size: UInt32 = 576
    var left = components & ~3
    while left != 0 {
      let component = row(leaf: 0xd, subleaf: UInt32(left.trailingZeroBitCount))
      left &= left &- 1
      if isCompacted {
        if component.ecx & 2 != 0 { size = (size &+ 63) & ~63 }
        size &+= component.eax
      } else {
        size = max(size, component.ebx &+ component.eax)
      }
    }
    return size
  }

  /// The row as it stands; zeros where there is none.
  private func row(leaf: UInt32, subleaf: UInt32) -> CPUIDResult {
    var index = 0
    while index < count {
      let row = rows + index
      if row.pointee.leaf == leaf && (!row.pointee.isIndexed || row.pointee.subleaf == subleaf) {
        return row.pointee.result
      }
      index &+= 1
    }
    return .zero
  }
}
