/// What a logical processor holds for VMX: the current VMCS, and the controls of the guest it runs.
///
/// Source: Intel SDM, "Introduction to Virtual Machine Extensions" and "Virtual Machine Control
/// Structures".
struct VMXState {
  /// In VMX operation, root or non-root.
  var isOn = false
  /// In VMX non-root operation.
  var isNonRoot = false
  /// Physical address of the VMXON region.
  var vmxonPointer = VMXState.noPointer
  /// Physical address of the current VMCS, `noPointer` if there is none.
  var currentPointer = VMXState.noPointer
  /// The current VMCS, decoded.
  var vmcs = VMCS()
  var isLaunched = false
  /// The current VMCS is a shadow VMCS, with which no VM entry is possible.
  var isShadow = false
  /// The checks that the current VMCS has not passed, or has been written since.
  var uncheckedSections = VMEntrySections.all
  /// The processor state in which it passed the others.
  var checkedState = VMEntryProcessorState()

  // Controls of the running guest, decoded at VM entry so that intercepts test one bit.
  var pin = PinBasedControls()
  var primary = PrimaryProcessorBasedControls()
  var secondary = SecondaryProcessorBasedControls()
  var tertiary = TertiaryProcessorBasedControls()
  /// Guest-physical addresses are translated by EPT.
  var usesEPT = false
  var blockingByVirtualNMI = false
  var apic = APICVirtualizationState()
  /// Cycle at which the VMX-preemption timer reaches zero; `.max` if it does not run.
  var preemptionDeadline: UInt64 = .max
  /// The PAUSE loop that the guest is in.
  var pauseLoop = PauseLoop()
  var eventChain = EventChain()
  /// The VM exit of the monitor trap flag is pending on the present instruction boundary.
  var isMonitorTrapDue = false

  /// A bus lock has been asserted since VM entry, with "VMM bus-lock detection": the next VM exit tells.
  var hasBusLock = false

  /// What the VM exit that an instruction or event recorded will report.
  var exit = PendingExit()
  /// Not 0 after a VMX abort.
  var abortIndicator: UInt32 = 0
  var counters = VMXCounters()
  var observer: VMXObserverReference?
  /// The embedder wants the processor back after the next VM exit.
  var stopsAtExit = false
  private var hasStoppedAtExit = false

  /// The value of a VMCS pointer that points nowhere.
  static let noPointer: UInt64 = ~0

  /// The state after RESET: outside VMX operation. Counters and who watches stay.
  mutating func reset() {
    var fresh = VMXState()
    fresh.counters = counters
    fresh.observer = observer
    fresh.stopsAtExit = stopsAtExit
    self = fresh
  }

  /// After a VM exit: asks the run loop to return, if the embedder wants that.
  mutating func noteExit(_ signals: UnsafeMutablePointer<PlatformSignals>) {
    guard stopsAtExit else { return }
    hasStoppedAtExit = true
    signals.pointee.requests.insert(.stop)
  }

  /// Whether a VM exit asked for the stop; once.
  mutating func takeExitStop() -> Bool {
    defer { hasStoppedAtExit = false }
    return hasStoppedAtExit
  }
}

/// A VM exit that has been recorded and will be carried out before the next instruction.
struct PendingExit {
  var reason = BasicExitReason.exceptionOrNMI
  var qualification: UInt64 = 0
  var instructionLength: UInt32 = 0
  var instructionInformation: UInt32 = 0
  var guestLinearAddress: UInt64 = 0
  var guestPhysicalAddress: UInt64 = 0
  /// VM-exit interruption information and error code; 0 if the exit is not due to an event.
  var interruptionInformation: UInt32 = 0
  var interruptionErrorCode: UInt32 = 0
  /// What the guest-state area gets as RFLAGS.RF.
  var resumeFlag = SavedResumeFlag.unchanged
  /// The exit blocks NMIs, as the delivery of the NMI would have.
  var blocksNMI = false
}

/// RFLAGS.RF in the guest-state area after a VM exit.
///
/// Source: Intel SDM, "Saving RIP, RSP, RFLAGS, and SSP".
enum SavedResumeFlag: UInt8 {
  /// What the flag was before the VM exit.
  case unchanged
  /// Instructions that exit.
  case clear
  /// Faults, EPT violations and EPT misconfigurations.
  case set

  init(_ isSet: Bool) { self = isSet ? .set : .clear }
}

extension Processor {
  /// Records a VM exit due to the instruction that is being carried out; nothing of it is committed.
  mutating func recordExit(
    _ reason: BasicExitReason, qualification: UInt64 = 0, instructionInformation: UInt32 = 0
  ) {
    guard pending.kind == .none else { return }
    vmx.exit = PendingExit(
      reason: reason, qualification: qualification,
      instructionLength: UInt32(truncatingIfNeeded: (nextRIP &- rip) & 0xf),
      instructionInformation: instructionInformation)
    vmx.exit.resumeFlag = .clear
    pending.kind = .vmExit
    attention.insert(.pendingEvent)
  }
}
