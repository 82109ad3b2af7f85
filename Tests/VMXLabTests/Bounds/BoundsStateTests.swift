import Testing

@testable import VMXLab

@Suite("Intel MPX state")
struct BoundsStateTests {
  private static let area = BoundsRunner.data
  private static let configurations: UInt32 = 0xd90

  @Test(
    "the parts that have Intel MPX offer it, with its state components", arguments: CPUProfile.names
  )
  func offered(name: String) throws {
    let hasMPX = name == "skylake-server"
    let runner = try InstructionRunner(profile: name)
    func cpuid(_ leaf: UInt64, _ subleaf: UInt64) -> [UInt64] {
      #expect(runner.run([0x0f, 0xa2], [0: leaf, 1: subleaf]) == .retired)
      return [0, 3, 1, 2].map { runner.state.pointee.general[$0] }
    }
    if cpuid(0, 0)[0] >= 0xd {
      #expect((cpuid(7, 0)[1] >> 14 & 1 == 1) == hasMPX)
      #expect((cpuid(0xd, 0)[0] & 0x18 == 0x18) == hasMPX)
      #expect(cpuid(0xd, 3) == (hasMPX ? [64, 0x3c0, 0, 0] : [0, 0, 0, 0]))
      #expect(cpuid(0xd, 4) == (hasMPX ? [64, 0x400, 0, 0] : [0, 0, 0, 0]))
    }
    let outcome = runner.run([0x0f, 0x32], [1: UInt64(Self.configurations)])
    #expect(outcome == (hasMPX ? .retired : .fault(13)))
    let capabilities = runner.state.pointee.model.capabilities.offeredControls
    #expect(capabilities.exit.contains(.clearBNDCFGS) == hasMPX)
    #expect(capabilities.entry.contains(.loadBNDCFGS) == hasMPX)
  }

  @Test("XCR0 has both components of Intel MPX or neither")
  func xcr0() throws {
    let runner = try BoundsRunner(configuration: 0)
    for (value, expected) in [
      (0x1f, .retired), (0x1b, .retired), (0x19, .retired), (0xf, .fault(13)), (0x17, .fault(13)),
      (7, .retired),
    ] as [(UInt64, InstructionRunner.Outcome)] {
      #expect(runner.run([0x0f, 0x01, 0xd1], [0: value]) == expected)
    }
    // PKRU comes last.
    let largest: UInt64 = 0xa80 + 8
    func sizes() -> [UInt64] {
      runner.run([0x0f, 0xa2], [0: 0xd])
      let standard = runner.state.pointee.general[3]
      let largest = runner.state.pointee.general[1]
      runner.run([0x0f, 0xa2], [0: 0xd, 1: 1])
      return [standard, largest, runner.state.pointee.general[3]]
    }
    #expect(sizes() == [832, largest, 832])
    runner.run([0x0f, 0x01, 0xd1], [0: 0x1f])
    #expect(sizes() == [0x440, largest, 960])
    runner.run([0x0f, 0x01, 0xd1], [0: 0x1b])
    #expect(sizes() == [0x440, largest, 704])
  }

  @Test("IA32_BNDCFGS refuses reserved bits and an address that is not canonical")
  func configuration() throws {
    let runner = try BoundsRunner(configuration: 0)
    for bit in 0..<UInt64(64) {
      let outcome = runner.run(
        [0x0f, 0x30],
        [0: (1 << bit) & 0xffff_ffff, 1: UInt64(Self.configurations), 2: (1 << bit) >> 32])
      let isValid = bit < 2 || (12..<47).contains(bit)
      #expect(outcome == (isValid ? .retired : .fault(13)), "bit \(bit)")
    }
    // Enabled with the instruction behind it.
    #expect(
      runner.run([0x0f, 0x30], [0: 1, 1: UInt64(Self.configurations), 2: 0xffff_8000]) == .retired)
    runner.run([0xf3, 0x0f, 0x1b, 0x03], [3: 5])
    #expect(runner.bounds(0) == [5, ~5])
  }

  private static let xsave: [UInt8] = [0x48, 0x0f, 0xae, 0x23]
  private static let xrstor: [UInt8] = [0x48, 0x0f, 0xae, 0x2b]
  private static let xsavec: [UInt8] = [0x48, 0x0f, 0xc7, 0x23]
  private static let xsaves: [UInt8] = [0x48, 0x0f, 0xc7, 0x2b]
  private static let xrstors: [UInt8] = [0x48, 0x0f, 0xc7, 0x1b]

  private func fill(_ runner: BoundsRunner) {
    for number in 0..<4 { runner.setBounds(number, UInt64(number) * 16 + 1, ~UInt64(number)) }
    runner.state.pointee.bounds.userConfiguration = 0x5000_0001
    runner.state.pointee.bounds.status = 0x1234_5602
  }

  @Test(
    "the XSAVE feature set saves and restores the bounds in either format",
    arguments: [
      (xsave, xrstor, 0x1b, 0x3c0, 0x400), (xsavec, xrstor, 0x1b, 576, 640),
      (xsavec, xrstor, 0x1f, 832, 896), (xsaves, xrstors, 0x1f, 832, 896),
      (xsavec, xrstor, 0x10, 0, 576),
    ] as [([UInt8], [UInt8], UInt64, UInt64, UInt64)])
  func roundTrip(
    save: [UInt8], restore: [UInt8], components: UInt64, registers: UInt64, control: UInt64
  ) throws {
    let runner = try BoundsRunner()
    runner.base.write([UInt8](repeating: 0, count: 0x1000), at: Self.area)
    fill(runner)
    #expect(runner.run(save, [0: components, 3: Self.area]) == .retired)
    let place = Self.area
    if components & 8 != 0 {
      for number in 0..<4 as Range<UInt64> {
        #expect(runner.word(place + registers + number * 16) == number * 16 + 1)
        #expect(runner.word(place + registers + number * 16 + 8) == ~number)
      }
    }
    #expect(runner.word(place + control) == 0x5000_0001)
    #expect(runner.word(place + control + 8) == 0x1234_5602)
    #expect(runner.word(place + 512) & 0x18 == components & 0x18)
    runner.state.pointee.bounds.registers = InlineArray(repeating: 0x77)
    runner.state.pointee.bounds.userConfiguration = 0
    runner.state.pointee.bounds.status = 0
    #expect(runner.run(restore, [0: components, 3: Self.area]) == .retired)
    #expect(runner.state.pointee.bounds.userConfiguration == 0x5000_0001)
    #expect(runner.state.pointee.bounds.status == 0x1234_5602)
    #expect(runner.bounds(2) == (components & 8 != 0 ? [33, ~2] : [0x77, 0x77]))
    // What is not in the area gets its initial value.
    runner.setWord(place + 512, 0)
    #expect(runner.run(restore, [0: components, 3: Self.area]) == .retired)
    #expect(runner.state.pointee.bounds.userConfiguration == 0)
    if components & 8 != 0 { #expect(runner.bounds(3) == [0, 0]) }
  }

  @Test("XGETBV tells which component is in use, and XSAVEC leaves out the others")
  func inUse() throws {
    let runner = try BoundsRunner()
    func used() -> UInt64 {
      runner.run([0x0f, 0x01, 0xd0], [1: 1])
      return runner.state.pointee.general[0] & 0x18
    }
    #expect(used() == 0)
    runner.setBounds(3, 0, 1)
    #expect(used() == 8)
    runner.state.pointee.bounds.status = 1
    #expect(used() == 0x18)
    runner.setBounds(3, 0, 0)
    runner.base.write([UInt8](repeating: 0x55, count: 0x1000), at: Self.area)
    #expect(runner.run(Self.xsavec, [0: 0x18, 3: Self.area]) == .retired)
    #expect(runner.word(Self.area + 512) == 0x10)
    #expect(runner.word(Self.area + 576) == 0x5555_5555_5555_5555)
    #expect(runner.word(Self.area + 640 + 8) == 1)
  }

  @Test("XRSTOR makes BNDCFGU a value that could have been written")
  func loadedConfiguration() throws {
    let runner = try BoundsRunner()
    runner.base.write([UInt8](repeating: 0, count: 0x1000), at: Self.area)
    runner.setWord(Self.area + 512, 0x10)
    runner.setWord(Self.area + 0x400, 0x1234_8000_0000_0fff)
    #expect(runner.run(Self.xrstor, [0: 0x10, 3: Self.area]) == .retired)
    #expect(runner.state.pointee.bounds.userConfiguration == 0xffff_8000_0000_0003)
  }

  // MARK: VMX

  private func guest() throws -> VMXRunner {
    let runner = try VMXRunner()
    runner.state.pointee.vector.xcr0 = 0x1f
    runner.vmcs.guestCR4 |= CR4.osxsave.rawValue
    runner.vmcs.hostCR4 |= CR4.osxsave.rawValue
    // BNDMK BND0, [RBX].
    runner.setGuestCode([0xf3, 0x0f, 0x1b, 0x03])
    runner.state.pointee.general[3] = 0x1000
    return runner
  }

  @Test("VM entry loads IA32_BNDCFGS, VM exit stores and clears it")
  func transitions() throws {
    for (loads, clears) in [(true, true), (true, false), (false, true), (false, false)] {
      let runner = try guest()
      if loads { runner.set(entry: .loadBNDCFGS) }
      if clears { runner.set(exit: .clearBNDCFGS) }
      runner.vmcs.guestBNDCFGS = 1 | 0x7000
      runner.state.pointee.bounds.supervisorConfiguration = 0x9000
      #expect(runner.exitReason() == .vmcall)
      #expect(runner.state.pointee.bounds.registers[0] == (loads ? 0x1000 : 0))
      #expect(runner.vmcs.guestBNDCFGS == (loads ? 0x7001 : 0x9000))
      let after = runner.state.pointee.bounds.supervisorConfiguration
      #expect(after == (clears ? 0 : loads ? 0x7001 : 0x9000))
    }
  }

  @Test("guest IA32_BNDCFGS with reserved bits or an address that is not canonical breaks a rule")
  func rules() throws {
    for (value, rule) in [
      (0x4, .guestBNDCFGSReserved), (0x800, .guestBNDCFGSReserved),
      (1 << 47, .guestBNDCFGSCanonical),
    ] as [(UInt64, VMEntryRule)] {
      let runner = try guest()
      runner.set(entry: .loadBNDCFGS)
      runner.vmcs.guestBNDCFGS = value
      let broken = runner.state.pointee.brokenEntryRules().map(\.rule)
      #expect(broken == [rule])
      #expect(runner.enter() == .exit && runner.vmcs.exitReason == 33 | 1 << 31)
    }
  }

  @Test("the MSR areas can load IA32_BNDCFGS")
  func lists() throws {
    let runner = try guest()
    runner.put(UInt64(Self.configurations), at: VMXRunner.Place.msrLoadList)
    runner.put(0x6001, at: VMXRunner.Place.msrLoadList + 8)
    runner.vmcs.entryMSRLoadAddress = VMXRunner.Place.msrLoadList
    runner.vmcs.entryMSRLoadCount = 1
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestBNDCFGS == 0x6001)
    #expect(runner.state.pointee.bounds.registers[0] == 0x1000)
  }

  @Test("#BR of a check is intercepted as any exception")
  func interception() throws {
    let runner = try guest()
    runner.set(entry: .loadBNDCFGS)
    runner.vmcs.guestBNDCFGS = 1
    runner.vmcs.exceptionBitmap = 1 << 5
    runner.state.pointee.bounds.registers[0] = 0x2000
    // BNDCL BND0, [RBX].
    runner.setGuestCode([0xf3, 0x0f, 0x1a, 0x03])
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0305)
    #expect(runner.vmcs.guestRIP == VMXRunner.Place.guestCode)
    #expect(runner.state.pointee.bounds.status == 1)
  }

  @Test("INIT clears the bounds and both configurations")
  func initialize() throws {
    let runner = try BoundsRunner()
    fill(runner)
    runner.state.pointee.initialize()
    #expect(runner.bounds(3) == [0, 0])
    #expect(runner.state.pointee.bounds.userConfiguration == 0)
    #expect(runner.state.pointee.bounds.supervisorConfiguration == 0)
  }
}
