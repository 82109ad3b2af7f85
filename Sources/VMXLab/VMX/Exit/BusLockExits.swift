// "VMM bus-lock detection".
extension Processor {
  /// At an instruction boundary, before INIT signals and all that comes after them: the VM exit of a bus
  /// lock.
  ///
  /// Source: Intel SDM, "Other Causes of VM Exits", bus locks.
  mutating func interceptBusLock() -> Bool {
    guard vmx.hasBusLock else { return false }
    recordEventExit(.busLock)
    return true
  }

  /// Whether a bus lock was asserted before the VM exit that happens now; once.
  mutating func takeBusLock() -> Bool {
    attention.remove(.busLock)
    defer { vmx.hasBusLock = false }
    return vmx.hasBusLock
  }
}
