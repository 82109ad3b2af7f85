/// A set of interrupt vectors: IRR, ISR and TMR of a local APIC.
struct VectorSet {
  private var words = InlineArray<8, UInt32>(repeating: 0)

  /// The vectors from 32 × `index` on, as a register shows them.
  subscript(word index: Int) -> UInt32 { words[index & 7] }

  func contains(_ vector: UInt8) -> Bool {
    words[Int(vector >> 5)] >> UInt32(vector & 31) & 1 != 0
  }

  mutating func insert(_ vector: UInt8) { words[Int(vector >> 5)] |= 1 << UInt32(vector & 31) }

  mutating func remove(_ vector: UInt8) { words[Int(vector >> 5)] &= ~(1 << UInt32(vector & 31)) }

  /// The highest vector, which is the one of highest priority.
  var highest: UInt8? {
    for index in stride(from: 7, through: 0, by: -1) where words[index] != 0 {
      return UInt8(truncatingIfNeeded: index * 32 + 31 - words[index].leadingZeroBitCount)
    }
    return nil
  }
}
