@testable import VMXLab

extension RuleCase {
  static var hostRegisters: [RuleCase] {
    let efer: Change = {
      $0.set(exit: .loadEFER)
      $0.vmcs.hostEFER = 0x500
    }
    let cet: Change = { $0.useCETOnExit() }
    return [
      RuleCase(.hostCR0Fixed) { $0.vmcs.hostCR0 &= ~CR0.ne.rawValue },
      RuleCase(.hostCR0Fixed) { $0.vmcs.hostCR0 |= 1 << 32 },
      RuleCase(.hostCR4Fixed) { $0.vmcs.hostCR4 &= ~CR4.vmxe.rawValue },
      RuleCase(.hostCR4Fixed) { $0.vmcs.hostCR4 |= 1 << 15 },
      RuleCase(.hostCETNeedsWP, from: { $0.vmcs.hostCR4 |= CR4.cet.rawValue }) {
        $0.vmcs.hostCR0 &= ~CR0.wp.rawValue
      },
      RuleCase(.hostCR3Width) { $0.vmcs.hostCR3 |= EntryFixture.beyondWidth },
      RuleCase(.hostCR3Width) { $0.vmcs.hostCR3 |= 1 << 63 },
      RuleCase(.hostSYSENTERESPCanonical) { $0.vmcs.hostSYSENTERESP = EntryFixture.nonCanonical },
      RuleCase(.hostSYSENTEREIPCanonical) { $0.vmcs.hostSYSENTEREIP = EntryFixture.nonCanonical },
      RuleCase(.hostPerfGlobalCtrlReserved, from: { $0.set(exit: .loadPerfGlobalCtrl) }) {
        $0.vmcs.hostPerfGlobalCtrl = 1 << 63
      },
      RuleCase(
        .hostPATTypes,
        from: {
          $0.set(exit: .loadPAT)
          $0.vmcs.hostPAT = 0x0007_0406_0105_0406
        }
      ) { $0.vmcs.hostPAT = 0x0007_0406_0007_0402 },
      RuleCase(.hostPATTypes, from: { $0.set(exit: .loadPAT) }) { $0.vmcs.hostPAT = 8 << 56 },
      RuleCase(.hostEFERReserved, from: efer) { $0.vmcs.hostEFER |= 2 },
      RuleCase(.hostEFERLMA, from: efer) { $0.vmcs.hostEFER = 0x100 },
      RuleCase(.hostEFERLME, from: efer) { $0.vmcs.hostEFER = 0x400 },
      RuleCase(.hostSCETReserved, from: cet) { $0.vmcs.hostSCET |= 0x40 },
      RuleCase(.hostSCETTracker, from: cet) { $0.vmcs.hostSCET |= 0xc00 },
      RuleCase(.hostSSPAligned, from: cet) { $0.vmcs.hostSSP |= 2 },
      RuleCase(.hostInterruptSSPTableCanonical, from: cet) {
        $0.vmcs.hostInterruptSSPTableAddress = EntryFixture.nonCanonical
      },
      RuleCase(.hostPKRSReserved, from: { $0.set(exit: .loadPKRS) }) {
        $0.vmcs.hostPKRS = 1 << 32
      },
    ]
  }

  static var hostSegments: [RuleCase] {
    [
      RuleCase(.hostESSelectorBits) { $0.vmcs.hostESSelector = 1 },
      RuleCase(.hostCSSelectorBits) { $0.vmcs.hostCSSelector |= 3 },
      RuleCase(.hostSSSelectorBits) { $0.vmcs.hostSSSelector |= 4 },
      RuleCase(.hostDSSelectorBits) { $0.vmcs.hostDSSelector = 4 },
      RuleCase(.hostFSSelectorBits) { $0.vmcs.hostFSSelector = 2 },
      RuleCase(.hostGSSelectorBits) { $0.vmcs.hostGSSelector = 1 },
      RuleCase(.hostTRSelectorBits) { $0.vmcs.hostTRSelector |= 4 },
      RuleCase(.hostCSSelectorNull) { $0.vmcs.hostCSSelector = 0 },
      RuleCase(.hostTRSelectorNull) { $0.vmcs.hostTRSelector = 0 },
      RuleCase(.hostSSSelectorNull, from: { $0.useLegacyHost() }) { $0.vmcs.hostSSSelector = 0 },
      RuleCase(.hostFSBaseCanonical) { $0.vmcs.hostFSBase = EntryFixture.nonCanonical },
      RuleCase(.hostGSBaseCanonical) { $0.vmcs.hostGSBase = EntryFixture.nonCanonical },
      RuleCase(.hostGDTRBaseCanonical) { $0.vmcs.hostGDTRBase = EntryFixture.nonCanonical },
      RuleCase(.hostIDTRBaseCanonical) { $0.vmcs.hostIDTRBase = EntryFixture.nonCanonical },
      RuleCase(.hostTRBaseCanonical) { $0.vmcs.hostTRBase = EntryFixture.nonCanonical },
    ]
  }

  static var addressSpace: [RuleCase] {
    let legacyHost: Change = { $0.useLegacyHost() }
    let legacyCETHost: Change = {
      $0.useLegacyHost()
      $0.useCETOnExit()
    }
    return [
      RuleCase(
        .legacyModeForbidsIA32eGuest, also: [.legacyHostForbidsIA32eGuest], from: legacyHost
      ) { $0.set(entry: .ia32eModeGuest) },
      RuleCase(
        .legacyHostForbidsIA32eGuest, also: [.legacyModeForbidsIA32eGuest], from: legacyHost
      ) { $0.set(entry: .ia32eModeGuest) },
      RuleCase(.legacyModeForbidsIA32eHost, from: legacyHost) {
        $0.set(exit: .hostAddressSpaceSize)
      },
      RuleCase(.ia32eModeNeedsIA32eHost, from: legacyHost) { $0.processor.isInIA32eMode = true },
      RuleCase(.legacyHostForbidsPCIDE, from: legacyHost) {
        $0.vmcs.hostCR4 |= CR4.pcide.rawValue
      },
      RuleCase(.legacyHostRIPHigh, from: legacyHost) { $0.vmcs.hostRIP = 1 << 32 },
      RuleCase(.legacyHostSCETHigh, from: legacyCETHost) { $0.vmcs.hostSCET |= 1 << 32 },
      RuleCase(.legacyHostSSPHigh, from: legacyCETHost) { $0.vmcs.hostSSP |= 1 << 32 },
      RuleCase(.ia32eHostNeedsPAE) { $0.vmcs.hostCR4 &= ~CR4.pae.rawValue },
      RuleCase(.ia32eHostRIPCanonical) { $0.vmcs.hostRIP = EntryFixture.nonCanonical },
      RuleCase(
        .ia32eHostRIPCanonical,
        from: {
          $0.facts.linearAddressWidth = 57
          $0.vmcs.hostCR4 |= CR4.la57.rawValue
          $0.vmcs.hostRIP = EntryFixture.nonCanonical
        }
      ) { $0.vmcs.hostCR4 &= ~CR4.la57.rawValue },
      RuleCase(.ia32eHostSCETCanonical, from: { $0.useCETOnExit() }) {
        $0.vmcs.hostSCET |= EntryFixture.nonCanonical
      },
      RuleCase(.ia32eHostSSPCanonical, from: { $0.useCETOnExit() }) {
        $0.vmcs.hostSSP = EntryFixture.nonCanonical
      },
    ]
  }
}
