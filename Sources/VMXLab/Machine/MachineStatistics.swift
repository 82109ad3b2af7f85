/// What a machine has done since power-on. Two machines made alike and run alike have equal
/// statistics.
public struct MachineStatistics: Codable, Equatable, Sendable {
  /// Instructions retired.
  public var instructions: UInt64
  /// Cycles of the processor's clock.
  public var cycles: UInt64
  /// VM entries that ran the guest.
  public var vmEntries: UInt64
  /// VM exits by the manual's name of the basic exit reason. Reasons that did not occur are absent.
  public var vmExits: [String: UInt64]
  /// VM entries that failed, by outcome: "VMfailInvalid", "VMfailValid" with the VM-instruction error
  /// number and its text, or the manual's name of the exit reason. Outcomes that did not occur are
  /// absent.
  public var failedVMEntries: [String: UInt64]

  init(instructions: UInt64, cycles: UInt64, counters: VMXCounters) {
    self.instructions = instructions
    self.cycles = cycles
    vmEntries = counters.entries
    vmExits = [:]
    for reason in BasicExitReason.allCases {
      let count = counters.exits[Int(reason.rawValue)]
      if count > 0 { vmExits[reason.text] = count }
    }
    failedVMEntries = [:]
    for error in VMInstructionError.allCases {
      let count = counters.failValid[Int(error.rawValue)]
      if count > 0 { failedVMEntries["VMfailValid \(error.rawValue): \(error.text)"] = count }
    }
    let others = [
      ("VMfailInvalid", counters.failInvalid),
      (BasicExitReason.entryFailureInvalidGuestState.text, counters.invalidGuestState),
      (BasicExitReason.entryFailureMSRLoading.text, counters.msrLoadFailed),
    ]
    for (name, count) in others where count > 0 { failedVMEntries[name] = count }
  }
}

extension Machine {
  /// What the machine has done since power-on.
  public var statistics: MachineStatistics {
    MachineStatistics(
      instructions: processor.state.instructions, cycles: processor.state.cycles,
      counters: processor.state.vmx.counters)
  }
}
