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
    if vmx.isOn { vmx.addressSpaces.remove(vpid: currentVPID) }
    var number = addressSpaces.next()
    if number == nil {
      translations.removeAll()
      addressSpaces.restart()
      vmx.forgetAddressSpaces()
      number = addressSpaces.next()
    }
    addressSpace = number ?? 0
    updateAccessTags()
  }

  /// Recomputes the access class from CPL, SMAP and alignment checking.
  mutating func updateAccessTags() {
    let space = addressSpace << TranslationTag.asnShift
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
