import Testing

@testable import VMXLab

@Suite("Bus locks")
struct BusLockTests {
  private typealias Place = VMXRunner.Place

  /// The exit reason of a bus lock, with bit 26.
  private static let busLock: UInt32 = 1 << 26 | 74
  private static let vmcall: UInt32 = 18
  /// That of an EPT violation after a bus lock.
  private static let eptViolation: UInt32 = 1 << 26 | 48
  /// The last byte of a cache line.
  private static let lineEnd = Place.guestData + 63
  /// LOCK ADD [RBX], EAX.
  private static let lockedAdd: [UInt8] = [0xf0, 0x01, 0x03]

  private func runner(detects: Bool = true, _ code: [UInt8] = []) throws -> VMXRunner {
    let runner = try VMXRunner(profile: "sapphire-rapids")
    if detects { runner.set(secondary: .vmmBusLockDetection) }
    runner.setGuestCode(code)
    for register in [0, 1, 2] { runner.state.pointee.general[register] = 0 }
    runner.state.pointee.general[3] = Self.lineEnd
    return runner
  }

  /// Enters L2; the exit reason, with all its bits.
  private func exit(_ runner: VMXRunner) -> UInt32? {
    runner.enter() == .exit ? runner.vmcs.exitReason : nil
  }

  /// Moves L2's GDT to where the descriptor of `selector` begins 4 bytes before the end of a line, and
  /// puts `descriptor` there.
  private func splitDescriptor(
    _ runner: VMXRunner, _ selector: UInt64, _ descriptor: UInt64, line: UInt64 = Place.guestData
  ) {
    let base = line + 60 - selector
    for offset in stride(from: 0 as UInt64, to: 0x28, by: 8) {
      runner.put(runner.get(Place.guestTables + 0x3000 + offset), at: base + offset)
    }
    runner.put(descriptor, at: base + selector)
    runner.vmcs.guestGDTRBase = base
    runner.vmcs.guestGDTRLimit = 0x7f
  }

  @Test("only Sapphire Rapids offers their detection", arguments: CPUProfile.names)
  func offered(name: String) throws {
    let offered = try VMXRunner(profile: name).capabilities.offeredControls
    #expect(offered.secondary.contains(.vmmBusLockDetection) == (name == "sapphire-rapids"))
  }

  @Test(
    "a locked access across two lines exits after the instruction, which is carried out as ever",
    arguments: [
      ("LOCK ADD [RBX], EAX", Self.lockedAdd),
      ("LOCK OR dword [RBX], 1", [0xf0, 0x83, 0x0b, 1]),
      ("LOCK INC dword [RBX]", [0xf0, 0xff, 0x03]),
      ("LOCK NOT word [RBX]", [0x66, 0xf0, 0xf7, 0x13]),
      ("XCHG [RBX], RAX", [0x48, 0x87, 0x03]),
      ("XCHG AX, [RBX]", [0x66, 0x87, 0x03]),
      ("LOCK XCHG [RBX], RAX", [0xf0, 0x48, 0x87, 0x03]),
      ("LOCK XADD [RBX], EAX", [0xf0, 0x0f, 0xc1, 0x03]),
      ("LOCK CMPXCHG [RBX], ECX", [0xf0, 0x0f, 0xb1, 0x0b]),
      ("LOCK CMPXCHG8B [RBX]", [0xf0, 0x0f, 0xc7, 0x0b]),
      ("LOCK BTS dword [RBX], 1", [0xf0, 0x0f, 0xba, 0x2b, 1]),
      ("LOCK BTC [RBX-64], R9", [0xf0, 0x4c, 0x0f, 0xbb, 0x4b, 0xc0]),
      ("LOCK ADD FS:[R8], EAX", [0x64, 0xf0, 0x41, 0x01, 0x00]),
    ])
  func split(name: String, code: [UInt8]) throws {
    let outcomes = try [false, true].map { detects in
      let runner = try runner(detects: detects, code)
      runner.put(0x0123_4567_89ab_cdef, at: Self.lineEnd)
      // 8 words on.
      runner.state.pointee.general[9] = 64 * 8
      runner.vmcs.guestFSBase = Self.lineEnd
      runner.state.pointee.general[0] = 0x1111_1111
      runner.state.pointee.general[8] = 0
      #expect(exit(runner) == (detects ? Self.busLock : Self.vmcall))
      #expect(runner.vmcs.guestRIP == Place.guestCode + UInt64(code.count))
      #expect(runner.vmcs.exitQualification == 0)
      #expect(runner.vmcs.idtVectoringInformation == 0)
      return [runner.get(Self.lineEnd), runner.state.pointee.general[0], runner.vmcs.guestRFLAGS]
    }
    #expect(outcomes[0] == outcomes[1])
  }

  @Test(
    "accesses within a line, and those that are not locked, do not",
    arguments: [
      ("LOCK ADD dword at the end of a line", Self.lockedAdd, 60),
      ("LOCK ADD dword, not aligned", Self.lockedAdd, 5),
      ("XCHG qword at the end of a line", [0x48, 0x87, 0x03], 56),
      ("LOCK ADD byte", [0xf0, 0x00, 0x03], 63),
      ("LOCK CMPXCHG16B", [0xf0, 0x48, 0x0f, 0xc7, 0x0b], 48),
      ("ADD", [0x01, 0x03], 63),
      ("XADD", [0x0f, 0xc1, 0x03], 63),
      ("CMPXCHG", [0x0f, 0xb1, 0x0b], 63),
      ("MOV", [0x89, 0x03], 63),
      ("XCHG RCX, RAX", [0x48, 0x87, 0xc1], 63),
      ("LOCK BTC [RBX], RCX, elsewhere", [0xf0, 0x48, 0x0f, 0xbb, 0x0b], 60),
    ] as [(String, [UInt8], UInt64)])
  func whole(name: String, code: [UInt8], offset: UInt64) throws {
    let runner = try runner(code)
    runner.state.pointee.general[3] = Place.guestData + offset
    runner.state.pointee.general[1] = 64 * 2
    #expect(exit(runner) == Self.vmcall)
  }

  @Test("the instructions around it are carried out once, and the next VM exit says no more of it")
  func resumption() throws {
    // INC ECX before and after.
    let code = [0xff, 0xc1] + Self.lockedAdd + [0xff, 0xc1]
    let runner = try runner(code)
    #expect(exit(runner) == Self.busLock)
    #expect(runner.state.pointee.general[1] == 1)
    #expect(exit(runner) == Self.vmcall)
    #expect(runner.state.pointee.general[1] == 2)
    #expect(runner.vmcs.guestRIP == Place.guestCode + UInt64(code.count))
  }

  @Test("what asserts none takes as many instructions and cycles with the control as without it")
  func cost() throws {
    let costs = try [false, true].map { detects in
      let runner = try runner(detects: detects, [0x90] + Self.lockedAdd + [0x90] + Self.lockedAdd)
      runner.state.pointee.general[3] = Place.guestData
      _ = runner.enter(limit: 1)
      let (instructions, cycles) = (runner.state.pointee.instructions, runner.state.pointee.cycles)
      #expect(runner.resume(limit: 4) == .instructionLimit)
      #expect(runner.state.pointee.rip == Place.guestCode + 8)
      return [
        runner.state.pointee.instructions - instructions, runner.state.pointee.cycles - cycles,
      ]
    }
    #expect(costs[0] == costs[1])
    #expect(costs[1][0] == 4)
  }

  @Test("a block may be full of locked instructions")
  func fullBlock() throws {
    let runner = try runner((0..<100).flatMap { _ in Self.lockedAdd })
    runner.state.pointee.general[3] = Place.guestData
    runner.state.pointee.general[0] = 1
    #expect(exit(runner) == Self.vmcall)
    #expect(runner.get(Place.guestData) == 100)
  }

  @Test("a locked access that faults asserts none")
  func fault() throws {
    let runner = try runner(Self.lockedAdd)
    // The tables map one GiB.
    runner.state.pointee.general[3] = 1 << 30 - 1
    #expect(exit(runner) == Self.vmcall)
    #expect(runner.guestHandler == 14)
    #expect(runner.guestStack(1) == Place.guestCode)
  }

  @Test("debug traps of the instruction stay pending, and the monitor trap flag comes second")
  func traps() throws {
    let runner = try runner(Self.lockedAdd + [0x90])
    runner.state.pointee.debug.dr0 = Self.lineEnd
    // L0, of 4 bytes, writes.
    runner.vmcs.guestDR7 = 0xd_0401
    runner.vmcs.guestRFLAGS = 2 | RFLAGS.tf.rawValue
    runner.set(.monitorTrapFlag)
    #expect(exit(runner) == Self.busLock)
    // B0, "enabled breakpoint" and BS.
    #expect(runner.vmcs.guestPendingDebugExceptions == 0x5001)
    runner.vmcs.primaryProcessorBasedControls &=
      ~PrimaryProcessorBasedControls.monitorTrapFlag.rawValue
    #expect(exit(runner) == Self.vmcall)
    #expect(runner.guestHandler == 1)
    #expect(runner.guestStack(0) == Place.guestCode + 3)
    #expect(runner.state.pointee.debug.dr6 & 0x400f == 0x4001)
  }

  @Test("so does setting the accessed flag of a descriptor across two lines, once")
  func accessedFlag() throws {
    // MOV DS, EAX, twice.
    let runner = try runner([0x8e, 0xd8, 0x8e, 0xd8])
    splitDescriptor(runner, 0x28, 0x00cf_9200_0000_ffff)
    runner.state.pointee.general[0] = 0x28
    #expect(exit(runner) == Self.busLock)
    #expect(runner.vmcs.guestRIP == Place.guestCode + 2)
    #expect(runner.vmcs.guestSegment(.ds).selector == 0x28)
    #expect(runner.get(Place.guestData + 60) == 0x00cf_9300_0000_ffff)
    #expect(exit(runner) == Self.vmcall)
  }

  @Test("so does setting the busy flag of a TSS across two lines")
  func busyFlag() throws {
    // LTR AX.
    let runner = try runner([0x0f, 0x00, 0xd8])
    splitDescriptor(runner, 0x28, 0x0000_8900_0000_0067 | Place.guestTSS << 16)
    runner.state.pointee.general[0] = 0x28
    #expect(exit(runner) == Self.busLock)
    #expect(runner.vmcs.guestSegment(.tr).selector == 0x28)
  }

  @Test("an event whose handler's code segment locks the bus is delivered first")
  func delivery() throws {
    let runner = try runner(Code.ud2)
    splitDescriptor(runner, 8, 0x00af_9a00_0000_ffff)
    #expect(exit(runner) == Self.busLock)
    #expect(runner.vmcs.guestRIP == Place.guestHandlers + 6 * 16)
    #expect(runner.vmcs.idtVectoringInformation == 0)
    #expect(runner.guestStack(0) == Place.guestCode)
  }

  @Test("another VM exit of the instruction has bit 26 instead")
  func otherExit() throws {
    // IRETQ marks SS, at the end of a line, and then CS, on the next page.
    let runner = try runner([0x48, 0xcf])
    runner.set(secondary: .enableEPT)
    splitDescriptor(runner, 0x28, 0x00cf_9200_0000_ffff, line: Place.guestData + 0xf80)
    runner.put(0x00af_9a00_0000_ffff, at: runner.vmcs.guestGDTRBase + 0x70)
    let target = Place.guestCode + 0x100
    runner.machine.writeMemory(Code.vmcall, at: target)
    runner.vmcs.guestRSP = Place.guestStack - 40
    for (slot, value) in [target, 0x70, 2, Place.guestStack, 0x28].enumerated() {
      runner.put(value, at: Place.guestStack - 40 + UInt64(slot) * 8)
    }
    let entry = runner.eptEntry(Place.guestData + 0x1000)
    runner.put(runner.get(entry) & ~2, at: entry)
    #expect(exit(runner) == Self.eptViolation)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    runner.put(runner.get(entry) | 2, at: entry)
    #expect(exit(runner) == Self.vmcall)
    #expect(runner.vmcs.guestRIP == target)
  }

  @Test("L1 asserts them unseen")
  func root() throws {
    let runner = try runner()
    #expect(exit(runner) == Self.vmcall)
    #expect(runner.execute([0xf0, 0x01, 0x03], memory: Self.lineEnd) == .retired)
    #expect(!runner.state.pointee.vmx.hasBusLock)
    #expect(exit(runner) == Self.vmcall)
  }
}
