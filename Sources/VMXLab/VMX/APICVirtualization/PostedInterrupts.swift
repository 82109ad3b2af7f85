// Posted interrupts, and the virtualization of interprocessor interrupts that posts them.
//
// Source: Intel SDM, "Posted-Interrupt Processing" and "IPI Virtualization".

/// The 64 bytes through which virtual interrupts are posted to a guest.
///
/// Source: Intel SDM, "Format of Posted-Interrupt Descriptor"; for what a notification needs, "IPI
/// Virtualization".
private enum PostedInterruptDescriptor {
  /// Offset of the 64 bits that hold the outstanding-notification bit.
  static let notification: UInt64 = 32
  static let outstanding: UInt64 = 1 << 0
  static let suppressed: UInt64 = 1 << 1
}

extension Processor {
  /// Takes an external interrupt under "process posted interrupts", if its vector is that of
  /// notifications; it has been acknowledged.
  mutating func processPostedInterrupts(_ vector: UInt8) -> Bool {
    guard vmx.pin.contains(.processPostedInterrupts),
      vector == UInt8(truncatingIfNeeded: vmx.vmcs.postedInterruptNotificationVector)
    else { return false }
    let descriptor = vmx.vmcs.postedInterruptDescriptorAddress
    let notification = descriptor &+ PostedInterruptDescriptor.notification
    let word = load(notification, byteCount: 8)
    store(notification, word & ~PostedInterruptDescriptor.outstanding, byteCount: 8)
    platform.endInterrupt(cycles: cycles)
    var index: UInt64 = 0
    while index < 8 {
      let address = descriptor &+ index &* 4
      let requests = UInt32(truncatingIfNeeded: load(address, byteCount: 4))
      if requests != 0 {
        store(address, 0, byteCount: 4)
        requestVirtualInterrupts(word: UInt32(truncatingIfNeeded: index), requests)
      }
      index &+= 1
    }
    evaluateVirtualInterrupts()
    return true
  }

  /// Carries out a write of the virtual ICR, if it asks for no more than a fixed, edge-triggered
  /// interrupt to oneself or, with "IPI virtualization", to one virtual processor.
  mutating func virtualizeInterruptCommand(_ low: UInt32, destination: UInt32) -> Bool {
    let vector = UInt8(truncatingIfNeeded: low)
    let refused =
      InterruptCommand.reserved | InterruptCommand.deliveryStatus
      | InterruptCommand.levelTriggered | 0x700
    guard low & refused == 0, vector >= 16 else { return false }
    switch InterruptCommand.Shorthand(low) {
    case .oneself where deliversVirtualInterrupts:
      virtualizeSelfIPI(vector)
      return true
    case .none
    where vmx.tertiary.contains(.ipiVirtualization)
      && low & InterruptCommand.logicalDestination == 0:
      return postInterrupt(vector, to: destination)
    default: return false
    }
  }

  /// Posts a virtual interrupt to the virtual processor with this APIC ID; false if software has to.
  private mutating func postInterrupt(_ vector: UInt8, to identifier: UInt32) -> Bool {
    guard identifier <= UInt32(vmx.vmcs.lastPIDPointerIndex) else { return false }
    let entry = load(
      vmx.vmcs.pidPointerTableAddress &+ UInt64(identifier) &* 8, byteCount: 8)
    // Valid, and no reserved bits.
    guard entry & 0x3f == 1, entry & model.capabilities.physicalAddressReserved == 0 else {
      return false
    }
    let descriptor = entry & ~0x3f
    let request = descriptor &+ UInt64(vector >> 6) &* 8
    store(request, load(request, byteCount: 8) | 1 << UInt64(vector & 63), byteCount: 8)
    let notification = descriptor &+ PostedInterruptDescriptor.notification
    let word = load(notification, byteCount: 8)
    let silent = PostedInterruptDescriptor.outstanding | PostedInterruptDescriptor.suppressed
    guard word & silent == 0 else { return true }
    store(notification, word | PostedInterruptDescriptor.outstanding, byteCount: 8)
    platform.sendInterrupt(
      UInt8(truncatingIfNeeded: word >> 16), to: UInt32(truncatingIfNeeded: word >> 32),
      cycles: cycles)
    return true
  }
}
