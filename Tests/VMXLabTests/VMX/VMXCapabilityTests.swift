import Testing

@testable import VMXLab

@Suite("VMX capabilities")
struct VMXCapabilityTests {
  /// What VMXLab offers of a part that has everything, changed by `change`.
  private func capabilities(
    built: BuiltControls = .current, change: (inout VMXCapabilityMSRs) -> Void = { _ in }
  ) -> VMXCapabilities {
    var part = EntryFixture.everything
    change(&part)
    return VMXCapabilities(part: part, facts: VMXProcessorFacts(), built: built)
  }

  @Test("nothing is offered that is not built")
  func offersOnlyWhatIsBuilt() {
    let offered = capabilities().offeredControls
    #expect(BuiltControls.current.controls.contains(offered))
    #expect(offered.secondary.contains([.enableEPT, .enableVPID, .unrestrictedGuest]))
    #expect(offered.tertiary == .ipiVirtualization && offered.secondaryExit.isEmpty)
  }

  @Test("the MSRs say what is offered, and allowed settings agree")
  func consistentMSRs() {
    let caps = capabilities()
    let msrs = caps.msrs
    let words = [
      msrs.pinBasedControls, msrs.primaryProcessorBasedControls, msrs.exitControls,
      msrs.entryControls, msrs.secondaryProcessorBasedControls, msrs.truePinBasedControls,
      msrs.truePrimaryProcessorBasedControls, msrs.trueExitControls, msrs.trueEntryControls,
    ]
    for word in words { #expect(word & 0xffff_ffff & ~(word >> 32) == 0) }
    #expect(msrs.pinBasedControls >> 32 & 0x16 == 0x16)
    #expect(msrs.value(of: 0x492) == 0x10)
    #expect(msrs.value(of: 0x493) == nil)
    #expect(msrs.value(of: 0x491) == 1)
    #expect(msrs.value(of: 0x48b) == msrs.secondaryProcessorBasedControls)
    #expect(msrs.value(of: 0x494) == nil)
    #expect(msrs.basic & 0x7fff_ffff == UInt64(VMCSRegion.revisionIdentifier))
    #expect(msrs.basic >> 32 & 0x1fff == 4096)
  }

  @Test("what depends on a control that the part lacks is left out")
  func dependencies() {
    let withoutEPT = capabilities { $0.secondaryProcessorBasedControls &= ~(2 << 32) }
    #expect(!withoutEPT.offeredControls.secondary.contains(.unrestrictedGuest))
    #expect(withoutEPT.eptAndVPID.isDisjoint(with: [.invept, .writeBackStructures]))
    #expect(withoutEPT.eptAndVPID.contains(.invvpid))
    let withoutNMIs = capabilities { $0.pinBasedControls &= ~(8 << 32) }
    #expect(withoutNMIs.offeredControls.pin.isDisjoint(with: .virtualNMIs))
    #expect(withoutNMIs.offeredControls.primary.isDisjoint(with: .nmiWindowExiting))
    let withoutSecondary = capabilities {
      $0.primaryProcessorBasedControls &= 0x7fff_ffff_ffff_ffff
    }
    #expect(withoutSecondary.offeredControls.secondary.isEmpty)
    #expect(withoutSecondary.msrs.value(of: 0x48b) == nil)
    #expect(withoutSecondary.msrs.value(of: 0x48c) == nil)
    var nothing = BuiltControls.current
    nothing.controls.secondary = []
    let bare = capabilities(built: nothing)
    #expect(bare.offeredControls.primary.isDisjoint(with: .activateSecondaryControls))
  }

  @Test("a part without true controls requires the default1 class")
  func withoutTrueControls() {
    let caps = capabilities { $0.basic &= ~(1 << 55) }
    #expect(caps.msrs.value(of: 0x48d) == nil)
    #expect(caps.primary.required == 0x0401_e172)
    let withTrue = capabilities()
    #expect(withTrue.primary.required == 0x0400_6172)
  }

  @Test("IA32_VMX_VMCS_ENUM is the highest index among the fields that exist")
  func enumeration() {
    let caps = capabilities()
    let highest = VMCSField.all.filter { $0.requirement.isMet(by: caps) }.map(\.index).max()
    #expect(caps.msrs.vmcsEnumeration == UInt64(highest ?? 0) << 1)
    let everything = EntryFixture().capabilities
    #expect(everything.msrs.vmcsEnumeration == 0x4c)
  }

  @Test("controls print under the manual's names")
  func names() {
    let controls: PinBasedControls = [.nmiExiting, .init(rawValue: 1 << 4)]
    #expect(controls.controlNames == ["NMI exiting", "bit 4"])
    for (control, name) in SecondaryProcessorBasedControls.names {
      #expect(control.controlNames == [name])
    }
  }

  @Test("canonical addresses are told by the linear-address width")
  func canonical() {
    #expect(isCanonicalAddress(0x0000_7fff_ffff_ffff, width: 48))
    #expect(!isCanonicalAddress(0x0000_8000_0000_0000, width: 48))
    #expect(isCanonicalAddress(0x0000_8000_0000_0000, width: 57))
    #expect(isCanonicalAddress(0xffff_8000_0000_0000, width: 48))
    #expect(!isCanonicalAddress(0xfeff_ffff_ffff_ffff, width: 57))
  }
}

@Suite("Events and reasons")
struct VMXEventTests {
  @Test("interruption information takes its parts from the manual's bits")
  func interruptionInformation() {
    let info = InterruptionInformation(.hardwareException, vector: 14, hasErrorCode: true)
    #expect(info.rawValue == 0x8000_0b0e)
    #expect(info.type == .hardwareException && info.vector == 14 && info.hasErrorCode)
    #expect(info.isValid(.hardwareException) && !info.isValid(.nmi))
    for type in InterruptionType.allCases {
      #expect(InterruptionInformation(type, vector: 1).type == type)
    }
    #expect(InterruptionInformation(rawValue: 0x202).isValid(.nmi) == false)
  }

  @Test("an entry failure is the basic reason with bit 31")
  func exitReasons() {
    #expect(ExitReason(entryFailure: .entryFailureInvalidGuestState).rawValue == 0x8000_0021)
    #expect(ExitReason(.hlt).rawValue == 12)
    #expect(ExitReason(rawValue: 0x8000_0022).basic == .entryFailureMSRLoading)
    #expect(ExitReason(rawValue: 35).basic == nil)
  }

  @Test("an outcome of a VM entry has no heap part")
  func outcomeIsTrivial() {
    #expect(MemoryLayout<VMEntryOutcome>.size <= 3)
    #expect(_isPOD(VMEntryOutcome.self))
    #expect(_isPOD(VMCS.self))
    #expect(_isPOD(VMXCapabilities.self))
    #expect(_isPOD(VMCSFieldLocation.self))
  }
}
