import Testing

@testable import VMXLab

/// PCIDs, MOV to CR3, INVLPG and INVPCID: what they must invalidate, and what they need not.
@Suite struct CachedTranslationTests {
  /// Random page tables, changed behind the processor's back, and random invalidations. A read must see
  /// a mapping that is, or that has been since the last invalidation that the manual demands of it.
  @Test("A read sees no mapping that has been invalidated")
  func randomOperations() throws {
    var staleReads = 0
    try FuzzSettings.forEachSeed(quickCount: 20) { seed in
      var guest = try PagingOperations(seed: seed)
      for number in 0..<2_000 {
        if let difference = guest.next() {
          Issue.record("seed \(seed), operation \(number): \(difference)")
          return
        }
      }
      staleReads += guest.staleReads
    }
    // What need not be invalidated mostly is not.
    #expect(staleReads > 100, "\(staleReads)")
  }

  // MARK: One by one

  /// Whether a read after `between` still sees the mapping that was replaced before it.
  private func survives(
    global: Bool = false, _ between: (inout PagingOperations) -> Void
  ) throws -> Bool {
    var guest = try PagingOperations(seed: 1)
    guest.switchTo(pcid: 1, keeping: false)
    guest.map(pcid: 1, page: 3, frame: 10, global: global)
    #expect(guest.read(page: 3) == 10)
    guest.map(pcid: 1, page: 3, frame: 11, global: global)
    between(&guest)
    let seen = guest.read(page: 3)
    #expect(seen == 10 || seen == 11)
    return seen == 10
  }

  @Test(
    "A MOV to CR3 with bit 63 set keeps translations of both PCIDs, one without those of the old")
  func moveToCR3() throws {
    #expect(try survives { _ in })
    #expect(
      try survives {
        $0.switchTo(pcid: 2, keeping: false)
        $0.switchTo(pcid: 1, keeping: true)
      })
    #expect(try survives { $0.switchTo(pcid: 1, keeping: true) })
    #expect(try !survives { $0.switchTo(pcid: 1, keeping: false) })
    #expect(
      try !survives {
        $0.switchTo(pcid: 2, keeping: true)
        $0.switchTo(pcid: 1, keeping: false)
      })
  }

  @Test("INVPCID drops what its type says, of the current PCID and of another")
  func invpcid() throws {
    for fromAfar in [false, true] {
      func afterwards(_ body: @escaping (inout PagingOperations) -> Void) throws -> Bool {
        try survives {
          if fromAfar { $0.switchTo(pcid: 2, keeping: true) }
          body(&$0)
          if fromAfar { $0.switchTo(pcid: 1, keeping: true) }
        }
      }
      #expect(try afterwards { _ in })
      #expect(try !afterwards { $0.invalidate(type: 0, pcid: 1, page: 3) })
      #expect(try afterwards { $0.invalidate(type: 0, pcid: 1, page: 4) })
      #expect(try !afterwards { $0.invalidate(type: 1, pcid: 1, page: 0) })
      #expect(try afterwards { $0.invalidate(type: 1, pcid: 3, page: 0) })
      #expect(try !afterwards { $0.invalidate(type: 2, pcid: 0, page: 0) })
      #expect(try !afterwards { $0.invalidate(type: 3, pcid: 0, page: 0) })
    }
  }

  @Test("A PCID that was invalidated from another one sees what changed after that")
  func changedAfterInvalidation() throws {
    for type in 1...3 as ClosedRange<UInt64> {
      var guest = try PagingOperations(seed: 1)
      guest.switchTo(pcid: 1, keeping: false)
      #expect(guest.read(page: 3) == 3)
      guest.switchTo(pcid: 2, keeping: true)
      guest.invalidate(type: type, pcid: 1, page: 0)
      guest.map(pcid: 1, page: 3, frame: 11, global: false)
      guest.switchTo(pcid: 1, keeping: true)
      #expect(guest.read(page: 3) == 11)
    }
  }

  @Test("INVLPG drops a page, and a global one whatever its PCID")
  func invlpg() throws {
    #expect(try !survives { $0.invalidatePage(3) })
    #expect(try survives { $0.invalidatePage(4) })
    #expect(
      try !survives(global: true) {
        $0.switchTo(pcid: 2, keeping: true)
        $0.invalidatePage(3)
        $0.switchTo(pcid: 1, keeping: true)
      })
  }

  @Test("INVLPG drops every piece of a large page, and no other page")
  func invlpgOfLargePage() throws {
    for fromAfar in [false, true] {
      var guest = try PagingOperations(seed: 1)
      guest.switchTo(pcid: 1, keeping: false)
      guest.map(pcid: 1, page: 3, frame: 10, global: true)
      guest.mapLarge(pcid: 1, frame: 0, global: true)
      let pages = [0, 5, 511].map { PagingOperations.largePage + $0 }
      for page in pages { #expect(guest.read(page: page) == 0) }
      #expect(guest.read(page: 3) == 10)
      guest.map(pcid: 1, page: 3, frame: 11, global: true)
      guest.mapLarge(pcid: 1, frame: 1, global: true)
      for page in pages { #expect(guest.read(page: page) == 0) }
      if fromAfar { guest.switchTo(pcid: 2, keeping: true) }
      guest.invalidatePage(PagingOperations.largePage + 9)
      if fromAfar { guest.switchTo(pcid: 1, keeping: true) }
      for page in pages { #expect(guest.read(page: page) == 1) }
      #expect(guest.read(page: 3) == 10)
    }
  }

  /// Whether, after `between`, a page is still found by a page table that was replaced before it. Of that
  /// table another page had been used.
  private func tableSurvives(_ between: (inout PagingOperations) -> Void) throws -> Bool {
    var guest = try PagingOperations(seed: 1)
    guest.switchTo(pcid: 1, keeping: false)
    guest.map(pcid: 1, page: 3, frame: 10, global: false)
    #expect(guest.read(page: 4) == 4)
    guest.replaceTable(pcid: 1)
    between(&guest)
    let seen = guest.read(page: 3)
    #expect(seen == 10 || seen == 19)
    return seen == 10
  }

  @Test(
    "A page table is not used any more after INVLPG of any page, INVPCID, MOV to CR3, or a page fault"
  )
  func pageTables() throws {
    #expect(try tableSurvives { _ in })
    #expect(try !tableSurvives { $0.invalidatePage(5) })
    #expect(try !tableSurvives { $0.invalidatePage(PagingOperations.largePage) })
    #expect(try !tableSurvives { $0.invalidate(type: 0, pcid: 1, page: 3) })
    for type in 1...3 as ClosedRange<UInt64> {
      #expect(try !tableSurvives { $0.invalidate(type: type, pcid: 1, page: 0) })
    }
    #expect(try !tableSurvives { $0.switchTo(pcid: 1, keeping: false) })
    #expect(try !tableSurvives { $0.toggle(.pge) })
    #expect(try !tableSurvives { _ = $0.tryRead(page: PagingOperations.pages) })
    // Another PCID has a page table of its own.
    #expect(
      try !tableSurvives {
        $0.switchTo(pcid: 2, keeping: true)
        _ = $0.read(page: 4)
        $0.switchTo(pcid: 1, keeping: false)
      })
  }

  @Test("A change of CR4.PGE or CR4.PCIDE, or of CR0.PG, drops everything")
  func controlRegisters() throws {
    #expect(try !survives(global: true) { $0.toggle(.pge) })
    #expect(
      try !survives(global: true) {
        $0.switchTo(pcid: 2, keeping: true)
        $0.toggle(.pge)
        $0.toggle(.pge)
        $0.switchTo(pcid: 1, keeping: true)
      })
    #expect(
      try !survives {
        $0.switchTo(pcid: 0, keeping: true)
        $0.toggle(.pcide)
        $0.toggle(.pcide)
        $0.switchTo(pcid: 1, keeping: true)
      })
  }

  @Test("RESET and INIT forget every address space")
  func reset() throws {
    var guest = try PagingOperations(seed: 1)
    for isReset in [false, true] {
      guest.map(pcid: 1, page: 3, frame: 10, global: false)
      guest.switchTo(pcid: 1, keeping: false)
      #expect(guest.read(page: 3) == 10)
      guest.switchTo(pcid: 2, keeping: true)
      guest.map(pcid: 1, page: 3, frame: 11, global: false)
      guest.restart(reset: isReset)
      guest.switchTo(pcid: 1, keeping: true)
      #expect(guest.read(page: 3) == 11)
    }
  }
}
