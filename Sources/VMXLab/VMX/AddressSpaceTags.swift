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

/// The address-space numbers of the contexts that were left last.
struct AddressSpaceMemory {
  static let count = 8
  private var keys = InlineArray<8, AddressSpaceKey>(repeating: AddressSpaceKey())
  private var numbers = InlineArray<8, UInt64>(repeating: 0)
  private var next = 0

  /// Remembers that `number` was in use for `key`.
  mutating func remember(_ key: AddressSpaceKey, _ number: UInt64) {
    for index in 0..<Self.count where numbers[index] != 0 && keys[index] == key {
      numbers[index] = number
      return
    }
    keys[next] = key
    numbers[next] = number
    next = (next &+ 1) & (Self.count &- 1)
  }

  /// The number last used for `key`.
  func number(for key: AddressSpaceKey) -> UInt64? {
    for index in 0..<Self.count where numbers[index] != 0 && keys[index] == key {
      return numbers[index]
    }
    return nil
  }

  mutating func removeAll() {
    for index in 0..<Self.count { numbers[index] = 0 }
  }

  /// Forgets every space of a virtual processor, whose mappings have been invalidated.
  mutating func remove(vpid: UInt16) {
    for index in 0..<Self.count where keys[index].vpid == vpid { numbers[index] = 0 }
  }
}

extension Processor {
  private var addressSpaceKey: AddressSpaceKey {
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
  var currentVPID: UInt16 {
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
