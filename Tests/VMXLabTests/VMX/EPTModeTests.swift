import Testing

@testable import VMXLab

@Suite("EPT: mode-based execute control and 5 levels")
struct EPTModeTests {
  private typealias Place = VMXRunner.Place
  private static let linear: UInt64 = 0x180

  /// Adds `bits` to every EPT entry that translates L2's code.
  private func allow(_ runner: VMXRunner, _ bits: UInt64) {
    for entry in [
      Place.ept, Place.ept + 0x1000, Place.ept + 0x2000 + (Place.guestCode >> 21) * 8,
      runner.eptEntry(Place.guestCode),
    ] { runner.put(runner.get(entry) | bits, at: entry) }
  }

  private func runner() throws -> VMXRunner {
    let runner = try VMXRunner()
    runner.set(secondary: [.enableEPT, .modeBasedExecuteControlForEPT])
    runner.setGuestCode([])
    return runner
  }

  @Test("user-mode linear addresses need bit 10")
  func userMode() throws {
    // L2's paging structures make every address a user-mode one, whatever the CPL.
    let runner = try runner()
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.exitQualification == 4 | 7 << 3 | Self.linear | 0x600)
    allow(runner, EPTEntry.userExecute)
    #expect(runner.exitReason() == .vmcall)
    // Bit 10 alone is execute-only for user-mode addresses; reads of it tell so in bit 6.
    let entry = runner.eptEntry(Place.guestCode)
    runner.put(runner.get(entry) & ~7, at: entry)
    runner.setGuestCode([])
    #expect(runner.exitReason() == .vmcall)
    runner.setGuestCode([0x8a, 0x05, 0, 0, 0, 0])
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.exitQualification == 1 | 1 << 6 | Self.linear | 0x600)
  }

  @Test("supervisor-mode linear addresses need bit 2")
  func supervisorMode() throws {
    let runner = try runner()
    let directory = Place.guestTables + 0x2000 + (Place.guestCode >> 21) * 8
    runner.put(runner.get(directory) & ~4, at: directory)
    #expect(runner.exitReason() == .vmcall)
    allow(runner, EPTEntry.userExecute)
    let entry = runner.eptEntry(Place.guestCode)
    runner.put(runner.get(entry) & ~EPTEntry.execute, at: entry)
    runner.setGuestCode([])
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.exitQualification == 4 | 3 << 3 | 1 << 6 | Self.linear | 0x400)
  }

  @Test("without the control bit 10 says nothing, and alone is not present")
  func withoutControl() throws {
    let runner = try VMXRunner()
    runner.set(secondary: .enableEPT)
    runner.setGuestCode([])
    runner.put(Place.guestCode | 0x30 | EPTEntry.userExecute, at: runner.eptEntry(Place.guestCode))
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.exitQualification == 4 | Self.linear | 0x600)
  }

  @Test("an entry that is writable but not readable is a misconfiguration with bit 10 too")
  func misconfiguration() throws {
    let runner = try runner()
    runner.put(
      Place.guestCode | 0x32 | EPTEntry.userExecute, at: runner.eptEntry(Place.guestCode))
    #expect(runner.exitReason() == .eptMisconfiguration)
  }

  // MARK: 5 levels

  @Test("the EPT pointer of a part with 5-level EPT may name a PML5 table")
  func fiveLevels() throws {
    let runner = try VMXRunner(profile: "icelake-server")
    let top = Place.ept + 0x4000
    runner.put(Place.ept | 7, at: top)
    runner.set(secondary: .enableEPT)
    runner.vmcs.eptPointer = top | 4 << 3 | 6 | EPTEntry.pointerAccessedDirty
    // MOV EBX, data; MOV AL, [RBX].
    runner.setGuestCode([0xbb, 0, 0, 0x81, 0, 0x8a, 0x03])
    runner.put(0x77, at: Place.guestData)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.general[0] & 0xff == 0x77)
    #expect(runner.get(top) & EPTEntry.accessed != 0)
    // Bits 7:3 of a PML5E are reserved.
    runner.put(Place.ept | 0x87, at: top)
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .eptMisconfiguration)
    runner.put(0, at: top)
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.exitQualification & 0x7f == 3)
  }

  @Test("other parts reject it")
  func fiveLevelsNotOffered() throws {
    let runner = try VMXRunner()
    runner.set(secondary: .enableEPT)
    runner.vmcs.eptPointer = Place.ept | 4 << 3 | 6
    #expect(runner.enter() == .failValid(7))
  }
}
