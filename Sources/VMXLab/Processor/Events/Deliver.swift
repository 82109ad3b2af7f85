// Delivery of an event through the IDT: what all modes share.
//
// Source: Intel SDM, "Interrupt and Exception Handling".
extension Processor {
  /// Delivers an event, unless VMX non-root operation intercepts it. Afterwards either RIP is the
  /// handler's, or `pending` holds what happened instead, with nothing committed.
  mutating func deliver(_ event: PendingEvent) {
    switch event.type {
    case .hardwareException, .softwareException, .privilegedSoftwareException:
      if interceptException(event) { return }
    default: break
    }
    interruptibility.isUnblockedByIRET = false
    if event.type == .hardwareException || event.type == .privilegedSoftwareException {
      recordCause(event)
    }
    var image = rflags
    switch event.type {
    case .softwareInterrupt, .softwareException, .privilegedSoftwareException:
      image &= ~RFLAGS.rf.rawValue
    case .hardwareException:
      if event.isFaultThatSetsRF { image |= RFLAGS.rf.rawValue }
    default:
      if isBetweenIterations { image |= RFLAGS.rf.rawValue }
    }
    beginDelivery(event, image)
    if interceptInstructionTimeout() { return }
    goThroughGate(event, image)
  }

  /// Delivers the event that a VM entry injects: the exception bitmap does not apply, and CR2, DR6,
  /// DR7 and RF stay as the guest state has them.
  ///
  /// `event.instructionLength` is added to RIP for software interrupts and exceptions.
  ///
  /// Source: Intel SDM, "Event Injection".
  mutating func deliverInjected(_ event: PendingEvent) {
    beginDelivery(event, rflags)
    if event.type == .softwareInterrupt, mode == .virtual8086, cr4.contains(.vme) {
      guard let isRedirected = isRedirected(event.vector) else { return }
      if isRedirected {
        nextRIP = (rip &+ UInt64(event.instructionLength)) & ripMask
        interruptVirtual8086(event.vector)
        guard pending.kind == .none else { return }
        rip = nextRIP
        return endDelivery()
      }
    }
    goThroughGate(event, rflags)
  }

  /// Sets what an exception leaves in registers: CR2, DR6, DR7.GD, IA32_DEBUGCTL.BTF.
  private mutating func recordCause(_ event: PendingEvent) {
    switch ExceptionVector(rawValue: event.vector) {
    case .pageFault: cr2 = event.qualification
    case .debug:
      let bits = event.qualification & 0xe00f
      if bits & DebugStatus.breakpoints != 0 { debug.dr6 &= ~DebugStatus.breakpoints }
      debug.dr6 |= bits
      debug.dr7 &= ~DebugControl.generalDetect
      msrs.debugCtl &= ~DebugControl.branchTrap
      updateAttention()
    default: break
    }
  }

  private mutating func goThroughGate(_ event: PendingEvent, _ flags: UInt64) {
    var returnRIP = rip
    switch event.type {
    case .softwareInterrupt, .softwareException, .privilegedSoftwareException:
      returnRIP = (rip &+ UInt64(event.instructionLength)) & ripMask
    default: break
    }
    let frame = EventFrame(event: event, flags: flags, rip: returnRIP)
    let isDelivered: Bool
    switch mode {
    case .real: isDelivered = deliverReal(frame)
    case .long, .compatibility: isDelivered = deliverLong(frame)
    case .protected, .virtual8086: isDelivered = deliverProtected(frame)
    }
    if isDelivered { endDelivery() }
  }

  /// Remembers what is delivered, for the faults that delivery may cause.
  private mutating func beginDelivery(_ event: PendingEvent, _ flags: UInt64) {
    noteEvent(event)
    delivery = EventDelivery(
      isActive: true, vector: event.vector, type: event.type, hasErrorCode: event.hasErrorCode,
      errorCode: event.errorCode, instructionLength: event.instructionLength,
      hasResumeFlag: flags & RFLAGS.rf.rawValue != 0)
    cycles &+= model.eventDeliveryCycles
    // Should delivery itself lead to a VM exit, this has happened all the same.
    activity = .active
    optimizedState.isActive = false
    interruptibility.blockingBySTI = false
    interruptibility.blockingByMOVSS = false
    if event.type == .nmi { blockNMIs() }
  }

  private mutating func endDelivery() {
    delivery.isActive = false
    vmx.isMonitorTrapDue = true
    step.hadTF = false
    step.clearsRF = false
    isBetweenIterations = false
    updateModeAfterTransfer()
    trackFarTransfer()
    updateAttention()
  }

  /// Records the fault that a gate or its vector causes.
  mutating func raiseGateFault(_ vector: ExceptionVector, _ frame: EventFrame) {
    raise(vector, errorCode: UInt32(frame.event.vector) << 3 | SelectorErrorCode.idt)
  }

  /// Clears the flags that entering a handler clears: TF, VM, RF and NT, and IF for an interrupt gate.
  mutating func clearFlagsForHandler(isInterruptGate: Bool) {
    systemFlags &= ~RFLAGS.tf.union(.vm).union(.rf).union(.nt).rawValue
    if isInterruptGate { systemFlags &= ~RFLAGS.if.rawValue }
  }

  // MARK: Real-address mode

  /// Source: Intel SDM, "Real-Address Mode", interrupt and exception handling.
  private mutating func deliverReal(_ frame: EventFrame) -> Bool {
    let offset = UInt64(frame.event.vector) &* 4
    guard offset &+ 3 <= UInt64(idtr.limit) else {
      raiseGateFault(.generalProtection, frame)
      return false
    }
    guard let entry = readSystem(systemAddress(idtr.base &+ offset), UInt32.self) else {
      return false
    }
    var pointer = stackPointer
    guard push(UInt16(truncatingIfNeeded: frame.flags), &pointer),
      push(segments[1].selector, &pointer),
      push(UInt16(truncatingIfNeeded: frame.rip), &pointer)
    else { return false }
    commit(pointer)
    systemFlags &= ~RFLAGS([.if, .tf, .ac, .rf]).rawValue
    loadRealSegment(1, UInt16(truncatingIfNeeded: entry >> 16))
    rip = UInt64(entry & 0xffff)
    return true
  }
}

/// What delivery pushes.
struct EventFrame {
  var event: PendingEvent
  /// RFLAGS as the handler will find it.
  var flags: UInt64
  var rip: UInt64

  /// Comes from INT n, INT3 or INTO, which need the gate's DPL to allow them.
  var checksGateDPL: Bool {
    event.type == .softwareInterrupt || event.type == .softwareException
  }
}
