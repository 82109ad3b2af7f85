// Arithmetic, comparison and shifts of packed integers: `PackedInteger` on each quadword.
extension VectorForm {
  static let integerArithmetic: [VectorForm] = [
    VectorForm("paddb", .x66, 0x0ffc, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.addBytes)
    },
    VectorForm("paddw", .x66, 0x0ffd, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.addWords)
    },
    VectorForm("paddd", .x66, 0x0ffe, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.addDoublewords)
    },
    VectorForm("paddq", .x66, 0x0fd4, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.addQuadwords)
    },
    VectorForm("paddsb", .x66, 0x0fec, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.addSaturatingSignedBytes)
    },
    VectorForm("paddsw", .x66, 0x0fed, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.addSaturatingSignedWords)
    },
    VectorForm("paddusb", .x66, 0x0fdc, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.addSaturatingUnsignedBytes)
    },
    VectorForm("paddusw", .x66, 0x0fdd, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.addSaturatingUnsignedWords)
    },
    VectorForm("psubb", .x66, 0x0ff8, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.subtractBytes)
    },
    VectorForm("psubw", .x66, 0x0ff9, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.subtractWords)
    },
    VectorForm("psubd", .x66, 0x0ffa, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.subtractDoublewords)
    },
    VectorForm("psubq", .x66, 0x0ffb, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.subtractQuadwords)
    },
    VectorForm("psubsb", .x66, 0x0fe8, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.subtractSaturatingSignedBytes)
    },
    VectorForm("psubsw", .x66, 0x0fe9, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.subtractSaturatingSignedWords)
    },
    VectorForm("psubusb", .x66, 0x0fd8, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.subtractSaturatingUnsignedBytes)
    },
    VectorForm("psubusw", .x66, 0x0fd9, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.subtractSaturatingUnsignedWords)
    },
    VectorForm("pand", .x66, 0x0fdb, .binary, .sse2) { words($0, $1, $2, $3, PackedInteger.and) },
    VectorForm("pandn", .x66, 0x0fdf, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.andNot)
    },
    VectorForm("por", .x66, 0x0feb, .binary, .sse2) { words($0, $1, $2, $3, PackedInteger.or) },
    VectorForm("pxor", .x66, 0x0fef, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.exclusiveOr)
    },
    VectorForm("pcmpeqb", .x66, 0x0f74, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.equalBytes)
    },
    VectorForm("pcmpeqw", .x66, 0x0f75, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.equalWords)
    },
    VectorForm("pcmpeqd", .x66, 0x0f76, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.equalDoublewords)
    },
    VectorForm("pcmpgtb", .x66, 0x0f64, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.greaterBytes)
    },
    VectorForm("pcmpgtw", .x66, 0x0f65, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.greaterWords)
    },
    VectorForm("pcmpgtd", .x66, 0x0f66, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.greaterDoublewords)
    },
    VectorForm("pminub", .x66, 0x0fda, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.minimumUnsignedBytes)
    },
    VectorForm("pminsw", .x66, 0x0fea, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.minimumSignedWords)
    },
    VectorForm("pmaxub", .x66, 0x0fde, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.maximumUnsignedBytes)
    },
    VectorForm("pmaxsw", .x66, 0x0fee, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.maximumSignedWords)
    },
    VectorForm("pavgb", .x66, 0x0fe0, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.averageBytes)
    },
    VectorForm("pavgw", .x66, 0x0fe3, .binary, .sse2) {
      words($0, $1, $2, $3, PackedInteger.averageWords)
    },
    VectorForm("pcmpeqq", .x66, 0x3829, .binary, .sse41) {
      words($0, $1, $2, $3, PackedInteger.equalQuadwords)
    },
    VectorForm("pcmpgtq", .x66, 0x3837, .binary, .sse42) {
      words($0, $1, $2, $3, PackedInteger.greaterQuadwords)
    },
    VectorForm("pminsb", .x66, 0x3838, .binary, .sse41) {
      words($0, $1, $2, $3, PackedInteger.minimumSignedBytes)
    },
    VectorForm("pminsd", .x66, 0x3839, .binary, .sse41) {
      words($0, $1, $2, $3, PackedInteger.minimumSignedDoublewords)
    },
    VectorForm("pminuw", .x66, 0x383a, .binary, .sse41) {
      words($0, $1, $2, $3, PackedInteger.minimumUnsignedWords)
    },
    VectorForm("pminud", .x66, 0x383b, .binary, .sse41) {
      words($0, $1, $2, $3, PackedInteger.minimumUnsignedDoublewords)
    },
    VectorForm("pmaxsb", .x66, 0x383c, .binary, .sse41) {
      words($0, $1, $2, $3, PackedInteger.maximumSignedBytes)
    },
    VectorForm("pmaxsd", .x66, 0x383d, .binary, .sse41) {
      words($0, $1, $2, $3, PackedInteger.maximumSignedDoublewords)
    },
    VectorForm("pmaxuw", .x66, 0x383e, .binary, .sse41) {
      words($0, $1, $2, $3, PackedInteger.maximumUnsignedWords)
    },
    VectorForm("pmaxud", .x66, 0x383f, .binary, .sse41) {
      words($0, $1, $2, $3, PackedInteger.maximumUnsignedDoublewords)
    },
    VectorForm("psignb", .x66, 0x3808, .binary, .ssse3) {
      words($0, $1, $2, $3, PackedInteger.signBytes)
    },
    VectorForm("psignw", .x66, 0x3809, .binary, .ssse3) {
      words($0, $1, $2, $3, PackedInteger.signWords)
    },
    VectorForm("psignd", .x66, 0x380a, .binary, .ssse3) {
      words($0, $1, $2, $3, PackedInteger.signDoublewords)
    },
    VectorForm("pabsb", .x66, 0x381c, .unary, .ssse3) {
      eachWord($0, $1, $2, $3, PackedInteger.absoluteBytes)
    },
    VectorForm("pabsw", .x66, 0x381d, .unary, .ssse3) {
      eachWord($0, $1, $2, $3, PackedInteger.absoluteWords)
    },
    VectorForm("pabsd", .x66, 0x381e, .unary, .ssse3) {
      eachWord($0, $1, $2, $3, PackedInteger.absoluteDoublewords)
    },
  ]

  static let integerProducts: [VectorForm] = [
    VectorForm("pmullw", .x66, 0x0fd5, .binary, .sse2, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.multiplyLowWords)
    },
    VectorForm("pmulhw", .x66, 0x0fe5, .binary, .sse2, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.multiplyHighSignedWords)
    },
    VectorForm("pmulhuw", .x66, 0x0fe4, .binary, .sse2, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.multiplyHighUnsignedWords)
    },
    VectorForm("pmuludq", .x66, 0x0ff4, .binary, .sse2, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.multiplyUnsignedDoublewords)
    },
    VectorForm("pmaddwd", .x66, 0x0ff5, .binary, .sse2, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.multiplyAddWords)
    },
    VectorForm("psadbw", .x66, 0x0ff6, .binary, .sse2, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.sumOfAbsoluteDifferences)
    },
    VectorForm("pmaddubsw", .x66, 0x3804, .binary, .ssse3, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.multiplyAddBytes)
    },
    VectorForm("pmulhrsw", .x66, 0x380b, .binary, .ssse3, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.multiplyHighRoundingWords)
    },
    VectorForm("pmuldq", .x66, 0x3828, .binary, .sse41, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.multiplySignedDoublewords)
    },
    VectorForm("pmulld", .x66, 0x3840, .binary, .sse41, timing: .sseMultiply) {
      words($0, $1, $2, $3, PackedInteger.multiplyLowDoublewords)
    },
    VectorForm("phaddw", .x66, 0x3801, .binary, .ssse3, timing: .sseMultiply) {
      narrowPairs($0, $1, $2, $3, PackedInteger.addNeighbourWords)
    },
    VectorForm("phaddd", .x66, 0x3802, .binary, .ssse3, timing: .sseMultiply) {
      narrowPairs($0, $1, $2, $3, PackedInteger.addNeighbourDoublewords)
    },
    VectorForm("phaddsw", .x66, 0x3803, .binary, .ssse3, timing: .sseMultiply) {
      narrowPairs($0, $1, $2, $3, PackedInteger.addNeighbourWordsSaturating)
    },
    VectorForm("phsubw", .x66, 0x3805, .binary, .ssse3, timing: .sseMultiply) {
      narrowPairs($0, $1, $2, $3, PackedInteger.subtractNeighbourWords)
    },
    VectorForm("phsubd", .x66, 0x3806, .binary, .ssse3, timing: .sseMultiply) {
      narrowPairs($0, $1, $2, $3, PackedInteger.subtractNeighbourDoublewords)
    },
    VectorForm("phsubsw", .x66, 0x3807, .binary, .ssse3, timing: .sseMultiply) {
      narrowPairs($0, $1, $2, $3, PackedInteger.subtractNeighbourWordsSaturating)
    },
    VectorForm("mpsadbw", .x66, 0x3a42, .binary, .sse41, [.immediate], timing: .sseMultiply) {
      result, a, b, control in sumsOfDifferences(result, a, b, control)
    },
    VectorForm("phminposuw", .x66, 0x3841, .unary, .sse41, [.l0], timing: .sseMultiply) {
      result, _, b, _ in minimumPosition(result, b)
    },
  ]

  static let integerPacking: [VectorForm] = [
    VectorForm("packsswb", .x66, 0x0f63, .binary, .sse2) {
      narrowPairs($0, $1, $2, $3, PackedInteger.packSignedWords)
    },
    VectorForm("packuswb", .x66, 0x0f67, .binary, .sse2) {
      narrowPairs($0, $1, $2, $3, PackedInteger.packUnsignedWords)
    },
    VectorForm("packssdw", .x66, 0x0f6b, .binary, .sse2) {
      narrowPairs($0, $1, $2, $3, PackedInteger.packSignedDoublewords)
    },
    VectorForm("packusdw", .x66, 0x382b, .binary, .sse41) {
      narrowPairs($0, $1, $2, $3, PackedInteger.packUnsignedDoublewords)
    },
    VectorForm("punpcklbw", .x66, 0x0f60, .binary, .sse2) {
      interleave(
        $0, $1, $2, $3, 0, PackedInteger.interleaveLowBytes, PackedInteger.interleaveHighBytes)
    },
    VectorForm("punpckhbw", .x66, 0x0f68, .binary, .sse2) {
      interleave(
        $0, $1, $2, $3, 1, PackedInteger.interleaveLowBytes, PackedInteger.interleaveHighBytes)
    },
    VectorForm("punpcklwd", .x66, 0x0f61, .binary, .sse2) {
      interleave(
        $0, $1, $2, $3, 0, PackedInteger.interleaveLowWords, PackedInteger.interleaveHighWords)
    },
    VectorForm("punpckhwd", .x66, 0x0f69, .binary, .sse2) {
      interleave(
        $0, $1, $2, $3, 1, PackedInteger.interleaveLowWords, PackedInteger.interleaveHighWords)
    },
    VectorForm("punpckldq", .x66, 0x0f62, .binary, .sse2) {
      interleave(
        $0, $1, $2, $3, 0, PackedInteger.interleaveLowDoublewords,
        PackedInteger.interleaveHighDoublewords)
    },
    VectorForm("punpckhdq", .x66, 0x0f6a, .binary, .sse2) {
      interleave(
        $0, $1, $2, $3, 1, PackedInteger.interleaveLowDoublewords,
        PackedInteger.interleaveHighDoublewords)
    },
    VectorForm("punpcklqdq", .x66, 0x0f6c, .binary, .sse2) { result, a, b, _ in
      pair(a.element(0, UInt64.self), b.element(0, UInt64.self), result)
    },
    VectorForm("punpckhqdq", .x66, 0x0f6d, .binary, .sse2) { result, a, b, _ in
      pair(a.element(1, UInt64.self), b.element(1, UInt64.self), result)
    },
  ]

  static let integerShifts: [VectorForm] = [
    VectorForm("psrlw", .x66, 0x0fd1, .binary, .sse2, [.sharedSource], memory: .bytes(16)) {
      result, a, b, _ in shift(result, a, b.element(0, UInt64.self), PackedInteger.shiftWordsRight)
    },
    VectorForm("psrlw", .x66, 0x0f71, .shift, .sse2, [.immediate, .registerOnly], digit: 2) {
      result, _, b, control in shift(result, b, control & 0xff, PackedInteger.shiftWordsRight)
    },
    VectorForm("psrld", .x66, 0x0fd2, .binary, .sse2, [.sharedSource], memory: .bytes(16)) {
      result, a, b, _ in
      shift(result, a, b.element(0, UInt64.self), PackedInteger.shiftDoublewordsRight)
    },
    VectorForm("psrld", .x66, 0x0f72, .shift, .sse2, [.immediate, .registerOnly], digit: 2) {
      result, _, b, control in shift(result, b, control & 0xff, PackedInteger.shiftDoublewordsRight)
    },
    VectorForm("psrlq", .x66, 0x0fd3, .binary, .sse2, [.sharedSource], memory: .bytes(16)) {
      result, a, b, _ in
      shift(result, a, b.element(0, UInt64.self), PackedInteger.shiftQuadwordsRight)
    },
    VectorForm("psrlq", .x66, 0x0f73, .shift, .sse2, [.immediate, .registerOnly], digit: 2) {
      result, _, b, control in shift(result, b, control & 0xff, PackedInteger.shiftQuadwordsRight)
    },
    VectorForm("psraw", .x66, 0x0fe1, .binary, .sse2, [.sharedSource], memory: .bytes(16)) {
      result, a, b, _ in
      shift(result, a, b.element(0, UInt64.self), PackedInteger.shiftWordsRightSigned)
    },
    VectorForm("psraw", .x66, 0x0f71, .shift, .sse2, [.immediate, .registerOnly], digit: 4) {
      result, _, b, control in shift(result, b, control & 0xff, PackedInteger.shiftWordsRightSigned)
    },
    VectorForm("psrad", .x66, 0x0fe2, .binary, .sse2, [.sharedSource], memory: .bytes(16)) {
      result, a, b, _ in
      shift(result, a, b.element(0, UInt64.self), PackedInteger.shiftDoublewordsRightSigned)
    },
    VectorForm("psrad", .x66, 0x0f72, .shift, .sse2, [.immediate, .registerOnly], digit: 4) {
      result, _, b, control in
      shift(result, b, control & 0xff, PackedInteger.shiftDoublewordsRightSigned)
    },
    VectorForm("psllw", .x66, 0x0ff1, .binary, .sse2, [.sharedSource], memory: .bytes(16)) {
      result, a, b, _ in shift(result, a, b.element(0, UInt64.self), PackedInteger.shiftWordsLeft)
    },
    VectorForm("psllw", .x66, 0x0f71, .shift, .sse2, [.immediate, .registerOnly], digit: 6) {
      result, _, b, control in shift(result, b, control & 0xff, PackedInteger.shiftWordsLeft)
    },
    VectorForm("pslld", .x66, 0x0ff2, .binary, .sse2, [.sharedSource], memory: .bytes(16)) {
      result, a, b, _ in
      shift(result, a, b.element(0, UInt64.self), PackedInteger.shiftDoublewordsLeft)
    },
    VectorForm("pslld", .x66, 0x0f72, .shift, .sse2, [.immediate, .registerOnly], digit: 6) {
      result, _, b, control in shift(result, b, control & 0xff, PackedInteger.shiftDoublewordsLeft)
    },
    VectorForm("psllq", .x66, 0x0ff3, .binary, .sse2, [.sharedSource], memory: .bytes(16)) {
      result, a, b, _ in
      shift(result, a, b.element(0, UInt64.self), PackedInteger.shiftQuadwordsLeft)
    },
    VectorForm("psllq", .x66, 0x0f73, .shift, .sse2, [.immediate, .registerOnly], digit: 6) {
      result, _, b, control in shift(result, b, control & 0xff, PackedInteger.shiftQuadwordsLeft)
    },
    VectorForm("psrldq", .x66, 0x0f73, .shift, .sse2, [.immediate, .registerOnly], digit: 3) {
      result, _, b, control in
      let count = VectorControl(control).immediate
      return elements(UInt8.self, result) {
        $0 &+ count < 16 ? b.element($0 &+ count, UInt8.self) : 0
      }
    },
    VectorForm("pslldq", .x66, 0x0f73, .shift, .sse2, [.immediate, .registerOnly], digit: 7) {
      result, _, b, control in
      let count = VectorControl(control).immediate
      return elements(UInt8.self, result) {
        $0 >= count ? b.element($0 &- count, UInt8.self) : 0
      }
    },
    VectorForm("vpsrlvd", .x66, 0x3845, .binary, .avx2, [.vexOnly, .w0]) {
      binary(UInt32.self, $0, $1, $2, $3) { $1 > 31 ? 0 : $0 &>> $1 }
    },
    VectorForm("vpsrlvq", .x66, 0x3845, .binary, .avx2, [.vexOnly, .w1]) {
      binary(UInt64.self, $0, $1, $2, $3) { $1 > 63 ? 0 : $0 &>> $1 }
    },
    VectorForm("vpsravd", .x66, 0x3846, .binary, .avx2, [.vexOnly, .w0]) {
      binary(UInt32.self, $0, $1, $2, $3) {
        UInt32(bitPattern: $0.signed &>> Int32(truncatingIfNeeded: min($1, 31)))
      }
    },
    VectorForm("vpsllvd", .x66, 0x3847, .binary, .avx2, [.vexOnly, .w0]) {
      binary(UInt32.self, $0, $1, $2, $3) { $1 > 31 ? 0 : $0 &<< $1 }
    },
    VectorForm("vpsllvq", .x66, 0x3847, .binary, .avx2, [.vexOnly, .w1]) {
      binary(UInt64.self, $0, $1, $2, $3) { $1 > 63 ? 0 : $0 &<< $1 }
    },
  ]
}

@inline(__always)
private func eachWord(
  _ result: UnsafeMutableRawPointer, _: UnsafeRawPointer, _ b: UnsafeRawPointer, _: UInt64,
  _ body: (UInt64) -> UInt64
) -> UInt32 {
  unary(UInt64.self, result, b, body)
}

/// Narrows each quadword to 32 bits: those of the first source below those of the second.
@inline(__always)
private func narrowPairs(
  _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _: UInt64,
  _ body: (UInt64) -> UInt32
) -> UInt32 {
  let low = PackedInteger.join(body(a.element(0, UInt64.self)), body(a.element(1, UInt64.self)))
  let high = PackedInteger.join(body(b.element(0, UInt64.self)), body(b.element(1, UInt64.self)))
  return pair(low, high, result)
}

/// Interleaves quadword `half` of both sources.
@inline(__always)
private func interleave(
  _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _: UInt64,
  _ half: Int, _ low: (UInt64, UInt64) -> UInt64, _ high: (UInt64, UInt64) -> UInt64
) -> UInt32 {
  let x = a.element(half, UInt64.self)
  let y = b.element(half, UInt64.self)
  return pair(low(x, y), high(x, y), result)
}

@inline(__always)
private func shift(
  _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ count: UInt64,
  _ body: (UInt64, UInt64) -> UInt64
) -> UInt32 {
  unary(UInt64.self, result, a) { body($0, count) }
}

/// MPSADBW: eight sums of four absolute differences, of a block of the second source with eight
/// blocks of the first.
@inline(__always)
private func sumsOfDifferences(
  _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ control: UInt64
) -> UInt32 {
  let control = VectorControl(control)
  let selector = control.immediate >> (control.lane &* 3)
  let block = (selector & 3) &* 4
  let start = selector & 4
  return elements(UInt16.self, result) { position in
    var sum: UInt16 = 0
    var index = 0
    while index < 4 {
      let x = a.element(start &+ position &+ index, UInt8.self)
      let y = b.element(block &+ index, UInt8.self)
      sum &+= UInt16(x > y ? x &- y : y &- x)
      index &+= 1
    }
    return sum
  }
}

/// PHMINPOSUW: the least word and its position.
@inline(__always)
private func minimumPosition(
  _ result: UnsafeMutableRawPointer, _ b: UnsafeRawPointer
) -> UInt32 {
  var least = b.element(0, UInt16.self)
  var position: UInt64 = 0
  var index = 1
  while index < 8 {
    let word = b.element(index, UInt16.self)
    if word < least {
      least = word
      position = UInt64(index)
    }
    index &+= 1
  }
  return pair(UInt64(least) | position << 16, 0, result)
}
