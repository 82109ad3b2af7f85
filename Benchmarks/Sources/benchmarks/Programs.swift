import Foundation

/// Programs of the host.
enum Programs {
  /// The path of a program, looked for in PATH.
  static func find(_ name: String) -> String? {
    if name.contains("/") { return isProgram(name) ? name : nil }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return path.split(separator: ":").lazy.map { "\($0)/\(name)" }.first(where: isProgram)
  }

  private static func isProgram(_ path: String) -> Bool { access(path, X_OK) == 0 }

  /// Runs a program to its end and returns what it wrote, both outputs together.
  ///
  /// - Throws: `BenchmarkError` if it cannot be started or fails.
  @discardableResult
  static func run(_ name: String, _ arguments: [String], acceptFailure: Bool = false) throws
    -> String
  {
    guard let path = find(name) else { throw BenchmarkError("\(name) is not installed") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    // Swift seeds its hash tables at random, unless it is told not to: they then grow alike.
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["SWIFT_DETERMINISTIC_HASHING": "1"]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    RunningChild.begin(process.processIdentifier)
    defer { RunningChild.end() }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard acceptFailure || process.terminationStatus == 0 else {
      throw BenchmarkError("\(name) failed with status \(process.terminationStatus):\n\(text)")
    }
    return text
  }
}
