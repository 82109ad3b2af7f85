import Testing

@testable import VMXLab

/// Who may access which page how, with shadow stacks: every setting of the entries that map a page
/// against the manual's rules, written down once more.
@Suite struct ShadowStackPagingTests {
  private typealias Runner = ControlFlowRunner
  private typealias Place = ControlFlowRunner.Place
  private typealias Code = ShadowStackInstructionTests.Code

  /// The flags of the entry that maps the page, and R/W of the one above.
  private struct Page: CustomStringConvertible {
    var isWritable: Bool
    var isUser: Bool
    var isDirty: Bool
    var isWritableAbove: Bool

    static let all: [Page] = (0..<16).map {
      Page(
        isWritable: $0 & 1 != 0, isUser: $0 & 2 != 0, isDirty: $0 & 4 != 0,
        isWritableAbove: $0 & 8 != 0)
    }
    var flags: UInt64 {
      0x21 | (isWritable ? 2 : 0) | (isUser ? 4 : 0) | (isDirty ? 0x40 : 0)
    }
    var description: String {
      "\(isWritable ? "w" : "-")\(isUser ? "u" : "-")\(isDirty ? "d" : "-")"
        + (isWritableAbove ? "/w" : "/-")
    }

    /// "Determination of Access Rights": shadow-stack addresses, and what may be written.
    var isShadowStack: Bool { isWritableAbove && !isWritable && isDirty }
    var allowsWrites: Bool { isWritableAbove && isWritable }
  }

  private static func isAllowed(_ access: ControlFlowRunner.Access, _ page: Page, isUser: Bool)
    -> Bool
  {
    if access.isShadow { return page.isShadowStack && page.isUser == isUser }
    // CR0.WP is 1, and there is neither SMAP nor SMEP.
    return (page.isUser || !isUser) && (!access.isWrite || page.allowsWrites)
  }

  private static func errorCode(_ access: ControlFlowRunner.Access, isUser: Bool) -> UInt32 {
    1 | (access.isWrite ? 2 : 0) | (isUser ? 4 : 0) | (access.isShadow ? 0x40 : 0)
  }

  @Test(
    "Accesses follow R/W, U/S and D of the entries, in every paging mode and size of page",
    arguments: ControlFlowRunner.Paging.allCases)
  func matrix(paging: ControlFlowRunner.Paging) throws {
    let runner = try Runner(paging.mode)
    if paging.is32Bit { runner.use32BitPaging() }
    for page in Page.all {
      // A page that the directory itself maps has no entry with R/W above it there.
      if !paging.hasWritableAbove, !page.isWritableAbove { continue }
      runner.map(paging, flags: page.flags, writableAbove: page.isWritableAbove)
      for level in [0, 3] as [UInt8] {
        for access in ControlFlowRunner.Access.allCases {
          let isAllowed = Self.isAllowed(access, page, isUser: level == 3)
          let code = Self.errorCode(access, isUser: level == 3)
          #expect(
            runner.access(access, paging.linear, level: level)
              == (isAllowed ? .retires : .pageFault(code)), "\(page) level \(level) \(access)")
          let entry = runner.pageEntry(paging)
          // Only what is allowed leaves a trace, and only an ordinary write dirties a page.
          let isDirty = page.isDirty || (isAllowed && access == .write)
          #expect(entry >> 6 & 1 == (isDirty ? 1 : 0))
          runner.map(paging, flags: page.flags, writableAbove: page.isWritableAbove)
        }
      }
    }
  }

  @Test("The R/W flags of every level above count")
  func levels() throws {
    let runner = try Runner(.long)
    let page = Place.userShadow
    #expect(runner.access(.shadowWrite, page, level: 3) == .retires)
    for entry in [Place.tables, Place.tables + 0x1000, Place.tables + 0x2000] {
      let value = runner.get(entry)
      runner.put(value & ~2, at: entry)
      runner.state.pointee.startNewAddressSpace()
      #expect(runner.access(.shadowWrite, page, level: 3) == .pageFault(0x47))
      #expect(runner.access(.shadowRead, page, level: 3) == .pageFault(0x45))
      runner.put(value, at: entry)
      runner.state.pointee.startNewAddressSpace()
    }
    #expect(runner.access(.shadowWrite, page, level: 3) == .retires)
  }

  @Test("SMAP does not concern shadow stacks, and what the TLB knows of a page does not help them")
  func others() throws {
    let runner = try Runner(.long)
    runner.state.pointee.cr4.insert(.smap)
    // WRUSS writes a page that an ordinary access of the supervisor must not.
    runner.general = [3: Place.userShadow]
    #expect(runner.run(Code.wrussd) == .retires)
    #expect(runner.access(.read, Place.userShadow, level: 0) == .pageFault(1))
    runner.state.pointee.cr4.remove(.smap)
    runner.state.pointee.startNewAddressSpace()
    #expect(runner.access(.write, Place.data, level: 0) == .retires)
    #expect(runner.access(.shadowRead, Place.data, level: 0) == .pageFault(0x41))
    #expect(runner.access(.write, Place.data, level: 0) == .retires)
    #expect(runner.access(.shadowWrite, Place.supervisorShadow, level: 0) == .retires)
    #expect(runner.access(.write, Place.supervisorShadow, level: 0) == .pageFault(3))
    #expect(runner.access(.read, Place.supervisorShadow, level: 0) == .retires)
  }

  @Test("Page faults of an absent page, and of reserved bits, have the shadow-stack flag as well")
  func absent() throws {
    let runner = try Runner(.long)
    runner.setPage(Place.userShadow, flags: 0x64)
    #expect(runner.access(.shadowWrite, Place.userShadow, level: 3) == .pageFault(0x46))
    runner.setPage(Place.userShadow, flags: 0x65 | 1 << 63)
    #expect(runner.access(.shadowRead, Place.userShadow, level: 3) == .pageFault(0x4d))
  }

  @Test("Without paging, everything may be a shadow stack")
  func unpaged() throws {
    let runner = try Runner(.protected)
    runner.state.pointee.cr0.remove(.pg)
    runner.state.pointee.startNewAddressSpace()
    for level in [0, 3] as [UInt8] {
      #expect(runner.access(.shadowWrite, Place.data, level: level) == .retires)
      #expect(runner.access(.shadowRead, Place.data, level: level) == .retires)
    }
  }

  @Test("Data breakpoints see accesses to shadow stacks")
  func breakpoints() throws {
    let runner = try Runner(.long)
    runner.setControl(.shadowStack, level: 0)
    runner.ssp = Place.supervisorShadow + 0x800
    runner.general = [0: Place.target]
    runner.state.pointee.debug.dr0 = Place.supervisorShadow + 0x7f8
    // G0, writes, 8 bytes.
    runner.state.pointee.debug.dr7 = 0x402 | 0b1001 << 16
    #expect(runner.run([0xff, 0xd0]) == .faults(1, 0))
    #expect(runner.interruptedSSP == Place.supervisorShadow + 0x7f8)
    #expect(runner.state.pointee.debug.dr6 & 1 == 1)
  }
}
