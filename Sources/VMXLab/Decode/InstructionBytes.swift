/// Up to 16 bytes of code as two words, the first byte lowest; those that are not there are 0.
struct InstructionBytes: Equatable {
  var low: UInt64
  var high: UInt64

  init(low: UInt64 = 0, high: UInt64 = 0) {
    self.low = low
    self.high = high
  }

  /// The 16 bytes at a host address.
  @inline(__always) init(_ host: UnsafeMutableRawPointer) {
    low = host.loadUnaligned(as: UInt64.self)
    high = host.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
  }

  /// A field of an instruction: a displacement or an immediate.
  struct Field: Equatable {
    var offset: UInt8 = 0
    /// 0 to 8 bytes; 0 is no field.
    var size: UInt8 = 0

    @inline(__always) var isEmpty: Bool { size == 0 }
    /// The field's bits.
    var mask: InstructionBytes {
      isEmpty
        ? InstructionBytes()
        : InstructionBytes.first(offset &+ size).and(InstructionBytes.first(offset), isNot: true)
    }
  }

  /// A mask of the first `count` bytes.
  static func first(_ count: UInt8) -> InstructionBytes {
    let bits = UInt64(count) * 8
    return InstructionBytes(
      low: bits >= 64 ? ~0 : (1 << bits) &- 1,
      high: bits >= 128 ? ~0 : bits <= 64 ? 0 : (1 << (bits &- 64)) &- 1)
  }

  /// The bits that `mask` has, or that it has not.
  @inline(__always)
  func and(_ mask: InstructionBytes, isNot: Bool = false) -> InstructionBytes {
    isNot
      ? InstructionBytes(low: low & ~mask.low, high: high & ~mask.high)
      : InstructionBytes(low: low & mask.low, high: high & mask.high)
  }

  /// The value of a field that is not empty, sign-extended.
  @inline(__always) func value(_ field: Field) -> UInt64 {
    let above = 64 &- (UInt64(field.offset) &+ UInt64(field.size)) &* 8
    guard Int64(bitPattern: above) >= 0 else { return valueReachingHigh(field) }
    return UInt64(
      bitPattern: Int64(bitPattern: low &<< above) &>> Int64(64 &- UInt64(field.size) &* 8))
  }

  /// The same for a field that is not all in the lower word.
  @inline(never) private func valueReachingHigh(_ field: Field) -> UInt64 {
    let shift = UInt64(field.offset) &* 8
    let word =
      field.offset >= 8
      ? high &>> (shift &- 64) : low &>> shift | (high << (64 &- shift))
    let unused = 64 &- UInt64(field.size) &* 8
    return UInt64(bitPattern: Int64(bitPattern: word &<< unused) &>> Int64(unused))
  }

  @inline(__always) subscript(index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: index < 8 ? low &>> (index &* 8) : high &>> ((index &- 8) &* 8))
  }

  /// The first `count` bytes, with others behind them.
  func appending(_ others: InstructionBytes, at count: Int) -> InstructionBytes {
    let shift = UInt64(count) * 8
    var sum = and(.first(UInt8(truncatingIfNeeded: count)))
    sum.low |= others.low << shift
    sum.high |= shift >= 64 ? others.low << (shift &- 64) : others.high << shift
    if (1..<64).contains(shift) { sum.high |= others.low >> (64 &- shift) }
    return sum
  }

  /// Calls `body` with the first `count` bytes.
  @inline(__always)
  func withBytes<R>(_ count: Int, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    withUnsafeBytes(of: (low.littleEndian, high.littleEndian)) { raw in
      body(UnsafeBufferPointer(rebasing: raw.bindMemory(to: UInt8.self)[..<min(count, 16)]))
    }
  }
}

extension Processor {
  /// The `count` bytes (at most 16) of code at a physical address, all on its page.
  mutating func instructionBytes(_ physical: UInt64, count: Int) -> InstructionBytes {
    if count == 16, let host = ram.host(physical) {
      return InstructionBytes(host)
    }
    var bytes = InstructionBytes()
    for index in 0..<min(count, 16) {
      let byte = load(physical &+ UInt64(index), byteCount: 1) & 0xff
      if index < 8 { bytes.low |= byte << UInt64(index &* 8) }
      if index >= 8 { bytes.high |= byte << UInt64((index &- 8) &* 8) }
    }
    return bytes
  }
}
