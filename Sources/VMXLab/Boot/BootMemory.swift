/// The memory of a machine as an image loader needs it. Loaders know nothing else of the machine.
protocol BootMemory {
  /// The physical addresses that are RAM: ascending, apart from one another, none empty.
  var ramRanges: [Range<UInt64>] { get }

  /// Writes `bytes` to RAM at `address`. Loaders write only where ``ramRanges`` has RAM.
  mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64)

  /// Fills `range`, which is RAM, with zeros. Memory that keeps untouched pages for nothing has
  /// reason to do better than to write them, which is what happens otherwise.
  mutating func zero(_ range: Range<UInt64>)
}

extension BootMemory {
  mutating func zero(_ range: Range<UInt64>) {
    let zeros = [UInt8](
      repeating: 0, count: Int(min(64 << 10, range.upperBound - range.lowerBound)))
    var address = range.lowerBound
    while address < range.upperBound {
      let count = Int(min(UInt64(zeros.count), range.upperBound - address))
      zeros.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[..<count]), at: address) }
      address += UInt64(count)
    }
  }

  mutating func write(_ bytes: [UInt8], at address: UInt64) {
    bytes.withUnsafeBytes { write($0, at: address) }
  }

  /// Writes the part `range` of `bytes`, which has it.
  mutating func write(_ range: Range<Int>, of bytes: [UInt8], at address: UInt64) {
    bytes.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[range]), at: address) }
  }
}
