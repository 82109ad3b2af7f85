/// What VM entry needs to know of the processor, beside the VMCS.
struct VMEntryProcessorState: Equatable, Sendable {
  /// IA32_EFER.LMA.
  var isInIA32eMode = true
  /// System-management mode.
  var isInSMM = false
  /// IA32_RTIT_CTL.TraceEn.
  var isTracing = false
  /// The current-VMCS pointer.
  var currentVMCS: UInt64 = ~0
}

/// A VM entry that is being checked: the VMCS, what the processor can do, and the rest that checks
/// read. The checks themselves are in extensions, a file for each section of the manual.
struct VMEntryContext<Memory: PhysicalMemoryReader> {
  let vmcs: UnsafePointer<VMCS>
  let capabilities: UnsafePointer<VMXCapabilities>
  let processor: VMEntryProcessorState
  let memory: Memory

  @inline(__always) var pin: PinBasedControls { .init(rawValue: vmcs.pointee.pinBasedControls) }
  @inline(__always) var primary: PrimaryProcessorBasedControls {
    .init(rawValue: vmcs.pointee.primaryProcessorBasedControls)
  }
  /// The secondary controls, all 0 where they are not activated.
  @inline(__always) var secondary: SecondaryProcessorBasedControls {
    let isActive = primary.contains(.activateSecondaryControls)
    return .init(rawValue: isActive ? vmcs.pointee.secondaryProcessorBasedControls : 0)
  }
  /// The tertiary controls, all 0 where they are not activated.
  @inline(__always) var tertiary: TertiaryProcessorBasedControls {
    let isActive = primary.contains(.activateTertiaryControls)
    return .init(rawValue: isActive ? vmcs.pointee.tertiaryProcessorBasedControls : 0)
  }
  @inline(__always) var exit: VMExitControls { .init(rawValue: vmcs.pointee.vmExitControls) }
  @inline(__always) var entry: VMEntryControls { .init(rawValue: vmcs.pointee.vmEntryControls) }
  @inline(__always) var injection: InterruptionInformation {
    .init(rawValue: vmcs.pointee.entryInterruptionInformation)
  }
  @inline(__always) var guestCR0: CR0 { .init(rawValue: vmcs.pointee.guestCR0) }
  @inline(__always) var guestCR4: CR4 { .init(rawValue: vmcs.pointee.guestCR4) }
  @inline(__always) var guestRFLAGS: RFLAGS { .init(rawValue: vmcs.pointee.guestRFLAGS) }
  @inline(__always) var isIA32eGuest: Bool { entry.contains(.ia32eModeGuest) }
  /// Whether the guest would run 64-bit code.
  @inline(__always) var is64BitGuest: Bool {
    isIA32eGuest && SegmentAccessRights(rawValue: vmcs.pointee.guestCSAccessRights).isLong
  }
  @inline(__always) var isUnrestrictedGuest: Bool { secondary.contains(.unrestrictedGuest) }

  /// Checks the VMX controls: a broken rule means VMfailValid with error 7.
  private func checkControls<R: RuleReporter>(
    _ reporter: inout R, _ due: inout VMEntrySections
  ) -> Bool {
    guard check(.executionControls, &due, { checkExecutionControls(&reporter) }) else {
      return false
    }
    guard check(.exitControls, &due, { checkExitControls(&reporter) }) else { return false }
    return check(.entryControls, &due) { checkEntryControls(&reporter) }
  }

  /// Checks the host-state area: a broken rule means VMfailValid with error 8.
  private func checkHostState<R: RuleReporter>(
    _ reporter: inout R, _ due: inout VMEntrySections
  ) -> Bool {
    guard check(.hostControlRegisters, &due, { checkHostControlRegisters(&reporter) }) else {
      return false
    }
    guard check(.hostSegments, &due, { checkHostSegments(&reporter) }) else { return false }
    return check(.addressSpace, &due) { checkAddressSpace(&reporter) }
  }

  /// Checks the guest-state area: a broken rule means a VM-entry failure with basic exit reason 33 and
  /// the rule's ``VMEntryRule/failureCode``.
  private func checkGuestState<R: RuleReporter>(
    _ reporter: inout R, _ due: inout VMEntrySections
  ) -> Bool {
    guard check(.guestControlRegisters, &due, { checkGuestControlRegisters(&reporter) }) else {
      return false
    }
    guard check(.guestSegments, &due, { checkGuestSegments(&reporter) }) else { return false }
    guard check(.guestDescriptorTables, &due, { checkGuestDescriptorTables(&reporter) }) else {
      return false
    }
    guard check(.guestRIP, &due, { checkGuestRIP(&reporter) }) else { return false }
    guard check(.guestNonRegisterState, &due, { checkGuestNonRegisterState(&reporter) }) else {
      return false
    }
    return check(.guestPDPTEs, &due) { checkGuestPDPTEs(&reporter) }
  }

  /// Makes the checks of a section if they are due, and takes it out of `due` if they pass.
  @inline(__always) private func check(
    _ section: VMEntrySection, _ due: inout VMEntrySections, _ body: () -> Bool
  ) -> Bool {
    guard due.contains(VMEntrySections(section)) else { return true }
    guard body() else { return false }
    due.remove(VMEntrySections(section))
    return true
  }

  /// The sections whose checks read memory in this state, so that they may come out differently
  /// though no field was written.
  @inline(__always) var sectionsThatReadMemory: VMEntrySections {
    var sections = VMEntrySections()
    if primary.contains(.useTPRShadow) { sections.insert(VMEntrySections(.executionControls)) }
    if vmcs.pointee.vmcsLinkPointer != .max {
      sections.insert(VMEntrySections(.guestNonRegisterState))
    }
    if guestUsesPAEPaging, !secondary.contains(.enableEPT) {
      sections.insert(VMEntrySections(.guestPDPTEs))
    }
    return sections
  }

  /// The outcome of the first broken rule, or nil if the guest state may be loaded.
  ///
  /// - Parameter unchecked: the sections that have not passed in this processor state since a field
  ///   that they read was written. Those that pass now are taken out.
  func firstFailure(_ unchecked: inout VMEntrySections) -> VMEntryOutcome? {
    var reporter = SilentReporter()
    unchecked.formUnion(sectionsThatReadMemory)
    guard checkControls(&reporter, &unchecked) else {
      return .failValid(.vmEntryWithInvalidControlFields)
    }
    guard checkHostState(&reporter, &unchecked) else {
      return .failValid(.vmEntryWithInvalidHostStateFields)
    }
    guard checkGuestState(&reporter, &unchecked) else {
      return .invalidGuestState(reporter.broken?.failureCode ?? .default)
    }
    return nil
  }

  /// The outcome of the first broken rule of all, or nil if the guest state may be loaded.
  func firstFailure() -> VMEntryOutcome? {
    var unchecked = VMEntrySections.all
    return firstFailure(&unchecked)
  }

  /// Every broken rule, of all stages before MSR loading.
  func brokenRules() -> [BrokenRule] {
    var reporter = RecordingReporter()
    checkAll(&reporter)
    return reporter.broken
  }

  /// Makes every check before MSR loading for a reporter that never stops them.
  func checkAll<R: RuleReporter>(_ reporter: inout R) {
    var sections = VMEntrySections.all
    // As nothing stops the checks, what they return says nothing.
    _ = checkControls(&reporter, &sections)
    _ = checkHostState(&reporter, &sections)
    _ = checkGuestState(&reporter, &sections)
  }
}

extension VMEntryContext {
  /// The two rules of a structure's address: bits `low` are 0, and so are those beyond the width.
  @inline(__always) func checkAddress<R: RuleReporter>(
    _ reporter: inout R, _ address: UInt64, low: UInt64 = 0xfff, aligned: VMEntryRule,
    width: VMEntryRule
  ) -> Bool {
    guard reporter.clear(aligned, address & low) else { return false }
    return reporter.clear(width, address & capabilities.pointee.structureAddressReserved)
  }

  /// The three rules of an MSR list's area.
  @inline(__always) func checkMSRList<R: RuleReporter>(
    _ reporter: inout R, _ address: UInt64, count: UInt32, aligned: VMEntryRule,
    width: VMEntryRule, end: VMEntryRule
  ) -> Bool {
    if count == 0 { return true }
    let reserved = capabilities.pointee.structureAddressReserved
    guard reporter.clear(aligned, address & 0xf) else { return false }
    guard reporter.clear(width, address & reserved) else { return false }
    // The end says nothing new about an address that is beyond the width itself, and cannot wrap
    // where it is not.
    if address & reserved != 0 { return true }
    let last = address &+ (UInt64(count) &* 16) &- 1
    return reporter.holds(end, last & reserved == 0)
  }

  /// Whether each byte of an IA32_PAT value is a memory type: 0, 1, 4, 5, 6 or 7.
  @inline(__always) func isValidPAT(_ value: UInt64) -> Bool {
    // A byte must be below 8 and, with bit 1 set, have bit 2 set.
    let high: UInt64 = 0xf8f8_f8f8_f8f8_f8f8
    let bit1: UInt64 = 0x0202_0202_0202_0202
    return value & high == 0 && (value & bit1) & ~(value &>> 1) == 0
  }
}
