// From an effective address to a linear address, with the checks of segmentation.
//
// Source: Intel SDM, "Limit Checking", "Type Checking" and "Segment Loading Instructions in IA-32e
// Mode".
extension Processor {
  /// Linear address of an operand of `byteCount` bytes; nil if segmentation refuses the access (the
  /// fault is recorded).
  ///
  /// - Parameters:
  ///   - address: base + index + displacement, before the address size is applied.
  ///   - segment: number of a segment register, 0 to 5.
  @inline(__always)
  mutating func segmentedAddress(
    _ address: UInt64, segment: Int, mode: InstructionMode, byteCount: UInt64, access: AccessKind
  ) -> UInt64? {
    var offset = address
    if mode.contains(.address32) {
      offset &= 0xffff_ffff
    } else if mode.contains(.address16) {
      offset &= 0xffff
    }
    if mode.contains(.long) { return offset &+ effectiveBase[segment] }
    if segments[segment].isBigData {
      return (offset &+ effectiveBase[segment]) & 0xffff_ffff
    }
    return checkedAddress(offset, segment: segment, byteCount: byteCount, access: access)
  }

  /// `segmentedAddress` outside 64-bit mode, for a segment that is not flat and writable.
  @inline(never)
  mutating func checkedAddress(
    _ offset: UInt64, segment: Int, byteCount: UInt64, access: AccessKind
  ) -> UInt64? {
    let register = segments[segment & 7]
    let rights = register.access
    let vector: ExceptionVector = segment == 2 ? .stackFault : .generalProtection
    if rights.isUnusable {
      raise(vector, errorCode: 0)
      return nil
    }
    if isProtected {
      let isAllowed =
        switch access {
        case .write: rights.isWritableData
        case .read: rights.isData || rights.isReadableCode
        case .fetch: rights.isCode
        }
      guard isAllowed else {
        raise(.generalProtection, errorCode: 0)
        return nil
      }
    }
    guard register.contains(offset, byteCount: byteCount) else {
      raise(vector, errorCode: 0)
      return nil
    }
    return (offset &+ register.base) & 0xffff_ffff
  }
}

extension Segment {
  /// Usable, writable, expand-up data of 4 GiB.
  @inline(__always) var isBigData: Bool {
    limit == 0xffff_ffff && access.rawValue & 0x1_001e == 0x12
  }

  /// Big data at address 0: an offset is a linear address, and nothing needs to be checked.
  @inline(__always) var isFlatData: Bool { isBigData && base & 0xffff_ffff == 0 }

  /// Whether the limit lets `byteCount` bytes at `offset` be reached.
  @inline(__always)
  func contains(_ offset: UInt64, byteCount: UInt64) -> Bool {
    let last = offset &+ byteCount &- 1
    let limit = UInt64(limit)
    if access.isExpandDown {
      return offset > limit && last <= (access.isBig ? 0xffff_ffff : 0xffff)
    }
    // A segment of 4 GiB wraps.
    return last <= limit || limit == 0xffff_ffff
  }
}
