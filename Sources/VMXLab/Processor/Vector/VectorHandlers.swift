// Handlers of vector instructions: one for each shape of operands, which runs the operation's kernel.
// A decoded vector instruction has the number of the register it writes in bits 3:0 of `destination`
// and of its first source in bits 7:4, the register that ModRM.rm names in `base`, the immediate in
// `source`, and its `VectorOperation` behind `immediate`.

/// Where the second source is.
enum VectorSource {
  case register
  case memory
  case general
}

extension InstructionReference {
  @inline(__always) var operation: UnsafePointer<VectorOperation> {
    // Made from such a pointer by `VectorTable`; the marker and other instructions never come here.
    UnsafePointer(bitPattern: UInt(pointer.pointee.immediate)).unsafelyUnwrapped
  }
  @inline(__always) var vectorDestination: UInt8 { pointer.pointee.destination & 15 }
  @inline(__always) var firstSource: UInt8 { pointer.pointee.destination >> 4 }
  @inline(__always) var modRMRegister: UInt8 { pointer.pointee.base }
  @inline(__always) var immediateByte: UInt8 { pointer.pointee.source }
}

extension Core {
  /// The general register `number`, as bytes.
  @inline(__always) func generalRegister(_ number: UInt8) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(state) + Int(number & 15) &* 8
  }

  /// The second source; nil if reading it faults.
  @inline(__always)
  func secondSource(_ i: InstructionReference, _ source: VectorSource) -> UnsafeRawPointer? {
    switch source {
    case .register: return UnsafeRawPointer(vectorRegister(i.modRMRegister))
    case .general: return UnsafeRawPointer(generalRegister(i.modRMRegister))
    case .memory:
      let operation = i.operation
      return loadVector(
        i, byteCount: UInt64(operation.pointee.memoryByteCount),
        alignmentMask: UInt64(operation.pointee.alignmentMask))
    }
  }

  /// Runs the kernel over the operands' halves; returns the exceptions it raised.
  @inline(__always)
  func run(
    _ operation: UnsafePointer<VectorOperation>, _ result: UnsafeMutableRawPointer,
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, immediate: UInt8
  ) -> UInt32 {
    let control = VectorControl.word(immediate: immediate, mxcsr: state.pointee.vector.mxcsr)
    let kernel = operation.pointee.kernel
    var flags = kernel(result, a, b, control)
    if operation.pointee.steps == 2 {
      let stride = Int(operation.pointee.sourceStride)
      flags |= kernel(result + 16, a + 16, b + stride, control | VectorControl.lane)
    }
    return flags
  }

  /// Clears what lies above a result of `byteCount` bytes, as every VEX form does.
  @inline(__always)
  func clearAbove(_ register: UnsafeMutableRawPointer, _ byteCount: UInt8) {
    if byteCount == 16 {
      (register + 16).put(0, 0)
    } else if byteCount < 16 {
      register.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
      (register + 16).put(0, 0)
    }
  }

  @inline(__always)
  func copyVector(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, wide: Bool) {
    let low = source.loadUnaligned(as: UInt64.self)
    let high = source.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    if wide {
      let third = source.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
      let fourth = source.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
      (target + 16).put(third, fourth)
    }
    target.put(low, high)
  }

  /// Adds exceptions to MXCSR; false if one is unmasked (#XM or #UD is recorded).
  @inline(__always) func commit(exceptions: UInt32) -> Bool {
    let mxcsr = state.pointee.vector.mxcsr
    // Those whose flag and mask are set already change nothing.
    return exceptions & ~(mxcsr & mxcsr >> 7) == 0 || state.pointee.note(exceptions: exceptions)
  }
}

extension Processor {
  /// Source: Intel SDM, "Handling SIMD Floating-Point Exceptions in Software".
  @inline(never)
  mutating func note(exceptions: UInt32) -> Bool {
    var environment = FloatingPointEnvironment(mxcsr: vector.mxcsr)
    environment.flags = FloatingPointExceptions(
      rawValue: UInt8(truncatingIfNeeded: exceptions) & 0x3f)
    let report = environment.report
    vector.mxcsr |= UInt32(report.flags.rawValue)
    if !report.isUnmasked { return true }
    raise(cr4.contains(.osxmmexcpt) ? .simdFloatingPoint : .invalidOpcode)
    return false
  }
}

/// reg ← a, b for kernels that raise nothing: the result goes where it belongs.
@inline(__always)
func computeVector(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool, _ source: VectorSource
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX), let b = core.secondSource(i, source) else {
    return core.leave(i)
  }
  let operation = i.operation
  let result = core.vectorRegister(i.vectorDestination)
  if operation.pointee.sourceStride == 0 {
    // The first half of the result may overwrite the count that the second half needs.
    core.copyVector(from: b, to: core.vectorOperand, wide: false)
    _ = core.run(
      operation, result, core.vectorRegister(i.firstSource), core.vectorOperand,
      immediate: i.immediateByte)
  } else {
    _ = core.run(
      operation, result, core.vectorRegister(i.firstSource), b, immediate: i.immediateByte)
  }
  if isVEX { core.clearAbove(result, operation.pointee.resultByteCount) }
  return core.nextAfterSlowAccess(i)
}

/// Which register holds the third source.
enum VectorThird {
  case none
  case destination
  /// XMM0, or with VEX bits 7:4 of the immediate.
  case selected
}

/// reg ← a, b and perhaps a third source, for kernels that may raise exceptions.
@inline(__always)
func computeFloatingPoint(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool, _ source: VectorSource,
  _ third: VectorThird = .none
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX), let b = core.secondSource(i, source) else {
    return core.leave(i)
  }
  let operation = i.operation
  let register = core.vectorRegister(i.vectorDestination)
  let result = core.vectorResult
  switch third {
  case .none: break
  case .destination: core.copyVector(from: register, to: result, wide: true)
  case .selected:
    let number = isVEX ? i.immediateByte >> 4 : 0
    core.copyVector(from: core.vectorRegister(number), to: result, wide: true)
  }
  let flags = core.run(
    operation, result, core.vectorRegister(i.firstSource), b, immediate: i.immediateByte)
  guard core.commit(exceptions: flags) else { return core.leave(i) }
  core.copyVector(from: result, to: register, wide: operation.pointee.resultByteCount == 32)
  if isVEX { core.clearAbove(register, operation.pointee.resultByteCount) }
  return core.nextAfterSlowAccess(i)
}

/// General register ← b.
@inline(__always)
func computeGeneral(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool, _ source: VectorSource
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX), let b = core.secondSource(i, source) else {
    return core.leave(i)
  }
  let result = core.vectorResult
  let flags = core.run(i.operation, result, b, b, immediate: i.immediateByte)
  guard core.commit(exceptions: flags) else { return core.leave(i) }
  core.setGeneral(i, i.vectorDestination, result)
  return core.nextAfterSlowAccess(i)
}

extension Core {
  /// Writes a 32- or 64-bit result to a general register.
  @inline(__always)
  func setGeneral(_ i: InstructionReference, _ number: UInt8, _ value: UnsafeMutableRawPointer) {
    let offset = RegisterOffset.general(number)
    if i.pointer.pointee.mode.contains(.operand64) {
      setRegister(offset, value.load(as: UInt64.self))
    } else {
      setRegister(offset, value.load(as: UInt32.self))
    }
  }
}

/// General register (rm) ← reg.
@inline(__always)
func extractGeneral(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX) else { return core.leave(i) }
  let source = core.vectorRegister(i.vectorDestination)
  let result = core.vectorResult
  _ = core.run(i.operation, result, source, source, immediate: i.immediateByte)
  core.setGeneral(i, i.modRMRegister, result)
  return core.nextAfterSlowAccess(i)
}

/// Memory or register (rm) ← what the kernel makes of reg.
@inline(__always)
func storeComputed(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool, _ target: VectorSource
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX) else { return core.leave(i) }
  let source = core.vectorRegister(i.vectorDestination)
  let result = core.vectorResult
  let operation = i.operation
  let flags = core.run(operation, result, source, source, immediate: i.immediateByte)
  if target == .memory {
    guard
      let linear = core.vectorAddress(
        i, byteCount: UInt64(operation.pointee.memoryByteCount),
        alignmentMask: UInt64(operation.pointee.alignmentMask), .write),
      core.state.pointee.commitStore(
        linear, byteCount: UInt64(operation.pointee.memoryByteCount), result, exceptions: flags,
        stack: i.pointer.pointee.segment == 2)
    else { return core.leave(i) }
    return core.nextAfterSlowAccess(i)
  }
  guard core.commit(exceptions: flags) else { return core.leave(i) }
  let register = core.vectorRegister(i.modRMRegister)
  core.copyVector(from: result, to: register, wide: operation.pointee.resultByteCount == 32)
  if isVEX { core.clearAbove(register, operation.pointee.resultByteCount) }
  return core.nextAfterSlowAccess(i)
}

extension Processor {
  /// Writes a computed result, unless the write faults or an exception is unmasked. The write's
  /// fault comes first.
  @inline(never)
  mutating func commitStore(
    _ linear: UInt64, byteCount: UInt64, _ value: UnsafeRawPointer, exceptions: UInt32, stack: Bool
  ) -> Bool {
    if exceptions != 0 {
      guard translateBytes(linear, byteCount: byteCount, .write, stack: stack) != nil,
        note(exceptions: exceptions)
      else { return false }
    }
    return writeBytes(linear, byteCount: byteCount, from: value, stack: stack)
  }
}

/// Memory ← reg.
@inline(__always)
func storeVector(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool) {
  let core = Core(state)
  let i = InstructionReference(i)
  let operation = i.operation
  guard core.canUseVectors(vex: isVEX),
    core.storeVector(
      i, core.vectorRegister(i.vectorDestination),
      byteCount: UInt64(operation.pointee.memoryByteCount),
      alignmentMask: UInt64(operation.pointee.alignmentMask))
  else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

/// Status flags ← reg, b. The kernel's result is the flags, as in RFLAGS.
@inline(__always)
func compareVectors(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool, _ source: VectorSource
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX), let b = core.secondSource(i, source) else {
    return core.leave(i)
  }
  let result = core.vectorResult
  let flags = core.run(
    i.operation, result, core.vectorRegister(i.vectorDestination), b, immediate: i.immediateByte)
  guard core.commit(exceptions: flags) else { return core.leave(i) }
  core.state.pointee.lazy.load(result.load(as: UInt64.self))
  return core.nextAfterSlowAccess(i)
}
