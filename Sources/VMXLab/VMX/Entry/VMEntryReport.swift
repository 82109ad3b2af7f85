/// A failed VM entry in words: where, what the guest will see, and why.
///
/// ```swift
/// override func observe(_ event: VMXEvent, vmcs: VMCS, cycles: UInt64) {
///   if let report = VMEntryReport(event, vmcs: vmcs) { print(report.line) }
/// }
/// ```
public struct VMEntryReport: Equatable, Sendable {
  /// What came of the VM entry; never ``VMEntryOutcome/entered``.
  public let outcome: VMEntryOutcome
  /// VMLAUNCH rather than VMRESUME.
  public let isLaunch: Bool
  /// RIP of the instruction.
  public let rip: UInt64
  /// Every broken rule in words, in the order of the checks: the first is the one that decided.
  public let reasons: [String]

  /// The report of a failed VM entry; nil for any other event.
  ///
  /// - Parameter vmcs: the current VMCS as the observer gets it with the event.
  public init?(_ event: VMXEvent, vmcs: VMCS) {
    guard case .entry(let outcome, let isLaunch, let rip, let broken) = event,
      outcome != .entered
    else { return nil }
    self.outcome = outcome
    self.isLaunch = isLaunch
    self.rip = rip
    reasons = broken.map {
      "\($0.text(vmcs)) [\($0.rule.entry.section.title): \($0.rule.rawValue)]"
    }
  }

  /// The instruction, the outcome and the first reason on one line, without a line feed.
  public var line: String {
    var text = "\(isLaunch ? "VMLAUNCH" : "VMRESUME") at \(hexadecimal(rip)): \(consequence)"
    guard let first = reasons.first else { return text }
    text += ": \(first)"
    switch reasons.count {
    case 1: break
    case 2: text += " (and 1 more broken rule)"
    default: text += " (and \(reasons.count - 1) more broken rules)"
    }
    return text
  }

  /// What the guest will see.
  public var consequence: String { outcome.consequence }
}

extension VMEntryOutcome {
  /// What the instruction's user will see, in words.
  public var consequence: String {
    switch self {
    case .entered: "VM entry"
    case .failInvalid: "VMfailInvalid (CF = 1): there is no current VMCS, or it is a shadow VMCS"
    case .failValid(let error): Self.consequence(of: error)
    case .invalidGuestState(let code):
      Self.consequence(
        of: ExitReason(entryFailure: .entryFailureInvalidGuestState),
        qualification: code.exitQualification)
    case .msrLoadFailed(let entry):
      Self.consequence(
        of: ExitReason(entryFailure: .entryFailureMSRLoading),
        qualification: entry.exitQualification)
    }
  }

  /// VMfailValid in words.
  public static func consequence(of error: VMInstructionError) -> String {
    "VMfailValid (ZF = 1), VM-instruction error \(error.rawValue) (\(error.text))"
  }

  /// A VM-entry failure that loaded host state, in words.
  public static func consequence(of reason: ExitReason, qualification: UInt64) -> String {
    let number = UInt16(truncatingIfNeeded: reason.rawValue)
    let name = reason.basic.map { ", \($0.text)" } ?? ""
    var text =
      "VM-entry failure, exit reason \(hexadecimal(reason.rawValue)) (\(number)\(name)), "
      + "qualification \(qualification)"
    switch reason.basic {
    case .entryFailureInvalidGuestState:
      let code = UInt8(exactly: qualification).flatMap(VMEntryFailureCode.init)
      text += code.map(Self.text(of:)) ?? ""
    case .entryFailureMSRLoading: text += " (entry of the VM-entry MSR-load area, from 1)"
    default: break
    }
    return text
  }

  private static func text(of code: VMEntryFailureCode) -> String {
    switch code {
    case .default: ""
    case .pdpte: " (PDPTEs)"
    case .nmi: " (NMI with blocking by STI)"
    case .vmcsLinkPointer: " (VMCS link pointer)"
    }
  }
}
