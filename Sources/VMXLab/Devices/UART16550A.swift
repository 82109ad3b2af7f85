/// A 16550A serial port: registers, FIFOs, interrupts.
///
/// A byte that the guest sends leaves at once, so that the transmitter is always empty. A byte from
/// the host takes the time of a character at the programmed rate to arrive, and waits for room in
/// the receiver, as if the other end obeyed flow control: none is ever lost to an overrun, nor to a
/// reset of the FIFO, after which it comes again. The bits of a character are not modelled: all
/// eight pass whatever the word length, and there are no parity or framing errors and no breaks.
///
/// Source: National Semiconductor PC16550D data sheet.
final class UART16550A: PortDevice, TimedDevice {
  /// Ticks a second of the clock that the divisor divides.
  static let frequency: UInt64 = 1_843_200
  static let fifoCapacity = 16
  /// How many bytes of host input wait outside the receiver at most.
  static let queueCapacity = 4096

  /// Takes each byte that the guest sends.
  var transmit: (UInt8) -> Void
  private(set) var nextEvent = UInt64.max

  private let clock: MachineClock
  private let interrupt: InterruptLine
  private let base: UInt16

  private var interruptEnable: UInt8 = 0
  private var fifoControl: UInt8 = 0
  private var lineControl: UInt8 = 0
  private var modemControl: UInt8 = 0
  private var modemStatus = ModemStatus.hostPresent
  private var scratch: UInt8 = 0
  /// 9600 baud, as firmware leaves it.
  private var divisor: UInt16 = 12

  private var receiver: [UInt8] = []
  private var hasOverrun = false
  /// The holding register became empty, and nobody was told.
  private var transmitterEmptyPending = false
  /// Characters lay in the FIFO, below the trigger level, and nobody came for four character times.
  private var hasTimedOut = false
  /// The tick of the last arrival in, or read of, the receiver.
  private var lastReceiverUse: UInt64 = 0

  private var queue = ByteQueue()
  /// The tick at which the first byte of the queue has arrived.
  private var arrival: UInt64?

  /// A serial port at `base` and the seven ports after it: 0x3f8 and IRQ 4 for COM1.
  init(
    base: UInt16 = 0x3f8, clock: MachineClock, ports: PortSpace, interrupt: InterruptLine,
    transmit: @escaping (UInt8) -> Void
  ) {
    self.base = base & 0xfff8
    self.clock = clock
    self.interrupt = interrupt
    self.transmit = transmit
    receiver.reserveCapacity(Self.fifoCapacity)
    ports.claim(self.base...self.base | 7, for: self)
  }

  // MARK: Host side

  /// How many bytes ``receive(_:)`` takes now.
  var receiveCapacity: Int { max(0, Self.queueCapacity - queue.count) }

  /// Queues input for the guest, and answers how many bytes of it, from the first on, there was
  /// room for.
  @discardableResult
  func receive(_ bytes: some Sequence<UInt8>) -> Int {
    advance()
    var taken = 0
    for byte in bytes {
      guard queue.count < Self.queueCapacity else { break }
      queue.append(byte)
      taken += 1
    }
    update()
    return taken
  }

  // MARK: Time

  func advance() {
    let now = tick
    while let due = arrival, due <= now {
      // What had to wait for room comes in when it is made, which is not here.
      guard hasRoom, let byte = queue.popFirst() else { break }
      receiver.append(byte)
      use(at: due)
      arrival = queue.isEmpty ? nil : due.saturatingAdd(characterTime)
    }
    if let due = timeOut, due <= now { hasTimedOut = true }
    update()
  }

  private var tick: UInt64 { clock.ticks(hz: Self.frequency) }

  /// In ticks: a start bit, the data, parity if there is one, and the stop bits.
  private var characterTime: UInt64 {
    let dataBits = UInt64(lineControl & LineControl.wordLength) + 5
    let parity: UInt64 = lineControl & LineControl.parityEnable != 0 ? 1 : 0
    let stop: UInt64 = lineControl & LineControl.twoStopBits != 0 ? 2 : 1
    return UInt64(max(divisor, 1)) * 16 * (1 + dataBits + parity + stop)
  }

  private var isLooped: Bool { modemControl & ModemControl.loop != 0 }
  private var usesFIFO: Bool { fifoControl & FIFOControl.enable != 0 }
  private var hasRoom: Bool { receiver.count < (usesFIFO ? Self.fifoCapacity : 1) }

  /// The tick of the character time-out, while one lies ahead.
  private var timeOut: UInt64? {
    guard usesFIFO, !hasTimedOut, !receiver.isEmpty else { return nil }
    return lastReceiverUse.saturatingAdd(4 * characterTime)
  }

  /// The receiver was read from, or a byte came in.
  private func use(at tick: UInt64) {
    lastReceiverUse = tick
    hasTimedOut = false
  }

  /// Settles what follows from the state: the next arrival, the interrupt, the next event.
  private func update() {
    if queue.isEmpty || isLooped {
      arrival = nil
    } else if arrival == nil {
      arrival = tick.saturatingAdd(characterTime)
    }
    updateInterrupt()

    var next = UInt64.max
    if hasRoom, let arrival { next = arrival }
    if let timeOut { next = min(next, timeOut) }
    nextEvent = next == .max ? .max : clock.cycle(ofTick: next, hz: Self.frequency)
  }

  // MARK: Interrupts

  /// The sources of an interrupt; the raw value is the identification without FIFO bits. The order
  /// is the priority.
  private enum Source: UInt8, CaseIterable {
    case lineStatus = 0x06
    case dataAvailable = 0x04
    case characterTimeOut = 0x0c
    case transmitterEmpty = 0x02
    case modemStatus = 0x00
  }

  /// OUT2 lets the interrupt through to the bus of a PC.
  private func updateInterrupt() {
    let gate = modemControl & ModemControl.out2 != 0
    interrupt.set(level: gate && pendingInterrupt != nil)
  }

  private func isPending(_ source: Source) -> Bool {
    switch source {
    case .lineStatus:
      return hasOverrun && interruptEnable & InterruptEnable.lineStatus != 0
    case .dataAvailable:
      let trigger = usesFIFO ? FIFOControl.triggerLevels[Int(fifoControl >> 6)] : 1
      return receiver.count >= trigger && interruptEnable & InterruptEnable.receivedData != 0
    case .characterTimeOut:
      return hasTimedOut && interruptEnable & InterruptEnable.receivedData != 0
    case .transmitterEmpty:
      return transmitterEmptyPending && interruptEnable & InterruptEnable.transmitterEmpty != 0
    case .modemStatus:
      return modemStatus & ModemStatus.deltas != 0
        && interruptEnable & InterruptEnable.modemStatus != 0
    }
  }

  private var pendingInterrupt: Source? {
    Source.allCases.first(where: isPending)
  }

  private func readInterruptIdentification() -> UInt8 {
    let fifoBits: UInt8 = usesFIFO ? 0xc0 : 0
    guard let source = pendingInterrupt else { return fifoBits | 0x01 }
    if source == .transmitterEmpty { transmitterEmptyPending = false }
    return fifoBits | source.rawValue
  }

  // MARK: Registers

  private enum Register {
    static let data: UInt16 = 0
    static let interruptEnable: UInt16 = 1
    static let interruptIdentification: UInt16 = 2
    static let lineControl: UInt16 = 3
    static let modemControl: UInt16 = 4
    static let lineStatus: UInt16 = 5
    static let modemStatus: UInt16 = 6
  }

  private enum InterruptEnable {
    static let receivedData: UInt8 = 1 << 0
    static let transmitterEmpty: UInt8 = 1 << 1
    static let lineStatus: UInt8 = 1 << 2
    static let modemStatus: UInt8 = 1 << 3
  }

  private enum FIFOControl {
    static let enable: UInt8 = 1 << 0
    static let resetReceiver: UInt8 = 1 << 1
    static let kept: UInt8 = 0xc9
    static let triggerLevels = [1, 4, 8, 14]
  }

  private enum LineControl {
    static let wordLength: UInt8 = 3
    static let twoStopBits: UInt8 = 1 << 2
    static let parityEnable: UInt8 = 1 << 3
    static let divisorLatch: UInt8 = 1 << 7
  }

  private enum ModemControl {
    static let dtr: UInt8 = 1 << 0
    static let rts: UInt8 = 1 << 1
    static let out1: UInt8 = 1 << 2
    static let out2: UInt8 = 1 << 3
    static let loop: UInt8 = 1 << 4
    static let writable: UInt8 = 0x1f
  }

  private enum LineStatus {
    static let dataReady: UInt8 = 1 << 0
    static let overrun: UInt8 = 1 << 1
    static let transmitterEmpty: UInt8 = 3 << 5
  }

  private enum ModemStatus {
    static let deltas: UInt8 = 0x0f
    static let trailingEdgeRI: UInt8 = 1 << 2
    static let cts: UInt8 = 1 << 4
    static let dsr: UInt8 = 1 << 5
    static let ri: UInt8 = 1 << 6
    static let dcd: UInt8 = 1 << 7
    /// The host is always there and ready.
    static let hostPresent = cts | dsr | dcd
  }

  private var showsDivisor: Bool { lineControl & LineControl.divisorLatch != 0 }

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    advance()
    let value = read(port & 7)
    update()
    return UInt32(value)
  }

  private func read(_ register: UInt16) -> UInt8 {
    switch register {
    case Register.data:
      return showsDivisor ? UInt8(truncatingIfNeeded: divisor) : readReceiver()
    case Register.interruptEnable:
      return showsDivisor ? UInt8(truncatingIfNeeded: divisor >> 8) : interruptEnable
    case Register.interruptIdentification:
      return readInterruptIdentification()
    case Register.lineControl: return lineControl
    case Register.modemControl: return modemControl
    case Register.lineStatus:
      var status = LineStatus.transmitterEmpty
      if !receiver.isEmpty { status |= LineStatus.dataReady }
      if hasOverrun { status |= LineStatus.overrun }
      hasOverrun = false
      return status
    case Register.modemStatus:
      defer { modemStatus &= ~ModemStatus.deltas }
      return modemStatus
    default: return scratch
    }
  }

  private func readReceiver() -> UInt8 {
    guard !receiver.isEmpty else { return 0 }
    let wasFull = !hasRoom
    let byte = receiver.removeFirst()
    let now = tick
    use(at: now)
    // A byte that waited for this room takes its time from now on.
    if wasFull, let due = arrival, due <= now { arrival = now.saturatingAdd(characterTime) }
    return byte
  }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    advance()
    write(port & 7, UInt8(truncatingIfNeeded: value))
    update()
  }

  private func write(_ register: UInt16, _ value: UInt8) {
    switch register {
    case Register.data:
      if showsDivisor {
        divisor = divisor & 0xff00 | UInt16(value)
      } else {
        send(value)
      }
    case Register.interruptEnable:
      if showsDivisor {
        divisor = divisor & 0x00ff | UInt16(value) << 8
      } else {
        let enabled = value & ~interruptEnable
        interruptEnable = value & 0x0f
        // The holding register is empty already, which is news to whoever asks only now.
        if enabled & InterruptEnable.transmitterEmpty != 0 { transmitterEmptyPending = true }
      }
    case Register.interruptIdentification: writeFIFOControl(value)
    case Register.lineControl: lineControl = value
    case Register.modemControl:
      modemControl = value & ModemControl.writable
      updateModemStatus()
    case Register.lineStatus, Register.modemStatus: break  // read only
    default: scratch = value
    }
  }

  private func send(_ byte: UInt8) {
    // The register fills and empties: the interrupt falls, and rises again.
    transmitterEmptyPending = false
    updateInterrupt()
    transmitterEmptyPending = true
    guard isLooped else { return transmit(byte) }
    if hasRoom {
      receiver.append(byte)
      use(at: tick)
    } else {
      hasOverrun = true
      // Without the FIFO the new character takes the old one's place; with it, the new one is lost.
      if !usesFIFO { receiver = [byte] }
    }
  }

  private func writeFIFOControl(_ value: UInt8) {
    let changesMode = (value ^ fifoControl) & FIFOControl.enable != 0
    let enables = value & FIFOControl.enable != 0
    if changesMode || (enables && value & FIFOControl.resetReceiver != 0) {
      // Host input goes back to the queue; in loopback it was the guest's own.
      if !isLooped { queue.prepend(receiver) }
      receiver.removeAll(keepingCapacity: true)
      hasTimedOut = false
      arrival = nil
    }
    fifoControl = enables ? value & FIFOControl.kept : 0
  }

  /// In loopback the modem's inputs are the port's own outputs.
  private func updateModemStatus() {
    var inputs = ModemStatus.hostPresent
    if isLooped {
      inputs = 0
      if modemControl & ModemControl.rts != 0 { inputs |= ModemStatus.cts }
      if modemControl & ModemControl.dtr != 0 { inputs |= ModemStatus.dsr }
      if modemControl & ModemControl.out1 != 0 { inputs |= ModemStatus.ri }
      if modemControl & ModemControl.out2 != 0 { inputs |= ModemStatus.dcd }
    }
    let before = modemStatus & ~ModemStatus.deltas
    var deltas = (before ^ inputs) >> 4
    // Of the ring indicator only the end counts.
    if before & ModemStatus.ri == 0 { deltas &= ~ModemStatus.trailingEdgeRI }
    modemStatus = inputs | modemStatus & ModemStatus.deltas | deltas
  }
}

extension UInt64 {
  fileprivate func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
