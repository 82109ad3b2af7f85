import ArgumentParser
import VMXLab
import VMXLabDebug

/// `vmxlab explain`: says why a VMCS from outside cannot be entered.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say which rules of VM entry a VMCS breaks.",
    discussion: """
      Reads a VMCS that was written down, and says which rules of VM entry it breaks: the section of the \
      manual, the fields with their values, the bits at fault, and what would mend it. It reads what \
      'vmxlab run --dump-vmcs' writes, and logs with what Linux KVM or Xen print of a VMCS after a \
      failed VM entry, time stamps and all. What a dump does not hold is unknown: rules that depend on it \
      are counted as such.

      KVM prints a VMCS only if the module kvm_intel has its parameter dump_invalid_vmcs set.

      EXAMPLES
        vmxlab explain vmcs.json
        dmesg | vmxlab explain -
        vmxlab explain --cpu icelake-server --all xl-dmesg.txt
        vmxlab explain --rules

      EXIT STATUS
        0     no rule is broken
        2     rules are broken
        64    wrong command line
        66    there is no VMCS to read
        74    output cannot be written
      """)

  @Option(
    help: ArgumentHelp(
      """
      The processor whose capabilities decide: see 'vmxlab cpus'. (default: the dump's own, or else \
      \(CPUProfile.defaultName))
      """, valueName: "profile"),
    transform: { try ProfileNames.processor($0) })
  var cpu: CPUProfile?

  @Flag(help: "List the rules that cannot be checked, too.")
  var all = false

  @Flag(help: "Write JSON.")
  var json = false

  @Flag(help: "Write the table of all rules, in Markdown, instead of reading a VMCS.")
  var rules = false

  @Argument(help: ArgumentHelp("The dump or log; - is standard input.", valueName: "file"))
  var file: String?

  /// Logs are long; what is longer than this is not a log.
  private static let largestInput: UInt64 = 32 << 20

  func validate() throws {
    if !rules, file == nil { throw ValidationError("Missing expected argument '<file>'") }
    if rules, file != nil || json || all || cpu != nil {
      throw ValidationError("--rules stands alone")
    }
  }

  func run() throws {
    let messages = Messages(isQuiet: false)
    do {
      let output = OutputStream(.standardOutput, name: "standard output")
      if rules {
        output.append(VMEntryRuleTable.markdown)
        return try output.finish()
      }
      let explanations = try explanations()
      output.append(json ? VMCSExplanation.json(explanations) : Self.text(explanations, all))
      try output.finish()
      if explanations.contains(where: { !$0.counted.isEmpty }) { throw ExitCode.rulesBroken }
    } catch let error as InputError {
      messages.error("\(error)")
      throw ExitCode.unusableImage
    } catch let error as OutputError {
      messages.error("\(error)")
      throw ExitCode.outputFailed
    }
  }

  private func explanations() throws(InputError) -> [VMCSExplanation] {
    guard let file else { return [] }
    let excess = "there are more bytes than a log has"
    let bytes =
      file == "-"
      ? try InputFile.readStandardInput(limit: Self.largestInput, excess: excess)
      : try InputFile.read(file, limit: Self.largestInput, excess: excess)
    let name = file == "-" ? "standard input" : file
    do {
      let dumps = try VMCSDump.read(String(decoding: bytes, as: UTF8.self))
      return try dumps.map { try VMCSExplanation(of: $0, on: cpu) }
    } catch {
      throw InputError(path: name, reason: "\(error)")
    }
  }

  private static func text(_ explanations: [VMCSExplanation], _ all: Bool) -> String {
    guard explanations.count > 1 else {
      return explanations.map { $0.text(listsUndecided: all) }.joined()
    }
    return explanations.enumerated().map { number, explanation in
      "VMCS \(number + 1) of \(explanations.count)\n\n" + explanation.text(listsUndecided: all)
    }.joined(separator: "\n\n")
  }
}
