/// What makes two address spaces the same: the translations of one hold in the other.
struct AddressSpaceKey: Equatable {
  var vpid: UInt16 = 0
  var cr3: UInt64 = 0
  var eptPointer: UInt64 = 0
  /// CR0.WP and PG, the paging bits of CR4, EFER.NXE and LMA, and mode-based execute control.
  var modes: UInt64 = 0
  /// The APIC-access page, or `Processor.noPage`.
  var apicAccessPage: UInt64 = Processor.noPage

  /// The process-context identifier; 0 without CR4.PCIDE.
  @inline(__always) var pcid: UInt64 {
    modes & CR4.pcide.rawValue << 32 != 0 ? cr3 & 0xfff : 0
  }
}

/// An address-space number, and what had been stored when it was handed out.
struct AddressSpaceNumber {
  /// 0: none.
  var value: UInt64 = 0
  /// The count of stores to paging structures (`TranslationCache.pagingStores`). While it is the
  /// same, all translations under the number are those that a walk would find.
  var stamp: UInt64 = 0
}

/// The address-space numbers of contexts that were left: 32 sets of two.
struct AddressSpaceMemory {
  private struct Entry {
    var key = AddressSpaceKey()
    var number = AddressSpaceNumber()
    /// The generation of the key's VPID when it was remembered; `.max` if it has been invalidated since.
    var generation: UInt64 = 0
  }

  private var entries = InlineArray<64, Entry>(repeating: Entry())
  /// A number for each VPID modulo 64, which its invalidations change.
  private var generations = InlineArray<64, UInt64>(repeating: 0)
  /// Which of a set's entries is replaced next: a bit for each set.
  private var victims: UInt32 = 0

  /// Remembers that `number` was in use for `key`.
  mutating func remember(_ key: AddressSpaceKey, _ number: AddressSpaceNumber) {
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

  /// The number last used for `key`, if its translations may be used: if it has not been invalidated
  /// since, or if a walk would find all of them now.
  ///
  /// Mutating so that it works in place: a large value is copied for a method that is not.
  ///
  /// - Parameter stores: the count of stores to paging structures.
  mutating func number(for key: AddressSpaceKey, stores: UInt64) -> AddressSpaceNumber? {
    let first = key.set &* 2
    for place in first...first &+ 1 where entries[place].key == key {
      let number = entries[place].number
      guard number.value != 0,
        entries[place].generation == generations[Int(key.vpid & 63)] || number.stamp == stores
      else { return nil }
      return number
    }
    return nil
  }

  /// Forgets every space.
  mutating func removeAll() {
    for index in 0..<64 { entries[index].number = AddressSpaceNumber() }
  }

  /// Forgets every space of a virtual processor.
  mutating func remove(vpid: UInt16) {
    for index in 0..<64 where entries[index].key.vpid == vpid {
      entries[index].number = AddressSpaceNumber()
    }
  }

  /// Invalidates the spaces of a virtual processor; of others with the same number modulo 64 too.
  @inline(__always) mutating func invalidate(vpid: UInt16) {
    generations[Int(vpid & 63)] &+= 1
  }

  /// Invalidates those spaces of a virtual processor that have a PCID.
  mutating func invalidate(vpid: UInt16, pcid: UInt64) {
    for index in 0..<64 where entries[index].key.vpid == vpid && entries[index].key.pcid == pcid {
      entries[index].generation = .max
    }
  }

  /// Invalidates all spaces of guests that have a VPID or EPT.
  mutating func invalidateGuests() {
    for index in 0..<64
    where entries[index].key.vpid != 0 || entries[index].key.eptPointer != 0 {
      entries[index].generation = .max
    }
  }
}

extension AddressSpaceKey {
  /// The set of ``AddressSpaceMemory`` that holds the key, 0 to 31.
  fileprivate var set: Int {
    let mixed =
      (cr3 >> 12 ^ (eptPointer >> 12) << 20 ^ UInt64(vpid) << 40 ^ modes) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: mixed >> 59)
  }
}
