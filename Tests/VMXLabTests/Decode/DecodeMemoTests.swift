import Testing

@testable import VMXLab

/// What is remembered of an encoding is what decoding it anew would give.
@Suite struct DecodeMemoTests {
  private struct Seen {
    var known = 0
    var compared = 0
  }

  /// Encodings with every kind of operand; their other bytes are random.
  private static let openings: [[UInt8]] = [
    [0x05], [0x48, 0x05], [0x83], [0x48, 0x81], [0x80], [0x8b], [0x48, 0x8b], [0x89], [0x8d],
    [0xb8], [0x48, 0xb8], [0xb0], [0xc7], [0xc6], [0x6a], [0x68], [0x69], [0x6b], [0xa8], [0xa9],
    [0xf6], [0xf7], [0x74], [0x75], [0x0f, 0x84], [0xe8], [0xe9], [0xeb], [0xe2], [0xe3], [0xc1],
    [0xd1], [0xa1], [0x0f, 0xba], [0x0f, 0xa4], [0xc8], [0xc2], [0x66, 0x05], [0x66, 0x81],
    [0x67, 0x8b], [0x0f, 0x10], [0x66, 0x0f, 0x70], [0xc5, 0xf8, 0x10], [0xcd], [0xe4], [0x50],
    [0xf0, 0x42, 0x81], [0xf0, 0x42, 0x83], [0x90], [0xf3, 0xa4], [0x64, 0x8b], [0x0f, 0xb6],
    [0xd9], [0xdd], [0xff], [0x40], [0x66, 0xe8],
  ]

  @Test(arguments: [
    DecodeMode.code64 | DecodeMode.flatCode, DecodeMode.code32 | DecodeMode.flatCode,
    DecodeMode.code32 | DecodeMode.flatCode | DecodeMode.flatData, DecodeMode.code16,
  ])
  func `An instruction comes from the memo as the decoder would give it`(mode: UInt8) throws {
    let decoder = try #require(InstructionDecoder())
    let profile = try CPUProfile.named("skylake-server")
    let features = ProcessorModel(
      profile, cpuid: CPUIDTable(profile: profile), timing: TimingTable(repeating: 1)
    ).features
    var memo = DecodeMemo()
    var random = SeededGenerator(seed: UInt64(mode))
    var seen = Seen()
    let codeBytes = [2, 4, 8][Int(mode & DecodeMode.codeSizeMask)]
    for _ in 0..<6000 {
      let opening = Self.openings[random.below(Self.openings.count)]
      var bytes = (0..<16).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // Few forms of ModRM and SIB, so that they come again.
      for index in opening.count..<16 { bytes[index] &= index < opening.count + 2 ? 0xcd : 0xff }
      bytes.replaceSubrange(0..<opening.count, with: opening)
      let pageOffset = random.below(0x1000)
      let words = bytes.withUnsafeBytes {
        InstructionBytes(
          low: $0.load(as: UInt64.self), high: $0.load(fromByteOffset: 8, as: UInt64.self))
      }
      let result = words.withBytes(15) { decoder.decode($0, codeBytes: codeBytes) }
      let fresh = InstructionTable.shared.template(
        result, features: features, timing: TimingTable(repeating: 1), mode: mode,
        pageOffset: pageOffset)
      if let known = memo.finder.find(words, available: 16, mode: mode, pageOffset: pageOffset)?
        .whole
      {
        seen.known += 1
        #expect(matches(known, fresh), "\(bytes.map { String($0, radix: 16) })")
      } else if case .success(let decoded) = result {
        memo.learn(words, mode: mode, pageOffset: pageOffset, decoded, fresh)
        let known = memo.finder.find(words, available: 16, mode: mode, pageOffset: pageOffset)?
          .whole
        if let known { #expect(matches(known, fresh)) }
      }
      seen.compared += 1
    }
    // Most are known after a while.
    #expect(seen.known > seen.compared / 2)
  }

  /// The fields of both, immediates as far as the operand is wide.
  private func matches(_ a: VMXLab.InstructionTemplate, _ b: VMXLab.InstructionTemplate) -> Bool {
    func bits(_ template: VMXLab.InstructionTemplate) -> [UInt64] {
      withUnsafeBytes(of: template.instruction) { raw in
        stride(from: 0, to: 32, by: 8).map { raw.load(fromByteOffset: $0, as: UInt64.self) }
      }
    }
    var difference = zip(bits(a), bits(b)).map { $0 ^ $1 }
    // Capstone leaves some immediates as they are; handlers take their low bits.
    let plain = b.instruction.immediate
    let signExtended = [
      UInt8(truncatingIfNeeded: plain).signExtended, UInt16(truncatingIfNeeded: plain).signExtended,
      UInt32(truncatingIfNeeded: plain).signExtended,
    ]
    let widths: [UInt64] = [0xff, 0xffff, 0xffff_ffff]
    if zip(signExtended, widths).contains(where: { $0 == a.instruction.immediate && plain <= $1 }) {
      difference[1] = 0
    }
    return difference.allSatisfy { $0 == 0 } && a.length == b.length && a.cycles == b.cycles
      && a.effect == b.effect && a.anchor == b.anchor && a.condition == b.condition
      && a.fusable?.kind == b.fusable?.kind
  }
}
