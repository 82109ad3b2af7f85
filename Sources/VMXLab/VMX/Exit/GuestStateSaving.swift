// Saving guest state into the guest-state area.
//
// A VM exit mostly saves what VM entry loaded. Groups of fields whose values do not change keep the
// checks that they have passed.
//
// Source: Intel SDM, "Saving Guest State".

/// Saves a value, and notes whether that changes the field.
@inline(__always)
private func save<Value: Equatable>(_ value: Value, in field: inout Value, _ changes: inout Bool) {
  guard field != value else { return }
  field = value
  changes = true
}

extension Processor {
  mutating func saveGuestState(_ exit: PendingExit) {
    vmx.uncheckedSections.formUnion(.readersOfEveryExit)
    saveControlRegistersAndMSRs()
    saveSegments()
    saveRIPAndRFLAGS(exit.resumeFlag)
    // The state of MWAIT is not one that a VMCS shows.
    let seen = isInOptimizedState ? ActivityState.active : activity
    vmx.vmcs.guestActivityState = seen.rawValue
    vmx.vmcs.guestInterruptibilityState = interruptibilityState.rawValue
    vmx.vmcs.guestPendingDebugExceptions = pendingDebugExceptions(exit)
    debug.pending = 0
    let exitControls = VMExitControls(rawValue: vmx.vmcs.vmExitControls)
    if exitControls.contains(.saveVMXPreemptionTimerValue),
      vmx.pin.contains(.activateVMXPreemptionTimer)
    {
      vmx.vmcs.vmxPreemptionTimerValue = preemptionTimerValue
    }
  }

  /// The debug exceptions that outlast a VM exit: not those of an instruction that is not carried out.
  ///
  /// Source: Intel SDM, "Saving Non-Register State".
  private func pendingDebugExceptions(_ exit: PendingExit) -> UInt64 {
    switch exit.reason {
    case .initSignal, .monitorTrapFlag, .tprBelowThreshold, .virtualizedEOI, .apicWrite,
      .busLock:
      return debug.pending
    default:
      guard interruptibility.blockingByMOVSS else { return 0 }
      // What VM entry will ask for: a single step is pending whenever TF is set.
      let steps =
        systemFlags & RFLAGS.tf.rawValue != 0 && msrs.debugCtl & DebugControl.branchTrap == 0
      return debug.pending & ~DebugStatus.singleStep | (steps ? DebugStatus.singleStep : 0)
    }
  }

  /// Source: Intel SDM, "Saving Control Registers, Debug Registers, and MSRs".
  private mutating func saveControlRegistersAndMSRs() {
    let exitControls = VMExitControls(rawValue: vmx.vmcs.vmExitControls)
    var changes = false
    save(cr0.rawValue, in: &vmx.vmcs.guestCR0, &changes)
    save(cr3, in: &vmx.vmcs.guestCR3, &changes)
    save(cr4.rawValue, in: &vmx.vmcs.guestCR4, &changes)
    if exitControls.contains(.saveDebugControls) {
      save(debug.dr7, in: &vmx.vmcs.guestDR7, &changes)
      save(msrs.debugCtl, in: &vmx.vmcs.guestDebugCtl, &changes)
    }
    if exitControls.contains(.savePAT) { save(msrs.pat, in: &vmx.vmcs.guestPAT, &changes) }
    if exitControls.contains(.savePerfGlobalCtrl) {
      // An overflow just before the VM exit may have cleared it.
      updatePerformanceMonitoring()
      save(performance.globalControl, in: &vmx.vmcs.guestPerfGlobalCtrl, &changes)
    }
    if exitControls.contains(.saveEFER) {
      save(efer.rawValue, in: &vmx.vmcs.guestEFER, &changes)
    }
    if savesControlFlow {
      save(cet.supervisorControl.rawValue, in: &vmx.vmcs.guestSCET, &changes)
      save(cet.interruptSSPTable, in: &vmx.vmcs.guestInterruptSSPTableAddress, &changes)
    }
    // Whatever the controls of this VMCS are.
    if model.features.contains(.mpx) {
      save(bounds.supervisorConfiguration, in: &vmx.vmcs.guestBNDCFGS, &changes)
    }
    // Saved wherever VM entry could load it, whatever the control says.
    if model.capabilities.offeredControls.entry.contains(.loadPKRS) {
      save(UInt64(protectionKeys.supervisor), in: &vmx.vmcs.guestPKRS, &changes)
    }
    let sysenterCS = UInt32(truncatingIfNeeded: msrs.sysenterCS)
    save(sysenterCS, in: &vmx.vmcs.guestSYSENTERCS, &changes)
    save(msrs.sysenterESP, in: &vmx.vmcs.guestSYSENTERESP, &changes)
    save(msrs.sysenterEIP, in: &vmx.vmcs.guestSYSENTEREIP, &changes)
    if changes { vmx.uncheckedSections.formUnion(.readersOfGuestRegisters) }
    if model.capabilities.msrs.miscellaneous & VMXMiscellaneous.exitsStoreLMA != 0 { saveLMA() }
    if vmx.usesEPT, pagingMode == .pae { savePDPTEs() }
  }

  /// IA32_S_CET, SSP and IA32_INTERRUPT_SSP_TABLE_ADDR are saved wherever they can be loaded.
  private var savesControlFlow: Bool {
    model.capabilities.offeredControls.entry.contains(.loadCETState)
  }

  /// "IA-32e mode guest" follows the guest, where the processor allows unrestricted guests.
  private mutating func saveLMA() {
    var controls = VMEntryControls(rawValue: vmx.vmcs.vmEntryControls)
    guard controls.contains(.ia32eModeGuest) != efer.contains(.lma) else { return }
    controls.formSymmetricDifference(.ia32eModeGuest)
    vmx.vmcs.vmEntryControls = controls.rawValue
    vmx.uncheckedSections = .all
  }

  private mutating func savePDPTEs() {
    var changes = false
    save(pdptes[0], in: &vmx.vmcs.guestPDPTE0, &changes)
    save(pdptes[1], in: &vmx.vmcs.guestPDPTE1, &changes)
    save(pdptes[2], in: &vmx.vmcs.guestPDPTE2, &changes)
    save(pdptes[3], in: &vmx.vmcs.guestPDPTE3, &changes)
    if changes { vmx.uncheckedSections.insert(VMEntrySections(.guestPDPTEs)) }
  }

  /// Source: Intel SDM, "Saving Segment Registers and Descriptor-Table Registers".
  private mutating func saveSegments() {
    // The DPL of SS is always the CPL.
    segments[2].access.rawValue = segments[2].access.rawValue & ~0x60 | UInt32(cpl & 3) << 5
    var changes = false
    saveSegment(.es, 0, &changes)
    saveSegment(.cs, 1, &changes)
    saveSegment(.ss, 2, &changes)
    saveSegment(.ds, 3, &changes)
    saveSegment(.fs, 4, &changes)
    saveSegment(.gs, 5, &changes)
    saveSegment(.ldtr, 6, &changes)
    saveSegment(.tr, 7, &changes)
    if changes { vmx.uncheckedSections.formUnion(.readersOfGuestSegments) }
    var changesTables = false
    save(gdtr.base, in: &vmx.vmcs.guestGDTRBase, &changesTables)
    save(UInt32(gdtr.limit), in: &vmx.vmcs.guestGDTRLimit, &changesTables)
    save(idtr.base, in: &vmx.vmcs.guestIDTRBase, &changesTables)
    save(UInt32(idtr.limit), in: &vmx.vmcs.guestIDTRLimit, &changesTables)
    if changesTables { vmx.uncheckedSections.insert(VMEntrySections(.guestDescriptorTables)) }
  }

  @inline(__always) private mutating func saveSegment(
    _ register: SegmentRegister, _ index: Int, _ changes: inout Bool
  ) {
    guard vmx.vmcs.guestSegment(register) != segments[index] else { return }
    vmx.vmcs.setGuestSegment(register, segments[index])
    changes = true
  }

  /// Source: Intel SDM, "Saving RIP, RSP, RFLAGS, and SSP".
  private mutating func saveRIPAndRFLAGS(_ resumeFlag: SavedResumeFlag) {
    vmx.vmcs.guestRIP = rip
    vmx.vmcs.guestRSP = general[4]
    if savesControlFlow { vmx.vmcs.guestSSP = cet.ssp }
    var flags = rflags
    switch resumeFlag {
    case .unchanged: break
    case .clear: flags &= ~RFLAGS.rf.rawValue
    case .set: flags |= RFLAGS.rf.rawValue
    }
    if (flags ^ vmx.vmcs.guestRFLAGS) & RFLAGS.vm.rawValue != 0 {
      vmx.uncheckedSections.insert(VMEntrySections(.guestSegments))
    }
    vmx.vmcs.guestRFLAGS = flags
  }

  // MARK: Non-register state

  /// The interruptibility state as the VMCS has it.
  var interruptibilityState: InterruptibilityState {
    var state = InterruptibilityState()
    if interruptibility.blockingBySTI { state.insert(.blockingBySTI) }
    if interruptibility.blockingByMOVSS { state.insert(.blockingByMOVSS) }
    if vmx.pin.contains(.virtualNMIs) ? vmx.blockingByVirtualNMI : interruptibility.blockingByNMI {
      state.insert(.blockingByNMI)
    }
    return state
  }

  /// What is left of the VMX-preemption timer.
  var preemptionTimerValue: UInt32 {
    guard vmx.preemptionDeadline > cycles else { return 0 }
    // The timer counts when a bit of the cycle counter changes, not from VM entry on.
    let shift = model.preemptionTimerShift
    let left = (vmx.preemptionDeadline >> shift) &- (cycles >> shift)
    return UInt32(truncatingIfNeeded: min(left, UInt64(UInt32.max)))
  }
}
