/// Family, model and stepping, as CPUID leaf 1 returns them in EAX.
///
/// Source: Intel SDM, "CPUID—CPU Identification", "Version Information Returned by CPUID in EAX".
public struct CPUSignature: Equatable, Sendable {
  public let eax: UInt32

  public init(eax: UInt32) { self.eax = eax }

  /// DisplayFamily: the family, with the extended family added to family 0xf.
  public var family: UInt16 {
    let base = UInt16(truncatingIfNeeded: eax >> 8 & 0xf)
    return base == 0xf ? base &+ UInt16(truncatingIfNeeded: eax >> 20 & 0xff) : base
  }

  /// DisplayModel: the model, with the extended model above it in families 6 and 0xf.
  public var model: UInt16 {
    let base = UInt16(truncatingIfNeeded: eax >> 4 & 0xf)
    let baseFamily = eax >> 8 & 0xf
    return baseFamily == 6 || baseFamily == 0xf
      ? base | UInt16(truncatingIfNeeded: eax >> 16 & 0xf) << 4 : base
  }

  public var stepping: UInt8 { UInt8(truncatingIfNeeded: eax & 0xf) }
}
