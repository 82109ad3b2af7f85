// Linear memory accesses: a TLB hit is a compare and an addition; the rest is out of line.
extension Processor {
  /// Host address of `linear` if the TLB says it may be read at once.
  @inline(__always)
  mutating func readableHost<W: OperandWidth>(
    _ linear: UInt64, _ width: W.Type
  ) -> UnsafeMutableRawPointer? {
    readableHost(linear, byteCount: W.byteCount)
  }

  /// Host address of the `byteCount` bytes at `linear` if the TLB says they may be read at once.
  @inline(__always)
  mutating func readableHost(_ linear: UInt64, byteCount: UInt64) -> UnsafeMutableRawPointer? {
    readableHost(linear, byteCount: byteCount, tag: dataTag)
  }

  /// The same for accesses of another class or address space than the current one's.
  @inline(__always)
  mutating func readableHost(
    _ linear: UInt64, byteCount: UInt64, tag: UInt64
  ) -> UnsafeMutableRawPointer? {
    let entry = translations.entry(linear)
    // An access that crosses into the next page has that page's tag, which this entry cannot hold.
    guard entry.pointee.readTag == ((linear &+ (byteCount &- 1)) & ~0xfff) | tag else { return nil }
    return UnsafeMutableRawPointer(
      bitPattern: entry.pointee.addend &+ Int(bitPattern: UInt(linear)))
  }

  /// Host address of `linear` if the TLB says it may be written at once.
  @inline(__always)
  mutating func writableHost<W: OperandWidth>(
    _ linear: UInt64, _ width: W.Type
  ) -> UnsafeMutableRawPointer? {
    writableHost(linear, byteCount: W.byteCount)
  }

  /// Host address of the `byteCount` bytes at `linear` if the TLB says they may be written at once.
  @inline(__always)
  mutating func writableHost(_ linear: UInt64, byteCount: UInt64) -> UnsafeMutableRawPointer? {
    writableHost(linear, byteCount: byteCount, tag: dataTag)
  }

  /// The same for accesses of another class or address space than the current one's.
  @inline(__always)
  mutating func writableHost(
    _ linear: UInt64, byteCount: UInt64, tag: UInt64
  ) -> UnsafeMutableRawPointer? {
    let entry = translations.entry(linear)
    guard entry.pointee.writeTag == ((linear &+ (byteCount &- 1)) & ~0xfff) | tag else {
      return nil
    }
    return UnsafeMutableRawPointer(
      bitPattern: entry.pointee.addend &+ Int(bitPattern: UInt(linear)))
  }

  /// Reads at a linear address with the current privilege; nil if that faults.
  ///
  /// - Parameter stack: a non-canonical address raises #SS rather than #GP.
  @inline(__always)
  mutating func read<W: OperandWidth>(_ linear: UInt64, _ width: W.Type, stack: Bool = false) -> W?
  {
    if let host = readableHost(linear, width) { return host.loadUnaligned(as: W.self) }
    return readSlow(linear, byteCount: W.byteCount, tag: dataTag, kind: .read, stack: stack)
      .map { W(low: $0) }
  }

  /// Writes at a linear address with the current privilege; false if that faults.
  @inline(__always)
  mutating func write<W: OperandWidth>(_ linear: UInt64, _ value: W, stack: Bool = false) -> Bool {
    if let host = writableHost(linear, W.self) {
      host.storeBytes(of: value, as: W.self)
      return true
    }
    return writeSlow(
      linear, value.zeroExtended, byteCount: W.byteCount, tag: dataTag, stack: stack)
  }

  /// Reads what the instruction is about to write back: faults are those of the write.
  @inline(__always)
  mutating func readForWrite<W: OperandWidth>(
    _ linear: UInt64, _ width: W.Type, stack: Bool = false
  ) -> W? {
    readSlow(linear, byteCount: W.byteCount, tag: dataTag, kind: .write, stack: stack)
      .map { W(low: $0) }
  }

  /// Reads a system structure (descriptor table, TSS) as the supervisor, whatever the CPL.
  mutating func readSystem<W: OperandWidth>(_ linear: UInt64, _ width: W.Type) -> W? {
    if let host = readableHost(linear, byteCount: W.byteCount, tag: systemTag) {
      return host.loadUnaligned(as: W.self)
    }
    return readSlow(
      linear, byteCount: W.byteCount, tag: systemTag, kind: .read, stack: false
    ).map { W(low: $0) }
  }

  /// Writes a system structure as the supervisor, whatever the CPL.
  mutating func writeSystem<W: OperandWidth>(_ linear: UInt64, _ value: W) -> Bool {
    if let host = writableHost(linear, byteCount: W.byteCount, tag: systemTag) {
      host.storeBytes(of: value, as: W.self)
      return true
    }
    return writeSlow(
      linear, value.zeroExtended, byteCount: W.byteCount, tag: systemTag, stack: false)
  }

  /// Tag of implicit supervisor accesses, which SMAP stops whatever EFLAGS.AC says.
  @inline(__always) var systemTag: UInt64 { dataTag & ~3 | TranslationTag.supervisor }

  /// Reads up to 8 bytes without the fast path; nil if that faults.
  @inline(never)
  mutating func readSlow(
    _ linear: UInt64, byteCount: UInt64, tag: UInt64, kind: AccessKind, stack: Bool
  ) -> UInt64? {
    guard checkAddress(linear, byteCount: byteCount, stack: stack, tag: tag) else { return nil }
    if attention.contains(.breakpoints) {
      noteDataAccess(linear, byteCount: byteCount, isWrite: kind == .write)
    }
    let room = 0x1000 &- linear & 0xfff
    if byteCount <= room {
      guard let entry = translate(linear, kind, tag: tag) else { return nil }
      if entry.pointee.physicalPage == vmx.apic.accessPage {
        return readAPICAccessPage(linear, byteCount: byteCount)
      }
      chargeDeviceAccess(entry.pointee.physicalPage)
      return load(entry.pointee.physicalPage | linear & 0xfff, byteCount: byteCount)
    }
    guard let first = translate(linear, kind, tag: tag)?.pointee.physicalPage,
      let second = translate(
        followingPage(linear, room), kind, tag: tag)?.pointee.physicalPage
    else { return nil }
    if interceptSplitAccess(linear, first: first, second: second, .read) { return nil }
    let low = load(first | linear & 0xfff, byteCount: room)
    return low | load(second, byteCount: byteCount &- room) << (room &* 8)
  }

  /// Writes up to 8 bytes without the fast path; false if that faults, with nothing written.
  @inline(never)
  mutating func writeSlow(
    _ linear: UInt64, _ value: UInt64, byteCount: UInt64, tag: UInt64, stack: Bool
  ) -> Bool {
    guard checkAddress(linear, byteCount: byteCount, stack: stack, tag: tag) else { return false }
    if attention.contains(.breakpoints) {
      noteDataAccess(linear, byteCount: byteCount, isWrite: true)
    }
    let room = 0x1000 &- linear & 0xfff
    if byteCount <= room {
      guard let entry = translate(linear, .write, tag: tag) else { return false }
      let physical = entry.pointee.physicalPage | linear & 0xfff
      if entry.pointee.physicalPage == vmx.apic.accessPage {
        return writeAPICAccessPage(linear, value, byteCount: byteCount)
      }
      if entry.pointee.physicalPage == apicPage, !runsAlone() { return false }
      chargeDeviceAccess(entry.pointee.physicalPage)
      store(physical, value, byteCount: byteCount)
      return true
    }
    guard let first = translate(linear, .write, tag: tag)?.pointee.physicalPage,
      let second = translate(
        followingPage(linear, room), .write, tag: tag)?.pointee.physicalPage
    else { return false }
    if interceptSplitAccess(linear, first: first, second: second, .write) { return false }
    store(first | linear & 0xfff, value, byteCount: room)
    store(second, value >> (room &* 8), byteCount: byteCount &- room)
    return true
  }

  /// Charges for an access to registers of a device, if the page has some.
  @inline(__always) private mutating func chargeDeviceAccess(_ page: UInt64) {
    guard page == apicPage || ram.offset(page) == nil else { return }
    chargeCycles(.deviceAccess)
    // The block took fewer cycles for granted: the run loop must look at the deadline.
    signals.pointee.horizon = 0
  }

  /// A linear address past the top goes round at 32 bits outside 64-bit mode.
  @inline(__always) func wrapLinear(_ linear: UInt64) -> UInt64 {
    mode == .long ? linear : linear & 0xffff_ffff
  }

  /// The linear address `room` bytes on, at the start of the next page.
  private func followingPage(_ linear: UInt64, _ room: UInt64) -> UInt64 {
    // In compatibility mode, system structures may lie above 4 GiB.
    linear >> 32 == 0 ? wrapLinear(linear &+ room) : linear &+ room
  }

  /// Canonicality (64-bit mode) and alignment (AC) of an access.
  mutating func checkAddress(
    _ linear: UInt64, byteCount: UInt64, stack: Bool, tag: UInt64
  ) -> Bool {
    // In compatibility mode, system structures may lie above 4 GiB.
    if mode == .long || linear >> 32 != 0,
      !isCanonical(linear)
        || (linear & 0xfff &+ byteCount > 0x1000 && !isCanonical(linear &+ (byteCount &- 1)))
    {
      raise(stack ? .stackFault : .generalProtection, errorCode: 0)
      return false
    }
    if tag & 3 == TranslationTag.userAligned, linear & (byteCount &- 1) != 0 {
      raise(.alignmentCheck, errorCode: 0)
      return false
    }
    return true
  }

  /// Whether the address is canonical for the current paging mode (48 bits, 57 with LA57): what is
  /// accessed, and what RIP holds.
  @inline(__always) func isCanonical(_ linear: UInt64) -> Bool {
    let shift: UInt64 = cr4.contains(.la57) ? 7 : 16
    return UInt64(bitPattern: Int64(bitPattern: linear << shift) >> Int64(shift)) == linear
  }

  /// Whether the address is canonical for the processor's linear-address width, whatever the paging
  /// mode: what base registers and MSRs take, and what instructions that invalidate translations do.
  @inline(__always) func isCanonicalForProcessor(_ linear: UInt64) -> Bool {
    model.capabilities.isCanonical(linear)
  }
}
