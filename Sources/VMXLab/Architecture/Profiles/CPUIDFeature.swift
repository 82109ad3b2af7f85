/// One feature flag of CPUID.
public struct CPUIDFeature: Equatable, Sendable {
  public let leaf: UInt32
  public let subleaf: UInt32
  public let register: CPUIDRegister
  public let bit: UInt8
  /// The manual's name.
  public let name: String
  /// Whether VMXLab has built it. A flag that is not built is 0 in what a guest sees, whatever the
  /// profile says.
  public let isBuilt: Bool

  /// The flag's place as the manual writes it, such as `CPUID.7.0:EBX.SMEP[7]`.
  public var notation: String {
    let leafText = leaf < 0x100 ? hexDigits(leaf) : hexDigits(leaf) + "H"
    let subleafText = BuiltCPUIDFeatures.indexedLeaves.contains(leaf) ? ".\(subleaf)" : ""
    return "CPUID.\(leafText)\(subleafText):\(register.name).\(name)[\(bit)]"
  }

  private func hexDigits(_ value: UInt32) -> String {
    String(value, radix: 16, uppercase: true)
  }
}

/// Whether a line of the feature table is built: one word to change when a feature is added.
enum BuildState: Sendable {
  case built, notBuilt
}
