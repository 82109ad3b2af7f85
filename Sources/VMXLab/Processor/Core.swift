/// The processor as a handler sees it: one pointer.
///
/// Invariant: the pointer is valid for as long as any handler runs.
struct Core {
  let state: UnsafeMutablePointer<Processor>

  @inline(__always) init(_ raw: UnsafeMutableRawPointer) {
    state = raw.assumingMemoryBound(to: Processor.self)
  }

  // MARK: Registers

  @inline(__always) func register<W: OperandWidth>(_ offset: UInt8, as width: W.Type) -> W {
    UnsafeRawPointer(state).load(fromByteOffset: Int(offset), as: W.self)
  }

  /// Writes a register operand; 32-bit results clear the upper half.
  @inline(__always) func setRegister<W: OperandWidth>(_ offset: UInt8, _ value: W) {
    let raw = UnsafeMutableRawPointer(state)
    if W.bits == 32 {
      raw.storeBytes(of: value.zeroExtended, toByteOffset: Int(offset), as: UInt64.self)
    } else {
      raw.storeBytes(of: value, toByteOffset: Int(offset), as: W.self)
    }
  }

  // MARK: Control flow between handlers

  /// Goes on with the next instruction of the block.
  @inline(__always) func next(_ i: InstructionReference) {
    let next = i.next
    return next.pointee.handler(state, next)
  }

  /// Leaves the block before instruction `i`, committing all that came before it.
  @inline(never) func leave(_ i: InstructionReference) {
    state.pointee.synchronize(i)
  }

  /// `next` where memory may have been reached out of line: a device may have asked for something, or
  /// taken its time.
  @inline(__always) func nextAfterSlowAccess(_ i: InstructionReference) {
    guard state.pointee.signals.pointee.horizon != 0 else {
      return leave(InstructionReference(UnsafeRawPointer(i.next)))
    }
    return next(i)
  }

  // MARK: Operands in memory

  /// Address of a memory operand that no segment changes or limits (`InstructionMode.flat`).
  @inline(__always) func flatAddress(_ i: InstructionReference) -> UInt64 {
    let v = i.pointer
    var address =
      register(v.pointee.base, as: UInt64.self)
      &+ UInt64(bitPattern: Int64(v.pointee.displacement))
    if v.pointee.index != RegisterOffset.zero {
      address &+= register(v.pointee.index, as: UInt64.self) &<< v.pointee.scale
    }
    // Flat addresses are as wide as RIP: 64 bits in 64-bit mode, 32 bits elsewhere.
    return address & state.pointee.ripMask
  }

  /// Host address of the memory operand, if no more than a look at the TLB is needed to read it.
  ///
  /// Handlers that get nil go on in their out-of-line twin, so that they themselves call nothing and
  /// need no stack frame.
  @inline(__always)
  func readableOperand<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type
  ) -> UnsafeMutableRawPointer? {
    guard i.pointer.pointee.mode.contains(.flat) else { return nil }
    return state.pointee.readableHost(flatAddress(i), width)
  }

  /// Host address of the memory operand, if no more than a look at the TLB is needed to write it.
  @inline(__always)
  func writableOperand<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type
  ) -> UnsafeMutableRawPointer? {
    guard i.pointer.pointee.mode.contains(.flat) else { return nil }
    return state.pointee.writableHost(flatAddress(i), width)
  }

  /// Linear address of the memory operand; nil if segmentation refuses it (the fault is recorded).
  ///
  /// - Parameter distance: bytes from the operand's address to what is accessed.
  @inline(__always)
  func linearAddress<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type, _ access: AccessKind, distance: UInt64 = 0
  ) -> UInt64? {
    linearAddress(i, byteCount: W.byteCount, access, distance: distance)
  }

  /// The same for an operand of `byteCount` bytes.
  @inline(__always)
  func linearAddress(
    _ i: InstructionReference, byteCount: UInt64, _ access: AccessKind, distance: UInt64 = 0
  ) -> UInt64? {
    let v = i.pointer
    let address =
      register(v.pointee.base, as: UInt64.self)
      &+ (register(v.pointee.index, as: UInt64.self) << v.pointee.scale)
      &+ UInt64(bitPattern: Int64(v.pointee.displacement)) &+ distance
    if v.pointee.mode.contains(.flat) {
      return v.pointee.mode.contains(.address32) ? address & 0xffff_ffff : address
    }
    return state.pointee.segmentedAddress(
      address, segment: v.pointee.segment, mode: v.pointee.mode, byteCount: byteCount,
      access: access)
  }

  /// Effective address (offset in the segment), as LEA computes it.
  @inline(__always) func effectiveAddress(_ i: InstructionReference) -> UInt64 {
    let v = i.pointer
    let address =
      register(v.pointee.base, as: UInt64.self)
      &+ (register(v.pointee.index, as: UInt64.self) << v.pointee.scale)
      &+ UInt64(bitPattern: Int64(v.pointee.displacement))
    if v.pointee.mode.contains(.address32) { return address & 0xffff_ffff }
    if v.pointee.mode.contains(.address16) { return address & 0xffff }
    return address
  }

  /// Reads the memory operand; nil if that faults (the fault is recorded).
  @inline(__always)
  func load<W: OperandWidth>(_ i: InstructionReference, _ width: W.Type) -> W? {
    guard let linear = linearAddress(i, width, .read) else { return nil }
    return state.pointee.read(linear, width, stack: i.pointer.pointee.segment == 2)
  }

  /// Writes the memory operand; false if that faults.
  @inline(__always)
  func store<W: OperandWidth>(_ i: InstructionReference, _ value: W) -> Bool {
    guard let linear = linearAddress(i, W.self, .write) else { return false }
    return state.pointee.write(linear, value, stack: i.pointer.pointee.segment == 2)
  }

  /// Reads, changes and writes back the memory operand; false if that faults, with nothing written.
  @inline(__always)
  func modify<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type, _ body: (W) -> W
  ) -> Bool {
    guard let linear = linearAddress(i, width, .write) else { return false }
    return modify(linear, width, stack: i.pointer.pointee.segment == 2, body)
  }

  /// Reads, changes and writes back at a linear address; false if that faults, with nothing written.
  @inline(__always)
  func modify<W: OperandWidth>(
    _ linear: UInt64, _ width: W.Type, stack isStack: Bool, _ body: (W) -> W
  ) -> Bool {
    if let host = state.pointee.writableHost(linear, width) {
      host.storeBytes(of: body(host.loadUnaligned(as: W.self)), as: W.self)
      return true
    }
    guard let old = state.pointee.readForWrite(linear, width, stack: isStack) else { return false }
    return state.pointee.write(linear, body(old), stack: isStack)
  }
}

extension Processor {
  /// Brings RIP and the counters up to the instruction `i`, which has not retired.
  mutating func synchronize(_ i: InstructionReference) {
    rip = (blockRIP &+ UInt64(i.pointer.pointee.ripOffset)) & ripMask
    cycles &+= UInt64(i.pointer.pointee.cyclesBefore)
    instructions &+= UInt64(i.pointer.pointee.position)
  }
}

/// What an access does, for permission checks.
enum AccessKind: UInt8 {
  case read
  case write
  case fetch
}
