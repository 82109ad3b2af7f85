// INVEPT and INVVPID.
//
// Source: Intel SDM, "VMX Instruction Reference".
extension Processor {
  mutating func invept(_ i: InstructionReference) {
    guard model.capabilities.eptAndVPID.contains(.invept) else { return raise(.invalidOpcode) }
    guard let (type, low, _) = invalidationOperands(i, exit: .invept) else { return }
    let capabilities = model.capabilities.eptAndVPID
    switch type {
    case 1 where capabilities.contains(.inveptSingleContext):
      guard isValidEPTPointer(low) else { return vmFail(.invalidOperandToINVEPTOrINVVPID) }
    case 2 where capabilities.contains(.inveptAllContexts): break
    default: return vmFail(.invalidOperandToINVEPTOrINVVPID)
    }
    forgetGuestTranslations()
    vmSucceed()
  }

  mutating func invvpid(_ i: InstructionReference) {
    guard model.capabilities.eptAndVPID.contains(.invvpid) else { return raise(.invalidOpcode) }
    guard let (type, low, address) = invalidationOperands(i, exit: .invvpid) else { return }
    let capabilities = model.capabilities.eptAndVPID
    let vpid = low & 0xffff
    let isValid: Bool
    switch type {
    case 0:
      isValid =
        capabilities.contains(.invvpidIndividualAddress) && vpid != 0 && isCanonical(address)
    case 1: isValid = capabilities.contains(.invvpidSingleContext) && vpid != 0
    case 2: isValid = capabilities.contains(.invvpidAllContexts)
    case 3:
      isValid = capabilities.contains(.invvpidSingleContextRetainingGlobals) && vpid != 0
    default: isValid = false
    }
    guard isValid, low >> 16 == 0 || type == 2 else {
      return vmFail(.invalidOperandToINVEPTOrINVVPID)
    }
    forgetGuestTranslations()
    vmSucceed()
  }

  /// The type in the register operand and the 128-bit descriptor in memory.
  private mutating func invalidationOperands(
    _ i: InstructionReference, exit reason: BasicExitReason
  ) -> (type: UInt64, low: UInt64, high: UInt64)? {
    let information =
      instructionInformation(i) | UInt32(i.pointer.pointee.destination >> 3) << 28
    guard
      beginVMXInstruction(i, exit: reason, information: information, hasDisplacement: true)
    else { return nil }
    let isStack = i.pointer.pointee.segment == 2
    guard let linear = linearOperand(i, byteCount: 16, .read),
      let low = read(linear, UInt64.self, stack: isStack),
      let high = read(wrapLinear(linear &+ 8), UInt64.self, stack: isStack)
    else { return nil }
    return (systemOperand(i.pointer.pointee.destination), low, high)
  }

  /// Whether VM entry would accept `pointer` as the EPT pointer.
  private func isValidEPTPointer(_ pointer: UInt64) -> Bool {
    let capabilities = model.capabilities.eptAndVPID
    let type = pointer & 7
    guard
      (type == 0 && capabilities.contains(.uncacheableStructures))
        || (type == 6 && capabilities.contains(.writeBackStructures))
    else { return false }
    let levels = pointer >> 3 & 7
    guard
      (levels == 3 && capabilities.contains(.pageWalkLength4))
        || (levels == 4 && capabilities.contains(.pageWalkLength5))
    else { return false }
    if pointer & EPTEntry.pointerAccessedDirty != 0,
      !capabilities.contains(.accessedAndDirtyFlags)
    {
      return false
    }
    return pointer & (model.capabilities.physicalAddressReserved | 0xf80) == 0
  }

  /// Translations of guests are kept under address-space numbers of their own; none is found again.
  private mutating func forgetGuestTranslations() {
    vmx.forgetAddressSpaces()
  }
}
