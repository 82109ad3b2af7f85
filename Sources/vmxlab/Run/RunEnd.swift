import ArgumentParser
import Glibc
import VMXLab

/// What ended a run.
enum RunEnd {
  /// The machine stopped of its own accord.
  case stopped(MachineStop)
  /// A signal asked the program to end.
  case signal(Int32)
  /// The user pressed Ctrl-A x.
  case keys
  /// The guest's output could not be written.
  case outputFailed

  /// The program's exit status.
  var status: ExitCode {
    switch self {
    case .stopped(.poweredOff), .stopped(.resetRequested): .success
    case .stopped(.debugExit(let value)): .debugExit(value)
    case .stopped(.tripleFault): .tripleFault
    case .stopped(.vmxAbort): .vmxAbort
    case .stopped(.haltedForever), .stopped(.waitingForInput): .haltedForever
    case .stopped(.instructionLimit): .limitReached
    case .stopped(.notBuilt): .notBuilt
    case .stopped(.cycleLimit), .stopped(.vmExit), .stopped(.stopRequested): .internalFault
    case .signal(let signal): .signal(signal)
    case .keys: .signal(SIGINT)
    case .outputFailed: .outputFailed
    }
  }

  /// A word for the JSON statistics.
  var identifier: String {
    switch self {
    case .stopped(.poweredOff): "powered-off"
    case .stopped(.debugExit): "debug-exit"
    case .stopped(.resetRequested): "reset"
    case .stopped(.tripleFault): "triple-fault"
    case .stopped(.vmxAbort): "vmx-abort"
    case .stopped(.haltedForever), .stopped(.waitingForInput): "halted"
    case .stopped(.instructionLimit): "limit"
    case .stopped(.notBuilt): "not-built"
    case .stopped(.cycleLimit), .stopped(.vmExit), .stopped(.stopRequested): "internal-fault"
    case .signal, .keys: "interrupted"
    case .outputFailed: "output-failed"
    }
  }

  /// A sentence without its full stop: what ended the run, why, and where it was.
  func text(of machine: Machine) -> String {
    let place = Self.place(machine.registers, isNonRoot: machine.isInVMXNonRootOperation)
    switch self {
    case .stopped(.poweredOff): return "the guest powered off"
    case .stopped(.debugExit(let value)):
      return "the guest wrote \(value) to the debug-exit port, for status \(status.rawValue)"
    case .stopped(.resetRequested): return "the guest asked for a reset, which ends the run"
    case .stopped(.tripleFault): return "triple fault at \(place)"
    case .stopped(.vmxAbort(let indicator)):
      return "VMX abort \(indicator): a VM exit could not be completed, at \(place)"
    case .stopped(.haltedForever), .stopped(.waitingForInput):
      return "halted for ever at \(place): nothing can wake the processor"
        + (machine.registers.rflags.contains(.if) ? "" : ", interrupts are disabled")
    case .stopped(.instructionLimit): return "the limit of instructions was reached at \(place)"
    case .stopped(.notBuilt(let what)): return "\(what)"
    case .stopped(.cycleLimit), .stopped(.vmExit), .stopped(.stopRequested):
      return "the machine stopped unasked at \(place)"
    case .signal(let signal): return "ended by \(Self.name(of: signal)) at \(place)"
    case .keys: return "ended by Ctrl-A x at \(place)"
    case .outputFailed: return "the guest's output cannot be written"
    }
  }

  private static func place(_ registers: ProcessorRegisters, isNonRoot: Bool) -> String {
    let rip = String(registers.rip, radix: 16)
    let selector = String(registers[.cs].selector, radix: 16)
    return "0x\(selector):0x\(rip) in \(registers.mode.name)"
      + (isNonRoot ? ", VMX non-root operation" : "")
  }

  private static func name(of signal: Int32) -> String {
    switch signal {
    case SIGINT: "SIGINT"
    case SIGTERM: "SIGTERM"
    case SIGHUP: "SIGHUP"
    case SIGQUIT: "SIGQUIT"
    default: "signal \(signal)"
    }
  }
}
