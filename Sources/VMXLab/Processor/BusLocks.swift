// Bus locks: locked accesses that cross from one cache line into the next.
//
// Source: Intel SDM, "Bus Locking".
extension Processor {
  /// Whether code is to be decoded so that its bus locks are seen.
  @inline(__always) var detectsBusLocks: Bool {
    vmx.isNonRoot && vmx.secondary.contains(.vmmBusLockDetection)
  }

  /// Whether an access of `byteCount` bytes at `linear` touches two cache lines of 64 bytes.
  @inline(__always) static func crossesLine(_ linear: UInt64, byteCount: UInt64) -> Bool {
    linear & 63 &+ byteCount > 64
  }

  /// Notes that a system structure has been updated by a locked access.
  @inline(__always) mutating func noteLockedAccess(_ linear: UInt64, byteCount: UInt64) {
    if Self.crossesLine(linear, byteCount: byteCount) { noteBusLock() }
  }

  /// Notes that a bus lock has been asserted.
  @inline(never) mutating func noteBusLock() {
    guard detectsBusLocks else { return }
    vmx.hasBusLock = true
    attention.insert(.busLock)
  }
}
