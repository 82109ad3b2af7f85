// Shuffles, blends, permutations, widening moves, and logic on floating-point registers.
extension VectorForm {
  static let shuffles: [VectorForm] = [
    VectorForm("pshufb", .x66, 0x3800, .binary, .ssse3) { result, a, b, _ in
      elements(UInt8.self, result) {
        let selector = b.element($0, UInt8.self)
        return selector & 0x80 != 0 ? 0 : a.element(Int(selector & 15), UInt8.self)
      }
    },
    VectorForm("pshufd", .x66, 0x0f70, .unary, .sse2, [.immediate]) { result, _, b, control in
      elements(UInt32.self, result) {
        b.element(VectorControl(control).immediate >> ($0 &* 2) & 3, UInt32.self)
      }
    },
    VectorForm("pshufhw", .xF3, 0x0f70, .unary, .sse2, [.immediate]) { result, _, b, control in
      pair(
        b.element(0, UInt64.self),
        PackedInteger.shuffleWords(b.element(1, UInt64.self), control & 0xff), result)
    },
    VectorForm("pshuflw", .xF2, 0x0f70, .unary, .sse2, [.immediate]) { result, _, b, control in
      pair(
        PackedInteger.shuffleWords(b.element(0, UInt64.self), control & 0xff),
        b.element(1, UInt64.self), result)
    },
    VectorForm("shufps", .none, 0x0fc6, .binary, .sse, [.immediate, .wideInAVX]) {
      result, a, b, control in
      elements(UInt32.self, result) {
        ($0 < 2 ? a : b).element(VectorControl(control).immediate >> ($0 &* 2) & 3, UInt32.self)
      }
    },
    VectorForm("shufpd", .x66, 0x0fc6, .binary, .sse2, [.immediate, .wideInAVX]) {
      result, a, b, control in
      let order = VectorControl(control).pairs
      return elements(UInt64.self, result) {
        ($0 == 0 ? a : b).element(order >> $0 & 1, UInt64.self)
      }
    },
    VectorForm("unpcklps", .none, 0x0f14, .binary, .sse, [.wideInAVX]) { result, a, b, _ in
      elements(UInt32.self, result) { ($0 & 1 == 0 ? a : b).element($0 >> 1, UInt32.self) }
    },
    VectorForm("unpckhps", .none, 0x0f15, .binary, .sse, [.wideInAVX]) { result, a, b, _ in
      elements(UInt32.self, result) { ($0 & 1 == 0 ? a : b).element($0 >> 1 &+ 2, UInt32.self) }
    },
    VectorForm("unpcklpd", .x66, 0x0f14, .binary, .sse2, [.wideInAVX]) { result, a, b, _ in
      pair(a.element(0, UInt64.self), b.element(0, UInt64.self), result)
    },
    VectorForm("unpckhpd", .x66, 0x0f15, .binary, .sse2, [.wideInAVX]) { result, a, b, _ in
      pair(a.element(1, UInt64.self), b.element(1, UInt64.self), result)
    },
    VectorForm("palignr", .x66, 0x3a0f, .binary, .ssse3, [.immediate]) { result, a, b, control in
      let count = VectorControl(control).immediate
      return elements(UInt8.self, result) {
        let position = $0 &+ count
        return position < 16
          ? b.element(position, UInt8.self)
          : position < 32 ? a.element(position &- 16, UInt8.self) : 0
      }
    },
    VectorForm("vpermilps", .x66, 0x380c, .binary, .avx, [.vexOnly, .w0]) { result, a, b, _ in
      elements(UInt32.self, result) {
        a.element(Int(b.element($0, UInt32.self) & 3), UInt32.self)
      }
    },
    VectorForm("vpermilpd", .x66, 0x380d, .binary, .avx, [.vexOnly, .w0]) { result, a, b, _ in
      elements(UInt64.self, result) {
        a.element(Int(b.element($0, UInt64.self) >> 1 & 1), UInt64.self)
      }
    },
    VectorForm("vpermilps", .x66, 0x3a04, .unary, .avx, [.vexOnly, .w0, .immediate]) {
      result, _, b, control in
      elements(UInt32.self, result) {
        b.element(VectorControl(control).immediate >> ($0 &* 2) & 3, UInt32.self)
      }
    },
    VectorForm("vpermilpd", .x66, 0x3a05, .unary, .avx, [.vexOnly, .w0, .immediate]) {
      result, _, b, control in
      elements(UInt64.self, result) {
        b.element(VectorControl(control).pairs >> $0 & 1, UInt64.self)
      }
    },

    // Across the halves.
    VectorForm("vpermd", .x66, 0x3836, .binary, .avx2, [.vexOnly, .w0, .l1], wide: permute32),
    VectorForm("vpermps", .x66, 0x3816, .binary, .avx2, [.vexOnly, .w0, .l1], wide: permute32),
    VectorForm(
      "vpermq", .x66, 0x3a00, .unary, .avx2, [.vexOnly, .w1, .l1, .immediate], wide: permute64),
    VectorForm(
      "vpermpd", .x66, 0x3a01, .unary, .avx2, [.vexOnly, .w1, .l1, .immediate], wide: permute64),
    VectorForm(
      "vperm2f128", .x66, 0x3a06, .binary, .avx, [.vexOnly, .w0, .l1, .immediate],
      wide: permuteHalves),
    VectorForm(
      "vperm2i128", .x66, 0x3a46, .binary, .avx2, [.vexOnly, .w0, .l1, .immediate],
      wide: permuteHalves),
  ]

  static let blends: [VectorForm] = [
    VectorForm("pblendw", .x66, 0x3a0e, .binary, .sse41, [.immediate]) { result, a, b, control in
      blend(UInt16.self, result, a, b, VectorControl(control).immediate)
    },
    VectorForm("blendps", .x66, 0x3a0c, .binary, .sse41, [.immediate, .wideInAVX]) {
      result, a, b, control in blend(UInt32.self, result, a, b, VectorControl(control).quads)
    },
    VectorForm("blendpd", .x66, 0x3a0d, .binary, .sse41, [.immediate, .wideInAVX]) {
      result, a, b, control in blend(UInt64.self, result, a, b, VectorControl(control).pairs)
    },
    VectorForm("vpblendd", .x66, 0x3a02, .binary, .avx2, [.vexOnly, .w0, .immediate]) {
      result, a, b, control in blend(UInt32.self, result, a, b, VectorControl(control).quads)
    },
    VectorForm("pblendvb", .x66, 0x3810, .selected, .sse41, [.legacyOnly]) { result, a, b, _ in
      blendBySign(UInt8.self, result, a, b)
    },
    VectorForm("blendvps", .x66, 0x3814, .selected, .sse41, [.legacyOnly]) { result, a, b, _ in
      blendBySign(UInt32.self, result, a, b)
    },
    VectorForm("blendvpd", .x66, 0x3815, .selected, .sse41, [.legacyOnly]) { result, a, b, _ in
      blendBySign(UInt64.self, result, a, b)
    },
    VectorForm("vblendvps", .x66, 0x3a4a, .selected, .avx, [.vexOnly, .w0, .immediate]) {
      result, a, b, _ in blendBySign(UInt32.self, result, a, b)
    },
    VectorForm("vblendvpd", .x66, 0x3a4b, .selected, .avx, [.vexOnly, .w0, .immediate]) {
      result, a, b, _ in blendBySign(UInt64.self, result, a, b)
    },
    VectorForm(
      "vpblendvb", .x66, 0x3a4c, .selected, .avx, [.vexOnly, .w0, .immediate],
      wideFeature: .avx2
    ) { result, a, b, _ in blendBySign(UInt8.self, result, a, b) },
  ]

  static let widening: [VectorForm] = [
    widening(
      "pmovsxbw", 0x3820, .half,
      { result, _, b, _ in wideElements(UInt16.self, result) { signExtend(UInt8.self, b, $0) } },
      { result, _, b, _ in elements(UInt16.self, result) { signExtend(UInt8.self, b, $0) } }),
    widening(
      "pmovsxbd", 0x3821, .quarter,
      { result, _, b, _ in wideElements(UInt32.self, result) { signExtend(UInt8.self, b, $0) } },
      { result, _, b, _ in elements(UInt32.self, result) { signExtend(UInt8.self, b, $0) } }),
    widening(
      "pmovsxbq", 0x3822, .eighth,
      { result, _, b, _ in wideElements(UInt64.self, result) { signExtend(UInt8.self, b, $0) } },
      { result, _, b, _ in elements(UInt64.self, result) { signExtend(UInt8.self, b, $0) } }),
    widening(
      "pmovsxwd", 0x3823, .half,
      { result, _, b, _ in wideElements(UInt32.self, result) { signExtend(UInt16.self, b, $0) } },
      { result, _, b, _ in elements(UInt32.self, result) { signExtend(UInt16.self, b, $0) } }),
    widening(
      "pmovsxwq", 0x3824, .quarter,
      { result, _, b, _ in wideElements(UInt64.self, result) { signExtend(UInt16.self, b, $0) } },
      { result, _, b, _ in elements(UInt64.self, result) { signExtend(UInt16.self, b, $0) } }),
    widening(
      "pmovsxdq", 0x3825, .half,
      { result, _, b, _ in wideElements(UInt64.self, result) { signExtend(UInt32.self, b, $0) } },
      { result, _, b, _ in elements(UInt64.self, result) { signExtend(UInt32.self, b, $0) } }),
    widening(
      "pmovzxbw", 0x3830, .half,
      { result, _, b, _ in wideElements(UInt16.self, result) { UInt16(b.element($0, UInt8.self)) }
      },
      { result, _, b, _ in elements(UInt16.self, result) { UInt16(b.element($0, UInt8.self)) } }),
    widening(
      "pmovzxbd", 0x3831, .quarter,
      { result, _, b, _ in wideElements(UInt32.self, result) { UInt32(b.element($0, UInt8.self)) }
      },
      { result, _, b, _ in elements(UInt32.self, result) { UInt32(b.element($0, UInt8.self)) } }),
    widening(
      "pmovzxbq", 0x3832, .eighth,
      { result, _, b, _ in wideElements(UInt64.self, result) { UInt64(b.element($0, UInt8.self)) }
      },
      { result, _, b, _ in elements(UInt64.self, result) { UInt64(b.element($0, UInt8.self)) } }),
    widening(
      "pmovzxwd", 0x3833, .half,
      { result, _, b, _ in wideElements(UInt32.self, result) { UInt32(b.element($0, UInt16.self)) }
      },
      { result, _, b, _ in elements(UInt32.self, result) { UInt32(b.element($0, UInt16.self)) } }),
    widening(
      "pmovzxwq", 0x3834, .quarter,
      { result, _, b, _ in wideElements(UInt64.self, result) { UInt64(b.element($0, UInt16.self)) }
      },
      { result, _, b, _ in elements(UInt64.self, result) { UInt64(b.element($0, UInt16.self)) } }),
    widening(
      "pmovzxdq", 0x3835, .half,
      { result, _, b, _ in wideElements(UInt64.self, result) { UInt64(b.element($0, UInt32.self)) }
      },
      { result, _, b, _ in elements(UInt64.self, result) { UInt64(b.element($0, UInt32.self)) } }),
  ]

  static let floatingPointLogic: [VectorForm] = [
    logic("andps", .none, 0x0f54, .sse) { words($0, $1, $2, $3, PackedInteger.and) },
    logic("andpd", .x66, 0x0f54, .sse2) { words($0, $1, $2, $3, PackedInteger.and) },
    logic("andnps", .none, 0x0f55, .sse) { words($0, $1, $2, $3, PackedInteger.andNot) },
    logic("andnpd", .x66, 0x0f55, .sse2) { words($0, $1, $2, $3, PackedInteger.andNot) },
    logic("orps", .none, 0x0f56, .sse) { words($0, $1, $2, $3, PackedInteger.or) },
    logic("orpd", .x66, 0x0f56, .sse2) { words($0, $1, $2, $3, PackedInteger.or) },
    logic("xorps", .none, 0x0f57, .sse) { words($0, $1, $2, $3, PackedInteger.exclusiveOr) },
    logic("xorpd", .x66, 0x0f57, .sse2) { words($0, $1, $2, $3, PackedInteger.exclusiveOr) },
  ]

  static let tests: [VectorForm] = [
    VectorForm(
      "ptest", .x66, 0x3817, .compare, .sse41, [.wideInAVX],
      { result, a, b, _ in test(result, a, b, words: 2, mask: ~0) },
      wide: { result, a, b, _ in test(result, a, b, words: 4, mask: ~0) }),
    VectorForm(
      "vtestps", .x66, 0x380e, .compare, .avx, [.vexOnly, .w0],
      { result, a, b, _ in test(result, a, b, words: 2, mask: 0x8000_0000_8000_0000) },
      wide: { result, a, b, _ in test(result, a, b, words: 4, mask: 0x8000_0000_8000_0000) }),
    VectorForm(
      "vtestpd", .x66, 0x380f, .compare, .avx, [.vexOnly, .w0],
      { result, a, b, _ in test(result, a, b, words: 2, mask: 1 << 63) },
      wide: { result, a, b, _ in test(result, a, b, words: 4, mask: 1 << 63) }),
  ]

  private static func widening(
    _ name: StaticString, _ opcode: UInt16, _ memory: VectorMemorySize,
    _ wide: @escaping VectorKernel, _ kernel: @escaping VectorKernel
  ) -> VectorForm {
    VectorForm(name, .x66, opcode, .unary, .sse41, memory: memory, kernel, wide: wide)
  }

  private static func logic(
    _ name: StaticString, _ prefix: MandatoryPrefix, _ opcode: UInt16, _ feature: CPUFeature,
    _ kernel: @escaping VectorKernel
  ) -> VectorForm {
    VectorForm(name, prefix, opcode, .binary, feature, [.wideInAVX], kernel)
  }
}

extension VectorControl {
  /// The part of the immediate that has one bit for each quadword of this half.
  @inline(__always) var pairs: Int { immediate >> (lane &* 2) }
  /// The part of the immediate that has one bit for each doubleword of this half.
  @inline(__always) var quads: Int { immediate >> (lane &* 4) }
}

private let permute32: VectorKernel = { result, a, b, _ in
  wideElements(UInt32.self, result) { b.element(Int(a.element($0, UInt32.self) & 7), UInt32.self) }
}

private let permute64: VectorKernel = { result, _, b, control in
  wideElements(UInt64.self, result) {
    b.element(VectorControl(control).immediate >> ($0 &* 2) & 3, UInt64.self)
  }
}

private let permuteHalves: VectorKernel = { result, a, b, control in
  wideElements(UInt64.self, result) {
    let selector = VectorControl(control).immediate >> (($0 >> 1) &* 4)
    if selector & 8 != 0 { return 0 }
    return (selector & 2 == 0 ? a : b).element((selector & 1) &* 2 &+ ($0 & 1), UInt64.self)
  }
}

@inline(__always)
private func blend<E: OperandWidth>(
  _ type: E.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _ selector: Int
) -> UInt32 {
  elements(type, result) { (selector >> $0 & 1 == 0 ? a : b).element($0, type) }
}

/// Takes elements of the second source where the third, which is where the result goes, is negative.
@inline(__always)
private func blendBySign<E: OperandWidth>(
  _ type: E.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer
) -> UInt32 {
  elements(type, result) { (result.element($0, type).isNegative ? b : a).element($0, type) }
}

@inline(__always)
private func signExtend<E: OperandWidth, Wide: OperandWidth>(
  _ type: E.Type, _ b: UnsafeRawPointer, _ index: Int
) -> Wide {
  Wide(truncatingIfNeeded: b.element(index, type).signExtended)
}

/// PTEST and its like: ZF if no bit of the mask is in both, CF if none is in the second source alone.
@inline(__always)
private func test(
  _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, words: Int,
  mask: UInt64
) -> UInt32 {
  var both: UInt64 = 0
  var second: UInt64 = 0
  var index = 0
  while index < words {
    let x = a.element(index, UInt64.self)
    let y = b.element(index, UInt64.self) & mask
    both |= x & y
    second |= ~x & y
    index &+= 1
  }
  var flags: UInt64 = 0
  if both == 0 { flags |= RFLAGS.zf.rawValue }
  if second == 0 { flags |= RFLAGS.cf.rawValue }
  return pair(flags, 0, result)
}
