// VZEROUPPER, VZEROALL, LDMXCSR, STMXCSR.
extension VectorForm {
  static let control: [VectorForm] = [
    VectorForm(
      "vzeroupper", .none, 0x0f77, .own(register: { zeroVectors($0, $1, from: 16) }, memory: nil),
      .avx, [.vexOnly, .l0]),
    VectorForm(
      "vzeroall", .none, 0x0f77, .own(register: { zeroVectors($0, $1, from: 0) }, memory: nil),
      .avx, [.vexOnly, .l1]),
    VectorForm(
      "ldmxcsr", .none, 0x0fae,
      .own(register: nil, memory: { loadControl($0, $1, vex: false) }), .sse,
      [.legacyOnly, .memoryOnly], digit: 2, memory: .bytes(4)),
    VectorForm(
      "vldmxcsr", .none, 0x0fae,
      .own(register: nil, memory: { loadControl($0, $1, vex: true) }), .avx,
      [.vexOnly, .memoryOnly, .l0], digit: 2, memory: .bytes(4)),
    VectorForm(
      "stmxcsr", .none, 0x0fae,
      .own(register: nil, memory: { storeControl($0, $1, vex: false) }), .sse,
      [.legacyOnly, .memoryOnly], digit: 3, memory: .bytes(4)),
    VectorForm(
      "vstmxcsr", .none, 0x0fae,
      .own(register: nil, memory: { storeControl($0, $1, vex: true) }), .avx,
      [.vexOnly, .memoryOnly, .l0], digit: 3, memory: .bytes(4)),
  ]
}

/// Clears the registers that the mode has, from byte `first` of each.
@inline(__always)
private func zeroVectors(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, from first: Int
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: true) else { return core.leave(i) }
  for number in 0..<(i.pointer.pointee.mode.contains(.long) ? 16 : 8) as Range<UInt8> {
    let register = core.vectorRegister(number)
    if first == 0 { register.put(0, 0) }
    (register + 16).put(0, 0)
  }
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
private func loadControl(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX), let value = core.load(i, UInt32.self) else {
    return core.leave(i)
  }
  guard value & ~VectorState.mxcsrMask == 0 else {
    core.state.pointee.raise(.generalProtection, errorCode: 0)
    return core.leave(i)
  }
  core.state.pointee.vector.mxcsr = value
  return core.nextAfterSlowAccess(i)
}

@inline(__always)
private func storeControl(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX), core.store(i, core.state.pointee.vector.mxcsr) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}
