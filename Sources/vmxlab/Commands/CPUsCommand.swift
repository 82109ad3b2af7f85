import ArgumentParser
import SystemPackage
import VMXLab
import VMXLabDebug

/// `vmxlab cpus`: the processors that can be emulated.
struct CPUsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpus",
    abstract: "List the processors that can be emulated.",
    discussion: """
      Shows each processor profile with the VMX capabilities that a guest sees: what the part has, less \
      what VMXLab has not built. A control that is not listed must be 0.

      EXAMPLES
        vmxlab cpus
        vmxlab cpus skylake-server
        vmxlab cpus --json
        vmxlab cpus --instructions haswell
      """)

  @Flag(help: "Write JSON.")
  var json = false

  @Flag(help: "Write the page of documentation that compares the VMX controls of all profiles.")
  var markdown = false

  @Flag(
    help: """
      Write the page of documentation with the opcode maps: of a processor, or of all instructions that \
      any of them has.
      """)
  var instructions = false

  @Argument(
    help: ArgumentHelp("The profiles to show. (default: all)", valueName: "profile"),
    transform: { try ProfileNames.processor($0) })
  var profiles: [CPUProfile] = []

  func run() throws {
    let output = OutputStream(.standardOutput, name: "standard output")
    do {
      if markdown {
        output.append(VMXControlTable.markdown)
        return try output.finish()
      }
      if instructions {
        output.append(InstructionDocument(of: profiles.first)?.markdown ?? "")
        return try output.finish()
      }
      let shown = try profiles.isEmpty ? CPUProfile.names.map(CPUProfile.named) : profiles
      let descriptions = shown.map(ProcessorDescription.init)
      output.append(
        json
          ? ProcessorDescription.json(descriptions)
          : descriptions.map(\.text).joined(separator: "\n"))
      try output.finish()
    } catch let error as OutputError {
      Messages(isQuiet: false).error("\(error)")
      throw ExitCode.outputFailed
    }
  }
}
