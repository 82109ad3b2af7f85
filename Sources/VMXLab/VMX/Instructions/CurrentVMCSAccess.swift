// VMREAD and VMWRITE of the current VMCS by a hypervisor, between registers: the block goes on behind
// them. Whatever else they come to is done by the system instruction, which ends the block.

extension Processor {
  /// Whether VMREAD and VMWRITE reach the current VMCS without a check that could fail.
  @inline(__always) fileprivate var reachesCurrentVMCS: Bool {
    mutating get {
      vmx.isOn && !vmx.isNonRoot && cpl == 0 && isVMXMode
        && vmx.currentPointer != VMXState.noPointer
    }
  }

  /// The field whose encoding is in the general register at `offset`.
  @inline(__always)
  fileprivate mutating func locateField(_ offset: UInt8) -> VMCSFieldLocation {
    modelReference.pointer.pointee.vmcsFields.locate(systemOperand(offset))
  }
}

@inline(__always)
func vmreadRegister(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let processor = core.state
  guard processor.pointee.reachesCurrentVMCS else {
    return vmreadRegisterSlow(state, UnsafeRawPointer(i.pointer))
  }
  let location = processor.pointee.locateField(i.pointer.pointee.source)
  guard location.isPresent else {
    return vmreadRegisterSlow(state, UnsafeRawPointer(i.pointer))
  }
  let value = withUnsafeMutablePointer(to: &processor.pointee.vmx.vmcs) { $0.read(location) }
  processor.pointee.setSystemOperand(i.pointer.pointee.destination, value)
  processor.pointee.lazy = .clear
  return core.next(i)
}

@inline(never)
private func vmreadRegisterSlow(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  system(state, i) { cpu, i in cpu.vmread(i, memory: false) }
}

@inline(__always)
func vmwriteRegister(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  let core = Core(state)
  let i = InstructionReference(i)
  let processor = core.state
  guard processor.pointee.reachesCurrentVMCS else {
    return vmwriteRegisterSlow(state, UnsafeRawPointer(i.pointer))
  }
  let location = processor.pointee.locateField(i.pointer.pointee.destination)
  guard location.isPresent, !location.isReadOnly else {
    return vmwriteRegisterSlow(state, UnsafeRawPointer(i.pointer))
  }
  let value = processor.pointee.systemOperand(i.pointer.pointee.source)
  withUnsafeMutablePointer(to: &processor.pointee.vmx.vmcs) { $0.write(value, to: location) }
  processor.pointee.vmx.uncheckedSections.formUnion(location.readers)
  processor.pointee.lazy = .clear
  return core.next(i)
}

@inline(never)
private func vmwriteRegisterSlow(_ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer) {
  system(state, i) { cpu, i in cpu.vmwrite(i, memory: false) }
}
