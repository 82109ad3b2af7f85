/// Physical memory in which nothing has been put yet.
struct FreeMemory {
  /// Ascending, apart from one another, none empty.
  private(set) var ranges: [Range<UInt64>]

  init(_ ranges: [Range<UInt64>]) {
    self.ranges = ranges
  }

  /// Whether all of `range` is free.
  func contains(_ range: Range<UInt64>) -> Bool {
    range.isEmpty
      || ranges.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
  }

  /// Takes `range` out, as far as it is free.
  mutating func remove(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    ranges = ranges.flatMap { free -> [Range<UInt64>] in
      guard free.overlaps(range) else { return [free] }
      let parts = [
        free.lowerBound..<max(free.lowerBound, range.lowerBound),
        min(free.upperBound, range.upperBound)..<free.upperBound,
      ]
      return parts.filter { !$0.isEmpty }
    }
  }

  /// Takes the lowest `size` bytes that are free within `window` and start at a multiple of
  /// `alignment`, a power of two; their address, or nil where there are none.
  mutating func take(size: UInt64, alignment: UInt64, within window: Range<UInt64>) -> UInt64? {
    for free in ranges {
      let usable = free.clamped(to: window)
      let (raised, overflow) = usable.lowerBound.addingReportingOverflow(alignment - 1)
      let start = raised & ~(alignment - 1)
      guard !usable.isEmpty, !overflow, start < usable.upperBound, usable.upperBound - start >= size
      else { continue }
      remove(start..<start + size)
      return start
    }
    return nil
  }
}
