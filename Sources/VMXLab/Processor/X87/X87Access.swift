// What surrounds every x87 instruction: may it run, and what does the state remember of it.
//
// Source: Intel SDM, "x87 FPU Exception Handling in Software", "x87 FPU Instruction and Data (Operand)
// Pointers", "Device-Not-Available Exception (#NM)".
extension Core {
  /// Whether a waiting instruction may run; if not, why is recorded, and the handler must leave.
  @inline(__always) func canUseX87() -> Bool {
    canUseX87WithoutWaiting()
      && (!state.pointee.x87.hasPendingException || state.pointee.passNumericError())
  }

  /// The same for the instructions that do not wait for exceptions: FNINIT, FNSTSW and their like.
  @inline(__always) func canUseX87WithoutWaiting() -> Bool {
    let blocking = CR0.em.rawValue | CR0.ts.rawValue
    if state.pointee.cr0.rawValue & blocking == 0 { return true }
    state.pointee.raise(.deviceNotAvailable)
    return false
  }

  /// Whether an MMX instruction may run; if so, the x87 registers become MMX registers.
  ///
  /// Source: Intel SDM, "Effect of MMX Instructions on the x87 FPU Tag Word", "Exceptions" (MMX).
  @inline(__always) func canUseMMX() -> Bool {
    let blocking = CR0.em.rawValue | CR0.ts.rawValue
    if state.pointee.cr0.rawValue & blocking != 0 {
      let isEmulated = state.pointee.cr0.contains(.em)
      state.pointee.raise(isEmulated ? .invalidOpcode : .deviceNotAvailable)
      return false
    }
    return !state.pointee.x87.hasPendingException || state.pointee.passNumericError()
  }

  /// Remembers a non-control instruction that has run.
  @inline(__always) func noteX87(_ i: InstructionReference) {
    state.pointee.x87.instructionPointer =
      (state.pointee.blockRIP &+ UInt64(i.pointer.pointee.ripOffset)) & state.pointee.ripMask
    state.pointee.x87.instructionSelector = state.pointee.segments[1].selector
    if state.pointee.x87.hasPendingException {
      state.pointee.x87.lastOpcode = UInt16(truncatingIfNeeded: i.pointer.pointee.immediate) & 0x7ff
    }
  }

  /// Remembers a non-control instruction with a memory operand that has run.
  @inline(__always) func noteX87Memory(_ i: InstructionReference) {
    noteX87(i)
    if !state.pointee.x87.hasPendingException,
      state.pointee.model.features.contains(.fdpExceptionsOnly)
    {
      return
    }
    state.pointee.x87.dataPointer = effectiveAddress(i)
    state.pointee.x87.dataSelector = state.pointee.segments[i.pointer.pointee.segment].selector
  }

  /// Reads `byteCount` bytes of the memory operand into `destination`; false if that faults.
  func loadX87(
    _ i: InstructionReference, byteCount: UInt64, alignmentMask: UInt64,
    into destination: UnsafeMutableRawPointer
  ) -> Bool {
    guard let linear = linearAddress(i, byteCount: byteCount, .read),
      state.pointee.checkAlignment(linear, mask: alignmentMask)
    else { return false }
    return state.pointee.readBytes(
      linear, byteCount: byteCount, into: destination, stack: i.pointer.pointee.segment == 2)
  }

  /// Writes `byteCount` bytes to the memory operand; false if that faults, with nothing written.
  func storeX87(
    _ i: InstructionReference, byteCount: UInt64, alignmentMask: UInt64,
    from source: UnsafeRawPointer
  ) -> Bool {
    guard let linear = linearAddress(i, byteCount: byteCount, .write),
      state.pointee.checkAlignment(linear, mask: alignmentMask)
    else { return false }
    return state.pointee.writeBytes(
      linear, byteCount: byteCount, from: source, stack: i.pointer.pointee.segment == 2)
  }
}

extension Processor {
  /// #AC for an operand that is larger than the alignment it needs.
  ///
  /// Source: Intel SDM, "Alignment Check Exception (#AC)".
  @inline(__always)
  fileprivate mutating func checkAlignment(_ linear: UInt64, mask: UInt64) -> Bool {
    guard dataTag & 3 == TranslationTag.userAligned, linear & mask != 0 else { return true }
    raise(.alignmentCheck, errorCode: 0)
    return false
  }

  /// What a waiting instruction does about a pending exception: #MF with CR0.NE; else the processor
  /// asserts FERR# and stands still until an interrupt comes or IGNNE# is asserted.
  ///
  /// - Returns: whether the instruction runs all the same.
  ///
  /// Source: Intel SDM, "MS-DOS Compatibility Sub-mode".
  @inline(never)
  mutating func passNumericError() -> Bool {
    if cr0.contains(.ne) {
      raise(.x87FloatingPoint)
      return false
    }
    if signals.pointee.ignoresNumericErrors { return true }
    if !hasNumericError {
      hasNumericError = true
      platform.setNumericError(true, cycles: cycles)
    }
    cycles &+= 1
    return false
  }

  /// Brings ES and FERR# up to date after the control or status word was written.
  mutating func updateNumericError() {
    x87.updateSummary()
    guard hasNumericError, !x87.hasPendingException else { return }
    hasNumericError = false
    platform.setNumericError(false, cycles: cycles)
  }

  /// The selectors that the environment's images hold: 0 on processors that have given them up.
  var savedX87Selectors: (code: UInt16, data: UInt16) {
    model.features.contains(.zeroFCSFDS) ? (0, 0) : (x87.instructionSelector, x87.dataSelector)
  }
}
