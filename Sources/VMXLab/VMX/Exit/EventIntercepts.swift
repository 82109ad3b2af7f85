// VM exits of events: exceptions, interrupts, NMIs, windows, timers.
//
// An interception records its VM exit and returns true; the run loop then calls `performVMExit`.
//
// Source: Intel SDM, "Other Causes of VM Exits" and "Information for VM Exits Due to Vectored
// Events".
extension Processor {
  /// Records a VM exit that no instruction causes.
  mutating func recordEventExit(
    _ reason: BasicExitReason, qualification: UInt64 = 0,
    information: InterruptionInformation = InterruptionInformation(rawValue: 0)
  ) {
    vmx.exit = PendingExit(reason: reason, qualification: qualification)
    vmx.exit.interruptionInformation = information.rawValue
    pending.kind = .vmExit
    attention.insert(.pendingEvent)
  }

  /// The exception bitmap, with the page-fault error-code mask and match.
  ///
  /// Called before the exception changes anything; `delivery` says what was being delivered.
  mutating func interceptException(_ event: PendingEvent) -> Bool {
    guard vmx.isNonRoot, bitmapIntercepts(event) else { return false }
    // A double fault that exits directly does not count as one during event delivery.
    if event.vector == ExceptionVector.doubleFault.rawValue { delivery.isActive = false }
    recordEventExit(
      .exceptionOrNMI,
      qualification: event.qualification,
      information: InterruptionInformation(
        event.type, vector: event.vector, hasErrorCode: event.hasErrorCode,
        nmiUnblockingDueToIRET: interruptibility.isUnblockedByIRET && !delivery.isActive
          && event.vector != ExceptionVector.doubleFault.rawValue))
    vmx.exit.interruptionErrorCode = event.hasErrorCode ? event.errorCode : 0
    vmx.exit.instructionLength = UInt32(event.instructionLength)
    // RF is that of the flags image that delivery would push.
    if event.type != .hardwareException {
      vmx.exit.resumeFlag = .clear
    } else if event.isFaultThatSetsRF {
      vmx.exit.resumeFlag = .set
    }
    return true
  }

  private func bitmapIntercepts(_ event: PendingEvent) -> Bool {
    let isIntercepted = vmx.vmcs.exceptionBitmap >> UInt32(event.vector & 31) & 1 != 0
    guard event.vector == ExceptionVector.pageFault.rawValue else { return isIntercepted }
    let matches =
      event.errorCode & vmx.vmcs.pageFaultErrorCodeMask == vmx.vmcs.pageFaultErrorCodeMatch
    return isIntercepted == matches
  }

  /// A fault within the delivery of a double fault.
  mutating func interceptTripleFault() -> Bool {
    guard vmx.isNonRoot else { return false }
    delivery.isActive = false
    recordEventExit(.tripleFault)
    return true
  }

  /// "NMI exiting": an NMI would be delivered now. The request has been taken.
  mutating func interceptNMI() -> Bool {
    guard vmx.isNonRoot, vmx.pin.contains(.nmiExiting) else { return false }
    recordEventExit(
      .exceptionOrNMI, information: InterruptionInformation(.nmi, vector: 2))
    vmx.exit.blocksNMI = true
    if isBetweenIterations { vmx.exit.resumeFlag = .set }
    return true
  }

  /// "External-interrupt exiting"; acknowledges the interrupt if the VM exit is to, or processes
  /// posted interrupts instead.
  mutating func interceptExternalInterrupt() -> Bool {
    guard externalInterruptsExit else { return false }
    var information = InterruptionInformation(rawValue: 0)
    let controls = VMExitControls(rawValue: vmx.vmcs.vmExitControls)
    if controls.contains(.acknowledgeInterruptOnExit) {
      let vector = platform.acknowledgeInterrupt(cycles: cycles)
      if processPostedInterrupts(vector) { return true }
      information = InterruptionInformation(.externalInterrupt, vector: vector)
    }
    recordEventExit(.externalInterrupt, information: information)
    if isBetweenIterations { vmx.exit.resumeFlag = .set }
    return true
  }

  /// An INIT signal. The request has been taken.
  mutating func interceptINIT() -> Bool {
    guard vmx.isNonRoot else { return false }
    recordEventExit(.initSignal)
    return true
  }

  /// A start-up IPI in the wait-for-SIPI state.
  mutating func interceptStartUp(vector: UInt8) -> Bool {
    guard vmx.isNonRoot else { return false }
    recordEventExit(.startupIPI, qualification: UInt64(vector))
    return true
  }

  /// "Interrupt-window exiting": EFLAGS.IF is 1 and neither STI nor MOV SS blocks.
  mutating func interceptInterruptWindow() -> Bool {
    guard watchesInterruptWindow else { return false }
    recordEventExit(.interruptWindow)
    return true
  }

  /// "NMI-window exiting": there is no virtual-NMI blocking, and MOV SS does not block.
  mutating func interceptNMIWindow() -> Bool {
    guard watchesNMIWindow, !vmx.blockingByVirtualNMI else { return false }
    recordEventExit(.nmiWindow)
    return true
  }

  /// The monitor trap flag: an instruction or one of its iterations is done, an event has been
  /// delivered, or VM entry injected the VM exit.
  ///
  /// Source: Intel SDM, "Monitor Trap Flag".
  mutating func interceptMonitorTrap() -> Bool {
    guard vmx.isNonRoot, vmx.isMonitorTrapDue else { return false }
    recordEventExit(.monitorTrapFlag)
    return true
  }

  /// The VMX-preemption timer has counted down to 0.
  mutating func interceptPreemptionTimer() -> Bool {
    guard vmx.isNonRoot, cycles >= vmx.preemptionDeadline else { return false }
    vmx.preemptionDeadline = cycles
    recordEventExit(.vmxPreemptionTimerExpired)
    return true
  }

  /// Cycle at which the VMX-preemption timer wakes the processor; it does not in wait-for-SIPI.
  var preemptionTimerEvent: UInt64 {
    vmx.isNonRoot && activity != .waitForSIPI ? vmx.preemptionDeadline : .max
  }

  /// Whether INIT signals stay pending: in VMX root operation, and while a guest waits for a SIPI.
  var blocksINIT: Bool { vmx.isOn && (!vmx.isNonRoot || activity == .waitForSIPI) }

  /// Whether external interrupts cause VM exits, whatever EFLAGS.IF says.
  var externalInterruptsExit: Bool {
    vmx.isNonRoot && vmx.pin.contains(.externalInterruptExiting)
  }

  /// Blocks NMIs, because one is being delivered: virtual ones where the guest has those.
  mutating func blockNMIs() {
    if vmx.isNonRoot, vmx.pin.contains(.virtualNMIs) {
      vmx.blockingByVirtualNMI = true
    } else {
      interruptibility.blockingByNMI = true
    }
  }

  /// "Interrupt-window exiting" in VMX non-root operation.
  var watchesInterruptWindow: Bool {
    vmx.isNonRoot && vmx.primary.contains(.interruptWindowExiting)
  }

  /// "NMI-window exiting" in VMX non-root operation.
  var watchesNMIWindow: Bool { vmx.isNonRoot && vmx.primary.contains(.nmiWindowExiting) }

  /// IRET ends the blocking of NMIs: with virtual NMIs that of virtual NMIs, with NMI exiting alone
  /// of neither.
  mutating func unblockNMIs() {
    if vmx.isNonRoot, vmx.pin.contains(.nmiExiting) {
      guard vmx.pin.contains(.virtualNMIs), vmx.blockingByVirtualNMI else { return }
      vmx.blockingByVirtualNMI = false
    } else {
      guard interruptibility.blockingByNMI else { return }
      interruptibility.blockingByNMI = false
    }
    interruptibility.isUnblockedByIRET = true
    updateAttention()
  }

  // MARK: Instructions that transfer control through descriptor tables

  /// Task switches always cause VM exits in VMX non-root operation.
  ///
  /// Source: Intel SDM, "Exit Qualification for Task Switches".
  mutating func interceptTaskSwitch(_ selector: UInt16, _ source: TaskSwitchSource) -> Bool {
    guard vmx.isNonRoot else { return false }
    let qualification = UInt64(selector) | source.rawValue << 30
    if source == .gate {
      recordEventExit(.taskSwitch, qualification: qualification)
      vmx.exit.instructionLength = UInt32(delivery.instructionLength)
      vmx.exit.resumeFlag = SavedResumeFlag(delivery.hasResumeFlag)
    } else {
      recordExit(.taskSwitch, qualification: qualification)
    }
    return true
  }

  /// "Descriptor-table exiting".
  ///
  /// Source: Intel SDM, "Format of the VM-Exit Instruction-Information Field as Used for LIDT, LGDT,
  /// SIDT, or SGDT" and "... for LLDT, LTR, SLDT, and STR".
  mutating func interceptDescriptorTable(
    _ instruction: DescriptorTableInstruction, _ i: InstructionReference
  ) -> Bool {
    guard vmx.isNonRoot, vmx.secondary.contains(.descriptorTableExiting) else { return false }
    let isMemory = i.pointer.pointee.source != 1
    var information = UInt32(instruction.rawValue & 3) << 28
    switch instruction {
    case .sgdt, .sidt, .lgdt, .lidt:
      information |= instructionInformation(i)
      if !i.pointer.pointee.mode.contains(.operand16) { information |= 1 << 11 }
      recordExit(
        .gdtrOrIDTRAccess, qualification: displacementQualification(i),
        instructionInformation: information)
    case .sldt, .str, .lldt, .ltr:
      if isMemory {
        information |= instructionInformation(i)
      } else {
        information |= 1 << 10 | UInt32(i.pointer.pointee.destination >> 3) << 3
      }
      recordExit(
        .ldtrOrTRAccess,
        qualification: isMemory ? displacementQualification(i) : 0,
        instructionInformation: information)
    }
    return true
  }
}

/// What starts a task switch, numbered as in the exit qualification.
///
/// Source: Intel SDM, "Exit Qualification for Task Switches".
enum TaskSwitchSource: UInt64 {
  case call = 0
  case iret = 1
  case jump = 2
  case gate = 3
}

/// The instructions that "descriptor-table exiting" intercepts, with their numbers in the
/// VM-exit instruction-information field.
enum DescriptorTableInstruction: UInt8 {
  case sgdt, sidt, lgdt, lidt
  case sldt, str, lldt, ltr
}
