import Testing

@testable import VMXLab

/// CPUID, MSRs and control registers of Control-flow Enforcement Technology.
@Suite struct ControlFlowRegisterTests {
  private typealias Runner = ControlFlowRunner
  private static let msrs: [UInt32] = [0x6a0, 0x6a2, 0x6a4, 0x6a5, 0x6a6, 0x6a7, 0x6a8]

  /// WRMSR of EDX:EAX to ECX.
  private func write(_ runner: Runner, _ msr: UInt32, _ value: UInt64) -> Runner.Outcome {
    runner.general = [0: value & 0xffff_ffff, 1: UInt64(msr), 2: value >> 32]
    return runner.run([0x0f, 0x30])
  }

  private func read(_ runner: Runner, _ msr: UInt32) -> UInt64? {
    runner.general = [1: UInt64(msr)]
    guard runner.run([0x0f, 0x32]) == .retires else { return nil }
    return runner.state.pointee.general[2] << 32 | runner.state.pointee.general[0]
  }

  @Test(
    "sapphire-rapids has shadow stacks and indirect-branch tracking, the parts before it do not")
  func offers() throws {
    for (name, isOffered) in [
      ("sapphire-rapids", true), ("icelake-server", false), ("skylake-server", false),
    ] {
      let runner = try Runner(.long, profile: name)
      let cpuid = runner.state.pointee.model.cpuid.result(leaf: 7, subleaf: 0)
      #expect(cpuid.ecx >> 7 & 1 == (isOffered ? 1 : 0))
      #expect(cpuid.edx >> 20 & 1 == (isOffered ? 1 : 0))
      #expect((runner.state.pointee.model.cr4Bits & CR4.cet.rawValue != 0) == isOffered)
      runner.state.pointee.cr4.remove(.cet)
      for msr in Self.msrs {
        #expect(read(runner, msr) == (isOffered ? runner.readExpected(msr) : nil))
      }
    }
  }

  @Test("IA32_U_CET and IA32_S_CET take their defined bits and a canonical bitmap address")
  func controlBits() throws {
    let runner = try Runner(.long)
    runner.state.pointee.cr4.remove(.cet)
    let defined: Set<UInt64> = [0, 1, 2, 3, 4, 5, 10, 11]
    for msr in [0x6a0, 0x6a2] as [UInt32] {
      for bit in 0..<64 as Range<UInt64> {
        // Bit 47 and all above it must be alike.
        let isAllowed = defined.contains(bit) || (12..<47).contains(bit)
        let outcome = write(runner, msr, 1 << bit)
        #expect(outcome == (isAllowed ? .retires : .generalProtection(0)), "bit \(bit)")
        if isAllowed { #expect(read(runner, msr) == 1 << bit) }
      }
      #expect(write(runner, msr, 0xffff_8000_0000_0000) == .retires)
      // SUPPRESS and TRACKER at once.
      #expect(write(runner, msr, 0xc00) == .generalProtection(0))
      #expect(read(runner, msr) == 0xffff_8000_0000_0000)
    }
  }

  @Test("The shadow-stack pointers are canonical multiples of 4, the table's address canonical")
  func pointers() throws {
    let runner = try Runner(.long)
    for msr in Self.msrs.dropFirst(2) {
      let alignment: UInt64 = msr == 0x6a8 ? 0 : 3
      for bit in 0..<64 as Range<UInt64> {
        let isAllowed = bit < 47 && 1 << bit & alignment == 0
        #expect(
          write(runner, msr, 1 << bit) == (isAllowed ? .retires : .generalProtection(0)),
          "bit \(bit)")
      }
      #expect(write(runner, msr, 0xffff_9000_0000_1238) == .retires)
      #expect(read(runner, msr) == 0xffff_9000_0000_1238)
    }
    // There is nothing between them.
    #expect(write(runner, 0x6a1, 0) == .generalProtection(0))
    #expect(write(runner, 0x6a3, 0) == .generalProtection(0))
  }

  @Test("CR4.CET needs CR0.WP, and keeps it")
  func writeProtect() throws {
    let runner = try Runner(.long)
    let cr0 = runner.state.pointee.cr0.rawValue
    let cr4 = runner.state.pointee.cr4.rawValue
    // MOV CR0, RAX
    runner.general = [0: cr0 & ~CR0.wp.rawValue]
    #expect(runner.run([0x0f, 0x22, 0xc0]) == .generalProtection(0))
    #expect(runner.state.pointee.cr0.rawValue == cr0)
    // MOV CR4, RAX
    runner.general = [0: cr4 & ~CR4.cet.rawValue]
    #expect(runner.run([0x0f, 0x22, 0xe0]) == .retires)
    runner.general = [0: cr0 & ~CR0.wp.rawValue]
    #expect(runner.run([0x0f, 0x22, 0xc0]) == .retires)
    runner.general = [0: cr4]
    #expect(runner.run([0x0f, 0x22, 0xe0]) == .generalProtection(0))
    runner.general = [0: cr0]
    #expect(runner.run([0x0f, 0x22, 0xc0]) == .retires)
    runner.general = [0: cr4]
    #expect(runner.run([0x0f, 0x22, 0xe0]) == .retires)
  }

  @Test("RESET and INIT clear SSP and the MSRs")
  func reset() throws {
    for isInit in [false, true] {
      let runner = try Runner(.long)
      runner.cet.userControl = [.shadowStack]
      runner.cet.supervisorControl = [.endbranch]
      runner.cet.interruptSSPTable = 0x1000
      for level in 0..<4 { runner.cet.levelSSP[level] = 0x2000 }
      runner.ssp = 0x3000
      if isInit { runner.state.pointee.initialize() } else { runner.state.pointee.reset() }
      let cet = runner.cet
      #expect(cet.userControl.isEmpty && cet.supervisorControl.isEmpty)
      #expect(cet.interruptSSPTable == 0 && cet.ssp == 0)
      #expect((0..<4).allSatisfy { cet.levelSSP[$0] == 0 })
      #expect(!cet.usesShadowStack && !cet.tracksBranches)
    }
  }

  @Test("Near branches are decoded for CET only where it is in force at the CPL")
  func decodeMode() throws {
    let runner = try Runner(.long)
    func isOn(_ level: UInt8) -> Bool {
      runner.setLevel(level)
      return runner.state.pointee.decodeMode & DecodeMode.controlFlow != 0
    }
    #expect(!isOn(0) && !isOn(3))
    runner.setControl(.shadowStack, level: 3)
    #expect(!isOn(0) && isOn(3))
    runner.setControl(.endbranch, level: 0)
    runner.setControl([], level: 3)
    #expect(isOn(0) && isOn(1) && !isOn(3))
    runner.state.pointee.cr4.remove(.cet)
    #expect(!isOn(0))
    // And a write of the MSR is enough.
    runner.state.pointee.cr4.insert(.cet)
    runner.setControl([], level: 0)
    #expect(!isOn(0))
    #expect(write(runner, 0x6a2, 1) == .retires)
    #expect(runner.state.pointee.decodeMode & DecodeMode.controlFlow != 0)
  }
}

extension ControlFlowRunner {
  /// What the runner has put into an MSR.
  func readExpected(_ msr: UInt32) -> UInt64 { msr == 0x6a8 ? Place.interruptSSPTable : 0 }
}
