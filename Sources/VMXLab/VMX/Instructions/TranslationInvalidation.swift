// INVEPT and INVVPID.
//
// Source: Intel SDM, "VMX Instruction Reference".
extension Processor {
  mutating func invept(_ i: InstructionReference) {
    guard model.capabilities.eptAndVPID.contains(.invept) else { return raise(.invalidOpcode) }
    guard beginInvalidation(i, exit: .invept) else { return }
    let capabilities = model.capabilities.eptAndVPID
    let type = systemOperand(i.pointer.pointee.destination)
    let isSupported =
      (type == 1 && capabilities.contains(.inveptSingleContext))
      || (type == 2 && capabilities.contains(.inveptAllContexts))
    guard isSupported else { return vmFail(.invalidOperandToINVEPTOrINVVPID) }
    guard let (pointer, _) = invalidationDescriptor(i) else { return }
    guard type == 2 || isValidEPTPointer(pointer) else {
      return vmFail(.invalidOperandToINVEPTOrINVVPID)
    }
    spaces.invalidateGuests()
    vmSucceed()
  }

  mutating func invvpid(_ i: InstructionReference) {
    guard model.capabilities.eptAndVPID.contains(.invvpid) else { return raise(.invalidOpcode) }
    guard beginInvalidation(i, exit: .invvpid) else { return }
    let capabilities = model.capabilities.eptAndVPID
    let type = systemOperand(i.pointer.pointee.destination)
    let isSupported =
      switch type {
      case 0: capabilities.contains(.invvpidIndividualAddress)
      case 1: capabilities.contains(.invvpidSingleContext)
      case 2: capabilities.contains(.invvpidAllContexts)
      case 3: capabilities.contains(.invvpidSingleContextRetainingGlobals)
      default: false
      }
    guard isSupported else { return vmFail(.invalidOperandToINVEPTOrINVVPID) }
    guard let (vpid, address) = invalidationDescriptor(i) else { return }
    // Bits 63:16 are reserved; VPID 0 is VMX root operation's.
    guard vpid >> 16 == 0, type == 2 || vpid != 0,
      type != 0 || isCanonicalForProcessor(address)
    else {
      return vmFail(.invalidOperandToINVEPTOrINVVPID)
    }
    switch type {
    case 0: translations.removePage(address)
    case 2: spaces.invalidateGuests()
    default: spaces.invalidate(vpid: UInt16(truncatingIfNeeded: vpid))
    }
    vmSucceed()
  }

  private mutating func beginInvalidation(
    _ i: InstructionReference, exit reason: BasicExitReason
  ) -> Bool {
    let information =
      instructionInformation(i) | UInt32(i.pointer.pointee.destination >> 3) << 28
    return beginVMXInstruction(i, exit: reason, information: information, hasDisplacement: true)
  }

  /// The 128-bit descriptor in memory; nil if the access faults.
  private mutating func invalidationDescriptor(
    _ i: InstructionReference
  ) -> (low: UInt64, high: UInt64)? {
    let isStack = i.pointer.pointee.segment == 2
    guard let linear = linearOperand(i, byteCount: 16, .read),
      let low = read(linear, UInt64.self, stack: isStack),
      let high = read(wrapLinear(linear &+ 8), UInt64.self, stack: isStack)
    else { return nil }
    return (low, high)
  }

  /// Whether VM entry would accept `pointer` as the EPT pointer.
  mutating func isValidEPTPointer(_ pointer: UInt64) -> Bool {
    var vmcs = VMCS()
    vmcs.eptPointer = pointer
    let reader = ProcessorMemoryReader(ram: ram)
    var reporter = SilentReporter()
    return withUnsafePointer(to: vmcs) {
      VMEntryContext(
        vmcs: $0, capabilities: modelReference.capabilities, processor: VMEntryProcessorState(),
        memory: reader
      ).checkEPTPointer(&reporter)
    }
  }
}
