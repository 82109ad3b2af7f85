import ArgumentParser

/// The program: `vmxlab` and its subcommands.
@main
struct VMXLabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vmxlab",
    abstract: "A cycle-level emulator of an Intel processor with VT-x.",
    discussion: """
      Boots a hypervisor of your own on any machine, and says what its VMX instructions do.

      EXAMPLES
        vmxlab run build/firmware/hello.elf
        vmxlab run --trace-vmx --stats my-hypervisor.elf -- verbose=1
        dmesg | vmxlab explain -
        vmxlab cpus
      """,
    version: "vmxlab 0.1.0",
    subcommands: [RunCommand.self, ExplainCommand.self, CPUsCommand.self])

  static func main() {
    HostSignals.handleInternalFaults()
    main(RunCommand.separatingTraceFile(Array(CommandLine.arguments.dropFirst())))
  }
}
