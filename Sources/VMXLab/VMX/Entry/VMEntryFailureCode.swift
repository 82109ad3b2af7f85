/// Why guest state was rejected: the exit qualification of a VM-entry failure with basic exit reason 33.
///
/// A closed set, and no more than a byte: no other value can be written down. It goes into the
/// exit-qualification field through ``exitQualification`` alone, and never shares a variable with
/// ``MSRLoadIndex``.
///
/// Source: Intel SDM, "VM-Entry Failures During or After Loading Guest State".
public enum VMEntryFailureCode: UInt8, CaseIterable, Sendable {
  /// Any rule that has no code of its own.
  case `default` = 0
  /// The page-directory-pointer-table entries could not be loaded.
  case pdpte = 2
  /// An NMI was to be injected into a guest that blocks events by STI.
  case nmi = 3
  /// The VMCS link pointer is invalid.
  case vmcsLinkPointer = 4

  /// The value of the exit-qualification field.
  @inline(__always) public var exitQualification: UInt64 { UInt64(rawValue) }
}
