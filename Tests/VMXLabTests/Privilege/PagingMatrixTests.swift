import Testing

@testable import VMXLab

/// Every combination of R/W, U/S and XD in every entry, CR0.WP, CR4.SMEP, CR4.SMAP, EFER.NXE, EFLAGS.AC
/// and privilege level, for reads, writes and fetches, against the manual's rules.
struct PagingMatrixTests {
  @Test("An access is allowed, or faults, as the manual says", arguments: PagingShape.allCases)
  func matrix(shape: PagingShape) throws {
    let runner = try PagingRunner(shape)
    let flags = shape.hasExecuteDisable ? 3 : 2
    let total = 1 << (shape.entries * flags + 6)
    // All of them take a minute without optimisation: a part unless there is time.
    let step = FuzzSettings.seconds == nil ? max(1, total / 6_000) | 1 : 1
    var random = SeededGenerator(seed: FuzzSettings.seed)
    var mismatches = 0
    var index = 0
    while index < total, mismatches < 10 {
      var settings = Self.settings(index, shape)
      Self.spoil(&settings, shape, &random)
      runner.set(settings)
      // In any order, since what one access leaves in the TLB must not change another.
      var accesses = PagingCase.Access.allCases.shuffled(using: &random)
      accesses.append(accesses[0])
      var hasWritten = false
      for access in accesses {
        settings.access = access
        let expected = settings.fault(shape)
        let (actual, isConsistent) = runner.run(settings)
        if expected == nil, access == .write { hasWritten = true }
        let used = runner.usedFlags(shape.entries)
        let flagsAreRight =
          used.dirty == hasWritten && (expected != nil || used.accessed.allSatisfy { $0 })
        if actual != expected || !isConsistent || !flagsAreRight {
          mismatches += 1
          Issue.record(
            """
            \(shape), \(settings)
              error code \(Self.text(actual)), expected \(Self.text(expected))\
            \(isConsistent ? "" : ", CR2 or RIP wrong"); \
            accessed \(used.accessed), dirty \(used.dirty), expected \(hasWritten)
            """)
        }
      }
      index += step
    }
  }

  private static func settings(_ index: Int, _ shape: PagingShape) -> PagingCase {
    var bits = index
    func next() -> Bool {
      defer { bits >>= 1 }
      return bits & 1 != 0
    }
    var settings = PagingCase(entries: [])
    settings.isUser = next()
    settings.writeProtect = next()
    settings.smep = next()
    settings.smap = next()
    settings.executeDisableEnabled = next()
    settings.alignmentCheck = next()
    for _ in 0..<shape.entries {
      var entry = PagingEntry()
      entry.isWritable = next()
      entry.isUser = next()
      if shape.hasExecuteDisable { entry.executeDisable = next() }
      settings.entries.append(entry)
    }
    return settings
  }

  /// Now and then an entry is not present, or has a reserved bit set, or both.
  private static func spoil(
    _ settings: inout PagingCase, _ shape: PagingShape, _ random: inout SeededGenerator
  ) {
    if random.chance(1, in: 8) {
      settings.entries[random.below(shape.entries)].isPresent = false
    }
    if shape != .bits32, random.chance(1, in: 8) {
      settings.entries[random.below(shape.entries)].hasReservedBit = true
    }
  }

  private static func text(_ code: UInt32?) -> String {
    code.map { "0x\(String($0, radix: 16))" } ?? "none"
  }
}
