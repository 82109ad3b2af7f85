// Descriptors in the GDT and LDT.

/// A segment descriptor, system descriptor or gate, as it stands in a descriptor table.
///
/// Source: Intel SDM, "Segment Descriptors", "System Descriptor Types" and "Gate Descriptors".
struct Descriptor {
  /// The first 8 bytes.
  var low: UInt64
  /// The second 8 bytes of a system descriptor or gate in IA-32e mode, else 0.
  var high: UInt64 = 0
  /// Linear address of the first byte.
  var address: UInt64 = 0

  /// Access rights in the format of the segment registers.
  @inline(__always) var access: SegmentAccessRights {
    SegmentAccessRights(rawValue: UInt32(truncatingIfNeeded: low >> 40) & 0xf0ff)
  }
  /// The type of a system descriptor or gate; nil for a code or data segment.
  @inline(__always) var systemType: UInt32? { access.isCodeOrData ? nil : access.type }

  // MARK: Segments
  @inline(__always) var base: UInt64 {
    low >> 16 & 0xff_ffff | low >> 32 & 0xff00_0000 | high << 32
  }
  /// Limit in bytes.
  @inline(__always) var limit: UInt32 {
    let units = UInt32(truncatingIfNeeded: low & 0xffff | low >> 32 & 0xf_0000)
    return access.hasPageGranularity ? units << 12 | 0xfff : units
  }

  /// The segment register that a load of this descriptor with `selector` makes.
  @inline(__always) func segment(_ selector: UInt16) -> Segment {
    Segment(selector: selector, base: base, limit: limit, access: access)
  }

  // MARK: Gates
  @inline(__always) var gateSelector: UInt16 { UInt16(truncatingIfNeeded: low >> 16) }
  /// Offset of a 32-bit gate, or of a 64-bit one where `high` was read.
  @inline(__always) var gateOffset: UInt64 {
    low & 0xffff | low >> 32 & 0xffff_0000 | high << 32
  }
  /// Number of parameters that a call gate copies.
  @inline(__always) var parameterCount: Int { Int(truncatingIfNeeded: low >> 32 & 0x1f) }
  /// Index into the interrupt stack table; 0 for none.
  @inline(__always) var interruptStack: UInt64 { low >> 32 & 7 }
}

extension UInt16 {
  /// RPL of a selector.
  @inline(__always) var rpl: UInt8 { UInt8(truncatingIfNeeded: self & 3) }
  /// Whether it selects nothing: index and table indicator are 0.
  @inline(__always) var isNullSelector: Bool { self & 0xfffc == 0 }
  @inline(__always) func withRPL(_ level: UInt8) -> UInt16 { self & 0xfffc | UInt16(level & 3) }
}

extension Processor {
  /// Linear address of the descriptor of `selector`; nil if the table's limit excludes it or there
  /// is no LDT. Records nothing.
  mutating func descriptorAddress(_ selector: UInt16, byteCount: UInt64 = 8) -> UInt64? {
    let offset = UInt64(selector & 0xfff8)
    let last = offset &+ byteCount &- 1
    if selector & 4 == 0 {
      return last > UInt64(gdtr.limit) ? nil : systemAddress(gdtr.base &+ offset)
    }
    let ldt = segments[6]
    guard !ldt.access.isUnusable, !ldt.selector.isNullSelector, last <= UInt64(ldt.limit) else {
      return nil
    }
    return systemAddress(ldt.base &+ offset)
  }

  /// The linear address of a byte of a descriptor table or TSS: 64 bits in IA-32e mode, else 32.
  @inline(__always) func systemAddress(_ address: UInt64) -> UInt64 {
    isIA32e ? address : address & 0xffff_ffff
  }

  /// Reads the descriptor of `selector`; nil after recording `vector` with the selector as its error
  /// code if it is outside its table, or a fault of the access.
  mutating func descriptor(
    _ selector: UInt16, orRaise vector: ExceptionVector
  ) -> Descriptor? {
    guard let address = descriptorAddress(selector) else {
      raise(vector, selector: selector)
      return nil
    }
    guard let low = readSystem(address, UInt64.self) else { return nil }
    return Descriptor(low: low, address: address)
  }

  /// Completes a system descriptor or call gate with its second half in IA-32e mode; nil after
  /// recording `vector` if that lies outside the table or is no upper half.
  ///
  /// Source: Intel SDM, "Segment Descriptor Tables in IA-32e Mode".
  mutating func completed(
    _ descriptor: Descriptor, _ selector: UInt16, orRaise vector: ExceptionVector
  ) -> Descriptor? {
    guard isIA32e else { return descriptor }
    var whole = descriptor
    guard let address = descriptorAddress(selector, byteCount: 16) else {
      raise(vector, selector: selector)
      return nil
    }
    guard let high = readSystem(address &+ 8, UInt64.self) else { return nil }
    whole.high = high & 0xffff_ffff
    // The type field of the upper half must be 0, so that it cannot be taken for a descriptor.
    guard high >> 40 & 0x1f == 0 else {
      raise(vector, selector: selector)
      return nil
    }
    return whole
  }

  /// Sets the accessed flag of a code or data segment's descriptor in memory if it is clear; nil if
  /// the write faults.
  mutating func markAccessed(_ descriptor: Descriptor) -> Descriptor? {
    if descriptor.access.isAccessed { return descriptor }
    var marked = descriptor
    marked.low |= 1 << 40
    guard writeSystem(marked.address &+ 5, UInt8(truncatingIfNeeded: marked.low >> 40)) else {
      return nil
    }
    noteLockedAccess(marked.address, byteCount: 8)
    return marked
  }

  /// Sets or clears the busy flag of a TSS descriptor in memory; false if that faults.
  mutating func setBusy(_ descriptor: Descriptor, _ isBusy: Bool) -> Bool {
    let type = UInt8(truncatingIfNeeded: descriptor.low >> 40)
    guard writeSystem(descriptor.address &+ 5, isBusy ? type | 2 : type & ~2) else { return false }
    noteLockedAccess(descriptor.address, byteCount: 8)
    return true
  }
}
