import Testing

@testable import VMXLab

@Suite("EPT and VPID")
struct EPTTests {
  private typealias Place = VMXRunner.Place
  /// MOV EBX, data + 0x123; then an instruction on [RBX].
  private static let address: [UInt8] = [0xbb, 0x23, 0x01, 0x81, 0]
  private static let read: [UInt8] = address + [0x8a, 0x03]
  private static let write: [UInt8] = address + [0x88, 0x03]
  private static let page = Place.guestData
  private static let operand = Place.guestData + 0x123

  private func runner(_ code: [UInt8], rights: UInt64) throws -> VMXRunner {
    let runner = try VMXRunner()
    runner.set(secondary: .enableEPT)
    runner.setGuestCode(code)
    let entry = runner.eptEntry(Self.page)
    runner.put(runner.get(entry) & ~7 | rights, at: entry)
    return runner
  }

  @Test("a guest runs behind EPT")
  func entry() throws {
    let runner = try runner(Self.read, rights: 7)
    runner.put(0x5a, at: Self.operand)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.general[0] & 0xff == 0x5a)
  }

  @Test("violations tell access, rights and addresses")
  func violations() throws {
    // Bits 7 and 8: linear address valid, and its translation; 9 to 11: user, writable, executable.
    let linear: UInt64 = 0x180 | 0x600
    for (code, rights, qualification) in [
      (Self.read, 0, 1), (Self.read, 4, 1 | 4 << 3), (Self.write, 1, 2 | 1 << 3),
      (Self.write, 5, 2 | 5 << 3),
    ] as [([UInt8], UInt64, UInt64)] {
      let runner = try runner(code, rights: rights)
      #expect(runner.exitReason() == .eptViolation)
      #expect(runner.vmcs.exitQualification == qualification | linear)
      #expect(runner.vmcs.guestPhysicalAddress == Self.operand)
      #expect(runner.vmcs.guestLinearAddress == Self.operand)
      #expect(runner.vmcs.guestRIP == Place.guestCode + 5)
      #expect(runner.vmcs.guestRFLAGS & RFLAGS.rf.rawValue != 0)
    }
  }

  @Test("a fetch from a page without execute permission is a violation with bit 2")
  func fetchViolation() throws {
    let runner = try runner([], rights: 3)
    runner.vmcs.guestRIP = Self.operand
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.exitQualification == 4 | 3 << 3 | 0x780)
    #expect(runner.vmcs.guestPhysicalAddress == Self.operand)
  }

  @Test(
    "a violation on a paging-structure entry has bit 8 clear; with accessed and dirty flags both accesses"
  )
  func pagingStructures() throws {
    for usesFlags in [false, true] {
      let runner = try runner(Self.read, rights: 7)
      // L2's page directory pointer table goes to the page that EPT does not map, or maps read-only.
      runner.put(Self.page | 0x67, at: Place.guestTables)
      runner.put(Place.guestTables + 0x2000 | 0x67, at: Self.page)
      let entry = runner.eptEntry(Self.page)
      runner.put(runner.get(entry) & ~7 | (usesFlags ? 1 : 0), at: entry)
      if usesFlags { runner.vmcs.eptPointer |= EPTEntry.pointerAccessedDirty }
      #expect(runner.exitReason() == .eptViolation)
      #expect(runner.vmcs.exitQualification == (usesFlags ? 3 | 1 << 3 : 1) | 1 << 7)
      #expect(runner.vmcs.guestPhysicalAddress == Self.page)
      #expect(runner.vmcs.guestLinearAddress == Place.guestCode)
    }
  }

  @Test("accessed and dirty flags are set as the page is used")
  func accessedAndDirty() throws {
    let runner = try runner(Self.read, rights: 7)
    runner.vmcs.eptPointer |= EPTEntry.pointerAccessedDirty
    let entry = runner.eptEntry(Self.page)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.get(entry) & 0x300 == EPTEntry.accessed)
    #expect(runner.get(Place.ept) & 0x300 == EPTEntry.accessed)
    runner.setGuestCode(Self.write)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.get(entry) & 0x300 == EPTEntry.accessed | EPTEntry.dirty)
    // Without them nothing is set.
    let other = try self.runner(Self.write, rights: 7)
    #expect(other.exitReason() == .vmcall)
    #expect(other.get(other.eptEntry(Self.page)) & 0x300 == 0)
  }

  @Test(
    "wrong entries are misconfigurations, before violations",
    arguments: [
      2, 6, 7 | 2 << 3, 7 | 3 << 3, 7 | 7 << 3, 0x37 | 1 << 46, 0x37 | 1 << 51, 1 | 2 << 3,
    ] as [UInt64])
  func misconfigurations(bits: UInt64) throws {
    let runner = try runner(Self.write, rights: 7)
    runner.put(Self.page | bits, at: runner.eptEntry(Self.page))
    #expect(runner.exitReason() == .eptMisconfiguration)
    #expect(runner.vmcs.guestPhysicalAddress == Self.operand)
    #expect(runner.vmcs.exitQualification == 0)
  }

  @Test("reserved bits of entries that point to tables are misconfigurations")
  func tableMisconfigurations() throws {
    for (table, bits) in [
      (Place.ept, 0x80), (Place.ept, 0x08), (Place.ept + 0x1000, 0x40),
      (Place.ept + 0x2000 + (Place.guestCode >> 21) * 8, 0x10),
    ] as [(UInt64, UInt64)] {
      let runner = try runner(Self.read, rights: 7)
      runner.put(runner.get(table) | bits, at: table)
      #expect(runner.exitReason() == .eptMisconfiguration)
    }
    // Bits 20:12 of a 2-MiB page.
    let runner = try runner(Self.read, rights: 7)
    runner.put(runner.get(Place.ept + 0x2000 + 24) | 0x1000, at: Place.ept + 0x2000 + 24)
    #expect(runner.exitReason() == .eptMisconfiguration)
  }

  @Test("a violation while an event is delivered has IDT-vectoring information")
  func violationInDelivery() throws {
    let runner = try runner(Code.ud2, rights: 0)
    runner.vmcs.guestRSP = Self.page + 0x800
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0306)
    #expect(runner.vmcs.guestLinearAddress == Self.page + 0x7f8)
    #expect(runner.vmcs.guestRIP == Place.guestCode)
    #expect(runner.vmcs.guestRFLAGS & RFLAGS.rf.rawValue != 0)
    runner.setGuestCode([0xcd, 0x40])
    runner.vmcs.guestRFLAGS = 2
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0440)
    #expect(runner.vmcs.exitInstructionLength == 2)
    #expect(runner.vmcs.guestRFLAGS & RFLAGS.rf.rawValue == 0)
  }

  @Test("a data breakpoint that the refused access meets does not stay pending")
  func breakpointOfRefusedAccess() throws {
    let runner = try runner(Self.read, rights: 0)
    runner.state.pointee.debug.dr0 = Self.operand
    // L0, of reads and writes.
    runner.vmcs.guestDR7 = 0x3_0401
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.guestPendingDebugExceptions == 0)
  }

  @Test("a page that a violation made L1 move is seen where it is, without INVEPT")
  func copyOnWrite() throws {
    let runner = try runner(Self.read, rights: 1)
    runner.put(0x11, at: Self.operand)
    runner.set(secondary: .enableVPID)
    // Read, write, read.
    runner.setGuestCode(Self.read + [0x88, 0x03, 0x8a, 0x0b])
    #expect(runner.exitReason() == .eptViolation)
    let copy = Place.guestData + 0x1000
    runner.put(0x22, at: copy + 0x123)
    runner.put(copy | 0x33, at: runner.eptEntry(Self.page))
    // The instruction reads first: at RIP is the read again.
    runner.vmcs.guestRIP = Place.guestCode + 5
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.general[0] & 0xff == 0x22)
    #expect(runner.get(Self.operand) & 0xff == 0x11)
  }

  // MARK: VPID

  /// Changes L2's mapping of its data page behind its back, and says what a read sees: 1 the old, 2
  /// the new.
  private func readAfterRemapping(_ runner: VMXRunner, _ between: (VMXRunner) -> Void) -> UInt8 {
    let table = Place.guestTables + 0x10_000
    runner.put(1, at: Self.operand)
    runner.put(2, at: Self.operand + 0x1000)
    // L2 gets a page table for its 2 MiB.
    runner.put(table | 0x67, at: Place.guestTables + 0x2000 + (Place.guestCode >> 21) * 8)
    for page in 0..<UInt64(512) {
      runner.put((Place.guestCode + page << 12) | 0x67, at: table + page * 8)
    }
    runner.setGuestCode(Self.read)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.general[0] & 0xff == 1)
    runner.put((Self.page + 0x1000) | 0x67, at: table + (Self.page >> 12 & 0x1ff) * 8)
    between(runner)
    runner.setGuestCode(Self.read)
    #expect(runner.exitReason() == .vmcall)
    return UInt8(truncatingIfNeeded: runner.state.pointee.general[0])
  }

  @Test("without VPID, a VM entry drops L2's translations")
  func withoutVPID() throws {
    #expect(readAfterRemapping(try VMXRunner()) { _ in } == 2)
  }

  @Test("with VPID they survive; INVVPID, another VPID and L2's own MOV CR3 end them")
  func withVPID() throws {
    func make() throws -> VMXRunner {
      let runner = try VMXRunner()
      runner.set(secondary: .enableVPID)
      return runner
    }
    #expect(readAfterRemapping(try make()) { _ in } == 1)
    #expect(readAfterRemapping(try make()) { $0.vmcs.virtualProcessorIdentifier = 2 } == 2)
    let invalidated = readAfterRemapping(try make()) { runner in
      runner.put(1, at: Place.data)
      runner.put(0, at: Place.data + 8)
      runner.execute(Code.invvpid, registers: [0: 1])
    }
    #expect(invalidated == 2)
    // L2 switches to other page tables, which drops the translations of the first ones too, and exits
    // there; L1 sends it back.
    let switched = readAfterRemapping(try make()) { runner in
      let copy = Place.guestTables + 0x60_000
      runner.put(runner.get(Place.guestTables), at: copy)
      // MOV EAX, copy; MOV CR3, RAX.
      runner.vmcs.primaryProcessorBasedControls &=
        ~PrimaryProcessorBasedControls.cr3LoadExiting.rawValue
      runner.setGuestCode([0xb8, 0, 0, 0x66, 0, 0x0f, 0x22, 0xd8])
      #expect(runner.exitReason() == .vmcall)
      runner.vmcs.guestCR3 = Place.guestTables
    }
    #expect(switched == 2)
    let page = readAfterRemapping(try make()) { runner in
      // INVLPG [RBX].
      runner.setGuestCode(Self.address + [0x0f, 0x01, 0x3b])
      #expect(runner.exitReason() == .vmcall)
    }
    #expect(page == 2)
  }
}
