import ArgumentParser

/// The exit statuses: of `vmxlab explain`, and of `vmxlab run`, beside those of the debug-exit port, which are odd.
/// `docs/cli.md` explains them.
extension ExitCode {
  static let rulesBroken = ExitCode(2)
  static let tripleFault = ExitCode(4)
  static let haltedForever = ExitCode(6)
  static let limitReached = ExitCode(8)
  static let vmxAbort = ExitCode(10)
  static let notBuilt = ExitCode(12)
  static let usage = ExitCode(64)
  static let unusableImage = ExitCode(66)
  static let internalFault = ExitCode(70)
  static let outputFailed = ExitCode(74)

  /// The guest wrote `value` to the debug-exit port.
  static func debugExit(_ value: UInt32) -> ExitCode {
    ExitCode(Int32(truncatingIfNeeded: (value << 1 | 1) & 0xff))
  }

  /// The program was ended by `signal`: what a shell reports of a process that a signal killed.
  static func signal(_ signal: Int32) -> ExitCode { ExitCode(128 + signal) }
}
