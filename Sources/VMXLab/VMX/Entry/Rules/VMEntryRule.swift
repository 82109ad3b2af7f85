/// The rules that a VM entry must keep. A case's name is the rule's identifier; what the rule says, where
/// the manual says it and which fields it reads is in ``VMEntryRuleCatalogue``.
public enum VMEntryRule: String, CaseIterable, Sendable {
  // MARK: VM-Execution Control Fields

  case pinControlsReserved
  case primaryControlsReserved
  case secondaryControlsReserved
  case tertiaryControlsReserved
  case cr3TargetCount
  case ioBitmapAAligned
  case ioBitmapAWidth
  case ioBitmapBAligned
  case ioBitmapBWidth
  case msrBitmapsAligned
  case msrBitmapsWidth
  case virtualAPICAligned
  case virtualAPICWidth
  case tprThresholdReserved
  case tprThresholdAboveVTPR
  case virtualNMIsNeedNMIExiting
  case nmiWindowNeedsVirtualNMIs
  case apicAccessAligned
  case apicAccessWidth
  case x2APICModeNeedsTPRShadow
  case apicRegistersNeedTPRShadow
  case virtualInterruptsNeedTPRShadow
  case ipiVirtualizationNeedsTPRShadow
  case x2APICModeExcludesAPICAccesses
  case virtualInterruptsNeedInterruptExiting
  case postedInterruptsNeedVirtualInterrupts
  case postedInterruptsNeedAcknowledge
  case postedInterruptVector
  case postedInterruptDescriptorAligned
  case postedInterruptDescriptorWidth
  case vpidZero
  case eptpMemoryType
  case eptpWalkLength
  case eptpAccessedAndDirty
  case eptpSupervisorShadowStack
  case eptpReserved
  case eptpWidth
  case pmlNeedsEPT
  case pmlAligned
  case pmlWidth
  case unrestrictedGuestNeedsEPT
  case modeBasedExecuteNeedsEPT
  case subPageWriteNeedsEPT
  case subPagePermissionTableAligned
  case subPagePermissionTableWidth
  case vmFunctionsReserved
  case eptpSwitchingNeedsEPT
  case eptpListAligned
  case eptpListWidth
  case vmreadBitmapAligned
  case vmreadBitmapWidth
  case vmwriteBitmapAligned
  case vmwriteBitmapWidth
  case virtualizationExceptionAligned
  case virtualizationExceptionWidth
  case ptAddressesNeedEPT
  case ptAddressesNeedLoadRTITCtl
  case ptAddressesNeedClearRTITCtl
  case tscMultiplierZero
  case lowPASIDDirectoryAligned
  case lowPASIDDirectoryWidth
  case highPASIDDirectoryAligned
  case highPASIDDirectoryWidth
  case hlatNeedsEPT
  case eptPagingWriteNeedsEPT
  case guestPagingVerificationNeedsEPT
  case hlatPointerReserved
  case hlatPointerWidth
  case hlatPrefixSize
  case pidPointerTableAligned
  case pidPointerTableWidth
  case pidPointerTableEnd

  // MARK: VM-Exit Control Fields

  case exitControlsReserved
  case secondaryExitControlsReserved
  case saveTimerNeedsTimer
  case exitMSRStoreAligned
  case exitMSRStoreWidth
  case exitMSRStoreEnd
  case exitMSRLoadAligned
  case exitMSRLoadWidth
  case exitMSRLoadEnd

  // MARK: VM-Entry Control Fields

  case entryControlsReserved
  case injectionType
  case injectionNMIVector
  case injectionExceptionVector
  case injectionOtherEventVector
  case injectionErrorCodeForbidden
  case injectionErrorCodeRequired
  case injectionReserved
  case injectionErrorCodeValue
  case injectionInstructionLength
  case injectionInstructionLengthZero
  case entryMSRLoadAligned
  case entryMSRLoadWidth
  case entryMSRLoadEnd
  case entryToSMMOutsideSMM
  case deactivateDualMonitorOutsideSMM
  case smmControlsExclusive

  // MARK: Checks on Host Control Registers, MSRs, and SSP

  case hostCR0Fixed
  case hostCR4Fixed
  case hostCETNeedsWP
  case hostCR3Width
  case hostSYSENTERESPCanonical
  case hostSYSENTEREIPCanonical
  case hostPerfGlobalCtrlReserved
  case hostPATTypes
  case hostEFERReserved
  case hostEFERLMA
  case hostEFERLME
  case hostSCETReserved
  case hostSCETTracker
  case hostSSPAligned
  case hostInterruptSSPTableCanonical
  case hostPKRSReserved

  // MARK: Checks on Host Segment and Descriptor-Table Registers

  case hostESSelectorBits
  case hostCSSelectorBits
  case hostSSSelectorBits
  case hostDSSelectorBits
  case hostFSSelectorBits
  case hostGSSelectorBits
  case hostTRSelectorBits
  case hostCSSelectorNull
  case hostTRSelectorNull
  case hostSSSelectorNull
  case hostFSBaseCanonical
  case hostGSBaseCanonical
  case hostGDTRBaseCanonical
  case hostIDTRBaseCanonical
  case hostTRBaseCanonical

  // MARK: Checks Related to Address-Space Size

  case legacyModeForbidsIA32eGuest
  case legacyModeForbidsIA32eHost
  case ia32eModeNeedsIA32eHost
  case legacyHostForbidsIA32eGuest
  case legacyHostForbidsPCIDE
  case legacyHostRIPHigh
  case legacyHostSCETHigh
  case legacyHostSSPHigh
  case ia32eHostNeedsPAE
  case ia32eHostRIPCanonical
  case ia32eHostSCETCanonical
  case ia32eHostSSPCanonical

  // MARK: Checks on Guest Control Registers, Debug Registers, and MSRs

  case guestCR0Fixed
  case guestPagingNeedsProtection
  case guestCR4Fixed
  case guestCETNeedsWP
  case guestDebugCtlReserved
  case ia32eGuestNeedsPaging
  case ia32eGuestNeedsPAE
  case legacyGuestForbidsPCIDE
  case guestCR3Width
  case guestDR7High
  case guestSYSENTERESPCanonical
  case guestSYSENTEREIPCanonical
  case guestSCETReserved
  case guestSCETTracker
  case guestInterruptSSPTableCanonical
  case guestPerfGlobalCtrlReserved
  case guestPATTypes
  case guestEFERReserved
  case guestEFERLMA
  case guestEFERLME
  case guestBNDCFGSReserved
  case guestBNDCFGSCanonical
  case guestRTITCtlReserved
  case tracingForbidsLoadRTITCtl
  case guestLBRCtlReserved
  case guestPKRSReserved
  case guestUINVReserved

  // MARK: Checks on Guest Segment Registers

  case guestTRSelectorTI
  case guestLDTRSelectorTI
  case guestSSRPLMatchesCS
  case guestESBaseVirtual8086
  case guestCSBaseVirtual8086
  case guestSSBaseVirtual8086
  case guestDSBaseVirtual8086
  case guestFSBaseVirtual8086
  case guestGSBaseVirtual8086
  case guestTRBaseCanonical
  case guestFSBaseCanonical
  case guestGSBaseCanonical
  case guestLDTRBaseCanonical
  case guestCSBaseHigh
  case guestSSBaseHigh
  case guestDSBaseHigh
  case guestESBaseHigh
  case guestESLimitVirtual8086
  case guestCSLimitVirtual8086
  case guestSSLimitVirtual8086
  case guestDSLimitVirtual8086
  case guestFSLimitVirtual8086
  case guestGSLimitVirtual8086
  case guestESAccessRightsVirtual8086
  case guestCSAccessRightsVirtual8086
  case guestSSAccessRightsVirtual8086
  case guestDSAccessRightsVirtual8086
  case guestFSAccessRightsVirtual8086
  case guestGSAccessRightsVirtual8086
  case guestCSType
  case guestCSDescriptorType
  case guestCSDataDPL
  case guestCSNonconformingDPL
  case guestCSConformingDPL
  case guestCSPresent
  case guestCSReservedLow
  case guestCSDefaultSize
  case guestCSGranularityByte
  case guestCSGranularityPage
  case guestCSReservedHigh
  case guestSSType
  case guestSSDescriptorType
  case guestSSDPLMatchesRPL
  case guestSSDPLZero
  case guestSSPresent
  case guestSSReservedLow
  case guestSSGranularityByte
  case guestSSGranularityPage
  case guestSSReservedHigh
  case guestDSAccessed
  case guestDSReadable
  case guestDSDescriptorType
  case guestDSDPL
  case guestDSPresent
  case guestDSReservedLow
  case guestDSGranularityByte
  case guestDSGranularityPage
  case guestDSReservedHigh
  case guestESAccessed
  case guestESReadable
  case guestESDescriptorType
  case guestESDPL
  case guestESPresent
  case guestESReservedLow
  case guestESGranularityByte
  case guestESGranularityPage
  case guestESReservedHigh
  case guestFSAccessed
  case guestFSReadable
  case guestFSDescriptorType
  case guestFSDPL
  case guestFSPresent
  case guestFSReservedLow
  case guestFSGranularityByte
  case guestFSGranularityPage
  case guestFSReservedHigh
  case guestGSAccessed
  case guestGSReadable
  case guestGSDescriptorType
  case guestGSDPL
  case guestGSPresent
  case guestGSReservedLow
  case guestGSGranularityByte
  case guestGSGranularityPage
  case guestGSReservedHigh
  case guestTRType
  case guestTRDescriptorType
  case guestTRPresent
  case guestTRReservedLow
  case guestTRGranularityByte
  case guestTRGranularityPage
  case guestTRReservedHigh
  case guestTRUsable
  case guestLDTRType
  case guestLDTRDescriptorType
  case guestLDTRPresent
  case guestLDTRReservedLow
  case guestLDTRGranularityByte
  case guestLDTRGranularityPage
  case guestLDTRReservedHigh

  // MARK: Checks on Guest Descriptor-Table Registers

  case guestGDTRBaseCanonical
  case guestIDTRBaseCanonical
  case guestGDTRLimitHigh
  case guestIDTRLimitHigh

  // MARK: Checks on Guest RIP, RFLAGS, and SSP

  case guestRIPHigh
  case guestRIPLinear
  case guestRFLAGSReserved
  case guestRFLAGSFixed
  case guestRFLAGSVM
  case guestRFLAGSIF
  case guestSSPAligned
  case guestSSPLinear

  // MARK: Checks on Guest Non-Register State

  case activityStateSupported
  case hltNeedsPrivilege
  case blockingNeedsActive
  case hltInjection
  case shutdownInjection
  case waitForSIPIInjection
  case waitForSIPIEntryToSMM
  case interruptibilityReserved
  case stiExcludesMOVSS
  case stiNeedsIF
  case stiForbidsInterrupt
  case movSSForbidsInterrupt
  case movSSForbidsNMI
  case smiBlockingOutsideSMM
  case entryToSMMNeedsSMIBlocking
  case stiForbidsNMI
  case nmiBlockingForbidsVirtualNMI
  case enclaveNeedsSGX
  case enclaveExcludesMOVSS
  case pendingDebugReserved
  case pendingSingleStepRequired
  case pendingSingleStepForbidden
  case pendingRTMOtherBits
  case pendingRTMEnabledBreakpoint
  case pendingRTMNeedsRTM
  case pendingRTMExcludesMOVSS
  case linkPointerAligned
  case linkPointerWidth
  case linkPointerRevision
  case linkPointerShadowIndicator
  case linkPointerNotCurrent
  case linkPointerNotExecutive

  // MARK: Checks on Guest Page-Directory-Pointer-Table Entries

  case guestPDPTE0Reserved
  case guestPDPTE1Reserved
  case guestPDPTE2Reserved
  case guestPDPTE3Reserved

  // MARK: Loading MSRs

  case msrLoadCount
  case msrLoadReserved
  case msrLoadSegmentBase
  case msrLoadX2APIC
  case msrLoadSMMOnly
  case msrLoadModelSpecific
  case msrLoadRejected
}
