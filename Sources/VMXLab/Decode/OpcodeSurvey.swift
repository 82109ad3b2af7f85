/// What the opcode maps have, encoding by encoding: for documents.
public struct OpcodeSurvey {
  /// What an encoding stands for.
  public enum Finding: Hashable, Sendable {
    /// An instruction: its mnemonic in small letters, and the CPUID flags that it comes with.
    case instruction(String, flags: [String])
    /// The manual has this instruction, whose CPUID flag VMXLab does not offer: #UD.
    case notBuilt(String)
    /// #UD.
    case undefined
  }

  private let decoder: InstructionDecoder
  private let features: CPUFeatureSet

  /// A survey of what a processor has, or of what any of them has; nil if the disassembler refuses.
  public init?(of profile: CPUProfile? = nil) {
    guard let decoder = InstructionDecoder() else { return nil }
    self.decoder = decoder
    let profiles =
      profile.map { [$0] } ?? CPUProfile.names.compactMap { try? CPUProfile.named($0) }
    var features = CPUFeatureSet()
    for profile in profiles {
      let offered = CPUFeatureSet(CPUIDTable(profile: profile).view)
      for feature in CPUFeature.allCases where offered.contains(feature) {
        features.insert(feature)
      }
    }
    self.features = features
  }

  /// What `bytes` start with.
  ///
  /// - Parameters:
  ///   - bytes: the encoding, with all the bytes that any instruction might want behind it.
  ///   - codeBits: 16, 32 or 64.
  public func finding(_ bytes: [UInt8], codeBits: Int) -> Finding {
    bytes.withUnsafeBufferPointer { buffer in
      guard case .success(let decoded) = decoder.decode(buffer, codeBytes: codeBits / 8),
        case .instruction = InstructionTable.shared.meaning(of: decoded, features: features)
      else { return refusal(buffer, codeBits: codeBits) }
      return .instruction(
        decoder.name(of: decoded), flags: requirements(of: decoded).compactMap(\.flag))
    }
  }

  private func refusal(_ bytes: UnsafeBufferPointer<UInt8>, codeBits: Int) -> Finding {
    let prefixes = InstructionPrefixes(bytes, isLongMode: codeBits == 64)
    let found = EncodingDecoder.notBuilt(bytes, prefixes, codeBytes: codeBits / 8)
    return found.map { .notBuilt($0.text) } ?? .undefined
  }

  private func requirements(of decoded: DecodedInstruction) -> [CPUFeature] {
    if let vector = decoded.vector {
      let form = VectorTable.shared.entries[vector.entry].form
      let all = form.requirements(isVEX: vector.isVEX, isWide: vector.isWide)
      // AVX implies SSE, and AVX2 AVX.
      return CPUFeature.allCases.filter { feature in
        all.contains(feature) && !(vector.isVEX && feature.isImpliedByAVX)
          && !(feature == .avx && all.contains(.avx2))
      }
    }
    guard let form = InstructionTable.shared.form(decoded.id), let feature = form.feature,
      features.contains(feature)
    else { return [] }
    return [feature]
  }
}

extension CPUFeature {
  fileprivate var isImpliedByAVX: Bool {
    switch self {
    case .sse, .sse2, .sse3, .ssse3, .sse41, .sse42: true
    default: false
    }
  }

  /// The manual's name.
  fileprivate var flag: String? {
    let place = place
    return BuiltCPUIDFeatures.features.first {
      $0.leaf == place.leaf && $0.subleaf == place.subleaf && $0.register == place.register
        && UInt32($0.bit) == place.bit
    }?.name
  }
}
