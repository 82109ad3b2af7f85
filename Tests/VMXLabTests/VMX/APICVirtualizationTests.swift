import Testing

@testable import VMXLab

/// The rules of the manual's chapter "APIC Virtualization and Virtual Interrupts".
@Suite("APIC virtualization")
struct APICVirtualizationTests {
  private typealias Place = VMXRunner.Place

  private static let accessPage: UInt64 = 0x85_0000
  private static let virtualPage: UInt64 = 0x86_0000
  private static let descriptor: UInt64 = 0x87_0000
  private static let pointerTable: UInt64 = 0x87_1000

  private static let loadEAX: [UInt8] = [0x8b, 0x03]
  private static let storeEAX: [UInt8] = [0x89, 0x03]
  private static let rdmsr: [UInt8] = [0x0f, 0x32]
  private static let wrmsr: [UInt8] = [0x0f, 0x30]
  private static let readCR8: [UInt8] = [0x44, 0x0f, 0x20, 0xc0]
  private static let writeCR8: [UInt8] = [0x44, 0x0f, 0x22, 0xc0]

  /// MOV to a 32-bit register.
  private static func move(_ register: UInt8, _ value: UInt64) -> [UInt8] {
    [0xb8 + register] + (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }
  /// MOV EBX, an address on the APIC-access page.
  private static func point(to offset: UInt64) -> [UInt8] { move(3, accessPage + offset) }

  private func runner(
    _ secondary: SecondaryProcessorBasedControls = .virtualizeAPICAccesses,
    shadow: Bool = true, profile: String = "skylake-server"
  ) throws -> VMXRunner {
    let runner = try VMXRunner(profile: profile)
    if shadow { runner.set(.useTPRShadow) }
    runner.set(.useMSRBitmaps)
    runner.set(secondary: secondary)
    if secondary.contains(.virtualInterruptDelivery) { runner.set(.externalInterruptExiting) }
    runner.vmcs.apicAccessAddress = Self.accessPage
    runner.vmcs.virtualAPICAddress = Self.virtualPage
    return runner
  }

  private func virtual(_ runner: VMXRunner, _ offset: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: runner.get(Self.virtualPage + offset))
  }
  private func setVirtual(_ runner: VMXRunner, _ offset: UInt64, _ value: UInt32) {
    let old = runner.get(Self.virtualPage + offset)
    runner.put(old & ~0xffff_ffff | UInt64(value), at: Self.virtualPage + offset)
  }
  /// Runs guest code from its start.
  private func run(_ runner: VMXRunner, _ code: [UInt8]) -> BasicExitReason? {
    runner.setGuestCode(code)
    return runner.exitReason()
  }

  // MARK: CR8

  @Test("with a TPR shadow, MOV CR8 works on VTPR; without, on the local APIC")
  func cr8() throws {
    let shadowed = try runner([])
    setVirtual(shadowed, 0x80, 0xffff_ffa5)
    #expect(run(shadowed, Self.readCR8) == .vmcall)
    #expect(shadowed.state.pointee.general[0] == 0xa)
    #expect(run(shadowed, Self.move(0, 7) + Self.writeCR8) == .vmcall)
    #expect(virtual(shadowed, 0x80) == 0x70)
    #expect(shadowed.machine.platform.localAPIC.taskPriority == 0)
    let plain = try runner([], shadow: false)
    #expect(run(plain, Self.move(0, 7) + Self.writeCR8) == .vmcall)
    #expect(plain.machine.platform.localAPIC.taskPriority == 0x70)
    #expect(run(plain, Self.readCR8) == .vmcall)
    #expect(plain.state.pointee.general[0] == 7)
  }

  @Test("CR8-load and CR8-store exiting come before the shadow; a value above 15 is #GP")
  func cr8Exiting() throws {
    let runner = try runner([])
    #expect(run(runner, Self.move(0, 16) + Self.writeCR8) == .vmcall)
    #expect(runner.guestHandler == 13)
    runner.set([.cr8LoadExiting, .cr8StoreExiting])
    #expect(run(runner, Self.writeCR8) == .controlRegisterAccess)
    #expect(run(runner, Self.readCR8) == .controlRegisterAccess)
  }

  @Test("a TPR that falls below the threshold causes a trap-like VM exit")
  func tprThreshold() throws {
    let runner = try runner([])
    setVirtual(runner, 0x80, 0x50)
    runner.vmcs.tprThreshold = 5
    #expect(run(runner, Self.move(0, 5) + Self.writeCR8) == .vmcall)
    let code = Self.move(0, 4) + Self.writeCR8
    #expect(run(runner, code) == .tprBelowThreshold)
    #expect(runner.vmcs.guestRIP == Place.guestCode + UInt64(code.count))
    #expect(virtual(runner, 0x80) == 0x40)
    #expect(runner.vmcs.exitQualification == 0)
    // With the shadow below its threshold already, VM entry refuses.
    #expect(runner.enter() == .failValid(7))
  }

  @Test("MOV SS and EFLAGS.TF do not hold back the VM exit, and the trap stays pending")
  func tprThresholdAndTraps() throws {
    let runner = try runner([])
    setVirtual(runner, 0x80, 0x50)
    runner.vmcs.tprThreshold = 5
    runner.vmcs.guestRFLAGS = 0x102
    #expect(run(runner, Self.writeCR8) == .tprBelowThreshold)
    #expect(runner.vmcs.guestPendingDebugExceptions == 0x4000)
  }

  @Test("VM entry with the APIC-access page and VTPR below the threshold exits at once")
  func tprThresholdAtEntry() throws {
    let runner = try runner()
    runner.vmcs.tprThreshold = 3
    setVirtual(runner, 0x80, 0x2f)
    #expect(run(runner, [0x90]) == .tprBelowThreshold)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    // After event injection.
    runner.inject(.externalInterrupt, 0x44)
    runner.vmcs.guestRFLAGS = 0x202
    #expect(runner.exitReason() == .tprBelowThreshold)
    #expect(runner.guestHandler == 0x44)
    // It wakes a halted processor, whatever EFLAGS.IF says.
    runner.setGuestCode([0x90])
    runner.vmcs.guestRFLAGS = 2
    runner.vmcs.guestActivityState = 1
    #expect(runner.exitReason() == .tprBelowThreshold)
    #expect(runner.vmcs.guestActivityState == 1)
    // In shutdown it waits until an event ends that state.
    runner.vmcs.guestActivityState = 2
    #expect(runner.enter() == .other(.haltedForever))
    runner.state.pointee.signals.pointee.requests.insert(.nmi)
    #expect(runner.resume() == .vmExit)
    #expect(runner.vmcs.exitReason == 43)
    #expect(runner.guestHandler == 2)
    setVirtual(runner, 0x80, 0x30)
    #expect(run(runner, [0x90]) == .vmcall)
  }

  @Test("in wait-for-SIPI no TPR exit occurs; a start-up IPI exits, other events wait")
  func waitForSIPI() throws {
    let runner = try runner()
    runner.vmcs.tprThreshold = 3
    runner.vmcs.guestActivityState = 3
    #expect(runner.enter() == .other(.haltedForever))
    let bus = runner.machine.platform.interruptBus
    bus.send(InterruptMessage(deliveryMode: .initialize, vector: 0, destination: 0))
    bus.send(InterruptMessage(deliveryMode: .nmi, vector: 0, destination: 0))
    #expect(runner.resume() == .haltedForever)
    bus.send(InterruptMessage(deliveryMode: .startUp, vector: 0x9a, destination: 0))
    #expect(runner.resume() == .vmExit)
    #expect(runner.vmcs.exitReason == 4)
    #expect(runner.vmcs.exitQualification == 0x9a)
    #expect(runner.vmcs.guestActivityState == 3)
  }

  @Test("INIT exits from an active guest; a start-up IPI is lost on it")
  func initExit() throws {
    let runner = try runner([])
    let bus = runner.machine.platform.interruptBus
    bus.send(InterruptMessage(deliveryMode: .startUp, vector: 0x9a, destination: 0))
    #expect(run(runner, [0x90]) == .vmcall)
    bus.send(InterruptMessage(deliveryMode: .initialize, vector: 0, destination: 0))
    #expect(run(runner, [0x90]) == .initSignal)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    #expect(runner.requestsInitialize == false)
  }

  // MARK: APIC-access VM exits

  @Test("without a TPR shadow every access to the page exits, with offset and type")
  func accessExits() throws {
    let runner = try runner(shadow: false)
    for (code, type) in [(Self.loadEAX, 0), (Self.storeEAX, 1)] as [([UInt8], UInt64)] {
      for offset in [0x80, 0x300, 0xffc] as [UInt64] {
        #expect(run(runner, [0x90] + Self.point(to: offset) + code + [0x90]) == .apicAccess)
        #expect(runner.vmcs.exitQualification == type << 12 | offset)
        #expect(runner.vmcs.guestRIP == Place.guestCode + 6)
        #expect(runner.vmcs.exitInstructionLength == 2)
        #expect(runner.vmcs.guestRFLAGS & RFLAGS.rf.rawValue != 0)
      }
    }
    #expect(runner.get(Self.accessPage + 0x80) == 0)
  }

  @Test("an instruction fetch from the page exits")
  func fetch() throws {
    let runner = try runner()
    #expect(run(runner, Self.point(to: 0x80) + [0xff, 0xe3]) == .apicAccess)
    #expect(runner.vmcs.exitQualification == 2 << 12 | 0x80)
    #expect(runner.vmcs.guestRIP == Self.accessPage + 0x80)
  }

  @Test("an access during event delivery exits with its own type and the event as IDT vectoring")
  func eventDelivery() throws {
    let runner = try runner()
    runner.setGuestCode([0xcd, 0x55])
    runner.vmcs.guestRSP = Self.accessPage + 0x100
    #expect(runner.exitReason() == .apicAccess)
    #expect(runner.vmcs.exitQualification == 3 << 12 | 0xf8)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0455)
    #expect(runner.vmcs.exitInstructionLength == 2)
  }

  @Test("a paging structure on the page, through EPT, exits as a guest-physical access")
  func guestPhysical() throws {
    let runner = try runner([.virtualizeAPICAccesses, .enableEPT])
    runner.vmcs.guestCR3 = Self.accessPage
    #expect(run(runner, [0x90]) == .apicAccess)
    #expect(runner.vmcs.exitQualification >> 12 == 15)
  }

  @Test("page faults come first, and accesses of other pages are none")
  func otherPages() throws {
    let runner = try runner()
    runner.vmcs.exceptionBitmap = 1 << 14
    let unmapped: [UInt8] = [0x48, 0xc7, 0xc3, 0, 0, 0, 0x40]
    #expect(run(runner, unmapped + Self.loadEAX) == .exceptionOrNMI)
    #expect(run(runner, Self.move(3, Self.accessPage + 0x1000) + Self.loadEAX) == .vmcall)
    #expect(run(runner, Self.move(3, Self.accessPage - 2) + Self.loadEAX) == .apicAccess)
    #expect(runner.vmcs.exitQualification == 0)
    #expect(run(runner, Self.point(to: 0xffe) + Self.storeEAX) == .apicAccess)
    #expect(runner.vmcs.exitQualification == 1 << 12 | 0xffe)
  }

  // MARK: Virtualized accesses

  /// The page offsets that are virtualized, for reads and for writes.
  private func expectVirtualized(
    _ controls: SecondaryProcessorBasedControls, reads: Set<UInt64>, writes: Set<UInt64>
  ) throws {
    let runner = try runner(controls.union(.virtualizeAPICAccesses))
    for offset in stride(from: 0, to: 0x420, by: 16) as StrideTo<UInt64> {
      setVirtual(runner, offset, 0xabcd_0000 | UInt32(offset))
      let read = run(runner, Self.point(to: offset) + Self.loadEAX)
      #expect(read == (reads.contains(offset) ? .vmcall : .apicAccess), "read \(offset)")
      if reads.contains(offset) {
        #expect(runner.state.pointee.general[0] == 0xabcd_0000 | offset)
      }
      let code = Self.point(to: offset) + Self.move(0, 0x1234_0000) + Self.storeEAX
      let write = run(runner, code + [0x90])
      if writes.contains(offset) {
        #expect(write == .vmcall || write == .apicWrite, "write \(offset)")
      } else {
        #expect(write == .apicAccess, "write \(offset)")
        // VM entry writes VPPR itself.
        let isPPR = offset == 0xa0 && controls.contains(.virtualInterruptDelivery)
        #expect(isPPR || virtual(runner, offset) == 0xabcd_0000 | UInt32(offset))
      }
      if write == .apicWrite {
        #expect(runner.vmcs.exitQualification == offset)
        #expect(runner.vmcs.guestRIP == Place.guestCode + UInt64(code.count))
        #expect(virtual(runner, offset) == 0x1234_0000)
      }
      // Nothing is left of it in the priorities.
      setVirtual(runner, 0x80, 0)
    }
  }

  @Test("with a TPR shadow alone, TPR is virtualized and nothing else")
  func tprOnly() throws {
    try expectVirtualized([], reads: [0x80], writes: [0x80])
  }

  @Test("virtual-interrupt delivery adds EOI and ICR")
  func interruptRegisters() throws {
    try expectVirtualized(
      .virtualInterruptDelivery, reads: [0x80, 0xb0, 0x300], writes: [0x80, 0xb0, 0x300])
  }

  @Test("APIC-register virtualization adds the registers that the manual lists")
  func allRegisters() throws {
    let writes: Set<UInt64> = [
      0x20, 0x80, 0xb0, 0xd0, 0xe0, 0xf0, 0x280, 0x300, 0x310, 0x320, 0x330, 0x340, 0x350, 0x360,
      0x370, 0x380, 0x3e0,
    ]
    let reads = writes.union([0x30]).union(stride(from: 0x100, to: 0x280, by: 16))
    try expectVirtualized(.apicRegisterVirtualization, reads: reads, writes: writes)
    try expectVirtualized(
      [.apicRegisterVirtualization, .virtualInterruptDelivery], reads: reads, writes: writes)
  }

  @Test("accesses of more than 32 bits, or outside the low 4 bytes of 16, exit")
  func sizes() throws {
    let runner = try runner([.virtualizeAPICAccesses, .apicRegisterVirtualization])
    setVirtual(runner, 0x80, 0x4455_6677)
    #expect(run(runner, Self.point(to: 0x80) + [0x48, 0x8b, 0x03]) == .apicAccess)
    #expect(run(runner, Self.point(to: 0x84) + Self.loadEAX) == .apicAccess)
    #expect(run(runner, Self.point(to: 0x82) + Self.loadEAX) == .apicAccess)
    #expect(run(runner, Self.point(to: 0x82) + [0x0f, 0xb7, 0x03]) == .vmcall)
    #expect(runner.state.pointee.general[0] == 0x4455)
    #expect(run(runner, Self.point(to: 0x81) + [0x0f, 0xb6, 0x03]) == .vmcall)
    #expect(runner.state.pointee.general[0] == 0x66)
    // Only with APIC-register virtualization: otherwise the offset must be 80H itself.
    let plain = try self.runner()
    #expect(run(plain, Self.point(to: 0x81) + [0x0f, 0xb6, 0x03]) == .apicAccess)
    #expect(run(plain, Self.point(to: 0x80) + [0x0f, 0xb6, 0x03]) == .vmcall)
  }

  @Test("a second write of one operation exits; a read that is written back is virtualized")
  func operations() throws {
    let runner = try runner([.virtualizeAPICAccesses, .apicRegisterVirtualization])
    // OR DWORD [RBX], 0x30.
    setVirtual(runner, 0x80, 0x40)
    #expect(run(runner, Self.point(to: 0x80) + [0x83, 0x0b, 0x30]) == .vmcall)
    #expect(virtual(runner, 0x80) == 0x70)
    // REP STOSD: each iteration is an operation; the second is not within a register.
    let code = Self.move(7, Self.accessPage + 0x380) + Self.move(1, 2) + [0xf3, 0xab]
    #expect(run(runner, code) == .apicWrite)
    #expect(runner.vmcs.exitQualification == 0x380)
    #expect(runner.state.pointee.general[1] == 1)
    #expect(runner.exitReason() == .apicAccess)
    #expect(runner.vmcs.exitQualification == 1 << 12 | 0x384)
    #expect(runner.state.pointee.general[1] == 1)
  }

  @Test("a write of TPR clears its upper bytes; one of ICR high its lower ones, without an exit")
  func partialRegisters() throws {
    let runner = try runner([.virtualizeAPICAccesses, .apicRegisterVirtualization])
    #expect(
      run(runner, Self.point(to: 0x80) + Self.move(0, 0x1234_5678) + Self.storeEAX) == .vmcall)
    #expect(virtual(runner, 0x80) == 0x78)
    #expect(
      run(runner, Self.point(to: 0x310) + Self.move(0, 0x1234_5678) + Self.storeEAX) == .vmcall)
    #expect(virtual(runner, 0x310) == 0x1200_0000)
  }

  @Test("a write of TPR through the page meets the threshold")
  func memoryThreshold() throws {
    let runner = try runner()
    setVirtual(runner, 0x80, 0x50)
    runner.vmcs.tprThreshold = 5
    let code = Self.point(to: 0x80) + Self.move(0, 0x4f) + Self.storeEAX
    #expect(run(runner, code + [0x90]) == .tprBelowThreshold)
    #expect(runner.vmcs.guestRIP == Place.guestCode + UInt64(code.count))
  }

  @Test("the access page counts after EPT, not before")
  func hostPhysical() throws {
    let runner = try runner([.virtualizeAPICAccesses, .enableEPT])
    runner.put(Self.accessPage | 0x37, at: runner.eptEntry(Place.guestData))
    setVirtual(runner, 0x80, 0x99)
    #expect(run(runner, Self.move(3, Place.guestData + 0x80) + Self.loadEAX) == .vmcall)
    #expect(runner.state.pointee.general[0] == 0x99)
  }

  // MARK: MSRs

  @Test("x2APIC mode virtualizes RDMSR and WRMSR of TPR, whatever mode the local APIC is in")
  func x2APICTPR() throws {
    let runner = try runner(.virtualizeX2APICMode)
    setVirtual(runner, 0x80, 0x42)
    #expect(run(runner, Self.move(1, 0x808) + Self.rdmsr) == .vmcall)
    #expect(runner.state.pointee.general[0] == 0x42)
    runner.vmcs.tprThreshold = 4
    let write = Self.move(1, 0x808) + Self.move(2, 0)
    #expect(run(runner, write + Self.move(0, 0x4f) + Self.wrmsr) == .vmcall)
    #expect(virtual(runner, 0x80) == 0x4f)
    #expect(run(runner, write + Self.move(0, 0x100) + Self.wrmsr) == .vmcall)
    #expect(runner.guestHandler == 13)
    let code = write + Self.move(0, 0x3f) + Self.wrmsr
    #expect(run(runner, code) == .tprBelowThreshold)
    #expect(runner.vmcs.guestRIP == Place.guestCode + UInt64(code.count))
    // Other registers are those of the local APIC, which is in xAPIC mode.
    runner.vmcs.tprThreshold = 0
    #expect(run(runner, Self.move(1, 0x803) + Self.rdmsr) == .vmcall)
    #expect(runner.guestHandler == 13)
  }

  @Test("the MSR bitmaps come first")
  func x2APICBitmap() throws {
    let runner = try runner(.virtualizeX2APICMode)
    runner.put(1, at: Place.msrBitmaps + 0x101)
    #expect(run(runner, Self.move(1, 0x808) + Self.rdmsr) == .rdmsr)
  }

  @Test("APIC-register virtualization reads every MSR of the range from the page")
  func x2APICRegisters() throws {
    let runner = try runner([.virtualizeX2APICMode, .apicRegisterVirtualization])
    for register in [0, 0x3, 0x80, 0xff] as [UInt64] {
      runner.put(0x1111_2222_3333_4444 &+ register, at: Self.virtualPage + register << 4)
      #expect(run(runner, Self.move(1, 0x800 + register) + Self.rdmsr) == .vmcall)
      #expect(runner.state.pointee.general[0] == 0x3333_4444 &+ register)
      #expect(runner.state.pointee.general[2] == 0x1111_2222)
    }
  }

  @Test("EOI and self-IPI MSRs are virtualized with virtual-interrupt delivery")
  func x2APICInterrupts() throws {
    let runner = try runner([.virtualizeX2APICMode, .virtualInterruptDelivery])
    runner.vmcs.guestInterruptStatus = 0x6000
    setVirtual(runner, 0x130, 1)
    let end = Self.move(1, 0x80b) + Self.move(2, 0)
    #expect(run(runner, end + Self.move(0, 1) + Self.wrmsr) == .vmcall)
    #expect(runner.guestHandler == 13)
    #expect(run(runner, end + Self.move(0, 0) + Self.wrmsr) == .vmcall)
    #expect(runner.vmcs.guestInterruptStatus == 0)
    #expect(virtual(runner, 0x130) == 0)
    let own = Self.move(1, 0x83f) + Self.move(2, 0)
    #expect(run(runner, own + Self.move(0, 0x155) + Self.wrmsr) == .vmcall)
    #expect(runner.guestHandler == 13)
    #expect(run(runner, own + Self.move(0, 0x55) + Self.wrmsr) == .vmcall)
    #expect(runner.vmcs.guestInterruptStatus == 0x55)
    #expect(virtual(runner, 0x220) == 1 << 0x15)
    let code = own + Self.move(0, 0xf) + Self.wrmsr
    #expect(run(runner, code) == .apicWrite)
    #expect(runner.vmcs.exitQualification == 0x3f0)
    #expect(runner.vmcs.guestRIP == Place.guestCode + UInt64(code.count))
  }

  // MARK: Virtual interrupts

  private static let delivery: SecondaryProcessorBasedControls = [
    .virtualizeAPICAccesses, .virtualInterruptDelivery,
  ]

  /// Requests virtual interrupts, as software that emulates an APIC does.
  private func request(_ runner: VMXRunner, _ vectors: UInt8...) {
    for vector in vectors {
      let word = 0x200 + UInt64(vector >> 5) << 4
      setVirtual(runner, word, virtual(runner, word) | 1 << UInt32(vector & 31))
    }
    runner.vmcs.guestInterruptStatus =
      runner.vmcs.guestInterruptStatus & 0xff00 | UInt16(vectors.max() ?? 0)
  }

  @Test("VM entry evaluates and delivers a virtual interrupt, and updates the virtual APIC")
  func deliveryAtEntry() throws {
    let runner = try runner(Self.delivery)
    runner.vmcs.guestRFLAGS = 0x202
    request(runner, 0x34, 0x72)
    #expect(run(runner, [0x90]) == .vmcall)
    #expect(runner.guestHandler == 0x72)
    #expect(runner.guestStack(0) == Place.guestCode)
    #expect(runner.vmcs.guestInterruptStatus == 0x7234)
    #expect(virtual(runner, 0x230) == 0)
    #expect(virtual(runner, 0x210) == 1 << 0x14)
    #expect(virtual(runner, 0x130) == 1 << 0x12)
    #expect(virtual(runner, 0xa0) == 0x70)
  }

  @Test("VPPR holds back what is not above it; VM entry computes VPPR from VTPR and SVI")
  func priorities() throws {
    for (vtpr, svi, vppr, isDelivered) in [
      (0x00, 0x00, 0x00, true), (0x4f, 0x00, 0x4f, true), (0x50, 0x00, 0x50, false),
      (0x00, 0x5a, 0x50, false), (0x4a, 0x43, 0x4a, true), (0x3a, 0x43, 0x40, true),
    ] as [(UInt32, UInt16, UInt32, Bool)] {
      let runner = try runner(Self.delivery)
      runner.vmcs.guestRFLAGS = 0x202
      runner.vmcs.guestInterruptStatus = svi << 8
      setVirtual(runner, 0x80, vtpr)
      setVirtual(runner, 0xa0, 0xffff_ffff)
      request(runner, 0x5c)
      #expect(run(runner, [0x90]) == .vmcall)
      #expect((runner.guestHandler == 0x5c) == isDelivered)
      #expect(virtual(runner, 0xa0) == (isDelivered ? 0x50 : vppr))
    }
  }

  @Test("delivery waits for EFLAGS.IF and for the shadow of STI")
  func window() throws {
    let runner = try runner(Self.delivery)
    request(runner, 0x55)
    #expect(run(runner, [0x90, 0x90]) == .vmcall)
    #expect(runner.guestHandler == nil)
    // STI; NOP; NOP
    #expect(run(runner, [0xfb, 0x90, 0x90]) == .vmcall)
    #expect(runner.guestHandler == 0x55)
    #expect(runner.guestStack(0) == Place.guestCode + 2)
  }

  @Test("interrupt-window exiting keeps virtual interrupts from being recognized")
  func interruptWindow() throws {
    let runner = try runner(Self.delivery)
    runner.set(.interruptWindowExiting)
    runner.vmcs.guestRFLAGS = 0x202
    request(runner, 0x55)
    #expect(run(runner, [0x90]) == .interruptWindow)
    #expect(runner.vmcs.guestInterruptStatus == 0x55)
  }

  @Test("a virtual interrupt wakes a halted guest, and goes before external interrupts")
  func halted() throws {
    let runner = try runner(Self.delivery)
    runner.vmcs.guestRFLAGS = 0x202
    runner.vmcs.guestActivityState = 1
    request(runner, 0x55)
    runner.machine.platform.localAPIC.accept(
      InterruptMessage(deliveryMode: .fixed, vector: 0x90))
    runner.machine.platform.updateSignals()
    #expect(run(runner, [0x90]) == .externalInterrupt)
    #expect(runner.guestHandler == 0x55)
    #expect(runner.vmcs.guestActivityState == 0)
  }

  @Test("an injected event goes first")
  func injection() throws {
    let runner = try runner(Self.delivery)
    runner.vmcs.guestRFLAGS = 0x202
    request(runner, 0x55)
    // A trap gate leaves IF set, so that the virtual interrupt comes in the handler of the first.
    runner.put(
      runner.get(Place.guestIDT + 0x30 * 16) | 0x100 << 32, at: Place.guestIDT + 0x30 * 16)
    runner.inject(.softwareInterrupt, 0x30, length: 2)
    #expect(run(runner, [0x90, 0x90]) == .vmcall)
    #expect(runner.guestHandler == 0x55)
    #expect(runner.guestStack(0) == Place.guestHandlers + 0x30 * 16)
  }

  @Test("lowering TPR delivers what waited, before the next instruction")
  func tprDelivery() throws {
    for code in [
      Self.move(0, 4) + Self.writeCR8,
      Self.point(to: 0x80) + Self.move(0, 0x40) + Self.storeEAX,
    ] {
      let runner = try runner(Self.delivery)
      runner.vmcs.guestRFLAGS = 0x202
      setVirtual(runner, 0x80, 0x50)
      request(runner, 0x55)
      #expect(run(runner, code + [0x90, 0x90]) == .vmcall)
      #expect(runner.guestHandler == 0x55)
      #expect(runner.guestStack(0) == Place.guestCode + UInt64(code.count))
    }
  }

  @Test("EOI clears SVI's vector, and delivers the next")
  func endOfInterrupt() throws {
    let runner = try runner(Self.delivery)
    runner.vmcs.guestRFLAGS = 0x202
    runner.vmcs.guestInterruptStatus = 0x7200
    setVirtual(runner, 0x130, 1 << 0x12)
    setVirtual(runner, 0x110, 1 << 0x11)
    request(runner, 0x45)
    let code = Self.point(to: 0xb0) + Self.move(0, 0xffff_ffff) + Self.storeEAX
    #expect(run(runner, code + [0x90]) == .vmcall)
    #expect(runner.guestHandler == 0x45)
    #expect(runner.guestStack(0) == Place.guestCode + UInt64(code.count))
    #expect(virtual(runner, 0xb0) == 0)
    #expect(virtual(runner, 0x130) == 0)
    #expect(virtual(runner, 0x110) == 1 << 0x11)
    #expect(virtual(runner, 0x120) == 1 << 5)
    #expect(runner.vmcs.guestInterruptStatus == 0x4500)
  }

  @Test("a vector in the EOI-exit bitmap causes a trap-like VM exit, for each of the bitmaps")
  func eoiExit() throws {
    for vector in [0x35, 0x62, 0x9f, 0xe1] as [UInt8] {
      let runner = try runner(Self.delivery)
      runner.vmcs.guestInterruptStatus = UInt16(vector) << 8
      let bit: UInt64 = 1 << UInt64(vector & 63)
      switch vector >> 6 {
      case 0: runner.vmcs.eoiExitBitmap0 = bit
      case 1: runner.vmcs.eoiExitBitmap1 = bit
      case 2: runner.vmcs.eoiExitBitmap2 = bit
      default: runner.vmcs.eoiExitBitmap3 = bit
      }
      let code = Self.point(to: 0xb0) + Self.storeEAX
      #expect(run(runner, code + [0x90]) == .virtualizedEOI)
      #expect(runner.vmcs.exitQualification == UInt64(vector))
      #expect(runner.vmcs.guestRIP == Place.guestCode + UInt64(code.count))
      #expect(runner.vmcs.guestInterruptStatus == 0)
    }
  }

  @Test("without virtual-interrupt delivery a virtualized EOI exits as an APIC write")
  func eoiWrite() throws {
    let runner = try runner([.virtualizeAPICAccesses, .apicRegisterVirtualization])
    #expect(run(runner, Self.point(to: 0xb0) + Self.storeEAX) == .apicWrite)
    #expect(runner.vmcs.exitQualification == 0xb0)
  }

  @Test("a self-IPI through ICR is virtualized; every other command exits")
  func selfIPI() throws {
    for (command, isVirtual) in [
      (0x4_0066, true), (0x4_4866, true),  // level and destination mode do not matter
      (0x0_0066, false), (0x8_0066, false), (0xc_0066, false),  // shorthands
      (0x4_8066, false), (0x4_0166, false), (0x4_1066, false),  // trigger, mode, status
      (0x4_2066, false), (0x5_0066, false), (0x14_0066, false),  // reserved bits
      (0x4_000f, false),  // vector
    ] as [(UInt64, Bool)] {
      let runner = try runner(Self.delivery)
      runner.vmcs.guestRFLAGS = 0x202
      let code = Self.point(to: 0x300) + Self.move(0, command) + Self.storeEAX
      let reason = run(runner, code + [0x90])
      #expect(virtual(runner, 0x300) == UInt32(command))
      if isVirtual {
        #expect(reason == .vmcall)
        #expect(runner.guestHandler == 0x66)
        #expect(runner.guestStack(0) == Place.guestCode + UInt64(code.count))
      } else {
        #expect(reason == .apicWrite)
        #expect(runner.vmcs.exitQualification == 0x300)
        #expect(runner.vmcs.guestInterruptStatus == 0)
      }
    }
  }

  @Test("a VM exit before the emulation of a write cancels it")
  func cancelledEmulation() throws {
    let runner = try runner([.virtualizeAPICAccesses, .apicRegisterVirtualization])
    runner.set(.monitorTrapFlag)
    // The trap-like exit goes before the monitor trap flag's.
    #expect(run(runner, [0x90]) == .monitorTrapFlag)
    let write = Self.storeEAX
    runner.setGuestCode(write)
    runner.state.pointee.general[3] = Self.accessPage + 0x380
    #expect(runner.exitReasonKeepingRegisters(rbx: Self.accessPage + 0x380) == .apicWrite)
    #expect(runner.vmcs.exitQualification == 0x380)
    #expect(runner.state.pointee.vmx.apic.trapExit == nil)
  }

  // MARK: Posted interrupts

  private func posting() throws -> VMXRunner {
    let runner = try runner([.virtualizeX2APICMode, .virtualInterruptDelivery])
    runner.set(.processPostedInterrupts)
    runner.set(exit: .acknowledgeInterruptOnExit)
    runner.vmcs.postedInterruptNotificationVector = 0xf2
    runner.vmcs.postedInterruptDescriptorAddress = Self.descriptor
    return runner
  }

  private func interrupt(_ runner: VMXRunner, _ vector: UInt8) {
    runner.machine.platform.localAPIC.accept(
      InterruptMessage(deliveryMode: .fixed, vector: vector))
    runner.machine.platform.updateSignals()
  }

  @Test("the notification vector posts interrupts, ends its own, and the highest is delivered")
  func postedInterrupts() throws {
    let runner = try posting()
    runner.vmcs.guestRFLAGS = 0x202
    runner.put(1 << 0x33, at: Self.descriptor)
    runner.put(1 << 0x3f, at: Self.descriptor + 16)
    runner.put(0xaaaa_0000_bbbb_0003, at: Self.descriptor + 32)
    interrupt(runner, 0xf2)
    #expect(run(runner, [0x90, 0x90]) == .vmcall)
    #expect(runner.guestHandler == 0xbf)
    #expect(runner.vmcs.guestInterruptStatus == 0xbf33)
    #expect(virtual(runner, 0x210) == 1 << 0x13)
    #expect(runner.get(Self.descriptor) == 0)
    #expect(runner.get(Self.descriptor + 16) == 0)
    #expect(runner.get(Self.descriptor + 32) == 0xaaaa_0000_bbbb_0002)
    let apic = runner.machine.platform.localAPIC
    #expect(apic.inService.highest == nil && apic.requests.highest == nil)
  }

  @Test("other vectors exit, acknowledged")
  func otherVector() throws {
    let runner = try posting()
    runner.put(1 << 0x33, at: Self.descriptor)
    interrupt(runner, 0xf3)
    #expect(run(runner, [0x90]) == .externalInterrupt)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_00f3)
    #expect(runner.get(Self.descriptor) == 1 << 0x33)
  }

  @Test("a notification does not wake a halted guest that gets no virtual interrupt")
  func postedToHalted() throws {
    let runner = try posting()
    runner.vmcs.guestActivityState = 1
    setVirtual(runner, 0x80, 0x80)
    runner.vmcs.guestRFLAGS = 0x202
    runner.put(1 << 0x33, at: Self.descriptor)
    runner.machine.platform.ports.write(0x43, size: 1, value: 0x30)
    interrupt(runner, 0xf2)
    #expect(runner.enter() == .other(.haltedForever))
    #expect(runner.state.pointee.activity == .hlt)
    runner.put(1 << 0x1f, at: Self.descriptor + 16)
    interrupt(runner, 0xf2)
    #expect(runner.resume() == .vmExit)
    #expect(runner.guestHandler == 0x9f)
    #expect(runner.vmcs.guestInterruptStatus == 0x9f33)
  }

  // MARK: IPI virtualization

  private func sending(_ controls: SecondaryProcessorBasedControls) throws -> VMXRunner {
    let runner = try runner(controls, profile: "sapphire-rapids")
    runner.set(.activateTertiaryControls)
    runner.vmcs.tertiaryProcessorBasedControls = 0x10
    runner.vmcs.pidPointerTableAddress = Self.pointerTable
    runner.vmcs.lastPIDPointerIndex = 2
    runner.put(Self.descriptor | 1, at: Self.pointerTable + 16)
    return runner
  }

  @Test("IPI virtualization posts to the descriptor of the destination, and notifies once")
  func ipiVirtualization() throws {
    let runner = try sending(.virtualizeAPICAccesses)
    runner.set(.externalInterruptExiting)
    // NV 0xf2, xAPIC ID 0 in NDST[15:8].
    runner.put(0xf2 << 16, at: Self.descriptor + 32)
    setVirtual(runner, 0x310, 2 << 24)
    let code = Self.point(to: 0x300) + Self.move(0, 0x77) + Self.storeEAX
    #expect(run(runner, code + [0x90]) == .externalInterrupt)
    #expect(runner.vmcs.guestRIP == Place.guestCode + UInt64(code.count))
    #expect(runner.get(Self.descriptor + 8) == 1 << 0x37)
    #expect(runner.get(Self.descriptor + 32) == 0xf2_0001)
    let apic = runner.machine.platform.localAPIC
    #expect(apic.acknowledge() == 0xf2)
    apic.endInterrupt()
    runner.machine.platform.updateSignals()
    // With a notification outstanding, or suppressed, there is no second.
    #expect(run(runner, Self.point(to: 0x300) + Self.move(0, 0x78) + Self.storeEAX) == .vmcall)
    #expect(runner.get(Self.descriptor + 8) == 3 << 0x37)
    runner.put(0xf2_0002, at: Self.descriptor + 32)
    #expect(run(runner, Self.point(to: 0x300) + Self.move(0, 0x79) + Self.storeEAX) == .vmcall)
    #expect(runner.get(Self.descriptor + 32) == 0xf2_0002)
  }

  @Test("IPI virtualization through the MSR, whose reserved bits are refused")
  func ipiMSR() throws {
    let runner = try sending(.virtualizeX2APICMode)
    runner.put(2, at: Self.descriptor + 32)
    let send = Self.move(1, 0x830) + Self.move(2, 2)
    #expect(run(runner, send + Self.move(0, 0x41) + Self.wrmsr) == .vmcall)
    #expect(runner.get(Self.descriptor + 8) == 2)
    #expect(runner.get(Self.virtualPage + 0x300) == 0x2_0000_0041)
    #expect(run(runner, send + Self.move(0, 0x10_0041) + Self.wrmsr) == .vmcall)
    #expect(runner.guestHandler == 13)
  }

  @Test("what IPI virtualization cannot do exits as a write of ICR")
  func ipiRefusals() throws {
    for (command, destination, entry) in [
      (0x0f, 2, 1), (0x77, 3, 1), (0x77, 2, 0), (0x77, 2, 3), (0x877, 2, 1), (0x8_0077, 2, 1),
      (0x77, 2, 1 << 60 | 1),
    ] as [(UInt64, UInt64, UInt64)] {
      let runner = try sending(.virtualizeX2APICMode)
      runner.put(Self.descriptor | entry, at: Self.pointerTable + 16)
      let code =
        Self.move(1, 0x830) + Self.move(2, destination) + Self.move(0, command) + Self.wrmsr
      #expect(run(runner, code) == .apicWrite)
      #expect(runner.vmcs.exitQualification == 0x300)
      #expect(runner.get(Self.descriptor + 8) == 0)
    }
  }

  // MARK: Profiles

  @Test("profiles offer the controls that their parts have")
  func offered() throws {
    func offered(_ profile: String) throws -> VMXControlSet {
      try VMXRunner(profile: profile).capabilities.offeredControls
    }
    let penryn = try offered("penryn")
    #expect(penryn.primary.contains(.useTPRShadow))
    #expect(penryn.secondary.contains(.virtualizeAPICAccesses))
    #expect(!penryn.secondary.contains(.virtualizeX2APICMode))
    let haswell = try offered("haswell")
    #expect(haswell.secondary.contains(.virtualizeX2APICMode))
    #expect(!haswell.secondary.contains(.virtualInterruptDelivery))
    let skylake = try offered("skylake-server")
    #expect(
      skylake.secondary.isSuperset(of: [.apicRegisterVirtualization, .virtualInterruptDelivery]))
    #expect(skylake.pin.contains(.processPostedInterrupts))
    #expect(skylake.tertiary.isEmpty)
    #expect(try offered("sapphire-rapids").tertiary == .ipiVirtualization)
  }
}

extension VMXRunner {
  fileprivate var requestsInitialize: Bool {
    state.pointee.signals.pointee.requests.contains(.initialize)
  }

  /// Enters with RBX set, since L1 and L2 share the general registers.
  fileprivate func exitReasonKeepingRegisters(rbx: UInt64) -> BasicExitReason? {
    state.pointee.general[3] = rbx
    return exitReason()
  }
}
