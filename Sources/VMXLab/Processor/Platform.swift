/// What surrounds a processor: ports, device memory, and the interrupt controller.
///
/// A machine overrides what it has; this one has nothing, so that every read returns all ones.
/// Every call says at which cycle it happens.
class Platform {
  /// Reads `size` (1, 2 or 4) bytes from an I/O port.
  func readPort(_ port: UInt16, size: Int, cycles: UInt64) -> UInt32 {
    .max >> UInt32(32 - size * 8)
  }
  /// Writes `size` (1, 2 or 4) bytes to an I/O port.
  func writePort(_ port: UInt16, size: Int, value: UInt32, cycles: UInt64) {}
  /// Reads 1 to 8 bytes at a physical address that is not RAM.
  func readMemory(_ physical: UInt64, size: Int, cycles: UInt64) -> UInt64 {
    .max >> UInt64(64 - size * 8)
  }
  /// Writes 1 to 8 bytes at a physical address that is not RAM.
  func writeMemory(_ physical: UInt64, size: Int, value: UInt64, cycles: UInt64) {}
  /// FERR#: an x87 exception waits to be reported by an interrupt, or does not any more.
  func setNumericError(_ isAsserted: Bool, cycles: UInt64) {}
  /// Takes the interrupt that INTR announces and returns its vector.
  func acknowledgeInterrupt(cycles: UInt64) -> UInt8 { 0xff }
}

/// The processor's unowned reference to its platform.
///
/// Invariant: the machine, which owns the processor, keeps the platform alive.
struct PlatformReference {
  private let platform: Unmanaged<Platform>

  init(_ platform: Platform) { self.platform = Unmanaged.passUnretained(platform) }

  func readPort(_ port: UInt16, byteCount: Int, cycles: UInt64) -> UInt32 {
    platform._withUnsafeGuaranteedRef { $0.readPort(port, size: byteCount, cycles: cycles) }
  }
  func writePort(_ port: UInt16, _ value: UInt32, byteCount: Int, cycles: UInt64) {
    platform._withUnsafeGuaranteedRef {
      $0.writePort(port, size: byteCount, value: value, cycles: cycles)
    }
  }
  func readMemory(_ physical: UInt64, byteCount: UInt64, cycles: UInt64) -> UInt64 {
    platform._withUnsafeGuaranteedRef {
      $0.readMemory(physical, size: Int(truncatingIfNeeded: byteCount), cycles: cycles)
    }
  }
  func writeMemory(_ physical: UInt64, _ value: UInt64, byteCount: UInt64, cycles: UInt64) {
    platform._withUnsafeGuaranteedRef {
      $0.writeMemory(
        physical, size: Int(truncatingIfNeeded: byteCount), value: value, cycles: cycles)
    }
  }
  func setNumericError(_ isAsserted: Bool, cycles: UInt64) {
    platform._withUnsafeGuaranteedRef { $0.setNumericError(isAsserted, cycles: cycles) }
  }
  func acknowledgeInterrupt(cycles: UInt64) -> UInt8 {
    platform._withUnsafeGuaranteedRef { $0.acknowledgeInterrupt(cycles: cycles) }
  }
}
