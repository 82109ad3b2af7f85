// Handlers that stand for no instruction of the guest.

/// Behind the last instruction of a block: commits the block and goes on behind it.
let endOfBlock: Handler = { state, instruction in
  let core = Core(state)
  let i = InstructionReference(instruction)
  let processor = core.state
  processor.pointee.cycles &+= UInt64(i.pointer.pointee.cyclesBefore)
  processor.pointee.instructions &+= UInt64(i.pointer.pointee.position)
  return core.go(
    to: (processor.pointee.blockRIP &+ UInt64(i.pointer.pointee.ripOffset))
      & processor.pointee.ripMask)
}

/// The same where the next block is on the same page.
let endOfBlockInPage: Handler = { state, instruction in
  let core = Core(state)
  let i = InstructionReference(instruction)
  core.state.pointee.cycles &+= UInt64(i.pointer.pointee.cyclesBefore)
  core.state.pointee.instructions &+= UInt64(i.pointer.pointee.position)
  return core.followLink(i)
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

/// An instruction that VMXLab has not built: stops the machine, if that is asked for.
let stopNotBuilt: Handler = { state, instruction in
  let core = Core(state)
  core.leave(InstructionReference(instruction))
  core.state.pointee.pending.kind = .notBuilt
  core.state.pointee.attention.insert(.pendingEvent)
}
