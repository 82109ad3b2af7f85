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

  // Controls of the running guest, decoded at VM entry so that intercepts test one bit.
  var pin = PinBasedControls()
  var primary = PrimaryProcessorBasedControls()
  var secondary = SecondaryProcessorBasedControls()
  /// Guest-physical addresses are translated by EPT.
  var usesEPT = false
  /// What a VM exit recorded by an instruction will report.
  var exit = PendingExit()
  /// Cycle at which the VMX-preemption timer reaches zero; `.max` if it does not run.
  var preemptionDeadline: UInt64 = .max
  /// A monitor trap flag VM exit is due after the next instruction.
  var monitorTrapPending = false

  /// The value of a VMCS pointer that points nowhere.
  static let noPointer: UInt64 = ~0

  /// Called when address-space numbers start again.
  mutating func forgetAddressSpaces() {}
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
  /// The exit happens after the instruction, so that RIP is already that of the next one.
  var isTrapLike = false
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
    pending.kind = .vmExit
    attention.insert(.pendingEvent)
  }
}
