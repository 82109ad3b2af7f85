/// What came of VMLAUNCH or VMRESUME, once it was neither an exception nor a VM exit. One value, with
/// no heap part.
///
/// An early failure (`failInvalid`, `failValid`) changes flags and the VM-instruction error field. A late
/// one (`invalidGuestState`, `msrLoadFailed`) loads host state and records exit reason and
/// qualification; the guest-state area, the launch state, the valid bit of the VM-entry
/// interruption-information field and the VM-exit MSR-store area stay as they were.
///
/// Source: Intel SDM, "VM Entries".
public enum VMEntryOutcome: Equatable, Sendable {
  /// The guest runs.
  case entered
  /// VMfailInvalid: CF is 1, there is no current VMCS, or it is a shadow VMCS.
  case failInvalid
  /// VMfailValid: ZF is 1, the number is in the VM-instruction error field.
  case failValid(VMInstructionError)
  /// Basic exit reason 33; the host state is loaded.
  case invalidGuestState(VMEntryFailureCode)
  /// Basic exit reason 34; the host state is loaded.
  case msrLoadFailed(entry: MSRLoadIndex)
}
