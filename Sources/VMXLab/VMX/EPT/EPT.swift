// Extended page tables: translation of guest-physical addresses.
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

/// One translation of a guest-physical address.
struct EPTAccess {
  var guestPhysical: UInt64
  var kind: AccessKind
  var cause: EPTAccessCause
  /// Needs write permission and sets the dirty flag.
  var isWrite: Bool

  /// An access to a shadow stack.
  var isShadowStack: Bool {
    guard case .page(_, let rights) = cause else { return false }
    return rights.contains(.shadowStack)
  }

  /// An access to a supervisor shadow stack.
  var isSupervisorShadowStack: Bool {
    guard case .page(_, let rights) = cause else { return false }
    return rights.contains(.shadowStack) && !rights.contains(.user)
  }
}

extension Processor {
  /// Translates a guest-physical address; nil, with the VM exit or virtualization exception recorded,
  /// if EPT refuses it.
  mutating func translateGuestPhysical(
    _ guestPhysical: UInt64, _ kind: AccessKind, cause: EPTAccessCause
  ) -> HostPage? {
    let pointer = vmx.vmcs.eptPointer
    let marksUse = pointer & EPTEntry.pointerAccessedDirty != 0
    var access = EPTAccess(
      guestPhysical: guestPhysical, kind: kind, cause: cause, isWrite: kind == .write)
    if marksUse, case .pagingStructure = cause {
      // With accessed and dirty flags, the processor's own accesses count as writes.
      access.isWrite = true
    }
    var level: UInt64 = (pointer >> 3 & 7) &+ 1
    guard guestPhysical >> (12 &+ 9 &* level) == 0 else {
      // There is no entry whose bit 63 could allow a virtualization exception.
      recordEPTViolation(access, rights: 0, entry: EPTEntry.suppressVE)
      return nil
    }
    let usesModes = vmx.secondary.contains(.modeBasedExecuteControlForEPT)
    let present = usesModes ? EPTEntry.all | EPTEntry.userExecute : EPTEntry.all
    var table = pointer & PageTableEntry.address
    var rights = present
    // Entries above the page's own that have not been used yet.
    var isFirstUse = false
    while true {
      let shift = 3 &+ 9 &* level
      let address = table | (guestPhysical >> shift & 0x1ff) << 3
      watchPagingStructure(address)
      let entry = load(address, byteCount: 8)
      guard entry & present != 0 else {
        // Of an entry that is not present, no other bit means anything.
        recordEPTViolation(access, rights: 0, entry: entry & EPTEntry.suppressVE)
        return nil
      }
      let isLeaf = level == 1 || (entry & PageTableEntry.large != 0 && level <= 3)
      guard
        !isMisconfigured(entry, present: present, level: level, isLeaf: isLeaf, shift: shift)
      else {
        recordEPTMisconfiguration(guestPhysical)
        return nil
      }
      let upperRights = rights
      rights &= entry
      if !isLeaf {
        if entry & EPTEntry.accessed == 0 { isFirstUse = true }
        table = entry & PageTableEntry.address
        level &-= 1
        continue
      }
      let execute = usesModes && isUserAddress(cause) ? EPTEntry.userExecute : EPTEntry.execute
      let needed =
        access.isWrite ? EPTEntry.write : kind == .fetch ? execute : EPTEntry.read
      let isAllowed =
        pointer & EPTEntry.pointerShadowStack != 0 && access.isSupervisorShadowStack
        ? allowsSupervisorShadowStack(entry, rights: rights, upperRights: upperRights)
        : rights & needed != 0
      guard isAllowed else {
        recordEPTViolation(access, rights: rights, entry: entry)
        return nil
      }
      var allowed = PageRights.user.union(.tableWritable)
      if rights & EPTEntry.read != 0 { allowed.insert(.read) }
      if rights & EPTEntry.write != 0 { allowed.insert(.write) }
      if rights & execute != 0 { allowed.insert(.fetch) }
      if marksUse {
        let modifies = access.isWrite && entry & EPTEntry.dirty == 0
        if isFirstUse || modifies || entry & EPTEntry.accessed == 0 {
          guard pageModificationLogHasRoom(guestPhysical) else { return nil }
          markUsed(guestPhysical, isWrite: access.isWrite)
          if modifies { logPageModification(guestPhysical) }
        }
      }
      if !marksUse || access.isWrite || entry & EPTEntry.dirty != 0 { allowed.insert(.dirty) }
      let mask = ((1 as UInt64) << shift) &- 1
      return HostPage(
        address: entry & PageTableEntry.address & ~mask | guestPhysical & mask & ~0xfff,
        rights: allowed)
    }
  }

  /// Whether supervisor shadow stacks may lie in the page that `entry` maps, under their control: the
  /// page itself may be write-protected.
  ///
  /// Source: Intel SDM, "EPT Violations", supervisor shadow-stack control.
  private func allowsSupervisorShadowStack(
    _ entry: UInt64, rights: UInt64, upperRights: UInt64
  ) -> Bool {
    rights & EPTEntry.read != 0 && upperRights & EPTEntry.write != 0
      && entry & EPTEntry.supervisorShadowStack != 0
  }

  /// Whether the access is at a user-mode linear address: U/S is set in every paging-structure entry,
  /// or there is no paging.
  ///
  /// Source: Intel SDM, "EPT Translation Mechanism", mode-based execute control.
  func isUserAddress(_ cause: EPTAccessCause) -> Bool {
    guard case .page(_, let rights) = cause else { return false }
    return !cr0.contains(.pg) || rights.contains(.user)
  }

  /// Sets the accessed flags of the entries that translate an address, and for a write the dirty flag
  /// of the last one. The address must translate.
  ///
  /// Source: Intel SDM, "Accessed and Dirty Flags for EPT".
  private mutating func markUsed(_ guestPhysical: UInt64, isWrite: Bool) {
    let pointer = vmx.vmcs.eptPointer
    var level: UInt64 = (pointer >> 3 & 7) &+ 1
    var table = pointer & PageTableEntry.address
    while level > 0 {
      let address = table | (guestPhysical >> (3 &+ 9 &* level) & 0x1ff) << 3
      let entry = load(address, byteCount: 8)
      let isLeaf = level == 1 || (entry & PageTableEntry.large != 0 && level <= 3)
      var updated = entry | EPTEntry.accessed
      if isLeaf, isWrite { updated |= EPTEntry.dirty }
      if updated != entry { markEntry(address, updated, byteCount: 8) }
      if isLeaf { return }
      table = entry & PageTableEntry.address
      level &-= 1
    }
  }

  /// Source: Intel SDM, "EPT Misconfigurations".
  private func isMisconfigured(
    _ entry: UInt64, present: UInt64, level: UInt64, isLeaf: Bool, shift: UInt64
  ) -> Bool {
    let capabilities = model.capabilities.eptAndVPID
    if entry & EPTEntry.read == 0 {
      if entry & EPTEntry.write != 0 { return true }
      // Not readable and not writable, but present: execute-only.
      if !capabilities.contains(.executeOnlyTranslations) { return true }
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
}
