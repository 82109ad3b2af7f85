@testable import VMXLab

extension RuleCase {
  static var controlWords: [RuleCase] {
    [
      RuleCase(.pinControlsReserved) { $0.vmcs.pinBasedControls &= ~2 },
      RuleCase(.primaryControlsReserved) { $0.vmcs.primaryProcessorBasedControls &= ~2 },
      RuleCase(.secondaryControlsReserved) { $0.vmcs.secondaryProcessorBasedControls |= 1 << 29 },
      RuleCase(.tertiaryControlsReserved) { $0.set(tertiary: .init(rawValue: 1 << 5)) },
      RuleCase(.cr3TargetCount, from: { $0.vmcs.cr3TargetCount = 4 }) {
        $0.vmcs.cr3TargetCount = 5
      },
      RuleCase(.exitControlsReserved) { $0.vmcs.vmExitControls &= ~1 },
      RuleCase(
        .secondaryExitControlsReserved,
        from: {
          $0.set(exit: .activateSecondaryControls)
          $0.vmcs.secondaryVMExitControls = 8
        }
      ) { $0.vmcs.secondaryVMExitControls = 9 },
      RuleCase(.saveTimerNeedsTimer) { $0.set(exit: .saveVMXPreemptionTimerValue) },
      RuleCase(.entryControlsReserved) { $0.vmcs.vmEntryControls |= 1 << 31 },
    ]
  }

  static var addresses: [RuleCase] {
    var cases: [RuleCase] = []
    cases += address(.ioBitmapAAligned, .ioBitmapAWidth, \.ioBitmapAAddress) {
      $0.set(.useIOBitmaps)
    }
    cases += address(.ioBitmapBAligned, .ioBitmapBWidth, \.ioBitmapBAddress) {
      $0.set(.useIOBitmaps)
    }
    cases += address(.msrBitmapsAligned, .msrBitmapsWidth, \.msrBitmapsAddress) {
      $0.set(.useMSRBitmaps)
    }
    cases += address(.virtualAPICAligned, .virtualAPICWidth, \.virtualAPICAddress) {
      $0.useTPRShadow()
    }
    cases += address(.apicAccessAligned, .apicAccessWidth, \.apicAccessAddress) {
      $0.set(secondary: .virtualizeAPICAccesses)
    }
    cases += address(
      .postedInterruptDescriptorAligned, .postedInterruptDescriptorWidth,
      \.postedInterruptDescriptorAddress, low: 0x20
    ) { $0.usePostedInterrupts() }
    cases += address(.pmlAligned, .pmlWidth, \.pmlAddress) { $0.set(secondary: .enablePML) }
    cases += address(
      .subPagePermissionTableAligned, .subPagePermissionTableWidth,
      \.subPagePermissionTablePointer
    ) { $0.set(secondary: .subPageWritePermissionsForEPT) }
    cases += address(.eptpListAligned, .eptpListWidth, \.eptpListAddress) {
      $0.set(secondary: .enableVMFunctions)
      $0.vmcs.vmFunctionControls = 1
    }
    cases += address(.vmreadBitmapAligned, .vmreadBitmapWidth, \.vmreadBitmapAddress) {
      $0.set(secondary: .vmcsShadowing)
    }
    cases += address(.vmwriteBitmapAligned, .vmwriteBitmapWidth, \.vmwriteBitmapAddress) {
      $0.set(secondary: .vmcsShadowing)
    }
    cases += address(
      .virtualizationExceptionAligned, .virtualizationExceptionWidth,
      \.virtualizationExceptionInformationAddress
    ) { $0.set(secondary: .eptViolationVE) }
    cases += address(
      .lowPASIDDirectoryAligned, .lowPASIDDirectoryWidth, \.lowPASIDDirectoryAddress
    ) { $0.set(secondary: .pasidTranslation) }
    cases += address(
      .highPASIDDirectoryAligned, .highPASIDDirectoryWidth, \.highPASIDDirectoryAddress
    ) { $0.set(secondary: .pasidTranslation) }
    cases += address(
      .pidPointerTableAligned, .pidPointerTableWidth, \.pidPointerTableAddress, low: 4
    ) {
      $0.useTPRShadow()
      $0.set(tertiary: .ipiVirtualization)
    }
    cases += msrList(
      .exitMSRStoreAligned, .exitMSRStoreWidth, .exitMSRStoreEnd, \.exitMSRStoreAddress)
    cases += msrList(.exitMSRLoadAligned, .exitMSRLoadWidth, .exitMSRLoadEnd, \.exitMSRLoadAddress)
    cases += msrList(
      .entryMSRLoadAligned, .entryMSRLoadWidth, .entryMSRLoadEnd, \.entryMSRLoadAddress)
    return cases
  }

  static var apicAndEvents: [RuleCase] {
    [
      RuleCase(.tprThresholdReserved, from: { $0.useTPRShadow() }) { $0.vmcs.tprThreshold = 0x10 },
      RuleCase(
        .tprThresholdAboveVTPR,
        from: {
          $0.useTPRShadow()
          $0.vmcs.tprThreshold = 2
        }
      ) { $0.vmcs.tprThreshold = 3 },
      RuleCase(.virtualNMIsNeedNMIExiting) { $0.set(.virtualNMIs) },
      RuleCase(.nmiWindowNeedsVirtualNMIs) { $0.set(.nmiWindowExiting) },
      RuleCase(.x2APICModeNeedsTPRShadow) { $0.set(secondary: .virtualizeX2APICMode) },
      RuleCase(.apicRegistersNeedTPRShadow) { $0.set(secondary: .apicRegisterVirtualization) },
      RuleCase(
        .virtualInterruptsNeedTPRShadow, from: { $0.set(.externalInterruptExiting) }
      ) { $0.set(secondary: .virtualInterruptDelivery) },
      RuleCase(.ipiVirtualizationNeedsTPRShadow) { $0.set(tertiary: .ipiVirtualization) },
      RuleCase(
        .x2APICModeExcludesAPICAccesses,
        from: {
          $0.useTPRShadow()
          $0.set(secondary: .virtualizeAPICAccesses)
        }
      ) { $0.set(secondary: .virtualizeX2APICMode) },
      RuleCase(
        .virtualInterruptsNeedInterruptExiting, from: { $0.useVirtualInterrupts() }
      ) { $0.set(.externalInterruptExiting, false) },
      RuleCase(
        .postedInterruptsNeedVirtualInterrupts, from: { $0.usePostedInterrupts() }
      ) { $0.set(secondary: .virtualInterruptDelivery, false) },
      RuleCase(.postedInterruptsNeedAcknowledge, from: { $0.usePostedInterrupts() }) {
        $0.set(exit: .acknowledgeInterruptOnExit, false)
      },
      RuleCase(.postedInterruptVector, from: { $0.usePostedInterrupts() }) {
        $0.vmcs.postedInterruptNotificationVector = 0x100
      },
    ]
  }

  static var eptControls: [RuleCase] {
    [
      RuleCase(.vpidZero, from: { $0.vmcs.virtualProcessorIdentifier = 1 }) {
        $0.set(secondary: .enableVPID)
        $0.vmcs.virtualProcessorIdentifier = 0
      },
      RuleCase(.eptpMemoryType) { $0.vmcs.eptPointer = 0x1c },
      RuleCase(.eptpMemoryType, from: { $0.part.eptAndVPID &= ~(1 << 8) }) {
        $0.vmcs.eptPointer = 0x18
      },
      RuleCase(.eptpWalkLength) { $0.vmcs.eptPointer = 0x16 },
      RuleCase(.eptpWalkLength) { $0.vmcs.eptPointer = 0x26 },
      RuleCase(
        .eptpAccessedAndDirty,
        from: { $0.part.eptAndVPID &= ~EPTAndVPIDCapabilities.accessedAndDirtyFlags.rawValue }
      ) { $0.vmcs.eptPointer |= 0x40 },
      RuleCase(
        .eptpSupervisorShadowStack,
        from: {
          $0.part.eptAndVPID &= ~EPTAndVPIDCapabilities.supervisorShadowStackControl.rawValue
        }
      ) { $0.vmcs.eptPointer |= 0x80 },
      RuleCase(.eptpReserved) { $0.vmcs.eptPointer |= 0x800 },
      RuleCase(.eptpWidth) { $0.vmcs.eptPointer |= EntryFixture.beyondWidth },
      RuleCase(.pmlNeedsEPT, from: { $0.set(secondary: .enableEPT, false) }) {
        $0.set(secondary: .enablePML)
      },
      RuleCase(.unrestrictedGuestNeedsEPT, from: { $0.set(secondary: .enableEPT, false) }) {
        $0.set(secondary: .unrestrictedGuest)
      },
      RuleCase(.modeBasedExecuteNeedsEPT, from: { $0.set(secondary: .enableEPT, false) }) {
        $0.set(secondary: .modeBasedExecuteControlForEPT)
      },
      RuleCase(.subPageWriteNeedsEPT, from: { $0.set(secondary: .enableEPT, false) }) {
        $0.set(secondary: .subPageWritePermissionsForEPT)
      },
      RuleCase(.vmFunctionsReserved, from: { $0.set(secondary: .enableVMFunctions) }) {
        $0.vmcs.vmFunctionControls = 2
      },
      RuleCase(
        .eptpSwitchingNeedsEPT,
        from: {
          $0.set(secondary: .enableVMFunctions)
          $0.vmcs.vmFunctionControls = 1
        }
      ) { $0.set(secondary: .enableEPT, false) },
      RuleCase(.hlatNeedsEPT, from: { $0.set(secondary: .enableEPT, false) }) {
        $0.set(tertiary: .enableHLAT)
      },
      RuleCase(.eptPagingWriteNeedsEPT, from: { $0.set(secondary: .enableEPT, false) }) {
        $0.set(tertiary: .eptPagingWriteControl)
      },
      RuleCase(.guestPagingVerificationNeedsEPT, from: { $0.set(secondary: .enableEPT, false) }) {
        $0.set(tertiary: .guestPagingVerification)
      },
    ]
  }

  static var laterControls: [RuleCase] {
    let tracing: Change = {
      $0.set(secondary: .intelPTUsesGuestPhysicalAddresses)
      $0.set(entry: .loadRTITCtl)
      $0.set(exit: .clearRTITCtl)
    }
    let hlat: Change = {
      $0.set(tertiary: .enableHLAT)
      $0.vmcs.hlatPointer = 0x18
      $0.vmcs.hlatPrefixSize = 12
    }
    return [
      RuleCase(.ptAddressesNeedEPT, from: tracing) { $0.set(secondary: .enableEPT, false) },
      RuleCase(.ptAddressesNeedLoadRTITCtl, from: tracing) { $0.set(entry: .loadRTITCtl, false) },
      RuleCase(.ptAddressesNeedClearRTITCtl, from: tracing) { $0.set(exit: .clearRTITCtl, false) },
      RuleCase(
        .tscMultiplierZero,
        from: {
          $0.set(secondary: .useTSCScaling)
          $0.vmcs.tscMultiplier = 1
        }
      ) { $0.vmcs.tscMultiplier = 0 },
      RuleCase(.hlatPointerReserved, from: hlat) { $0.vmcs.hlatPointer |= 0x20 },
      RuleCase(.hlatPointerReserved, from: hlat) { $0.vmcs.hlatPointer |= 4 },
      RuleCase(.hlatPointerWidth, from: hlat) {
        $0.vmcs.hlatPointer |= EntryFixture.beyondWidth
      },
      RuleCase(.hlatPrefixSize, from: hlat) { $0.vmcs.hlatPrefixSize = 13 },
      RuleCase(
        .pidPointerTableEnd,
        from: {
          $0.useTPRShadow()
          $0.set(tertiary: .ipiVirtualization)
          $0.vmcs.pidPointerTableAddress = EntryFixture.beyondWidth - 16
          $0.vmcs.lastPIDPointerIndex = 1
        }
      ) { $0.vmcs.lastPIDPointerIndex = 2 },
    ]
  }

  static var entryControls: [RuleCase] {
    [
      RuleCase(.injectionType) { $0.inject(.reserved, 0) },
      RuleCase(
        .injectionType,
        from: {
          $0.part.primaryProcessorBasedControls &= ~(1 << 59)
          $0.part.truePrimaryProcessorBasedControls &= ~(1 << 59)
        }
      ) { $0.inject(.otherEvent, 0) },
      RuleCase(.injectionNMIVector, from: { $0.inject(.nmi, 2) }) { $0.inject(.nmi, 3) },
      RuleCase(.injectionExceptionVector, from: { $0.inject(.hardwareException, 31) }) {
        $0.inject(.hardwareException, 32)
      },
      RuleCase(.injectionOtherEventVector, from: { $0.inject(.otherEvent, 0) }) {
        $0.inject(.otherEvent, 1)
      },
      RuleCase(.injectionErrorCodeForbidden, from: { $0.inject(.hardwareException, 6) }) {
        $0.inject(.hardwareException, 6, hasErrorCode: true)
      },
      RuleCase(.injectionErrorCodeForbidden, from: { $0.inject(.softwareException, 3) }) {
        $0.inject(.softwareException, 3, hasErrorCode: true)
      },
      RuleCase(
        .injectionErrorCodeForbidden,
        from: {
          $0.useRealModeGuest()
          $0.inject(.hardwareException, 13)
        }
      ) { $0.inject(.hardwareException, 13, hasErrorCode: true) },
      RuleCase(
        .injectionErrorCodeRequired,
        from: { $0.inject(.hardwareException, 14, hasErrorCode: true) }
      ) { $0.inject(.hardwareException, 14) },
      RuleCase(.injectionReserved, from: { $0.inject(.softwareInterrupt, 0x80) }) {
        $0.vmcs.entryInterruptionInformation |= 1 << 12
      },
      RuleCase(
        .injectionErrorCodeValue,
        from: { $0.inject(.hardwareException, 13, hasErrorCode: true) }
      ) { $0.vmcs.entryExceptionErrorCode = 0x1_0000 },
      RuleCase(.injectionInstructionLength, from: { $0.inject(.softwareInterrupt, 0x80) }) {
        $0.vmcs.entryInstructionLength = 16
      },
      RuleCase(
        .injectionInstructionLengthZero,
        from: {
          $0.part.miscellaneous &= ~VMXMiscellaneous.zeroInstructionLength
          $0.inject(.privilegedSoftwareException, 1)
        }
      ) { $0.vmcs.entryInstructionLength = 0 },
      RuleCase(.entryToSMMOutsideSMM, also: [.entryToSMMNeedsSMIBlocking]) {
        $0.set(entry: .entryToSMM)
      },
      RuleCase(.deactivateDualMonitorOutsideSMM) {
        $0.set(entry: .deactivateDualMonitorTreatment)
      },
      RuleCase(.smmControlsExclusive, from: { $0.enterSMM() }) {
        $0.set(entry: .deactivateDualMonitorTreatment)
      },
    ]
  }
}
