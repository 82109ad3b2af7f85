// Moves, broadcasts and inserts of elements.
extension VectorForm {
  static let moves: [VectorForm] = [
    VectorForm("movups", .none, 0x0f10, .unary, .sse, [.unaligned, .wideInAVX]),
    VectorForm("movupd", .x66, 0x0f10, .unary, .sse2, [.unaligned, .wideInAVX]),
    VectorForm("movss", .xF3, 0x0f10, .unary, .sse, [.scalar, .memoryOnly], memory: .bytes(4)) {
      result, _, b, _ in zeroExtend(b.element(0, UInt32.self), result)
    },
    VectorForm("movss", .xF3, 0x0f10, .binary, .sse, [.scalar, .registerOnly], mergeLow32),
    VectorForm("movsd", .xF2, 0x0f10, .unary, .sse2, [.scalar, .memoryOnly], memory: .bytes(8)) {
      result, _, b, _ in zeroExtend(b.element(0, UInt64.self), result)
    },
    VectorForm("movsd", .xF2, 0x0f10, .binary, .sse2, [.scalar, .registerOnly], mergeLow64),
    VectorForm("movups", .none, 0x0f11, .store, .sse, [.unaligned, .wideInAVX]),
    VectorForm("movupd", .x66, 0x0f11, .store, .sse2, [.unaligned, .wideInAVX]),
    VectorForm("movss", .xF3, 0x0f11, .store, .sse, [.scalar, .memoryOnly], memory: .bytes(4)),
    VectorForm("movss", .xF3, 0x0f11, .storeMerged, .sse, [.scalar, .registerOnly], mergeLow32),
    VectorForm("movsd", .xF2, 0x0f11, .store, .sse2, [.scalar, .memoryOnly], memory: .bytes(8)),
    VectorForm("movsd", .xF2, 0x0f11, .storeMerged, .sse2, [.scalar, .registerOnly], mergeLow64),

    // The halves.
    VectorForm(
      "movlps", .none, 0x0f12, .binary, .sse, [.l0, .memoryOnly], memory: .bytes(8),
      mergeLow64),
    VectorForm(
      "movlpd", .x66, 0x0f12, .binary, .sse2, [.l0, .memoryOnly], memory: .bytes(8),
      mergeLow64),
    VectorForm("movhlps", .none, 0x0f12, .binary, .sse, [.l0, .registerOnly]) { result, a, b, _ in
      pair(b.element(1, UInt64.self), a.element(1, UInt64.self), result)
    },
    VectorForm("movlps", .none, 0x0f13, .store, .sse, [.l0, .memoryOnly], memory: .bytes(8)),
    VectorForm("movlpd", .x66, 0x0f13, .store, .sse2, [.l0, .memoryOnly], memory: .bytes(8)),
    VectorForm(
      "movhps", .none, 0x0f16, .binary, .sse, [.l0, .memoryOnly], memory: .bytes(8),
      mergeHigh64),
    VectorForm(
      "movhpd", .x66, 0x0f16, .binary, .sse2, [.l0, .memoryOnly], memory: .bytes(8),
      mergeHigh64),
    VectorForm("movlhps", .none, 0x0f16, .binary, .sse, [.l0, .registerOnly], mergeHigh64),
    VectorForm(
      "movhps", .none, 0x0f17, .storeComputed, .sse, [.l0, .memoryOnly],
      memory: .bytes(8), highToLow),
    VectorForm(
      "movhpd", .x66, 0x0f17, .storeComputed, .sse2, [.l0, .memoryOnly],
      memory: .bytes(8), highToLow),
    VectorForm("movsldup", .xF3, 0x0f12, .unary, .sse3, [.wideInAVX]) { result, _, b, _ in
      elements(UInt32.self, result) { b.element($0 & ~1, UInt32.self) }
    },
    VectorForm("movshdup", .xF3, 0x0f16, .unary, .sse3, [.wideInAVX]) { result, _, b, _ in
      elements(UInt32.self, result) { b.element($0 | 1, UInt32.self) }
    },
    VectorForm("movddup", .xF2, 0x0f12, .unary, .sse3, [.wideInAVX], memory: .fullIfWide(8)) {
      result, _, b, _ in elements(UInt64.self, result) { _ in b.element(0, UInt64.self) }
    },

    // Whole vectors.
    VectorForm("movaps", .none, 0x0f28, .unary, .sse, [.aligned, .wideInAVX]),
    VectorForm("movapd", .x66, 0x0f28, .unary, .sse2, [.aligned, .wideInAVX]),
    VectorForm("movaps", .none, 0x0f29, .store, .sse, [.aligned, .wideInAVX]),
    VectorForm("movapd", .x66, 0x0f29, .store, .sse2, [.aligned, .wideInAVX]),
    VectorForm("movntps", .none, 0x0f2b, .store, .sse, [.aligned, .memoryOnly, .wideInAVX]),
    VectorForm("movntpd", .x66, 0x0f2b, .store, .sse2, [.aligned, .memoryOnly, .wideInAVX]),
    VectorForm("movdqa", .x66, 0x0f6f, .unary, .sse2, [.aligned, .wideInAVX]),
    VectorForm("movdqu", .xF3, 0x0f6f, .unary, .sse2, [.unaligned, .wideInAVX]),
    VectorForm("movdqa", .x66, 0x0f7f, .store, .sse2, [.aligned, .wideInAVX]),
    VectorForm("movdqu", .xF3, 0x0f7f, .store, .sse2, [.unaligned, .wideInAVX]),
    VectorForm("movntdq", .x66, 0x0fe7, .store, .sse2, [.aligned, .memoryOnly, .wideInAVX]),
    VectorForm("lddqu", .xF2, 0x0ff0, .unary, .sse3, [.unaligned, .memoryOnly, .wideInAVX]),
    VectorForm("movntdqa", .x66, 0x382a, .unary, .sse41, [.aligned, .memoryOnly]),

    // To and from general registers.
    VectorForm(
      "movd", .x66, 0x0f6e, .fromGeneral, .sse2, [.l0, .w0, .generalW],
      memory: .bytes(4)
    ) { result, _, b, _ in zeroExtend(b.element(0, UInt32.self), result) },
    VectorForm(
      "movq", .x66, 0x0f6e, .fromGeneral, .sse2, [.l0, .w1, .generalW],
      memory: .bytes(8)
    ) { result, _, b, _ in zeroExtend(b.element(0, UInt64.self), result) },
    VectorForm("movd", .x66, 0x0f7e, .extract, .sse2, [.l0, .w0, .generalW], memory: .bytes(4)),
    VectorForm("movq", .x66, 0x0f7e, .extract, .sse2, [.l0, .w1, .generalW], memory: .bytes(8)),
    VectorForm("movq", .xF3, 0x0f7e, .unary, .sse2, [.l0], memory: .bytes(8), lowQuadword),
    VectorForm("movq", .x66, 0x0fd6, .store, .sse2, [.l0], memory: .bytes(8), lowQuadword),
    VectorForm(
      "movmskps", .none, 0x0f50, .toGeneral, .sse, [.registerOnly, .wideInAVX],
      { result, _, b, _ in signs(UInt32.self, 4, b, result) },
      wide: { result, _, b, _ in signs(UInt32.self, 8, b, result) }),
    VectorForm(
      "movmskpd", .x66, 0x0f50, .toGeneral, .sse2, [.registerOnly, .wideInAVX],
      { result, _, b, _ in signs(UInt64.self, 2, b, result) },
      wide: { result, _, b, _ in signs(UInt64.self, 4, b, result) }),
    VectorForm(
      "pmovmskb", .x66, 0x0fd7, .toGeneral, .sse2, [.registerOnly],
      { result, _, b, _ in signs(UInt8.self, 16, b, result) },
      wide: { result, _, b, _ in signs(UInt8.self, 32, b, result) }),

    // Elements.
    VectorForm("pinsrw", .x66, 0x0fc4, .insert, .sse2, [.l0, .immediate], memory: .bytes(2)) {
      result, a, b, control in insert(UInt16.self, a, b, control, result)
    },
    VectorForm("pinsrb", .x66, 0x3a20, .insert, .sse41, [.l0, .immediate], memory: .bytes(1)) {
      result, a, b, control in insert(UInt8.self, a, b, control, result)
    },
    VectorForm(
      "pinsrd", .x66, 0x3a22, .insert, .sse41, [.l0, .immediate, .w0, .generalW],
      memory: .bytes(4)
    ) { result, a, b, control in insert(UInt32.self, a, b, control, result) },
    VectorForm(
      "pinsrq", .x66, 0x3a22, .insert, .sse41, [.l0, .immediate, .w1, .generalW],
      memory: .bytes(8)
    ) { result, a, b, control in insert(UInt64.self, a, b, control, result) },
    VectorForm("pextrw", .x66, 0x0fc5, .toGeneral, .sse2, [.l0, .immediate, .registerOnly]) {
      result, _, b, control in extract(UInt16.self, b, control, result)
    },
    VectorForm("pextrb", .x66, 0x3a14, .extract, .sse41, [.l0, .immediate], memory: .bytes(1)) {
      result, _, b, control in extract(UInt8.self, b, control, result)
    },
    VectorForm("pextrw", .x66, 0x3a15, .extract, .sse41, [.l0, .immediate], memory: .bytes(2)) {
      result, _, b, control in extract(UInt16.self, b, control, result)
    },
    VectorForm(
      "pextrd", .x66, 0x3a16, .extract, .sse41, [.l0, .immediate, .w0, .generalW],
      memory: .bytes(4)
    ) { result, _, b, control in extract(UInt32.self, b, control, result) },
    VectorForm(
      "pextrq", .x66, 0x3a16, .extract, .sse41, [.l0, .immediate, .w1, .generalW],
      memory: .bytes(8)
    ) { result, _, b, control in extract(UInt64.self, b, control, result) },
    VectorForm(
      "extractps", .x66, 0x3a17, .extract, .sse41, [.l0, .immediate],
      memory: .bytes(4)
    ) { result, _, b, control in extract(UInt32.self, b, control, result) },
    VectorForm("insertps", .x66, 0x3a21, .binary, .sse41, [.l0, .immediate, .registerOnly]) {
      result, a, b, control in
      insertSingle(
        a, b.element(VectorControl(control).immediate >> 6, UInt32.self), control,
        result)
    },
    VectorForm(
      "insertps", .x66, 0x3a21, .binary, .sse41, [.l0, .immediate, .memoryOnly],
      memory: .bytes(4)
    ) { result, a, b, control in
      insertSingle(a, b.element(0, UInt32.self), control, result)
    },

    // Broadcasts and 128-bit halves.
    VectorForm(
      "vbroadcastss", .x66, 0x3818, .unary, .avx, [.vexOnly, .w0, .memoryOnly], memory: .bytes(4),
      broadcast32, wide: broadcastWide32),
    VectorForm(
      "vbroadcastss", .x66, 0x3818, .unary, .avx2, [.vexOnly, .w0, .registerOnly], broadcast32,
      wide: broadcastWide32),
    VectorForm(
      "vbroadcastsd", .x66, 0x3819, .unary, .avx, [.vexOnly, .w0, .l1, .memoryOnly],
      memory: .bytes(8), broadcast64, wide: broadcastWide64),
    VectorForm(
      "vbroadcastsd", .x66, 0x3819, .unary, .avx2, [.vexOnly, .w0, .l1, .registerOnly], broadcast64,
      wide: broadcastWide64),
    VectorForm(
      "vbroadcastf128", .x66, 0x381a, .unary, .avx,
      [.vexOnly, .w0, .l1, .memoryOnly, .sharedSource], memory: .bytes(16)),
    VectorForm(
      "vbroadcasti128", .x66, 0x385a, .unary, .avx2,
      [.vexOnly, .w0, .l1, .memoryOnly, .sharedSource], memory: .bytes(16)),
    VectorForm(
      "vpbroadcastb", .x66, 0x3878, .unary, .avx2, [.vexOnly, .w0], memory: .bytes(1),
      { result, _, b, _ in elements(UInt8.self, result) { _ in b.element(0, UInt8.self) } },
      wide: { result, _, b, _ in
        wideElements(UInt8.self, result) { _ in b.element(0, UInt8.self) }
      }),
    VectorForm(
      "vpbroadcastw", .x66, 0x3879, .unary, .avx2, [.vexOnly, .w0], memory: .bytes(2),
      { result, _, b, _ in elements(UInt16.self, result) { _ in b.element(0, UInt16.self) } },
      wide: { result, _, b, _ in
        wideElements(UInt16.self, result) { _ in b.element(0, UInt16.self) }
      }),
    VectorForm(
      "vpbroadcastd", .x66, 0x3858, .unary, .avx2, [.vexOnly, .w0], memory: .bytes(4), broadcast32,
      wide: broadcastWide32),
    VectorForm(
      "vpbroadcastq", .x66, 0x3859, .unary, .avx2, [.vexOnly, .w0], memory: .bytes(8), broadcast64,
      wide: broadcastWide64),
    VectorForm(
      "vinsertf128", .x66, 0x3a18, .binary, .avx, [.vexOnly, .w0, .l1, .immediate],
      memory: .bytes(16), wide: insertHalf),
    VectorForm(
      "vinserti128", .x66, 0x3a38, .binary, .avx2, [.vexOnly, .w0, .l1, .immediate],
      memory: .bytes(16), wide: insertHalf),
    VectorForm(
      "vextractf128", .x66, 0x3a19, .storeComputed, .avx, [.vexOnly, .w0, .l1, .immediate],
      memory: .bytes(16), result: 16, wide: extractHalf),
    VectorForm(
      "vextracti128", .x66, 0x3a39, .storeComputed, .avx2, [.vexOnly, .w0, .l1, .immediate],
      memory: .bytes(16), result: 16, wide: extractHalf),
  ]
}

@inline(__always)
private func zeroExtend<E: OperandWidth>(_ value: E, _ result: UnsafeMutableRawPointer) -> UInt32 {
  pair(value.zeroExtended, 0, result)
}

@inline(__always)
func pair(_ low: UInt64, _ high: UInt64, _ result: UnsafeMutableRawPointer) -> UInt32 {
  result.put(low, high)
  return 0
}

private let lowQuadword: VectorKernel = { result, _, b, _ in
  zeroExtend(b.element(0, UInt64.self), result)
}

private let highToLow: VectorKernel = { result, _, b, _ in
  zeroExtend(b.element(1, UInt64.self), result)
}

private let mergeLow32: VectorKernel = { result, a, b, _ in
  let low = a.element(0, UInt64.self) & 0xffff_ffff_0000_0000
  return pair(low | b.element(0, UInt32.self).zeroExtended, a.element(1, UInt64.self), result)
}

private let mergeLow64: VectorKernel = { result, a, b, _ in
  pair(b.element(0, UInt64.self), a.element(1, UInt64.self), result)
}

private let mergeHigh64: VectorKernel = { result, a, b, _ in
  pair(a.element(0, UInt64.self), b.element(0, UInt64.self), result)
}

/// The sign bits of `count` elements.
@inline(__always)
private func signs<E: OperandWidth>(
  _ type: E.Type, _ count: Int, _ b: UnsafeRawPointer, _ result: UnsafeMutableRawPointer
) -> UInt32 {
  var signs: UInt64 = 0
  var index = 0
  while index < count {
    if b.element(index, type).isNegative { signs |= 1 << UInt64(index) }
    index &+= 1
  }
  return pair(signs, 0, result)
}

@inline(__always)
private func insert<E: OperandWidth>(
  _ type: E.Type, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ control: UInt64,
  _ result: UnsafeMutableRawPointer
) -> UInt32 {
  let position = VectorControl(control).immediate & (128 / E.bitWidth &- 1)
  return elements(type, result) { $0 == position ? b.element(0, type) : a.element($0, type) }
}

@inline(__always)
private func extract<E: OperandWidth>(
  _ type: E.Type, _ b: UnsafeRawPointer, _ control: UInt64, _ result: UnsafeMutableRawPointer
) -> UInt32 {
  let position = VectorControl(control).immediate & (128 / E.bitWidth &- 1)
  return zeroExtend(b.element(position, type), result)
}

/// INSERTPS: immediate bits 5:4 say where, bits 3:0 what becomes zero.
@inline(__always)
private func insertSingle(
  _ a: UnsafeRawPointer, _ value: UInt32, _ control: UInt64, _ result: UnsafeMutableRawPointer
) -> UInt32 {
  let immediate = VectorControl(control).immediate
  let position = immediate >> 4 & 3
  return elements(UInt32.self, result) {
    immediate >> $0 & 1 != 0 ? 0 : $0 == position ? value : a.element($0, UInt32.self)
  }
}

private let broadcast32: VectorKernel = { result, _, b, _ in
  elements(UInt32.self, result) { _ in b.element(0, UInt32.self) }
}
private let broadcastWide32: VectorKernel = { result, _, b, _ in
  wideElements(UInt32.self, result) { _ in b.element(0, UInt32.self) }
}
private let broadcast64: VectorKernel = { result, _, b, _ in
  elements(UInt64.self, result) { _ in b.element(0, UInt64.self) }
}
private let broadcastWide64: VectorKernel = { result, _, b, _ in
  wideElements(UInt64.self, result) { _ in b.element(0, UInt64.self) }
}

private let insertHalf: VectorKernel = { result, a, b, control in
  let position = VectorControl(control).immediate & 1
  return wideElements(UInt64.self, result) {
    $0 >> 1 == position ? b.element($0 & 1, UInt64.self) : a.element($0, UInt64.self)
  }
}

private let extractHalf: VectorKernel = { result, _, b, control in
  let position = VectorControl(control).immediate & 1
  return elements(UInt64.self, result) { b.element(position &* 2 &+ $0, UInt64.self) }
}
