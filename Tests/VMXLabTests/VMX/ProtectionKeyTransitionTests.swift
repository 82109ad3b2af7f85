import Testing

@testable import VMXLab

/// Protection keys and 5-level paging across VM entries and VM exits.
@Suite struct ProtectionKeyTransitionTests {
  private typealias Place = VMXRunner.Place
  private static let wrpkru: [UInt8] = [0x0f, 0x01, 0xef]
  private static let load: [UInt8] = [0x8a, 0x03]

  private let runner: VMXRunner
  private var state: UnsafeMutablePointer<Processor> { runner.state }

  init() throws {
    runner = try VMXRunner(profile: "sapphire-rapids")
  }

  /// MOV EAX, value; XOR ECX, ECX; XOR EDX, EDX; WRPKRU.
  private func writePKRU(_ value: UInt32) -> [UInt8] {
    [0xb8] + (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
      + [0x31, 0xc9, 0x31, 0xd2] + Self.wrpkru
  }

  /// Gives the 2 MiB of one of the two sets of page tables a key.
  private func setKey(_ key: UInt64, _ linear: UInt64, tables: UInt64, flags: UInt64 = 0xe7) {
    runner.put(linear & ~0x1f_ffff | flags | key << 59, at: tables + 0x2000 + (linear >> 21) * 8)
    state.pointee.startNewAddressSpace()
  }

  @Test(
    "\"Load PKRS\" loads IA32_PKRS on entry and on exit, which else keep it; exits always save it")
  func loadsPKRS() {
    for (loadsGuest, loadsHost) in [(false, false), (true, false), (false, true), (true, true)] {
      state.pointee.setPKRS(0x10)
      runner.vmcs.guestPKRS = 0x20
      runner.vmcs.hostPKRS = 0x30
      runner.vmcs.vmEntryControls &= ~VMEntryControls.loadPKRS.rawValue
      runner.vmcs.vmExitControls &= ~VMExitControls.loadPKRS.rawValue
      if loadsGuest { runner.set(entry: .loadPKRS) }
      if loadsHost { runner.set(exit: .loadPKRS) }
      runner.vmcs.guestRIP = Place.guestCode
      #expect(runner.exitReason() == .vmcall)
      let guest: UInt64 = loadsGuest ? 0x20 : 0x10
      #expect(runner.vmcs.guestPKRS == guest)
      #expect(state.pointee.protectionKeys.supervisor == (loadsHost ? 0x30 : UInt32(guest)))
    }
  }

  @Test("The guest's WRMSR of IA32_PKRS ends up in its VMCS, and MSR lists load it too")
  func guestWritesPKRS() {
    // MOV EAX, 40H; XOR EDX, EDX; MOV ECX, 6E1H; WRMSR.
    runner.setGuestCode(
      [0xb8, 0x40, 0, 0, 0, 0x31, 0xd2, 0xb9, 0xe1, 6, 0, 0, 0x0f, 0x30])
    runner.set(PrimaryProcessorBasedControls.useMSRBitmaps)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestPKRS == 0x40)
    #expect(state.pointee.protectionKeys.supervisor == 0x40)
    runner.setGuestCode([])
    runner.put(0x6e1, at: Place.msrLoadList)
    runner.put(0x50, at: Place.msrLoadList + 8)
    runner.vmcs.entryMSRLoadAddress = Place.msrLoadList
    runner.vmcs.entryMSRLoadCount = 1
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestPKRS == 0x50)
    runner.put(1 << 32, at: Place.msrLoadList + 8)
    #expect(runner.enter() == .exit)
    #expect(runner.vmcs.exitReason == 1 << 31 | 34)
    #expect(runner.vmcs.exitQualification == 1)
  }

  @Test("PKRU is the same on both sides of a VM entry and a VM exit")
  func keepsPKRU() {
    state.pointee.setPKRU(0x4)
    runner.vmcs.guestCR4 |= CR4.pke.rawValue
    // MOV with RDPKRU: XOR ECX, ECX; RDPKRU; MOV EBX, EAX; then WRPKRU.
    runner.setGuestCode([0x31, 0xc9, 0x0f, 0x01, 0xee, 0x89, 0xc3] + writePKRU(0x8))
    #expect(runner.exitReason() == .vmcall)
    #expect(state.pointee.general[3] == 4)
    #expect(state.pointee.protectionKeys.user == 8)
  }

  @Test(
    "What a guest takes from a key is taken from L1's translations, which VPID keeps",
    arguments: [false, true])
  func staleTranslations(usesVPID: Bool) {
    if usesVPID { runner.set(secondary: [.enableEPT, .enableVPID]) }
    state.pointee.cr4.insert(.pke)
    runner.vmcs.hostCR4 |= CR4.pke.rawValue
    runner.vmcs.guestCR4 |= CR4.pke.rawValue
    let page: UInt64 = 0xa0_0000
    setKey(5, page, tables: Place.tables)
    #expect(runner.execute(Self.load, memory: page) == .retired)
    runner.setGuestCode(writePKRU(1 << 10))
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.execute(Self.load, memory: page) == .fault(14))
    #expect(runner.execute(Self.wrpkru, registers: [0: 0, 1: 0, 2: 0]) == .retired)
    #expect(runner.execute(Self.load, memory: page) == .retired)
  }

  @Test("A guest's page fault by a key of IA32_PKRS exits with bit 5 of its error code")
  func pageFaultExit() {
    let page: UInt64 = 0xa0_0000
    setKey(9, page, tables: Place.guestTables, flags: 0xe3)
    runner.vmcs.guestCR4 |= CR4.pks.rawValue
    runner.set(entry: .loadPKRS)
    runner.vmcs.guestPKRS = 1 << 18
    runner.vmcs.exceptionBitmap = 1 << 14
    // MOV EBX, page; MOV AL, [RBX].
    runner.setGuestCode([0xbb, 0, 0, 0xa0, 0] + Self.load)
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionErrorCode == 0x21)
    #expect(runner.vmcs.exitQualification == page)
    #expect(runner.vmcs.guestPKRS == 1 << 18)
    runner.vmcs.guestPKRS = 0
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .vmcall)
  }

  @Test("Parts without PKS offer neither control, and have no field")
  func olderParts() throws {
    let older = try VMXRunner(profile: "icelake-server")
    #expect(!older.capabilities.offeredControls.entry.contains(.loadPKRS))
    #expect(!older.capabilities.offeredControls.exit.contains(.loadPKRS))
    #expect(older.execute(Code.vmreadRegister, registers: [0: 0x2818]) == .retired)
    #expect(older.statusFlags == RFLAGS.zf.rawValue)
    #expect(runner.execute(Code.vmreadRegister, registers: [0: 0x2818]) == .retired)
    #expect(runner.statusFlags == 0)
  }

  // MARK: 5-level paging

  private static let root: UInt64 = 0x68_0000

  /// Puts a PML5 above the guest's tables, which it maps at 0 and at 2^48.
  private func useLevel5ForGuest() {
    runner.put(Place.guestTables | 0x67, at: Self.root)
    runner.put(Place.guestTables | 0x67, at: Self.root + 8)
    runner.vmcs.guestCR3 = Self.root
    runner.vmcs.guestCR4 |= CR4.la57.rawValue
  }

  @Test(
    "A guest has 5-level paging while its host has not, and RIP of 57 bits",
    arguments: [false, true])
  func level5Guest(usesEPT: Bool) {
    if usesEPT { runner.set(secondary: [.enableEPT, .enableVPID]) }
    useLevel5ForGuest()
    runner.setGuestCode(Code.nop)
    runner.vmcs.guestRIP = 1 << 48 | Place.guestCode
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestRIP == 1 << 48 | (Place.guestCode + 1))
    #expect(!state.pointee.cr4.contains(.la57))
    let mode = state.pointee.pagingMode
    #expect(mode == .level4)
    // The next entry takes what the exit saved.
    runner.vmcs.guestRIP = 1 << 48 | Place.guestCode
    #expect(runner.exitReason() == .vmcall)
  }

  @Test("A guest without 5-level paging enters with such a RIP, and cannot fetch there")
  func level4GuestWithWideRIP() {
    runner.vmcs.guestRIP = 1 << 48 | Place.guestCode
    runner.vmcs.exceptionBitmap = 1 << 13
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.guestRIP == 1 << 48 | Place.guestCode)
    // Bits 63:57 must be alike; bit 56 may differ from them.
    runner.vmcs.guestRIP = 1 << 56
    #expect(runner.exitReason() == .exceptionOrNMI)
    runner.vmcs.guestRIP = 1 << 57
    #expect(runner.enter() == .exit)
    #expect(runner.vmcs.exitReason == 1 << 31 | 33)
  }

  @Test("Bases in the VMCS have 57 bits, and host RIP those of the host's CR4.LA57")
  func widthOfFields() {
    let wide: UInt64 = 0xff00_0000_0000_0000
    runner.vmcs.guestFSBase = wide
    runner.vmcs.hostGSBase = wide
    #expect(runner.exitReason() == .vmcall)
    #expect(state.pointee.segments[5].base == wide)
    runner.vmcs.hostRIP = wide
    #expect(runner.enter() == .failValid(8))
    runner.vmcs.hostRIP = Place.host
    runner.vmcs.hostGSBase = wide ^ 1 << 56
    #expect(runner.enter() == .failValid(8))
  }

  @Test("INVVPID takes addresses of the processor's linear-address width")
  func invvpid() {
    for (address, isAccepted) in [
      (0xff00_0000_0000_0000, true), (0xfe00_0000_0000_0000, false), (1 << 48, true),
    ] as [(UInt64, Bool)] {
      runner.put(1, at: Place.data)
      runner.put(address, at: Place.data + 8)
      #expect(runner.execute(Code.invvpid, registers: [0: 0]) == .retired)
      #expect(runner.statusFlags == (isAccepted ? 0 : RFLAGS.zf.rawValue))
    }
  }

  @Test("CR4.LA57 of a guest in IA-32e mode cannot change, whoever owns the bit")
  func guestWritesCR4() {
    useLevel5ForGuest()
    runner.vmcs.exceptionBitmap = 1 << 13
    // MOV RAX, CR4; BTR EAX, 12; MOV CR4, RAX.
    runner.setGuestCode([0x0f, 0x20, 0xe0, 0x0f, 0xba, 0xf0, 12, 0x0f, 0x22, 0xe0])
    #expect(runner.exitReason() == .exceptionOrNMI)
    // A host that owns the bit, and shows it as 0, sees no change.
    runner.vmcs.cr4GuestHostMask = CR4.la57.rawValue
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.guestCR4 & CR4.la57.rawValue != 0)
  }
}
