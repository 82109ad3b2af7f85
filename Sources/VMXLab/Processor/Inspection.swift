// What the machine and debuggers ask of the processor.
extension Processor {
  /// Linear address of the next instruction.
  var linearRIP: UInt64 { wrapLinear(effectiveBase[1] &+ rip) }

  /// Whether an interrupt would end HLT: it is let through, or it causes a VM exit.
  var canTakeInterruptsWhileInactive: Bool {
    mutating get {
      activity == .hlt
        && (externalInterruptsExit || systemFlags & RFLAGS.if.rawValue != 0
          || (optimizedState.isActive && optimizedState.wakesByMaskedInterrupt))
    }
  }

  /// Whether an NMI would end the inactive state.
  var canTakeNMIsWhileInactive: Bool {
    !interruptibility.blockingByNMI
      && (activity == .hlt || activity == .shutdown && vmx.isNonRoot)
  }

  /// Passes address line 20 on, or masks it.
  mutating func setA20(_ isEnabled: Bool) {
    a20Mask = isEnabled ? ~0 : ~(1 << 20)
    spaces.removeAll()
    startNewAddressSpace()
  }

  /// Reads a byte at a linear address as the supervisor; nil where it is not mapped. Faults leave no
  /// trace; accessed flags may be set.
  mutating func peek(_ linear: UInt64) -> UInt8? {
    let savedPending = pending
    let savedAttention = attention
    let savedExit = vmx.exit
    let savedCycles = cycles
    defer {
      pending = savedPending
      attention = savedAttention
      vmx.exit = savedExit
      cycles = savedCycles
    }
    pending = PendingEvent()
    return readSystem(linear, UInt8.self)
  }

  /// Charges cycles beyond those that the block charges for its instructions.
  @inline(__always) mutating func chargeCycles(_ timingClass: TimingClass) {
    cycles &+= UInt64(model.timing.cycles(timingClass))
  }
}
