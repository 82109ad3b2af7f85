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

  // MARK: The local APIC

  /// IA32_APIC_BASE has a new value, which is valid.
  func setAPICBase(_ value: UInt64, cycles: UInt64) {}
  /// The INIT signal reaches the processor, and with it the local APIC.
  func initializeAPIC(cycles: UInt64) {}
  /// Reads MSR 800H to 8FFH or IA32_TSC_DEADLINE; nil where RDMSR raises #GP(0).
  func readAPIC(_ index: UInt32, cycles: UInt64) -> UInt64? { nil }
  /// Writes MSR 800H to 8FFH or IA32_TSC_DEADLINE; false where WRMSR raises #GP(0).
  func writeAPIC(_ index: UInt32, _ value: UInt64, cycles: UInt64) -> Bool { false }
  /// The time-stamp counter is now the cycle counter plus `value`.
  func setTSCOffset(_ value: UInt64, cycles: UInt64) {}
  /// The task-priority register.
  var taskPriority: UInt8 { 0 }
  func setTaskPriority(_ value: UInt8, cycles: UInt64) {}
  /// Writes 0 to the EOI register.
  func endInterrupt(cycles: UInt64) {}
  /// A performance counter has overflowed and interrupts.
  func raisePerformanceInterrupt(cycles: UInt64) {}
  /// Sends a fixed interrupt to the processor whose posted-interrupt descriptor has `destination`.
  func sendInterrupt(_ vector: UInt8, to destination: UInt32, cycles: UInt64) {}
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
  func setAPICBase(_ value: UInt64, cycles: UInt64) {
    platform._withUnsafeGuaranteedRef { $0.setAPICBase(value, cycles: cycles) }
  }
  func initializeAPIC(cycles: UInt64) {
    platform._withUnsafeGuaranteedRef { $0.initializeAPIC(cycles: cycles) }
  }
  func readAPIC(_ index: UInt32, cycles: UInt64) -> UInt64? {
    platform._withUnsafeGuaranteedRef { $0.readAPIC(index, cycles: cycles) }
  }
  func writeAPIC(_ index: UInt32, _ value: UInt64, cycles: UInt64) -> Bool {
    platform._withUnsafeGuaranteedRef { $0.writeAPIC(index, value, cycles: cycles) }
  }
  func setTSCOffset(_ value: UInt64, cycles: UInt64) {
    platform._withUnsafeGuaranteedRef { $0.setTSCOffset(value, cycles: cycles) }
  }
  var taskPriority: UInt8 {
    platform._withUnsafeGuaranteedRef { $0.taskPriority }
  }
  func setTaskPriority(_ value: UInt8, cycles: UInt64) {
    platform._withUnsafeGuaranteedRef { $0.setTaskPriority(value, cycles: cycles) }
  }
  func endInterrupt(cycles: UInt64) {
    platform._withUnsafeGuaranteedRef { $0.endInterrupt(cycles: cycles) }
  }
  func raisePerformanceInterrupt(cycles: UInt64) {
    platform._withUnsafeGuaranteedRef { $0.raisePerformanceInterrupt(cycles: cycles) }
  }
  func sendInterrupt(_ vector: UInt8, to destination: UInt32, cycles: UInt64) {
    platform._withUnsafeGuaranteedRef {
      $0.sendInterrupt(vector, to: destination, cycles: cycles)
    }
  }
}
