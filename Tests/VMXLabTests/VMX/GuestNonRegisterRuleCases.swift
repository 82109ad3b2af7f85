@testable import VMXLab

extension RuleCase {
  private static func blocked(_ state: InterruptibilityState) -> Change {
    {
      $0.vmcs.guestInterruptibilityState = state.rawValue
      $0.vmcs.guestRFLAGS |= RFLAGS.if.rawValue
    }
  }

  static var activityAndInterruptibility: [RuleCase] {
    [
      RuleCase(.activityStateSupported) { $0.vmcs.guestActivityState = 4 },
      RuleCase(
        .activityStateSupported,
        from: { $0.part.miscellaneous &= ~VMXMiscellaneous.activityShutdown }
      ) { $0.vmcs.guestActivityState = 2 },
      RuleCase(.hltNeedsPrivilege, from: { $0.useUserModeGuest() }) {
        $0.vmcs.guestActivityState = 1
      },
      RuleCase(.blockingNeedsActive, from: blocked(.blockingBySTI)) {
        $0.vmcs.guestActivityState = 1
      },
      RuleCase(
        .hltInjection,
        from: {
          $0.vmcs.guestActivityState = 1
          $0.inject(.otherEvent, 0)
        }
      ) { $0.inject(.softwareInterrupt, 0x80) },
      RuleCase(
        .shutdownInjection,
        from: {
          $0.vmcs.guestActivityState = 2
          $0.inject(.hardwareException, 18)
        }
      ) { $0.inject(.hardwareException, 1) },
      RuleCase(.waitForSIPIInjection, from: { $0.vmcs.guestActivityState = 3 }) {
        $0.inject(.nmi, 2)
      },
      RuleCase(.waitForSIPIEntryToSMM, from: { $0.enterSMM() }) {
        $0.vmcs.guestActivityState = 3
      },
      RuleCase(.interruptibilityReserved) { $0.vmcs.guestInterruptibilityState = 0x20 },
      RuleCase(.stiExcludesMOVSS, from: blocked(.blockingBySTI)) {
        $0.vmcs.guestInterruptibilityState = 3
      },
      RuleCase(.stiNeedsIF, from: blocked(.blockingBySTI)) { $0.vmcs.guestRFLAGS = 2 },
      RuleCase(.stiForbidsInterrupt, from: blocked(.blockingBySTI)) {
        $0.inject(.externalInterrupt, 0x20)
      },
      RuleCase(.movSSForbidsInterrupt, from: blocked(.blockingByMOVSS)) {
        $0.inject(.externalInterrupt, 0x20)
      },
      RuleCase(.movSSForbidsNMI, from: blocked(.blockingByMOVSS)) { $0.inject(.nmi, 2) },
      RuleCase(.stiForbidsNMI, from: blocked(.blockingBySTI)) { $0.inject(.nmi, 2) },
      RuleCase(.smiBlockingOutsideSMM) { $0.vmcs.guestInterruptibilityState = 4 },
      RuleCase(.entryToSMMNeedsSMIBlocking, from: { $0.enterSMM() }) {
        $0.vmcs.guestInterruptibilityState = 0
      },
      RuleCase(
        .nmiBlockingForbidsVirtualNMI,
        from: {
          $0.set([.nmiExiting, .virtualNMIs])
          $0.inject(.nmi, 2)
        }
      ) { $0.vmcs.guestInterruptibilityState = 8 },
      RuleCase(.enclaveNeedsSGX, from: { $0.facts.hasSGX = false }) {
        $0.vmcs.guestInterruptibilityState = 0x10
      },
      RuleCase(.enclaveExcludesMOVSS, from: blocked(.enclaveInterruption)) {
        $0.vmcs.guestInterruptibilityState = 0x12
      },
    ]
  }

  static var pendingDebugAndLinkPointer: [RuleCase] {
    let stepping: Change = {
      $0.vmcs.guestInterruptibilityState = 2
      $0.vmcs.guestRFLAGS |= RFLAGS.tf.rawValue
      $0.vmcs.guestPendingDebugExceptions = PendingDebugExceptions.singleStep.rawValue
    }
    let transaction: Change = { $0.vmcs.guestPendingDebugExceptions = 0x1_1000 }
    let linked: Change = { $0.vmcs.vmcsLinkPointer = EntryFixture.secondVMCS }
    return [
      RuleCase(.pendingDebugReserved) { $0.vmcs.guestPendingDebugExceptions = 0x10 },
      RuleCase(
        .pendingDebugReserved,
        from: { $0.facts.hasBusLockDetection = false }
      ) { $0.vmcs.guestPendingDebugExceptions = 0x800 },
      RuleCase(.pendingSingleStepRequired, from: stepping) {
        $0.vmcs.guestPendingDebugExceptions = 0
      },
      RuleCase(.pendingSingleStepForbidden, from: stepping) { $0.vmcs.guestDebugCtl = 2 },
      RuleCase(.pendingSingleStepForbidden, from: { $0.vmcs.guestActivityState = 1 }) {
        $0.vmcs.guestPendingDebugExceptions = PendingDebugExceptions.singleStep.rawValue
      },
      RuleCase(.pendingRTMOtherBits, from: transaction) {
        $0.vmcs.guestPendingDebugExceptions |= 1
      },
      RuleCase(.pendingRTMEnabledBreakpoint, from: transaction) {
        $0.vmcs.guestPendingDebugExceptions = 0x1_0000
      },
      RuleCase(.pendingRTMNeedsRTM, from: { $0.facts.hasRTM = false }) {
        $0.vmcs.guestPendingDebugExceptions = 0x1_1000
      },
      RuleCase(.pendingRTMExcludesMOVSS, from: transaction) {
        $0.vmcs.guestInterruptibilityState = 2
      },
      RuleCase(.linkPointerAligned) { $0.vmcs.vmcsLinkPointer = 0x9800 },
      RuleCase(.linkPointerWidth) { $0.vmcs.vmcsLinkPointer = EntryFixture.beyondWidth },
      RuleCase(.linkPointerRevision, from: linked) {
        $0.memory.words[EntryFixture.secondVMCS] = 1
      },
      RuleCase(.linkPointerShadowIndicator, from: linked) {
        let word = VMCSRegion.revisionIdentifier | VMCSRegion.shadowIndicator
        $0.memory.words[EntryFixture.secondVMCS] = UInt64(word)
      },
      RuleCase(.linkPointerShadowIndicator, from: linked) { $0.set(secondary: .vmcsShadowing) },
      RuleCase(.linkPointerNotCurrent, from: linked) {
        $0.processor.currentVMCS = EntryFixture.secondVMCS
      },
      RuleCase(
        .linkPointerNotExecutive,
        from: {
          $0.vmcs.vmcsLinkPointer = EntryFixture.secondVMCS
          $0.processor.isInSMM = true
        }
      ) { $0.vmcs.executiveVMCSPointer = EntryFixture.secondVMCS },
    ]
  }

  static var pageDirectoryPointers: [RuleCase] {
    let fields: [WritableKeyPath<VMCS, UInt64>] = [
      \.guestPDPTE0, \.guestPDPTE1, \.guestPDPTE2, \.guestPDPTE3,
    ]
    return fields.indices.flatMap { index in
      let rule = VMEntryRule(rawValue: "guestPDPTE\(index)Reserved") ?? .pinControlsReserved
      let place = EntryFixture.pageTable + UInt64(index) * 8
      return [
        RuleCase(
          rule,
          from: {
            $0.useLegacyGuest()
            $0.vmcs[keyPath: fields[index]] = 0xe18 | 1
          }
        ) { $0.vmcs[keyPath: fields[index]] |= 2 },
        RuleCase(
          rule,
          from: { fixture in
            fixture.useLegacyGuest()
            fixture.set(secondary: .enableEPT, false)
            fixture.vmcs.guestCR3 = EntryFixture.pageTable
            for offset in 0..<4 {
              fixture.memory.words[EntryFixture.pageTable + UInt64(offset) * 8] = 0x8001
            }
          }
        ) { $0.memory.words[place] = EntryFixture.beyondWidth | 1 },
      ]
    }
  }
}
