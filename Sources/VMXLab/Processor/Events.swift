/// Reasons for the run loop to look before it runs the next block.
struct Attention: OptionSet {
  let rawValue: UInt32
  /// `Processor.pending` holds something.
  static let pendingEvent = Attention(rawValue: 1 << 0)
  /// STI or MOV SS blocks interrupts until the next instruction has retired.
  static let interruptShadow = Attention(rawValue: 1 << 1)
  /// EFLAGS.TF or EFLAGS.RF is set, or a debug trap is pending.
  static let debug = Attention(rawValue: 1 << 2)
  /// EFLAGS.IF became 1 or blocking ended: see whether an interrupt or NMI window is open.
  static let interruptWindow = Attention(rawValue: 1 << 3)
  /// Not in the active state (HLT, shutdown, wait-for-SIPI).
  static let inactive = Attention(rawValue: 1 << 4)
  /// Monitor trap flag.
  static let monitorTrap = Attention(rawValue: 1 << 5)
  /// Breakpoints are armed in DR7.
  static let breakpoints = Attention(rawValue: 1 << 6)
  /// The embedder asked for one instruction at a time.
  static let singleStep = Attention(rawValue: 1 << 7)
  /// Stop before the next instruction.
  static let stop = Attention(rawValue: 1 << 8)
  /// EFLAGS.VIF and EFLAGS.VIP are set: see whether that is #GP.
  static let virtualInterrupt = Attention(rawValue: 1 << 9)
  /// The next instruction accesses an APIC: its effects come before the instruction after it.
  static let alone = Attention(rawValue: 1 << 10)
  /// A virtualized write to the APIC-access page is to be emulated, or a trap-like VM exit is due.
  static let apicVirtualization = Attention(rawValue: 1 << 11)
  /// The next instruction must be ENDBR.
  static let endbranch = Attention(rawValue: 1 << 12)

  /// A bus lock has been asserted that is to be reported.
  static let busLock = Attention(rawValue: 1 << 13)

  /// The reasons to run the next instruction alone. A constant, as is the next, because a literal of
  /// several members is an array on the heap in builds without optimisation.
  static let singleStepReasons = Attention(
    rawValue: interruptShadow.rawValue | debug.rawValue | monitorTrap.rawValue
      | breakpoints.rawValue | singleStep.rawValue | alone.rawValue | endbranch.rawValue)
  /// The reasons that do not follow from the rest of the state.
  static let keptReasons = Attention(
    rawValue: pendingEvent.rawValue | monitorTrap.rawValue | singleStep.rawValue | stop.rawValue
      | interruptWindow.rawValue | alone.rawValue | apicVirtualization.rawValue | busLock.rawValue)
}

/// What the platform asks of the processor between instructions.
public struct PlatformRequests: OptionSet, Sendable {
  public let rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The interrupt controller's INTR output.
  public static let interrupt = PlatformRequests(rawValue: 1 << 0)
  public static let nmi = PlatformRequests(rawValue: 1 << 1)
  public static let initialize = PlatformRequests(rawValue: 1 << 2)
  /// Return from `run` before the next instruction.
  public static let stop = PlatformRequests(rawValue: 1 << 3)
  /// A start-up IPI, which is lost if the processor does not wait for one.
  public static let startUp = PlatformRequests(rawValue: 1 << 4)
}

/// What the platform tells the processor: written by devices and the embedder, read by the run
/// loop; apart from `Processor`, so that a device can be called while an instruction has the
/// processor's state open.
struct PlatformSignals {
  var requests: PlatformRequests = [] {
    didSet { if !requests.isEmpty { horizon = 0 } }
  }
  /// Cycle at which `run` returns so that the machine can advance its devices.
  var deadline: UInt64 = .max {
    didSet { horizon = 0 }
  }
  /// Cycle up to which blocks may follow one another without the run loop: it sets this ahead of
  /// the deadline, and whatever it must look at sets it to 0.
  var horizon: UInt64 = 0
  /// The latest that `deadline` may be for what the processor itself has to do by then.
  var processorDeadline: UInt64 = .max
  /// The vector of the start-up IPI that is requested.
  var startUpVector: UInt8 = 0
  /// IGNNE#: x87 exceptions are ignored while CR0.NE is 0.
  var ignoresNumericErrors = false
}

/// What an instruction recorded before it left its handler: nothing of it is committed.
struct PendingEvent {
  enum Kind: UInt8 {
    case none
    /// A fault or trap to be delivered through the IDT (or intercepted).
    case exception
    /// A VM exit, described in `VMXState.exit`.
    case vmExit
    /// The machine is to stop at an instruction that VMXLab has not built.
    case notBuilt
    /// The instruction is to be started again, alone: what it does must be seen before the next one.
    case restart
  }
  var kind = Kind.none
  var vector: UInt8 = 0
  var type = InterruptionType.hardwareException
  var hasErrorCode = false
  /// Trap-like: RIP is already that of the next instruction.
  var isTrap = false
  var errorCode: UInt32 = 0
  /// Length of the instruction, for software interrupts and exceptions.
  var instructionLength: UInt8 = 0
  /// DR6 bits (#DB), linear address (#PF), as the exception's exit qualification.
  var qualification: UInt64 = 0
}

/// The event being delivered.
struct EventDelivery {
  var isActive = false
  var vector: UInt8 = 0
  var type = InterruptionType.externalInterrupt
  var hasErrorCode = false
  var errorCode: UInt32 = 0
  var instructionLength: UInt8 = 0
  /// RFLAGS.RF in the flags image that delivery pushes.
  var hasResumeFlag = false

  /// In the format of the IDT-vectoring information field.
  var information: InterruptionInformation {
    InterruptionInformation(type, vector: vector, hasErrorCode: hasErrorCode)
  }

  /// Caused by an instruction whose length the handler of a VM exit needs.
  var isSoftware: Bool {
    type == .softwareInterrupt || type == .softwareException
      || type == .privilegedSoftwareException
  }
}

/// What blocks events for a while.
///
/// Source: Intel SDM, "Guest Non-Register State", interruptibility state.
struct Interruptibility {
  var blockingBySTI = false
  var blockingByMOVSS = false
  var blockingByNMI = false
  /// The instruction in the shadow of STI or MOV SS has started: the shadow ends with it.
  var shadowEndsWithStep = false
  /// The current instruction is an IRET that has unblocked NMIs.
  var isUnblockedByIRET = false

  /// STI or MOV SS blocks interrupts.
  @inline(__always) var isInShadow: Bool { blockingBySTI || blockingByMOVSS }
}

/// What the end of a single-stepped instruction needs to know of its start.
struct StepState {
  /// An instruction is being stepped; a VM entry starts afresh, so that it does not count as one of
  /// the guest's.
  var isActive = false
  /// EFLAGS.TF was set when the instruction started: a debug trap follows it.
  var hadTF = false
  /// EFLAGS.RF was set when the instruction started, and nothing has loaded the flags since.
  var clearsRF = false
  /// RIP of the instruction in sequence, to see whether it branched.
  var sequentialRIP: UInt64 = 0
  /// The instruction asserts a bus lock, if it retires.
  var locksBus = false
  /// Length in bytes of the instruction that is being stepped.
  var length: UInt64 = 0
}

/// The mode of operation.
///
/// Source: Intel SDM, "Modes of Operation".
public enum ProcessorMode: UInt8, Sendable {
  case real
  case virtual8086
  case protected
  case compatibility
  case long
}
