// VMFUNC.
//
// Source: Intel SDM, "VM Functions" and "VMFUNC—Invoke VM function".
extension Processor {
  /// VMFUNC, at any privilege level and in any mode of VMX non-root operation.
  mutating func vmfunc() {
    let function = general[0] & 0xffff_ffff
    guard vmx.isNonRoot, vmx.secondary.contains(.enableVMFunctions), function < 64 else {
      return raise(.invalidOpcode)
    }
    guard vmx.vmcs.vmFunctionControls >> function & 1 != 0 else { return recordExit(.vmfunc) }
    // VM entry accepts no control of a function but this.
    switchEPTPointer()
  }

  /// EPTP switching: takes the EPT pointer at index ECX of the EPTP list.
  private mutating func switchEPTPointer() {
    let index = general[1] & 0xffff_ffff
    guard index < 512 else { return recordExit(.vmfunc) }
    let pointer = load(vmx.vmcs.eptpListAddress &+ index &* 8, byteCount: 8)
    guard isValidEPTPointer(pointer) else { return recordExit(.vmfunc) }
    leaveAddressSpace()
    vmx.vmcs.eptPointer = pointer
    // Translations are tagged with the EPT pointer: those of the other tables stay.
    enterAddressSpace(invalidates: false)
    if vmx.secondary.contains(.eptViolationVE) {
      vmx.vmcs.eptpIndex = UInt16(truncatingIfNeeded: index)
    }
  }
}
