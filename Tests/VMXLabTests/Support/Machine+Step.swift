@testable import VMXLab

extension Machine {
  /// Runs as `run` does, but one instruction at a time, so that no block is run in one piece.
  func step(instructions: UInt64, cycles: UInt64) -> MachineStop {
    let state = processor.pointer
    let end = state.pointee.instructions + instructions
    let cycleEnd = state.pointee.cycles + cycles
    var stop = MachineStop.instructionLimit
    while stop == .instructionLimit, state.pointee.instructions < end {
      stop = run(instructions: 1, cycles: cycleEnd - min(cycleEnd, state.pointee.cycles))
    }
    return stop
  }
}
