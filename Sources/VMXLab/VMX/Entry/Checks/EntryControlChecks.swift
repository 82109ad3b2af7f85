extension VMEntryContext {
  /// Source: Intel SDM, "VM-Entry Control Fields" under "Checks on VMX Controls".
  func checkEntryControls<R: RuleReporter>(_ r: inout R) -> Bool {
    let faults = capabilities.pointee.entry.faults(in: vmcs.pointee.vmEntryControls)
    guard r.clear(.entryControlsReserved, UInt64(faults)) else { return false }
    guard checkEventInjection(&r) else { return false }
    guard
      checkMSRList(
        &r, vmcs.pointee.entryMSRLoadAddress, count: vmcs.pointee.entryMSRLoadCount,
        aligned: .entryMSRLoadAligned, width: .entryMSRLoadWidth, end: .entryMSRLoadEnd)
    else { return false }
    let entersSMM = entry.contains(.entryToSMM)
    let deactivates = entry.contains(.deactivateDualMonitorTreatment)
    if !processor.isInSMM {
      guard r.holds(.entryToSMMOutsideSMM, !entersSMM) else { return false }
      guard r.holds(.deactivateDualMonitorOutsideSMM, !deactivates) else { return false }
    }
    return r.holds(.smmControlsExclusive, !(entersSMM && deactivates))
  }

  private func checkEventInjection<R: RuleReporter>(_ r: inout R) -> Bool {
    let info = injection
    guard info.isValid else { return true }
    let type = info.type
    let hasMTF = capabilities.pointee.offeredControls.primary.contains(.monitorTrapFlag)
    let isKnown = type != .reserved && (type != .otherEvent || hasMTF)
    guard r.holds(.injectionType, isKnown) else { return false }
    guard r.holds(.injectionNMIVector, type != .nmi || info.vector == 2) else { return false }
    let isException = type == .hardwareException
    guard r.holds(.injectionExceptionVector, !isException || info.vector <= 31) else {
      return false
    }
    let isOther = type == .otherEvent
    guard r.holds(.injectionOtherEventVector, !isOther || info.vector == 0) else { return false }
    guard checkInjectedErrorCode(&r) else { return false }
    guard r.clear(.injectionReserved, UInt64(info.rawValue & InterruptionInformation.entryReserved))
    else { return false }
    switch type {
    case .softwareInterrupt, .privilegedSoftwareException, .softwareException:
      let length = vmcs.pointee.entryInstructionLength
      guard r.holds(.injectionInstructionLength, length <= 15) else { return false }
      let misc = capabilities.pointee.msrs.miscellaneous
      let mayBeZero = misc & VMXMiscellaneous.zeroInstructionLength != 0
      return r.holds(.injectionInstructionLengthZero, length != 0 || mayBeZero)
    default:
      return true
    }
  }

  private func checkInjectedErrorCode<R: RuleReporter>(_ r: inout R) -> Bool {
    let info = injection
    let mayHaveCode = info.type == .hardwareException && guestCR0.contains(.pe)
    let isFree = capabilities.pointee.msrs.basic & VMXCapabilityMSRs.anyErrorCode != 0
    let vectorHasCode = Self.vectorHasErrorCode(info.vector)
    let isAllowed = mayHaveCode && (isFree || vectorHasCode)
    guard r.holds(.injectionErrorCodeForbidden, isAllowed || !info.hasErrorCode) else {
      return false
    }
    let isNeeded = mayHaveCode && !isFree && vectorHasCode
    guard r.holds(.injectionErrorCodeRequired, info.hasErrorCode || !isNeeded) else {
      return false
    }
    guard info.hasErrorCode else { return true }
    let code = UInt64(vmcs.pointee.entryExceptionErrorCode)
    return r.clear(.injectionErrorCodeValue, code & 0xffff_0000)
  }

  /// Whether VM entry takes the vector for one that delivers an error code: #DF, #TS, #NP, #SS, #GP, #PF
  /// and #AC. #CP is not among them; processors that have it have IA32_VMX_BASIC[56].
  @inline(__always) private static func vectorHasErrorCode(_ vector: UInt8) -> Bool {
    vector < 32 && (0x0002_7d00 as UInt32) &>> UInt32(vector) & 1 != 0
  }
}
