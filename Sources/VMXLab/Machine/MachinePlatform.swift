/// The processor's surroundings in a machine: its devices and memory-mapped regions.
///
/// After each access it brings the interrupt line, the deadline and the requests to stop up to date,
/// because any of them may have moved.
final class MachinePlatform: Platform {
  let clock: MachineClock
  let ports = PortSpace()
  let control = MachineControl()
  let pic: DualPIC
  let interruptBus = InterruptBus()
  let localAPIC: LocalAPIC
  let ioAPIC: IOAPIC
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
    profile: CPUProfile, memory: PhysicalMemory, signals: UnsafeMutablePointer<PlatformSignals>,
    rtcStart: Int64
  ) {
    clock = MachineClock(frequency: profile.frequency)
    self.memory = memory
    self.signals = signals
    pic = DualPIC(ports: ports)
    localAPIC = LocalAPIC(
      features: profile.localAPICFeatures, identifier: 0, clock: clock, bus: interruptBus,
      signals: signals)
    ioAPIC = IOAPIC(bus: interruptBus)
    memory.addDevice(ioAPIC, at: IOAPIC.range)
    let interrupts = ISAInterrupts(pic: pic, ioAPIC: ioAPIC)
    timer = PIT8254(clock: clock, ports: ports, interrupt: InterruptLine(to: interrupts, number: 0))
    realTimeClock = RealTimeClock(
      clock: clock, ports: ports, interrupt: InterruptLine(to: interrupts, number: 8),
      startSeconds: rtcStart)
    serialPort = UART16550A(
      clock: clock, ports: ports, interrupt: InterruptLine(to: interrupts, number: 4)
    ) { _ in }
    debugConsole = DebugConsole(ports: ports) { _ in }
    numericErrorPort = NumericErrorPort(
      ports: ports, interrupt: InterruptLine(to: interrupts, number: 13))
    super.init()
    others = [
      DebugExitPort(ports: ports, control: control),
      BochsShutdownPort(ports: ports, control: control),
      SystemControlPortA(ports: ports, control: control),
      SystemControlPortB(ports: ports, timer: timer),
      KeyboardController(
        ports: ports, control: control,
        keyboardInterrupt: InterruptLine(to: interrupts, number: 1),
        auxiliaryInterrupt: InterruptLine(to: interrupts, number: 12)),
      ResetControl(ports: ports, control: control),
    ]
    timedDevices = [timer, realTimeClock, serialPort, localAPIC]
    let high = memory.byteCount > PhysicalMemory.lowRAMLimit
    realTimeClock.setMemorySize(
      below4GiB: min(memory.byteCount, PhysicalMemory.lowRAMLimit),
      above4GiB: high ? memory.byteCount - PhysicalMemory.lowRAMLimit : 0)
    FirmwareSetup.apply(to: ports)
    FirmwareSetup.apply(to: localAPIC)
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
    if interruptIsRequested || localAPIC.timerCanInterrupt { return true }
    if timer.nextEvent != .max, letsThrough(0) { return true }
    if realTimeClock.nextEvent != .max, letsThrough(8) { return true }
    return letsThrough(4) && (serialPort.nextEvent != .max || inputIsOpen)
  }

  /// Whether an NMI can come without the processor's doing: a timer whose line ends in one.
  var canRaiseNMI: Bool {
    timer.nextEvent != .max && raisesNMI(0) || realTimeClock.nextEvent != .max && raisesNMI(8)
  }

  private func raisesNMI(_ number: Int) -> Bool {
    localAPIC.raisesNMI(.lint0) && !pic.output && pic.letsThrough(number)
      || ioAPIC.sendsNMI(ISAInterrupts.input(ofIRQ: number))
  }

  /// Whether a request of an ISA device would reach the processor, as far as the masks go.
  private func letsThrough(_ number: Int) -> Bool {
    localAPIC.passesExternalInterrupts && pic.letsThrough(number)
      || ioAPIC.letsThrough(ISAInterrupts.input(ofIRQ: number))
  }

  private var interruptIsRequested: Bool {
    localAPIC.hasInterrupt || pic.output && localAPIC.passesExternalInterrupts
  }

  func updateSignals() {
    localAPIC.setPin(.lint0, level: pic.output)
    if interruptIsRequested {
      signals.pointee.requests.insert(.interrupt)
    } else {
      signals.pointee.requests.remove(.interrupt)
    }
    if control.request != nil { signals.pointee.requests.insert(.stop) }
    signals.pointee.ignoresNumericErrors = numericErrorPort.isIgnored
    signals.pointee.deadline = min(nextEvent, sliceEnd, signals.pointee.processorDeadline)
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
    if physical & ~0xfff == localAPIC.page {
      clock.now = cycles
      defer { updateSignals() }
      return localAPIC.readMemory(offset: physical & 0xfff, size: size)
    }
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
    if physical & ~0xfff == localAPIC.page {
      clock.now = cycles
      localAPIC.writeMemory(offset: physical & 0xfff, size: size, value: value)
      return updateSignals()
    }
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
    return localAPIC.hasInterrupt || !localAPIC.passesExternalInterrupts
      ? localAPIC.acknowledge() : pic.acknowledge()
  }

  override func setAPICBase(_ value: UInt64, cycles: UInt64) {
    clock.now = cycles
    localAPIC.setBase(value)
    updateSignals()
  }

  override func initializeAPIC(cycles: UInt64) {
    clock.now = cycles
    localAPIC.initialize()
    updateSignals()
  }

  override func readAPIC(_ index: UInt32, cycles: UInt64) -> UInt64? {
    clock.now = cycles
    defer { updateSignals() }
    return localAPIC.readModelSpecific(index)
  }

  override func writeAPIC(_ index: UInt32, _ value: UInt64, cycles: UInt64) -> Bool {
    clock.now = cycles
    defer { updateSignals() }
    return localAPIC.writeModelSpecific(index, value)
  }

  override func setTSCOffset(_ value: UInt64, cycles: UInt64) {
    clock.now = cycles
    localAPIC.setTSCOffset(value)
    updateSignals()
  }

  override var taskPriority: UInt8 { localAPIC.taskPriority }

  override func setTaskPriority(_ value: UInt8, cycles: UInt64) {
    clock.now = cycles
    localAPIC.setTaskPriority(value)
    updateSignals()
  }

  override func endInterrupt(cycles: UInt64) {
    clock.now = cycles
    localAPIC.endInterrupt()
    updateSignals()
  }

  override func raisePerformanceInterrupt(cycles: UInt64) {
    clock.now = cycles
    localAPIC.raisePerformanceInterrupt()
    updateSignals()
  }

  override func sendInterrupt(_ vector: UInt8, to destination: UInt32, cycles: UInt64) {
    clock.now = cycles
    localAPIC.send(vector: vector, to: destination)
    updateSignals()
  }
}
