/// The parts of a VMCS that VM entry checks together.
///
/// Every field belongs to one group. A write marks the field's group dirty; a set of checks needs to
/// be made again only if a group that it reads is dirty.
public enum VMCSFieldGroup: UInt8, CaseIterable, Sendable {
  /// VM-execution control fields.
  case executionControls
  /// VM-exit control fields.
  case exitControls
  /// VM-entry control fields, without those for event injection.
  case entryControls
  /// VM-entry interruption information, exception error code and instruction length.
  case eventInjection
  /// Host-state area.
  case hostState
  /// Guest control registers, debug registers and MSRs.
  case guestRegisters
  /// Guest segment registers.
  case guestSegments
  /// Guest GDTR and IDTR.
  case guestDescriptorTables
  /// Guest RIP and SSP.
  case guestInstruction
  /// Guest RFLAGS.
  case guestFlags
  /// Guest non-register state, and the executive-VMCS pointer that the link pointer is compared with.
  case guestNonRegisterState
  /// Guest page-directory-pointer-table entries.
  case guestPDPTEs
  /// Fields in which VM entry accepts any value.
  case unchecked
}

/// A set of ``VMCSFieldGroup``s.
public struct VMCSFieldGroups: OptionSet, Sendable, Hashable {
  /// One bit a group, at the group's number.
  public let rawValue: UInt16
  @inline(__always) public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// The set that holds `group` alone.
  @inline(__always) public init(_ group: VMCSFieldGroup) {
    self.init(rawValue: 1 &<< UInt16(group.rawValue))
  }

  static let executionControls = VMCSFieldGroups(.executionControls)
  static let exitControls = VMCSFieldGroups(.exitControls)
  static let entryControls = VMCSFieldGroups(.entryControls)
  static let eventInjection = VMCSFieldGroups(.eventInjection)
  static let hostState = VMCSFieldGroups(.hostState)
  static let guestRegisters = VMCSFieldGroups(.guestRegisters)
  static let guestSegments = VMCSFieldGroups(.guestSegments)
  static let guestDescriptorTables = VMCSFieldGroups(.guestDescriptorTables)
  static let guestInstruction = VMCSFieldGroups(.guestInstruction)
  static let guestFlags = VMCSFieldGroups(.guestFlags)
  static let guestNonRegisterState = VMCSFieldGroups(.guestNonRegisterState)
  static let guestPDPTEs = VMCSFieldGroups(.guestPDPTEs)

  /// Every group.
  public static let all = VMCSFieldGroups(
    rawValue: (1 << UInt16(VMCSFieldGroup.allCases.count)) - 1)
}
