// What happens between instructions.
//
// Source: Intel SDM, "Prioritization of Concurrent Events".
extension Processor {
  /// Handles what waits at an instruction boundary, in the manual's order of priority. Returns why
  /// the run must stop, or nil when the next instruction may run.
  mutating func lookAround() -> RunStop? {
    while true {
      if attention.contains(.pendingEvent) {
        if let stop = handlePending() { return stop }
        continue
      }
      if activity == .shutdown, !vmx.isNonRoot {
        return vmx.abortIndicator == 0 ? .shutdown : .inactive
      }
      let requests = signals.pointee.requests
      if attention.contains(.stop) || requests.contains(.stop) { return .stopRequested }
      if cycles >= signals.pointee.deadline { return .deadline }
      if instructions >= performance.instructionDeadline {
        servePerformanceDeadlines()
        continue
      }
      if handleAsynchronousEvent(requests) { continue }
      guard activity == .active || leaveOptimizedState(requests) else { return .inactive }
      if attention.contains(.breakpoints) {
        checkInstructionBreakpoint()
        if attention.contains(.pendingEvent) { continue }
      }
      if attention.contains(.virtualInterrupt), hasPendingVirtualInterrupt {
        raise(.generalProtection, errorCode: 0)
        continue
      }
      attention.remove(.interruptWindow)
      return nil
    }
  }

  /// Carries out what an instruction recorded.
  private mutating func handlePending() -> RunStop? {
    switch pending.kind {
    case .none: attention.remove(.pendingEvent)
    case .notBuilt: return .notBuilt
    case .restart:
      clearPending()
      if !interruptibility.blockingByMOVSS { debug.pending = 0 }
      attention.insert(.alone)
    case .vmExit:
      clearPending()
      performVMExit()
      delivery.isActive = false
      isBetweenIterations = false
      interruptibility.isUnblockedByIRET = false
    case .exception:
      if delivery.isActive, let stop = stopWithinDelivery { return stop }
      let event = pending
      clearPending()
      // Breakpoints that the faulting instruction met go with it; MOV SS may hold older ones.
      if !interruptibility.blockingByMOVSS { debug.pending = 0 }
      guard delivery.isActive else {
        deliver(event)
        break
      }
      return deliverNested(event)
    }
    return nil
  }

  /// Why the run must stop between two deliveries: faults within them may follow one another for ever.
  private var stopWithinDelivery: RunStop? {
    mutating get {
      if attention.contains(.stop) || signals.pointee.requests.contains(.stop) {
        return .stopRequested
      }
      return cycles >= signals.pointee.deadline ? .deadline : nil
    }
  }

  /// A fault within the delivery of an event: both one after the other, a double fault, or shutdown.
  ///
  /// Source: Intel SDM, "Double Fault Exception (#DF)", conditions for generating a double fault.
  private mutating func deliverNested(_ event: PendingEvent) -> RunStop? {
    let second = ExceptionVector(rawValue: event.vector)
    let isSecondPageFault = second == .pageFault || second == .virtualization
    let isSecondSerious = isSecondPageFault || second?.isContributory == true
    var result = event
    if delivery.type == .hardwareException, isSecondSerious {
      let first = ExceptionVector(rawValue: delivery.vector)
      let isFirstPageFault = first == .pageFault || first == .virtualization
      if first == .doubleFault { return shutDown() }
      if isFirstPageFault || (first?.isContributory == true && !isSecondPageFault) {
        if second == .pageFault { cr2 = event.qualification }
        result = PendingEvent()
        result.kind = .exception
        result.vector = ExceptionVector.doubleFault.rawValue
        result.hasErrorCode = mode != .real
      }
    }
    // Until the exception bitmap has been asked, `delivery` is the first event.
    deliver(result)
    return nil
  }

  /// A triple fault.
  private mutating func shutDown() -> RunStop? {
    if interceptTripleFault() { return nil }
    delivery.isActive = false
    activity = .shutdown
    updateAttention()
    return .shutdown
  }

  /// Serves the event of highest priority that waits, if any; true if one was served.
  private mutating func handleAsynchronousEvent(_ requests: PlatformRequests) -> Bool {
    if attention.contains(.apicVirtualization), finishAPICVirtualization() { return true }
    if attention.contains(.busLock), interceptBusLock() { return true }
    if requests.contains(.initialize), !blocksINIT {
      signals.pointee.requests.remove(.initialize)
      if !interceptINIT() {
        initialize(waitsForStartUp: msrs.apicBase & APICBase.bootstrapProcessor == 0)
      }
      return true
    }
    if requests.contains(.startUp) {
      signals.pointee.requests.remove(.startUp)
      if activity == .waitForSIPI {
        startUp(vector: signals.pointee.startUpVector)
        return true
      }
    }
    if activity == .waitForSIPI { return false }
    if activity == .shutdown { return handleEventInShutdown(requests) }
    if attention.contains(.monitorTrap), interceptMonitorTrap() { return true }
    if debug.pending != 0, !interruptibility.blockingByMOVSS { return deliverDebugTrap() }
    if interceptPreemptionTimer() { return true }
    let shadow = interruptibility
    if !shadow.blockingByMOVSS, interceptNMIWindow() || takeNMI(requests) { return true }
    let allowsInterrupts = systemFlags & RFLAGS.if.rawValue != 0 && !shadow.isInShadow
    if allowsInterrupts, interceptInterruptWindow() || deliverVirtualInterrupt() { return true }
    guard requests.contains(.interrupt), allowsInterrupts || externalInterruptsExit else {
      return false
    }
    // An interrupt that is to exit is blocked by MOV SS and STI all the same.
    if shadow.isInShadow { return false }
    if interceptExternalInterrupt() { return true }
    guard allowsInterrupts else { return false }
    deliver(interrupt: platform.acknowledgeInterrupt(cycles: cycles), .externalInterrupt)
    return true
  }

  /// The shutdown state of a guest lets through what can end it.
  private mutating func handleEventInShutdown(_ requests: PlatformRequests) -> Bool {
    interceptPreemptionTimer() || interceptNMIWindow() || takeNMI(requests)
  }

  /// Takes an NMI unless NMIs are blocked.
  private mutating func takeNMI(_ requests: PlatformRequests) -> Bool {
    guard requests.contains(.nmi), !interruptibility.blockingByNMI else { return false }
    signals.pointee.requests.remove(.nmi)
    if !interceptNMI() { deliver(interrupt: ExceptionVector.nmi.rawValue, .nmi) }
    return true
  }

  private mutating func deliverVirtualInterrupt() -> Bool {
    guard let vector = takeVirtualInterrupt() else { return false }
    deliver(interrupt: vector, .externalInterrupt)
    return true
  }

  private mutating func deliver(interrupt vector: UInt8, _ type: InterruptionType) {
    var event = PendingEvent()
    event.kind = .exception
    event.vector = vector
    event.type = type
    deliver(event)
  }

  /// The debug trap for what happened in the instruction before; false if nothing of it is enabled.
  private mutating func deliverDebugTrap() -> Bool {
    let bits = debug.pending
    debug.pending = 0
    updateAttention()
    let causes =
      DebugStatus.enabledBreakpoint | DebugStatus.singleStep | DebugStatus.taskSwitch
    guard bits & causes != 0 else { return false }
    var event = PendingEvent()
    event.kind = .exception
    event.vector = ExceptionVector.debug.rawValue
    event.isTrap = true
    event.qualification = bits & ~DebugStatus.enabledBreakpoint
    deliver(event)
    return true
  }

  // MARK: One instruction at a time

  /// Whether the next instruction must run alone, because something depends on where it ends.
  @inline(__always) var needsSingleStep: Bool {
    !attention.isDisjoint(with: .singleStepReasons)
  }

  /// Notes what the end of the instruction, of `length` bytes, needs to know of its start.
  mutating func beginStep(length: UInt64) {
    step.isActive = true
    step.locksBus = false
    step.hadTF = systemFlags & RFLAGS.tf.rawValue != 0
    step.clearsRF = systemFlags & RFLAGS.rf.rawValue != 0
    interruptibility.shadowEndsWithStep = interruptibility.isInShadow
    step.sequentialRIP = (rip &+ length) & ripMask
    step.length = length
  }

  /// Ends the shadow that the retired instruction stood in, clears RF, and records the single-step
  /// trap.
  mutating func endStep() {
    if interruptibility.shadowEndsWithStep {
      interruptibility.blockingBySTI = false
      interruptibility.blockingByMOVSS = false
    }
    if step.clearsRF { systemFlags &= ~RFLAGS.rf.rawValue }
    if step.isActive { vmx.isMonitorTrapDue = true }
    if step.locksBus { noteBusLock() }
    let stepsBranches = msrs.debugCtl & DebugControl.branchTrap != 0
    if step.hadTF, !interruptibility.blockingByMOVSS, !stepsBranches || rip != step.sequentialRIP {
      debug.pending |= DebugStatus.singleStep
    }
    step = StepState()
    updateAttention()
  }

  /// Blocks interrupts until the instruction after this one has retired.
  mutating func beginShadow(ofMOVSS: Bool) {
    // In a row of loads of SS, only the first has a shadow.
    if ofMOVSS, interruptibility.blockingByMOVSS { return }
    interruptibility.blockingByMOVSS = ofMOVSS
    interruptibility.blockingBySTI = !ofMOVSS
    interruptibility.shadowEndsWithStep = false
    updateAttention()
  }

  /// Recomputes the reasons to look before each block, and the requests worth looking for, from the
  /// state that they depend on: EFLAGS, interruptibility, activity, debug registers, VMX controls.
  mutating func updateAttention() {
    var reasons = attention.intersection(.keptReasons)
    let flags = RFLAGS(rawValue: systemFlags)
    if interruptibility.isInShadow { reasons.insert(.interruptShadow) }
    if flags.contains(.tf) || flags.contains(.rf) || debug.pending != 0 { reasons.insert(.debug) }
    if debug.isArmed {
      reasons.insert(.breakpoints)
      watchBreakpointPages()
    }
    if activity != .active { reasons.insert(.inactive) }
    if flags.contains(.vif), flags.contains(.vip) { reasons.insert(.virtualInterrupt) }
    if flags.contains(.if), watchesInterruptWindow || vmx.apic.hasInterrupt {
      reasons.insert(.interruptWindow)
    }
    if watchesNMIWindow { reasons.insert(.interruptWindow) }
    if awaitsEndbranch { reasons.insert(.endbranch) }
    attention = reasons
    var requests = PlatformRequests.stop.union(.startUp)
    if !blocksINIT { requests.insert(.initialize) }
    if !interruptibility.blockingByNMI { requests.insert(.nmi) }
    if flags.contains(.if) || externalInterruptsExit { requests.insert(.interrupt) }
    heededRequests = requests
    notePerformanceState()
  }
}
