@testable import VMXLab

extension RuleCase {
  static var guestControlRegisters: [RuleCase] {
    [
      RuleCase(.guestCR0Fixed) { $0.vmcs.guestCR0 &= ~CR0.ne.rawValue },
      RuleCase(.guestCR0Fixed, also: [.guestCSType], from: { $0.useRealModeGuest() }) {
        $0.set(secondary: .unrestrictedGuest, false)
      },
      RuleCase(.guestPagingNeedsProtection, from: { $0.useUnrestrictedGuest() }) {
        $0.vmcs.guestCR0 &= ~CR0.pe.rawValue
      },
      RuleCase(.guestCR4Fixed) { $0.vmcs.guestCR4 &= ~CR4.vmxe.rawValue },
      RuleCase(.guestCR4Fixed) { $0.vmcs.guestCR4 |= 1 << 40 },
      RuleCase(.guestCETNeedsWP, from: { $0.vmcs.guestCR4 |= CR4.cet.rawValue }) {
        $0.vmcs.guestCR0 &= ~CR0.wp.rawValue
      },
      RuleCase(.ia32eGuestNeedsPaging, from: { $0.useUnrestrictedGuest() }) {
        $0.vmcs.guestCR0 &= ~CR0.pg.rawValue
      },
      RuleCase(.ia32eGuestNeedsPAE) { $0.vmcs.guestCR4 &= ~CR4.pae.rawValue },
      RuleCase(.legacyGuestForbidsPCIDE, from: { $0.useLegacyGuest() }) {
        $0.vmcs.guestCR4 |= CR4.pcide.rawValue
      },
      RuleCase(.guestCR3Width) { $0.vmcs.guestCR3 |= EntryFixture.beyondWidth },
      RuleCase(.guestDebugCtlReserved, from: { $0.set(entry: .loadDebugControls) }) {
        $0.vmcs.guestDebugCtl = 1 << 40
      },
      RuleCase(.guestDR7High, from: { $0.set(entry: .loadDebugControls) }) {
        $0.vmcs.guestDR7 = 1 << 32
      },
      RuleCase(.guestSYSENTERESPCanonical) {
        $0.vmcs.guestSYSENTERESP = EntryFixture.nonCanonical
      },
      RuleCase(.guestSYSENTEREIPCanonical) {
        $0.vmcs.guestSYSENTEREIP = EntryFixture.nonCanonical
      },
    ]
  }

  static var guestMSRs: [RuleCase] {
    let efer: Change = {
      $0.set(entry: .loadEFER)
      $0.vmcs.guestEFER = 0x500
    }
    let cet: Change = { $0.useCETOnEntry() }
    return [
      RuleCase(.guestSCETReserved, from: cet) { $0.vmcs.guestSCET |= 0x200 },
      RuleCase(.guestSCETTracker, from: cet) { $0.vmcs.guestSCET |= 0xc00 },
      // IA32_S_CET need not be canonical in the guest-state area.
      RuleCase(
        .guestSCETTracker,
        from: {
          cet(&$0)
          $0.vmcs.guestSCET |= EntryFixture.nonCanonical
        }
      ) {
        $0.vmcs.guestSCET |= 0xc00
      },
      RuleCase(.guestInterruptSSPTableCanonical, from: cet) {
        $0.vmcs.guestInterruptSSPTableAddress = EntryFixture.nonCanonical
      },
      RuleCase(.guestPerfGlobalCtrlReserved, from: { $0.set(entry: .loadPerfGlobalCtrl) }) {
        $0.vmcs.guestPerfGlobalCtrl = 1 << 63
      },
      RuleCase(.guestPATTypes, from: { $0.set(entry: .loadPAT) }) { $0.vmcs.guestPAT = 3 << 8 },
      RuleCase(.guestEFERReserved, from: efer) { $0.vmcs.guestEFER |= 2 },
      RuleCase(.guestEFERLMA, from: efer) { $0.vmcs.guestEFER = 0 },
      RuleCase(.guestEFERLME, from: efer) { $0.vmcs.guestEFER = 0x400 },
      RuleCase(.guestBNDCFGSReserved, from: { $0.set(entry: .loadBNDCFGS) }) {
        $0.vmcs.guestBNDCFGS = 4
      },
      RuleCase(.guestBNDCFGSCanonical, from: { $0.set(entry: .loadBNDCFGS) }) {
        $0.vmcs.guestBNDCFGS = EntryFixture.nonCanonical | 3
      },
      RuleCase(.guestRTITCtlReserved, from: { $0.set(entry: .loadRTITCtl) }) {
        $0.vmcs.guestRTITCtl = 2
      },
      RuleCase(.tracingForbidsLoadRTITCtl, from: { $0.processor.isTracing = true }) {
        $0.set(entry: .loadRTITCtl)
      },
      RuleCase(.guestLBRCtlReserved, from: { $0.set(entry: .loadLBRCtl) }) {
        $0.vmcs.guestLBRCtl = 2
      },
      RuleCase(.guestPKRSReserved, from: { $0.set(entry: .loadPKRS) }) {
        $0.vmcs.guestPKRS = 1 << 32
      },
      RuleCase(.guestUINVReserved, from: { $0.set(entry: .loadUINV) }) {
        $0.vmcs.guestUINV = 0x100
      },
    ]
  }

  static var guestInstruction: [RuleCase] {
    [
      RuleCase(.guestGDTRBaseCanonical) { $0.vmcs.guestGDTRBase = EntryFixture.nonCanonical },
      RuleCase(.guestIDTRBaseCanonical) { $0.vmcs.guestIDTRBase = EntryFixture.nonCanonical },
      RuleCase(.guestGDTRLimitHigh) { $0.vmcs.guestGDTRLimit = 0x1_ffff },
      RuleCase(.guestIDTRLimitHigh) { $0.vmcs.guestIDTRLimit = 0x1_ffff },
      RuleCase(.guestRIPHigh, from: { $0.useLegacyGuest() }) { $0.vmcs.guestRIP = 1 << 32 },
      RuleCase(
        .guestRIPHigh,
        from: {
          $0.vmcs.guestCSAccessRights = 0xc09b
          $0.vmcs.guestRIP = 0x1000
        }
      ) { $0.vmcs.guestRIP = 1 << 32 },
      // Bits 63:48 must be alike; bit 47 may differ from them.
      RuleCase(.guestRIPLinear, from: { $0.vmcs.guestRIP = EntryFixture.nonCanonical }) {
        $0.vmcs.guestRIP = 0x0001_0000_0000_0000
      },
      RuleCase(.guestRFLAGSReserved) { $0.vmcs.guestRFLAGS |= 1 << 15 },
      RuleCase(.guestRFLAGSReserved) { $0.vmcs.guestRFLAGS |= 1 << 63 },
      RuleCase(.guestRFLAGSFixed) { $0.vmcs.guestRFLAGS = 0 },
      RuleCase(.guestRFLAGSVM) { $0.useVirtual8086Segments() },
      RuleCase(
        .guestRFLAGSIF,
        from: {
          $0.inject(.externalInterrupt, 0x20)
          $0.vmcs.guestRFLAGS = 0x202
        }
      ) { $0.vmcs.guestRFLAGS = 2 },
      RuleCase(.guestSSPAligned, from: { $0.useCETOnEntry() }) { $0.vmcs.guestSSP |= 1 },
      // In any mode bits 63:48 must be alike, and no more than that.
      RuleCase(
        .guestSSPLinear,
        from: {
          $0.useCETOnEntry()
          $0.vmcs.guestSSP = EntryFixture.nonCanonical
        }
      ) { $0.vmcs.guestSSP = 0x0001_0000_0000_0000 },
      RuleCase(
        .guestSSPLinear,
        from: {
          $0.useLegacyGuest()
          $0.useCETOnEntry()
          $0.vmcs.guestSSP |= 1 << 32
        }
      ) { $0.vmcs.guestSSP = 0x0001_0000_0000_0000 },
    ]
  }
}
