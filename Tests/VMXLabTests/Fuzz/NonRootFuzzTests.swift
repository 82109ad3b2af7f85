import Testing

@testable import VMXLab

/// Random guests in VMX non-root operation, behind random controls, EPT entries, bitmaps and guest
/// state. Whatever comes of an entry, the emulator is unharmed and the processor's state makes sense.
struct NonRootFuzzTests {
  private typealias Place = VMXRunner.Place

  @Test("Random guests behind random controls harm nothing")
  func randomGuests() throws {
    var exits: Set<BasicExitReason> = []
    var entered = 0
    var failures = 0
    try FuzzSettings.forEachSeed(quickCount: 60) { seed in
      guard failures < 5 else { return }
      var random = SeededGenerator(seed: seed)
      let runner = try VMXRunner()
      Self.fillMemory(runner, &random)
      Self.setControls(runner, &random)
      for round in 0..<30 {
        Self.change(runner, &random)
        if runner.enter(limit: 300) == .exit, runner.vmcs.exitReason >> 31 == 0 {
          entered += 1
          if let reason = BasicExitReason(
            rawValue: UInt16(truncatingIfNeeded: runner.vmcs.exitReason))
          {
            exits.insert(reason)
          }
        }
        let broken = ProcessorInvariant.broken(runner.state.pointee)
        if !broken.isEmpty {
          failures += 1
          Issue.record(
            """
            seed \(seed), entry \(round): \(broken.joined(separator: "; "))
            \(GuestSnapshot(runner.state.pointee).text)
            """)
          return
        }
        guard Self.returnToL1(runner) else { return }
      }
    }
    if FuzzSettings.seconds != nil { print("\(entered) guests entered, exits: \(exits)") }
    // The guests get somewhere: most entries would otherwise fail for the same reason.
    #expect(entered > 100)
    #expect(exits.count >= 5, "\(exits)")
  }

  // MARK: The guest

  private static func fillMemory(_ runner: VMXRunner, _ random: inout SeededGenerator) {
    var code = RandomCode(random: random)
    for offset in stride(from: UInt64(0), to: 0x4000, by: 8) {
      store(runner, code.nextQuadword(), at: Place.guestCode + offset)
    }
    random = code.random
    for page in [Place.ioBitmapA, Place.ioBitmapB, Place.msrBitmaps] {
      for offset in stride(from: UInt64(0), to: 0x1000, by: 8) {
        store(runner, random.next() & random.next() & random.next(), at: page + offset)
      }
    }
    for list in [Place.msrLoadList, Place.msrStoreList, Place.exitLoadList] {
      let registers = [
        MSR.ia32KernelGSBase, MSR.ia32SYSENTERCS, MSR.ia32STAR, MSR.ia32FSBase, 0x800,
      ]
      for entry in 0..<UInt64(4) {
        store(runner, UInt64(registers[random.below(5)]), at: list + entry * 16)
        store(runner, random.edge(), at: list + entry * 16 + 8)
      }
    }
    // A few pages of the guest's code and data have other rights, or reserved bits, in EPT.
    for _ in 0..<8 {
      let page = Place.guestCode + UInt64(random.below(64)) << 12
      store(
        runner, page | random.next() & 0xfff | (random.chance(1, in: 8) ? 1 << 50 : 0),
        at: runner.eptEntry(page))
    }
  }

  private static func store(_ runner: VMXRunner, _ value: UInt64, at address: UInt64) {
    runner.machine.memory.map.host(address)?.storeBytes(of: value, as: UInt64.self)
  }

  /// Controls that the processor offers, at random.
  private static func setControls(_ runner: VMXRunner, _ random: inout SeededGenerator) {
    let capabilities = runner.capabilities
    func word(_ limits: ControlLimits<UInt32>) -> UInt32 {
      let wanted = UInt32(truncatingIfNeeded: random.next() & random.next())
      return wanted & limits.allowed | limits.required
    }
    runner.vmcs.pinBasedControls = word(capabilities.pin)
    runner.vmcs.primaryProcessorBasedControls |= word(capabilities.primary)
    if random.chance(3, in: 4) {
      runner.set(secondary: SecondaryProcessorBasedControls(rawValue: word(capabilities.secondary)))
    }
    if random.chance(1, in: 2) { runner.set(secondary: [.enableEPT, .enableVPID]) }
    runner.vmcs.exceptionBitmap = UInt32(truncatingIfNeeded: random.next() & random.next())
    runner.vmcs.cr0GuestHostMask = random.next() & 0x8005_003f
    runner.vmcs.cr4GuestHostMask = random.next() & 0x77_ffff
    runner.vmcs.cr0ReadShadow = random.next() & 0x8005_003f
    runner.vmcs.cr4ReadShadow = random.next() & 0x77_ffff
    setAddresses(runner)
    runner.vmcs.vmxPreemptionTimerValue = UInt32(truncatingIfNeeded: random.next() & 0xff)
    if random.chance(1, in: 4) {
      runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
      runner.vmcs.entryMSRLoadCount = UInt32(random.below(3))
      runner.vmcs.exitMSRStoreAddress = Place.msrStoreList
      runner.vmcs.exitMSRStoreCount = UInt32(random.below(3))
    }
  }

  /// Pages for whatever the controls turn on, which the guest seldom reaches otherwise.
  private static func setAddresses(_ runner: VMXRunner) {
    runner.vmcs.apicAccessAddress = Place.guestStack + 0x4000
    runner.vmcs.virtualAPICAddress = Place.guestStack + 0x5000
    runner.vmcs.postedInterruptDescriptorAddress = Place.guestStack + 0x6000
    runner.vmcs.pmlAddress = Place.pageModificationLog
    runner.vmcs.pmlIndex = 511
    runner.vmcs.vmFunctionControls = 1
    runner.vmcs.eptpListAddress = Place.eptpList
    runner.vmcs.vmreadBitmapAddress = Place.vmreadBitmap
    runner.vmcs.vmwriteBitmapAddress = Place.vmwriteBitmap
    runner.vmcs.virtualizationExceptionInformationAddress = Place.virtualizationException
    runner.vmcs.tscMultiplier = 1 << 48
    runner.vmcs.pleWindow = 0x1000
  }

  /// Other registers and code for the next entry; and some field of the guest's state, mostly to what is
  /// still valid.
  private static func change(_ runner: VMXRunner, _ random: inout SeededGenerator) {
    runner.vmcs.guestRIP = Place.guestCode + random.next() & 0x3fff
    runner.vmcs.guestRSP = Place.guestStack - random.next() & 0xff8
    runner.vmcs.guestRFLAGS = random.next() & 0x1_4ed5 | 2
    runner.vmcs.guestInterruptibilityState = 0
    runner.vmcs.guestActivityState = 0
    for register in 0..<16 where register != 4 {
      runner.state.pointee.general[register] =
        random.chance(1, in: 2) ? Place.guestData + random.next() & 0xfff : random.edge()
    }
    if random.chance(1, in: 4) {
      let vectors: [(InterruptionType, UInt8)] = [
        (.externalInterrupt, UInt8(random.below(256))), (.nmi, 2),
        (.hardwareException, UInt8(random.below(32))), (.softwareInterrupt, 0x80),
        (.softwareException, 3),
      ]
      let (type, vector) = vectors[random.below(vectors.count)]
      let hasCode = type == .hardwareException && [8, 10, 11, 12, 13, 14, 17].contains(vector)
      runner.inject(type, vector, errorCode: hasCode ? 0 : nil, length: 2)
    } else {
      runner.vmcs.entryInterruptionInformation = 0
    }
    guard random.chance(1, in: 3) else { return }
    let fields = VMCSField.all.filter { $0.group != .unchecked && $0.group != .hostState }
    let field = fields[random.below(fields.count)]
    var vmcs = runner.vmcs
    vmcs[field] = random.chance(1, in: 2) ? random.edge() : vmcs[field] ^ 1 << (random.next() & 63)
    runner.vmcs = vmcs
  }

  /// Back to L1, for the next entry; false if this machine cannot go on.
  private static func returnToL1(_ runner: VMXRunner) -> Bool {
    if runner.state.pointee.vmx.abortIndicator != 0 { return false }
    guard runner.state.pointee.vmx.isNonRoot else { return true }
    // The guest is still running, or waits: a non-maskable interrupt need not end that, a triple
    // fault does.
    for _ in 0..<3 where runner.state.pointee.vmx.isNonRoot {
      runner.state.pointee.activity = .active
      runner.state.pointee.clearPending()
      runner.state.pointee.linkSource = nil
      runner.state.pointee.rip = Place.guestCode + 0x10_0000
      runner.machine.writeMemory(Code.vmcall, at: Place.guestCode + 0x10_0000)
      runner.state.pointee.updateAttention()
      _ = runner.machine.run(instructions: 4, cycles: 1_000_000, untilVMExit: true)
    }
    return !runner.state.pointee.vmx.isNonRoot
  }
}
