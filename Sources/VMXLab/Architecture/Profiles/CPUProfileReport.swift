/// A CPU profile as `vmxlab cpus` shows it: a value for JSON, and lines of text.
public struct CPUProfileReport: Equatable, Sendable, Codable {
  public var name: String
  public var description: String
  public var brand: String
  public var family: Int
  public var model: Int
  public var stepping: Int
  /// Bits.
  public var physicalAddressWidth: Int
  /// Bits.
  public var linearAddressWidth: Int
  /// Hertz.
  public var frequency: UInt64
  public var timing: String
  /// CPUID flags that the part has and VMXLab has built, by the manual's names.
  public var offeredFeatures: [String]
  /// CPUID flags that the part has and VMXLab has not built.
  public var withheldFeatures: [String]
  /// The part's VMX capabilities.
  public var vmx: VMXCapabilityReport
  /// What a machine with this profile offers of them, where the caller knows.
  public var offeredVMX: VMXCapabilityReport?
  public var sources: [CPUProfileSource]

  /// Describes `profile`; `offeredVMX` are the capability MSRs that a guest reads.
  public init(_ profile: CPUProfile, offeredVMX: [UInt32: UInt64]? = nil) {
    name = profile.name
    description = profile.description
    brand = profile.brand
    family = Int(profile.family)
    model = Int(profile.model)
    stepping = Int(profile.stepping)
    physicalAddressWidth = Int(profile.physicalAddressWidth)
    linearAddressWidth = Int(profile.linearAddressWidth)
    frequency = profile.frequency
    timing = profile.timing
    let present = BuiltCPUIDFeatures.features.filter { feature in
      guard let result = profile.leaf(feature.leaf, feature.subleaf) else { return false }
      return result[feature.register] >> UInt32(feature.bit & 31) & 1 == 1
    }
    offeredFeatures = present.filter(\.isBuilt).map(\.name)
    withheldFeatures = present.filter { !$0.isBuilt }.map(\.name)
    vmx = VMXCapabilityReport(msrs: profile.vmxCapabilityMSRs)
    self.offeredVMX = offeredVMX.map { VMXCapabilityReport(msrs: $0) }
    sources = profile.sources
  }

  /// One line for a list of profiles.
  public var summary: String {
    let padding = String(repeating: " ", count: max(1, 17 - name.count))
    return "\(name)\(padding)\(description)"
  }

  /// Everything, as lines of text.
  public var lines: [String] {
    var lines = [
      "\(name): \(description)",
      "  \(brand)",
      "  family \(family), model \(hexadecimal(model)), stepping \(stepping)",
      "  \(physicalAddressWidth) bits of physical address, \(linearAddressWidth) of linear address, TSC at \(megahertz)",
      "  timing profile \(timing)",
    ]
    lines.append("CPUID features offered")
    lines += Self.wrapped(offeredFeatures)
    if !withheldFeatures.isEmpty {
      lines.append("CPUID features of the part that are not built")
      lines += Self.wrapped(withheldFeatures)
    }
    if let offeredVMX {
      lines.append("VMX capabilities offered")
      lines += offeredVMX.lines.map { "  " + $0 }
    }
    lines.append("VMX capabilities of the part")
    lines += vmx.lines.map { "  " + $0 }
    lines.append("Sources")
    for source in sources {
      lines.append("  \(source.data): \(source.source)")
      if let reconstructed = source.reconstructed {
        lines.append("    reconstructed: \(reconstructed)")
      }
    }
    return lines
  }

  private var megahertz: String {
    let tenths = (frequency &+ 50_000) / 100_000
    return tenths % 10 == 0 ? "\(tenths / 10) MHz" : "\(tenths / 10).\(tenths % 10) MHz"
  }

  private static func wrapped(_ words: [String], width: Int = 98) -> [String] {
    var lines: [String] = []
    var line = " "
    for (index, word) in words.enumerated() {
      let text = index == words.count - 1 ? word : word + ","
      if line.count + 1 + text.count > width, line != " " {
        lines.append(line)
        line = " "
      }
      line += " " + text
    }
    if line != " " { lines.append(line) }
    return lines
  }
}
