// VMXON, VMXOFF, VMCLEAR, VMPTRLD, VMPTRST: entering VMX operation and choosing a VMCS.
//
// Source: Intel SDM, "VMX Instruction Reference".
extension Processor {
  /// What every VMX instruction but VMXON checks first: #UD outside VMX operation and in modes
  /// without it, the unconditional VM exit in non-root operation, #GP(0) above CPL 0.
  mutating func beginVMXInstruction(
    _ i: InstructionReference, exit reason: BasicExitReason, information: UInt32 = 0,
    hasDisplacement: Bool = false
  ) -> Bool {
    guard vmx.isOn, isVMXMode else {
      raise(.invalidOpcode)
      return false
    }
    if vmx.isNonRoot {
      recordExit(
        reason,
        qualification: hasDisplacement ? displacementQualification(i) : 0,
        instructionInformation: information)
      return false
    }
    return requireCPL0()
  }

  /// VMX instructions are invalid in real-address, virtual-8086 and compatibility mode.
  @inline(__always) var isVMXMode: Bool {
    cr0.contains(.pe) && mode != .virtual8086 && mode != .compatibility
  }

  // MARK: Results

  /// Source: Intel SDM, "Conventions" of the VMX instruction reference.
  mutating func vmSucceed() { lazy.load(0) }

  mutating func vmFailInvalid() { lazy.load(RFLAGS.cf.rawValue) }

  mutating func vmFailValid(_ error: VMInstructionError) {
    lazy.load(RFLAGS.zf.rawValue)
    vmx.vmcs.vmInstructionError = error.rawValue
  }

  /// The failure of an instruction other than a VM entry: VMfailValid if there is a current VMCS to
  /// hold the error number, otherwise VMfailInvalid.
  mutating func vmFail(_ error: VMInstructionError) {
    if vmx.currentPointer == VMXState.noPointer {
      vmFailInvalid()
    } else {
      vmFailValid(error)
    }
    observe(.failed(error))
  }

  // MARK: VMXON and VMXOFF

  mutating func vmxon(_ i: InstructionReference) {
    guard model.hasVMX, isVMXMode, cr4.contains(.vmxe) else { return raise(.invalidOpcode) }
    if vmx.isNonRoot {
      return recordExit(
        .vmxon, qualification: displacementQualification(i),
        instructionInformation: instructionInformation(i))
    }
    guard requireCPL0() else { return }
    if vmx.isOn { return vmFail(.vmxonInVMXRootOperation) }
    // Bit 0 locks IA32_FEATURE_CONTROL, bit 2 enables VMX outside SMX operation.
    guard msrs.featureControl & 5 == 5, fixedBitsHold, !a20IsMasked else {
      return raise(.generalProtection, errorCode: 0)
    }
    guard let pointer = vmxPointerOperand(i) else { return }
    guard isVMXRegionAddress(pointer), revisionIdentifier(pointer) == VMCSRegion.revisionIdentifier
    else { return vmFailInvalid() }
    vmx.isOn = true
    vmx.vmxonPointer = pointer
    vmx.currentPointer = VMXState.noPointer
    updateAttention()
    observe(.vmxon(pointer: pointer))
    vmSucceed()
  }

  mutating func vmxoff(_ i: InstructionReference) {
    guard beginVMXInstruction(i, exit: .vmxoff) else { return }
    flushCurrentVMCS()
    vmx.currentPointer = VMXState.noPointer
    vmx.isOn = false
    updateAttention()
    observe(.vmxoff)
    vmSucceed()
  }

  /// CR0 and CR4 have the values that VMX operation asks for.
  private var fixedBitsHold: Bool {
    mutating get {
      let capabilities = model.capabilities.msrs
      return cr0.rawValue & capabilities.cr0Fixed0 == capabilities.cr0Fixed0
        && cr0.rawValue & ~capabilities.cr0Fixed1 & 0xffff_ffff == 0
        && cr4.rawValue & capabilities.cr4Fixed0 == capabilities.cr4Fixed0
        && cr4.rawValue & ~capabilities.cr4Fixed1 == 0
    }
  }

  private var a20IsMasked: Bool { a20Mask != ~0 }

  // MARK: VMCS pointers

  mutating func vmclear(_ i: InstructionReference) {
    guard
      beginVMXInstruction(
        i, exit: .vmclear, information: instructionInformation(i), hasDisplacement: true),
      let pointer = vmxPointerOperand(i)
    else { return }
    guard isVMXRegionAddress(pointer) else { return vmFail(.vmclearWithInvalidPhysicalAddress) }
    guard pointer != vmx.vmxonPointer else { return vmFail(.vmclearWithVMXONPointer) }
    if pointer == vmx.currentPointer {
      flushCurrentVMCS()
      vmx.currentPointer = VMXState.noPointer
      vmx.isLaunched = false
    }
    store(pointer &+ UInt64(VMCSRegion.launchStateOffset), 0, byteCount: 4)
    observe(.vmclear(pointer: pointer))
    vmSucceed()
  }

  mutating func vmptrld(_ i: InstructionReference) {
    guard
      beginVMXInstruction(
        i, exit: .vmptrld, information: instructionInformation(i), hasDisplacement: true),
      let pointer = vmxPointerOperand(i)
    else { return }
    guard isVMXRegionAddress(pointer) else { return vmFail(.vmptrldWithInvalidPhysicalAddress) }
    guard pointer != vmx.vmxonPointer else { return vmFail(.vmptrldWithVMXONPointer) }
    let revision = revisionIdentifier(pointer)
    let isShadow = revision & VMCSRegion.shadowIndicator != 0
    guard revision & ~VMCSRegion.shadowIndicator == VMCSRegion.revisionIdentifier,
      !isShadow || model.capabilities.offeredControls.secondary.contains(.vmcsShadowing)
    else { return vmFail(.vmptrldWithIncorrectRevisionIdentifier) }
    if pointer != vmx.currentPointer {
      flushCurrentVMCS()
      vmx.currentPointer = pointer
      loadVMCS(pointer)
    }
    vmx.isShadow = isShadow
    observe(.vmptrld(pointer: pointer))
    vmSucceed()
  }

  mutating func vmptrst(_ i: InstructionReference) {
    guard
      beginVMXInstruction(
        i, exit: .vmptrst, information: instructionInformation(i), hasDisplacement: true),
      let linear = linearOperand(i, byteCount: 8, .write),
      write(linear, vmx.currentPointer, stack: i.pointer.pointee.segment == 2)
    else { return }
    vmSucceed()
  }

  /// The 64-bit physical address that the instruction's memory operand holds.
  private mutating func vmxPointerOperand(_ i: InstructionReference) -> UInt64? {
    guard let linear = linearOperand(i, byteCount: 8, .read) else { return nil }
    return read(linear, UInt64.self, stack: i.pointer.pointee.segment == 2)
  }

  /// Page-aligned and within the physical-address width.
  private func isVMXRegionAddress(_ pointer: UInt64) -> Bool {
    pointer & 0xfff == 0 && pointer & model.capabilities.structureAddressReserved == 0
  }

  /// The first four bytes of a region.
  private mutating func revisionIdentifier(_ pointer: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: load(pointer, byteCount: 4))
  }

  // MARK: The current VMCS and its region

  /// Writes the current VMCS back to its region in memory; other processors and VMPTRLD read it there.
  mutating func flushCurrentVMCS() {
    guard vmx.currentPointer != VMXState.noPointer, let region = ram.host(vmx.currentPointer) else {
      return
    }
    withUnsafePointer(to: &vmx.vmcs) { VMCSRegion.store($0, to: region) }
    VMCSRegion.setLaunched(vmx.isLaunched, in: region)
    if ram.watchedLineMask(vmx.currentPointer) != 0 {
      blocks.noteStore(vmx.currentPointer, byteCount: UInt64(VMCSRegion.size))
    }
  }

  private mutating func loadVMCS(_ pointer: UInt64) {
    vmx.uncheckedSections = .all
    guard let region = ram.host(pointer) else {
      // Outside RAM nothing keeps a VMCS; that is so only for ROM with the revision identifier.
      vmx.vmcs = VMCS()
      vmx.isLaunched = false
      return
    }
    withUnsafeMutablePointer(to: &vmx.vmcs) { VMCSRegion.load($0, from: region) }
    vmx.isLaunched = VMCSRegion.isLaunched(region)
  }
}
