import VMXLab

/// Writes a line for each thing that the VMX unit does, and under a VM entry that failed a check a line
/// for each rule that it broke:
///
/// ```
///        118203  VMLAUNCH at 0x100f31: VM entry to 0x101a40
///        118951  VM exit 18 (VMCALL) from 0x101a43, qualification 0x0
///        119804  VMRESUME at 0x100f58: VMfailValid 7 (VM entry with invalid control field(s))
///                  broken rule: Reserved bits … [VM-Execution Control Fields: pinControlsReserved]
/// ```
///
/// A line begins with the cycle of the event.
public final class VMXTrace: VMXObserver {
  private let write: (String) -> Void

  /// - Parameter write: is given each line, without a line feed, on the thread that runs the machine.
  public init(write: @escaping (String) -> Void) {
    self.write = write
  }

  public override func observe(_ event: VMXEvent, vmcs: VMCS, cycles: UInt64) {
    let number = String(cycles)
    let padding = String(repeating: " ", count: max(0, Self.cycleColumns - number.count))
    write("\(padding)\(number)  \(Self.text(of: event, vmcs: vmcs))")
    guard case .entry(_, _, _, let broken) = event else { return }
    let indentation = String(repeating: " ", count: Self.cycleColumns + 4)
    for rule in broken { write("\(indentation)broken rule: \(rule.text(vmcs))") }
  }

  private static let cycleColumns = 14

  static func text(of event: VMXEvent, vmcs: VMCS) -> String {
    switch event {
    case .vmxon(let pointer): return "VMXON \(hex(pointer))"
    case .vmxoff: return "VMXOFF"
    case .vmclear(let pointer): return "VMCLEAR \(hex(pointer))"
    case .vmptrld(let pointer): return "VMPTRLD \(hex(pointer))"
    case .entry(let outcome, let isLaunch, let rip, _):
      let instruction = isLaunch ? "VMLAUNCH" : "VMRESUME"
      return "\(instruction) at \(hex(rip)): \(text(of: outcome, vmcs: vmcs))"
    case .exit(let reason, let qualification, let rip):
      return "VM exit \(reason.rawValue) (\(reason.text)) from \(hex(rip))"
        + details(of: reason, qualification: qualification, vmcs: vmcs)
    case .failed(let error): return "VMfailValid \(error.rawValue) (\(error.text))"
    }
  }

  private static func text(of outcome: VMEntryOutcome, vmcs: VMCS) -> String {
    switch outcome {
    case .entered: "VM entry to \(hex(vmcs.guestRIP))"
    case .failInvalid: "VMfailInvalid (no current VMCS, or a shadow VMCS)"
    case .failValid(let error): "VMfailValid \(error.rawValue) (\(error.text))"
    case .invalidGuestState(let code):
      failure(.entryFailureInvalidGuestState) + ", qualification \(code.exitQualification)"
        + " (\(meaning(of: code)))"
    case .msrLoadFailed(let entry):
      failure(.entryFailureMSRLoading) + ", qualification \(entry.exitQualification)"
        + " (the number of the MSR-load entry)"
    }
  }

  private static func failure(_ reason: BasicExitReason) -> String {
    "exit reason \(reason.rawValue) with bit 31 (\(reason.text))"
  }

  private static func meaning(of code: VMEntryFailureCode) -> String {
    switch code {
    case .default: "no more is told"
    case .pdpte: "loading the PDPTEs"
    case .nmi: "NMI injection while events are blocked by STI"
    case .vmcsLinkPointer: "the VMCS link pointer"
    }
  }

  /// The VM-exit information that belongs to the reason, beginning with a comma.
  private static func details(
    of reason: BasicExitReason, qualification: UInt64, vmcs: VMCS
  ) -> String {
    var text = ", qualification \(hex(qualification))"
    switch reason {
    case .eptViolation, .eptMisconfiguration:
      text += ", guest-physical address \(hex(vmcs.guestPhysicalAddress))"
    case .exceptionOrNMI, .externalInterrupt:
      let information = InterruptionInformation(rawValue: vmcs.exitInterruptionInformation)
      if information.isValid {
        text += ", vector \(information.vector)"
        if information.hasErrorCode {
          text += ", error code \(hex(UInt64(vmcs.exitInterruptionErrorCode)))"
        }
      }
    default: break
    }
    if vmcs.idtVectoringInformation & InterruptionInformation.valid != 0 {
      text += ", while delivering vector \(vmcs.idtVectoringInformation & 0xff)"
    }
    if reason != .busLock, ExitReason(rawValue: vmcs.exitReason).isAfterBusLock {
      text += ", after a bus lock"
    }
    return text
  }

  private static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}
