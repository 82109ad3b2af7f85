// Memory operands of vector instructions: 1 to 32 bytes, read or written as a whole or not at all.
extension Core {
  /// Linear address of a memory operand of `byteCount` bytes; nil if segmentation or an alignment
  /// rule refuses it (the fault is recorded).
  ///
  /// - Parameter alignmentMask: bits of the linear address that must be 0, or #GP(0).
  @inline(__always)
  func vectorAddress(
    _ i: InstructionReference, byteCount: UInt64, alignmentMask: UInt64, _ access: AccessKind
  ) -> UInt64? {
    guard let linear = linearAddress(i, byteCount: byteCount, access) else { return nil }
    guard linear & alignmentMask == 0 else {
      state.pointee.raiseMisaligned(
        linear, byteCount: byteCount, stack: i.pointer.pointee.segment == 2)
      return nil
    }
    return linear
  }

  /// The bytes of the memory operand, in guest memory or in `vectorOperand`; nil if the read faults.
  ///
  /// The pointer is good until the instruction writes memory.
  @inline(__always)
  func loadVector(
    _ i: InstructionReference, byteCount: UInt64, alignmentMask: UInt64 = 0
  ) -> UnsafeRawPointer? {
    guard
      let linear = vectorAddress(i, byteCount: byteCount, alignmentMask: alignmentMask, .read)
    else { return nil }
    if let host = state.pointee.readableHost(linear, byteCount: byteCount) {
      return UnsafeRawPointer(host)
    }
    let operand = vectorOperand
    guard
      state.pointee.readBytes(
        linear, byteCount: byteCount, into: operand, stack: i.pointer.pointee.segment == 2)
    else { return nil }
    return UnsafeRawPointer(operand)
  }

  /// Writes `byteCount` bytes at `source` to the memory operand; false if that faults, with nothing
  /// written.
  @inline(__always)
  func storeVector(
    _ i: InstructionReference, _ source: UnsafeRawPointer, byteCount: UInt64,
    alignmentMask: UInt64 = 0
  ) -> Bool {
    guard
      let linear = vectorAddress(i, byteCount: byteCount, alignmentMask: alignmentMask, .write)
    else { return false }
    if let host = state.pointee.writableHost(linear, byteCount: byteCount) {
      host.copyMemory(from: source, byteCount: Int(byteCount))
      return true
    }
    return state.pointee.writeBytes(
      linear, byteCount: byteCount, from: source, stack: i.pointer.pointee.segment == 2)
  }
}

extension Processor {
  /// Records what a misaligned vector operand raises: #GP(0), but a stack address that is not
  /// canonical is #SS(0).
  @inline(never)
  mutating func raiseMisaligned(_ linear: UInt64, byteCount: UInt64, stack: Bool) {
    guard checkAddress(linear, byteCount: byteCount, stack: stack, tag: systemTag) else { return }
    raise(.generalProtection, errorCode: 0)
  }

  /// Reads up to 4096 bytes, across a page boundary too; false if that faults.
  @inline(never)
  mutating func readBytes(
    _ linear: UInt64, byteCount: UInt64, into destination: UnsafeMutableRawPointer, stack: Bool
  ) -> Bool {
    guard
      let (first, second) = translateBytes(linear, byteCount: byteCount, .read, stack: stack)
    else { return false }
    let room = min(byteCount, 0x1000 &- linear & 0xfff)
    copyIn(first, byteCount: room, to: destination)
    copyIn(second, byteCount: byteCount &- room, to: destination + Int(room))
    return true
  }

  /// Writes up to 4096 bytes, across a page boundary too; false if that faults, with nothing written.
  @inline(never)
  mutating func writeBytes(
    _ linear: UInt64, byteCount: UInt64, from source: UnsafeRawPointer, stack: Bool
  ) -> Bool {
    guard
      let (first, second) = translateBytes(linear, byteCount: byteCount, .write, stack: stack)
    else { return false }
    let room = min(byteCount, 0x1000 &- linear & 0xfff)
    copyOut(source, byteCount: room, to: first)
    copyOut(source + Int(room), byteCount: byteCount &- room, to: second)
    return true
  }

  /// Physical addresses of the operand's first byte and of its first byte on the next page; nil if
  /// the access faults.
  mutating func translateBytes(
    _ linear: UInt64, byteCount: UInt64, _ kind: AccessKind, stack: Bool
  ) -> (UInt64, UInt64)? {
    // #AC is for operands of up to 8 bytes.
    let checked = byteCount > 8 ? systemTag : dataTag
    guard checkAddress(linear, byteCount: byteCount, stack: stack, tag: checked) else { return nil }
    if attention.contains(.breakpoints) {
      noteDataAccess(linear, byteCount: byteCount, isWrite: kind == .write)
    }
    guard let first = translate(linear, kind, tag: dataTag)?.pointee.physicalPage else {
      return nil
    }
    let room = 0x1000 &- linear & 0xfff
    guard byteCount > room else { return (first | linear & 0xfff, 0) }
    guard
      let second = translate(wrapLinear(linear &+ room), kind, tag: dataTag)?.pointee.physicalPage
    else { return nil }
    return (first | linear & 0xfff, second)
  }

  private mutating func copyIn(
    _ physical: UInt64, byteCount: UInt64, to destination: UnsafeMutableRawPointer
  ) {
    var done: UInt64 = 0
    while done < byteCount {
      let part = min(8, byteCount &- done)
      var value = load(physical &+ done, byteCount: part)
      withUnsafeBytes(of: &value) {
        guard let bytes = $0.baseAddress else { return }
        (destination + Int(done)).copyMemory(from: bytes, byteCount: Int(part))
      }
      done &+= part
    }
  }

  private mutating func copyOut(
    _ source: UnsafeRawPointer, byteCount: UInt64, to physical: UInt64
  ) {
    var done: UInt64 = 0
    while done < byteCount {
      let part = min(8, byteCount &- done)
      var value: UInt64 = 0
      withUnsafeMutableBytes(of: &value) {
        $0.baseAddress?.copyMemory(from: source + Int(done), byteCount: Int(part))
      }
      store(physical &+ done, value, byteCount: part)
      done &+= part
    }
  }
}
