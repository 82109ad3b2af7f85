// VMREAD and VMWRITE.
//
// Source: Intel SDM, "VMX Instruction Reference".
extension Processor {
  /// VMREAD to a register (`memory` false) or to memory.
  mutating func vmread(_ i: InstructionReference, memory: Bool) {
    let encoding = systemOperand(i.pointer.pointee.source)
    guard beginVMCSAccess(i, .vmread, encoding, memory: memory) else { return }
    let location = model.vmcsFields.locate(encoding)
    guard location.isPresent else { return vmFail(.unsupportedVMCSComponent) }
    let value =
      vmx.isNonRoot
      ? readShadowVMCS(encoding, location)
      : withUnsafeMutablePointer(to: &vmx.vmcs) { $0.read(location) }
    if memory {
      guard storeVMCSOperand(i, value) else { return }
    } else {
      setSystemOperand(i.pointer.pointee.destination, value)
    }
    vmSucceed()
  }

  /// VMWRITE from a register or from memory.
  mutating func vmwrite(_ i: InstructionReference, memory: Bool) {
    let encoding = systemOperand(i.pointer.pointee.destination)
    guard beginVMCSAccess(i, .vmwrite, encoding, memory: memory) else { return }
    let value: UInt64
    if memory {
      guard let loaded = loadVMCSOperand(i) else { return }
      value = loaded
    } else {
      value = systemOperand(i.pointer.pointee.source)
    }
    let location = model.vmcsFields.locate(encoding)
    guard location.isPresent else { return vmFail(.unsupportedVMCSComponent) }
    guard !location.isReadOnly || allowsVMWRITEToAnyField else {
      return vmFail(.vmwriteToReadOnlyComponent)
    }
    if vmx.isNonRoot {
      writeShadowVMCS(value, encoding, location)
    } else {
      withUnsafeMutablePointer(to: &vmx.vmcs) { $0.write(value, to: location) }
      vmx.uncheckedSections.formUnion(location.readers)
    }
    vmSucceed()
  }

  /// What VMREAD and VMWRITE check first: in non-root operation they exit unless they are shadowed,
  /// and fail where there is no VMCS to access.
  private mutating func beginVMCSAccess(
    _ i: InstructionReference, _ reason: BasicExitReason, _ encoding: UInt64, memory: Bool
  ) -> Bool {
    if vmx.isNonRoot, isVMXMode, shadowsVMCSAccess(reason, encoding) {
      guard requireCPL0() else { return false }
      guard vmx.vmcs.vmcsLinkPointer != VMXState.noPointer else {
        vmFailInvalid()
        return false
      }
      return true
    }
    guard
      beginVMXInstruction(
        i, exit: reason, information: vmcsAccessInformation(i, memory: memory),
        hasDisplacement: memory)
    else { return false }
    guard vmx.currentPointer != VMXState.noPointer else {
      vmFailInvalid()
      return false
    }
    return true
  }

  private var allowsVMWRITEToAnyField: Bool {
    model.capabilities.msrs.miscellaneous & VMXMiscellaneous.vmwriteToAnyField != 0
  }

  private mutating func loadVMCSOperand(_ i: InstructionReference) -> UInt64? {
    let isStack = i.pointer.pointee.segment == 2
    if mode == .long {
      guard let linear = linearOperand(i, byteCount: 8, .read) else { return nil }
      return read(linear, UInt64.self, stack: isStack)
    }
    guard let linear = linearOperand(i, byteCount: 4, .read) else { return nil }
    return read(linear, UInt32.self, stack: isStack).map(UInt64.init)
  }

  private mutating func storeVMCSOperand(_ i: InstructionReference, _ value: UInt64) -> Bool {
    let isStack = i.pointer.pointee.segment == 2
    if mode == .long {
      guard let linear = linearOperand(i, byteCount: 8, .write) else { return false }
      return write(linear, value, stack: isStack)
    }
    guard let linear = linearOperand(i, byteCount: 4, .write) else { return false }
    return write(linear, UInt32(truncatingIfNeeded: value), stack: isStack)
  }

  /// VM-exit instruction information for VMREAD and VMWRITE: both operands.
  ///
  /// Source: Intel SDM, "Information for VM Exits Due to Instruction Execution", VMREAD and VMWRITE.
  private mutating func vmcsAccessInformation(_ i: InstructionReference, memory: Bool) -> UInt32 {
    guard vmx.isNonRoot else { return 0 }
    let isRead = i.pointer.pointee.immediate == VMCSAccessForm.read
    let encoding = isRead ? i.pointer.pointee.source : i.pointer.pointee.destination
    let value = isRead ? i.pointer.pointee.destination : i.pointer.pointee.source
    let operand = memory ? instructionInformation(i) : 1 << 10 | UInt32(value >> 3) << 3
    return operand | UInt32(encoding >> 3) << 28
  }
}

/// Marks in an instruction's immediate which of the two it is.
enum VMCSAccessForm {
  static let read: UInt64 = 1
  static let write: UInt64 = 2
}
