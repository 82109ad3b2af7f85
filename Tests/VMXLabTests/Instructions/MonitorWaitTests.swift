import Testing

@testable import VMXLab

@Suite("MONITOR, MWAIT and the user-level waits")
struct MonitorWaitTests {
  private typealias Place = VMXRunner.Place
  private static let monitor: [UInt8] = [0x0f, 0x01, 0xc8]
  private static let mwait: [UInt8] = [0x0f, 0x01, 0xc9]
  /// UMONITOR RBX, UMWAIT R9D and TPAUSE R9D.
  private static let umonitor: [UInt8] = [0xf3, 0x0f, 0xae, 0xf3]
  private static let umwait: [UInt8] = [0xf2, 0x41, 0x0f, 0xae, 0xf1]
  private static let tpause: [UInt8] = [0x66, 0x41, 0x0f, 0xae, 0xf1]

  /// L1 after MONITOR of the data page.
  private func monitoring() throws -> VMXRunner {
    let runner = try VMXRunner()
    #expect(runner.execute(Self.monitor, registers: [0: Place.data + 0x18, 1: 0]) == .retired)
    return runner
  }

  private func mwait(_ runner: VMXRunner, extensions: UInt64 = 0) -> Bool {
    #expect(runner.execute(Self.mwait, registers: [0: 0, 1: extensions]) == .retired)
    return runner.state.pointee.activity == .hlt
  }

  // MARK: MWAIT

  @Test("MWAIT waits once MONITOR has armed, and not otherwise")
  func waits() throws {
    let runner = try monitoring()
    #expect(mwait(runner))
    #expect(runner.resume() == .haltedForever)
    #expect(runner.state.pointee.rip == Place.code + 3)
    let other = try VMXRunner()
    #expect(!mwait(other))
  }

  @Test("a store to the monitored line ends the wait, before it or in it; another line's does not")
  func stores() throws {
    let before = try monitoring()
    before.put(1, at: Place.data + 0x38)
    #expect(!mwait(before))
    let during = try monitoring()
    #expect(mwait(during))
    during.put(1, at: Place.data + 0x40)
    #expect(during.resume(limit: 1) == .haltedForever)
    #expect(during.state.pointee.rip == Place.code + 3)
    during.put(1, at: Place.data)
    // Behind MWAIT stands HLT.
    #expect(during.resume(limit: 1) == .haltedForever)
    #expect(during.state.pointee.rip == Place.code + 4)
    // The monitor is not armed again.
    #expect(!mwait(during))
  }

  @Test("a masked interrupt ends the wait if ECX[0] asks for that, and is not delivered")
  func maskedInterrupts() throws {
    for extensions in [0, 1] as [UInt64] {
      let runner = try monitoring()
      // The timer interrupts after 100 of its ticks.
      for (port, value) in [(0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0x21, 0xfe)]
        as [(UInt16, UInt32)]
      { runner.machine.platform.ports.write(port, size: 1, value: value) }
      for (port, value) in [(0x43, 0x30), (0x40, 100), (0x40, 0)] as [(UInt16, UInt32)] {
        runner.machine.platform.ports.write(port, size: 1, value: value)
      }
      let before = runner.state.pointee.cycles
      #expect(mwait(runner, extensions: extensions) == (extensions == 0))
      #expect(runner.state.pointee.rip == Place.code + 3)
      #expect((runner.state.pointee.cycles - before > 100_000) == (extensions == 1))
    }
  }

  @Test("reserved extensions are #GP; CPL 3 and IA32_MISC_ENABLE[18] make both #UD")
  func faults() throws {
    let runner = try VMXRunner()
    #expect(runner.execute(Self.monitor, registers: [0: Place.data, 1: 1]) == .fault(13))
    #expect(runner.execute(Self.monitor, registers: [0: 1 << 60, 1: 0]) == .fault(13))
    #expect(runner.execute(Self.monitor, registers: [0: 1 << 40, 1: 0]) == .fault(14))
    #expect(runner.execute(Self.mwait, registers: [1: 2]) == .fault(13))
    #expect(runner.execute(Self.mwait, registers: [1: 1 << 32]) == .fault(13))
    let enabled = runner.state.pointee.msrs.miscEnable
    runner.state.pointee.msrs.miscEnable = enabled & ~MiscEnable.monitor
    #expect(runner.execute(Self.monitor, registers: [0: Place.data, 1: 0]) == .fault(6))
    #expect(runner.execute(Self.mwait, registers: [1: 0]) == .fault(6))
    runner.state.pointee.msrs.miscEnable = enabled
    runner.vmcs.guestCSSelector = 0xb
    runner.vmcs.guestCSAccessRights = 0xa0fb
    runner.vmcs.guestSSSelector = 0x13
    runner.vmcs.guestSSAccessRights = 0xc0f3
    runner.set([.mwaitExiting, .monitorExiting])
    for code in [Self.monitor, Self.mwait] {
      runner.vmcs.exceptionBitmap = 1 << 6
      runner.setGuestCode(code)
      #expect(runner.exitReason() == .exceptionOrNMI)
    }
  }

  // MARK: VM exits

  @Test(
    "MONITOR and MWAIT exit under their controls; the qualification says whether monitoring is on")
  func exits() throws {
    let runner = try VMXRunner()
    runner.set(.monitorExiting)
    runner.setGuestCode(Self.monitor)
    #expect(runner.exitReason() == .monitor)
    #expect(runner.vmcs.exitInstructionLength == 3)
    for (code, qualification) in [
      (Self.monitor, 1), ([], 0), (Self.monitor + [0x89, 0x18], 0),
    ] as [([UInt8], UInt64)] {
      let runner = try VMXRunner()
      runner.set(.mwaitExiting)
      runner.setGuestCode(code + Self.mwait)
      runner.state.pointee.general[0] = Place.guestData
      runner.state.pointee.general[1] = 0
      runner.state.pointee.general[3] = 0x55
      #expect(runner.exitReason() == .mwait)
      #expect(runner.vmcs.exitQualification == qualification)
    }
  }

  @Test("VM entries and VM exits end monitoring")
  func transitions() throws {
    let runner = try VMXRunner()
    runner.set(.mwaitExiting)
    // L1 monitors, L2 waits; then L2 monitors, exits and waits.
    runner.execute(Self.monitor, registers: [0: Place.data, 1: 0])
    runner.setGuestCode(Self.mwait)
    #expect(runner.exitReason() == .mwait)
    #expect(runner.vmcs.exitQualification == 0)
    runner.setGuestCode(Self.monitor + Code.vmcall + Self.mwait)
    runner.state.pointee.general[0] = Place.guestData
    runner.state.pointee.general[1] = 0
    #expect(runner.exitReason() == .vmcall)
    #expect(!mwait(runner))
  }

  @Test("a VM exit from the waiting state saves the active state, behind MWAIT")
  func exitFromWait() throws {
    let runner = try VMXRunner()
    runner.set(.activateVMXPreemptionTimer)
    runner.vmcs.vmxPreemptionTimerValue = 1000
    runner.setGuestCode(Self.monitor + Self.mwait)
    runner.state.pointee.general[0] = Place.guestData
    runner.state.pointee.general[1] = 0
    #expect(runner.exitReason() == .vmxPreemptionTimerExpired)
    #expect(runner.vmcs.guestActivityState == 0)
    #expect(runner.vmcs.guestRIP == Place.guestCode + 6)
  }

  // MARK: UMWAIT and TPAUSE

  private func timed(
    _ runner: VMXRunner, _ code: [UInt8], ticks: UInt64, state: UInt64 = 1
  ) -> InstructionRunner.Outcome {
    let deadline = runner.state.pointee.timeStampCounter &+ ticks
    return runner.execute(
      code, registers: [0: deadline & 0xffff_ffff, 2: deadline >> 32, 9: state])
  }

  @Test(
    "TPAUSE waits until the time-stamp counter has the value, or for as long as the system allows")
  func tpause() throws {
    for (limit, spent, flags) in [
      (0, 50_000, 0), (100_000, 50_000, 0), (20_003, 20_000, RFLAGS.cf.rawValue),
    ] as [(UInt64, UInt64, UInt64)] {
      let runner = try VMXRunner(profile: "sapphire-rapids")
      runner.state.pointee.msrs.umwaitControl = limit
      let before = runner.state.pointee.cycles
      #expect(timed(runner, Self.tpause, ticks: 50_000) == .retired)
      #expect(runner.state.pointee.activity == .active)
      let passed = runner.state.pointee.cycles - before
      #expect((spent..<spent + 2000).contains(passed))
      #expect(runner.statusFlags == flags)
    }
  }

  @Test("UMWAIT waits only behind UMONITOR, until the line is written or the time is over")
  func umwait() throws {
    let runner = try VMXRunner(profile: "sapphire-rapids")
    func spent() -> UInt64 {
      let before = runner.state.pointee.cycles
      #expect(timed(runner, Self.umwait, ticks: 50_000) == .retired)
      #expect(runner.statusFlags == 0)
      return runner.state.pointee.cycles - before
    }
    #expect(spent() < 2000)
    #expect(runner.execute(Self.umonitor) == .retired)
    #expect((50_000..<52_000).contains(spent()))
    #expect(spent() < 2000)
    #expect(runner.execute(Self.umonitor) == .retired)
    runner.put(7, at: Place.data + 8)
    #expect(spent() < 2000)
  }

  @Test("their faults: reserved bits, CR4.TSD above CPL 0, and parts without them")
  func userFaults() throws {
    let runner = try VMXRunner(profile: "sapphire-rapids")
    #expect(timed(runner, Self.tpause, ticks: 1, state: 2) == .fault(13))
    #expect(timed(runner, Self.umwait, ticks: 1, state: 1 << 31) == .fault(13))
    #expect(runner.execute([0x0f, 0x30], registers: [1: 0xe1, 0: 2, 2: 0]) == .fault(13))
    #expect(runner.execute([0x0f, 0x30], registers: [1: 0xe1, 0: 1, 2: 0]) == .retired)
    let other = try VMXRunner()
    for code in [Self.umonitor, Self.umwait, Self.tpause] {
      #expect(other.execute(code) == .fault(6))
    }
    #expect(other.execute([0x0f, 0x32], registers: [1: 0xe1]) == .fault(13))
    // MFENCE has the same opcode.
    #expect(other.execute([0x0f, 0xae, 0xf0]) == .retired)
  }

  @Test("L2's need \"enable user wait and pause\", and exit under RDTSC exiting")
  func userExits() throws {
    for (code, reason) in [(Self.umwait, BasicExitReason.umwait), (Self.tpause, .tpause)] {
      let runner = try VMXRunner(profile: "sapphire-rapids")
      runner.set(.rdtscExiting)
      runner.setGuestCode(code)
      #expect(runner.exitReason() == .vmcall)
      #expect(runner.guestHandler == 6)
      runner.set(secondary: .enableUserWaitAndPause)
      runner.vmcs.guestRIP = Place.guestCode
      #expect(runner.exitReason() == reason)
      #expect(runner.vmcs.exitInstructionLength == 5)
      #expect(runner.vmcs.exitInstructionInformation == 9 << 3 | 1 << 11)
    }
  }

  @Test("L2's TPAUSE waits in its own time")
  func scaledTime() throws {
    let runner = try VMXRunner(profile: "sapphire-rapids")
    runner.set(.useTSCOffsetting)
    runner.set(secondary: [.useTSCScaling, .enableUserWaitAndPause])
    runner.vmcs.tscMultiplier = 4 << 48
    // RDTSC; ADD EAX, 400,000; TPAUSE R9D.
    runner.setGuestCode([0x0f, 0x31, 0x05, 0x80, 0x1a, 0x06, 0] + Self.tpause)
    runner.state.pointee.general[9] = 0
    let before = runner.state.pointee.cycles
    #expect(runner.exitReason() == .vmcall)
    #expect((98_000..<110_000).contains(runner.state.pointee.cycles - before))
  }
}
