import Foundation

/// VMXLab under callgrind, which counts the instructions that it executes: the same number in every
/// run, however busy the host is.
struct Callgrind {
  /// What a run cost.
  struct Cost {
    /// Instructions of the host.
    var host = 0
    /// Calls of malloc and what is like it.
    var allocations = 0
    /// Calls that change a reference count.
    var referenceCounts = 0
    /// Errors thrown.
    var errors = 0
  }

  private let program: String
  private let image: String
  private let directory: TemporaryDirectory

  /// - Throws: `BenchmarkError` if valgrind is not installed.
  init(program: String, image: String) throws {
    guard Programs.find("valgrind") != nil else {
      throw BenchmarkError("valgrind is not installed")
    }
    directory = try TemporaryDirectory()
    // Valgrind gives up on some of the debug information that Swift writes. Without it the code is
    // the same.
    let stripped = directory.file("vmxlab")
    try Programs.run(Programs.find("llvm-strip") ?? "strip", ["-g", "-o", stripped, program])
    self.program = stripped
    self.image = image
  }

  /// The cost of a whole run. With a cycle for each instruction a run that is not long takes none of
  /// the breaks in which the command line looks for input, and no device's time comes.
  func cost(_ words: [String]) throws -> Cost {
    let profile = directory.file("callgrind.out")
    try Programs.run(
      "valgrind",
      ["--quiet", "--tool=callgrind", "--callgrind-out-file=\(profile)", program]
        + ["run", "--quiet", "--serial", "null", "--explain", "off", "--timing", "functional"]
        + [image, "--"] + words)
    return try read(profile)
  }

  private static let allocators: Set<String> = [
    "malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign", "memalign", "valloc", "mmap",
  ]

  /// Reads a callgrind profile: "calls=" lines, after the line that names the called function, and
  /// the summary.
  private func read(_ path: String) throws -> Cost {
    var cost = Cost()
    let text = try Data(contentsOf: URL(fileURLWithPath: path))
    var names: [Substring: String] = [:]
    var called = ""
    for line in text.split(separator: 0x0a) {
      // Only these are of interest, and all others begin otherwise.
      guard let first = line.first, UInt8(ascii: "a")...UInt8(ascii: "z") ~= first else { continue }
      let line = String(decoding: line, as: UTF8.self)
      if line.hasPrefix("fn=(") || line.hasPrefix("cfn=(") {
        // "(number) name" defines the number, "(number)" refers to it.
        let parts = line.drop { $0 != "(" }.split(separator: " ", maxSplits: 1)
        if parts.count == 2 { names[parts[0]] = Self.plain(parts[1]) }
        if line.hasPrefix("c") { called = names[parts[0]] ?? "" }
      } else if line.hasPrefix("calls=") {
        let count = Int(line.dropFirst(6).prefix { $0 != " " }) ?? 0
        if Self.allocators.contains(called) {
          cost.allocations += count
        } else if called.hasPrefix("swift_retain") || called.hasPrefix("swift_release")
          || called.hasPrefix("swift_bridgeObjectRe")
        {
          cost.referenceCounts += count
        } else if called == "swift_willThrow" {
          cost.errors += count
        }
      } else if line.hasPrefix("summary:") || (cost.host == 0 && line.hasPrefix("totals:")) {
        cost.host = line.split(separator: " ").last.flatMap { Int($0) } ?? 0
      }
    }
    guard cost.host > 0 else { throw BenchmarkError("callgrind's profile has no summary") }
    return cost
  }

  /// A function's name without the suffix of recursion ("'2") and of a symbol's version ("@...").
  private static func plain(_ name: Substring) -> String {
    String(name.prefix { $0 != "'" && $0 != "@" })
  }
}
