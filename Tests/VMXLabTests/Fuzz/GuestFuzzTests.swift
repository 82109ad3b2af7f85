import Foundation
import Testing

@testable import VMXLab

/// Random guests in every mode. Nothing that they do may harm the emulator, which is built with all of
/// Swift's checks here; the processor's state must make sense whenever they are stopped; and they must do
/// the same however their run is cut into pieces, since blocks, chains and caches are no part of the
/// architecture.
struct GuestFuzzTests {
  /// How often a guest begins anew, and the instructions and cycles that it has each time.
  private static let lives = 16
  private static let instructions: UInt64 = 400
  private static let cycles: UInt64 = 40_000

  @Test(
    "A random guest of any mode does the same in one piece and in many",
    arguments: [CPUProfile.defaultName, "sapphire-rapids"])
  func cutRuns(profileName: String) throws {
    let profile = try CPUProfile.named(profileName)
    var retired: UInt64 = 0
    var failures = 0
    try FuzzSettings.forEachSeed(quickCount: 2) { seed in
      for mode in RandomGuest.Mode.allCases where failures < 5 {
        let place = GuestPlace(seed: seed, mode: mode, profile: profile)
        var whole = try RandomGuest(seed: seed, mode: mode, profile: profile)
        var cut = try RandomGuest(seed: seed, mode: mode, profile: profile)
        for life in 0..<Self.lives {
          if life > 0 {
            whole.restart(life: life)
            cut.restart(life: life)
          }
          let wholeStop = run(whole.machine, Self.instructions)
          let cutStop = run(cut.machine, Self.instructions, cutBy: SeededGenerator(seed: seed))
          if wholeStop != cutStop || !same(whole.machine, cut.machine) {
            failures += 1
            Issue.record("\(try firstDifference(place, life: life))")
            break
          }
          if !ProcessorInvariant.broken(whole.machine.processor.pointer.pointee).isEmpty {
            failures += 1
            Issue.record("\(try firstBroken(place, life: life))")
            break
          }
        }
        retired += whole.machine.processor.pointer.pointee.instructions
      }
    }
    #expect(retired > 10_000)
    if FuzzSettings.seconds != nil { print("random guests retired \(retired) instructions") }
  }

  /// What a guest is made of.
  private struct GuestPlace: CustomStringConvertible {
    let seed: UInt64
    let mode: RandomGuest.Mode
    let profile: CPUProfile

    var description: String { "seed \(seed), \(mode)" }

    /// The guest at the start of one of its lives.
    func guest(life: Int, run: (Machine) -> Void) throws -> Machine {
      var guest = try RandomGuest(seed: seed, mode: mode, profile: profile)
      for next in 0..<life {
        run(guest.machine)
        guest.restart(life: next + 1)
      }
      return guest.machine
    }
  }

  /// Runs for so many more instructions, at once or in random pieces.
  private func run(
    _ machine: Machine, _ instructions: UInt64, cutBy random: SeededGenerator? = nil
  ) -> MachineStop {
    let state = machine.processor.pointer
    let end = state.pointee.instructions + instructions
    let cycleEnd = state.pointee.cycles + Self.cycles
    var random = random
    while true {
      let left = end - state.pointee.instructions
      let piece = random.map { _ in UInt64(1 + random!.below(3)) } ?? left
      let stop = machine.run(
        instructions: min(piece, left), cycles: cycleEnd - min(cycleEnd, state.pointee.cycles))
      guard stop == .instructionLimit, state.pointee.instructions < end else { return stop }
    }
  }

  private func same(_ a: Machine, _ b: Machine) -> Bool {
    // Counters are brought up to date when they are looked at.
    a.processor.state.updatePerformanceMonitoring()
    b.processor.state.updatePerformanceMonitoring()
    guard
      GuestSnapshot(a.processor.pointer.pointee) == GuestSnapshot(b.processor.pointer.pointee),
      let memoryA = a.memory.map.host(0), let memoryB = b.memory.map.host(0)
    else { return false }
    return memcmp(memoryA, memoryB, Int(RandomGuest.Place.end)) == 0
  }

  // MARK: The least case

  private func guest(_ place: GuestPlace, life: Int) throws -> Machine {
    try place.guest(life: life) { _ = run($0, Self.instructions) }
  }

  /// Finds the first instruction after which the run in one piece differs from the stepped one.
  private func firstDifference(_ place: GuestPlace, life: Int) throws -> String {
    func differs(_ count: UInt64) throws -> Bool {
      let whole = try guest(place, life: life)
      let stepped = try guest(place, life: life)
      let wholeStop = run(whole, count)
      return wholeStop != stepped.step(instructions: count, cycles: Self.cycles)
        || !same(whole, stepped)
    }
    var good: UInt64 = 0
    var bad = Self.instructions
    guard try differs(bad) else {
      return "\(place), life \(life): differs when cut at random, not when stepped"
    }
    while bad - good > 1 {
      let middle = (good + bad) / 2
      if try differs(middle) { bad = middle } else { good = middle }
    }
    let before = try guest(place, life: life)
    let whole = try guest(place, life: life)
    let stepped = try guest(place, life: life)
    _ = before.step(instructions: bad - 1, cycles: Self.cycles)
    let wholeStop = run(whole, bad)
    let steppedStop = stepped.step(instructions: bad, cycles: Self.cycles)
    return
      ([
        "\(place), life \(life), instruction \(bad): \(instruction(before))",
        "  stops: \(wholeStop), stepped \(steppedStop)",
      ]
      + GuestSnapshot.differences(
        before: GuestSnapshot(before.processor.pointer.pointee),
        actual: GuestSnapshot(whole.processor.pointer.pointee),
        expected: GuestSnapshot(stepped.processor.pointer.pointee))
      + memoryDifferences(whole, stepped)).joined(separator: "\n")
  }

  private func memoryDifferences(_ a: Machine, _ b: Machine) -> [String] {
    guard let memoryA = a.memory.map.host(0), let memoryB = b.memory.map.host(0) else { return [] }
    return (0..<Int(RandomGuest.Place.end)).lazy.compactMap { offset in
      let now = memoryA.load(fromByteOffset: offset, as: UInt8.self)
      let wanted = memoryB.load(fromByteOffset: offset, as: UInt8.self)
      return now == wanted
        ? nil : "  memory 0x\(String(offset, radix: 16)): after \(now), expected \(wanted)"
    }.prefix(16).map { $0 }
  }

  /// Finds the first instruction after which an invariant does not hold.
  private func firstBroken(_ place: GuestPlace, life: Int) throws -> String {
    let machine = try guest(place, life: life)
    let state = machine.processor.pointer
    for number in 1...Self.instructions {
      let before = GuestSnapshot(state.pointee)
      let text = instruction(machine)
      _ = machine.step(instructions: 1, cycles: Self.cycles)
      let broken = ProcessorInvariant.broken(state.pointee)
      guard broken.isEmpty else {
        let after = GuestSnapshot(state.pointee)
        return
          (["\(place), life \(life): after instruction \(number), \(text)"]
          + broken.map { "  does not hold: \($0)" }
          + GuestSnapshot.differences(before: before, actual: after, expected: before)
          .map { $0.components(separatedBy: ", expected")[0] }).joined(separator: "\n")
      }
    }
    return "\(place), life \(life): an invariant does not hold at the end only"
  }

  /// Place, bytes and text of the next instruction.
  private func instruction(_ machine: Machine) -> String {
    let state = machine.processor.pointer
    let linear = state.pointee.linearRIP
    let bytes = (0..<UInt64(15)).map { machine.processor.peek(linear &+ $0) }
      .prefix { $0 != nil }.compactMap { $0 }
    guard !bytes.isEmpty, let decoder = InstructionDecoder() else { return "not mapped" }
    let (length, text) = decoder.describe(bytes, codeBytes: state.pointee.codeBytes)
    let hex = bytes.prefix(length).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    return
      "\(hex.joined(separator: " ")) (\(text)) at RIP 0x\(String(state.pointee.rip, radix: 16))"
      + " in \(state.pointee.mode.name)"
  }
}
