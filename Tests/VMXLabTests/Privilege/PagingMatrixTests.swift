import Testing

@testable import VMXLab

/// Every combination of R/W, U/S and XD in every entry, CR0.WP, CR4.SMEP, CR4.SMAP, EFER.NXE, EFLAGS.AC
/// and privilege level, and every combination of protection keys with all of that, for reads, writes and
/// fetches, against the manual's rules.
struct PagingMatrixTests {
  @Test("An access is allowed, or faults, as the manual says", arguments: PagingShape.allCases)
  func matrix(shape: PagingShape) throws {
    let flags = shape.hasExecuteDisable ? 3 : 2
    let total = 1 << (shape.entries * flags + 6)
    var matrix = Matrix(shape, try PagingRunner(shape))
    matrix.run(total) { index, random in
      var bits = BitQueue(index)
      var settings = Self.settings(&bits)
      Self.addKeys(&settings, random.next())
      for _ in 0..<shape.entries {
        settings.entries.append(Self.entry(&bits, shape))
      }
      return settings
    }
  }

  /// One entry has rights of its own, and the others have all.
  @Test(
    "Protection keys of data accesses count with everything else", arguments: PagingShape.allCases)
  func keys(shape: PagingShape) throws {
    var matrix = Matrix(shape, try PagingRunner(shape))
    matrix.run(1 << 15) { index, random in
      var bits = BitQueue(index)
      var settings = Self.settings(&bits)
      Self.addKeys(&settings, bits.take(6) | random.next() << 6)
      settings.entries = [PagingEntry](repeating: PagingEntry(), count: shape.entries)
      settings.entries[random.below(shape.entries)] = Self.entry(&bits, shape)
      return settings
    }
  }

  /// A walk through the cases of one shape.
  private struct Matrix {
    let shape: PagingShape
    let runner: PagingRunner
    private var random = SeededGenerator(seed: FuzzSettings.seed)
    private var mismatches = 0

    init(_ shape: PagingShape, _ runner: PagingRunner) {
      self.shape = shape
      self.runner = runner
    }

    /// All cases take minutes without optimisation: a part unless there is time.
    mutating func run(_ total: Int, _ settings: (Int, inout SeededGenerator) -> PagingCase) {
      let step = FuzzSettings.seconds == nil ? max(1, total / 6_000) | 1 : 1
      var index = 0
      while index < total, mismatches < 10 {
        var settings = settings(index, &random)
        PagingMatrixTests.spoil(&settings, shape, &random)
        tryAccesses(settings)
        index += step
      }
    }

    private mutating func tryAccesses(_ settings: PagingCase) {
      var settings = settings
      runner.set(settings)
      // In any order, since what one access leaves in the TLB must not change another.
      var accesses = PagingCase.Access.allCases.shuffled(using: &random)
      accesses.append(accesses[0])
      var hasWritten = settings.entries.last?.isDirty ?? false
      for (number, access) in accesses.enumerated() {
        // Nor what it leaves under other rights of the keys.
        if number == 2, random.chance(1, in: 4) {
          PagingMatrixTests.addKeys(&settings, random.next(), keepsKey: true)
          runner.setKeyRights(settings)
        }
        settings.access = access
        let expected = settings.fault(shape)
        let (actual, isConsistent) = runner.run(settings)
        if expected == nil, access == .write { hasWritten = true }
        let used = runner.usedFlags(shape.entries)
        // Above the last entry the dirty flag is ignored, and what was set stays set.
        var dirty = settings.entries.map(\.isDirty)
        dirty[dirty.count - 1] = hasWritten
        let flagsAreRight =
          used.dirty == dirty && (expected != nil || used.accessed.allSatisfy { $0 })
          && zip(used.accessed, settings.entries).allSatisfy { $0 || !$1.isAccessed }
        if actual != expected || !isConsistent || !flagsAreRight {
          mismatches += 1
          Issue.record(
            """
            \(shape), \(settings)
              error code \(PagingMatrixTests.text(actual)), expected \
            \(PagingMatrixTests.text(expected))\
            \(isConsistent ? "" : ", CR2 or RIP wrong"); \
            accessed \(used.accessed), dirty \(used.dirty), expected \(dirty)
            """)
        }
      }
    }
  }

  /// The bits of a number, one after the other.
  private struct BitQueue {
    private var bits: UInt64

    init(_ bits: Int) { self.bits = UInt64(bits) }

    mutating func next() -> Bool { take(1) != 0 }

    mutating func take(_ count: UInt64) -> UInt64 {
      defer { bits >>= count }
      return bits & (1 << count - 1)
    }
  }

  private static func settings(_ bits: inout BitQueue) -> PagingCase {
    var settings = PagingCase(entries: [])
    settings.isUser = bits.next()
    settings.writeProtect = bits.next()
    settings.smep = bits.next()
    settings.smap = bits.next()
    settings.executeDisableEnabled = bits.next()
    settings.alignmentCheck = bits.next()
    return settings
  }

  private static func entry(_ bits: inout BitQueue, _ shape: PagingShape) -> PagingEntry {
    var entry = PagingEntry()
    entry.isWritable = bits.next()
    entry.isUser = bits.next()
    if shape.hasExecuteDisable { entry.executeDisable = bits.next() }
    return entry
  }

  /// Protection keys by the six lowest of `bits`, and a key by the others.
  fileprivate static func addKeys(
    _ settings: inout PagingCase, _ bits: UInt64, keepsKey: Bool = false
  ) {
    func bit(_ number: UInt64) -> Bool { bits >> number & 1 != 0 }
    settings.userRights = .init(accessDisable: bit(0), writeDisable: bit(1))
    settings.supervisorRights = .init(accessDisable: bit(2), writeDisable: bit(3))
    if keepsKey { return }
    settings.userKeys = bit(4)
    settings.supervisorKeys = bit(5)
    settings.key = UInt32((bits >> 6) % 15) + 1
  }

  /// Accessed and dirty flags; and now and then an entry is not present, or has a reserved bit set, or
  /// both.
  fileprivate static func spoil(
    _ settings: inout PagingCase, _ shape: PagingShape, _ random: inout SeededGenerator
  ) {
    if random.chance(1, in: 8) {
      settings.entries[random.below(shape.entries)].isPresent = false
    }
    for level in 0..<shape.entries {
      settings.entries[level].isAccessed = random.chance(1, in: 2)
      settings.entries[level].isDirty = random.chance(1, in: 4)
    }
    if shape != .bits32, random.chance(1, in: 8) {
      settings.entries[random.below(shape.entries)].hasReservedBit = true
    }
  }

  fileprivate static func text(_ code: UInt32?) -> String {
    code.map { "0x\(String($0, radix: 16))" } ?? "none"
  }
}
