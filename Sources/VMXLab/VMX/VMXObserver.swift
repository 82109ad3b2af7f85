/// Something that the VMX unit did.
public enum VMXEvent: Sendable {
  case vmxon(pointer: UInt64)
  case vmxoff
  case vmclear(pointer: UInt64)
  case vmptrld(pointer: UInt64)
  /// VMLAUNCH (`isLaunch`) or VMRESUME at `rip` came to `outcome`; where a check failed, `broken` has
  /// every rule that the VMCS breaks, in the order of the checks.
  case entry(VMEntryOutcome, isLaunch: Bool, rip: UInt64, broken: [BrokenRule])
  /// A VM exit, with the guest's RIP.
  case exit(BasicExitReason, qualification: UInt64, rip: UInt64)
  /// A VMX instruction other than VM entry failed with this error.
  case failed(VMInstructionError)
}

/// Watches the VMX unit. A subclass says what to do; nothing is spent where there is no observer.
open class VMXObserver {
  /// The name of the CPU profile of the machine that is watched.
  final var profileName: String?

  public init() {}

  /// Called after each event. `vmcs` is the current VMCS, `cycles` the present.
  open func observe(_ event: VMXEvent, vmcs: VMCS, cycles: UInt64) {}

  /// Whether ``observe(failedEntry:cycles:)`` is wanted; making a dump costs time and memory.
  open var wantsFailedEntries: Bool { false }

  /// Called after the event of a VM entry that failed, with all that its checks read.
  open func observe(failedEntry dump: VMCSDump, cycles: UInt64) {}
}

/// The VMX unit's unowned reference to its observer.
///
/// Invariant: the machine keeps the observer alive while it is set here.
struct VMXObserverReference {
  private let observer: Unmanaged<VMXObserver>

  init(_ observer: VMXObserver) { self.observer = Unmanaged.passUnretained(observer) }

  func observe(_ event: VMXEvent, vmcs: VMCS, cycles: UInt64) {
    observer._withUnsafeGuaranteedRef { $0.observe(event, vmcs: vmcs, cycles: cycles) }
  }

  var wantsFailedEntries: Bool { observer._withUnsafeGuaranteedRef { $0.wantsFailedEntries } }

  func observe(failedEntry dump: VMCSDump, cycles: UInt64) {
    observer._withUnsafeGuaranteedRef {
      var dump = dump
      dump.profileName = $0.profileName
      $0.observe(failedEntry: dump, cycles: cycles)
    }
  }
}

extension Processor {
  /// Tells the observer, if there is one.
  ///
  /// Only then is `event` made, which may cost memory.
  @inline(__always) func observe(_ event: @autoclosure () -> VMXEvent) {
    guard let observer = vmx.observer else { return }
    observer.observe(event(), vmcs: vmx.vmcs, cycles: cycles)
  }
}
