import VMXLab

/// Says why VM entries failed: one line for each, until the same line has come ten times; from then on
/// it is only counted, and ``finish()`` says how often.
public final class FailedEntryReporter: VMXObserver {
  /// How much is said of a failed entry.
  public enum Detail: String, CaseIterable, Sendable {
    /// The rule that decided.
    case first
    /// Every rule that the VMCS breaks.
    case all
    /// Nothing.
    case off
  }

  /// How often a line is written before it is only counted.
  public static let repetitions = 10
  /// How many different lines are told apart; what comes after those is counted together.
  private static let maximumLines = 1_000

  private let detail: Detail
  private let write: (String) -> Void
  private var counts: [String: Int] = [:]
  private var others = 0

  /// - Parameter write: is given each line, without a line feed, on the thread that runs the machine.
  public init(detail: Detail = .first, write: @escaping (String) -> Void) {
    self.detail = detail
    self.write = write
  }

  public override func observe(_ event: VMXEvent, vmcs: VMCS, cycles: UInt64) {
    guard detail != .off, let report = VMEntryReport(event, vmcs: vmcs) else { return }
    let line = report.line
    guard counts[line] != nil || counts.count < Self.maximumLines else {
      others += 1
      return
    }
    let count = counts[line, default: 0] + 1
    counts[line] = count
    guard count <= Self.repetitions else { return }
    write(line)
    if detail == .all {
      for reason in report.reasons.dropFirst() { write("  also broken: \(reason)") }
    }
    if count == Self.repetitions { write("  (from now on this is only counted)") }
  }

  /// Writes how often each line came that was not written every time.
  public func finish() {
    for (line, count) in counts.sorted(by: { $0.key < $1.key }) where count > Self.repetitions {
      write("\(count) times: \(line)")
    }
    if others > 0 { write("\(others) more failed VM entries, all different from those above") }
    counts = [:]
    others = 0
  }
}

/// Passes what happens on to several observers, in their order.
public final class VMXObserverList: VMXObserver {
  private let observers: [VMXObserver]

  public init(_ observers: [VMXObserver]) { self.observers = observers }

  public override func observe(_ event: VMXEvent, vmcs: VMCS, cycles: UInt64) {
    for observer in observers { observer.observe(event, vmcs: vmcs, cycles: cycles) }
  }

  public override var wantsFailedEntries: Bool { observers.contains { $0.wantsFailedEntries } }

  public override func observe(failedEntry dump: VMCSDump, cycles: UInt64) {
    for observer in observers where observer.wantsFailedEntries {
      observer.observe(failedEntry: dump, cycles: cycles)
    }
  }
}
