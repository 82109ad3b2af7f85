/// What a machine is made of.
public struct MachineConfiguration: Sendable {
  /// Bytes of RAM.
  public var memoryByteCount: UInt64
  /// The processor that is emulated.
  public var profile: CPUProfile
  /// Cycle costs, by default those of the profile's part.
  public var timing: TimingProfile
  /// The real-time clock's time at power-on, in seconds since 1970-01-01 00:00 UTC.
  public var realTimeClockStart: Int64
  /// What the numbers of RDRAND and RDSEED follow from.
  public var seed: UInt64
  /// Whether the machine stops at an instruction of the manual that VMXLab has not built. Otherwise that
  /// raises #UD, as it does on a part without the instruction's CPUID flag, which is never offered.
  public var stopsAtNotBuilt = false

  /// 512 MiB, one processor of the default profile.
  public init(
    memoryByteCount: UInt64 = 512 << 20, profile: CPUProfile, timing: TimingProfile? = nil,
    realTimeClockStart: Int64 = 946_684_800, seed: UInt64 = 0
  ) throws(TimingProfileError) {
    self.memoryByteCount = memoryByteCount
    self.profile = profile
    self.timing = if let timing { timing } else { try TimingProfile.named(profile.timing) }
    self.realTimeClockStart = realTimeClockStart
    self.seed = seed
  }

  /// The least memory that a machine can have.
  public static let minimumMemory: UInt64 = 1 << 20
  /// The most memory that a machine can have.
  public static let maximumMemory: UInt64 = 1 << 39
}

/// Why a machine cannot be made.
public enum MachineError: Error, CustomStringConvertible {
  case memorySize(UInt64)
  case hostMemory(UInt64)
  case decoder

  public var description: String {
    switch self {
    case .memorySize(let size):
      "\(size) bytes of memory: a machine has between 1 MiB and 512 GiB"
    case .hostMemory(let size):
      "the host has no address space for \(size) bytes of memory"
    case .decoder: "the Capstone library has no x86 support"
    }
  }
}
