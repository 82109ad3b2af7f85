/// The I/O APIC of a PC: 24 inputs, each with a redirection entry that says which message it sends.
///
/// The polarity of inputs is ignored: a line that is driven is active.
///
/// Source: Intel 82093AA data sheet; Intel I/O Controller Hub 9 data sheet, "APIC Register Map", for
/// version 20H with its EOI register.
final class IOAPIC: MemoryMappedDevice, InterruptSink {
  static let inputCount = 24
  /// Where a PC has it.
  static let range: Range<UInt64> = 0xfec0_0000..<0xfec0_1000

  /// Offsets of the directly mapped registers.
  private enum Offset {
    static let select: UInt64 = 0x00
    static let window: UInt64 = 0x10
    static let endOfInterrupt: UInt64 = 0x40
  }

  /// Indexes of the registers behind the window.
  private enum Index {
    static let identifier: UInt8 = 0
    static let version: UInt8 = 1
    static let arbitration: UInt8 = 2
    static let redirection: UInt8 = 0x10
  }

  /// Bits of a redirection entry.
  private enum Redirection {
    static let logicalDestination: UInt64 = 1 << 11
    static let remoteIRR: UInt64 = 1 << 14
    static let levelTriggered: UInt64 = 1 << 15
    static let masked: UInt64 = 1 << 16
    /// All but delivery status and remote IRR.
    static let writable: UInt64 = 0xff00_0000_0001_afff
  }

  private static let version: UInt32 = UInt32(inputCount - 1) << 16 | 0x20

  private let bus: InterruptBus
  private var identifier: UInt32 = 0
  private var selected: UInt8 = 0
  private var entries = [UInt64](repeating: Redirection.masked, count: inputCount)
  /// Levels of the inputs.
  private var inputs: UInt32 = 0

  init(bus: InterruptBus) {
    self.bus = bus
    bus.endOfInterrupt = { [unowned self] vector in endInterrupt(vector) }
  }

  /// Whether a request at `input` would be sent, as far as the mask goes.
  func letsThrough(_ input: Int) -> Bool { entries[input] & Redirection.masked == 0 }

  /// Whether a request at `input` would be sent as an NMI.
  func sendsNMI(_ input: Int) -> Bool {
    letsThrough(input)
      && APICDeliveryMode(field: UInt32(truncatingIfNeeded: entries[input])) == .nmi
  }

  // MARK: Inputs

  func setInterrupt(_ number: Int, level: Bool) {
    guard entries.indices.contains(number) else { return }
    let bit = UInt32(1) << UInt32(number)
    let wasActive = inputs & bit != 0
    if level { inputs |= bit } else { inputs &= ~bit }
    guard level, !wasActive else { return }
    // An edge at a masked input is lost.
    if isLevelTriggered(number) {
      sendLevel(number)
    } else if letsThrough(number) {
      send(number)
    }
  }

  private func isLevelTriggered(_ number: Int) -> Bool {
    entries[number] & Redirection.levelTriggered != 0
  }

  private func send(_ number: Int) {
    let entry = entries[number]
    bus.send(
      InterruptMessage(
        deliveryMode: APICDeliveryMode(field: UInt32(truncatingIfNeeded: entry)),
        vector: UInt8(truncatingIfNeeded: entry), isLevelTriggered: isLevelTriggered(number),
        destination: UInt32(truncatingIfNeeded: entry >> 56),
        isLogical: entry & Redirection.logicalDestination != 0))
  }

  /// Sends a level-triggered interrupt whose input is active, unless the last one has not ended.
  private func sendLevel(_ number: Int) {
    guard inputs >> UInt32(number) & 1 != 0, letsThrough(number),
      entries[number] & Redirection.remoteIRR == 0
    else { return }
    entries[number] |= Redirection.remoteIRR
    send(number)
  }

  /// A local APIC, or the EOI register, ends the interrupts with `vector`.
  private func endInterrupt(_ vector: UInt8) {
    for number in entries.indices
    where UInt8(truncatingIfNeeded: entries[number]) == vector && isLevelTriggered(number) {
      entries[number] &= ~Redirection.remoteIRR
      sendLevel(number)
    }
  }

  // MARK: Registers

  func readMemory(offset: UInt64, size: Int) -> UInt64 {
    switch offset {
    case Offset.select: UInt64(selected)
    case Offset.window: UInt64(readSelected())
    default: 0
    }
  }

  func writeMemory(offset: UInt64, size: Int, value: UInt64) {
    let word = UInt32(truncatingIfNeeded: value)
    switch offset {
    case Offset.select: selected = UInt8(truncatingIfNeeded: value)
    case Offset.window: writeSelected(word)
    case Offset.endOfInterrupt: endInterrupt(UInt8(truncatingIfNeeded: value))
    default: break
    }
  }

  /// The entry that the selected register belongs to, and the shift of its half.
  private var selectedEntry: (number: Int, shift: UInt64)? {
    let index = Int(selected) - Int(Index.redirection)
    guard index >= 0, index < Self.inputCount * 2 else { return nil }
    return (index / 2, index & 1 == 0 ? 0 : 32)
  }

  private func readSelected() -> UInt32 {
    switch selected {
    case Index.identifier, Index.arbitration: return identifier
    case Index.version: return Self.version
    default:
      guard let (number, shift) = selectedEntry else { return 0 }
      return UInt32(truncatingIfNeeded: entries[number] >> shift)
    }
  }

  private func writeSelected(_ value: UInt32) {
    if selected == Index.identifier { identifier = value & 0x0f00_0000 }
    guard let (number, shift) = selectedEntry else { return }
    let writable = Redirection.writable & 0xffff_ffff << shift
    entries[number] = entries[number] & ~writable | UInt64(value) << shift & writable
    // An edge-triggered entry has no remote IRR.
    if !isLevelTriggered(number) { entries[number] &= ~Redirection.remoteIRR }
    if isLevelTriggered(number) { sendLevel(number) }
  }
}
