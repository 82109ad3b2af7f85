// Extended page tables: translation of guest-physical addresses, EPT violations and
// misconfigurations.
//
// Source: Intel SDM, "The Extended Page Table Mechanism (EPT)".

/// A translated guest-physical page.
struct HostPage {
  /// Address of the 4-KiB page that holds the guest-physical address.
  var address: UInt64
  /// What EPT allows; `.user` and `.tableWritable` are set, since EPT knows nothing of them.
  var rights: PageRights
}

/// Why a guest-physical address is translated, for the exit qualification.
enum EPTAccessCause {
  /// The translation of a linear address, with the rights that its paging structures give.
  case page(linear: UInt64, rights: PageRights)
  /// An access to a paging-structure entry during a page walk.
  case pagingStructure(linear: UInt64)
  /// A load of the PDPTEs by MOV to CR: no linear address is valid.
  case pdpteLoad
}

extension Processor {
  /// Translates a guest-physical address; nil, with the VM exit recorded, if EPT refuses it.
  mutating func translateGuestPhysical(
    _ guestPhysical: UInt64, _ kind: AccessKind, cause: EPTAccessCause
  ) -> HostPage? {
    let pointer = vmx.vmcs.eptPointer
    let usesAccessedAndDirty = pointer & EPTEntry.pointerAccessedDirty != 0
    var isWrite = kind == .write
    if usesAccessedAndDirty, case .pagingStructure = cause {
      // With accessed and dirty flags, the processor's own accesses count as writes.
      isWrite = true
    }
    var level: UInt64 = (pointer >> 3 & 7) &+ 1
    guard guestPhysical >> (12 &+ 9 &* level) == 0 else {
      recordEPTViolation(guestPhysical, kind, isWrite: isWrite, rights: 0, cause: cause)
      return nil
    }
    var table = pointer & PageTableEntry.address
    var rights = EPTEntry.all
    while true {
      let shift = 3 &+ 9 &* level
      let address = table | (guestPhysical >> shift & 0x1ff) << 3
      let entry = load(address, byteCount: 8)
      rights &= entry
      guard entry & EPTEntry.all != 0 else {
        recordEPTViolation(guestPhysical, kind, isWrite: isWrite, rights: 0, cause: cause)
        return nil
      }
      let isLeaf = level == 1 || (entry & PageTableEntry.large != 0 && level <= 3)
      guard !isMisconfigured(entry, level: level, isLeaf: isLeaf, shift: shift) else {
        recordEPTMisconfiguration(guestPhysical)
        return nil
      }
      if !isLeaf {
        if usesAccessedAndDirty, entry & EPTEntry.accessed == 0 {
          store(address, entry | EPTEntry.accessed, byteCount: 8)
        }
        table = entry & PageTableEntry.address
        level &-= 1
        continue
      }
      let needed =
        isWrite
        ? EPTEntry.write | (kind == .write ? 0 : EPTEntry.read)
        : kind == .fetch ? EPTEntry.execute : EPTEntry.read
      guard rights & needed == needed else {
        recordEPTViolation(guestPhysical, kind, isWrite: isWrite, rights: rights, cause: cause)
        return nil
      }
      var allowed = PageRights.user.union(.tableWritable)
      if rights & EPTEntry.read != 0 { allowed.insert(.read) }
      if rights & EPTEntry.write != 0 { allowed.insert(.write) }
      if rights & EPTEntry.execute != 0 { allowed.insert(.fetch) }
      var updated = entry
      if usesAccessedAndDirty {
        updated |= EPTEntry.accessed
        if isWrite { updated |= EPTEntry.dirty }
        if updated != entry { store(address, updated, byteCount: 8) }
      }
      if !usesAccessedAndDirty || updated & EPTEntry.dirty != 0 { allowed.insert(.dirty) }
      let mask = ((1 as UInt64) << shift) &- 1
      return HostPage(
        address: entry & PageTableEntry.address & ~mask | guestPhysical & mask & ~0xfff,
        rights: allowed)
    }
  }

  /// Source: Intel SDM, "EPT Misconfigurations".
  private func isMisconfigured(
    _ entry: UInt64, level: UInt64, isLeaf: Bool, shift: UInt64
  ) -> Bool {
    if entry & (EPTEntry.read | EPTEntry.write) == EPTEntry.write { return true }
    let capabilities = model.capabilities.eptAndVPID
    if entry & EPTEntry.all == EPTEntry.execute,
      !capabilities.contains(.executeOnlyTranslations)
    {
      return true
    }
    var reserved = model.reservedPhysicalBits
    if isLeaf {
      let type = entry >> 3 & 7
      if type == 2 || type == 3 || type == 7 { return true }
      if level > 1 {
        reserved |= ((1 << shift) &- 1) & ~0xfff
        if level == 3, !capabilities.contains(.pages1G) { return true }
        if level == 2, !capabilities.contains(.pages2M) { return true }
      }
    } else {
      // Bits 6:3 are reserved where an entry points to another table; bit 7 at levels above 3.
      reserved |= level > 3 ? 0xf8 : 0x78
    }
    return entry & reserved != 0
  }

  /// Source: Intel SDM, "Exit Qualification for EPT Violations".
  private mutating func recordEPTViolation(
    _ guestPhysical: UInt64, _ kind: AccessKind, isWrite: Bool, rights: UInt64,
    cause: EPTAccessCause
  ) {
    var qualification: UInt64 = (rights & EPTEntry.all) << 3
    var linearAddress: UInt64 = 0
    switch cause {
    case .page(let linear, let pageRights):
      linearAddress = linear
      qualification |= kind == .read ? 1 : kind == .write ? 2 : 4
      qualification |= 1 << 7 | 1 << 8
      if model.capabilities.eptAndVPID.contains(.advancedExitInformation) {
        // Without paging, every linear address is a user-mode one, writable and executable.
        let rights =
          cr0.contains(.pg)
          ? pageRights : PageRights.user.union(.tableWritable).union(.tableExecutable)
        if rights.contains(.user) { qualification |= 1 << 9 }
        if rights.contains(.tableWritable) { qualification |= 1 << 10 }
        if !rights.contains(.tableExecutable) { qualification |= 1 << 11 }
      }
    case .pagingStructure(let linear):
      linearAddress = linear
      // What counts as a write because of accessed and dirty flags is both.
      qualification |= kind == .write ? 2 : isWrite ? 3 : 1
      qualification |= 1 << 7
    case .pdpteLoad:
      qualification |= 1
    }
    if interruptibility.isUnblockedByIRET, !delivery.isActive { qualification |= 1 << 12 }
    // The violation also invalidates what is cached for the address.
    if qualification & 1 << 7 != 0 { translations.remove(linearAddress) }
    recordEPTExit(
      .eptViolation, guestPhysical, qualification: qualification, linear: linearAddress)
  }

  private mutating func recordEPTMisconfiguration(_ guestPhysical: UInt64) {
    recordEPTExit(.eptMisconfiguration, guestPhysical)
  }

  private mutating func recordEPTExit(
    _ reason: BasicExitReason, _ guestPhysical: UInt64, qualification: UInt64 = 0,
    linear: UInt64 = 0
  ) {
    guard pending.kind == .none else { return }
    recordExit(reason, qualification: qualification)
    vmx.exit.guestPhysicalAddress = guestPhysical
    vmx.exit.guestLinearAddress = linear
    vmx.exit.instructionLength = 0
    vmx.exit.resumeFlag = delivery.isActive ? SavedResumeFlag(delivery.hasResumeFlag) : .set
  }
}

/// Bits of EPT entries and of the EPT pointer.
///
/// Source: Intel SDM, "EPT Translation Mechanism", formats of EPT paging-structure entries.
enum EPTEntry {
  static let read: UInt64 = 1 << 0
  static let write: UInt64 = 1 << 1
  static let execute: UInt64 = 1 << 2
  static let all: UInt64 = 7
  static let accessed: UInt64 = 1 << 8
  static let dirty: UInt64 = 1 << 9
  /// Bit 6 of the EPT pointer: accessed and dirty flags are used.
  static let pointerAccessedDirty: UInt64 = 1 << 6
}
