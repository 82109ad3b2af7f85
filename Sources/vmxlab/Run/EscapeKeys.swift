/// The keys that mean something to the emulator when the guest's serial port is a terminal: Ctrl-A and
/// one more.
struct EscapeKeys {
  enum Action: Equatable {
    /// The byte is for the guest.
    case send(UInt8)
    /// The byte was the first key of two.
    case wait
    /// The user wants to end the run.
    case end
    /// The user wants to know the keys.
    case help
    /// The first Ctrl-C: the user may expect it to end the run, but the guest gets it.
    case sendInterrupt
  }

  static let help = """
    Ctrl-A x       end the run
    Ctrl-A Ctrl-A  send Ctrl-A to the guest
    Ctrl-A h       show these keys
    """

  private static let controlA: UInt8 = 0x01
  private static let controlC: UInt8 = 0x03
  private var isEscaped = false
  private var hasSeenInterrupt = false

  /// What the next key means.
  mutating func action(for byte: UInt8) -> Action {
    guard isEscaped else {
      isEscaped = byte == Self.controlA
      if isEscaped { return .wait }
      guard byte == Self.controlC, !hasSeenInterrupt else { return .send(byte) }
      hasSeenInterrupt = true
      return .sendInterrupt
    }
    isEscaped = false
    switch byte {
    case UInt8(ascii: "x"), UInt8(ascii: "X"): return .end
    case UInt8(ascii: "h"), UInt8(ascii: "H"), UInt8(ascii: "?"): return .help
    // As in QEMU: Ctrl-A and a key without meaning are a Ctrl-A for nobody and the key.
    default: return .send(byte)
    }
  }
}
