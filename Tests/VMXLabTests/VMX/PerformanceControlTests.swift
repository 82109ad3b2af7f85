import Testing

@testable import VMXLab

@Suite("IA32_PERF_GLOBAL_CTRL at VM entries and VM exits")
struct PerformanceControlTests {
  private typealias Place = VMXRunner.Place

  private static let fixed: UInt64 = 1 << 32

  /// Fixed-function counter 0 counts instructions at every CPL, where IA32_PERF_GLOBAL_CTRL lets it.
  private func runner(profile: String = "skylake-server") throws -> VMXRunner {
    let runner = try VMXRunner(profile: profile)
    #expect(write(runner, MSR.ia32FixedCtrCtrl, 3))
    #expect(write(runner, MSR.ia32PerfGlobalCtrl, 0))
    return runner
  }

  private func write(_ runner: VMXRunner, _ msr: UInt32, _ value: UInt64) -> Bool {
    runner.state.pointee.writeMSR(msr, value)
  }
  private func count(_ runner: VMXRunner) -> UInt64? {
    runner.state.pointee.readMSR(MSR.ia32FixedCtr0)
  }
  private func control(_ runner: VMXRunner) -> UInt64? {
    runner.state.pointee.readMSR(MSR.ia32PerfGlobalCtrl)
  }
  private func brokenRules(_ runner: VMXRunner) -> [VMEntryRule] {
    runner.state.pointee.brokenEntryRules().map(\.rule)
  }

  @Test(
    "every part offers the load controls, and those that have it \"save\"",
    arguments: CPUProfile.names)
  func offered(name: String) throws {
    let profile = try CPUProfile.named(name)
    let offered = try VMXRunner(profile: name).capabilities.offeredControls
    let exit = VMExitControls(
      rawValue: UInt32(truncatingIfNeeded: profile.vmxMSRs.exitControls >> 32))
    let entry = VMEntryControls(
      rawValue: UInt32(truncatingIfNeeded: profile.vmxMSRs.entryControls >> 32))
    #expect(offered.exit.contains(.loadPerfGlobalCtrl) == exit.contains(.loadPerfGlobalCtrl))
    #expect(offered.entry.contains(.loadPerfGlobalCtrl) == entry.contains(.loadPerfGlobalCtrl))
    #expect(entry.contains(.loadPerfGlobalCtrl))
    #expect(offered.exit.contains(.savePerfGlobalCtrl) == (name == "sapphire-rapids"))
  }

  @Test("a counter that VM entry enables and VM exit disables counts L2's instructions")
  func guestOnly() throws {
    let runner = try runner()
    runner.set(entry: .loadPerfGlobalCtrl)
    runner.set(exit: .loadPerfGlobalCtrl)
    runner.vmcs.guestPerfGlobalCtrl = Self.fixed
    runner.vmcs.hostPerfGlobalCtrl = 5
    runner.setGuestCode([UInt8](repeating: 0x90, count: 20))
    #expect(runner.exitReason() == .vmcall)
    // VMLAUNCH, which ends in VMX non-root operation, and 20 NOPs; VMCALL does not retire.
    #expect(count(runner) == 21 && control(runner) == 5)
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .vmcall)
    #expect(count(runner) == 42)
  }

  @Test("a counter that is enabled in VMX root operation alone does not see L2")
  func hostOnly() throws {
    let runner = try runner()
    runner.set(entry: .loadPerfGlobalCtrl)
    runner.set(exit: .loadPerfGlobalCtrl)
    runner.vmcs.hostPerfGlobalCtrl = Self.fixed
    runner.setGuestCode([UInt8](repeating: 0x90, count: 20))
    #expect(runner.exitReason() == .vmcall)
    #expect(control(runner) == Self.fixed && count(runner) == 0)
    runner.execute(Code.nop)
    #expect(count(runner) == 1)
  }

  @Test("without the controls the MSR stays, and counters count on both sides")
  func neither() throws {
    let runner = try runner()
    runner.vmcs.guestPerfGlobalCtrl = .max
    runner.vmcs.hostPerfGlobalCtrl = .max
    #expect(write(runner, MSR.ia32PerfGlobalCtrl, Self.fixed | 1))
    runner.setGuestCode([UInt8](repeating: 0x90, count: 20))
    #expect(runner.exitReason() == .vmcall)
    #expect(control(runner) == Self.fixed | 1 && count(runner) == 21)
  }

  @Test("\"save IA32_PERF_GLOBAL_CTRL\" stores what L2 left, and only then")
  func saving() throws {
    for saves in [true, false] {
      let runner = try runner(profile: "sapphire-rapids")
      runner.set([.useMSRBitmaps])
      runner.set(entry: .loadPerfGlobalCtrl)
      if saves { runner.set(exit: .savePerfGlobalCtrl) }
      runner.vmcs.guestPerfGlobalCtrl = Self.fixed
      runner.setGuestCode([0x0f, 0x30])
      runner.state.pointee.general[0] = 3
      runner.state.pointee.general[1] = UInt64(MSR.ia32PerfGlobalCtrl)
      runner.state.pointee.general[2] = 2
      #expect(runner.exitReason() == .vmcall)
      #expect(runner.vmcs.guestPerfGlobalCtrl == (saves ? 2 << 32 | 3 : Self.fixed))
      #expect(control(runner) == 2 << 32 | 3)
    }
  }

  @Test("a failed VM entry leaves the host's value, as any VM exit")
  func failedEntry() throws {
    let runner = try runner()
    runner.set(entry: .loadPerfGlobalCtrl)
    runner.set(exit: .loadPerfGlobalCtrl)
    runner.vmcs.guestPerfGlobalCtrl = 3
    runner.vmcs.hostPerfGlobalCtrl = 6
    runner.put(0x4801, at: Place.msrLoadList)
    runner.put(0, at: Place.msrLoadList + 8)
    runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
    runner.vmcs.entryMSRLoadCount = 1
    #expect(runner.enter() == .exit)
    #expect(runner.vmcs.exitReason == 34 | 1 << 31)
    #expect(control(runner) == 6)
  }

  @Test("bits of counters that the part lacks break the rules of host and guest state")
  func reservedBits() throws {
    for (name, reserved) in [
      ("nehalem", [4, 31, 35, 63]), ("skylake-server", [4, 31, 35, 48, 63]),
      ("sapphire-rapids", [8, 35, 48]),
    ] as [(String, [UInt64])] {
      for bit in reserved {
        let guest = try runner(profile: name)
        guest.set(entry: .loadPerfGlobalCtrl)
        guest.vmcs.guestPerfGlobalCtrl = 1 << bit
        #expect(brokenRules(guest) == [.guestPerfGlobalCtrlReserved])
        #expect(guest.enter() == .exit && guest.vmcs.exitReason == 33 | 1 << 31)
        let host = try runner(profile: name)
        host.set(exit: .loadPerfGlobalCtrl)
        host.vmcs.hostPerfGlobalCtrl = 1 << bit
        #expect(brokenRules(host) == [.hostPerfGlobalCtrlReserved])
        #expect(host.enter() == .failValid(8))
      }
    }
  }

  @Test("the MSR areas can load and store the MSRs of performance monitoring")
  func lists() throws {
    let runner = try runner()
    for (place, msr, value) in [
      (Place.msrLoadList, MSR.ia32PerfGlobalCtrl, Self.fixed),
      (Place.msrStoreList, MSR.ia32FixedCtr0, 0),
      (Place.exitLoadList, MSR.ia32PerfGlobalCtrl, 9),
    ] as [(UInt64, UInt32, UInt64)] {
      runner.put(UInt64(msr), at: place)
      runner.put(value, at: place + 8)
    }
    runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
    runner.vmcs.entryMSRLoadCount = 1
    runner.vmcs.exitMSRStoreAddress = Place.msrStoreList
    runner.vmcs.exitMSRStoreCount = 1
    runner.vmcs.exitMSRLoadAddress = Place.exitLoadList
    runner.vmcs.exitMSRLoadCount = 1
    runner.setGuestCode([UInt8](repeating: 0x90, count: 4))
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.get(Place.msrStoreList + 8) == 5)
    #expect(control(runner) == 9)
  }

  @Test("RDPMC in L2 exits with \"RDPMC exiting\", and reads the counter without it")
  func rdpmc() throws {
    let runner = try runner()
    runner.set(entry: .loadPerfGlobalCtrl)
    runner.vmcs.guestPerfGlobalCtrl = Self.fixed
    runner.setGuestCode([0x90, 0x0f, 0x33])
    runner.state.pointee.general[1] = 1 << 30
    #expect(runner.exitReason() == .vmcall)
    // VMLAUNCH and the NOP.
    #expect(runner.state.pointee.general[0] == 2 && runner.state.pointee.general[2] == 0)
    runner.set(.rdpmcExiting)
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .rdpmc)
    #expect(runner.vmcs.guestRIP == Place.guestCode + 1 && runner.vmcs.exitInstructionLength == 2)
  }

  @Test("an overflow in L2 is an NMI that exits behind the very instruction")
  func interrupt() throws {
    for left in 1...9 as ClosedRange<UInt64> {
      let runner = try runner()
      runner.machine.platform.localAPIC.setSpurious(0x1ff)
      runner.machine.platform.localAPIC.setLocalVector(.performance, 0x400)
      runner.set(.nmiExiting)
      runner.set(entry: .loadPerfGlobalCtrl)
      runner.set(exit: .loadPerfGlobalCtrl)
      runner.vmcs.guestPerfGlobalCtrl = Self.fixed
      #expect(write(runner, MSR.ia32FixedCtrCtrl, 0xb))
      #expect(write(runner, MSR.ia32FixedCtr0, (0 &- left) & 0xffff_ffff_ffff))
      runner.setGuestCode([UInt8](repeating: 0x90, count: 20))
      #expect(runner.exitReason() == .exceptionOrNMI)
      #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0202)
      #expect(runner.vmcs.guestRIP == Place.guestCode + left - 1)
      #expect(count(runner) == 0)
      let status = runner.state.pointee.readMSR(MSR.ia32PerfGlobalStatus)
      #expect(status == Self.fixed)
    }
  }

  @Test("IA32_DEBUGCTL of L2 may freeze the counters, where the part can")
  func freezing() throws {
    let runner = try runner()
    runner.vmcs.guestDebugCtl = 1 << 12
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestDebugCtl == 1 << 12)
    #expect(runner.state.pointee.msrs.debugCtl == 0)
    // LBRs, which FREEZE_LBRS_ON_PMI would freeze, are not built.
    runner.vmcs.guestDebugCtl = 1 << 11
    #expect(runner.enter() == .exit && runner.vmcs.exitReason == 33 | 1 << 31)
  }
}
