/// What an MMX instruction computes: destination, source and immediate in, result out.
///
/// A C function pointer, which the instruction carries in its `immediate`.
typealias MMXKernel = @convention(thin) (UInt64, UInt64, UInt64) -> UInt64

extension InstructionBuilder {
  /// Has the instruction carry `kernel`.
  mutating func setKernel(_ kernel: MMXKernel) {
    immediate = UInt64(UInt(bitPattern: unsafeBitCast(kernel, to: UnsafeRawPointer.self)))
  }
}

extension Instruction {
  /// The kernel of an MMX instruction that has one.
  @inline(__always) var mmxKernel: MMXKernel {
    unsafeBitCast(UInt(truncatingIfNeeded: immediate), to: MMXKernel.self)
  }
  /// MMX register operands: the destination in bits 2:0, the source in bits 5:3.
  @inline(__always) var mmxDestination: UInt8 { destination & 7 }
  @inline(__always) var mmxSource: UInt8 { destination >> 3 & 7 }
}

extension Core {
  /// Writes an MMX register: with it, all of the x87 registers are in use, from the first one on.
  @inline(__always) func setMMX(_ number: UInt8, _ value: UInt64) {
    state.pointee.x87[mmx: number] = value
    enterMMX()
  }

  /// What every MMX instruction but EMMS does to the tags and TOP.
  ///
  /// Source: Intel SDM, "Effect of MMX, x87 FPU, FXSAVE, and FXRSTOR Instructions on the x87 FPU Tag
  /// Word".
  @inline(__always) func enterMMX() {
    state.pointee.x87.used = 0xff
    state.pointee.x87.top = 0
  }

  @inline(__always) func mmx(_ number: UInt8) -> UInt64 { state.pointee.x87[mmx: number] }
}

/// The handlers of MMX instructions by the shape of their operands.
enum MMXHandlers {
  // MARK: With a kernel; the immediate byte is in `source`

  /// mm ← mm, mm.
  static let registerRegister: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX() else { return core.leave(i) }
    let v = i.pointer
    core.setMMX(
      v.pointee.mmxDestination,
      v.pointee.mmxKernel(
        core.mmx(v.pointee.mmxDestination), core.mmx(v.pointee.mmxSource),
        UInt64(v.pointee.source)))
    return core.nextAfterSlowAccess(i)
  }

  /// mm ← mm, m64.
  static let registerMemory64: Handler = { state, i in
    withMemory(state, i, UInt64.self)
  }

  /// mm ← mm, m32: interleaving the low halves.
  static let registerMemory32: Handler = { state, i in
    withMemory(state, i, UInt32.self)
  }

  @inline(__always)
  private static func withMemory<W: OperandWidth>(
    _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, _ width: W.Type
  ) {
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX(), let value = core.load(i, width) else { return core.leave(i) }
    let v = i.pointer
    core.setMMX(
      v.pointee.mmxDestination,
      v.pointee.mmxKernel(
        core.mmx(v.pointee.mmxDestination), value.zeroExtended, UInt64(v.pointee.source)))
    return core.nextAfterSlowAccess(i)
  }

  // MARK: Moves. `source` is a general register's offset

  /// MOVD mm, r32.
  static let loadRegister32: Handler = { state, i in
    loadRegister(state, i, UInt32.self)
  }
  /// MOVQ mm, r64.
  static let loadRegister64: Handler = { state, i in
    loadRegister(state, i, UInt64.self)
  }
  /// MOVD r32, mm.
  static let storeRegister32: Handler = { state, i in
    storeRegister(state, i, UInt32.self)
  }
  /// MOVQ r64, mm.
  static let storeRegister64: Handler = { state, i in
    storeRegister(state, i, UInt64.self)
  }
  /// MOVD m32, mm.
  static let storeMemory32: Handler = { state, i in
    storeMemory(state, i, UInt32.self)
  }
  /// MOVQ m64, mm, and MOVNTQ.
  static let storeMemory64: Handler = { state, i in
    storeMemory(state, i, UInt64.self)
  }

  @inline(__always)
  private static func loadRegister<W: OperandWidth>(
    _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, _ width: W.Type
  ) {
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX() else { return core.leave(i) }
    let v = i.pointer
    core.setMMX(
      v.pointee.mmxDestination, core.register(v.pointee.source, as: width).zeroExtended)
    return core.nextAfterSlowAccess(i)
  }

  @inline(__always)
  private static func storeRegister<W: OperandWidth>(
    _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, _ width: W.Type
  ) {
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX() else { return core.leave(i) }
    let v = i.pointer
    core.setRegister(v.pointee.source, W(low: core.mmx(v.pointee.mmxDestination)))
    core.enterMMX()
    return core.nextAfterSlowAccess(i)
  }

  @inline(__always)
  private static func storeMemory<W: OperandWidth>(
    _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, _ width: W.Type
  ) {
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX(),
      core.store(i, W(low: core.mmx(i.pointer.pointee.mmxDestination)))
    else { return core.leave(i) }
    core.enterMMX()
    return core.nextAfterSlowAccess(i)
  }

  // MARK: Words and masks. `source` is a general register's offset, the immediate byte in `immediate`

  /// PINSRW mm, r32.
  static let insertRegister: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX() else { return core.leave(i) }
    let v = i.pointer
    core.setMMX(
      v.pointee.mmxDestination,
      PackedInteger.insertWord(
        core.mmx(v.pointee.mmxDestination), core.register(v.pointee.source, as: UInt16.self),
        at: v.pointee.immediate))
    return core.nextAfterSlowAccess(i)
  }

  /// PINSRW mm, m16.
  static let insertMemory: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX(), let word = core.load(i, UInt16.self) else { return core.leave(i) }
    let v = i.pointer
    core.setMMX(
      v.pointee.mmxDestination,
      PackedInteger.insertWord(
        core.mmx(v.pointee.mmxDestination), word, at: v.pointee.immediate))
    return core.nextAfterSlowAccess(i)
  }

  /// PEXTRW r32, mm.
  static let extract: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX() else { return core.leave(i) }
    let v = i.pointer
    let word: UInt16 = PackedInteger.lane(
      core.mmx(v.pointee.mmxDestination), v.pointee.immediate & 3)
    core.setRegister(v.pointee.source, UInt32(word))
    core.enterMMX()
    return core.nextAfterSlowAccess(i)
  }

  /// PMOVMSKB r32, mm.
  static let signMask: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX() else { return core.leave(i) }
    let v = i.pointer
    let mask = PackedInteger.signBits(core.mmx(v.pointee.mmxDestination))
    core.setRegister(v.pointee.source, UInt32(low: mask))
    core.enterMMX()
    return core.nextAfterSlowAccess(i)
  }

  /// MASKMOVQ: the bytes whose mask byte has its sign bit set.
  static let maskedMove: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX(), core.storeMaskedBytes(i) else { return core.leave(i) }
    core.enterMMX()
    return core.nextAfterSlowAccess(i)
  }

  /// EMMS.
  static let empty: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseMMX() else { return core.leave(i) }
    core.state.pointee.x87.used = 0
    core.state.pointee.x87.top = 0
    return core.nextAfterSlowAccess(i)
  }
}

extension Core {
  /// Writes bytes of the destination where the source says so; false if that faults, with nothing
  /// written.
  fileprivate func storeMaskedBytes(_ i: InstructionReference) -> Bool {
    vectorResult.storeBytes(of: mmx(i.pointer.pointee.mmxDestination), as: UInt64.self)
    vectorOperand.storeBytes(of: mmx(i.pointer.pointee.mmxSource), as: UInt64.self)
    return state.pointee.storeMaskedBytes(i, vectorResult, mask: vectorOperand, byteCount: 8)
  }
}
