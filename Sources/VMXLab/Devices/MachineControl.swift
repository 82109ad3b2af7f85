/// What a device asks of the machine as a whole.
enum MachineRequest: Equatable, Sendable {
  /// The guest switched the machine off.
  case powerOff
  /// The guest wrote this value to the debug-exit port.
  case debugExit(UInt32)
  /// The guest asked for a reset of the processors.
  case reset
}

/// Collects what devices ask of the machine, and holds the state that several of them share.
final class MachineControl {
  /// The first request that was made and not yet taken.
  private(set) var request: MachineRequest?
  /// Whether address line 20 passes to memory. Whoever sets it last decides.
  private(set) var a20Enabled: Bool
  /// Called with each new value of ``a20Enabled``.
  var a20Changed: ((Bool) -> Void)?

  init(a20Enabled: Bool = true) {
    self.a20Enabled = a20Enabled
  }

  /// Asks for `request`, unless something was asked for before.
  func ask(for request: MachineRequest) {
    if self.request == nil { self.request = request }
  }

  /// Hands over the request, so that the next one can be made.
  func takeRequest() -> MachineRequest? {
    defer { request = nil }
    return request
  }

  func setA20(_ enabled: Bool) {
    guard enabled != a20Enabled else { return }
    a20Enabled = enabled
    a20Changed?(enabled)
  }
}
