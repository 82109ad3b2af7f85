/// The bytes of a file, little-endian, read without trusting any offset.
struct ImageBytes {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  var count: UInt64 { UInt64(bytes.count) }

  /// The part of the file with `size` bytes at `offset`, or nil if the file has not that much.
  func range(at offset: UInt64, size: UInt64) -> Range<Int>? {
    guard offset <= count, size <= count - offset else { return nil }
    return Int(offset)..<Int(offset) + Int(size)
  }

  /// The number of `type` at `offset`, or nil past the end of the file.
  func read<Number: FixedWidthInteger & UnsignedInteger>(_ type: Number.Type, at offset: UInt64)
    -> Number?
  {
    guard let range = range(at: offset, size: UInt64(Number.bitWidth / 8)) else { return nil }
    return bytes[range].reversed().reduce(0) { $0 << 8 | Number($1) }
  }

  func starts(with prefix: [UInt8], at offset: UInt64 = 0) -> Bool {
    guard let range = range(at: offset, size: UInt64(prefix.count)) else { return false }
    return bytes[range].elementsEqual(prefix)
  }
}

/// Bytes that are put together for the guest, little-endian.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ value: UInt32) {
    for shift in [0, 8, 16, 24] as [UInt32] {
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  mutating func append(_ value: UInt64) {
    append(UInt32(truncatingIfNeeded: value))
    append(UInt32(truncatingIfNeeded: value >> 32))
  }

  mutating func append(contentsOf other: [UInt8]) {
    bytes += other
  }

  /// Appends `text` and the 0 that ends it.
  mutating func append(_ text: String) {
    bytes += text.utf8
    bytes.append(0)
  }

  /// Appends zeros up to a multiple of `alignment`.
  mutating func align(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }

  /// Replaces the bytes at `offset`, as far as there are any.
  mutating func replace(at offset: Int, with value: UInt64, size: Int) {
    for index in 0..<size where bytes.indices.contains(offset + index) {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
    }
  }
}
