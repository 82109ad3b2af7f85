import Foundation
import Testing

@testable import VMXLab

@Suite("The life of a machine")
struct MachineLifetimeTests {
  @Test("A machine that is let go leaves nothing behind")
  func leavesNothing() throws {
    weak var machine: Machine?
    weak var platform: MachinePlatform?
    try Self.run { other in
      machine = other
      platform = other.platform
    }
    #expect(machine == nil)
    #expect(platform == nil)
  }

  /// In a process of its own, where nothing else takes memory.
  @Test("Machines, one after the other, need no more memory than a few")
  func memory() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<5 { try Self.run() }
      let before = try Self.residentBytes()
      for _ in 0..<30 { try Self.run() }
      // What one machine has touched is several MiB.
      #expect(try Self.residentBytes() < before + 32 << 20)
    }
  }

  private static func run(_ body: (Machine) -> Void = { _ in }) throws {
    let guest = try RandomGuest(
      seed: 1, mode: .protected32, profile: CPUProfile.named(CPUProfile.defaultName))
    _ = guest.machine.run(instructions: 1000, cycles: 10_000)
    body(guest.machine)
  }

  /// What the process has in memory.
  private static func residentBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let pages = try #require(Int(text.split(separator: " ")[1]))
    return pages * Int(getpagesize())
  }
}
