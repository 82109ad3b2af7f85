import Testing

@testable import VMXLab

@Suite("VM exits")
struct VMExitTests {
  private typealias Place = VMXRunner.Place

  // MARK: Instructions

  @Test("instructions exit under their controls, and not without")
  func conditionalInstructions() throws {
    let cases: [([UInt8], PrimaryProcessorBasedControls, BasicExitReason)] = [
      (Code.hlt, .hltExiting, .hlt), ([0xf3, 0x90], .pauseExiting, .pause),
      ([0x0f, 0x31], .rdtscExiting, .rdtsc), ([0x0f, 0x33], .rdpmcExiting, .rdpmc),
      ([0x0f, 0x01, 0x3b], .invlpgExiting, .invlpg),
    ]
    for (code, control, reason) in cases {
      let runner = try VMXRunner()
      runner.setGuestCode(code)
      runner.set(control)
      #expect(runner.exitReason() == reason)
      #expect(runner.vmcs.exitInstructionLength == UInt32(code.count))
      #expect(runner.vmcs.guestRIP == Place.guestCode)
      #expect(runner.vmcs.guestRFLAGS & RFLAGS.rf.rawValue == 0)
      guard code != Code.hlt else { continue }
      runner.vmcs.primaryProcessorBasedControls &= ~control.rawValue
      #expect(runner.exitReason() == .vmcall)
    }
  }

  @Test("CPUID and INVD always exit, WBINVD and RDTSCP by secondary controls")
  func unconditionalInstructions() throws {
    let runner = try VMXRunner()
    runner.setGuestCode(Code.cpuid)
    #expect(runner.exitReason() == .cpuid)
    runner.setGuestCode([0x0f, 0x08])
    #expect(runner.exitReason() == .invd)
    runner.setGuestCode([0x0f, 0x09])
    #expect(runner.exitReason() == .vmcall)
    runner.set(secondary: .wbinvdExiting)
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .wbinvdOrWBNOINVD)
    // RDTSCP is #UD without its control, whatever "RDTSC exiting" says.
    runner.setGuestCode([0x0f, 0x01, 0xf9])
    runner.set(.rdtscExiting)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 6)
    runner.set(secondary: .enableRDTSCP)
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .rdtscp)
  }

  @Test("faults of privilege come before VM exits")
  func privilegeBeforeExit() throws {
    let runner = try VMXRunner()
    runner.set(.hltExiting)
    runner.set(.invlpgExiting)
    useUserMode(runner)
    for code in [Code.hlt, [0x0f, 0x01, 0x3b], [0x0f, 0x32], [0x0f, 0x22, 0xd8]] as [[UInt8]] {
      runner.setGuestCode(code)
      runner.vmcs.exceptionBitmap = 1 << 13
      #expect(runner.exitReason() == .exceptionOrNMI)
      #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0b0d)
    }
  }

  private func useUserMode(_ runner: VMXRunner) {
    runner.vmcs.guestCSSelector = 0xb
    runner.vmcs.guestCSAccessRights = 0xa0fb
    runner.vmcs.guestSSSelector = 0x13
    runner.vmcs.guestSSAccessRights = 0xc0f3
  }

  @Test(
    "VMREAD's instruction information names both operands; its qualification is the displacement")
  func instructionInformation() throws {
    let runner = try VMXRunner()
    // VMREAD [RBX + RCX*4 + 0x10], RDX.
    runner.setGuestCode([0x0f, 0x78, 0x54, 0x8b, 0x10])
    #expect(runner.exitReason() == .vmread)
    #expect(runner.vmcs.exitQualification == 0x10)
    let information: UInt32 = 2 | 2 << 7 | 3 << 15 | 1 << 18 | 3 << 23 | 2 << 28
    #expect(runner.vmcs.exitInstructionInformation == information)
    // VMWRITE R9, R10: no memory.
    runner.setGuestCode([0x4d, 0x0f, 0x79, 0xca])
    #expect(runner.exitReason() == .vmwrite)
    #expect(runner.vmcs.exitInstructionInformation & 0xf000_0478 == 1 << 10 | 10 << 3 | 9 << 28)
    // VMCLEAR [RIP + 0x20]: the qualification is the address.
    runner.setGuestCode([0x66, 0x0f, 0xc7, 0x35, 0x20, 0, 0, 0])
    #expect(runner.exitReason() == .vmclear)
    #expect(runner.vmcs.exitQualification == Place.guestCode + 8 + 0x20)
    #expect(runner.vmcs.exitInstructionInformation & (1 << 27 | 1 << 22) == 1 << 27 | 1 << 22)
    // VMPTRLD FS:[EAX - 4], with a 32-bit address.
    runner.setGuestCode([0x64, 0x67, 0x0f, 0xc7, 0x70, 0xfc])
    #expect(runner.exitReason() == .vmptrld)
    #expect(runner.vmcs.exitQualification & 0xffff_ffff == 0xffff_fffc)
    #expect(runner.vmcs.exitInstructionInformation & 0x83_8380 == 1 << 7 | 4 << 15)
  }

  @Test("descriptor-table exiting tells the instruction")
  func descriptorTables() throws {
    let runner = try VMXRunner()
    runner.set(secondary: .descriptorTableExiting)
    for (digit, identity) in [(0, 0), (1, 1), (2, 2), (3, 3)] as [(UInt8, UInt32)] {
      runner.setGuestCode([0x0f, 0x01, 0x03 | digit << 3])
      #expect(runner.exitReason() == .gdtrOrIDTRAccess)
      #expect(runner.vmcs.exitInstructionInformation >> 28 & 3 == identity)
    }
    for (digit, identity) in [(0, 0), (1, 1), (2, 2), (3, 3)] as [(UInt8, UInt32)] {
      // In RDX.
      runner.setGuestCode([0x0f, 0x00, 0xc2 | digit << 3])
      #expect(runner.exitReason() == .ldtrOrTRAccess)
      let information = runner.vmcs.exitInstructionInformation
      #expect(information >> 28 & 3 == identity)
      #expect(information & 0x478 == 1 << 10 | 2 << 3)
    }
  }

  @Test("a VM exit behind MOV SS with TF set saves a pending single step, which VM entry asks for")
  func singleStepBehindMOVSS() throws {
    let runner = try VMXRunner()
    // MOV EAX, SS; PUSHF; OR byte [RSP + 1], 1; POPF; MOV SS, EAX; CPUID.
    runner.setGuestCode(
      [0x8c, 0xd0, 0x9c, 0x80, 0x4c, 0x24, 0x01, 0x01, 0x9d, 0x8e, 0xd0] + Code.cpuid)
    #expect(runner.exitReason() == .cpuid)
    #expect(runner.vmcs.guestInterruptibilityState == 2)
    #expect(runner.vmcs.guestPendingDebugExceptions == DebugStatus.singleStep)
    #expect(runner.exitReason() == .cpuid)
    // L1 carries out the instruction, and the step with it.
    runner.vmcs.guestRIP += 2
    runner.vmcs.guestInterruptibilityState = 0
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 1)
  }

  // MARK: Control and debug registers

  @Test("MOV to CR0 and CR4 exits when a masked bit differs from its shadow, and keeps masked bits")
  func controlRegisterMasks() throws {
    let runner = try VMXRunner()
    runner.vmcs.cr4GuestHostMask = CR4.vmxe.rawValue | CR4.pge.rawValue
    runner.vmcs.cr4ReadShadow = 0
    // MOV RAX, CR4; OR EAX, 1 << 9 (a bit L2 owns); MOV CR4, RAX.
    runner.setGuestCode([0x0f, 0x20, 0xe0, 0x0d, 0x04, 0, 0, 0, 0x0f, 0x22, 0xe0])
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.general[0] & CR4.vmxe.rawValue == 0)
    #expect(runner.vmcs.guestCR4 & CR4.vmxe.rawValue != 0)
    #expect(runner.vmcs.guestCR4 & CR4.tsd.rawValue != 0)
    // MOV RCX, CR4; OR ECX, PGE; MOV CR4, RCX.
    runner.setGuestCode([0x0f, 0x20, 0xe1, 0x81, 0xc9, 0x80, 0, 0, 0, 0x0f, 0x22, 0xe1])
    #expect(runner.exitReason() == .controlRegisterAccess)
    #expect(runner.vmcs.exitQualification == 4 | 1 << 8)
    #expect(runner.vmcs.guestRIP == Place.guestCode + 9)
    #expect(runner.vmcs.exitInstructionLength == 3)
  }

  @Test("CLTS follows mask and shadow of CR0.TS")
  func clts() throws {
    for (mask, shadow, exits, clears) in [
      (false, false, false, true), (true, false, false, false), (true, true, true, false),
    ] {
      let runner = try VMXRunner()
      runner.vmcs.guestCR0 |= CR0.ts.rawValue
      runner.vmcs.cr0GuestHostMask = mask ? CR0.ts.rawValue : 0
      runner.vmcs.cr0ReadShadow = shadow ? CR0.ts.rawValue : 0
      runner.setGuestCode([0x0f, 0x06])
      #expect(runner.exitReason() == (exits ? .controlRegisterAccess : .vmcall))
      if exits { #expect(runner.vmcs.exitQualification == 2 << 4) }
      #expect((runner.vmcs.guestCR0 & CR0.ts.rawValue == 0) == clears)
    }
  }

  @Test("LMSW exits with its source data, and with the address of a memory operand")
  func lmsw() throws {
    let runner = try VMXRunner()
    runner.vmcs.cr0GuestHostMask = CR0.ts.rawValue
    // MOV EAX, 0x3b; LMSW AX: TS is masked, its shadow 0.
    runner.setGuestCode([0xb8, 0x3b, 0, 0, 0, 0x0f, 0x01, 0xf0])
    #expect(runner.exitReason() == .controlRegisterAccess)
    #expect(runner.vmcs.exitQualification == 3 << 4 | 0x3b << 16)
    runner.put(0x3b, at: Place.guestData)
    // MOV EBX, data; LMSW [RBX].
    runner.setGuestCode([0xbb, 0, 0, 0x81, 0, 0x0f, 0x01, 0x33])
    #expect(runner.exitReason() == .controlRegisterAccess)
    #expect(runner.vmcs.exitQualification == 3 << 4 | 1 << 6 | 0x3b << 16)
    #expect(runner.vmcs.guestLinearAddress == Place.guestData)
    // MOV EAX, 0x2; LMSW AX changes MP alone, and cannot clear PE.
    runner.setGuestCode([0xb8, 0x00, 0, 0, 0, 0x0f, 0x01, 0xf0])
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestCR0 & 0xf == 1)
  }

  @Test("MOV CR3 exits unless the value is among the CR3-target values")
  func cr3Targets() throws {
    let runner = try VMXRunner()
    runner.set([.cr3LoadExiting, .cr3StoreExiting])
    runner.vmcs.cr3TargetCount = 2
    runner.vmcs.cr3TargetValue1 = Place.guestTables
    // MOV ESI, tables; MOV CR3, RSI.
    let write: [UInt8] = [0xbe, 0, 0, 0x60, 0, 0x0f, 0x22, 0xde]
    runner.setGuestCode(write)
    #expect(runner.exitReason() == .vmcall)
    runner.vmcs.cr3TargetCount = 1
    runner.setGuestCode(write)
    #expect(runner.exitReason() == .controlRegisterAccess)
    #expect(runner.vmcs.exitQualification == 3 | 6 << 8)
    runner.setGuestCode([0x0f, 0x20, 0xdf])
    #expect(runner.exitReason() == .controlRegisterAccess)
    #expect(runner.vmcs.exitQualification == 3 | 1 << 4 | 7 << 8)
  }

  @Test("MOV DR exits before the faults of privilege and of CR4.DE")
  func movDR() throws {
    let runner = try VMXRunner()
    runner.set(.movDRExiting)
    runner.vmcs.guestCR4 |= CR4.de.rawValue
    useUserMode(runner)
    // MOV R9, DR4.
    runner.setGuestCode([0x41, 0x0f, 0x21, 0xe1])
    #expect(runner.exitReason() == .movDR)
    #expect(runner.vmcs.exitQualification == 4 | 1 << 4 | 9 << 8)
    runner.setGuestCode([0x0f, 0x23, 0xf8])
    #expect(runner.exitReason() == .movDR)
    #expect(runner.vmcs.exitQualification == 7)
  }

  // MARK: I/O and MSRs

  @Test("I/O exits by the bitmaps, each byte of the access counting")
  func ioBitmaps() throws {
    let runner = try VMXRunner()
    runner.set(.useIOBitmaps)
    // OUT 0x80, EAX covers ports 80H to 83H.
    runner.setGuestCode([0xe7, 0x80])
    #expect(runner.exitReason() == .vmcall)
    runner.machine.writeMemory([1 << 3], at: Place.ioBitmapA + 0x10)
    runner.setGuestCode([0xe7, 0x80])
    #expect(runner.exitReason() == .ioInstruction)
    #expect(runner.vmcs.exitQualification == 3 | 1 << 6 | 0x80 << 16)
    runner.setGuestCode([0xe6, 0x80])
    #expect(runner.exitReason() == .vmcall)
    // Bitmap B: MOV EDX, 0xfff0; IN AL, DX.
    runner.machine.writeMemory([1], at: Place.ioBitmapB + 0xffe)
    runner.setGuestCode([0xba, 0xf0, 0xff, 0, 0, 0xec])
    #expect(runner.exitReason() == .ioInstruction)
    #expect(runner.vmcs.exitQualification == 1 << 3 | 0xfff0 << 16)
    // An access that wraps round the I/O space: MOV EDX, 0xffff; IN AX, DX.
    runner.setGuestCode([0xba, 0xff, 0xff, 0, 0, 0x66, 0xed])
    #expect(runner.exitReason() == .ioInstruction)
  }

  @Test("string I/O reports address, address size, segment and REP; a count of 0 does not exit")
  func stringIO() throws {
    let runner = try VMXRunner()
    runner.set(.unconditionalIOExiting)
    // MOV EDX, 0x3f8; MOV ESI, data; MOV ECX, 5; REP OUTS DX, FS:[ESI] (byte, 32-bit address).
    let load: [UInt8] = [0xba, 0xf8, 0x03, 0, 0, 0xbe, 0, 0, 0x81, 0]
    runner.vmcs.guestFSBase = 0x10
    runner.setGuestCode(load + [0xb9, 5, 0, 0, 0, 0xf3, 0x67, 0x64, 0x6e])
    #expect(runner.exitReason() == .ioInstruction)
    #expect(runner.vmcs.exitQualification == 1 << 4 | 1 << 5 | 0x3f8 << 16)
    #expect(runner.vmcs.guestLinearAddress == Place.guestData + 0x10)
    #expect(runner.vmcs.exitInstructionInformation & 0x3_8380 == 1 << 7 | 4 << 15)
    runner.setGuestCode(load + [0xb9, 0, 0, 0, 0, 0xf3, 0x6e])
    #expect(runner.exitReason() == .vmcall)
  }

  @Test("MSR accesses exit without bitmaps, outside their ranges, and where a bit is set")
  func msrBitmaps() throws {
    let runner = try VMXRunner()
    // MOV ECX, msr; RDMSR or WRMSR.
    func code(_ msr: UInt32, write: Bool) -> [UInt8] {
      [0xb9] + (0..<4).map { UInt8(truncatingIfNeeded: msr >> ($0 * 8)) }
        + [0x0f, write ? 0x30 : 0x32]
    }
    runner.setGuestCode(code(0x174, write: false))
    #expect(runner.exitReason() == .rdmsr)
    runner.set(.useMSRBitmaps)
    for (msr, offset) in [(0x174, 0x2e), (0xc000_0080, 0x410)] as [(UInt32, UInt64)] {
      for write in [false, true] {
        let byte = Place.msrBitmaps + offset + (write ? 0x800 : 0)
        runner.machine.writeMemory([0], at: byte)
        runner.setGuestCode(code(msr, write: write))
        let reason = runner.exitReason()
        // WRMSR of 0 to IA32_EFER is #GP, which L2 handles.
        #expect(reason == .vmcall)
        runner.machine.writeMemory([1 << UInt8(msr & 7)], at: byte)
        runner.setGuestCode(code(msr, write: write))
        #expect(runner.exitReason() == (write ? .wrmsr : .rdmsr))
        runner.machine.writeMemory([0], at: byte)
      }
    }
    runner.setGuestCode(code(0x2000, write: false))
    #expect(runner.exitReason() == .rdmsr)
    runner.setGuestCode(code(0xc000_2000, write: true))
    #expect(runner.exitReason() == .wrmsr)
  }

  @Test("RDTSC adds the TSC offset in L2 alone")
  func tscOffset() throws {
    let runner = try VMXRunner()
    runner.set(.useTSCOffsetting)
    runner.vmcs.tscOffset = 1 << 40
    runner.setGuestCode([0x0f, 0x31])
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.general[2] == 1 << 8)
    runner.execute([0x0f, 0x31])
    #expect(runner.state.pointee.general[2] == 0)
  }

  // MARK: Exceptions

  @Test("the exception bitmap, with information, error code, qualification, and RF")
  func exceptionBitmap() throws {
    let runner = try VMXRunner()
    runner.setGuestCode(Code.ud2)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 6)
    #expect(runner.guestStack(0) == Place.guestCode)
    runner.vmcs.exceptionBitmap = 1 << 6
    runner.setGuestCode(Code.ud2)
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0306)
    #expect(runner.vmcs.idtVectoringInformation == 0)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    #expect(runner.vmcs.guestRFLAGS & RFLAGS.rf.rawValue != 0)
  }

  @Test("INT3 exits as a software exception with its length and RIP at the instruction")
  func int3() throws {
    let runner = try VMXRunner()
    runner.vmcs.exceptionBitmap = 1 << 3
    runner.setGuestCode([0xcc])
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0603)
    #expect(runner.vmcs.exitInstructionLength == 1)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    #expect(runner.vmcs.guestRFLAGS & RFLAGS.rf.rawValue == 0)
    // INT 3 (two bytes) is a software interrupt, which the bitmap does not concern.
    runner.setGuestCode([0xcd, 3])
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 3)
  }

  @Test("page faults exit by error-code mask and match", arguments: [false, true], [0, 1, 2, 3])
  func pageFault(bit: Bool, match: UInt32) throws {
    let runner = try VMXRunner()
    runner.vmcs.exceptionBitmap = bit ? 1 << 14 : 0
    runner.vmcs.pageFaultErrorCodeMask = 3
    runner.vmcs.pageFaultErrorCodeMatch = match
    // MOV EBX, 1 GiB; MOV [RBX], EAX: not present, a write: error code 2.
    runner.setGuestCode([0xbb, 0, 0, 0, 0x40, 0x89, 0x03])
    let exits = bit == (match == 2)
    #expect(runner.exitReason() == (exits ? .exceptionOrNMI : .vmcall))
    if exits {
      #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0b0e)
      #expect(runner.vmcs.exitInterruptionErrorCode == 2)
      #expect(runner.vmcs.exitQualification == 0x4000_0000)
      #expect(runner.state.pointee.cr2 == 0)
    } else {
      #expect(runner.guestHandler == 14)
      #expect(runner.state.pointee.cr2 == 0x4000_0000)
    }
  }

  @Test("an exception while an event is delivered exits with IDT-vectoring information")
  func idtVectoring() throws {
    let runner = try VMXRunner()
    runner.vmcs.exceptionBitmap = 1 << 11
    // The gate of #UD is not present.
    let gate = Place.guestIDT + 6 * 16
    runner.put(runner.get(gate) & ~(1 << 47), at: gate)
    runner.setGuestCode(Code.ud2)
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0b0b)
    #expect(runner.vmcs.exitInterruptionErrorCode == 6 << 3 | 2 | 1)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0306)
    // INT 6: the length of the instruction is told, and RIP is at it.
    runner.setGuestCode([0xcd, 6])
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0406)
    #expect(runner.vmcs.exitInstructionLength == 2)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    #expect(runner.vmcs.exitInterruptionErrorCode == 6 << 3 | 2)
  }

  @Test("a double fault that exits and a triple fault have no IDT-vectoring information")
  func doubleAndTripleFault() throws {
    let runner = try VMXRunner()
    // MOV [non-canonical]: #GP; with an IDT of limit 0 its delivery is #GP again: #DF.
    runner.vmcs.guestIDTRLimit = 0
    runner.vmcs.exceptionBitmap = 1 << 8
    let code: [UInt8] = [0x48, 0xbb, 0, 0, 0, 0, 0, 0x80, 0, 0, 0x89, 0x03]
    runner.setGuestCode(code)
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0b08)
    #expect(runner.vmcs.idtVectoringInformation == 0)
    runner.vmcs.exceptionBitmap = 0
    runner.setGuestCode(code)
    #expect(runner.exitReason() == .tripleFault)
    #expect(runner.vmcs.idtVectoringInformation == 0)
    #expect(runner.vmcs.exitInterruptionInformation == 0)
    #expect(runner.vmcs.guestActivityState == 0)
  }

  @Test("single-stepping exits as #DB with BS, RIP at the next instruction")
  func singleStep() throws {
    let runner = try VMXRunner()
    runner.vmcs.exceptionBitmap = 1 << 1
    runner.vmcs.guestRFLAGS = 2 | RFLAGS.tf.rawValue
    runner.setGuestCode(Code.nop)
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0301)
    #expect(runner.vmcs.exitQualification == 1 << 14)
    #expect(runner.vmcs.guestRIP == Place.guestCode + 1)
    #expect(runner.vmcs.guestPendingDebugExceptions == 0)
  }

  // MARK: Interrupts, windows and timers

  @Test("interrupt-window exiting waits for IF and for the end of blocking by STI")
  func interruptWindow() throws {
    let runner = try VMXRunner()
    runner.set(.interruptWindowExiting)
    runner.setGuestCode([0x90, 0xfb, 0x90, 0x90])
    #expect(runner.exitReason() == .interruptWindow)
    #expect(runner.vmcs.guestRIP == Place.guestCode + 3)
    #expect(runner.vmcs.guestInterruptibilityState == 0)
  }

  @Test("NMI-window exiting waits for the end of virtual-NMI blocking")
  func nmiWindow() throws {
    let runner = try VMXRunner()
    runner.set([.nmiExiting, .virtualNMIs])
    runner.set(.nmiWindowExiting)
    runner.setGuestCode(Code.nop)
    #expect(runner.exitReason() == .nmiWindow)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    runner.vmcs.guestInterruptibilityState = InterruptibilityState.blockingByNMI.rawValue
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestInterruptibilityState == InterruptibilityState.blockingByNMI.rawValue)
  }

  @Test("an NMI exits under its control, blocks NMIs in L1, and wakes L2 from HLT")
  func nmi() throws {
    let runner = try VMXRunner()
    runner.set(.nmiExiting)
    runner.vmcs.guestActivityState = ActivityState.hlt.rawValue
    runner.machine.processor.signals.pointee.requests.insert(.nmi)
    runner.state.pointee.interruptibility.blockingByNMI = true
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0202)
    #expect(runner.vmcs.guestActivityState == ActivityState.hlt.rawValue)
    #expect(runner.state.pointee.interruptibility.blockingByNMI)
  }

  @Test("the preemption timer exits at 0 at once, wakes HLT, and saves what is left")
  func preemptionTimer() throws {
    let runner = try VMXRunner()
    runner.set(.activateVMXPreemptionTimer)
    runner.vmcs.vmxPreemptionTimerValue = 0
    #expect(runner.exitReason() == .vmxPreemptionTimerExpired)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    runner.vmcs.vmxPreemptionTimerValue = 50
    // JMP to itself.
    runner.setGuestCode([0xeb, 0xfe])
    let start = runner.state.pointee.cycles
    #expect(runner.exitReason(limit: 1_000_000) == .vmxPreemptionTimerExpired)
    let ticks =
      (runner.state.pointee.cycles - start) >> runner.state.pointee.model.preemptionTimerShift
    #expect((50...200).contains(ticks))
    runner.vmcs.guestActivityState = ActivityState.hlt.rawValue
    runner.vmcs.vmxPreemptionTimerValue = 1_000_000
    #expect(runner.exitReason() == .vmxPreemptionTimerExpired)
    runner.set(exit: .saveVMXPreemptionTimerValue)
    runner.vmcs.guestActivityState = 0
    runner.setGuestCode([])
    #expect(runner.exitReason() == .vmcall)
    #expect((990_000...1_000_000).contains(runner.vmcs.vmxPreemptionTimerValue))
    // The shutdown state is left too; the wait-for-SIPI state is not.
    runner.vmcs.guestActivityState = ActivityState.shutdown.rawValue
    runner.vmcs.vmxPreemptionTimerValue = 10
    #expect(runner.exitReason() == .vmxPreemptionTimerExpired)
    runner.vmcs.guestActivityState = ActivityState.waitForSIPI.rawValue
    runner.vmcs.vmxPreemptionTimerValue = 10
    #expect(runner.enter() == .other(.haltedForever))
    runner.state.pointee.startUp(vector: 0x12)
    #expect(runner.resume() == .vmExit)
    #expect(runner.vmcs.exitReason == 4)
    #expect(runner.vmcs.exitQualification == 0x12)
  }

  @Test("the monitor trap flag exits after one instruction, after a delivery, and when injected")
  func monitorTrapFlag() throws {
    let runner = try VMXRunner()
    runner.set(.monitorTrapFlag)
    runner.setGuestCode(Code.nop + Code.nop)
    #expect(runner.exitReason() == .monitorTrapFlag)
    #expect(runner.vmcs.guestRIP == Place.guestCode + 1)
    // An instruction that faults: the handler's first instruction has not run.
    runner.setGuestCode(Code.ud2)
    #expect(runner.exitReason() == .monitorTrapFlag)
    #expect(runner.guestHandler == 6)
    // One iteration: MOV ECX, 3 has been stepped over; REP STOSB.
    runner.setGuestCode([0xf3, 0xaa])
    runner.state.pointee.general[1] = 3
    runner.state.pointee.general[7] = Place.guestData
    #expect(runner.exitReason() == .monitorTrapFlag)
    #expect(runner.state.pointee.general[1] == 2)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    // An injected event.
    runner.setGuestCode(Code.nop)
    runner.inject(.hardwareException, 6)
    #expect(runner.exitReason() == .monitorTrapFlag)
    #expect(runner.guestHandler == 6)
    #expect(runner.guestStack(0) == Place.guestCode)
    // A pending MTF VM exit, with the control off.
    runner.vmcs.primaryProcessorBasedControls &=
      ~PrimaryProcessorBasedControls.monitorTrapFlag.rawValue
    runner.inject(.otherEvent, 0)
    runner.setGuestCode(Code.nop)
    #expect(runner.exitReason() == .monitorTrapFlag)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
  }

  // MARK: What is saved and loaded

  @Test("a VM exit loads host state: segments, CPL, flags, DR7, and keeps the general registers")
  func hostState() throws {
    let runner = try VMXRunner()
    runner.vmcs.hostFSBase = 0x1234_5678_9abc
    runner.vmcs.hostDSSelector = 0
    runner.vmcs.guestDR7 = 0x401
    runner.vmcs.guestRFLAGS = 2 | RFLAGS.if.rawValue | RFLAGS.cf.rawValue
    useUserMode(runner)
    runner.setGuestCode([0xb8, 0x2a, 0, 0, 0])
    #expect(runner.exitReason() == .vmcall)
    let state = runner.state.pointee
    #expect(state.general[0] == 0x2a)
    #expect(state.general[4] == Place.stack)
    #expect(state.rip == Place.host)
    #expect(state.rflags == 2)
    #expect(state.cpl == 0)
    #expect(state.debug.dr7 == 0x400)
    #expect(runner.vmcs.guestDR7 == 0x401)
    #expect(state.segments[4].base == 0x1234_5678_9abc)
    #expect(state.segments[4].access.isUnusable)
    #expect(state.segments[3].access.isUnusable)
    #expect(state.segments[1].access.rawValue == 0xa09b)
    #expect(state.segments[7].limit == 0x67)
    #expect(state.gdtr.limit == 0xffff)
    #expect(runner.vmcs.guestSSAccessRights == 0xc0f3)
    #expect(runner.vmcs.guestRFLAGS == 2 | RFLAGS.if.rawValue | RFLAGS.cf.rawValue)
  }

  @Test("MSRs are stored, then loaded, by the lists of VM exits")
  func msrLists() throws {
    let runner = try VMXRunner()
    runner.state.pointee.msrs.kernelGSBase = 0x1111
    runner.put(UInt64(MSR.ia32KernelGSBase), at: Place.msrLoadList)
    runner.put(0x2222, at: Place.msrLoadList + 8)
    runner.put(UInt64(MSR.ia32KernelGSBase), at: Place.msrStoreList)
    runner.put(UInt64(MSR.ia32KernelGSBase), at: Place.exitLoadList)
    runner.put(0x3333, at: Place.exitLoadList + 8)
    runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
    runner.vmcs.entryMSRLoadCount = 1
    runner.vmcs.exitMSRStoreAddress = Place.msrStoreList
    runner.vmcs.exitMSRStoreCount = 1
    runner.vmcs.exitMSRLoadAddress = Place.exitLoadList
    runner.vmcs.exitMSRLoadCount = 1
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.get(Place.msrStoreList + 8) == 0x2222)
    #expect(runner.state.pointee.msrs.kernelGSBase == 0x3333)
  }

  @Test(
    "a list that cannot be stored or loaded at VM exit is a VMX abort",
    arguments: [1, 4] as [UInt32])
  func aborts(indicator: UInt32) throws {
    let runner = try VMXRunner()
    if indicator == 1 {
      runner.put(UInt64(MSR.ia32SMBASE), at: Place.msrStoreList)
      runner.vmcs.exitMSRStoreAddress = Place.msrStoreList
      runner.vmcs.exitMSRStoreCount = 1
    } else {
      runner.put(UInt64(MSR.ia32FSBase), at: Place.exitLoadList)
      runner.vmcs.exitMSRLoadAddress = Place.exitLoadList
      runner.vmcs.exitMSRLoadCount = 1
    }
    #expect(runner.enter() == .other(.vmxAbort(indicator)))
    #expect(runner.get(Place.vmcs) >> 32 == UInt64(indicator))
  }

  @Test("INIT exits in L2 and stays pending in L1")
  func initSignal() throws {
    let runner = try VMXRunner()
    runner.machine.processor.signals.pointee.requests.insert(.initialize)
    #expect(runner.execute(Code.nop) == .retired)
    #expect(runner.machine.processor.signals.pointee.requests.contains(.initialize))
    #expect(runner.exitReason() == .initSignal)
    #expect(!runner.machine.processor.signals.pointee.requests.contains(.initialize))
  }
}
