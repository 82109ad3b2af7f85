/// A computer with one processor, memory and a PC's devices, whose only clock is the cycle counter.
///
/// The same machine with the same image and the same input does the same at the same cycle, always.
///
/// ```swift
/// let machine = try Machine(MachineConfiguration(profile: .named("skylake-server")))
/// try machine.boot(BootImage(bytes: bytes, name: "hello.elf"))
/// machine.onSerialOutput { print(UnicodeScalar($0), terminator: "") }
/// let stop = machine.run()
/// ```
public final class Machine {
  public let configuration: MachineConfiguration
  public let memory: PhysicalMemory
  let platform: MachinePlatform
  let processor: ProcessorStorage
  private let builder: BlockBuilder
  private let cache: BlockCache
  private let decoder: InstructionDecoder
  /// Whether more serial input can come, so that waiting for it makes sense.
  public var serialInputIsOpen = false
  /// Told of what the VMX unit does, if there is one; the machine keeps it.
  public var vmxObserver: VMXObserver? {
    didSet {
      vmxObserver?.profileName = configuration.profile.name
      processor.state.vmx.observer = vmxObserver.map(VMXObserverReference.init)
    }
  }

  /// Puts a machine together and resets it.
  ///
  /// - Throws: ``MachineError`` if the memory size is out of range or the host has no room.
  public init(_ configuration: MachineConfiguration) throws(MachineError) {
    let size = configuration.memoryByteCount
    guard (MachineConfiguration.minimumMemory...MachineConfiguration.maximumMemory).contains(size)
    else { throw .memorySize(size) }
    guard let memory = PhysicalMemory(byteCount: size) else { throw .hostMemory(size) }
    guard let decoder = InstructionDecoder() else { throw .decoder }
    self.configuration = configuration
    self.memory = memory
    self.decoder = decoder
    let signals = UnsafeMutablePointer<PlatformSignals>.allocate(capacity: 1)
    signals.initialize(to: PlatformSignals())
    platform = MachinePlatform(
      profile: configuration.profile, memory: memory, signals: signals,
      rtcStart: configuration.realTimeClockStart)
    let translations = TranslationCache.allocate()
    guard let cache = BlockCache(ram: memory.map, translations: translations) else {
      translations.deallocate()
      signals.deallocate()
      throw .hostMemory(size)
    }
    self.cache = cache
    let timing = configuration.timing.table
    let cpuid = CPUIDTable(profile: configuration.profile)
    processor = ProcessorStorage(
      ram: memory.map, translations: translations, blocks: cache, platform: platform,
      signals: signals, model: ProcessorModel(configuration.profile, cpuid: cpuid, timing: timing),
      cpuid: cpuid)
    builder = BlockBuilder(
      decoder: decoder, table: InstructionTable.shared, timing: timing, cache: cache,
      stopsAtNotBuilt: configuration.stopsAtNotBuilt)
    processor.state.random = RandomSource(seed: configuration.seed)
    platform.control.a20Changed = { [unowned processor] enabled in
      processor.state.setA20(enabled)
    }
  }

  // MARK: Running

  /// Runs until something stops the machine.
  ///
  /// - Parameters:
  ///   - instructions: stop after this many more retired instructions.
  ///   - cycles: stop at this many more cycles.
  ///   - untilVMExit: stop after the next VM exit.
  /// - Returns: why it stopped. Nothing is lost: `run` can be called again, and goes on where it was
  ///   unless the machine is switched off or halted for ever.
  public func run(
    instructions: UInt64 = .max, cycles: UInt64 = .max, untilVMExit: Bool = false
  ) -> MachineStop {
    let state = processor.pointer
    let instructionEnd = state.pointee.instructions.addingSaturating(instructions)
    let cycleEnd = state.pointee.cycles.addingSaturating(cycles)
    state.pointee.requestedInstructionLimit = instructionEnd
    state.pointee.updateInstructionLimit()
    state.pointee.vmx.stopsAtExit = untilVMExit
    platform.sliceEnd = cycleEnd
    platform.advance(to: state.pointee.cycles)
    while true {
      switch state.pointee.run(builder: builder) {
      case .deadline:
        processor.serveDeadlines()
        platform.advance(to: state.pointee.cycles)
        if state.pointee.cycles >= cycleEnd { return .cycleLimit }
      case .instructionLimit:
        processor.serveDeadlines()
        if state.pointee.instructions >= instructionEnd { return .instructionLimit }
      case .stopRequested:
        if let stop = takeRequest() { return stop }
      case .inactive:
        if let stop = sleep(until: cycleEnd) { return stop }
      case .notBuilt: return .notBuilt(describeNotBuilt())
      case .shutdown: return .tripleFault
      }
    }
  }

  /// Lets time pass to the next event that may wake the processor; a stop if none can.
  private func sleep(until cycleEnd: UInt64) -> MachineStop? {
    let state = processor.pointer
    if state.pointee.vmx.abortIndicator != 0 { return .vmxAbort(state.pointee.vmx.abortIndicator) }
    let timedWake = state.pointee.timedWake
    let interruptible = state.pointee.canTakeInterruptsWhileInactive
    let awaitsNMI = state.pointee.canTakeNMIsWhileInactive && platform.canRaiseNMI
    let next = min(interruptible || awaitsNMI ? platform.nextEvent : .max, timedWake)
    let canWake =
      timedWake != .max || awaitsNMI
      || (interruptible && platform.canInterrupt(inputIsOpen: serialInputIsOpen))
    guard canWake else { return .haltedForever }
    guard next != .max else { return .waitingForInput }
    guard next < cycleEnd else {
      state.pointee.cycles = max(state.pointee.cycles, cycleEnd)
      platform.advance(to: state.pointee.cycles)
      return .cycleLimit
    }
    state.pointee.cycles = max(state.pointee.cycles, next)
    processor.serveDeadlines()
    platform.advance(to: state.pointee.cycles)
    return nil
  }

  private func takeRequest() -> MachineStop? {
    let signals = processor.signals
    signals.pointee.requests.remove(.stop)
    if processor.pointer.pointee.vmx.takeExitStop() { return .vmExit }
    switch platform.control.takeRequest() {
    case .powerOff: return .poweredOff
    case .debugExit(let value): return .debugExit(value)
    case .reset: return .resetRequested
    case nil: return stopWasRequested.takeRequest() ? .stopRequested : nil
    }
  }

  // MARK: Asking from outside

  private let stopWasRequested = StopRequest()

  /// Asks a running machine to return from `run` before its next instruction. For device callbacks,
  /// on the thread that runs the machine.
  public func requestStop() {
    stopWasRequested.set()
    processor.signals.pointee.requests.insert(.stop)
  }

  /// Calls `body` with each byte that the guest sends on its first serial port.
  public func onSerialOutput(_ body: @escaping (UInt8) -> Void) {
    platform.serialPort.transmit = body
  }

  /// Calls `body` with each byte that the guest writes to the debug console, port 0xe9.
  public func onDebugOutput(_ body: @escaping (UInt8) -> Void) {
    platform.debugConsole.transmit = body
  }

  /// How many bytes of serial input there is room for.
  public var serialInputCapacity: Int { platform.serialPort.receiveCapacity }

  /// Gives the guest input on its first serial port; returns how many bytes there was room for.
  @discardableResult
  public func sendSerialInput(_ bytes: some Sequence<UInt8>) -> Int {
    platform.clock.now = processor.pointer.pointee.cycles
    defer { platform.updateSignals() }
    return platform.serialPort.receive(bytes)
  }

  /// Copies bytes to guest-physical RAM; decoded code there is forgotten.
  ///
  /// - Returns: false, with nothing written, if any byte would fall outside RAM.
  @discardableResult
  public func writeMemory(_ bytes: [UInt8], at address: UInt64) -> Bool {
    guard bytes.withUnsafeBytes({ memory.write($0, at: address) }) else { return false }
    cache.noteStores(to: address..<(address + UInt64(bytes.count)))
    return true
  }

  /// Forgets all that was learnt from memory, after it was written from outside.
  func forgetDecodedCode() {
    cache.removeAll()
    processor.pointer.pointee.translations.pagingStores.pointee &+= 1
    processor.pointer.pointee.linkSource = nil
  }

  private func describeNotBuilt() -> NotBuilt {
    let state = processor.pointer
    var bytes: [UInt8] = []
    let linear = state.pointee.linearRIP
    for offset in 0..<UInt64(InstructionPrefixes.maximumLength) {
      guard let byte = processor.peek(linear &+ offset) else { break }
      bytes.append(byte)
    }
    let (length, text) = decoder.describe(bytes, codeBytes: state.pointee.codeBytes)
    return NotBuilt(
      bytes: Array(bytes.prefix(length)), text: text, rip: state.pointee.rip,
      mode: state.pointee.mode, isNonRoot: state.pointee.vmx.isNonRoot)
  }
}

/// A flag that outlives one call.
private final class StopRequest {
  private var isSet = false
  func set() { isSet = true }
  func takeRequest() -> Bool {
    defer { isSet = false }
    return isSet
  }
}

extension UInt64 {
  /// The sum, or the largest value if it does not fit.
  func addingSaturating(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
