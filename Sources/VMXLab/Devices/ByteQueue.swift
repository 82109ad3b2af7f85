/// A queue of bytes that is cheap at both ends.
struct ByteQueue {
  private var bytes: [UInt8] = []
  /// Where the first byte lies; those before it are gone.
  private var head = 0

  var count: Int { bytes.count - head }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ byte: UInt8) {
    bytes.append(byte)
  }

  mutating func prepend(_ front: [UInt8]) {
    bytes.replaceSubrange(0..<head, with: front)
    head = 0
  }

  mutating func popFirst() -> UInt8? {
    guard head < bytes.count else { return nil }
    defer {
      head += 1
      // Once more is gone than is left, moving what is left pays.
      if head * 2 > bytes.count {
        bytes.removeSubrange(0..<head)
        head = 0
      }
    }
    return bytes[head]
  }
}
