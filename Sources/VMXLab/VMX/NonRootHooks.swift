// Where the delivery of events and the transfer of control ask whether VMX non-root operation turns
// them into VM exits.
//
// An interception records its VM exit (`pending.kind = .vmExit`, `attention.pendingEvent`) and
// returns true; the run loop then calls `performVMExit`. Outside VMX non-root operation every one
// returns false.
extension Processor {
  // MARK: Events

  /// Exception bitmap, with the page-fault error-code mask and match: called before the exception
  /// changes anything. `delivery` says what was being delivered (IDT-vectoring information);
  /// `event.qualification` holds #PF's linear address or #DB's DR6 bits.
  mutating func interceptException(_ event: PendingEvent) -> Bool { false }

  /// A fault within the delivery of a double fault.
  mutating func interceptTripleFault() -> Bool { false }

  /// "NMI exiting": an NMI would be delivered now. The request has been taken.
  mutating func interceptNMI() -> Bool { false }

  /// "External-interrupt exiting": the interrupt controller requests an interrupt now. Acknowledges
  /// it if the VM exit is to.
  mutating func interceptExternalInterrupt() -> Bool { false }

  /// An INIT signal: a VM exit in VMX non-root operation. The request has been taken.
  mutating func interceptINIT() -> Bool { false }

  /// "Interrupt-window exiting" and virtual-interrupt delivery: EFLAGS.IF is 1 and neither STI nor
  /// MOV SS blocks.
  mutating func interceptInterruptWindow() -> Bool { false }

  /// "NMI-window exiting": there is no virtual-NMI blocking, and MOV SS does not block.
  mutating func interceptNMIWindow() -> Bool { false }

  /// A pending MTF VM exit (`attention.monitorTrap`), at an instruction boundary.
  mutating func interceptMonitorTrap() -> Bool { false }

  /// The VMX-preemption timer has counted down to 0.
  mutating func interceptPreemptionTimer() -> Bool { false }

  /// Whether INIT signals stay pending: in VMX root operation.
  var blocksINIT: Bool { false }

  /// Whether external interrupts cause VM exits, whatever EFLAGS.IF says.
  var externalInterruptsExit: Bool { false }

  /// Whether NMIs cause VM exits.
  var nmisExit: Bool { false }

  /// Whether `interceptInterruptWindow` has anything to look for.
  var watchesInterruptWindow: Bool { false }

  /// Whether `interceptNMIWindow` has anything to look for.
  var watchesNMIWindow: Bool { false }

  /// Carries out the VM exit that is recorded; `delivery` says what was being delivered. Returns
  /// with the host's state loaded (or the processor in VMX abort).
  mutating func performVMExit() {}

  /// IRET ends the blocking of NMIs (virtual NMIs: of virtual NMIs; NMI exiting without virtual
  /// NMIs: of neither).
  mutating func unblockNMIs() {
    guard interruptibility.blockingByNMI else { return }
    interruptibility.blockingByNMI = false
    interruptibility.isUnblockedByIRET = true
    updateAttention()
  }

  // MARK: Instructions

  /// Task switches always cause VM exits in VMX non-root operation: called after the checks of the
  /// gate and before those of the new TSS.
  mutating func interceptTaskSwitch(_ selector: UInt16, _ source: TaskSwitchSource) -> Bool {
    false
  }

  /// "Descriptor-table exiting": called before the instruction does anything but its #UD and #GP
  /// checks of mode and CPL.
  mutating func interceptDescriptorTable(
    _ instruction: DescriptorTableInstruction, _ i: InstructionReference
  ) -> Bool {
    false
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
///
/// Source: Intel SDM, "Format of the VM-Exit Instruction-Information Field as Used for LIDT, LGDT,
/// SIDT, or SGDT" and "... for LLDT, LTR, SLDT, and STR".
enum DescriptorTableInstruction: UInt8 {
  case sgdt, sidt, lgdt, lidt
  case sldt, str, lldt, ltr
}
