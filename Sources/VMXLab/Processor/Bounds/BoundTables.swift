// BNDLDX and BNDSTX: bounds of pointers in memory, by the pointers' addresses.
//
// Source: Intel SDM, "Bounds Directory and Bounds Tables", "BNDLDX—Load Extended Bounds Using Address
// Translation", "BNDSTX—Store Extended Bounds Using Address Translation".

/// The entry of a bound table that a pointer's address leads to.
private struct BoundTableEntry {
  /// Linear address of its three words: lower bound, upper bound, value of the pointer.
  var address: UInt64
  /// Bytes of a word.
  var byteCount: UInt64
}

extension Processor {
  /// The linear address that is looked up: the base register and the displacement in the segment,
  /// without the index register, whose value is the pointer's.
  private mutating func pointerAddress(_ i: InstructionReference) -> UInt64 {
    let base = i.pointer.pointee.base
    var offset: UInt64 = 0
    if base != RegisterOffset.zero {
      offset =
        general[Int(base >> 3) & 15]
        &+ UInt64(bitPattern: Int64(i.pointer.pointee.displacement))
    }
    if i.pointer.pointee.mode.contains(.address32) { offset &= 0xffff_ffff }
    return wrapLinear(offset &+ effectiveBase[i.pointer.pointee.segment])
  }

  private mutating func pointerValue(_ i: InstructionReference) -> UInt64 {
    let index = i.pointer.pointee.index
    return index == RegisterOffset.zero ? 0 : general[Int(index >> 3) & 15]
  }

  /// Walks from the bound directory to the entry; nil if that faults (the fault is recorded).
  private mutating func boundTableEntry(_ i: InstructionReference) -> BoundTableEntry? {
    let pointer = pointerAddress(i)
    let isLong = i.pointer.pointee.mode.contains(.long)
    let directory = boundsConfiguration & BoundsConfiguration.directory
    let table: UInt64
    let address: UInt64
    if isLong {
      address = directory &+ (pointer >> 20 & 0xfff_ffff) << 3
      guard let entry = read(address, UInt64.self) else { return nil }
      table = entry
    } else {
      address = (directory &+ (pointer >> 12 & 0xf_ffff) << 2) & 0xffff_ffff
      guard let entry = read(address, UInt32.self) else { return nil }
      table = UInt64(entry)
    }
    guard table & 1 != 0 else {
      bounds.status = address | BoundsStatus.invalidEntry
      raise(.boundRange)
      return nil
    }
    return isLong
      ? BoundTableEntry(
        address: (table & ~7) &+ (pointer >> 3 & 0x1_ffff) << 5, byteCount: 8)
      : BoundTableEntry(
        address: wrapLinear((table & ~3) &+ (pointer >> 2 & 0x3ff) << 4), byteCount: 4)
  }

  /// BNDLDX; false if it faults.
  fileprivate mutating func loadExtendedBounds(_ i: InstructionReference) -> Bool {
    guard let entry = boundTableEntry(i) else { return false }
    var words = InlineArray<3, UInt64>(repeating: 0)
    let isRead = withUnsafeMutablePointer(to: &words) { words in
      readBytes(
        entry.address, byteCount: entry.byteCount &* 3, into: UnsafeMutableRawPointer(words),
        stack: false)
    }
    guard isRead else { return false }
    var (lower, upper, value) = (words[0], words[1], words[2])
    if entry.byteCount == 4 {
      value = words[1] & 0xffff_ffff
      upper = words[0] >> 32
      lower = words[0] & 0xffff_ffff
    }
    // Another pointer is there now: its bounds are not known.
    let mask: UInt64 = entry.byteCount == 4 ? 0xffff_ffff : ~0
    let isSame = value == pointerValue(i) & mask
    let register = Int(i.pointer.pointee.destination & 3) &* 2
    bounds.registers[register] = isSame ? lower : 0
    bounds.registers[register &+ 1] = isSame ? upper : 0
    return true
  }

  /// BNDSTX; false if it faults.
  fileprivate mutating func storeExtendedBounds(_ i: InstructionReference) -> Bool {
    guard let entry = boundTableEntry(i) else { return false }
    let register = Int(i.pointer.pointee.source & 3) &* 2
    var words = InlineArray<3, UInt64>(repeating: 0)
    words[0] = bounds.registers[register]
    words[1] = bounds.registers[register &+ 1]
    words[2] = pointerValue(i)
    if entry.byteCount == 4 {
      words[0] = words[0] & 0xffff_ffff | words[1] << 32
      words[1] = words[2] & 0xffff_ffff
    }
    return withUnsafePointer(to: &words) { words in
      writeBytes(
        entry.address, byteCount: entry.byteCount &* 3, from: UnsafeRawPointer(words),
        stack: false)
    }
  }
}

let loadExtendedBounds: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.state.pointee.loadExtendedBounds(i) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

let storeExtendedBounds: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.state.pointee.storeExtendedBounds(i) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}
