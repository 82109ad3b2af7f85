// Which TLB entries survive a VM entry or exit.
//
// A VM entry without VPID, or an exit from such a guest, invalidates the linear mappings of VPID 0.
// With VPID nothing is invalidated: the processor changes to the address-space number that it last
// used in the same context, if the context is still the same.
//
// Source: Intel SDM, "Operations that Invalidate Cached Mappings".

/// What makes two address spaces the same: the translations of one hold in the other.
struct AddressSpaceKey: Equatable {
  var vpid: UInt16 = 0
  var cr3: UInt64 = 0
  var eptPointer: UInt64 = 0
  /// CR0.WP and PG, the paging bits of CR4, and EFER.NXE and LMA.
  var modes: UInt64 = 0
}

/// The address-space numbers of contexts that were left: 32 sets of two.
struct AddressSpaceMemory {
  private struct Entry {
    var key = AddressSpaceKey()
    /// 0: nothing is remembered.
    var number: UInt64 = 0
    /// The generation of the key's VPID when it was remembered.
    var generation: UInt64 = 0
  }

  private var entries = InlineArray<64, Entry>(repeating: Entry())
  /// A number for each VPID modulo 64, which its invalidations change.
  private var generations = InlineArray<64, UInt64>(repeating: 0)
  /// Which of a set's entries is replaced next: a bit for each set.
  private var victims: UInt32 = 0

  /// Remembers that `number` was in use for `key`.
  mutating func remember(_ key: AddressSpaceKey, _ number: UInt64) {
    let set = key.set
    var place = set &* 2
    if entries[place].key != key {
      let isSecond = entries[place &+ 1].key == key || victims >> UInt32(set) & 1 != 0
      if isSecond { place &+= 1 }
      victims = victims & ~(1 << UInt32(set)) | (isSecond ? 0 : 1) << UInt32(set)
    }
    entries[place] = Entry(
      key: key, number: number, generation: generations[Int(key.vpid & 63)])
  }

  /// The number last used for `key`.
  ///
  /// Mutating so that it works in place: a large value is copied for a method that is not.
  mutating func number(for key: AddressSpaceKey) -> UInt64? {
    let first = key.set &* 2
    for place in first...first &+ 1 where entries[place].key == key {
      guard entries[place].number != 0,
        entries[place].generation == generations[Int(key.vpid & 63)]
      else { return nil }
      return entries[place].number
    }
    return nil
  }

  mutating func removeAll() {
    for index in 0..<64 { generations[index] &+= 1 }
  }

  /// Forgets every space of a virtual processor, whose mappings have been invalidated; of others with
  /// the same number modulo 64 too.
  mutating func remove(vpid: UInt16) { generations[Int(vpid & 63)] &+= 1 }
}

extension AddressSpaceKey {
  /// The set of ``AddressSpaceMemory`` that holds the key, 0 to 31.
  fileprivate var set: Int {
    let mixed =
      (cr3 >> 12 ^ (eptPointer >> 12) << 20 ^ UInt64(vpid) << 40 ^ modes) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: mixed >> 59)
  }
}

extension Processor {
  @inline(__always) private var addressSpaceKey: AddressSpaceKey {
    let cr0Bits = cr0.rawValue & (CR0.wp.rawValue | CR0.pg.rawValue)
    let eferBits = efer.rawValue & (EFER.nxe.rawValue | EFER.lma.rawValue)
    return AddressSpaceKey(
      vpid: currentVPID, cr3: cr3,
      eptPointer: vmx.isNonRoot && vmx.usesEPT ? vmx.vmcs.eptPointer : 0,
      modes: cr0Bits | (cr4.rawValue & CR4.paging.rawValue) << 32 | eferBits << 2)
  }

  /// The current virtual-processor identifier: 0 in VMX root operation and without VPID.
  ///
  /// Source: Intel SDM, "Virtual Processor Identifiers (VPIDs)".
  @inline(__always) var currentVPID: UInt16 {
    vmx.isNonRoot && vmx.secondary.contains(.enableVPID) ? vmx.vmcs.virtualProcessorIdentifier : 0
  }

  /// Before a VM entry or exit: remembers the number of the space that is left.
  mutating func leaveAddressSpace() {
    vmx.addressSpaces.remember(addressSpaceKey, addressSpace)
  }

  /// After a VM entry or exit: goes back to the number of the space that is entered, unless the
  /// transition invalidates it.
  mutating func enterAddressSpace(keepsTranslations: Bool) {
    // PDPTEs are not part of a space's key: with PAE paging nothing is kept.
    if keepsTranslations, pagingMode != .pae,
      let number = vmx.addressSpaces.number(for: addressSpaceKey)
    {
      addressSpace = number
      updateAccessTags()
    } else {
      startNewAddressSpace()
    }
  }
}
