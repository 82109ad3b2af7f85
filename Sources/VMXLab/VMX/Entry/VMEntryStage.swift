/// The stages of a VM entry at which a rule can be broken, in order.
///
/// Source: Intel SDM, "VM Entries".
public enum VMEntryStage: UInt8, CaseIterable, Comparable, Sendable {
  /// VMX controls: VMfailValid with error 7.
  case controls
  /// Host-state area: VMfailValid with error 8.
  case hostState
  /// Guest-state area: basic exit reason 33.
  case guestState
  /// VM-entry MSR-load area: basic exit reason 34.
  case msrLoading

  public static func < (left: VMEntryStage, right: VMEntryStage) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// The sections of the manual whose checks are rules, in the manual's order. Each has one function that
/// makes its checks.
public enum VMEntrySection: UInt8, CaseIterable, Sendable {
  case executionControls
  case exitControls
  case entryControls
  case hostControlRegisters
  case hostSegments
  case addressSpace
  case guestControlRegisters
  case guestSegments
  case guestDescriptorTables
  case guestRIP
  case guestNonRegisterState
  case guestPDPTEs
  case msrLoading

  /// The section's title in the Intel SDM.
  public var title: String {
    switch self {
    case .executionControls: "VM-Execution Control Fields"
    case .exitControls: "VM-Exit Control Fields"
    case .entryControls: "VM-Entry Control Fields"
    case .hostControlRegisters: "Checks on Host Control Registers, MSRs, and SSP"
    case .hostSegments: "Checks on Host Segment and Descriptor-Table Registers"
    case .addressSpace: "Checks Related to Address-Space Size"
    case .guestControlRegisters: "Checks on Guest Control Registers, Debug Registers, and MSRs"
    case .guestSegments: "Checks on Guest Segment Registers"
    case .guestDescriptorTables: "Checks on Guest Descriptor-Table Registers"
    case .guestRIP: "Checks on Guest RIP, RFLAGS, and SSP"
    case .guestNonRegisterState: "Checks on Guest Non-Register State"
    case .guestPDPTEs: "Checks on Guest Page-Directory-Pointer-Table Entries"
    case .msrLoading: "Loading MSRs"
    }
  }

  /// The stage that the section's checks belong to.
  public var stage: VMEntryStage {
    switch self {
    case .executionControls, .exitControls, .entryControls: .controls
    case .hostControlRegisters, .hostSegments, .addressSpace: .hostState
    case .msrLoading: .msrLoading
    default: .guestState
    }
  }

  /// The groups of fields that the section's checks read: unless one of them was written, the fields
  /// still keep the rules that they kept. ``dependsOnMore`` says what else there is.
  public var groupsRead: VMCSFieldGroups {
    switch self {
    case .executionControls: [.executionControls, .exitControls, .entryControls]
    case .exitControls: [.exitControls, .executionControls]
    case .entryControls: [.entryControls, .eventInjection, .guestRegisters]
    case .hostControlRegisters: [.hostState, .exitControls]
    case .hostSegments: [.hostState, .exitControls]
    case .addressSpace: [.hostState, .exitControls, .entryControls]
    case .guestControlRegisters: [.guestRegisters, .executionControls, .entryControls]
    case .guestSegments:
      [
        .guestSegments, .guestFlags, .guestRegisters, .executionControls,
        .entryControls,
      ]
    case .guestDescriptorTables: [.guestDescriptorTables]
    case .guestRIP:
      [
        .guestInstruction, .guestFlags, .guestSegments, .guestRegisters, .eventInjection,
        .entryControls,
      ]
    case .guestNonRegisterState:
      [
        .guestNonRegisterState, .guestSegments, .guestFlags, .guestRegisters,
        .eventInjection, .executionControls, .entryControls,
      ]
    case .guestPDPTEs: [.guestPDPTEs, .guestRegisters, .executionControls, .entryControls]
    case .msrLoading: [.entryControls]
    }
  }

  /// Whether the section's checks read memory or processor state beside the VMCS, so that they may
  /// come out differently though no field was written. ``VMEntryContext/sectionsThatReadMemory`` and
  /// ``VMEntryProcessorState`` say when.
  public var dependsOnMore: Bool {
    switch self {
    case .executionControls, .entryControls, .addressSpace, .guestControlRegisters,
      .guestNonRegisterState, .guestPDPTEs, .msrLoading:
      true
    default: false
    }
  }
}
