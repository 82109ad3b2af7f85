/// What distinguishes one processor model from another: its CPUID data, its VMX capabilities, the
/// model-dependent MSRs and the widths of its addresses.
///
/// A profile holds what the *part* has. What a guest is offered is the part of it that VMXLab has
/// built: see ``CPUIDTable`` for CPUID.
public struct CPUProfile: Equatable, Sendable {
  /// The word that selects the profile, such as `skylake-server`.
  public let name: String
  /// One line for lists.
  public let description: String
  /// The processor brand string of CPUID leaves 0x80000002 to 0x80000004, without padding.
  public let brand: String
  /// DisplayFamily of CPUID leaf 1.
  public let family: UInt16
  /// DisplayModel of CPUID leaf 1.
  public let model: UInt16
  /// Stepping ID of CPUID leaf 1.
  public let stepping: UInt8
  /// MAXPHYADDR in bits.
  public let physicalAddressWidth: UInt8
  /// Bits in a linear address: 48, or 57 where the part has 5-level paging.
  public let linearAddressWidth: UInt8
  /// Frequency of the time-stamp counter in hertz, which is the base frequency too.
  public let frequency: UInt64
  /// Frequency in hertz of the clock of the event "unhalted reference cycles", where that is not the
  /// bus or crystal clock.
  public let statedReferenceFrequency: UInt64?
  /// Everything that CPUID returns, sorted by leaf and sub-leaf.
  public let cpuid: [CPUIDLeaf]
  /// The part's VMX capability MSRs, IA32_VMX_BASIC (0x480) to IA32_VMX_EXIT_CTLS2 (0x493), by
  /// number. One that the part has not is absent.
  public let vmxCapabilityMSRs: [UInt32: UInt64]
  /// Values at reset of other MSRs that differ between parts, by number.
  public let modelSpecificRegisters: [UInt32: UInt64]
  /// The name of the ``TimingProfile`` that belongs to the part.
  public let timing: String
  /// Where each datum comes from.
  public let sources: [CPUProfileSource]

  /// Frequency in hertz of the clock of the event "unhalted reference cycles".
  var referenceFrequency: UInt64 { statedReferenceFrequency ?? localAPICTimerFrequency }

  /// The data that CPUID returns on the part for a leaf and sub-leaf that it has, else nil.
  public func leaf(_ leaf: UInt32, _ subleaf: UInt32 = 0) -> CPUIDResult? {
    cpuid.first { $0.leaf == leaf && ($0.subleaf ?? subleaf) == subleaf }?.result
  }
}

/// The origin of some of a profile's data.
public struct CPUProfileSource: Equatable, Sendable, Codable {
  /// What was taken from it, such as `cpuid` or `vmxCapabilityMSRs 0x48b`.
  public var data: String
  /// The publication or dump.
  public var source: String
  /// What had to be worked out by the manual's rules because no dump has it; nil when the values are
  /// as read from a processor.
  public var reconstructed: String?

  public init(data: String, source: String, reconstructed: String? = nil) {
    self.data = data
    self.source = source
    self.reconstructed = reconstructed
  }
}

/// Why a profile cannot be had.
public enum CPUProfileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No profile has that name; `known` are those that exist.
  case unknown(name: String, known: [String])
  /// The data cannot be read as a profile. `key` is the path to the datum at fault, such as
  /// `vmxCapabilityMSRs.0x481`, or empty for the whole.
  case malformed(key: String, reason: String)
  /// The data can be read, and describes a processor that cannot exist.
  case inconsistent(profile: String, reasons: [String])

  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "there is no CPU profile '\(name)'; the profiles are \(known.joined(separator: ", "))"
    case .malformed(let key, let reason):
      key.isEmpty ? "CPU profile: \(reason)" : "CPU profile: \(key): \(reason)"
    case .inconsistent(let profile, let reasons):
      "CPU profile '\(profile)' contradicts itself: \(reasons.joined(separator: "; "))"
    }
  }
}
