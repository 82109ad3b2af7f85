// Sending and being addressed: the interrupt command register, and destinations.
//
// Source: Intel SDM, "Issuing Interprocessor Interrupts" and "x2APIC Mode: ICR Operation".
extension LocalAPIC {
  /// Carries out a write of the interrupt command register.
  ///
  /// - Parameter isRegister: the register keeps the value.
  func send(_ command: UInt64, isRegister: Bool = true) {
    let low = UInt32(truncatingIfNeeded: command)
    // Delivery is at once, so that its status is always idle.
    if isRegister { interruptCommand = command & ~UInt64(InterruptCommand.deliveryStatus) }
    let isExtended = mode == .x2APIC
    let message = InterruptMessage(
      deliveryMode: APICDeliveryMode(field: low), vector: UInt8(truncatingIfNeeded: low),
      destination: UInt32(truncatingIfNeeded: isExtended ? command >> 32 : command >> 56),
      isLogical: low & InterruptCommand.logicalDestination != 0, isExtended: isExtended)
    switch message.deliveryMode {
    case .fixed, .lowestPriority:
      // What one sends to oneself is received without having been sent.
      let isOwn = InterruptCommand.Shorthand(low) == .oneself
      guard message.vector >= 16 else {
        return reportError(
          isOwn ? ErrorStatus.receiveIllegalVector : ErrorStatus.sendIllegalVector)
      }
    case .initialize:
      // INIT level de-assert concerned arbitration IDs alone.
      let isLevel = low & InterruptCommand.levelTriggered != 0
      guard !isLevel || low & InterruptCommand.levelAssert != 0 else { return }
    case .nmi, .startUp: break
    case .systemManagement, .external, .reserved: return
    }
    switch InterruptCommand.Shorthand(low) {
    case .none: bus.send(message)
    case .oneself:
      // Nothing else can be sent to oneself.
      if message.deliveryMode == .fixed { accept(message) }
    case .allIncludingSelf:
      guard message.deliveryMode == .fixed else { return }
      bus.send(message, toAllExcept: self)
      accept(message)
    case .allExcludingSelf: bus.send(message, toAllExcept: self)
    }
  }

  /// Sends a fixed interrupt to the physical destination that a posted-interrupt descriptor names: the
  /// x2APIC ID in x2APIC mode, else an xAPIC ID in bits 15:8.
  ///
  /// Source: Intel SDM, "IPI Virtualization".
  func send(vector: UInt8, to destination: UInt32) {
    guard mode != .disabled else { return }
    let field = mode == .x2APIC ? UInt64(destination) << 32 : UInt64(destination >> 8 & 0xff) << 56
    send(field | UInt64(vector))
  }

  /// Whether the destination of a message includes this local APIC.
  ///
  /// Source: Intel SDM, "Determining IPI Destination".
  func isAddressed(by message: InterruptMessage) -> Bool {
    guard mode != .disabled else { return false }
    if message.isBroadcast { return true }
    let destination = message.destination
    guard message.isLogical else {
      return destination == (mode == .x2APIC ? initialIdentifier : UInt32(identifier))
    }
    if mode == .x2APIC {
      return destination >> 16 == logicalDestination >> 16
        && destination & logicalDestination & 0xffff != 0
    }
    let own = logicalDestination >> 24
    if destinationFormat >> 28 == 0xf { return destination & own & 0xff != 0 }
    // Cluster model: bits 7:4 name the cluster, 15 being all.
    let isCluster = destination >> 4 & 0xf == own >> 4 || destination >> 4 & 0xf == 0xf
    return isCluster && destination & own & 0xf != 0
  }
}
