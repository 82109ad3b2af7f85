@testable import VMXLab

/// Records what a device does to its interrupt line.
final class RecordingSink: InterruptSink {
  private(set) var levels: [Int: Bool] = [:]
  /// The rising edges of each input.
  private(set) var rises: [Int: Int] = [:]

  func setInterrupt(_ number: Int, level: Bool) {
    if level && levels[number] != true { rises[number, default: 0] += 1 }
    levels[number] = level
  }

  func isHigh(_ number: Int) -> Bool { levels[number] == true }
}

extension PortSpace {
  func readByte(_ port: UInt16) -> UInt8 { UInt8(truncatingIfNeeded: read(port, size: 1)) }
  func writeByte(_ port: UInt16, _ value: UInt8) { write(port, size: 1, value: UInt32(value)) }
}

/// A fixed sequence of numbers that look random, so that a failing test fails again.
struct TestGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
