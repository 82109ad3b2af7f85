import Foundation

/// How long a fuzz test runs, and from which random numbers it starts: `make fuzz SEED=… MINUTES=…`
/// sets them in the environment; otherwise a test runs for a moment.
enum FuzzSettings {
  /// `VMXLAB_FUZZ_SEED`; 1 without it.
  static var seed: UInt64 { number("VMXLAB_FUZZ_SEED") ?? 1 }

  /// `VMXLAB_FUZZ_SECONDS`; nil without it.
  static var seconds: Double? { number("VMXLAB_FUZZ_SECONDS").map { Double($0) } }

  /// Calls `body` with one seed after the other: `quickCount` times, or until the time is up.
  static func forEachSeed(quickCount: Int, _ body: (UInt64) throws -> Void) rethrows {
    let first = seed &* 1_000_003
    guard let seconds else {
      for index in 0..<UInt64(quickCount) { try body(first &+ index) }
      return
    }
    let end = Date(timeIntervalSinceNow: seconds)
    var index: UInt64 = 0
    while Date() < end {
      try body(first &+ index)
      index &+= 1
    }
  }

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }
}
