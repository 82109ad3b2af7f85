import Testing

@testable import VMXLab

@Suite("Instruction timeout")
struct InstructionTimeoutTests {
  private typealias Place = VMXRunner.Place

  /// What the processor adds to the control.
  private static let margin: UInt64 = 128 << 10
  private static let alignmentCheck: UInt64 = 17

  private func runner(window: UInt32? = 0) throws -> VMXRunner {
    let runner = try VMXRunner(profile: "sapphire-rapids")
    guard let window else { return runner }
    runner.set(secondary: .instructionTimeout)
    runner.vmcs.instructionTimeoutControl = window
    return runner
  }

  /// A 32-bit program at CPL 3 whose stack is not aligned: the delivery of #AC causes #AC.
  private func nestAlignmentChecks(_ runner: VMXRunner) {
    runner.vmcs.vmEntryControls &= ~VMEntryControls.ia32eModeGuest.rawValue
    runner.vmcs.guestCR0 |= CR0.am.rawValue
    runner.vmcs.guestCR4 = CR4([.vmxe, .pae]).rawValue
    runner.vmcs.guestEFER = 0
    runner.vmcs.guestCR3 = Place.guestTables + 0x1000
    let descriptors = Place.guestTables + 0x3000
    runner.put(0x00cf_fb00_0000_ffff, at: descriptors + 0x28)
    runner.vmcs.guestGDTRLimit = 0x2f
    // PDPTEs have no R/W and U/S.
    runner.put(Place.guestTables + 0x2000 | 1, at: Place.guestTables + 0x1000)
    for register in [SegmentRegister.es, .ss, .ds, .fs, .gs, .cs] {
      let isCode = register == .cs
      runner.vmcs.setGuestSegment(
        register,
        Segment(
          selector: isCode ? 0x2b : 0x13, limit: 0xffff_ffff,
          access: SegmentAccessRights(rawValue: isCode ? 0xc0fb : 0xc0f3)))
    }
    let handler = Place.guestHandlers
    for vector in 0..<UInt64(32) {
      runner.put(
        handler & 0xffff | 0x2b << 16 | 0xee00 << 32 | (handler >> 16) << 48,
        at: Place.guestIDT + vector * 8)
    }
    runner.vmcs.guestRSP = Place.guestStack + 1
    runner.vmcs.guestRFLAGS = 2 | RFLAGS.ac.rawValue
    // PUSH EAX.
    runner.setGuestCode([0x50])
  }

  /// A data breakpoint on what the delivery of its own #DB pushes.
  private func nestBreakpoints(_ runner: VMXRunner) {
    runner.state.pointee.debug.dr0 = Place.guestStack - 8
    // L0, of 8 bytes, reads and writes.
    runner.vmcs.guestDR7 = 0xb_0401
    // Without a change of stack each delivery would push elsewhere: IST 1.
    runner.put(Place.guestStack, at: Place.guestTSS + 0x24)
    let gate = Place.guestIDT + 16
    runner.put(runner.get(gate) | 1 << 32, at: gate)
    // MOV [RSP - 8], RAX.
    runner.setGuestCode([0x48, 0x89, 0x44, 0x24, 0xf8])
  }

  private func enter(_ runner: VMXRunner, cycles: UInt64) -> MachineStop {
    _ = runner.enter(limit: 1)
    return runner.machine.run(cycles: cycles, untilVMExit: true)
  }

  @Test("only Sapphire Rapids has the control", arguments: CPUProfile.names)
  func offered(name: String) throws {
    let offered = try VMXRunner(profile: name).capabilities.offeredControls
    #expect(offered.secondary.contains(.instructionTimeout) == (name == "sapphire-rapids"))
  }

  @Test("without the control events nest for ever, and time goes on")
  func endless() throws {
    for nest in [nestAlignmentChecks, nestBreakpoints] {
      let runner = try runner(window: nil)
      nest(runner)
      let start = runner.state.pointee.cycles
      #expect(enter(runner, cycles: 1_000_000) == .cycleLimit)
      #expect(runner.machine.run(cycles: 1_000_000, untilVMExit: true) == .cycleLimit)
      #expect(runner.state.pointee.cycles - start < 2_100_000)
      #expect(runner.state.pointee.vmx.isNonRoot)
    }
  }

  @Test("#AC within the delivery of #AC exits once the window is over")
  func alignmentChecks() throws {
    // 25 MHz, and 2.1 GHz.
    for window: UInt32 in [0, 1000, 100_000] {
      let runner = try runner(window: window)
      nestAlignmentChecks(runner)
      let start = runner.state.pointee.cycles
      let limit = Self.margin + UInt64(window) * 84
      #expect(enter(runner, cycles: limit + 10_000) == .vmExit)
      #expect(runner.vmcs.exitReason == 75)
      #expect(runner.vmcs.exitQualification == 0)
      #expect(runner.vmcs.idtVectoringInformation == 0x8000_0b11)
      #expect(runner.vmcs.idtVectoringErrorCode == 0)
      #expect(runner.vmcs.guestRIP == Place.guestCode)
      #expect(runner.vmcs.guestRSP == Place.guestStack + 1)
      #expect(runner.vmcs.guestRFLAGS & RFLAGS.rf.rawValue != 0)
      #expect((limit..<limit + 10_000).contains(runner.state.pointee.cycles - start))
    }
  }

  @Test("debug traps that the delivery of debug traps causes exit once the window is over")
  func breakpoints() throws {
    let runner = try runner()
    nestBreakpoints(runner)
    #expect(enter(runner, cycles: Self.margin + 10_000) == .vmExit)
    #expect(runner.vmcs.exitReason == 75)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0301)
    #expect(runner.guestHandler == 1)
    // L1 ends the loop, and injects the event.
    runner.vmcs.guestDR7 = 0x400
    runner.inject(.hardwareException, 1)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 1)
  }

  @Test("handlers that fault again and again reach instruction boundaries, and time out never")
  func boundaries() throws {
    let runner = try runner()
    // #UD, whose handler is UD2 again, on a stack of its own.
    runner.machine.writeMemory(Code.ud2, at: Place.guestHandlers + 6 * 16)
    runner.put(Place.guestStack, at: Place.guestTSS + 0x24)
    let gate = Place.guestIDT + 6 * 16
    runner.put(runner.get(gate) | 1 << 32, at: gate)
    runner.setGuestCode(Code.ud2)
    #expect(enter(runner, cycles: 4 * Self.margin) == .cycleLimit)
    #expect(runner.state.pointee.vmx.isNonRoot)
  }

  @Test("iterations of string instructions are instruction boundaries")
  func iterations() throws {
    let runner = try runner()
    // A write breakpoint that the handler's first instruction meets late.
    let target: UInt32 = 0x100_0000
    runner.state.pointee.debug.dr0 = UInt64(target) + 300_000
    runner.vmcs.guestDR7 = 0x1_0401
    // REP STOSB; VMCALL.
    runner.machine.writeMemory([0xf3, 0xaa] + Code.vmcall, at: Place.guestHandlers + 6 * 16)
    // IRETQ.
    runner.machine.writeMemory([0x48, 0xcf], at: Place.guestHandlers + 16)
    // MOV EDI, target; MOV ECX, 300010; UD2.
    runner.setGuestCode([0xbf] + bytes(target) + [0xb9] + bytes(300_010) + Code.ud2)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestRIP == Place.guestHandlers + 6 * 16 + 2)
    #expect(runner.state.pointee.debug.dr6 & 1 == 1)
  }

  private func bytes(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}
