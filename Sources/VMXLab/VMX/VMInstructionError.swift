/// The VM-instruction error numbers: why a VMX instruction ended with VMfailValid.
///
/// Source: Intel SDM, "VM Instruction Error Numbers".
public enum VMInstructionError: UInt32, CaseIterable, Sendable {
  case vmcallInVMXRootOperation = 1
  case vmclearWithInvalidPhysicalAddress = 2
  case vmclearWithVMXONPointer = 3
  case vmlaunchWithNonClearVMCS = 4
  case vmresumeWithNonLaunchedVMCS = 5
  case vmresumeAfterVMXOFF = 6
  case vmEntryWithInvalidControlFields = 7
  case vmEntryWithInvalidHostStateFields = 8
  case vmptrldWithInvalidPhysicalAddress = 9
  case vmptrldWithVMXONPointer = 10
  case vmptrldWithIncorrectRevisionIdentifier = 11
  case unsupportedVMCSComponent = 12
  case vmwriteToReadOnlyComponent = 13
  case vmxonInVMXRootOperation = 15
  case vmEntryWithInvalidExecutiveVMCSPointer = 16
  case vmEntryWithNonLaunchedExecutiveVMCS = 17
  case vmEntryWithExecutiveVMCSPointerNotVMXONPointer = 18
  case vmcallWithNonClearVMCS = 19
  case vmcallWithInvalidVMExitControlFields = 20
  case vmcallWithIncorrectMSEGRevisionIdentifier = 22
  case vmxoffUnderDualMonitorTreatment = 23
  case vmcallWithInvalidSMMMonitorFeatures = 24
  case vmEntryWithInvalidControlsInExecutiveVMCS = 25
  case vmEntryWithEventsBlockedByMOVSS = 26
  case invalidOperandToINVEPTOrINVVPID = 28

  /// The manual's description of the error.
  public var text: String {
    switch self {
    case .vmcallInVMXRootOperation: "VMCALL executed in VMX root operation"
    case .vmclearWithInvalidPhysicalAddress: "VMCLEAR with invalid physical address"
    case .vmclearWithVMXONPointer: "VMCLEAR with VMXON pointer"
    case .vmlaunchWithNonClearVMCS: "VMLAUNCH with non-clear VMCS"
    case .vmresumeWithNonLaunchedVMCS: "VMRESUME with non-launched VMCS"
    case .vmresumeAfterVMXOFF:
      "VMRESUME after VMXOFF (VMXOFF and VMXON between VMLAUNCH and VMRESUME)"
    case .vmEntryWithInvalidControlFields: "VM entry with invalid control field(s)"
    case .vmEntryWithInvalidHostStateFields: "VM entry with invalid host-state field(s)"
    case .vmptrldWithInvalidPhysicalAddress: "VMPTRLD with invalid physical address"
    case .vmptrldWithVMXONPointer: "VMPTRLD with VMXON pointer"
    case .vmptrldWithIncorrectRevisionIdentifier:
      "VMPTRLD with incorrect VMCS revision identifier"
    case .unsupportedVMCSComponent: "VMREAD/VMWRITE from/to unsupported VMCS component"
    case .vmwriteToReadOnlyComponent: "VMWRITE to read-only VMCS component"
    case .vmxonInVMXRootOperation: "VMXON executed in VMX root operation"
    case .vmEntryWithInvalidExecutiveVMCSPointer: "VM entry with invalid executive-VMCS pointer"
    case .vmEntryWithNonLaunchedExecutiveVMCS: "VM entry with non-launched executive VMCS"
    case .vmEntryWithExecutiveVMCSPointerNotVMXONPointer:
      "VM entry with executive-VMCS pointer not VMXON pointer"
    case .vmcallWithNonClearVMCS: "VMCALL with non-clear VMCS"
    case .vmcallWithInvalidVMExitControlFields: "VMCALL with invalid VM-exit control fields"
    case .vmcallWithIncorrectMSEGRevisionIdentifier:
      "VMCALL with incorrect MSEG revision identifier"
    case .vmxoffUnderDualMonitorTreatment: "VMXOFF under dual-monitor treatment of SMIs and SMM"
    case .vmcallWithInvalidSMMMonitorFeatures: "VMCALL with invalid SMM-monitor features"
    case .vmEntryWithInvalidControlsInExecutiveVMCS:
      "VM entry with invalid VM-execution control fields in executive VMCS"
    case .vmEntryWithEventsBlockedByMOVSS: "VM entry with events blocked by MOV SS"
    case .invalidOperandToINVEPTOrINVVPID: "Invalid operand to INVEPT/INVVPID"
    }
  }
}
