// Linear-address translation: the TLB's slow lookup and the page walk.
//
// Source: Intel SDM, "Paging".
extension Processor {
  @inline(__always) var pagingMode: PagingMode {
    mutating get {
      if !cr0.contains(.pg) { return .none }
      if !cr4.contains(.pae) { return .bits32 }
      if !efer.contains(.lma) { return .pae }
      return cr4.contains(.la57) ? .level5 : .level4
    }
  }

  /// The TLB entry that allows the access; nil if it faults (the fault is recorded).
  mutating func translate(
    _ linear: UInt64, _ kind: AccessKind, tag: UInt64
  ) -> UnsafeMutablePointer<TranslationEntry>? {
    let entry = translations.entry(linear)
    let wanted = linear & ~0xfff | tag | TranslationTag.slow
    let found =
      switch kind {
      case .read: entry.pointee.readTag
      case .write: entry.pointee.writeTag
      case .fetch: entry.pointee.fetchTag
      }
    if found | TranslationTag.slow == wanted, found != TranslationTag.invalid { return entry }
    return walk(linear, kind, tag: tag)
  }

  /// Walks the paging structures, sets accessed and dirty flags, and fills the TLB.
  private mutating func walk(
    _ linear: UInt64, _ kind: AccessKind, tag: UInt64
  ) -> UnsafeMutablePointer<TranslationEntry>? {
    guard let page = guestPage(linear, kind, tag: tag) else { return nil }
    let guestPhysical = (page.address | linear & 0xfff) & a20Mask
    if !vmx.usesEPT {
      return fill(
        linear, kind, tag: tag, physical: guestPhysical, rights: page.rights, key: page.key)
    }
    guard
      let host = translateGuestPhysical(
        guestPhysical, kind, cause: .page(linear: linear, rights: page.rights))
    else { return nil }
    return fill(
      linear, kind, tag: tag, physical: host.address, rights: page.rights & host.rights,
      key: page.key)
  }

  private mutating func fill(
    _ linear: UInt64, _ kind: AccessKind, tag: UInt64, physical: UInt64, rights: PageRights,
    key: ProtectionKey
  ) -> UnsafeMutablePointer<TranslationEntry>? {
    let entry = translations.entry(linear)
    let page = physical & ~0xfff
    if kind == .fetch, page == vmx.apic.accessPage {
      interceptAPICFetch(linear)
      return nil
    }
    var fast = linear & ~0xfff | tag
    let space = fast & ~(3 | TranslationTag.slow)
    func belongs(_ other: UInt64) -> Bool {
      other != TranslationTag.invalid && other & ~(3 | TranslationTag.slow) == space
    }
    if entry.pointee.physicalPage != page || !belongs(entry.pointee.readTag) {
      entry.pointee.readTag = TranslationTag.invalid
    }
    if entry.pointee.physicalPage != page || !belongs(entry.pointee.writeTag) {
      entry.pointee.writeTag = TranslationTag.invalid
    }
    if entry.pointee.physicalPage != page || !belongs(entry.pointee.fetchTag) {
      entry.pointee.fetchTag = TranslationTag.invalid
    }
    entry.pointee.physicalPage = page
    translations.setKey(key, of: entry)
    var writeTag = fast
    if page != apicPage, page != vmx.apic.accessPage, let host = ram.host(page) {
      entry.pointee.addend = Int(bitPattern: host) &- Int(bitPattern: UInt(linear & ~0xfff))
      if ram.watchedLineMask(page) != 0 { writeTag |= TranslationTag.slow }
    } else {
      fast |= TranslationTag.slow
      writeTag |= TranslationTag.slow
    }
    if tag & 3 == TranslationTag.userAligned {
      fast |= TranslationTag.slow
      writeTag |= TranslationTag.slow
    }
    if attention.contains(.breakpoints), hasDataBreakpoint(onPageOf: linear) {
      fast |= TranslationTag.slow
      writeTag |= TranslationTag.slow
    }
    switch kind {
    case .fetch:
      entry.pointee.fetchTag = fast
    case .read, .write:
      if rights.contains(.read) { entry.pointee.readTag = fast }
      if rights.contains(.write), kind == .write || rights.contains(.dirty) {
        entry.pointee.writeTag = writeTag
      }
    }
    return entry
  }

  /// Translates to a guest-physical page, or records the page fault.
  mutating func guestPage(
    _ linear: UInt64, _ kind: AccessKind, tag: UInt64
  ) -> GuestPage? {
    switch pagingMode {
    case .none:
      return GuestPage(address: linear & 0xffff_f000, rights: .unpaged)
    case .bits32: return walk32(linear, kind, tag: tag)
    case .pae:
      let pdpte = pdptes[Int(truncatingIfNeeded: linear >> 30) & 3]
      guard pdpte & PageTableEntry.present != 0 else {
        pageFault(linear, kind, tag: tag, flags: [])
        return nil
      }
      return walkLong(
        linear, kind, tag: tag, table: pdpte & PageTableEntry.address, level: 2, widens: false)
    case .level4:
      return walkLong(
        linear, kind, tag: tag, table: cr3 & PageTableEntry.address, level: 4, widens: true)
    case .level5:
      return walkLong(
        linear, kind, tag: tag, table: cr3 & PageTableEntry.address, level: 5, widens: true)
    }
  }

  /// 4-level, 5-level and the lower two levels of PAE paging: 8-byte entries.
  private mutating func walkLong(
    _ linear: UInt64, _ kind: AccessKind, tag: UInt64, table: UInt64, level: UInt64, widens: Bool
  ) -> GuestPage? {
    var table = table
    var level = level
    var rights = PageRights.all
    var reserved = model.reservedPhysicalBits
    if !widens { reserved |= 0x7ff0_0000_0000_0000 }
    if !efer.contains(.nxe) { reserved |= PageTableEntry.executeDisable }
    let known = translations.lastTable(linear, tag: tag)
    if let known {
      table = known.table
      level = known.level
      rights = known.rights
    }
    while true {
      let rightsAbove = rights
      let shift = 3 &+ 9 &* level
      let address = table | (linear >> shift & 0x1ff) << 3
      guard let entryHost = pagingStructure(address, linear: linear) else { return nil }
      let entry = load(entryHost, byteCount: 8)
      guard entry & PageTableEntry.present != 0 else {
        pageFault(linear, kind, tag: tag, flags: [])
        return nil
      }
      let isLarge = entry & PageTableEntry.large != 0 && level > 1
      var wrong = reserved
      if isLarge {
        // Address bits below the page size are reserved, but for PAT in bit 12.
        wrong |= ((1 << shift) &- 1) & ~0x1fff
        if level > 3 || (level == 3 && !model.has1GPages) { wrong |= PageTableEntry.large }
      }
      guard entry & wrong == 0 else {
        pageFault(linear, kind, tag: tag, flags: [.present, .reserved])
        return nil
      }
      if isLarge || level == 1 { rights.noteShadowStack(entry) }
      if entry & PageTableEntry.writable == 0 { rights.remove(.write) }
      if entry & PageTableEntry.user == 0 { rights.remove(.user) }
      if entry & PageTableEntry.executeDisable != 0 { rights.remove(.fetch) }
      if isLarge || level == 1 {
        let key = widens ? protectionKey(entry, isUserPage: rights.contains(.user)) : .none
        guard let allowed = permit(linear, kind, tag: tag, rights: rights, key: key) else {
          return nil
        }
        guard
          let dirty = markUsed(
            entry, size: 8, entryHost: entryHost, entryGuest: address, kind, linear: linear)
        else { return nil }
        if level != known?.level {
          translations.noteLastTable(
            CachedTable(table: table, level: level, rights: rightsAbove), linear, tag: tag)
        }
        if isLarge { translations.noteLargePage(linear, shift: shift) }
        let mask = ((1 as UInt64) << shift) &- 1
        let page = entry & PageTableEntry.address & ~mask | linear & mask & ~0xfff
        return GuestPage(
          address: page, rights: dirty ? allowed.union(.dirty) : allowed, key: key)
      }
      if entry & PageTableEntry.accessed == 0 {
        guard setBits(entry | PageTableEntry.accessed, size: 8, entryHost, address, linear: linear)
        else { return nil }
      }
      table = entry & PageTableEntry.address
      level &-= 1
    }
  }

  /// 32-bit paging: 4-byte entries, two levels, 4-MiB pages with CR4.PSE.
  private mutating func walk32(_ linear: UInt64, _ kind: AccessKind, tag: UInt64) -> GuestPage? {
    var rights = PageRights.all
    let directory = (cr3 & 0xffff_f000) | (linear >> 22 & 0x3ff) << 2
    guard let directoryHost = pagingStructure(directory, linear: linear) else { return nil }
    let pde = load(directoryHost, byteCount: 4)
    guard pde & PageTableEntry.present != 0 else {
      pageFault(linear, kind, tag: tag, flags: [])
      return nil
    }
    let isLarge = pde & PageTableEntry.large != 0 && cr4.contains(.pse)
    if isLarge { rights.noteShadowStack(pde) }
    if pde & PageTableEntry.writable == 0 { rights.remove(.write) }
    if pde & PageTableEntry.user == 0 { rights.remove(.user) }
    if isLarge {
      // PSE-36: bits 20:13 are address bits 39:32; bit 21 is reserved.
      let high = (pde >> 13 & 0xff) << 32
      guard pde & 0x20_0000 == 0, high & model.reservedPhysicalBits == 0 else {
        pageFault(linear, kind, tag: tag, flags: [.present, .reserved])
        return nil
      }
      guard let allowed = permit(linear, kind, tag: tag, rights: rights),
        let dirty = markUsed(
          pde, size: 4, entryHost: directoryHost, entryGuest: directory, kind, linear: linear)
      else { return nil }
      translations.noteLargePage(linear, shift: 22)
      let page = pde & 0xffc0_0000 | high | linear & 0x3f_f000
      return GuestPage(address: page, rights: dirty ? allowed.union(.dirty) : allowed)
    }
    if pde & PageTableEntry.accessed == 0 {
      guard
        setBits(pde | PageTableEntry.accessed, size: 4, directoryHost, directory, linear: linear)
      else { return nil }
    }
    let table = (pde & 0xffff_f000) | (linear >> 12 & 0x3ff) << 2
    guard let tableHost = pagingStructure(table, linear: linear) else { return nil }
    let pte = load(tableHost, byteCount: 4)
    guard pte & PageTableEntry.present != 0 else {
      pageFault(linear, kind, tag: tag, flags: [])
      return nil
    }
    rights.noteShadowStack(pte)
    if pte & PageTableEntry.writable == 0 { rights.remove(.write) }
    if pte & PageTableEntry.user == 0 { rights.remove(.user) }
    guard let allowed = permit(linear, kind, tag: tag, rights: rights),
      let dirty = markUsed(
        pte, size: 4, entryHost: tableHost, entryGuest: table, kind, linear: linear)
    else { return nil }
    return GuestPage(
      address: pte & 0xffff_f000, rights: dirty ? allowed.union(.dirty) : allowed)
  }

  /// What this access class may do with a page; nil, with the fault recorded, if not this access.
  ///
  /// Source: Intel SDM, "Determination of Access Rights".
  private mutating func permit(
    _ linear: UInt64, _ kind: AccessKind, tag: UInt64, rights: PageRights,
    key: ProtectionKey = .none
  ) -> PageRights? {
    let accessClass = tag & 3
    let isUser = accessClass == TranslationTag.user || accessClass == TranslationTag.userAligned
    let isUserPage = rights.contains(.user)
    var allowed = rights.contains(.fetch) ? PageRights.read.union(.fetch) : .read
    if rights.contains(.write) || (!isUser && !cr0.contains(.wp)) { allowed.insert(.write) }
    if isUser {
      if !isUserPage { allowed = [] }
    } else if isUserPage {
      if cr4.contains(.smep) { allowed.remove(.fetch) }
      if cr4.contains(.smap), accessClass == TranslationTag.supervisor {
        allowed.remove([.read, .write])
      }
    }
    if tag & TranslationTag.shadowStack != 0 {
      // Neither CR0.WP nor SMAP counts, and a page of the other privilege is none to use.
      allowed = rights.contains(.shadowStack) && isUser == isUserPage ? [.read, .write] : []
    }
    let forbidden = accessesForbidden(by: key, isUserAccess: isUser)
    allowed.subtract(forbidden)
    let needed: PageRights =
      switch kind {
      case .read: .read
      case .write: .write
      case .fetch: .fetch
      }
    guard allowed.contains(needed) else {
      pageFault(
        linear, kind, tag: tag,
        flags: forbidden.contains(needed) ? [.present, .protectionKey] : .present)
      return nil
    }
    if isUserPage { allowed.insert(.user) }
    if rights.contains(.write) { allowed.insert(.tableWritable) }
    if rights.contains(.fetch) { allowed.insert(.tableExecutable) }
    return allowed
  }

  /// Sets the accessed flag, and the dirty flag for a write; says whether the page is dirty, or nil
  /// if the update itself exits.
  private mutating func markUsed(
    _ entry: UInt64, size: UInt64, entryHost: UInt64, entryGuest: UInt64, _ kind: AccessKind,
    linear: UInt64
  ) -> Bool? {
    var updated = entry | PageTableEntry.accessed
    if kind == .write { updated |= PageTableEntry.dirty }
    if updated != entry {
      guard setBits(updated, size: size, entryHost, entryGuest, linear: linear) else { return nil }
    }
    return updated & PageTableEntry.dirty != 0
  }

  private mutating func setBits(
    _ value: UInt64, size: UInt64, _ entryHost: UInt64, _ entryGuest: UInt64, linear: UInt64
  ) -> Bool {
    if vmx.usesEPT {
      guard
        translateGuestPhysical(entryGuest, .write, cause: .pagingStructure(linear: linear)) != nil
      else { return false }
    }
    markEntry(entryHost, value, byteCount: size)
    return true
  }

  /// Sets accessed and dirty flags in an entry, which no translation need heed.
  mutating func markEntry(_ entryHost: UInt64, _ value: UInt64, byteCount: UInt64) {
    guard let host = ram.host(entryHost) else {
      return store(entryHost, value, byteCount: byteCount)
    }
    blocks.noteMark(entryHost, byteCount: byteCount)
    host.store(value, byteCount: byteCount)
  }

  /// Host-physical address of a paging-structure entry; nil if EPT refuses it (the exit is recorded).
  private mutating func pagingStructure(_ address: UInt64, linear: UInt64) -> UInt64? {
    let address = address & a20Mask
    guard vmx.usesEPT else {
      watchPagingStructure(address)
      return address
    }
    guard
      let host = translateGuestPhysical(address, .read, cause: .pagingStructure(linear: linear))
    else { return nil }
    if interceptGuestPhysicalAPICAccess(host.address) { return nil }
    let entryHost = host.address | address & 0xfff
    watchPagingStructure(entryHost)
    return entryHost
  }

  private mutating func pageFault(
    _ linear: UInt64, _ kind: AccessKind, tag: UInt64, flags: PageFaultErrorCode
  ) {
    // A page fault also invalidates what is cached for the address.
    translations.remove(linear)
    var code = flags
    if kind == .write { code.insert(.write) }
    let accessClass = tag & 3
    if accessClass == TranslationTag.user || accessClass == TranslationTag.userAligned {
      code.insert(.user)
    }
    if kind == .fetch, cr4.contains(.smep) || (efer.contains(.nxe) && cr4.contains(.pae)) {
      code.insert(.instructionFetch)
    }
    if tag & TranslationTag.shadowStack != 0 { code.insert(.shadowStack) }
    raise(.pageFault, errorCode: code.rawValue, qualification: linear)
  }
}

/// A page in the guest-physical address space and what may be done with it.
struct GuestPage {
  var address: UInt64
  var rights: PageRights
  var key = ProtectionKey.none
}

/// What translation allows.
struct PageRights: OptionSet {
  let rawValue: UInt8
  static let read = PageRights(rawValue: 1 << 0)
  static let write = PageRights(rawValue: 1 << 1)
  static let fetch = PageRights(rawValue: 1 << 2)
  static let user = PageRights(rawValue: 1 << 3)
  /// The dirty flags that a write would set are set.
  static let dirty = PageRights(rawValue: 1 << 4)
  /// R/W is set in every entry, whatever CR0.WP makes of it (for EPT-violation qualifications).
  static let tableWritable = PageRights(rawValue: 1 << 5)
  /// XD is clear in every entry, whatever SMEP makes of it.
  static let tableExecutable = PageRights(rawValue: 1 << 6)
  /// A shadow-stack page, or (in the cause of an EPT translation) an access to a shadow stack.
  static let shadowStack = PageRights(rawValue: 1 << 7)
  /// What a walk starts with, for each entry to take from.
  static let all = PageRights(rawValue: 0xf)
  /// Without paging: everything, and no dirty flag to set.
  static let unpaged = PageRights(rawValue: 0x17)

  /// What both translations allow.
  @inline(__always) static func & (guest: PageRights, host: PageRights) -> PageRights {
    guest.intersection(host)
  }
  /// Notes whether `entry`, which maps the page, makes it a shadow-stack page: R/W is clear and the
  /// dirty flag set, and R/W is set in the entries above.
  @inline(__always) mutating func noteShadowStack(_ entry: UInt64) {
    let flags = PageTableEntry.writable | PageTableEntry.dirty
    if contains(.write), entry & flags == PageTableEntry.dirty { insert(.shadowStack) }
  }
}
