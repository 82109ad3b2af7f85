extension VMEntryContext {
  /// Source: Intel SDM, "VM-Execution Control Fields" under "Checks on VMX Controls".
  func checkExecutionControls<R: RuleReporter>(_ r: inout R) -> Bool {
    guard checkExecutionControlWords(&r) else { return false }
    guard checkBitmaps(&r) else { return false }
    guard checkAPICVirtualization(&r) else { return false }
    guard checkEventControls(&r) else { return false }
    guard checkEPT(&r) else { return false }
    guard checkVMFunctions(&r) else { return false }
    guard checkLaterSecondaryControls(&r) else { return false }
    return checkTertiaryControls(&r)
  }

  private func checkExecutionControlWords<R: RuleReporter>(_ r: inout R) -> Bool {
    let caps = capabilities
    let pinFaults = caps.pointee.pin.faults(in: vmcs.pointee.pinBasedControls)
    guard r.clear(.pinControlsReserved, UInt64(pinFaults)) else { return false }
    let primaryWord = vmcs.pointee.primaryProcessorBasedControls
    let primaryFaults = caps.pointee.primary.faults(in: primaryWord)
    guard r.clear(.primaryControlsReserved, UInt64(primaryFaults)) else { return false }
    if primary.contains(.activateSecondaryControls) {
      let word = vmcs.pointee.secondaryProcessorBasedControls
      let faults = caps.pointee.secondary.faults(in: word)
      guard r.clear(.secondaryControlsReserved, UInt64(faults)) else { return false }
    }
    if primary.contains(.activateTertiaryControls) {
      let word = vmcs.pointee.tertiaryProcessorBasedControls
      let faults = word & ~caps.pointee.msrs.tertiaryProcessorBasedControls
      guard r.clear(.tertiaryControlsReserved, faults) else { return false }
    }
    let count = vmcs.pointee.cr3TargetCount
    return r.holds(.cr3TargetCount, count <= caps.pointee.cr3TargetCount)
  }

  private func checkBitmaps<R: RuleReporter>(_ r: inout R) -> Bool {
    if primary.contains(.useIOBitmaps) {
      let a = vmcs.pointee.ioBitmapAAddress
      guard checkAddress(&r, a, aligned: .ioBitmapAAligned, width: .ioBitmapAWidth) else {
        return false
      }
      let b = vmcs.pointee.ioBitmapBAddress
      guard checkAddress(&r, b, aligned: .ioBitmapBAligned, width: .ioBitmapBWidth) else {
        return false
      }
    }
    if primary.contains(.useMSRBitmaps) {
      let address = vmcs.pointee.msrBitmapsAddress
      guard checkAddress(&r, address, aligned: .msrBitmapsAligned, width: .msrBitmapsWidth)
      else { return false }
    }
    return true
  }

  private func checkAPICVirtualization<R: RuleReporter>(_ r: inout R) -> Bool {
    if primary.contains(.useTPRShadow) {
      guard checkTPRShadow(&r) else { return false }
    } else {
      let secondary = secondary
      let hasX2APICMode = secondary.contains(.virtualizeX2APICMode)
      guard r.holds(.x2APICModeNeedsTPRShadow, !hasX2APICMode) else { return false }
      let hasRegisters = secondary.contains(.apicRegisterVirtualization)
      guard r.holds(.apicRegistersNeedTPRShadow, !hasRegisters) else { return false }
      let hasInterrupts = secondary.contains(.virtualInterruptDelivery)
      guard r.holds(.virtualInterruptsNeedTPRShadow, !hasInterrupts) else { return false }
      let hasIPIs = tertiary.contains(.ipiVirtualization)
      guard r.holds(.ipiVirtualizationNeedsTPRShadow, !hasIPIs) else { return false }
    }
    if secondary.contains(.virtualizeAPICAccesses) {
      let address = vmcs.pointee.apicAccessAddress
      guard checkAddress(&r, address, aligned: .apicAccessAligned, width: .apicAccessWidth)
      else { return false }
      let excluded = secondary.contains(.virtualizeX2APICMode)
      guard r.holds(.x2APICModeExcludesAPICAccesses, !excluded) else { return false }
    }
    return true
  }

  private func checkTPRShadow<R: RuleReporter>(_ r: inout R) -> Bool {
    let address = vmcs.pointee.virtualAPICAddress
    guard checkAddress(&r, address, aligned: .virtualAPICAligned, width: .virtualAPICWidth) else {
      return false
    }
    if secondary.contains(.virtualInterruptDelivery) { return true }
    let threshold = vmcs.pointee.tprThreshold
    guard r.clear(.tprThresholdReserved, UInt64(threshold & ~0xf)) else { return false }
    if secondary.contains(.virtualizeAPICAccesses) { return true }
    let faults = address & (capabilities.pointee.structureAddressReserved | 0xfff)
    if faults != 0 { return true }
    let vtpr = memory.readPhysical32(address &+ 0x80)
    return r.holds(.tprThresholdAboveVTPR, threshold & 0xf <= vtpr &>> 4 & 0xf)
  }

  private func checkEventControls<R: RuleReporter>(_ r: inout R) -> Bool {
    let hasNMIExiting = pin.contains(.nmiExiting)
    let hasVirtualNMIs = pin.contains(.virtualNMIs)
    guard r.holds(.virtualNMIsNeedNMIExiting, hasNMIExiting || !hasVirtualNMIs) else {
      return false
    }
    let hasWindow = primary.contains(.nmiWindowExiting)
    guard r.holds(.nmiWindowNeedsVirtualNMIs, hasVirtualNMIs || !hasWindow) else { return false }
    let hasVirtualInterrupts = secondary.contains(.virtualInterruptDelivery)
    if hasVirtualInterrupts {
      let hasExiting = pin.contains(.externalInterruptExiting)
      guard r.holds(.virtualInterruptsNeedInterruptExiting, hasExiting) else { return false }
    }
    guard pin.contains(.processPostedInterrupts) else { return true }
    guard r.holds(.postedInterruptsNeedVirtualInterrupts, hasVirtualInterrupts) else {
      return false
    }
    let acknowledges = exit.contains(.acknowledgeInterruptOnExit)
    guard r.holds(.postedInterruptsNeedAcknowledge, acknowledges) else { return false }
    let vector = UInt64(vmcs.pointee.postedInterruptNotificationVector)
    guard r.clear(.postedInterruptVector, vector & 0xff00) else { return false }
    return checkAddress(
      &r, vmcs.pointee.postedInterruptDescriptorAddress, low: 0x3f,
      aligned: .postedInterruptDescriptorAligned, width: .postedInterruptDescriptorWidth)
  }

  private func checkEPT<R: RuleReporter>(_ r: inout R) -> Bool {
    let secondary = secondary
    if secondary.contains(.enableVPID) {
      guard r.holds(.vpidZero, vmcs.pointee.virtualProcessorIdentifier != 0) else { return false }
    }
    let hasEPT = secondary.contains(.enableEPT)
    if hasEPT {
      guard checkEPTPointer(&r) else { return false }
    }
    if secondary.contains(.enablePML) {
      guard r.holds(.pmlNeedsEPT, hasEPT) else { return false }
      let address = vmcs.pointee.pmlAddress
      guard checkAddress(&r, address, aligned: .pmlAligned, width: .pmlWidth) else {
        return false
      }
    }
    let isUnrestricted = secondary.contains(.unrestrictedGuest)
    guard r.holds(.unrestrictedGuestNeedsEPT, hasEPT || !isUnrestricted) else { return false }
    let isModeBased = secondary.contains(.modeBasedExecuteControlForEPT)
    guard r.holds(.modeBasedExecuteNeedsEPT, hasEPT || !isModeBased) else { return false }
    guard secondary.contains(.subPageWritePermissionsForEPT) else { return true }
    guard r.holds(.subPageWriteNeedsEPT, hasEPT) else { return false }
    return checkAddress(
      &r, vmcs.pointee.subPagePermissionTablePointer,
      aligned: .subPagePermissionTableAligned, width: .subPagePermissionTableWidth)
  }

  /// The rules of the EPT pointer, which INVEPT asks too.
  func checkEPTPointer<R: RuleReporter>(_ r: inout R) -> Bool {
    let pointer = vmcs.pointee.eptPointer
    let ept = capabilities.pointee.eptAndVPID
    let memoryType = pointer & 7
    let isUncacheable = memoryType == 0 && ept.contains(.uncacheableStructures)
    let isWriteBack = memoryType == 6 && ept.contains(.writeBackStructures)
    guard r.holds(.eptpMemoryType, isUncacheable || isWriteBack) else { return false }
    let walk = pointer &>> 3 & 7
    let is4Level = walk == 3 && ept.contains(.pageWalkLength4)
    let is5Level = walk == 4 && ept.contains(.pageWalkLength5)
    guard r.holds(.eptpWalkLength, is4Level || is5Level) else { return false }
    let hasFlags = ept.contains(.accessedAndDirtyFlags)
    guard r.clear(.eptpAccessedAndDirty, hasFlags ? 0 : pointer & 0x40) else { return false }
    let hasShadowStack = ept.contains(.supervisorShadowStackControl)
    guard r.clear(.eptpSupervisorShadowStack, hasShadowStack ? 0 : pointer & 0x80) else {
      return false
    }
    guard r.clear(.eptpReserved, pointer & 0xf00) else { return false }
    return r.clear(.eptpWidth, pointer & capabilities.pointee.structureAddressReserved)
  }

  private func checkVMFunctions<R: RuleReporter>(_ r: inout R) -> Bool {
    guard secondary.contains(.enableVMFunctions) else { return true }
    let word = vmcs.pointee.vmFunctionControls
    let faults = word & ~capabilities.pointee.msrs.vmFunctions
    guard r.clear(.vmFunctionsReserved, faults) else { return false }
    guard VMFunctionControls(rawValue: word).contains(.eptpSwitching) else { return true }
    guard r.holds(.eptpSwitchingNeedsEPT, secondary.contains(.enableEPT)) else { return false }
    let address = vmcs.pointee.eptpListAddress
    return checkAddress(&r, address, aligned: .eptpListAligned, width: .eptpListWidth)
  }

  private func checkLaterSecondaryControls<R: RuleReporter>(_ r: inout R) -> Bool {
    let secondary = secondary
    if secondary.contains(.vmcsShadowing) {
      let read = vmcs.pointee.vmreadBitmapAddress
      guard checkAddress(&r, read, aligned: .vmreadBitmapAligned, width: .vmreadBitmapWidth)
      else { return false }
      let write = vmcs.pointee.vmwriteBitmapAddress
      guard checkAddress(&r, write, aligned: .vmwriteBitmapAligned, width: .vmwriteBitmapWidth)
      else { return false }
    }
    if secondary.contains(.eptViolationVE) {
      let address = vmcs.pointee.virtualizationExceptionInformationAddress
      guard
        checkAddress(
          &r, address, aligned: .virtualizationExceptionAligned,
          width: .virtualizationExceptionWidth)
      else { return false }
    }
    if secondary.contains(.intelPTUsesGuestPhysicalAddresses) {
      guard r.holds(.ptAddressesNeedEPT, secondary.contains(.enableEPT)) else { return false }
      let loads = entry.contains(.loadRTITCtl)
      guard r.holds(.ptAddressesNeedLoadRTITCtl, loads) else { return false }
      let clears = exit.contains(.clearRTITCtl)
      guard r.holds(.ptAddressesNeedClearRTITCtl, clears) else { return false }
    }
    if secondary.contains(.useTSCScaling) {
      guard r.holds(.tscMultiplierZero, vmcs.pointee.tscMultiplier != 0) else { return false }
    }
    guard secondary.contains(.pasidTranslation) else { return true }
    let low = vmcs.pointee.lowPASIDDirectoryAddress
    guard
      checkAddress(&r, low, aligned: .lowPASIDDirectoryAligned, width: .lowPASIDDirectoryWidth)
    else { return false }
    let high = vmcs.pointee.highPASIDDirectoryAddress
    return checkAddress(
      &r, high, aligned: .highPASIDDirectoryAligned, width: .highPASIDDirectoryWidth)
  }

  private func checkTertiaryControls<R: RuleReporter>(_ r: inout R) -> Bool {
    let tertiary = tertiary
    if tertiary.isEmpty { return true }
    let reserved = capabilities.pointee.structureAddressReserved
    if !secondary.contains(.enableEPT) {
      let hasHLAT = tertiary.contains(.enableHLAT)
      guard r.holds(.hlatNeedsEPT, !hasHLAT) else { return false }
      let hasPagingWrite = tertiary.contains(.eptPagingWriteControl)
      guard r.holds(.eptPagingWriteNeedsEPT, !hasPagingWrite) else { return false }
      let hasVerification = tertiary.contains(.guestPagingVerification)
      guard r.holds(.guestPagingVerificationNeedsEPT, !hasVerification) else { return false }
    }
    if tertiary.contains(.enableHLAT) {
      let pointer = vmcs.pointee.hlatPointer
      guard r.clear(.hlatPointerReserved, pointer & 0xfe7) else { return false }
      guard r.clear(.hlatPointerWidth, pointer & reserved) else { return false }
      let maximum = capabilities.pointee.eptAndVPID.maximumHLATPrefixSize
      guard r.holds(.hlatPrefixSize, UInt64(vmcs.pointee.hlatPrefixSize) <= maximum) else {
        return false
      }
    }
    guard tertiary.contains(.ipiVirtualization) else { return true }
    let table = vmcs.pointee.pidPointerTableAddress
    guard
      checkAddress(
        &r, table, low: 7, aligned: .pidPointerTableAligned, width: .pidPointerTableWidth)
    else { return false }
    // As with MSR lists: an address beyond the width has been reported, and others cannot wrap.
    if table & reserved != 0 { return true }
    let last = table &+ UInt64(vmcs.pointee.lastPIDPointerIndex) &* 8
    return r.holds(.pidPointerTableEnd, last & reserved == 0)
  }
}
