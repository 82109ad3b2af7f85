// Masked loads and stores, gathers, MASKMOVDQU.
//
// Source: Intel SDM, "VMASKMOV—Conditional SIMD Packed Loads and Stores", "VPMASKMOV", "VGATHERDPS",
// "MASKMOVDQU".
extension VectorForm {
  static let maskedMoves: [VectorForm] = [
    masked("vmaskmovps", 0x382c, .avx, .w0, { maskedLoad(UInt32.self, $0, $1) }),
    masked("vmaskmovpd", 0x382d, .avx, .w0, { maskedLoad(UInt64.self, $0, $1) }),
    masked("vmaskmovps", 0x382e, .avx, .w0, { maskedStore(UInt32.self, $0, $1) }),
    masked("vmaskmovpd", 0x382f, .avx, .w0, { maskedStore(UInt64.self, $0, $1) }),
    masked("vpmaskmovd", 0x388c, .avx2, .w0, { maskedLoad(UInt32.self, $0, $1) }),
    masked("vpmaskmovq", 0x388c, .avx2, .w1, { maskedLoad(UInt64.self, $0, $1) }),
    masked("vpmaskmovd", 0x388e, .avx2, .w0, { maskedStore(UInt32.self, $0, $1) }),
    masked("vpmaskmovq", 0x388e, .avx2, .w1, { maskedStore(UInt64.self, $0, $1) }),
    gathering("vpgatherdd", 0x3890, .w0, .full, { gather(UInt32.self, UInt32.self, $0, $1) }),
    gathering("vpgatherdq", 0x3890, .w1, .full, { gather(UInt64.self, UInt32.self, $0, $1) }),
    gathering("vpgatherqd", 0x3891, .w0, .half, { gather(UInt32.self, UInt64.self, $0, $1) }),
    gathering("vpgatherqq", 0x3891, .w1, .full, { gather(UInt64.self, UInt64.self, $0, $1) }),
    gathering("vgatherdps", 0x3892, .w0, .full, { gather(UInt32.self, UInt32.self, $0, $1) }),
    gathering("vgatherdpd", 0x3892, .w1, .full, { gather(UInt64.self, UInt32.self, $0, $1) }),
    gathering("vgatherqps", 0x3893, .w0, .half, { gather(UInt32.self, UInt64.self, $0, $1) }),
    gathering("vgatherqpd", 0x3893, .w1, .full, { gather(UInt64.self, UInt64.self, $0, $1) }),
    VectorForm(
      "maskmovdqu", .x66, 0x0ff7,
      .own(register: { maskedByteStore($0, $1, vex: false) }, memory: nil), .sse2,
      [.legacyOnly, .registerOnly]),
    VectorForm(
      "vmaskmovdqu", .x66, 0x0ff7,
      .own(register: { maskedByteStore($0, $1, vex: true) }, memory: nil), .avx,
      [.vexOnly, .registerOnly, .l0]),
  ]

  private static func masked(
    _ name: StaticString, _ opcode: UInt16, _ feature: CPUFeature, _ width: VectorFormOptions,
    _ handler: @escaping Handler
  ) -> VectorForm {
    VectorForm(
      name, .x66, opcode, .own(register: nil, memory: handler), feature,
      [.vexOnly, .memoryOnly, .usesVvvv, width])
  }

  /// - Parameter memory: bytes of all elements.
  private static func gathering(
    _ name: StaticString, _ opcode: UInt16, _ width: VectorFormOptions, _ memory: VectorMemorySize,
    _ handler: @escaping Handler
  ) -> VectorForm {
    VectorForm(
      name, .x66, opcode, .own(register: nil, memory: handler), .avx2,
      [.vexOnly, .memoryOnly, .usesVvvv, .vectorIndex, width], memory: memory,
      timing: .gather)
  }
}

/// reg ← the elements in memory whose mask (in vvvv) is negative, zero elsewhere. Only those elements
/// can fault.
@inline(__always)
private func maskedLoad<E: OperandWidth>(
  _ type: E.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: true) else { return core.leave(i) }
  let byteCount = i.operation.pointee.memoryByteCount
  let mask = core.vectorRegister(i.firstSource)
  let result = core.vectorResult
  result.put(0, 0)
  (result + 16).put(0, 0)
  for index in 0..<Int(byteCount) / MemoryLayout<E>.size where mask.element(index, type).isNegative
  {
    guard
      let linear = core.linearAddress(
        i, type, .read, distance: UInt64(index &* MemoryLayout<E>.size)),
      let value = core.state.pointee.read(
        linear, type, stack: i.pointer.pointee.segment == 2)
    else { return core.leave(i) }
    result.storeBytes(of: value, toByteOffset: index &* MemoryLayout<E>.size, as: type)
  }
  core.copyVector(from: result, to: core.vectorRegister(i.vectorDestination), wide: true)
  return core.nextAfterSlowAccess(i)
}

/// Memory ← the elements of reg whose mask (in vvvv) is negative, all or none.
@inline(__always)
private func maskedStore<E: OperandWidth>(
  _ type: E.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: true) else { return core.leave(i) }
  let count = Int(i.operation.pointee.memoryByteCount) / MemoryLayout<E>.size
  let mask = core.vectorRegister(i.firstSource)
  let source = core.vectorRegister(i.vectorDestination)
  let isStack = i.pointer.pointee.segment == 2
  // All translations first: a fault leaves memory as it was.
  for index in 0..<count where mask.element(index, type).isNegative {
    guard
      let linear = core.linearAddress(
        i, type, .write, distance: UInt64(index &* MemoryLayout<E>.size)),
      core.state.pointee.translateBytes(
        linear, byteCount: E.byteCount, .write, stack: isStack) != nil
    else { return core.leave(i) }
  }
  for index in 0..<count where mask.element(index, type).isNegative {
    guard
      let linear = core.linearAddress(
        i, type, .write, distance: UInt64(index &* MemoryLayout<E>.size)),
      core.state.pointee.write(linear, source.element(index, type), stack: isStack)
    else { return core.leave(i) }
  }
  return core.nextAfterSlowAccess(i)
}

/// MASKMOVDQU: the bytes of reg whose mask (in rm) is negative go to DS:rDI.
@inline(__always)
private func maskedByteStore(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX) else { return core.leave(i) }
  guard
    core.state.pointee.storeMaskedBytes(
      i, core.vectorRegister(i.vectorDestination), mask: core.vectorRegister(i.modRMRegister),
      byteCount: 16)
  else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

extension Processor {
  /// Writes the bytes of `source` whose mask byte is negative to DS:rDI (or another segment); false if
  /// that faults, with nothing written. A mask of zeros touches nothing.
  mutating func storeMaskedBytes(
    _ i: InstructionReference, _ source: UnsafeRawPointer, mask: UnsafeRawPointer, byteCount: Int
  ) -> Bool {
    var selected: UInt32 = 0
    for index in 0..<byteCount where mask.element(index, UInt8.self) & 0x80 != 0 {
      selected |= 1 << UInt32(index)
    }
    guard selected != 0 else { return true }
    let segment = i.pointer.pointee.segment
    guard
      let linear = segmentedAddress(
        general[7], segment: segment, mode: i.pointer.pointee.mode, byteCount: UInt64(byteCount),
        access: .write),
      let (first, second) = translateBytes(
        linear, byteCount: UInt64(byteCount), .write, stack: segment == 2)
    else { return false }
    let room = Int(0x1000 &- linear & 0xfff)
    for index in 0..<byteCount where selected >> UInt32(index) & 1 != 0 {
      let physical =
        index < room ? first &+ UInt64(index) : second &+ UInt64(index &- room)
      store(physical, UInt64(source.element(index, UInt8.self)), byteCount: 1)
    }
    return true
  }
}

/// reg ← the elements at base + index × scale whose mask (in vvvv) is negative. What has been loaded
/// when an element faults stays loaded, with its mask cleared.
@inline(__always)
private func gather<E: OperandWidth, Index: OperandWidth>(
  _ type: E.Type, _ indexType: Index.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: true) else { return core.leave(i) }
  let v = i.pointer
  let number = i.vectorDestination
  guard number != i.firstSource, number != v.pointee.index, i.firstSource != v.pointee.index else {
    core.state.pointee.raise(.invalidOpcode)
    return core.leave(i)
  }
  let byteCount = Int(i.operation.pointee.memoryByteCount)
  let size = MemoryLayout<E>.size
  let count = byteCount / size
  let mask = core.vectorRegister(i.firstSource)
  let result = core.vectorRegister(number)
  let indexes = core.vectorRegister(v.pointee.index)
  for index in 0..<32 / size {
    let isSelected = index < count && mask.element(index, type).isNegative
    mask.storeBytes(of: isSelected ? ~0 : 0, toByteOffset: index &* size, as: type)
  }
  let base =
    core.register(v.pointee.base, as: UInt64.self)
    &+ UInt64(bitPattern: Int64(v.pointee.displacement))
  for index in 0..<count where mask.element(index, type) != 0 {
    let offset = base &+ indexes.element(index, indexType).signExtended << v.pointee.scale
    guard
      let linear = core.state.pointee.gatherAddress(offset, i, byteCount: E.byteCount),
      let value = core.state.pointee.read(linear, type, stack: v.pointee.segment == 2)
    else { return core.leave(i) }
    result.storeBytes(of: value, toByteOffset: index &* size, as: type)
    mask.storeBytes(of: 0, toByteOffset: index &* size, as: type)
  }
  for index in byteCount..<VectorState.bytesPerRegister {
    result.storeBytes(of: 0, toByteOffset: index, as: UInt8.self)
  }
  return core.nextAfterSlowAccess(i)
}

extension Processor {
  @inline(__always)
  fileprivate mutating func gatherAddress(
    _ offset: UInt64, _ i: InstructionReference, byteCount: UInt64
  ) -> UInt64? {
    let mode = i.pointer.pointee.mode
    if mode.contains(.flat) { return offset }
    return segmentedAddress(
      offset, segment: i.pointer.pointee.segment, mode: mode, byteCount: byteCount, access: .read)
  }
}
