import ArgumentParser
import FoundationEssentials
import VMXLab

/// What is said of a run when it is over.
struct RunReport {
  /// A line: what ended the run, and how long it was.
  let summary: String
  private let content: Content

  /// The JSON form. Everything outside `host` is the same in every run of the same image with the same
  /// options and input.
  private struct Content: Encodable {
    struct Host: Encodable {
      /// Seconds that the run took.
      var seconds: Double
      /// Millions of guest instructions a second.
      var mips: Double
    }
    var cycles: UInt64
    var end: String
    var exitStatus: Int32
    var failedVMEntries: [String: UInt64]
    var host: Host
    var instructions: UInt64
    var vmEntries: UInt64
    var vmExits: [String: UInt64]
  }

  init(machine: Machine, end: RunEnd, hostTime: Duration) {
    let statistics = machine.statistics
    summary =
      "\(end.text(of: machine)); \(Self.grouped(statistics.instructions)) instructions, "
      + "\(Self.grouped(statistics.cycles)) cycles"
    let seconds = hostTime / .seconds(1)
    content = Content(
      cycles: statistics.cycles, end: end.identifier, exitStatus: end.status.rawValue,
      failedVMEntries: statistics.failedVMEntries,
      host: .init(
        seconds: seconds,
        mips: seconds > 0 ? Double(statistics.instructions) / seconds / 1e6 : 0),
      instructions: statistics.instructions, vmEntries: statistics.vmEntries,
      vmExits: statistics.vmExits)
  }

  /// The statistics for people to read: lines of a name and a number.
  var table: String {
    var rows = [
      ("instructions", Self.grouped(content.instructions)),
      ("cycles", Self.grouped(content.cycles)),
      ("host seconds", Self.decimal(content.host.seconds, places: 6)),
      ("MIPS", Self.decimal(content.host.mips, places: 1)),
      ("VM entries", Self.grouped(content.vmEntries)),
      ("VM exits", Self.grouped(content.vmExits.values.reduce(0, &+))),
    ]
    rows += Self.details(content.vmExits)
    rows.append(("failed VM entries", Self.grouped(content.failedVMEntries.values.reduce(0, &+))))
    rows += Self.details(content.failedVMEntries)
    let width = (rows.map(\.0.count).max() ?? 0) + 2
    let numberWidth = rows.map(\.1.count).max() ?? 0
    return rows.map { name, number in
      name + String(repeating: " ", count: width + numberWidth - name.count - number.count) + number
        + "\n"
    }.joined()
  }

  /// The statistics as JSON, keys sorted.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    // Numbers and text alone: encoding them does not fail.
    let data = (try? encoder.encode(content)) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  private static func details(_ counts: [String: UInt64]) -> [(String, String)] {
    counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { ("  \($0.key)", grouped($0.value)) }
  }

  /// Digits in threes: 1,234,567.
  private static func grouped(_ number: UInt64) -> String {
    var digits = Array(String(number))
    var index = digits.count - 3
    while index > 0 {
      digits.insert(",", at: index)
      index -= 3
    }
    return String(digits)
  }

  private static func decimal(_ number: Double, places: Int) -> String {
    var scale: UInt64 = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = UInt64((min(number, 1e9) * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
  }
}
