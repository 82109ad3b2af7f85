import Testing

@testable import VMXLab

@Suite("Time in VMX non-root operation")
struct GuestTimeTests {
  private typealias Place = VMXRunner.Place

  /// The time-stamp counter as L2 reads it with `code`, and in VMX root operation at the same time.
  private func read(_ runner: VMXRunner, _ code: [UInt8]) -> (guest: UInt64, host: UInt64) {
    // The counter is read after RDTSC, and its cycles, in VMX root operation.
    runner.setGuestCode(code)
    runner.state.pointee.general[1] = 0x10
    let before = runner.state.pointee.timeStampCounter
    #expect(runner.exitReason() == .vmcall)
    let guest =
      runner.state.pointee.general[2] << 32 | runner.state.pointee.general[0] & 0xffff_ffff
    return (guest, before)
  }

  @Test(
    "RDTSC, RDTSCP and RDMSR give the counter times the multiplier plus the offset",
    arguments: [[0x0f, 0x31], [0x0f, 0x01, 0xf9], [0x0f, 0x32]] as [[UInt8]])
  func scaling(code: [UInt8]) throws {
    for (multiplier, offset) in [
      (1 << 48, 0), (3 << 48, 0x1_0000_0000), (1 << 47, 0x5555_0000_0000), (1 << 48 | 1 << 30, ~0),
    ] as [(UInt64, UInt64)] {
      let runner = try VMXRunner()
      runner.set([.useTSCOffsetting, .useMSRBitmaps])
      runner.set(secondary: [.useTSCScaling, .enableRDTSCP])
      runner.vmcs.tscMultiplier = multiplier
      runner.vmcs.tscOffset = offset
      runner.state.pointee.msrs.tscOffset = 0x1234_5678_0000
      let (guest, before) = read(runner, code)
      let after = runner.state.pointee.timeStampCounter
      func scaled(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: multiplier)
        return (product.high << 16 | product.low >> 48) &+ offset
      }
      #expect(guest &- scaled(before) <= scaled(after) &- scaled(before))
      #expect(guest != scaled(before))
    }
  }

  @Test("without TSC offsetting neither offset nor multiplier applies")
  func unscaled() throws {
    let runner = try VMXRunner()
    runner.set(secondary: .useTSCScaling)
    runner.vmcs.tscMultiplier = 5 << 48
    runner.vmcs.tscOffset = 1 << 50
    let (guest, before) = read(runner, [0x0f, 0x31])
    #expect(guest &- before < 100_000)
  }

  // MARK: PAUSE loops

  /// PAUSE, then JMP to it.
  private static let loop: [UInt8] = [0xf3, 0x90, 0xeb, 0xfc]

  private func pausing(_ code: [UInt8] = loop, gap: UInt32, window: UInt32) throws -> VMXRunner {
    let runner = try VMXRunner()
    runner.set(secondary: .pauseLoopExiting)
    runner.vmcs.pleGap = gap
    runner.vmcs.pleWindow = window
    runner.setGuestCode(code)
    return runner
  }

  @Test("a PAUSE loop exits once it has gone on for longer than the window")
  func pauseLoop() throws {
    let runner = try pausing(gap: 1000, window: 10_000)
    let before = runner.state.pointee.cycles
    #expect(runner.exitReason(limit: 100_000) == .pause)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    #expect(runner.vmcs.exitInstructionLength == 2)
    let spent = runner.state.pointee.cycles - before
    #expect((10_000...14_000).contains(spent))
    // VM entry starts afresh.
    let again = runner.state.pointee.cycles
    #expect(runner.exitReason(limit: 100_000) == .pause)
    #expect((10_000...14_000).contains(runner.state.pointee.cycles - again))
  }

  @Test("PAUSEs further apart than the gap are no loop")
  func pauseGap() throws {
    let runner = try pausing(gap: 20, window: 10_000)
    #expect(runner.enter(limit: 10_000) == .other(.instructionLimit))
  }

  @Test("above CPL 0 the control is ignored, and PAUSE exiting wins over it")
  func pausePriority() throws {
    let user = try pausing(gap: 1000, window: 10)
    user.vmcs.guestCSSelector = 0xb
    user.vmcs.guestCSAccessRights = 0xa0fb
    user.vmcs.guestSSSelector = 0x13
    user.vmcs.guestSSAccessRights = 0xc0f3
    #expect(user.enter(limit: 10_000) == .other(.instructionLimit))
    let both = try pausing(gap: 0, window: .max)
    both.set(.pauseExiting)
    #expect(both.exitReason() == .pause)
  }
}
