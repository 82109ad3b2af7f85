import ArgumentParser
import SystemPackage
import VMXLab
import VMXLabDebug

/// One run of a machine: its connections to the outside, from the first instruction to the report.
final class RunSession {
  private let options: RunCommand
  private let messages: Messages
  private let machine: Machine
  private var input: SerialInput?
  private let output: OutputStream?
  private let trace: OutputStream?
  /// Says why VM entries fail; nil if that is not wanted.
  private let failedEntries: FailedEntryReporter?
  /// Writes the VMCSs of failed VM entries; nil if that is not wanted.
  private let dumper: FailedEntryDumper?
  private let dumpFile: OutputStream?
  private let statisticsFile: OutputStream?
  private let hostClock = ContinuousClock()
  private var hostTime = Duration.zero
  private var userEnded = false

  /// Between two slices of this many cycles the guest is given its input and its output is sent on. A
  /// fixed number, so that input which is there arrives at the same cycle in every run.
  private static let sliceCycles: UInt64 = 1 << 20

  /// Puts the machine together, loads the image and opens every file, so that whatever is wrong shows
  /// before the guest runs.
  ///
  /// - Throws: `RunFailure` or `OutputError`.
  init(options: RunCommand, messages: Messages) throws {
    self.options = options
    self.messages = messages
    machine = try Self.makeMachine(options)
    try Self.load(options, into: machine)
    switch options.serial {
    case .standardStreams: output = OutputStream(.standardOutput, name: "standard output")
    case .null: output = nil
    case .file(let path): output = try OutputStream(path: path)
    }
    if options.serial == .standardStreams {
      input = SerialInput(isTerminal: Terminal.isStandardInput)
    }
    trace = try options.traceVmxFile.map { path throws(OutputError) in
      try OutputStream(path: path)
    }
    let detail = options.explain ?? (options.quiet ? .off : .first)
    failedEntries =
      detail == .off
      ? nil
      : FailedEntryReporter(detail: detail) { [messages] in messages.append("vmxlab: \($0)") }
    let dumpFile = try options.dumpVmcs.map { path throws(OutputError) in
      try OutputStream(path: path)
    }
    self.dumpFile = dumpFile
    dumper = dumpFile.map { file in FailedEntryDumper { file.append($0) } }
    statisticsFile = try options.statsJson.map { path throws(OutputError) in
      try OutputStream(path: path, keepsContent: true)
    }
    connect()
  }

  private static func makeMachine(_ options: RunCommand) throws(RunFailure) -> Machine {
    do {
      var configuration = try MachineConfiguration(
        memoryByteCount: options.memory.byteCount,
        profile: options.cpu ?? CPUProfile.named(CPUProfile.defaultName),
        timing: options.timing)
      configuration.seed = options.seed
      configuration.stopsAtNotBuilt = options.stopAtNotBuilt
      if let start = options.rtcStart { configuration.realTimeClockStart = start.seconds }
      return try Machine(configuration)
    } catch {
      throw RunFailure(message: "\(error)", status: .internalFault)
    }
  }

  private static func load(_ options: RunCommand, into machine: Machine) throws(RunFailure) {
    let limit = options.memory.byteCount
    do {
      let bytes = try InputFile.read(options.image, limit: limit)
      var modules: [BootModule] = []
      for path in options.initrd {
        modules.append(
          BootModule(bytes: try InputFile.read(path, limit: limit), commandLine: path))
      }
      let image = BootImage(
        bytes: bytes, name: options.image, arguments: options.append + options.words,
        modules: modules)
      do {
        try machine.boot(image)
      } catch {
        throw InputError(path: options.image, reason: "\(error)")
      }
    } catch {
      throw RunFailure(message: "\(error)", status: .unusableImage)
    }
  }

  private func connect() {
    if let output {
      machine.onSerialOutput { output.append($0) }
      output.onFailure = { [unowned machine] in machine.requestStop() }
    }
    let console = messages.stream
    machine.onDebugOutput { console.append($0) }
    var observers: [VMXObserver] = []
    if options.traceVmx || trace != nil {
      let target = trace ?? console
      observers.append(VMXTrace { target.append($0 + "\n") })
    }
    if let failedEntries { observers.append(failedEntries) }
    if let dumper { observers.append(dumper) }
    machine.vmxObserver =
      observers.count > 1 ? VMXObserverList(observers) : observers.first
  }

  // MARK: Running

  /// Runs the machine until something ends the run.
  func run() -> RunEnd {
    HostSignals.handleRequestsToEnd()
    if input != nil, Terminal.isStandardInput { Terminal.makeRaw() }
    defer { Terminal.restore() }
    let start = hostClock.now
    defer { hostTime = start.duration(to: hostClock.now) }
    while true {
      feed()
      let stop = machine.run(instructions: instructionsLeft, cycles: cyclesToSliceEnd)
      flush()
      if output?.failure != nil { return .outputFailed }
      if let signal = HostSignals.requestToEnd { return .signal(signal) }
      if userEnded { return .keys }
      switch stop {
      case .cycleLimit, .stopRequested, .vmExit: break
      case .waitingForInput: input?.wait()
      default: return .stopped(stop)
      }
    }
  }

  private var instructionsLeft: UInt64 {
    guard let limit = options.limitInstructions else { return .max }
    return limit - min(limit, machine.statistics.instructions)
  }

  private var cyclesToSliceEnd: UInt64 {
    Self.sliceCycles - machine.statistics.cycles % Self.sliceCycles
  }

  /// Gives the guest what input there is room for.
  private func feed() {
    machine.serialInputIsOpen = input?.isOpen ?? false
    guard let (bytes, request) = input?.read(capacity: machine.serialInputCapacity) else { return }
    if !bytes.isEmpty { machine.sendSerialInput(bytes) }
    machine.serialInputIsOpen = input?.isOpen ?? false
    switch request {
    case .end:
      userEnded = true
      machine.requestStop()
    case .help: messages.show("\n\(EscapeKeys.help)\n")
    case .hintAtKeys: messages.note("Ctrl-C went to the guest; Ctrl-A x ends the run")
    case nil: break
    }
  }

  private func flush() {
    output?.flush()
    trace?.flush()
    dumpFile?.flush()
    messages.stream.flush()
  }

  // MARK: Reporting

  /// Says what ended the run, and writes the statistics that were asked for.
  ///
  /// - Throws: `OutputError` if any output could not be written.
  func report(_ end: RunEnd) throws(OutputError) {
    let report = RunReport(machine: machine, end: end, hostTime: hostTime)
    failedEntries?.finish()
    // That output failed is said by the error, once.
    if output?.failure == nil { messages.note(report.summary) }
    if options.stats { messages.show(report.table) }
    try statisticsFile?.replaceContent(with: report.json)
    if dumper?.dumpCount == 0, let dump = machine.dumpCurrentVMCS() {
      dumpFile?.append(VMCSDumpJSON.text(dump))
    }
    try dumpFile?.finish()
    try trace?.finish()
    try output?.finish()
  }
}
