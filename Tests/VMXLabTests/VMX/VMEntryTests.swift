import Testing

@testable import VMXLab

@Suite("VM entries")
struct VMEntryTests {
  private typealias Place = VMXRunner.Place

  // MARK: Late failures

  /// Fields that a VM-entry failure after the host-state checks may write.
  private static let failureFields: Set<String> = ["exitReason", "exitQualification"]

  private func expectLateFailure(
    _ runner: VMXRunner, reason: UInt32, qualification: UInt64,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    runner.inject(.hardwareException, 6)
    runner.vmcs.exitMSRStoreAddress = Place.msrStoreList
    runner.vmcs.exitMSRStoreCount = 1
    runner.put(UInt64(MSR.ia32KernelGSBase), at: Place.msrStoreList)
    runner.put(0x5a5a, at: Place.msrStoreList + 8)
    let before = runner.vmcs
    let launched = runner.state.pointee.vmx.isLaunched
    #expect(runner.enter() == .exit, sourceLocation: sourceLocation)
    #expect(runner.vmcs.exitReason == reason | 1 << 31, sourceLocation: sourceLocation)
    #expect(runner.vmcs.exitQualification == qualification, sourceLocation: sourceLocation)
    for field in VMCSField.all where !Self.failureFields.contains(field.key) {
      #expect(
        runner.vmcs[field] == before[field], "\(field.name)", sourceLocation: sourceLocation)
    }
    let state = runner.state.pointee
    #expect(state.vmx.isLaunched == launched, sourceLocation: sourceLocation)
    #expect(!state.vmx.isNonRoot, sourceLocation: sourceLocation)
    #expect(state.rip == Place.host, sourceLocation: sourceLocation)
    #expect(state.rflags == 2, sourceLocation: sourceLocation)
    #expect(state.cr3 == Place.tables, sourceLocation: sourceLocation)
    #expect(runner.get(Place.msrStoreList + 8) == 0x5a5a, sourceLocation: sourceLocation)
  }

  @Test(
    "invalid guest state fails with reason 33 and touches no more than reason and qualification")
  func invalidGuestState() throws {
    let runner = try VMXRunner()
    runner.vmcs.guestRFLAGS = 0
    expectLateFailure(runner, reason: 33, qualification: 0)
    runner.vmcs.guestRFLAGS = 2
    runner.vmcs.vmcsLinkPointer = Place.vmcs
    expectLateFailure(runner, reason: 33, qualification: 4)
  }

  @Test("a failed entry leaves the blocking of NMIs as it was, even after an exit due to an NMI")
  func failureAfterNMI() throws {
    let runner = try VMXRunner()
    runner.set(.nmiExiting)
    runner.state.pointee.interruptibility.blockingByNMI = true
    runner.machine.processor.signals.pointee.requests.insert(.nmi)
    #expect(runner.exitReason() == .exceptionOrNMI)
    runner.state.pointee.interruptibility.blockingByNMI = false
    runner.vmcs.guestRFLAGS = 0
    #expect(runner.enter() == .exit)
    #expect(!runner.state.pointee.interruptibility.blockingByNMI)
  }

  @Test("an NMI injected with blocking by STI fails with qualification 3")
  func nmiWithSTI() throws {
    let runner = try VMXRunner()
    runner.vmcs.guestInterruptibilityState = InterruptibilityState.blockingBySTI.rawValue
    runner.vmcs.guestRFLAGS = 2 | RFLAGS.if.rawValue
    runner.inject(.nmi, 2)
    #expect(runner.enter() == .exit)
    #expect(runner.vmcs.exitReason == 33 | 1 << 31)
    #expect(runner.vmcs.exitQualification == 3)
  }

  @Test("a bad PDPTE fails with qualification 2")
  func pdpte() throws {
    let runner = try VMXRunner()
    usePAEGuest(runner)
    runner.put(0x1e7, at: Place.guestData)
    runner.vmcs.guestCR3 = Place.guestData
    #expect(runner.enter() == .exit)
    #expect(runner.vmcs.exitReason == 33 | 1 << 31)
    #expect(runner.vmcs.exitQualification == 2)
  }

  @Test("a bad entry of the MSR-load area fails with reason 34 and its number")
  func msrLoad() throws {
    let cases: [(UInt64, UInt64)] = [
      (UInt64(MSR.ia32FSBase), 0), (0x800, 0), (UInt64(MSR.ia32SMBASE), 0),
      (UInt64(MSR.ia32BIOSUpdateTrigger), 0),
      (1 << 32 | UInt64(MSR.ia32PAT), 0x0007_0406_0007_0406),
      (UInt64(MSR.ia32PAT), 2), (UInt64(MSR.ia32KernelGSBase), 1 << 47), (0x1234_5678, 0),
      (UInt64(MSR.ia32EFER), 0),
    ]
    for (header, value) in cases {
      let runner = try VMXRunner()
      runner.put(UInt64(MSR.ia32KernelGSBase), at: Place.msrLoadList)
      runner.put(0x77, at: Place.msrLoadList + 8)
      runner.put(header, at: Place.msrLoadList + 16)
      runner.put(value, at: Place.msrLoadList + 24)
      runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
      runner.vmcs.entryMSRLoadCount = 3
      expectLateFailure(runner, reason: 34, qualification: 2)
      #expect(runner.state.pointee.msrs.kernelGSBase == 0x77)
    }
  }

  @Test("entries above the recommended maximum fail at the first of them")
  func tooManyMSRs() throws {
    let runner = try VMXRunner()
    let maximum = runner.capabilities.msrListMaximum
    for entry in 0..<UInt64(maximum) + 8 {
      runner.put(UInt64(MSR.ia32KernelGSBase), at: Place.msrLoadList + entry * 16)
      runner.put(0, at: Place.msrLoadList + entry * 16 + 8)
    }
    runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
    runner.vmcs.entryMSRLoadCount = maximum
    #expect(runner.exitReason() == .vmcall)
    runner.vmcs.entryMSRLoadCount = maximum + 8
    #expect(runner.enter() == .exit)
    #expect(runner.vmcs.exitReason == 34 | 1 << 31)
    #expect(runner.vmcs.exitQualification == UInt64(maximum) + 1)
    let broken = runner.state.pointee.brokenMSRLoadRule(MSRLoadIndex(afterLoading: maximum))
    #expect(broken.rule == .msrLoadCount)
    #expect(broken.text(runner.vmcs).hasSuffix(": VM-entry MSR-load count = 0x208"))
  }

  // MARK: Guest state

  @Test(
    "VIF and VIP both set are #GP before the first instruction where virtual interrupts are in force"
  )
  func virtualInterruptFlags() throws {
    for (pvi, iopl, faults) in [(true, 0, true), (false, 0, false), (true, 3, false)]
      as [(Bool, UInt64, Bool)]
    {
      let runner = try VMXRunner()
      runner.vmcs.guestCSSelector = 0xb
      runner.vmcs.guestCSAccessRights = 0xa0fb
      runner.vmcs.guestSSSelector = 0x13
      runner.vmcs.guestSSAccessRights = 0xc0f3
      runner.vmcs.guestRFLAGS = 2 | iopl << 12 | RFLAGS.vif.rawValue | RFLAGS.vip.rawValue
      if pvi { runner.vmcs.guestCR4 |= CR4.pvi.rawValue }
      runner.vmcs.exceptionBitmap = 1 << 13
      #expect(runner.exitReason() == (faults ? .exceptionOrNMI : .vmcall))
      if faults { #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0b0d) }
      #expect(runner.vmcs.guestRIP == Place.guestCode)
    }
  }

  @Test("a RIP that is non-canonical only at bit 47 enters, and the first fetch is #GP")
  func ripJustOutside() throws {
    let runner = try VMXRunner()
    runner.vmcs.guestRIP = 0x0000_8000_0000_0000
    runner.vmcs.exceptionBitmap = 1 << 13
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0b0d)
    #expect(runner.vmcs.guestRIP == 0x0000_8000_0000_0000)
    runner.vmcs.guestRIP = 0x0001_0000_0000_0000
    #expect(runner.enter() == .exit)
    #expect(runner.vmcs.exitReason == 33 | 1 << 31)
  }

  @Test("a HLT guest stays halted, and an injected interrupt wakes it")
  func hltActivity() throws {
    let runner = try VMXRunner()
    runner.vmcs.guestActivityState = ActivityState.hlt.rawValue
    #expect(runner.enter() == .other(.haltedForever))
    let other = try VMXRunner()
    other.vmcs.guestActivityState = ActivityState.hlt.rawValue
    other.vmcs.guestRFLAGS = 2 | RFLAGS.if.rawValue
    other.inject(.externalInterrupt, 0x40)
    #expect(other.exitReason() == .vmcall)
    #expect(other.guestHandler == 0x40)
    #expect(other.vmcs.guestActivityState == 0)
  }

  @Test(
    "pending debug exceptions are delivered before the first instruction, unless an event is injected"
  )
  func pendingDebugExceptions() throws {
    let runner = try VMXRunner()
    runner.vmcs.guestPendingDebugExceptions = 1 << 14
    runner.vmcs.guestRFLAGS = 2 | RFLAGS.tf.rawValue
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 1)
    #expect(runner.state.pointee.debug.dr6 & 1 << 14 != 0)
    runner.vmcs.guestPendingDebugExceptions = 1 << 12 | 1
    runner.setGuestCode([])
    runner.vmcs.guestRFLAGS = 2
    runner.inject(.hardwareException, 13, errorCode: 0)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 13)
    #expect(runner.vmcs.guestPendingDebugExceptions == 0)
  }

  @Test("a guest in real-address mode runs under unrestricted guest")
  func realMode() throws {
    let runner = try VMXRunner()
    useRealMode(runner)
    runner.vmcs.guestRIP = 0x7c00
    runner.set(.unconditionalIOExiting)
    // MOV AX, 0x1234; MOV DS, AX; OUT 0xe9, AL.
    runner.machine.writeMemory([0xb8, 0x34, 0x12, 0x8e, 0xd8, 0xe6, 0xe9], at: 0x7c00)
    #expect(runner.exitReason() == .ioInstruction)
    #expect(runner.vmcs.guestRIP == 0x7c05)
    #expect(runner.vmcs.guestDSSelector == 0x1234)
    #expect(runner.vmcs.guestDSBase == 0x12340)
    #expect(runner.vmcs.vmEntryControls & VMEntryControls.ia32eModeGuest.rawValue == 0)
    // And again: what was saved can be entered.
    #expect(runner.exitReason() == .ioInstruction)
    // INT 0x10 of 16-bit code is injected through the interrupt vector table.
    runner.machine.writeMemory([0x00, 0x7d, 0, 0], at: 0x40)
    runner.machine.writeMemory([0x0f, 0x01, 0xc1], at: 0x7d00)
    runner.inject(.softwareInterrupt, 0x10, length: 2)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestRIP == 0x7d00)
    #expect(runner.get(runner.vmcs.guestRSP) & 0xffff == 0x7c07)
  }

  @Test("a guest that enters IA-32e mode by itself is saved as one")
  func guestModeChange() throws {
    let runner = try VMXRunner()
    useRealMode(runner)
    usePAEGuest(runner)
    runner.vmcs.guestCR0 &= ~CR0.pg.rawValue
    runner.vmcs.guestCR3 = Place.guestTables
    runner.vmcs.guestEFER = EFER.lme.rawValue
    runner.set(.useMSRBitmaps)
    // MOV EAX, CR0; OR EAX, PG; MOV CR0, EAX.
    runner.setGuestCode([0x0f, 0x20, 0xc0, 0x0d, 0, 0, 0, 0x80, 0x0f, 0x22, 0xc0])
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.vmEntryControls & VMEntryControls.ia32eModeGuest.rawValue != 0)
    #expect(runner.vmcs.guestEFER == EFER([.lme, .lma]).rawValue)
    #expect(runner.exitReason() == .vmcall)
  }

  private func useRealMode(_ runner: VMXRunner) {
    runner.set(secondary: [.enableEPT, .unrestrictedGuest])
    runner.vmcs.vmEntryControls &= ~VMEntryControls.ia32eModeGuest.rawValue
    runner.vmcs.guestCR0 = 0x30
    runner.vmcs.guestCR4 = CR4.vmxe.rawValue
    runner.vmcs.guestEFER = 0
    for register in [SegmentRegister.es, .cs, .ss, .ds, .fs, .gs] {
      let type: UInt32 = register == .cs ? 0x9b : 0x93
      runner.vmcs.setGuestSegment(
        register, Segment(access: SegmentAccessRights(rawValue: type)))
    }
    runner.vmcs.guestRSP = 0x7000
    runner.vmcs.guestIDTRBase = 0
    runner.vmcs.guestIDTRLimit = 0x3ff
  }

  /// A 32-bit guest with PAE paging.
  private func usePAEGuest(_ runner: VMXRunner) {
    runner.vmcs.vmEntryControls &= ~VMEntryControls.ia32eModeGuest.rawValue
    runner.vmcs.guestCR0 = runner.vmcs.hostCR0
    runner.vmcs.guestCR4 = CR4([.vmxe, .pae]).rawValue
    runner.vmcs.guestEFER = 0
    for register in [SegmentRegister.es, .ss, .ds, .fs, .gs, .cs] {
      let rights: UInt32 = register == .cs ? 0xc09b : 0xc093
      runner.vmcs.setGuestSegment(
        register,
        Segment(
          selector: register == .cs ? 8 : 16, limit: 0xffff_ffff,
          access: SegmentAccessRights(rawValue: rights)))
    }
    runner.vmcs.guestRSP = Place.guestStack
  }

  @Test("with EPT the PDPTEs of a PAE guest are the VMCS's, and a VM exit saves them")
  func pdptesOfVMCS() throws {
    let runner = try VMXRunner()
    usePAEGuest(runner)
    runner.set(secondary: .enableEPT)
    runner.vmcs.guestCR3 = 0
    runner.vmcs.guestPDPTE0 = Place.guestTables + 0x2000 | 1
    runner.setGuestCode([])
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestPDPTE0 == Place.guestTables + 0x2000 | 1)
  }

  // MARK: Event injection

  struct Injection: Sendable {
    var type: InterruptionType
    var vector: UInt8
    var errorCode: UInt32?
    var length: UInt32 = 0
    /// What is added to RIP on the stack.
    var ripOffset: UInt64 { length > 0 ? UInt64(length) : 0 }
  }

  static let injections: [Injection] = [
    Injection(type: .externalInterrupt, vector: 0x40), Injection(type: .nmi, vector: 2),
    Injection(type: .hardwareException, vector: 6),
    Injection(type: .hardwareException, vector: 13, errorCode: 0x1234),
    Injection(type: .hardwareException, vector: 1),
    Injection(type: .softwareInterrupt, vector: 0x80, length: 2),
    Injection(type: .softwareException, vector: 3, length: 1),
    Injection(type: .privilegedSoftwareException, vector: 1, length: 1),
    Injection(type: .softwareInterrupt, vector: 0x80, length: 0),
  ]

  @Test("every type of event reaches its handler with the right frame", arguments: injections)
  func injection(event: Injection) throws {
    let runner = try VMXRunner()
    let flags = 2 | RFLAGS.if.rawValue | RFLAGS.rf.rawValue
    runner.vmcs.guestRFLAGS = flags
    runner.state.pointee.debug.dr6 = 0xffff_0ff0
    runner.inject(event.type, event.vector, errorCode: event.errorCode, length: event.length)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == event.vector)
    var slot: UInt64 = 0
    if let errorCode = event.errorCode {
      #expect(runner.guestStack(0) == UInt64(errorCode))
      slot = 1
    }
    #expect(runner.guestStack(slot) == Place.guestCode + event.ripOffset)
    #expect(runner.guestStack(slot + 1) == 8)
    #expect(runner.guestStack(slot + 2) == flags)
    #expect(runner.guestStack(slot + 3) == Place.guestStack)
    #expect(runner.vmcs.guestRFLAGS & (RFLAGS.if.rawValue | RFLAGS.rf.rawValue) == 0)
    #expect(runner.vmcs.entryInterruptionInformation >> 31 == 0)
    #expect(runner.vmcs.entryInterruptionInformation & 0xff == UInt32(event.vector))
    #expect(runner.state.pointee.debug.dr6 == 0xffff_0ff0)
    let blocked = runner.vmcs.guestInterruptibilityState
    #expect(blocked == (event.type == .nmi ? InterruptibilityState.blockingByNMI.rawValue : 0))
  }

  @Test("an injected NMI blocks virtual NMIs alone, if there are any")
  func injectedVirtualNMI() throws {
    let runner = try VMXRunner()
    runner.set([.nmiExiting, .virtualNMIs])
    runner.inject(.nmi, 2)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 2)
    #expect(runner.vmcs.guestInterruptibilityState == InterruptibilityState.blockingByNMI.rawValue)
    #expect(!runner.state.pointee.interruptibility.blockingByNMI)
    // IRETQ ends the blocking.
    runner.setGuestCode([0x48, 0xcf])
    runner.put(Place.guestCode + 2, at: runner.vmcs.guestRSP)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestInterruptibilityState == 0)
  }

  @Test("a fault while an event is injected is reported with the event, which is not lost")
  func faultInInjection() throws {
    let runner = try VMXRunner()
    runner.vmcs.exceptionBitmap = 1 << 14
    runner.vmcs.guestRSP = 0x8000_0000
    runner.inject(.softwareInterrupt, 0x30, length: 2)
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0b0e)
    #expect(runner.vmcs.exitQualification == 0x7fff_fff8)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0430)
    #expect(runner.vmcs.exitInstructionLength == 2)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    #expect(runner.vmcs.guestRSP == 0x8000_0000)
    // Without the bitmap it is #DF's business: #PF in the delivery of #PF.
    runner.vmcs.exceptionBitmap = 1 << 8
    runner.inject(.hardwareException, 14, errorCode: 0)
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0b08)
  }

  // MARK: The report

  private final class Recorder: VMXObserver {
    var lines: [String] = []
    override func observe(_ event: VMXEvent, vmcs: VMCS, cycles: UInt64) {
      if let report = VMEntryReport(event, vmcs: vmcs) { lines.append(report.line) }
    }
  }

  @Test("the report of a failed entry says where, what and why in one line")
  func report() throws {
    let runner = try VMXRunner()
    let recorder = Recorder()
    runner.machine.vmxObserver = recorder
    #expect(runner.exitReason() == .vmcall)
    #expect(recorder.lines.isEmpty)
    runner.vmcs.hostCR3 |= 1 << 46
    _ = runner.enter()
    runner.vmcs.hostCR3 &= ~(1 << 46)
    runner.vmcs.primaryProcessorBasedControls |= 1 << 17
    _ = runner.enter()
    runner.vmcs.primaryProcessorBasedControls &= ~(1 << 17)
    runner.put(UInt64(MSR.ia32KernelGSBase), at: Place.msrLoadList)
    runner.put(1 << 47, at: Place.msrLoadList + 8)
    runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
    runner.vmcs.entryMSRLoadCount = 1
    _ = runner.enter()
    _ = runner.enter(launch: true)
    try #require(recorder.lines.count == 4)
    #expect(
      recorder.lines[0]
        == """
        VMRESUME at 0x400000: VMfailValid (ZF = 1), VM-instruction error 8 (VM entry with invalid \
        host-state field(s)): Host CR3 must not exceed the physical-address width: Host CR3 = \
        0x400000440000; bit 46 must be 0 [Checks on Host Control Registers, MSRs, and SSP: hostCR3Width]
        """)
    #expect(recorder.lines[1].contains("bit 17 (\"activate tertiary controls\") must be 0"))
    #expect(recorder.lines[2].contains("exit reason 0x80000022 (34, "))
    #expect(recorder.lines[2].contains("qualification 1"))
    #expect(recorder.lines[2].contains("MSR 0xc0000102 = 0x800000000000"))
    #expect(recorder.lines[3].contains("VM-instruction error 4"))
    #expect(recorder.lines.allSatisfy { !$0.contains("\n") })
  }
}

@Suite("Injection into virtual-8086 mode")
struct Virtual8086InjectionTests {
  private typealias Place = VMXRunner.Place

  @Test("with CR4.VME a software interrupt goes where the redirection bitmap says, whatever IOPL")
  func redirection() throws {
    let runner = try VMXRunner()
    runner.vmcs.vmEntryControls &= ~VMEntryControls.ia32eModeGuest.rawValue
    runner.vmcs.guestEFER = 0
    runner.vmcs.guestCR4 = CR4([.vmxe, .vme, .pse]).rawValue
    // 32-bit paging: an identity mapping of 4 MiB.
    runner.put(0x87, at: Place.guestData)
    runner.vmcs.guestCR3 = Place.guestData
    for register in [SegmentRegister.es, .cs, .ss, .ds, .fs, .gs] {
      runner.vmcs.setGuestSegment(
        register,
        Segment(
          selector: 0x900, base: 0x9000, limit: 0xffff, access: SegmentAccessRights(rawValue: 0xf3))
      )
    }
    // The bitmap, 32 bytes of zeros, lies behind the TSS; interrupt 21H is directed to the monitor.
    let tss: UInt64 = 0x9_0000
    runner.vmcs.guestTRBase = tss
    runner.vmcs.guestTRLimit = 0x1ff
    runner.machine.writeMemory([0x88, 0], at: tss + 0x66)
    runner.machine.writeMemory([2], at: tss + 0x68 + 4)
    // Vector 10H of the interrupt vector table: 0A00H:0000H, VMCALL.
    runner.machine.writeMemory([0, 0, 0, 0x0a], at: 0x40)
    runner.machine.writeMemory(Code.vmcall, at: 0xa000)
    runner.vmcs.guestRIP = 0x100
    runner.vmcs.guestRSP = 0x800
    runner.vmcs.guestRFLAGS = 2 | RFLAGS.vm.rawValue | RFLAGS.vif.rawValue
    runner.inject(.softwareInterrupt, 0x10, length: 2)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestCSSelector == 0xa00)
    #expect(runner.vmcs.guestRIP == 0)
    #expect(runner.vmcs.guestRSP == 0x7fa)
    let frame = runner.get(0x97fa)
    #expect(frame & 0xffff == 0x102)
    #expect(frame >> 16 & 0xffff == 0x900)
    // The program sees IOPL 3, and VIF as IF.
    #expect(frame >> 32 & 0xffff == 2 | RFLAGS.iopl.rawValue | RFLAGS.if.rawValue)
    // The other way: through the IDT, whose limit makes it #GP with the vector's error code.
    runner.vmcs.guestIDTRLimit = 0
    runner.vmcs.exceptionBitmap = 1 << 13
    runner.inject(.softwareInterrupt, 0x21, length: 2)
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionErrorCode == 0x21 << 3 | 2)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0421)
  }
}
