/// Events that follow one another without an instruction boundary at which others could be taken: faults
/// within deliveries, and debug traps that deliveries cause.
///
/// Source: Intel SDM, "Other Causes of VM Exits", instruction timeout.
struct EventChain {
  /// Cycle at which the delivery of the first began.
  fileprivate var start: UInt64 = 0
  /// Instructions that had retired by then.
  fileprivate var instructions: UInt64 = 0
}

extension Processor {
  /// Cycles that the processor adds to the instruction-timeout control, so that no event is too long for
  /// a control of 0.
  static var instructionTimeoutMargin: UInt64 { 128 << 10 }

  /// Notes that the delivery of `event` begins; `delivery` is still that of the event before it.
  @inline(__always) mutating func noteEvent(_ event: PendingEvent) {
    if delivery.isActive { return }
    // A debug trap that comes of the delivery before it: no instruction, and no iteration of one, has
    // run since.
    if event.isTrap, !isBetweenIterations, instructions == vmx.eventChain.instructions { return }
    vmx.eventChain = EventChain(start: cycles, instructions: instructions)
  }

  /// "Instruction timeout": whether the chain of events has taken too long; records the VM exit, as one
  /// during the delivery of the last of them.
  mutating func interceptInstructionTimeout() -> Bool {
    guard vmx.isNonRoot, vmx.secondary.contains(.instructionTimeout) else { return false }
    let time = cycles &- vmx.eventChain.start
    guard time > Self.instructionTimeoutMargin else { return false }
    let window = model.crystalClock.cycle(ofTick: UInt64(vmx.vmcs.instructionTimeoutControl))
    guard time &- Self.instructionTimeoutMargin > window else { return false }
    recordEventExit(.instructionTimeout)
    vmx.exit.resumeFlag = SavedResumeFlag(delivery.hasResumeFlag)
    return true
  }
}
