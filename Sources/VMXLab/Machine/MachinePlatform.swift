/// The processor's surroundings in a machine: its devices and memory-mapped regions.
///
/// After each access it brings the interrupt line, the deadline and the requests to stop up to date,
/// because any of them may have moved.
final class MachinePlatform: Platform {
  let clock: MachineClock
  let ports = PortSpace()
  let control = MachineControl()
  let pic: DualPIC
  let timer: PIT8254
  let realTimeClock: RealTimeClock
  let serialPort: UART16550A
  let debugConsole: DebugConsole
  private let numericErrorPort: NumericErrorPort
  private let memory: PhysicalMemory
  private let signals: UnsafeMutablePointer<PlatformSignals>
  /// Devices that nothing else holds.
  private var others: [any PortDevice] = []
  private var timedDevices: [any TimedDevice] = []

  init(
    frequency: UInt64, memory: PhysicalMemory, signals: UnsafeMutablePointer<PlatformSignals>,
    rtcStart: Int64
  ) {
    clock = MachineClock(frequency: frequency)
    self.memory = memory
    self.signals = signals
    pic = DualPIC(ports: ports)
    timer = PIT8254(clock: clock, ports: ports, interrupt: InterruptLine(to: pic, number: 0))
    realTimeClock = RealTimeClock(
      clock: clock, ports: ports, interrupt: InterruptLine(to: pic, number: 8),
      startSeconds: rtcStart)
    serialPort = UART16550A(
      clock: clock, ports: ports, interrupt: InterruptLine(to: pic, number: 4)
    ) { _ in }
    debugConsole = DebugConsole(ports: ports) { _ in }
    numericErrorPort = NumericErrorPort(
      ports: ports, interrupt: InterruptLine(to: pic, number: 13))
    super.init()
    others = [
      DebugExitPort(ports: ports, control: control),
      BochsShutdownPort(ports: ports, control: control),
      SystemControlPortA(ports: ports, control: control),
      SystemControlPortB(ports: ports, timer: timer),
      KeyboardController(
        ports: ports, control: control, keyboardInterrupt: InterruptLine(to: pic, number: 1),
        auxiliaryInterrupt: InterruptLine(to: pic, number: 12)),
      ResetControl(ports: ports, control: control),
    ]
    timedDevices = [timer, realTimeClock, serialPort]
    let high = memory.byteCount > PhysicalMemory.lowRAMLimit
    realTimeClock.setMemorySize(
      below4GiB: min(memory.byteCount, PhysicalMemory.lowRAMLimit),
      above4GiB: high ? memory.byteCount - PhysicalMemory.lowRAMLimit : 0)
    FirmwareSetup.apply(to: ports)
    updateSignals()
  }

  /// Lets every device catch up with `cycles`.
  func advance(to cycles: UInt64) {
    clock.now = cycles
    for device in timedDevices where device.nextEvent <= cycles { device.advance() }
    updateSignals()
  }

  /// The cycle of the next thing that a device does of its own accord; `.max` if there is none.
  var nextEvent: UInt64 {
    var next = UInt64.max
    for device in timedDevices { next = min(next, device.nextEvent) }
    return next
  }

  /// Whether an interrupt can come without the processor's doing: a timer that is let through.
  func canInterrupt(inputIsOpen: Bool) -> Bool {
    if pic.output { return true }
    if timer.nextEvent != .max, pic.letsThrough(0) { return true }
    if realTimeClock.nextEvent != .max, pic.letsThrough(8) { return true }
    return pic.letsThrough(4) && (serialPort.nextEvent != .max || inputIsOpen)
  }

  func updateSignals() {
    if pic.output {
      signals.pointee.requests.insert(.interrupt)
    } else {
      signals.pointee.requests.remove(.interrupt)
    }
    if control.request != nil { signals.pointee.requests.insert(.stop) }
    signals.pointee.ignoresNumericErrors = numericErrorPort.isIgnored
    signals.pointee.deadline = min(nextEvent, sliceEnd)
  }

  /// The cycle at which the machine wants the processor back whatever the devices do.
  var sliceEnd: UInt64 = .max

  // MARK: Platform

  override func readPort(_ port: UInt16, size: Int, cycles: UInt64) -> UInt32 {
    clock.now = cycles
    defer { updateSignals() }
    return ports.read(port, size: size)
  }

  override func writePort(_ port: UInt16, size: Int, value: UInt32, cycles: UInt64) {
    clock.now = cycles
    ports.write(port, size: size, value: value)
    updateSignals()
  }

  override func readMemory(_ physical: UInt64, size: Int, cycles: UInt64) -> UInt64 {
    guard let region = memory.region(containing: physical) else {
      return super.readMemory(physical, size: size, cycles: cycles)
    }
    switch region.backing {
    case .rom(let rom):
      var value: UInt64 = 0
      let start = Int(physical - region.range.lowerBound)
      for byte in 0..<min(size, rom.byteCount - start) {
        value |=
          UInt64(rom.base.load(fromByteOffset: start + byte, as: UInt8.self)) << UInt64(byte * 8)
      }
      return value
    case .device(let device):
      clock.now = cycles
      defer { updateSignals() }
      return device.readMemory(offset: physical - region.range.lowerBound, size: size)
    }
  }

  override func writeMemory(_ physical: UInt64, size: Int, value: UInt64, cycles: UInt64) {
    guard let region = memory.region(containing: physical),
      case .device(let device) = region.backing
    else { return }
    clock.now = cycles
    device.writeMemory(offset: physical - region.range.lowerBound, size: size, value: value)
    updateSignals()
  }

  override func setNumericError(_ isAsserted: Bool, cycles: UInt64) {
    clock.now = cycles
    numericErrorPort.isErrorAsserted = isAsserted
    updateSignals()
  }

  override func acknowledgeInterrupt(cycles: UInt64) -> UInt8 {
    clock.now = cycles
    defer { updateSignals() }
    return pic.acknowledge()
  }
}
