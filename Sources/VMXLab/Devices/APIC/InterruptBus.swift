/// An interrupt message, as it goes from a local APIC or an I/O APIC to local APICs.
///
/// Source: Intel SDM, "Interrupt Command Register (ICR)" and "Determining IPI Destination".
struct InterruptMessage: Equatable, Sendable {
  var deliveryMode: APICDeliveryMode
  var vector: UInt8
  var isLevelTriggered = false
  /// An APIC ID, or a logical destination.
  var destination: UInt32 = 0
  var isLogical = false
  /// The sender's destinations have 32 bits (x2APIC), not 8.
  var isExtended = false

  /// Every local APIC.
  var isBroadcast: Bool { destination == (isExtended ? .max : 0xff) }
}

/// What carries interrupt messages between APICs.
///
/// Source: Intel SDM, "Handling Interrupts" and "Lowest Priority Delivery Mode".
final class InterruptBus {
  private var localAPICs: [LocalAPIC] = []
  /// Told when a local APIC ends a level-triggered interrupt.
  var endOfInterrupt: ((_ vector: UInt8) -> Void)?

  func connect(_ localAPIC: LocalAPIC) { localAPICs.append(localAPIC) }

  /// Carries a message to the local APICs that its destination names.
  func send(_ message: InterruptMessage) {
    guard message.deliveryMode == .lowestPriority else {
      for localAPIC in localAPICs where localAPIC.isAddressed(by: message) {
        localAPIC.accept(message)
      }
      return
    }
    var chosen: LocalAPIC?
    for localAPIC in localAPICs where localAPIC.isAddressed(by: message) {
      guard let other = chosen, other.processorPriority <= localAPIC.processorPriority else {
        chosen = localAPIC
        continue
      }
    }
    chosen?.accept(message)
  }

  /// Carries a message to every local APIC but the sender's.
  func send(_ message: InterruptMessage, toAllExcept sender: LocalAPIC) {
    for localAPIC in localAPICs where localAPIC !== sender { localAPIC.accept(message) }
  }
}
