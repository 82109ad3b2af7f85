// Handlers that stand for no instruction of the guest.

/// Behind the last instruction of a block: commits the block and goes back to the run loop.
let endOfBlock: Handler = { state, instruction in
  let core = Core(state)
  core.leave(InstructionReference(instruction))
  guard let block = core.state.pointee.currentBlock else { return }
  core.state.pointee.chain(block, .fallThrough)
}

/// An encoding that the processor rejects.
let raiseInvalidOpcode: Handler = { state, instruction in
  let core = Core(state)
  core.leave(InstructionReference(instruction))
  core.state.pointee.raise(.invalidOpcode)
}

/// An instruction of more than 15 bytes.
let raiseInstructionTooLong: Handler = { state, instruction in
  let core = Core(state)
  core.leave(InstructionReference(instruction))
  core.state.pointee.raise(.generalProtection, errorCode: 0)
}

/// An instruction that the processor has and VMXLab has not: stops the machine.
let stopNotBuilt: Handler = { state, instruction in
  let core = Core(state)
  core.leave(InstructionReference(instruction))
  core.state.pointee.pending.kind = .notBuilt
  core.state.pointee.attention.insert(.pendingEvent)
}
