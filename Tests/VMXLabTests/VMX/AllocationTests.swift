import CAllocationCounter
import Testing

@testable import VMXLab

@Suite("No allocation", .serialized)
struct AllocationTests {
  private typealias Place = VMXRunner.Place

  /// How often memory was asked for while `instructions` more ran.
  private func allocations(_ runner: VMXRunner, instructions: UInt64) -> UInt64 {
    let before = allocation_count()
    let stop = runner.machine.run(instructions: instructions)
    let after = allocation_count()
    #expect(stop == .instructionLimit)
    return after - before
  }

  /// Runs L1's loop for 1,000 and for 100,000 VM entries; they must cost the same memory.
  private func expectNone(
    _ runner: VMXRunner, instructionsAnEntry: UInt64, count: (VMXCounters) -> UInt64
  ) {
    // Counter 0 of the timer waits for a count: the machine's devices have no part in this.
    runner.machine.platform.ports.write(0x43, size: 1, value: 0x30)
    _ = runner.machine.run(instructions: instructionsAnEntry * 100)
    let start = count(runner.state.pointee.vmx.counters)
    let few = allocations(runner, instructions: instructionsAnEntry * 1000)
    let middle = count(runner.state.pointee.vmx.counters)
    let many = allocations(runner, instructions: instructionsAnEntry * 100_000)
    let end = count(runner.state.pointee.vmx.counters)
    #expect(few == many)
    #expect((990...1010).contains(middle - start))
    #expect((99_900...100_100).contains(end - middle))
  }

  /// L1 tries VMRESUME (or VMLAUNCH) again and again.
  private func loop(_ runner: VMXRunner, _ instruction: [UInt8]) {
    // JMP back to the start; a late failure comes to the host's RIP.
    let distance = 0xfe - UInt8(instruction.count)
    runner.machine.writeMemory(instruction + [0xeb, distance], at: Place.code)
    runner.vmcs.hostRIP = Place.code
    runner.state.pointee.rip = Place.code
    runner.state.pointee.activity = .active
    runner.state.pointee.updateAttention()
  }

  @Test("the counter counts")
  func counter() {
    let before = allocation_count()
    let array = (0..<100).map { Array(repeating: $0, count: 1000) }
    #expect(allocation_count() - before >= 100)
    #expect(array.count == 100)
  }

  @Test("a round trip of VMRESUME, VMCALL, three VMREADs and a VMWRITE allocates nothing")
  func roundTrip() throws {
    let runner = try VMXRunner()
    runner.set(secondary: [.enableEPT, .enableVPID])
    #expect(runner.exitReason() == .vmcall)
    // MOV EAX, exit reason; VMREAD RCX, RAX; the same of the qualification and of RIP; then
    // MOV ECX, the guest's code; VMWRITE RAX, RCX; VMRESUME.
    let code: [UInt8] =
      [0xb8, 0x02, 0x44, 0, 0, 0x0f, 0x78, 0xc1, 0xb8, 0x00, 0x64, 0, 0, 0x0f, 0x78, 0xc1]
      + [0xb8, 0x1e, 0x68, 0, 0, 0x0f, 0x78, 0xc1, 0xb9, 0, 0, 0x80, 0, 0x0f, 0x79, 0xc1]
      + Code.vmresume
    runner.machine.writeMemory(code, at: Place.host)
    expectNone(runner, instructionsAnEntry: 9) { $0.entries }
  }

  @Test("an injected event allocates nothing")
  func injection() throws {
    let runner = try VMXRunner()
    #expect(runner.exitReason() == .vmcall)
    // MOV EAX, interruption information; MOV ECX, valid #UD; VMWRITE RAX, RCX; VMRESUME.
    runner.machine.writeMemory(
      [0xb8, 0x16, 0x40, 0, 0, 0xb9, 0x06, 0x03, 0, 0x80, 0x0f, 0x79, 0xc1]
        + Code.vmresume, at: Place.host)
    runner.vmcs.guestRSP = Place.guestStack
    // The handler begins with VMCALL, so RIP stays there and RSP goes down: an IST entry holds it.
    let gate = Place.guestIDT + 6 * 16
    runner.put(runner.get(gate) | 1 << 32, at: gate)
    runner.put(Place.guestStack, at: Place.guestTSS + 0x24)
    expectNone(runner, instructionsAnEntry: 4) { $0.entries }
  }

  @Test("what a guest does without VM exits allocates nothing")
  func guestWork() throws {
    let runner = try VMXRunner()
    runner.set(.useTSCOffsetting)
    runner.set(
      secondary: [
        .enableEPT, .enableVMFunctions, .vmcsShadowing, .useTSCScaling, .enablePML,
        .pauseLoopExiting,
      ])
    runner.vmcs.eptPointer |= EPTEntry.pointerAccessedDirty
    runner.vmcs.pmlIndex = 511
    runner.vmcs.pmlAddress = Place.pageModificationLog
    runner.vmcs.tscMultiplier = 3 << 47
    runner.vmcs.pleWindow = .max
    runner.vmcs.vmFunctionControls = 1
    runner.vmcs.eptpListAddress = Place.eptpList
    runner.put(runner.vmcs.eptPointer, at: Place.eptpList)
    runner.put(UInt64(VMCSRegion.revisionIdentifier) | 1 << 31, at: Place.otherVMCS)
    runner.vmcs.vmcsLinkPointer = Place.otherVMCS
    runner.vmcs.vmreadBitmapAddress = Place.vmreadBitmap
    runner.vmcs.vmwriteBitmapAddress = Place.vmwriteBitmap
    // MOV EBX, data; VMREAD RCX, RBX (of 0x6800, in RBX); VMWRITE RBX, RCX; XOR EAX, EAX; XOR ECX, ECX;
    // VMFUNC; RDTSC; RDRAND EAX; PAUSE; MOV [RBX + data], AL; JMP.
    let code: [UInt8] =
      [0xbb, 0x00, 0x68, 0, 0, 0x0f, 0x78, 0xd9, 0x0f, 0x79, 0xd9, 0x31, 0xc0, 0x31, 0xc9]
      + Code.vmfunc + [0x0f, 0x31, 0x0f, 0xc7, 0xf0, 0xf3, 0x90]
      + [0x88, 0x83, 0, 0, 0x81, 0, 0xeb, 0xdf]
    runner.setGuestCode(code)
    #expect(runner.enter(limit: 10_000) == .other(.instructionLimit))
    #expect(runner.vmcs.pmlIndex < 511)
    runner.machine.platform.ports.write(0x43, size: 1, value: 0x30)
    _ = allocations(runner, instructions: 1000)
    let few = allocations(runner, instructions: 1000)
    #expect(allocations(runner, instructions: 100_000) == few)
  }

  @Test("accesses to the virtual APIC, and the VM exits that they cause, allocate nothing")
  func virtualAPIC() throws {
    let runner = try VMXRunner()
    runner.set(.useTPRShadow)
    runner.set(.externalInterruptExiting)
    runner.set(secondary: [.virtualizeAPICAccesses, .virtualInterruptDelivery])
    runner.vmcs.apicAccessAddress = Place.guestData
    runner.vmcs.virtualAPICAddress = Place.guestStack
    runner.vmcs.eoiExitBitmap1 = 1 << 2
    runner.vmcs.guestRFLAGS = 0x202
    // The guest sends itself interrupt 0x42, whose handler ends it; that exits. VMRESUME; the handler
    // begins again, with the IST's stack.
    let handler = Place.guestHandlers + 0x42 * 16
    // MOV DWORD [RBX], 0; JMP back to the self-IPI.
    runner.setGuestCode([0xc7, 0x01, 0x42, 0, 4, 0, 0xeb, 0xfe])
    let back = Int32(truncatingIfNeeded: Int64(Place.guestCode) - Int64(handler) - 12)
    let jump = (0..<4).map { UInt8(truncatingIfNeeded: back >> Int32($0 * 8)) }
    runner.machine.writeMemory([0xc7, 0x03, 0, 0, 0, 0, 0xfb, 0xe9] + jump, at: handler)
    let gate = Place.guestIDT + 0x42 * 16
    runner.put(runner.get(gate) | 1 << 32, at: gate)
    runner.put(Place.guestStack + 0x2000, at: Place.guestTSS + 0x24)
    runner.state.pointee.general[1] = Place.guestData + 0x300
    runner.state.pointee.general[3] = Place.guestData + 0xb0
    #expect(runner.exitReason() == .virtualizedEOI)
    runner.machine.writeMemory(Code.vmresume, at: Place.host)
    // VMRESUME; STI; JMP; the self-IPI; the EOI.
    expectNone(runner, instructionsAnEntry: 5) { $0.entries }
  }

  @Test("VMfailInvalid and the launch state's failures allocate nothing")
  func earlyFailures() throws {
    let runner = try VMXRunner()
    loop(runner, Code.vmresume)
    expectNone(runner, instructionsAnEntry: 2) { $0.failValid[5] }
    runner.state.pointee.vmx.isLaunched = true
    loop(runner, Code.vmlaunch)
    expectNone(runner, instructionsAnEntry: 2) { $0.failValid[4] }
    // MOV SS, AX blocks events.
    runner.state.pointee.general[0] = 16
    loop(runner, [0x8e, 0xd0] + Code.vmresume)
    expectNone(runner, instructionsAnEntry: 3) { $0.failValid[26] }
    runner.state.pointee.vmx.currentPointer = VMXState.noPointer
    loop(runner, Code.vmlaunch)
    expectNone(runner, instructionsAnEntry: 2) { $0.failInvalid }
  }

  @Test("failed checks of controls and host state allocate nothing", arguments: [7, 8])
  func failedChecks(error: Int) throws {
    let runner = try VMXRunner()
    loop(runner, Code.vmlaunch)
    if error == 7 { runner.vmcs.cr3TargetCount = 9 } else { runner.vmcs.hostCR4 = 0 }
    expectNone(runner, instructionsAnEntry: 2) { $0.failValid[error] }
  }

  @Test("failures that load host state allocate nothing", arguments: [0, 2, 3, 4, 34])
  func lateFailures(kind: Int) throws {
    let runner = try VMXRunner()
    loop(runner, Code.vmlaunch)
    switch kind {
    case 2:
      runner.vmcs.vmEntryControls &= ~VMEntryControls.ia32eModeGuest.rawValue
      runner.vmcs.guestEFER = 0
      runner.vmcs.guestCSAccessRights = 0xc09b
      runner.put(0x1e7, at: Place.guestData)
      runner.vmcs.guestCR3 = Place.guestData
    case 3:
      runner.vmcs.guestInterruptibilityState = 1
      runner.vmcs.guestRFLAGS = 0x202
      runner.inject(.nmi, 2)
    case 4: runner.vmcs.vmcsLinkPointer = Place.vmcs
    case 34:
      runner.put(0x800, at: Place.msrLoadList)
      runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
      runner.vmcs.entryMSRLoadCount = 1
    default: runner.vmcs.guestRFLAGS = 0
    }
    expectNone(runner, instructionsAnEntry: 1) {
      kind == 34 ? $0.msrLoadFailed : $0.invalidGuestState
    }
    if kind != 34 { #expect(runner.vmcs.exitQualification == UInt64(kind)) }
  }
}
