import Testing

@testable import VMXLab

/// EPT and shadow stacks: every setting of the entries that map a page, against the manual's rules
/// written down once more.
@Suite struct ShadowStackEPTTests {
  private typealias Place = VMXRunner.Place

  /// Guest-linear address of the shadow stack, which lies at guest-physical ``Place/guestData``.
  private static let shadowBase: UInt64 = 0xc0_0000
  private static let shadow = shadowBase + (Place.guestData - Place.guestCode)

  /// What EPT has for the page.
  struct Entries: Sendable, CustomStringConvertible {
    var isReadable: Bool
    var isWritable: Bool
    var isSupervisorShadowStack: Bool
    var isWritableAbove: Bool
    /// Bit 7 of the EPT pointer.
    var isControlled: Bool

    static let all: [Entries] = (0..<32).compactMap {
      let entries = Entries(
        isReadable: $0 & 1 != 0, isWritable: $0 & 2 != 0, isSupervisorShadowStack: $0 & 4 != 0,
        isWritableAbove: $0 & 8 != 0, isControlled: $0 & 16 != 0)
      // Writable but not readable is a misconfiguration.
      return entries.isWritable && !entries.isReadable ? nil : entries
    }
    var description: String {
      "\(isReadable ? "r" : "-")\(isWritable ? "w" : "-")\(isSupervisorShadowStack ? "s" : "-")"
        + "/\(isWritableAbove ? "w" : "-")\(isControlled ? " controlled" : "")"
    }

    /// "EPT Violations": whether an access to a shadow stack is allowed.
    func allows(isWrite: Bool, isUser: Bool) -> Bool {
      if isControlled, !isUser {
        return isReadable && isWritableAbove && isSupervisorShadowStack
      }
      return isWrite ? isWritable && isWritableAbove : isReadable
    }

    /// "Exit Qualification for EPT Violations".
    func qualification(isWrite: Bool, isUser: Bool) -> UInt64 {
      var bits: UInt64 = isWrite ? 2 : 1
      if isReadable { bits |= 1 << 3 }
      if isWritable, isWritableAbove { bits |= 1 << 4 }
      // Execution is allowed; a valid linear address, its translation, and a shadow stack. The guest's
      // own entries say that it is not writable, and executable.
      bits |= 1 << 5 | 1 << 7 | 1 << 8 | 1 << 13
      if isUser { bits |= 1 << 9 }
      if isControlled, isSupervisorShadowStack { bits |= 1 << 14 }
      return bits
    }
  }

  @Test(
    "Accesses to shadow stacks follow the entries and the supervisor shadow-stack control",
    arguments: Entries.all)
  func matrix(entries: Entries) throws {
    for isUser in [false, true] {
      for isWrite in [false, true] {
        let runner = try VMXRunner(profile: "sapphire-rapids")
        runner.set(entry: .loadCETState)
        runner.set(secondary: .enableEPT)
        runner.vmcs.guestCR4 |= CR4.cet.rawValue
        let control = ControlFlowControl([.shadowStack, .writeShadowStack])
        runner.vmcs.guestSCET = isUser ? 0 : control.rawValue
        runner.state.pointee.cet.userControl = isUser ? control : []
        runner.vmcs.guestSSP = Self.shadow + 0x800
        runner.put(
          Place.guestCode | 0xe1 | (isUser ? 4 : 0),
          at: Place.guestTables + 0x2000 + Self.shadowBase >> 21 * 8)
        if isUser { runner.makeUser() }
        // MOV EBX, shadow + 800H; then INCSSPQ RAX or WRSSQ [RBX], RAX.
        let address = Self.shadow + 0x800
        let move = [0xbb] + (0..<4).map { UInt8(truncatingIfNeeded: address >> ($0 * 8)) }
        runner.setGuestCode(
          move + (isWrite ? [0x48, 0x0f, 0x38, 0xf6, 0x03] : [0xf3, 0x48, 0x0f, 0xae, 0xe8]))
        // The page; and the entry above it, which has the guest's code too.
        let entry = runner.eptEntry(Place.guestData)
        var value = runner.get(entry) & ~7 | 4
        if entries.isReadable { value |= 1 }
        if entries.isWritable { value |= 2 }
        if entries.isSupervisorShadowStack { value |= 1 << 60 }
        runner.put(value, at: entry)
        if !entries.isWritableAbove {
          let above = Place.ept + 0x2000 + Place.guestCode >> 21 * 8
          runner.put(runner.get(above) & ~2, at: above)
        }
        if entries.isControlled { runner.vmcs.eptPointer |= 0x80 }
        let reason = runner.exitReason()
        guard !entries.allows(isWrite: isWrite, isUser: isUser) else {
          #expect(reason == .vmcall, "\(isUser) \(isWrite)")
          continue
        }
        #expect(reason == .eptViolation, "\(isUser) \(isWrite)")
        #expect(
          runner.vmcs.exitQualification
            == entries.qualification(isWrite: isWrite, isUser: isUser))
        #expect(runner.vmcs.guestPhysicalAddress == Place.guestData + 0x800)
        #expect(runner.vmcs.guestLinearAddress == address)
      }
    }
  }

  @Test("Ordinary accesses do not heed bit 60, but tell of it")
  func ordinary() throws {
    for isControlled in [false, true] {
      let runner = try VMXRunner(profile: "sapphire-rapids")
      runner.set(secondary: .enableEPT)
      // MOV EBX, guestData; MOV [RBX], EAX
      runner.setGuestCode([0xbb, 0, 0, 0x81, 0, 0x89, 0x03])
      let entry = runner.eptEntry(Place.guestData)
      runner.put(runner.get(entry) & ~2 | 1 << 60, at: entry)
      if isControlled { runner.vmcs.eptPointer |= 0x80 }
      #expect(runner.exitReason() == .eptViolation)
      #expect(runner.vmcs.exitQualification >> 13 & 3 == (isControlled ? 2 : 0))
      runner.put(0, at: entry)
      #expect(runner.exitReason() == .eptViolation)
      #expect(runner.vmcs.exitQualification >> 13 & 3 == 0)
    }
  }

  @Test("A shadow-stack write marks the page in EPT, and is logged")
  func dirty() throws {
    let runner = try VMXRunner(profile: "sapphire-rapids")
    runner.set(entry: .loadCETState)
    runner.set(secondary: [.enableEPT, .enablePML])
    runner.vmcs.guestCR4 |= CR4.cet.rawValue
    runner.vmcs.guestSCET = 1
    runner.vmcs.guestSSP = Self.shadow + 0x800
    runner.vmcs.eptPointer |= 0xc0
    runner.vmcs.pmlAddress = Place.pageModificationLog
    runner.vmcs.pmlIndex = 511
    runner.put(
      Place.guestCode | 0xe1, at: Place.guestTables + 0x2000 + Self.shadowBase >> 21 * 8)
    let entry = runner.eptEntry(Place.guestData)
    runner.put(runner.get(entry) & ~0x302 | 1 << 60, at: entry)
    // CALL +2; the stack's page is another one.
    runner.setGuestCode([0xe8, 2, 0, 0, 0, 0x90, 0x90])
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.get(entry) & 0x300 == 0x300)
    let logged = (0..<16 as Range<UInt64>).map {
      runner.get(Place.pageModificationLog + (511 - $0) * 8)
    }
    #expect(logged.contains(Place.guestData))
    #expect(runner.get(Place.guestData + 0x7f8) == Place.guestCode + 5)
  }
}

extension VMXRunner {
  /// Makes the guest one at privilege level 3.
  fileprivate func makeUser() {
    for (register, rights) in [(SegmentRegister.cs, 0xa0fb), (.ss, 0xc0f3)]
      as [(SegmentRegister, UInt32)]
    {
      var segment = vmcs.guestSegment(register)
      segment.selector |= 3
      segment.access = SegmentAccessRights(rawValue: rights)
      vmcs.setGuestSegment(register, segment)
    }
  }
}
