@testable import VMXLab

// Single accesses of memory, and pages with any flags, for tests of who may access what.
extension ControlFlowRunner {
  enum Access: CaseIterable {
    case read, write, shadowRead, shadowWrite
    var isShadow: Bool { self == .shadowRead || self == .shadowWrite }
    var isWrite: Bool { self == .write || self == .shadowWrite }
  }

  /// Accesses four bytes at privilege level `level`: a page fault is answered, not delivered.
  func access(_ access: Access, _ linear: UInt64, level: UInt8) -> Outcome {
    setLevel(level)
    state.pointee.clearPending()
    defer { state.pointee.clearPending() }
    let stack = ShadowStack(pointer: linear, isUser: level == 3, isLong: mode.isLong)
    let tag = state.pointee.dataTag
    let isDone =
      switch access {
      case .read:
        state.pointee.readSlow(linear, byteCount: 4, tag: tag, kind: .read, stack: false) != nil
      case .write: state.pointee.writeSlow(linear, 0, byteCount: 4, tag: tag, stack: false)
      case .shadowRead: state.pointee.loadShadow(linear, byteCount: 4, stack) != nil
      case .shadowWrite: state.pointee.storeShadow(linear, 0, byteCount: 4, stack)
      }
    let pending = state.pointee.pending
    if isDone { return .retires }
    return .faults(pending.vector, pending.errorCode)
  }

  /// How a page is mapped.
  enum Paging: CaseIterable {
    case bits32, bits32Large, pae, paeLarge, level4, level4Large

    var mode: Mode {
      switch self {
      case .bits32, .bits32Large, .pae, .paeLarge: .protected
      case .level4, .level4Large: .long
      }
    }
    var is32Bit: Bool { self == .bits32 || self == .bits32Large }
    var isLarge: Bool { self == .bits32Large || self == .paeLarge || self == .level4Large }
    /// PDPTEs of PAE paging have no R/W.
    var hasWritableAbove: Bool { self != .bits32Large && self != .paeLarge }
    /// The page: the first of its directory entry, and not one of the kernel's.
    var linear: UInt64 { is32Bit ? 0x40_0000 : 0x20_0000 }
  }

  /// Where the entry is that maps the page.
  private func entryPlace(_ paging: Paging) -> UInt64 {
    switch paging {
    case .bits32: Place.tables + 0x5000
    case .bits32Large: Place.tables + 0x6004
    case .pae, .level4: Place.tables + 0x5000
    case .paeLarge, .level4Large: Place.tables + 0x2008
    }
  }

  /// Maps the page, at physical address 0x20_0000 or 0.
  func map(_ paging: Paging, flags: UInt64, writableAbove: Bool) {
    let above = Place.tables + 0x5000 | 5 | (writableAbove ? 2 : 0)
    switch paging {
    case .bits32:
      put32(UInt32(above), at: Place.tables + 0x6004)
      put32(UInt32(0x20_0000 | flags), at: entryPlace(paging))
    case .bits32Large: put32(UInt32(flags) | 0x80, at: entryPlace(paging))
    case .pae, .level4:
      put(above, at: Place.tables + 0x2008)
      put(0x20_0000 | flags, at: entryPlace(paging))
    case .paeLarge, .level4Large:
      if paging == .level4Large {
        put(Place.tables + 0x2000 | 5 | (writableAbove ? 2 : 0), at: Place.tables + 0x1000)
      }
      put(0x20_0000 | flags | 0x80, at: entryPlace(paging))
    }
    state.pointee.startNewAddressSpace()
  }

  /// The entry that maps the page, as it is now.
  func pageEntry(_ paging: Paging) -> UInt64 {
    paging.is32Bit ? UInt64(get32(entryPlace(paging))) : get(entryPlace(paging))
  }

  /// Puts 32-bit paging in the place of PAE paging, with the same pages below 2 MiB.
  func use32BitPaging() {
    let directory = Place.tables + 0x6000
    let table = Place.tables + 0x7000
    put32(UInt32(table) | 7, at: directory)
    for page in 0..<UInt64(512) {
      put32(UInt32(truncatingIfNeeded: get(Place.tables + 0x3000 + page * 8)), at: table + page * 4)
    }
    state.pointee.cr4.remove(.pae)
    state.pointee.cr4.insert(.pse)
    state.pointee.cr3 = directory
    state.pointee.startNewAddressSpace()
    state.pointee.updateMode()
  }
}
