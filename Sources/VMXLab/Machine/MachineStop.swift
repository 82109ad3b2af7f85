/// Why a machine stopped.
public enum MachineStop: Equatable, Sendable {
  /// The guest switched the machine off.
  case poweredOff
  /// The guest wrote this value to the debug-exit port.
  case debugExit(UInt32)
  /// The guest asked for a reset, which this machine does not carry out by itself.
  case resetRequested
  /// A triple fault in VMX root operation or outside VMX operation.
  case tripleFault
  /// A VMX abort: a VM exit that could not be completed. The number is the VMX-abort indicator.
  case vmxAbort(UInt32)
  /// HLT (or shutdown) with nothing that could wake the processor.
  case haltedForever
  /// HLT until there is input on the serial port.
  case waitingForInput
  /// As many instructions as were asked for have retired.
  case instructionLimit
  /// The cycle that was asked for has been reached.
  case cycleLimit
  /// A VM exit has been carried out: the processor is about to run L1's next instruction.
  case vmExit
  /// The next instruction is not built, and ``MachineConfiguration/stopsAtNotBuilt`` is set; nothing of
  /// it was done.
  case notBuilt(NotBuilt)
  /// ``Machine/requestStop()`` was called.
  case stopRequested
}

/// An instruction that VMXLab does not have yet.
public struct NotBuilt: Equatable, Sendable, CustomStringConvertible {
  /// The instruction's bytes.
  public var bytes: [UInt8]
  /// Its mnemonic and operands, if the decoder knows them.
  public var text: String
  public var rip: UInt64
  public var mode: ProcessorMode
  /// In VMX non-root operation.
  public var isNonRoot: Bool

  public var description: String {
    let hex = bytes.map { byteText($0) }.joined(separator: " ")
    return
      "instruction not built: \(text) (bytes \(hex)) at RIP 0x\(String(rip, radix: 16)) "
      + "in \(mode.name)\(isNonRoot ? ", VMX non-root operation" : "")"
  }

  private func byteText(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}

extension ProcessorMode {
  /// The manual's name of the mode.
  public var name: String {
    switch self {
    case .real: "real-address mode"
    case .virtual8086: "virtual-8086 mode"
    case .protected: "protected mode"
    case .compatibility: "compatibility mode"
    case .long: "64-bit mode"
    }
  }
}
