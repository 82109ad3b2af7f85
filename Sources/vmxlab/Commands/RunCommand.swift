import ArgumentParser
import VMXLab
import VMXLabDebug

/// `vmxlab run`: boots an image.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Boot an image.",
    discussion: """
      The image is a Multiboot 1 one: an ELF file of 32 or 64 bits, or a file with address fields in its \
      header. The guest's first serial port (COM1) is standard input and output; everything that \
      VMXLab says goes to standard error.

      On a terminal, Ctrl-A x ends the run, Ctrl-A Ctrl-A sends Ctrl-A, Ctrl-A h shows the keys.

      EXAMPLES
        vmxlab run build/firmware/hello.elf
        vmxlab run --memory 1G --initrd guest.bin hypervisor.elf -- debug
        vmxlab run --trace-vmx=trace.txt --stats hypervisor.elf

      EXIT STATUS
        0               the guest powered off or asked for a reset
        (v << 1) | 1    the guest wrote v to the debug-exit port 0xf4
        4               triple fault
        6               halted for ever
        8               the limit of instructions was reached
        10              VMX abort
        12              an instruction that is not built (--stop-at-not-built)
        64              wrong command line
        66              unusable image
        70              internal fault
        74              output cannot be written
        130             interrupted
      """)

  @Option(
    help: ArgumentHelp(
      "The size of RAM: a number with K, M or G. (default: 512M)", valueName: "size"),
    transform: { try MemorySize($0) })
  var memory = MemorySize.standard

  @Option(help: ArgumentHelp("The number of processors; this version has one.", valueName: "n"))
  var cpus = 1

  @Option(
    help: ArgumentHelp(
      "The processor to emulate: see 'vmxlab cpus'. (default: \(CPUProfile.defaultName))",
      valueName: "profile"),
    transform: { try ProfileNames.processor($0) })
  var cpu: CPUProfile?

  @Option(
    help: ArgumentHelp(
      "Text for the guest's command line. May be given several times.", valueName: "text"))
  var append: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file for the guest: a Multiboot module. May be given several times.", valueName: "file"))
  var initrd: [String] = []

  @Option(
    help: ArgumentHelp(
      "What COM1 is connected to: stdio, null or file:PATH. (default: stdio)", valueName: "target"),
    transform: { try SerialTarget($0) })
  var serial = SerialTarget.standardStreams

  @Option(
    help: ArgumentHelp(
      """
      The table of cycle costs: a processor's name, or functional for one cycle an instruction. \
      (default: the processor's own)
      """, valueName: "profile"),
    transform: { try ProfileNames.timing($0) })
  var timing: TimingProfile?

  @Option(
    help: ArgumentHelp("End after this many instructions, with status 8.", valueName: "n"))
  var limitInstructions: UInt64?

  @Option(
    help: ArgumentHelp(
      "The real-time clock at power-on, such as 2026-01-31T12:00:00. (default: 2000-01-01T00:00:00)",
      valueName: "time"),
    transform: { try StartTime($0) })
  var rtcStart: StartTime?

  @Option(
    help: ArgumentHelp(
      "What the numbers of RDRAND and RDSEED follow from. (default: 0)", valueName: "n"))
  var seed: UInt64 = 0

  @Flag(
    help: """
      End, with status 12, at an instruction that is not built, which otherwise raises #UD.
      """)
  var stopAtNotBuilt = false

  @Flag(
    help: """
      Write a line for each VMX event to standard error; --trace-vmx=FILE writes to a file.
      """)
  var traceVmx = false

  @Option(help: .private)
  var traceVmxFile: String?

  @Option(
    help: """
      What to say of a failed VM entry: the first rule that it broke, all of them, or nothing (off). \
      (default: first; off with --quiet)
      """)
  var explain: FailedEntryReporter.Detail?

  @Option(
    help: ArgumentHelp(
      """
      Write the VMCS of each failed VM entry to a file, as JSON for 'vmxlab explain'; if none fails, the \
      current VMCS at the end.
      """, valueName: "file"))
  var dumpVmcs: String?

  @Flag(help: "Write what the machine did to standard error at the end.")
  var stats = false

  @Option(help: ArgumentHelp("Write the same to a file, as JSON.", valueName: "file"))
  var statsJson: String?

  @Flag(help: "Say nothing but errors.")
  var quiet = false

  @Argument(help: "The image to boot.")
  var image: String

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("Words for the guest's command line.", valueName: "words"))
  var words: [String] = []

  func validate() throws {
    guard cpus == 1 else {
      throw ValidationError(
        "--cpus \(cpus): machines have one processor in this version, no other number")
    }
    if let traceVmxFile, traceVmxFile.isEmpty {
      throw ValidationError("--trace-vmx= needs the name of a file")
    }
  }

  func run() throws {
    let messages = Messages(isQuiet: quiet)
    do {
      let session = try RunSession(options: self, messages: messages)
      let end = session.run()
      try session.report(end)
      throw end.status
    } catch let failure as RunFailure {
      messages.error(failure.message)
      throw failure.status
    } catch let error as OutputError {
      messages.error("\(error)")
      throw ExitCode.outputFailed
    }
  }

  /// Gives `--trace-vmx=FILE` a name of its own, because an option either has a value or has none.
  static func separatingTraceFile(_ arguments: [String]) -> [String] {
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    let prefix = "--trace-vmx="
    return arguments[..<end].map {
      $0.hasPrefix(prefix) ? "--trace-vmx-file=" + $0.dropFirst(prefix.count) : $0
    } + arguments[end...]
  }
}

/// Why a run could not begin.
struct RunFailure: Error {
  let message: String
  let status: ExitCode
}

extension FailedEntryReporter.Detail: ExpressibleByArgument {}
