// Shifts, packing, interleaving and shuffles.
extension PackedInteger {
  // MARK: Shifts. A count too large for the lanes gives zeros, or copies of the sign.

  /// PSLLW.
  @inline(__always) static func shiftWordsLeft(_ a: UInt64, _ count: UInt64) -> UInt64 {
    count > 15 ? 0 : map(a) { (x: UInt16) in x &<< UInt16(truncatingIfNeeded: count) }
  }
  /// PSLLD.
  @inline(__always) static func shiftDoublewordsLeft(_ a: UInt64, _ count: UInt64) -> UInt64 {
    count > 31 ? 0 : map(a) { (x: UInt32) in x &<< UInt32(truncatingIfNeeded: count) }
  }
  /// PSLLQ.
  @inline(__always) static func shiftQuadwordsLeft(_ a: UInt64, _ count: UInt64) -> UInt64 {
    count > 63 ? 0 : a &<< count
  }
  /// PSRLW.
  @inline(__always) static func shiftWordsRight(_ a: UInt64, _ count: UInt64) -> UInt64 {
    count > 15 ? 0 : map(a) { (x: UInt16) in x &>> UInt16(truncatingIfNeeded: count) }
  }
  /// PSRLD.
  @inline(__always) static func shiftDoublewordsRight(_ a: UInt64, _ count: UInt64) -> UInt64 {
    count > 31 ? 0 : map(a) { (x: UInt32) in x &>> UInt32(truncatingIfNeeded: count) }
  }
  /// PSRLQ.
  @inline(__always) static func shiftQuadwordsRight(_ a: UInt64, _ count: UInt64) -> UInt64 {
    count > 63 ? 0 : a &>> count
  }
  /// PSRAW.
  @inline(__always) static func shiftWordsRightSigned(_ a: UInt64, _ count: UInt64) -> UInt64 {
    let count = Int16(truncatingIfNeeded: min(count, 15))
    return map(a) { (x: Int16) in x &>> count }
  }
  /// PSRAD.
  @inline(__always)
  static func shiftDoublewordsRightSigned(_ a: UInt64, _ count: UInt64) -> UInt64 {
    let count = Int32(truncatingIfNeeded: min(count, 31))
    return map(a) { (x: Int32) in x &>> count }
  }

  // MARK: Packing: 64 bits in, 32 out

  /// PACKSSWB of one quadword.
  @inline(__always) static func packSignedWords(_ a: UInt64) -> UInt32 {
    packWords(a) { UInt8(bitPattern: Int8(clamping: $0)) }
  }
  /// PACKUSWB of one quadword.
  @inline(__always) static func packUnsignedWords(_ a: UInt64) -> UInt32 {
    packWords(a) { UInt8(clamping: $0) }
  }
  /// PACKSSDW of one quadword.
  @inline(__always) static func packSignedDoublewords(_ a: UInt64) -> UInt32 {
    packDoublewords(a) { UInt16(bitPattern: Int16(clamping: $0)) }
  }
  /// PACKUSDW of one quadword.
  @inline(__always) static func packUnsignedDoublewords(_ a: UInt64) -> UInt32 {
    packDoublewords(a) { UInt16(clamping: $0) }
  }

  @inline(__always)
  private static func packWords(_ a: UInt64, _ narrow: (Int16) -> UInt8) -> UInt32 {
    UInt32(narrow(lane(a, 0))) | UInt32(narrow(lane(a, 1))) &<< 8
      | UInt32(narrow(lane(a, 2))) &<< 16 | UInt32(narrow(lane(a, 3))) &<< 24
  }

  @inline(__always)
  private static func packDoublewords(_ a: UInt64, _ narrow: (Int32) -> UInt16) -> UInt32 {
    UInt32(narrow(lane(a, 0))) | UInt32(narrow(lane(a, 1))) &<< 16
  }

  /// Two results of 32 bits as one of 64.
  @inline(__always) static func join(_ low: UInt32, _ high: UInt32) -> UInt64 {
    UInt64(low) | UInt64(high) &<< 32
  }

  // MARK: Interleaving

  /// The lower half of PUNPCK*BW: bytes of the low doublewords.
  @inline(__always) static func interleaveLowBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    spreadBytes(a) | spreadBytes(b) &<< 8
  }
  /// The same with the high doublewords.
  @inline(__always) static func interleaveHighBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    interleaveLowBytes(a &>> 32, b &>> 32)
  }
  /// PUNPCK*WD: words of the low doublewords.
  @inline(__always) static func interleaveLowWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    spreadWords(a) | spreadWords(b) &<< 16
  }
  /// The same with the high doublewords.
  @inline(__always) static func interleaveHighWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    interleaveLowWords(a &>> 32, b &>> 32)
  }
  /// PUNPCK*DQ: the low doublewords.
  @inline(__always) static func interleaveLowDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    a & 0xffff_ffff | b &<< 32
  }
  /// The same with the high doublewords.
  @inline(__always) static func interleaveHighDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    a &>> 32 | b & 0xffff_ffff_0000_0000
  }

  /// The low four bytes, each in a word.
  @inline(__always) private static func spreadBytes(_ a: UInt64) -> UInt64 {
    let words = spreadWords(a)
    return (words | words &<< 8) & 0x00ff_00ff_00ff_00ff
  }

  /// The low two words, each in a doubleword.
  @inline(__always) private static func spreadWords(_ a: UInt64) -> UInt64 {
    let low = a & 0xffff_ffff
    return (low | low &<< 16) & 0x0000_ffff_0000_ffff
  }

  // MARK: Shuffles

  /// PSHUFB of an MMX register.
  @inline(__always) static func shuffleBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(b) { (selector: UInt8) in
      selector & 0x80 != 0 ? 0 : lane(a, UInt64(selector & 7))
    }
  }

  /// PSHUFW, and each half of PSHUFLW and PSHUFHW: words of `b` by two bits each of `order`.
  @inline(__always) static func shuffleWords(_ b: UInt64, _ order: UInt64) -> UInt64 {
    var result: UInt64 = 0
    for index in 0..<4 {
      let position = UInt64(truncatingIfNeeded: index)
      let word: UInt16 = lane(b, order &>> (position &* 2) & 3)
      result |= UInt64(word) &<< (position &* 16)
    }
    return result
  }

  /// PALIGNR of MMX registers: `a` above `b`, shifted right by `count` bytes.
  @inline(__always)
  static func alignRight(_ a: UInt64, _ b: UInt64, _ count: UInt64) -> UInt64 {
    if count >= 16 { return 0 }
    if count >= 8 { return a &>> ((count &- 8) &* 8) }
    return count == 0 ? b : b &>> (count &* 8) | a &<< (64 &- count &* 8)
  }

  /// PMOVMSKB of one quadword: the sign bits of the bytes.
  @inline(__always) static func signBits(_ a: UInt64) -> UInt64 {
    ((a & 0x8080_8080_8080_8080) &>> 7 &* 0x0102_0408_1020_4080) &>> 56
  }

  /// PINSRW: word `index` (of four) replaced.
  @inline(__always)
  static func insertWord(_ a: UInt64, _ word: UInt16, at index: UInt64) -> UInt64 {
    let shift = (index & 3) &* 16
    return a & ~(0xffff &<< shift) | UInt64(word) &<< shift
  }
}
