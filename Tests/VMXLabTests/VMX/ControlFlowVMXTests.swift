import Testing

@testable import VMXLab

/// CET in VMX operation: its state across VM entries and VM exits, #CP, and injected events.
@Suite struct ControlFlowVMXTests {
  private typealias Place = VMXRunner.Place

  /// The guest has the 2 MiB of its code and data once more here, as pages of shadow stacks.
  private static let shadowBase: UInt64 = 0xc0_0000
  private static let shadow = shadowBase + (Place.guestData - Place.guestCode)

  private func runner(
    _ control: ControlFlowControl = [], ssp: UInt64 = shadow + 0x800
  ) throws -> VMXRunner {
    let runner = try VMXRunner(profile: "sapphire-rapids")
    runner.set(entry: .loadCETState)
    runner.vmcs.guestCR4 |= CR4.cet.rawValue
    runner.vmcs.guestSCET = control.rawValue
    runner.vmcs.guestSSP = ssp
    // Present, accessed, dirty, large: read-only.
    runner.put(
      Place.guestCode | 0xe1, at: Place.guestTables + 0x2000 + Self.shadowBase >> 21 * 8)
    return runner
  }

  // MARK: State

  @Test("VM entry loads S_CET, SSP and the table's address with its control, VM exit saves them")
  func loadAndSave() throws {
    let runner = try runner([.shadowStack, .writeShadowStack])
    runner.vmcs.guestInterruptSSPTableAddress = 0x1234_5678
    // INCSSPQ RAX
    runner.setGuestCode([0xb8, 2, 0, 0, 0, 0xf3, 0x48, 0x0f, 0xae, 0xe8])
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestSCET == 3)
    #expect(runner.vmcs.guestSSP == Self.shadow + 0x810)
    #expect(runner.vmcs.guestInterruptSSPTableAddress == 0x1234_5678)
    // Without the VM-exit control, the host has what the guest had.
    #expect(runner.state.pointee.cet.supervisorControl.rawValue == 3)
    #expect(runner.state.pointee.cet.ssp == Self.shadow + 0x810)
    #expect(!runner.state.pointee.cet.usesShadowStack)
  }

  @Test("Without the VM-entry control, the guest has what the host had")
  func notLoaded() throws {
    let runner = try runner([.shadowStack])
    runner.vmcs.vmEntryControls &= ~VMEntryControls.loadCETState.rawValue
    runner.state.pointee.cet.supervisorControl = .noTrack
    runner.state.pointee.cet.ssp = 0x5550
    #expect(runner.exitReason() == .vmcall)
    // It is saved all the same.
    #expect(runner.vmcs.guestSCET == ControlFlowControl.noTrack.rawValue)
    #expect(runner.vmcs.guestSSP == 0x5550)
  }

  @Test("VM exit loads the host's with its control")
  func hostState() throws {
    let runner = try runner([.noTrack])
    runner.set(exit: .loadCETState)
    runner.vmcs.hostCR4 |= CR4.cet.rawValue
    runner.vmcs.hostSCET = ControlFlowControl([.endbranch, .noTrack]).rawValue
    runner.vmcs.hostSSP = 0x7770
    runner.vmcs.hostInterruptSSPTableAddress = 0x8888
    #expect(runner.exitReason() == .vmcall)
    let cet = runner.state.pointee.cet
    #expect(cet.supervisorControl == [.endbranch, .noTrack])
    #expect(cet.ssp == 0x7770)
    #expect(cet.interruptSSPTable == 0x8888)
    #expect(cet.tracksBranches)
  }

  @Test("A part without CET neither loads nor saves it")
  func olderParts() throws {
    let runner = try VMXRunner()
    let entry = VMEntryControls(rawValue: runner.capabilities.entry.allowed)
    let exit = VMExitControls(rawValue: runner.capabilities.exit.allowed)
    #expect(!entry.contains(.loadCETState) && !exit.contains(.loadCETState))
    #expect(runner.capabilities.msrs.cr4Fixed1 & CR4.cet.rawValue == 0)
    let newer = try VMXRunner(profile: "sapphire-rapids").capabilities
    #expect(newer.msrs.cr4Fixed1 & CR4.cet.rawValue != 0)
    #expect(newer.msrs.basic >> 56 & 1 == 1)
    #expect(newer.eptAndVPID.contains(.supervisorShadowStackControl))
  }

  @Test("TRACKER comes in with VM entry and goes out with VM exit")
  func tracker() throws {
    let runner = try runner([.endbranch, .tracker])
    runner.setGuestCode([0xf3, 0x0f, 0x1e, 0xfa])
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestSCET == ControlFlowControl.endbranch.rawValue)
    // JMP RAX to VMCALL: #CP comes before the VM exit.
    runner.setGuestCode([0xb8, 0, 1, 0x80, 0, 0xff, 0xe0])
    runner.machine.writeMemory(Code.vmcall, at: Place.guestCode + 0x100)
    runner.vmcs.exceptionBitmap = 1 << 21
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.guestRIP == Place.guestCode + 0x100)
    #expect(
      runner.vmcs.guestSCET == ControlFlowControl([.endbranch, .tracker]).rawValue)
  }

  // MARK: #CP

  @Test("#CP exits by the exception bitmap, with its error code")
  func exceptionBitmap() throws {
    let runner = try runner([.endbranch])
    // MOV EAX, 800100H; JMP RAX
    runner.setGuestCode([0xb8, 0, 1, 0x80, 0, 0xff, 0xe0])
    runner.machine.writeMemory(Code.nop, at: Place.guestCode + 0x100)
    runner.vmcs.exceptionBitmap = 1 << 21
    #expect(runner.exitReason() == .exceptionOrNMI)
    let information = runner.vmcs.exitInterruptionInformation
    // Valid, error code, hardware exception, vector 21.
    #expect(information == 1 << 31 | 1 << 11 | 3 << 8 | 21)
    #expect(runner.vmcs.exitInterruptionErrorCode == 3)
    // Without the bit, the guest's handler has it, which does not begin with ENDBR.
    let other = try self.runner([.endbranch])
    other.setGuestCode([0xb8, 0, 1, 0x80, 0, 0xff, 0xe0])
    other.machine.writeMemory(Code.nop, at: Place.guestCode + 0x100)
    other.machine.writeMemory(
      [0xf3, 0x0f, 0x1e, 0xfa] + Code.vmcall, at: Place.guestHandlers + 21 * 16)
    #expect(other.exitReason() == .vmcall)
    #expect(other.guestHandler == 21)
    #expect(other.guestStack(0) == 3)
  }

  @Test("#CP is injected with its error code")
  func injection() throws {
    let runner = try runner()
    runner.inject(.hardwareException, 21, errorCode: 1)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 21)
    #expect(runner.guestStack(0) == 1)
    #expect(runner.guestStack(1) == Place.guestCode)
    // On a part that ties error codes to vectors, vector 21 is none of them.
    let older = try VMXRunner()
    older.inject(.hardwareException, 21, errorCode: 1)
    #expect(
      older.enter() == .failValid(VMInstructionError.vmEntryWithInvalidControlFields.rawValue))
    older.inject(.hardwareException, 21)
    #expect(older.exitReason() == .vmcall)
  }

  // MARK: Event delivery

  @Test("An injected event pushes a frame on the guest's shadow stack, and awaits ENDBR")
  func injectedFrame() throws {
    let runner = try runner([.shadowStack, .endbranch])
    runner.vmcs.guestRFLAGS |= RFLAGS.if.rawValue
    runner.machine.writeMemory(
      [0xf3, 0x0f, 0x1e, 0xfa] + Code.vmcall, at: Place.guestHandlers + 0x40 * 16)
    runner.inject(.externalInterrupt, 0x40)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 0x40)
    #expect(runner.vmcs.guestSSP == Self.shadow + 0x800 - 24)
    let frame = Place.guestData + 0x800 - 24
    #expect(runner.get(frame) == Self.shadow + 0x800)
    #expect(runner.get(frame + 8) == Place.guestCode)
    #expect(runner.get(frame + 16) == 8)
    #expect(runner.vmcs.guestSCET == ControlFlowControl([.shadowStack, .endbranch]).rawValue)
  }

  @Test("An event with an interrupt stack takes the guest's interrupt SSP table")
  func interruptStack() throws {
    let runner = try runner([.shadowStack])
    let gate = runner.get(Place.guestIDT + 0x40 * 16)
    runner.put(gate | 1 << 32, at: Place.guestIDT + 0x40 * 16)
    runner.put(Place.guestStack - 0x400, at: Place.guestTSS + 36)
    runner.vmcs.guestInterruptSSPTableAddress = Place.guestData + 0x4000
    let token = Self.shadow + 0x1ff8
    runner.put(token, at: Place.guestData + 0x4008)
    runner.put(token, at: Place.guestData + 0x1ff8)
    runner.vmcs.guestRFLAGS |= RFLAGS.if.rawValue
    runner.inject(.externalInterrupt, 0x40)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 0x40)
    #expect(runner.vmcs.guestSSP == token - 24)
    #expect(runner.get(Place.guestData + 0x1ff8) == token | 1)
  }

  @Test("An EPT violation of the shadow stack within delivery tells the event")
  func violationInDelivery() throws {
    let runner = try runner([.shadowStack])
    runner.set(secondary: .enableEPT)
    let entry = runner.eptEntry(Place.guestData)
    runner.put(runner.get(entry) & ~2, at: entry)
    runner.vmcs.guestRFLAGS |= RFLAGS.if.rawValue
    runner.inject(.externalInterrupt, 0x40)
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.idtVectoringInformation == 1 << 31 | 0x40)
    // First the hole that alignment leaves is written.
    #expect(runner.vmcs.guestPhysicalAddress == Place.guestData + 0x800 - 4)
    #expect(runner.vmcs.guestLinearAddress == Self.shadow + 0x800 - 4)
    #expect(runner.vmcs.exitQualification >> 13 & 3 == 1)
    #expect(runner.vmcs.guestSSP == Self.shadow + 0x800)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
  }

  // MARK: MSRs

  @Test("The MSR bitmaps and lists know CET's MSRs")
  func msrs() throws {
    for msr in [0x6a0, 0x6a2, 0x6a4, 0x6a7, 0x6a8] as [UInt32] {
      // MOV ECX, msr; RDMSR
      let code: [UInt8] = [0xb9, UInt8(msr & 0xff), UInt8(msr >> 8), 0, 0, 0x0f, 0x32]
      let runner = try runner()
      runner.setGuestCode(code)
      runner.set(.useMSRBitmaps)
      #expect(runner.exitReason() == .vmcall)
      let place = Place.msrBitmaps + UInt64(msr >> 3)
      runner.machine.writeMemory([1 << UInt8(msr & 7)], at: place)
      runner.vmcs.guestRIP = Place.guestCode
      #expect(runner.exitReason() == .rdmsr)
    }
    // The VM-entry MSR-load area.
    let runner = try runner()
    runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
    runner.vmcs.entryMSRLoadCount = 1
    runner.put(0x6a7, at: Place.msrLoadList)
    runner.put(0x4000, at: Place.msrLoadList + 8)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.cet.levelSSP[3] == 0x4000)
    runner.put(0x4001, at: Place.msrLoadList + 8)
    #expect(runner.enter() == .exit)
    #expect(runner.vmcs.exitReason == 1 << 31 | 34)
  }
}
