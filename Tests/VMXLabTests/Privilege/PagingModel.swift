// What an access to memory must do, written from the manual alone: none of the emulator's own code is
// used here.
//
// Source: Intel SDM, "Access Rights", "Page-Fault Exceptions", "Accessed and Dirty Flags".

/// The paging modes and page sizes, by the entries that an access goes through.
enum PagingShape: CaseIterable {
  case bits32, bits32Large, pae, paeLarge, level4, level4Large, level4Huge

  /// Entries with access rights on the way to the page.
  var entries: Int {
    switch self {
    case .bits32, .pae, .level4Huge: 2
    case .bits32Large, .paeLarge: 1
    case .level4: 4
    case .level4Large: 3
    }
  }
  var isLong: Bool { self == .level4 || self == .level4Large || self == .level4Huge }
  var hasExecuteDisable: Bool { self != .bits32 && self != .bits32Large }
  var isLarge: Bool {
    self == .bits32Large || self == .paeLarge || self == .level4Large || self == .level4Huge
  }
}

/// An entry of a paging structure, as far as the matrix varies it.
struct PagingEntry {
  var isPresent = true
  var isWritable = true
  var isUser = true
  var executeDisable = false
  /// Some other bit is set that must be 0.
  var hasReservedBit = false
}

/// Everything that decides whether an access is allowed.
struct PagingCase {
  enum Access: CaseIterable { case read, write, fetch }

  var entries: [PagingEntry]
  var access = Access.read
  var isUser = false
  var writeProtect = false
  var smep = false
  var smap = false
  var executeDisableEnabled = false
  var alignmentCheck = false

  /// The error code of the page fault; nil if the access is allowed.
  func fault(_ shape: PagingShape) -> UInt32? {
    var code: UInt32 = 0
    if access == .write { code |= 1 << 1 }
    if isUser { code |= 1 << 2 }
    if access == .fetch, smep || (executeDisableEnabled && shape.hasExecuteDisable) {
      code |= 1 << 4
    }
    // The walk stops at the first entry that is not present or has a reserved bit set.
    for entry in entries {
      guard entry.isPresent else { return code }
      if entry.hasReservedBit { return code | 1 << 0 | 1 << 3 }
      if entry.executeDisable, !executeDisableEnabled { return code | 1 << 0 | 1 << 3 }
    }
    return isAllowed ? nil : code | 1 << 0
  }

  private var isAllowed: Bool {
    let isUserPage = entries.allSatisfy(\.isUser)
    let isWritablePage = entries.allSatisfy(\.isWritable)
    let isExecutablePage = !entries.contains(where: \.executeDisable)
    switch (access, isUser) {
    case (.read, true): return isUserPage
    case (.write, true): return isUserPage && isWritablePage
    case (.fetch, true): return isUserPage && isExecutablePage
    case (.read, false): return !isUserPage || !smap || alignmentCheck
    case (.write, false):
      if isUserPage, smap, !alignmentCheck { return false }
      return isWritablePage || !writeProtect
    case (.fetch, false): return isExecutablePage && !(isUserPage && smep)
    }
  }
}
