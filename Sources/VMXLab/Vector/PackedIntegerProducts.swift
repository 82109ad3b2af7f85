// Products and sums of lanes.
extension PackedInteger {
  /// PMULLW.
  @inline(__always) static func multiplyLowWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt16, y: UInt16) in x &* y }
  }
  /// PMULLD.
  @inline(__always) static func multiplyLowDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt32, y: UInt32) in x &* y }
  }
  /// PMULHW.
  @inline(__always) static func multiplyHighSignedWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int16, y: Int16) in
      Int16(truncatingIfNeeded: (Int32(x) &* Int32(y)) &>> 16)
    }
  }
  /// PMULHUW.
  @inline(__always) static func multiplyHighUnsignedWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt16, y: UInt16) in
      UInt16(truncatingIfNeeded: (UInt32(x) &* UInt32(y)) &>> 16)
    }
  }
  /// PMULHRSW.
  @inline(__always) static func multiplyHighRoundingWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: Int16, y: Int16) in
      Int16(truncatingIfNeeded: ((Int32(x) &* Int32(y)) &>> 14 &+ 1) &>> 1)
    }
  }
  /// PMULUDQ.
  @inline(__always)
  static func multiplyUnsignedDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    (a & 0xffff_ffff) &* (b & 0xffff_ffff)
  }
  /// PMULDQ.
  @inline(__always) static func multiplySignedDoublewords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let x = Int64(Int32(truncatingIfNeeded: a))
    let y = Int64(Int32(truncatingIfNeeded: b))
    return UInt64(bitPattern: x &* y)
  }
  /// PMADDWD.
  @inline(__always) static func multiplyAddWords(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt32, y: UInt32) in
      let low = Int32(Int16(truncatingIfNeeded: x)) &* Int32(Int16(truncatingIfNeeded: y))
      let high =
        Int32(Int16(truncatingIfNeeded: x &>> 16)) &* Int32(Int16(truncatingIfNeeded: y &>> 16))
      return UInt32(bitPattern: low &+ high)
    }
  }
  /// PMADDUBSW: unsigned bytes of `a`, signed bytes of `b`.
  @inline(__always) static func multiplyAddBytes(_ a: UInt64, _ b: UInt64) -> UInt64 {
    map(a, b) { (x: UInt16, y: UInt16) in
      let low = Int32(x & 0xff) &* Int32(Int8(truncatingIfNeeded: y))
      let high = Int32(x &>> 8) &* Int32(Int8(truncatingIfNeeded: y &>> 8))
      return UInt16(bitPattern: Int16(clamping: low &+ high))
    }
  }
  /// PSADBW.
  @inline(__always) static func sumOfAbsoluteDifferences(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var sum: UInt64 = 0
    for index in 0..<8 {
      let x = lane(a, UInt64(truncatingIfNeeded: index), as: UInt8.self)
      let y = lane(b, UInt64(truncatingIfNeeded: index), as: UInt8.self)
      sum = sum &+ UInt64(x > y ? x &- y : y &- x)
    }
    return sum
  }

  // MARK: Neighbours: 64 bits in, 32 out

  /// PHADDW of one quadword.
  @inline(__always) static func addNeighbourWords(_ a: UInt64) -> UInt32 {
    joinNeighbourWords(a) { $0 &+ $1 }
  }
  /// PHSUBW of one quadword.
  @inline(__always) static func subtractNeighbourWords(_ a: UInt64) -> UInt32 {
    joinNeighbourWords(a) { $0 &- $1 }
  }
  /// PHADDSW of one quadword.
  @inline(__always) static func addNeighbourWordsSaturating(_ a: UInt64) -> UInt32 {
    joinNeighbourWords(a) { Int16(clamping: Int32($0) &+ Int32($1)) }
  }
  /// PHSUBSW of one quadword.
  @inline(__always) static func subtractNeighbourWordsSaturating(_ a: UInt64) -> UInt32 {
    joinNeighbourWords(a) { Int16(clamping: Int32($0) &- Int32($1)) }
  }
  /// PHADDD of one quadword.
  @inline(__always) static func addNeighbourDoublewords(_ a: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: a) &+ UInt32(truncatingIfNeeded: a &>> 32)
  }
  /// PHSUBD of one quadword.
  @inline(__always) static func subtractNeighbourDoublewords(_ a: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: a) &- UInt32(truncatingIfNeeded: a &>> 32)
  }

  @inline(__always)
  private static func joinNeighbourWords(
    _ a: UInt64, _ operation: (Int16, Int16) -> Int16
  ) -> UInt32 {
    let low = operation(lane(a, 0), lane(a, 1))
    let high = operation(lane(a, 2), lane(a, 3))
    return UInt32(UInt16(bitPattern: low)) | UInt32(UInt16(bitPattern: high)) &<< 16
  }
}
