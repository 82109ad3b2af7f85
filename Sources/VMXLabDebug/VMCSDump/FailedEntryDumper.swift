import VMXLab

/// Writes the VMCS of each VM entry that failed, as JSON, until the same failure has come ten times.
public final class FailedEntryDumper: VMXObserver {
  /// How often a failure at the same instruction with the same outcome is written.
  public static let repetitions = 10
  /// How many dumps are written at most, so that a guest cannot fill a disk.
  public static let maximumDumps = 1_000

  private let write: (String) -> Void
  private var counts: [String: Int] = [:]
  /// How many dumps were written.
  public private(set) var dumpCount = 0

  /// - Parameter write: is given each dump, on the thread that runs the machine.
  public init(write: @escaping (String) -> Void) { self.write = write }

  public override var wantsFailedEntries: Bool { dumpCount < Self.maximumDumps }

  public override func observe(failedEntry dump: VMCSDump, cycles: UInt64) {
    guard dumpCount < Self.maximumDumps else { return }
    let count = counts["\(dump.entry)", default: 0] + 1
    counts["\(dump.entry)"] = count
    guard count <= Self.repetitions else { return }
    dumpCount += 1
    write(VMCSDumpJSON.text(dump))
  }
}
