import Testing

@testable import VMXLab

@Suite("Page-modification logging")
struct PageModificationLogTests {
  private typealias Place = VMXRunner.Place
  private static let log = Place.pageModificationLog
  private static let page = Place.guestData
  /// MOV EBX, data + 0x123; MOV [RBX], AL.
  private static let write: [UInt8] = [0xbb, 0x23, 0x01, 0x81, 0, 0x88, 0x03]

  private func runner(_ code: [UInt8] = write) throws -> VMXRunner {
    let runner = try VMXRunner()
    runner.set(secondary: [.enableEPT, .enablePML])
    runner.vmcs.eptPointer |= EPTEntry.pointerAccessedDirty
    runner.vmcs.pmlAddress = Self.log
    runner.vmcs.pmlIndex = 511
    runner.setGuestCode(code)
    return runner
  }

  @Test("pages whose dirty flag is set are logged downwards, those of paging structures too")
  func logs() throws {
    let runner = try runner()
    #expect(runner.exitReason() == .vmcall)
    // The guest's paging structures lie in one 2-MiB page, whose flag is set once.
    #expect(runner.get(Self.log + 511 * 8) == Place.guestTables)
    #expect(runner.get(Self.log + 510 * 8) == Self.page)
    #expect(runner.vmcs.pmlIndex == 509)
    #expect(runner.get(runner.eptEntry(Self.page)) & EPTEntry.dirty != 0)
    // The flags are set: nothing more is logged.
    runner.setGuestCode(Self.write)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.pmlIndex == 509)
  }

  @Test("reads and fetches are not logged; without A/D flags nothing is")
  func readsAreNotLogged() throws {
    let reading = try runner([0xbb, 0x23, 0x01, 0x81, 0, 0x8a, 0x03])
    #expect(reading.exitReason() == .vmcall)
    #expect(reading.vmcs.pmlIndex == 510)
    #expect(reading.get(Self.log + 511 * 8) == Place.guestTables)
    let withoutFlags = try runner()
    withoutFlags.vmcs.eptPointer &= ~EPTEntry.pointerAccessedDirty
    #expect(withoutFlags.exitReason() == .vmcall)
    #expect(withoutFlags.vmcs.pmlIndex == 511)
  }

  @Test("a full log exits before the write, with no flag set")
  func logFull() throws {
    let runner = try runner()
    #expect(runner.exitReason() == .vmcall)
    let entry = runner.eptEntry(Self.page)
    runner.put(runner.get(entry) & ~EPTEntry.dirty, at: entry)
    runner.put(0x1111, at: Self.page + 0x123)
    runner.state.pointee.general[0] = 0xee
    for index in [512, 0xffff] as [UInt16] {
      runner.vmcs.pmlIndex = index
      runner.setGuestCode(Self.write)
      runner.vmcs.guestRFLAGS = 2
      #expect(runner.exitReason() == .pageModificationLogFull)
      #expect(runner.vmcs.exitQualification == 0)
      #expect(runner.vmcs.guestRIP == Place.guestCode + 5)
      #expect(runner.vmcs.guestRFLAGS & RFLAGS.rf.rawValue != 0)
      #expect(runner.vmcs.pmlIndex == index)
      #expect(runner.get(entry) & EPTEntry.dirty == 0)
      #expect(runner.get(Self.page + 0x123) == 0x1111)
    }
    // With room for one, the instruction goes through, and the index wraps.
    runner.vmcs.pmlIndex = 0
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.pmlIndex == 0xffff)
    #expect(runner.get(Self.log) == Self.page)
    #expect(runner.get(Self.page + 0x123) & 0xff == 0xee)
  }

  @Test("a full log also stops an access that sets an accessed flag alone")
  func accessedFlag() throws {
    let runner = try runner([0xbb, 0x23, 0x01, 0x81, 0, 0x8a, 0x03])
    #expect(runner.exitReason() == .vmcall)
    let entry = runner.eptEntry(Self.page)
    runner.put(runner.get(entry) & ~EPTEntry.accessed, at: entry)
    runner.vmcs.pmlIndex = 0xffff
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .pageModificationLogFull)
    #expect(runner.get(entry) & EPTEntry.accessed == 0)
  }

  @Test("an EPT violation comes before a full log and sets no flags")
  func violationFirst() throws {
    let runner = try runner()
    #expect(runner.exitReason() == .vmcall)
    let entry = runner.eptEntry(Self.page)
    runner.put(Self.page | 0x31, at: entry)
    runner.vmcs.pmlIndex = 0xffff
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.get(entry) & (EPTEntry.accessed | EPTEntry.dirty) == 0)
  }

  @Test("a full log while an event is delivered leaves IDT-vectoring information")
  func duringDelivery() throws {
    let runner = try runner(Code.ud2)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 6)
    let entry = runner.eptEntry(Place.guestStack - 8)
    runner.put(runner.get(entry) & ~EPTEntry.dirty, at: entry)
    runner.vmcs.pmlIndex = 0xffff
    runner.vmcs.guestRSP = Place.guestStack
    runner.setGuestCode(Code.ud2)
    #expect(runner.exitReason() == .pageModificationLogFull)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0306)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
  }
}
