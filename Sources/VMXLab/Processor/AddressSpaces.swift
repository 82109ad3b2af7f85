// Which translations survive what: a change of address space changes a number instead of flushing.
//
// The architecture invalidates much more often than translations really change: MOV to CR3 does, and
// without VPID every VM entry and VM exit. What it wants is that no translation is used that differs from
// the paging structures. So stores to memory that page walks have read from are counted
// (`watchPagingStructure`), and a space in which nothing can differ keeps its number.
//
// Source: Intel SDM, "Invalidation of TLBs and Paging-Structure Caches" and "Operations that Invalidate
// Cached Mappings".

/// Hands out address-space numbers, which tag TLB entries.
///
/// An invalidation gives the current space a new number: its old entries can never match again.
struct AddressSpaceNumbers {
  private var nextNumber: UInt64 = 1

  /// A number that no TLB entry holds; nil when they are used up and the TLB must be emptied.
  mutating func next() -> UInt64? {
    guard nextNumber < TranslationTag.asnCount else { return nil }
    defer { nextNumber &+= 1 }
    return nextNumber
  }

  mutating func restart() { nextNumber = 1 }
}

extension Processor {
  /// Moves to a fresh address-space number: nothing translated before is used again, in this
  /// address space or in another of the same virtual processor.
  mutating func startNewAddressSpace() {
    spaces.remove(vpid: currentVPID)
    takeFreshNumber()
    updateAccessTags()
  }

  private mutating func takeFreshNumber() {
    var number = addressSpaces.next()
    if number == nil {
      translations.removeAll()
      addressSpaces.restart()
      spaces.removeAll()
      number = addressSpaces.next()
    }
    addressSpace = AddressSpaceNumber(
      value: number ?? 0, stamp: translations.pagingStores.pointee)
  }

  /// Before a change of CR3, a VM entry or a VM exit: remembers the number of the space that is left.
  mutating func leaveAddressSpace() {
    // PDPTEs are not part of a space's key: with PAE paging nothing is kept.
    guard pagingMode != .pae else { return }
    spaces.remember(addressSpaceKey, addressSpace)
  }

  /// After it: goes back to the number of the space that is entered, or takes a fresh one.
  ///
  /// - Parameter invalidates: the transition invalidates what is cached for the virtual processor.
  mutating func enterAddressSpace(invalidates: Bool) {
    selectAddressSpace(invalidates: invalidates)
    updateAccessTags()
  }

  /// The same without the access class, which `updateMode` is to recompute.
  mutating func selectAddressSpace(invalidates: Bool) {
    if invalidates { spaces.invalidate(vpid: currentVPID) }
    guard pagingMode != .pae,
      let number = spaces.number(
        for: addressSpaceKey, stores: translations.pagingStores.pointee)
    else { return takeFreshNumber() }
    addressSpace = number
  }

  /// Loads CR3 as MOV does.
  ///
  /// With CR4.PCIDE the translations of other PCIDs stay. Global ones belong to a space like all others:
  /// they are made anew in the next.
  ///
  /// - Parameter keepsTranslations: those of the PCID that it changes to stay too.
  mutating func changeAddressSpace(cr3 value: UInt64, keepsTranslations: Bool) {
    leaveAddressSpace()
    cr3 = value
    guard cr4.contains(.pcide) else { return enterAddressSpace(invalidates: true) }
    if !keepsTranslations { invalidateSpaces(pcid: value & 0xfff) }
    enterAddressSpace(invalidates: false)
  }

  /// Invalidates the translations of a PCID, the current one's or another's, or those of all.
  mutating func invalidateTranslations(pcid: UInt64?) {
    leaveAddressSpace()
    if let pcid { invalidateSpaces(pcid: pcid) }
    enterAddressSpace(invalidates: pcid == nil)
  }

  private mutating func invalidateSpaces(pcid: UInt64) {
    spaces.invalidate(vpid: currentVPID, pcid: pcid)
  }

  private var addressSpaceKey: AddressSpaceKey {
    @inline(__always) mutating get {
      let cr0Bits = cr0.rawValue & (CR0.wp.rawValue | CR0.pg.rawValue)
      let eferBits = efer.rawValue & (EFER.nxe.rawValue | EFER.lma.rawValue)
      var key = AddressSpaceKey(
        vpid: currentVPID, cr3: cr3,
        modes: cr0Bits | (cr4.rawValue & CR4.paging.rawValue) << 32 | eferBits << 2)
      if vmx.isNonRoot {
        if vmx.usesEPT { key.eptPointer = vmx.vmcs.eptPointer }
        if vmx.secondary.contains(.modeBasedExecuteControlForEPT) { key.modes |= 1 }
        if vmx.secondary.contains(.virtualizeAPICAccesses) {
          key.apicAccessPage = vmx.vmcs.apicAccessAddress
        }
      }
      return key
    }
  }

  /// The current virtual-processor identifier: 0 in VMX root operation and without VPID.
  ///
  /// Source: Intel SDM, "Virtual Processor Identifiers (VPIDs)".
  @inline(__always) var currentVPID: UInt16 {
    vmx.isNonRoot && vmx.secondary.contains(.enableVPID) ? vmx.vmcs.virtualProcessorIdentifier : 0
  }

  /// Notes that a page walk reads an entry at a host-physical address: stores to its page count from
  /// now on.
  @inline(__always) mutating func watchPagingStructure(_ physical: UInt64) {
    guard let offset = ram.offset(physical) else {
      // What is not RAM may change by itself.
      translations.pagingStores.pointee &+= 1
      return
    }
    if ram.pagingStructures[offset >> 12] != 1 { blocks.watchPagingStructure(physical) }
  }

  /// Recomputes the access class from CPL, SMAP and alignment checking.
  mutating func updateAccessTags() {
    translations.enter(addressSpace.value)
    let space = addressSpace.value << TranslationTag.asnShift
    let flags = RFLAGS(rawValue: systemFlags)
    fetchTag = space | (cpl == 3 ? TranslationTag.user : TranslationTag.supervisor)
    if cpl == 3 {
      let checksAlignment = cr0.contains(.am) && flags.contains(.ac)
      dataTag = space | (checksAlignment ? TranslationTag.userAligned : TranslationTag.user)
    } else {
      let ignoresSMAP = cr4.contains(.smap) && flags.contains(.ac)
      dataTag = space | (ignoresSMAP ? TranslationTag.supervisorAC : TranslationTag.supervisor)
    }
  }
}
