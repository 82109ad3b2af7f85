/// The activity state of a logical processor.
///
/// Source: Intel SDM, "Guest Non-Register State".
public enum ActivityState: UInt32, CaseIterable, Sendable {
  case active = 0
  case hlt = 1
  /// After a triple fault or another serious error.
  case shutdown = 2
  case waitForSIPI = 3
}

/// The interruptibility state: events that are blocked for a while.
///
/// Source: Intel SDM, "Guest Non-Register State", format of interruptibility state.
public struct InterruptibilityState: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let blockingBySTI = InterruptibilityState(rawValue: 1 << 0)
  public static let blockingByMOVSS = InterruptibilityState(rawValue: 1 << 1)
  public static let blockingBySMI = InterruptibilityState(rawValue: 1 << 2)
  /// With "virtual NMIs", virtual-NMI blocking.
  public static let blockingByNMI = InterruptibilityState(rawValue: 1 << 3)
  public static let enclaveInterruption = InterruptibilityState(rawValue: 1 << 4)

  /// The bits that are defined; the others must be 0.
  public static let defined = InterruptibilityState(rawValue: 0x1f)
}

/// Debug exceptions that were found but not delivered yet.
///
/// Source: Intel SDM, "Guest Non-Register State", format of pending-debug-exceptions.
public struct PendingDebugExceptions: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// B3–B0: conditions of breakpoints that were met, enabled or not.
  public static let breakpoints = PendingDebugExceptions(rawValue: 0xf)
  /// A bus lock was taken with OS bus-lock detection on.
  public static let busLockDetected = PendingDebugExceptions(rawValue: 1 << 11)
  /// At least one data or I/O breakpoint was met and is enabled in DR7.
  public static let enabledBreakpoint = PendingDebugExceptions(rawValue: 1 << 12)
  /// BS: a single step.
  public static let singleStep = PendingDebugExceptions(rawValue: 1 << 14)
  /// A debug exception occurred inside an RTM region with advanced debugging of it.
  public static let rtm = PendingDebugExceptions(rawValue: 1 << 16)

  /// The bits that are defined on some processor; the others must be 0.
  public static let defined = PendingDebugExceptions(rawValue: 0x1_580f)
}
