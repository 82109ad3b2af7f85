/// Arithmetic on the packed integers of 64 bits of a register: the whole of an MMX register, or one
/// quadword of a wider one.
///
/// Operands are in the manual's order: `a` is the destination (or first source), `b` the source. The
/// functions that narrow return 32 bits, of which a wider instruction puts two together; those that
/// interleave come in pairs, for the low and the high half of their operands.
///
/// Source: Intel SDM, descriptions of the instructions named.
enum PackedInteger {
  typealias Lane = FixedWidthInteger

  // MARK: Building blocks

  /// Applies `operation` to each lane.
  @inline(__always)
  static func map<L: Lane>(_ a: UInt64, _ operation: (L) -> L) -> UInt64 {
    let width = UInt64(truncatingIfNeeded: L.bitWidth)
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      result |= bits(operation(L(truncatingIfNeeded: a &>> shift))) &<< shift
      shift = shift &+ width
    }
    return result
  }

  /// Applies `operation` to each pair of lanes.
  @inline(__always)
  static func map<L: Lane>(_ a: UInt64, _ b: UInt64, _ operation: (L, L) -> L) -> UInt64 {
    let width = UInt64(truncatingIfNeeded: L.bitWidth)
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      let lane = operation(L(truncatingIfNeeded: a &>> shift), L(truncatingIfNeeded: b &>> shift))
      result |= bits(lane) &<< shift
      shift = shift &+ width
    }
    return result
  }

  /// Lane `index`.
  @inline(__always)
  static func lane<L: Lane>(_ a: UInt64, _ index: UInt64, as type: L.Type = L.self) -> L {
    L(truncatingIfNeeded: a &>> (index &* UInt64(truncatingIfNeeded: L.bitWidth)))
  }

  /// The bits of one lane, zero-extended.
  @inline(__always)
  private static func bits<L: Lane>(_ lane: L) -> UInt64 {
    UInt64(truncatingIfNeeded: lane) & (~0 &>> UInt64(truncatingIfNeeded: 64 &- L.bitWidth))
  }

  /// All ones or all zeros.
  @inline(__always)
  private static func mask<L: Lane>(_ condition: Bool) -> L { condition ? ~0 : 0 }

  @inline(__always)
  private static func saturate<L: Lane>(_ value: Int64, as type: L.Type = L.self) -> L {
    L(clamping: value)
  }

  // MARK: Addition and subtraction

  /// PADDB.
  @inline(__always) static func addBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
    return ((a & low) &+ (b & low)) ^ ((a ^ b) & ~low)
  }
  /// PADDW.
  @inline(__always) static func addWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let low: UInt64 = 0x7fff_7fff_7fff_7fff
    return ((a & low) &+ (b & low)) ^ ((a ^ b) & ~low)
  }
  /// PADDD.
  @inline(__always) static func addDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let low: UInt64 = 0x7fff_ffff_7fff_ffff
    return ((a & low) &+ (b & low)) ^ ((a ^ b) & ~low)
  }
  /// PADDQ.
  @inline(__always) static func addQuadwords(_ a: UInt64, _ b: UInt64) -> UInt64 { a &+ b }
  /// PADDSB.
  @inline(__always) static func addSaturatingSignedBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int8, y: Int8) in saturate(Int64(x) &+ Int64(y)) }
  }
  /// PADDSW.
  @inline(__always) static func addSaturatingSignedWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int16, y: Int16) in saturate(Int64(x) &+ Int64(y)) }
  }
  /// PADDUSB.
  @inline(__always) static func addSaturatingUnsignedBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt8, y: UInt8) in saturate(Int64(x) &+ Int64(y)) }
  }
  /// PADDUSW.
  @inline(__always) static func addSaturatingUnsignedWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt16, y: UInt16) in saturate(Int64(x) &+ Int64(y)) }
  }
  /// PSUBB.
  @inline(__always) static func subtractBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let high: UInt64 = 0x8080_8080_8080_8080
    return ((a | high) &- (b & ~high)) ^ ((a ^ ~b) & high)
  }
  /// PSUBW.
  @inline(__always) static func subtractWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let high: UInt64 = 0x8000_8000_8000_8000
    return ((a | high) &- (b & ~high)) ^ ((a ^ ~b) & high)
  }
  /// PSUBD.
  @inline(__always) static func subtractDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let high: UInt64 = 0x8000_0000_8000_0000
    return ((a | high) &- (b & ~high)) ^ ((a ^ ~b) & high)
  }
  /// PSUBQ.
  @inline(__always) static func subtractQuadwords(_ a: UInt64, _ b: UInt64) -> UInt64 { a &- b }
  /// PSUBSB.
  @inline(__always) static func subtractSaturatingSignedBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int8, y: Int8) in saturate(Int64(x) &- Int64(y)) }
  }
  /// PSUBSW.
  @inline(__always) static func subtractSaturatingSignedWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int16, y: Int16) in saturate(Int64(x) &- Int64(y)) }
  }
  /// PSUBUSB.
  @inline(__always) static func subtractSaturatingUnsignedBytes(_ a: UInt64, _ b: UInt64) -> UInt64
  {
    map(a, b) { (x: UInt8, y: UInt8) in x > y ? x &- y : 0 }
  }
  /// PSUBUSW.
  @inline(__always) static func subtractSaturatingUnsignedWords(_ a: UInt64, _ b: UInt64) -> UInt64
  {
    map(a, b) { (x: UInt16, y: UInt16) in x > y ? x &- y : 0 }
  }

  // MARK: Logic

  /// PAND.
  @inline(__always) static func and(_ a: UInt64, _ b: UInt64) -> UInt64 { a & b }
  /// PANDN.
  @inline(__always) static func andNot(_ a: UInt64, _ b: UInt64) -> UInt64 { ~a & b }
  /// POR.
  @inline(__always) static func or(_ a: UInt64, _ b: UInt64) -> UInt64 { a | b }
  /// PXOR.
  @inline(__always) static func exclusiveOr(_ a: UInt64, _ b: UInt64) -> UInt64 { a ^ b }

  // MARK: Comparison

  /// PCMPEQB.
  @inline(__always) static func equalBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt8, y: UInt8) in mask(x == y) }
  }
  /// PCMPEQW.
  @inline(__always) static func equalWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt16, y: UInt16) in mask(x == y) }
  }
  /// PCMPEQD.
  @inline(__always) static func equalDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt32, y: UInt32) in mask(x == y) }
  }
  /// PCMPEQQ.
  @inline(__always) static func equalQuadwords(_ a: UInt64, _ b: UInt64) -> UInt64 { mask(a == b) }
  /// PCMPGTB.
  @inline(__always) static func greaterBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int8, y: Int8) in mask(x > y) }
  }
  /// PCMPGTW.
  @inline(__always) static func greaterWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int16, y: Int16) in mask(x > y) }
  }
  /// PCMPGTD.
  @inline(__always) static func greaterDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int32, y: Int32) in mask(x > y) }
  }
  /// PCMPGTQ.
  @inline(__always) static func greaterQuadwords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    mask(Int64(bitPattern: a) > Int64(bitPattern: b))
  }

  // MARK: Minimum, maximum, average, absolute value, sign

  /// PMINUB.
  @inline(__always) static func minimumUnsignedBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt8, y: UInt8) in min(x, y) }
  }
  /// PMINUW.
  @inline(__always) static func minimumUnsignedWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt16, y: UInt16) in min(x, y) }
  }
  /// PMINUD.
  @inline(__always) static func minimumUnsignedDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt32, y: UInt32) in min(x, y) }
  }
  /// PMINSB.
  @inline(__always) static func minimumSignedBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int8, y: Int8) in min(x, y) }
  }
  /// PMINSW.
  @inline(__always) static func minimumSignedWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int16, y: Int16) in min(x, y) }
  }
  /// PMINSD.
  @inline(__always) static func minimumSignedDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int32, y: Int32) in min(x, y) }
  }
  /// PMAXUB.
  @inline(__always) static func maximumUnsignedBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt8, y: UInt8) in max(x, y) }
  }
  /// PMAXUW.
  @inline(__always) static func maximumUnsignedWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt16, y: UInt16) in max(x, y) }
  }
  /// PMAXUD.
  @inline(__always) static func maximumUnsignedDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt32, y: UInt32) in max(x, y) }
  }
  /// PMAXSB.
  @inline(__always) static func maximumSignedBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int8, y: Int8) in max(x, y) }
  }
  /// PMAXSW.
  @inline(__always) static func maximumSignedWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int16, y: Int16) in max(x, y) }
  }
  /// PMAXSD.
  @inline(__always) static func maximumSignedDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int32, y: Int32) in max(x, y) }
  }
  /// PAVGB.
  @inline(__always) static func averageBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt8, y: UInt8) in
      UInt8(truncatingIfNeeded: (UInt32(x) &+ UInt32(y) &+ 1) &>> 1)
    }
  }
  /// PAVGW.
  @inline(__always) static func averageWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt16, y: UInt16) in
      UInt16(truncatingIfNeeded: (UInt32(x) &+ UInt32(y) &+ 1) &>> 1)
    }
  }
  /// PABSB.
  @inline(__always) static func absoluteBytes(_ b: UInt64) -> UInt64 {
    map(b) { (x: Int8) in x < 0 ? 0 &- x : x }
  }
  /// PABSW.
  @inline(__always) static func absoluteWords(_ b: UInt64) -> UInt64 {
    map(b) { (x: Int16) in x < 0 ? 0 &- x : x }
  }
  /// PABSD.
  @inline(__always) static func absoluteDoublewords(_ b: UInt64) -> UInt64 {
    map(b) { (x: Int32) in x < 0 ? 0 &- x : x }
  }
  /// PSIGNB.
  @inline(__always) static func signBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int8, y: Int8) in y < 0 ? 0 &- x : y == 0 ? 0 : x }
  }
  /// PSIGNW.
  @inline(__always) static func signWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int16, y: Int16) in y < 0 ? 0 &- x : y == 0 ? 0 : x }
  }
  /// PSIGND.
  @inline(__always) static func signDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int32, y: Int32) in y < 0 ? 0 &- x : y == 0 ? 0 : x }
  }
}
