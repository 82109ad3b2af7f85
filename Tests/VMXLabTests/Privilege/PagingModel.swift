// What an access to memory must do, written from the manual alone: none of the emulator's own code is
// used here.
//
// Source: Intel SDM, "Access Rights", "Protection Keys", "Page-Fault Exceptions", "Accessed and Dirty
// Flags".

/// The paging modes and page sizes, by the entries that an access goes through.
enum PagingShape: CaseIterable {
  case bits32, bits32Large, pae, paeLarge
  case level4, level4Large, level4Huge, level5, level5Large, level5Huge

  /// Entries with access rights on the way to the page.
  var entries: Int {
    switch self {
    case .bits32, .pae, .level4Huge: 2
    case .bits32Large, .paeLarge: 1
    case .level4, .level5Large: 4
    case .level4Large, .level5Huge: 3
    case .level5: 5
    }
  }
  var hasLevel5: Bool { self == .level5 || self == .level5Large || self == .level5Huge }
  var isLong: Bool {
    hasLevel5 || self == .level4 || self == .level4Large || self == .level4Huge
  }
  var hasExecuteDisable: Bool { self != .bits32 && self != .bits32Large }
  /// The page is mapped by a PDPTE.
  var isHuge: Bool { self == .level4Huge || self == .level5Huge }
}

/// An entry of a paging structure, as far as the matrix varies it.
struct PagingEntry {
  var isPresent = true
  var isWritable = true
  var isUser = true
  var executeDisable = false
  /// The accessed flag is set from the start.
  var isAccessed = false
  /// The same of the dirty flag, which is one in the last entry only.
  var isDirty = false
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
  /// CR4.PKE and CR4.PKS.
  var userKeys = false
  var supervisorKeys = false
  /// The page's protection key, and what PKRU and IA32_PKRS say of it. Of the other keys they say the
  /// opposite, but for key 0, which everything else has.
  var key: UInt32 = 1
  var userRights = KeyRights()
  var supervisorRights = KeyRights()

  /// AD and WD of a key.
  struct KeyRights {
    var accessDisable = false
    var writeDisable = false

    /// A register of rights in which key `key` has these.
    func register(_ key: UInt32) -> UInt32 {
      var value: UInt32 = 0
      for number in 1..<16 as Range<UInt32> {
        if accessDisable == (number == key) { value |= 1 << (number * 2) }
        if writeDisable == (number == key) { value |= 2 << (number * 2) }
      }
      return value
    }
  }

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
    if violatesKey(shape) { return code | 1 << 0 | 1 << 5 }
    return isAllowed ? nil : code | 1 << 0
  }

  /// Whether the page's protection key forbids the access, whatever else does.
  private func violatesKey(_ shape: PagingShape) -> Bool {
    guard shape.isLong, access != .fetch else { return false }
    if entries.allSatisfy(\.isUser) {
      guard userKeys else { return false }
      return userRights.accessDisable
        || (userRights.writeDisable && access == .write && (writeProtect || isUser))
    }
    guard supervisorKeys else { return false }
    return supervisorRights.accessDisable
      || (supervisorRights.writeDisable && access == .write && writeProtect)
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
