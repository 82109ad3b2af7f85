// What EPT refuses: EPT violations and EPT misconfigurations.
//
// Source: Intel SDM, "EPT-Induced VM Exits" and "Exit Qualification for EPT Violations".
extension Processor {
  /// Records the EPT violation of an access: a virtualization exception if it is convertible, else a
  /// VM exit.
  ///
  /// - Parameters:
  ///   - rights: the logical AND of the entries' permission bits; 0 if one was not present.
  ///   - entry: the entry that maps the page; of one that is not present, bit 63.
  mutating func recordEPTViolation(_ access: EPTAccess, rights: UInt64, entry: UInt64) {
    var qualification = (rights & EPTEntry.all) << EPTViolation.rightsShift
    if rights & EPTEntry.userExecute != 0,
      vmx.secondary.contains(.modeBasedExecuteControlForEPT)
    {
      qualification |= EPTViolation.userExecutable
    }
    if entry & EPTEntry.supervisorShadowStack != 0,
      vmx.vmcs.eptPointer & EPTEntry.pointerShadowStack != 0
    {
      qualification |= EPTViolation.supervisorShadowStack
    }
    var linearAddress: UInt64 = 0
    switch access.cause {
    case .page(let linear, let pageRights):
      linearAddress = linear
      switch access.kind {
      case .read: qualification |= EPTViolation.read
      case .write: qualification |= EPTViolation.write
      case .fetch: qualification |= EPTViolation.fetch
      }
      qualification |= EPTViolation.linearAddress | EPTViolation.translation
      if access.isShadowStack { qualification |= EPTViolation.shadowStackAccess }
      if model.capabilities.eptAndVPID.contains(.advancedExitInformation) {
        qualification |= advancedInformation(access.cause, pageRights)
      }
    case .pagingStructure(let linear):
      linearAddress = linear
      let usesFlags = vmx.vmcs.eptPointer & EPTEntry.pointerAccessedDirty != 0
      // What counts as a write because of accessed and dirty flags is both.
      if usesFlags || access.kind != .write { qualification |= EPTViolation.read }
      if access.isWrite { qualification |= EPTViolation.write }
      qualification |= EPTViolation.linearAddress
    case .pdpteLoad:
      qualification |= EPTViolation.read
    }
    qualification |= nmiUnblockingQualification
    // The violation also invalidates what is cached for the address.
    if qualification & EPTViolation.linearAddress != 0 { translations.remove(linearAddress) }
    if becomesVirtualizationException(entry) {
      raiseVirtualizationException(
        qualification, linear: linearAddress, guestPhysical: access.guestPhysical)
    } else {
      recordEPTExit(
        .eptViolation, access.guestPhysical, qualification: qualification, linear: linearAddress)
    }
  }

  /// Bits 11:9 of the qualification: what the guest's paging structures make of the linear address.
  private mutating func advancedInformation(_ cause: EPTAccessCause, _ rights: PageRights) -> UInt64
  {
    var bits: UInt64 = isUserAddress(cause) ? EPTViolation.userAddress : 0
    // Without paging, every linear address is writable and executable.
    let isPaged = cr0.contains(.pg)
    if !isPaged || rights.contains(.tableWritable) { bits |= EPTViolation.writableAddress }
    if isPaged, !rights.contains(.tableExecutable) { bits |= EPTViolation.executeDisableAddress }
    return bits
  }

  mutating func recordEPTMisconfiguration(_ guestPhysical: UInt64) {
    recordEPTExit(.eptMisconfiguration, guestPhysical)
  }

  /// Bit 12 of the exit qualification: the access is that of an IRET that has unblocked NMIs.
  var nmiUnblockingQualification: UInt64 {
    interruptibility.isUnblockedByIRET && !delivery.isActive
      ? EPTViolation.nmiUnblockingDueToIRET : 0
  }

  /// Records a VM exit of an access by its guest-physical address; the instruction is not carried out.
  mutating func recordEPTExit(
    _ reason: BasicExitReason, _ guestPhysical: UInt64, qualification: UInt64 = 0,
    linear: UInt64 = 0
  ) {
    guard pending.kind == .none else { return }
    recordExit(reason, qualification: qualification)
    vmx.exit.guestPhysicalAddress = guestPhysical
    vmx.exit.guestLinearAddress = linear
    vmx.exit.instructionLength = 0
    vmx.exit.resumeFlag = delivery.isActive ? SavedResumeFlag(delivery.hasResumeFlag) : .set
  }
}
