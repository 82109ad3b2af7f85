/// The steps of the Advanced Encryption Standard on one block of 16 bytes.
///
/// Source: FIPS 197.
enum AES {
  /// SubBytes of each byte, and behind it the inverse.
  private static let boxes: Boxes = Boxes()

  /// Owns the tables for the life of the process.
  private struct Boxes: @unchecked Sendable {
    // Written here and nowhere else.
    let bytes: UnsafeMutablePointer<UInt8>

    init() {
      bytes = .allocate(capacity: 512)
      // p runs through the field by multiplication with 3, q through the inverses.
      var p: UInt8 = 1
      var q: UInt8 = 1
      repeat {
        p ^= AES.double(p)
        q ^= q &<< 1
        q ^= q &<< 2
        q ^= q &<< 4
        if q & 0x80 != 0 { q ^= 0x09 }
        set(p, q ^ rotate(q, 1) ^ rotate(q, 2) ^ rotate(q, 3) ^ rotate(q, 4) ^ 0x63)
      } while p != 1
      set(0, 0x63)
    }

    private func set(_ value: UInt8, _ substitute: UInt8) {
      bytes[Int(value)] = substitute
      bytes[256 + Int(substitute)] = value
    }

    private func rotate(_ value: UInt8, _ count: UInt8) -> UInt8 {
      value &<< count | value &>> (8 &- count)
    }
  }

  @inline(__always) static func substitute(_ byte: UInt8) -> UInt8 { boxes.bytes[Int(byte)] }
  @inline(__always) static func inverseSubstitute(_ byte: UInt8) -> UInt8 {
    boxes.bytes[256 &+ Int(byte)]
  }

  /// SubWord.
  static func substituteWord(_ word: UInt32) -> UInt32 {
    var result: UInt32 = 0
    for bits in stride(from: 0, to: 32, by: 8) as StrideTo<UInt32> {
      result |= UInt32(substitute(UInt8(truncatingIfNeeded: word >> bits))) << bits
    }
    return result
  }

  /// Times x in the field.
  @inline(__always) static func double(_ value: UInt8) -> UInt8 {
    value &<< 1 ^ (value & 0x80 != 0 ? 0x1b : 0)
  }

  /// Where ShiftRows takes byte `index` of its result from.
  @inline(__always) static func shiftedRow(_ index: Int) -> Int { (index &+ (index & 3) &* 4) & 15 }
  @inline(__always) static func inverseShiftedRow(_ index: Int) -> Int {
    (index &- (index & 3) &* 4) & 15
  }

  /// MixColumns of the column that holds byte `index`: that byte of the result.
  @inline(__always) static func mix(_ index: Int, _ byte: (Int) -> UInt8) -> UInt8 {
    let column = index & ~3
    let a = byte(index)
    let b = byte(column | (index &+ 1) & 3)
    let c = byte(column | (index &+ 2) & 3)
    let d = byte(column | (index &+ 3) & 3)
    return double(a) ^ double(b) ^ b ^ c ^ d
  }

  /// The inverse of MixColumns.
  @inline(__always) static func inverseMix(_ index: Int, _ byte: (Int) -> UInt8) -> UInt8 {
    let column = index & ~3
    let a = byte(index)
    let b = byte(column | (index &+ 1) & 3)
    let c = byte(column | (index &+ 2) & 3)
    let d = byte(column | (index &+ 3) & 3)
    // 14 a + 11 b + 13 c + 9 d.
    let all = a ^ b ^ c ^ d
    return all ^ a ^ double(a ^ b ^ double(a ^ c ^ double(all)))
  }
}
