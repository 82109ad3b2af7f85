// Writes of CR0, CR3 and CR4 with their checks and consequences.
//
// Source: Intel SDM, "Control Registers" and "MOV—Move to/from Control Registers".
extension Processor {
  /// Writes CR0; false, with nothing changed, where MOV to CR0 raises #GP(0).
  mutating func writeCR0(_ value: UInt64) -> Bool {
    guard value >> 32 == 0 else { return false }
    let new = CR0(rawValue: value & Self.cr0Bits | CR0.et.rawValue)
    if new.contains(.pg) && !new.contains(.pe) { return false }
    if new.contains(.nw) && !new.contains(.cd) { return false }
    if cr4.contains(.cet), !new.contains(.wp) { return false }
    guard vmxAllowsCR0(new) else { return false }
    let old = cr0
    if new.contains(.pg), !old.contains(.pg) {
      if efer.contains(.lme) {
        guard cr4.contains(.pae), !segments[1].access.isLong else { return false }
        // A 16-bit TSS has no place in IA-32e mode.
        if segments[7].access.type & 8 == 0, !segments[7].access.isUnusable, cpl == 0,
          segments[7].selector & 0xfffc != 0
        {
          return false
        }
        efer.insert(.lma)
      } else if cr4.contains(.pae) {
        guard loadPDPTEs(cr3) else { return false }
      }
    } else if !new.contains(.pg), old.contains(.pg) {
      if mode == .long || cr4.contains(.pcide) { return false }
      efer.remove(.lma)
    } else if new.contains(.pg), pagingMode == .pae,
      !new.symmetricDifference(old).isDisjoint(with: [.cd, .nw])
    {
      guard loadPDPTEs(cr3) else { return false }
    }
    cr0 = new
    if !new.symmetricDifference(old).isDisjoint(with: [.pg, .wp, .pe]) { startNewAddressSpace() }
    updateMode()
    return true
  }

  /// Writes CR3; false, with nothing changed, where MOV to CR3 raises #GP(0).
  mutating func writeCR3(_ value: UInt64) -> Bool {
    var value = value
    if efer.contains(.lma) {
      // Bit 63 asks to keep the TLB and is not stored; dropping more than asked is allowed.
      if cr4.contains(.pcide) { value &= ~(1 << 63) }
      guard value & model.reservedPhysicalBits == 0, value >> 63 == 0 else { return false }
    } else {
      value &= 0xffff_ffff
      if pagingMode == .pae, !loadPDPTEs(value) { return false }
    }
    leaveAddressSpace()
    cr3 = value
    enterAddressSpace(invalidates: true)
    return true
  }

  /// Writes CR4; false, with nothing changed, where MOV to CR4 raises #GP(0).
  mutating func writeCR4(_ value: UInt64) -> Bool {
    guard value & ~model.cr4Bits == 0 else { return false }
    let new = CR4(rawValue: value)
    let old = cr4
    let changes = new.symmetricDifference(old)
    if efer.contains(.lma), !new.contains(.pae) || changes.contains(.la57) { return false }
    if new.contains(.pcide), !old.contains(.pcide), !efer.contains(.lma) || cr3 & 0xfff != 0 {
      return false
    }
    if new.contains(.cet), !cr0.contains(.wp) { return false }
    guard vmxAllowsCR4(new) else { return false }
    if cr0.contains(.pg), !efer.contains(.lma), new.contains(.pae),
      !changes.isDisjoint(with: [.pae, .pge, .pse, .smep])
    {
      guard loadPDPTEs(cr3) else { return false }
    }
    cr4 = new
    if !changes.isDisjoint(with: .paging) { startNewAddressSpace() }
    updateMode()
    return true
  }

  /// Loads the PDPTE registers of PAE paging; false if a present entry has reserved bits set.
  ///
  /// Source: Intel SDM, "PDPTE Registers".
  mutating func loadPDPTEs(_ cr3: UInt64) -> Bool {
    var entries = InlineArray<4, UInt64>(repeating: 0)
    let table = cr3 & 0xffff_ffe0
    for index in 0..<4 {
      var address = (table &+ UInt64(index &* 8)) & a20Mask
      if vmx.usesEPT {
        guard let host = translateGuestPhysical(address, .read, cause: .pdpteLoad) else {
          return false
        }
        if interceptGuestPhysicalAPICAccess(host.address) { return false }
        address = host.address | address & 0xfff
      }
      entries[index] = load(address, byteCount: 8)
    }
    for index in 0..<4 where !isValidPDPTE(entries[index]) { return false }
    pdptes = entries
    return true
  }

  /// Whether a PDPTE is not present or has no reserved bit set.
  func isValidPDPTE(_ entry: UInt64) -> Bool {
    entry & PageTableEntry.present == 0
      || entry & (model.reservedPhysicalBits | 0xfff0_0000_0000_01e6) == 0
  }

  /// Defined bits of CR0; others are ignored by writes and read as 0.
  static var cr0Bits: UInt64 { 0xe005_003f }
}
