@testable import VMXLab

/// How a vector instruction of the differential tests addresses its memory operand.
struct VectorAddress {
  private enum Form: CaseIterable {
    case base, displacement8, displacement32, scaledIndex, ripRelative
  }

  private let form: Form
  private let base: UInt8
  private let scale: UInt8
  private let displacement: UInt64
  /// Where a RIP-relative operand is.
  private let fixedOffset: UInt64
  /// The general register that is the index.
  let index: UInt8?

  var isRIPRelative: Bool { form == .ripRelative }

  /// - Parameters:
  ///   - isVectorIndexed: a vector register is the index, and nothing is left to choose.
  ///   - mustAlign: processors differ where the operand is misaligned.
  init(
    base: UInt8, isVectorIndexed: Bool, mustAlign: Bool, using random: inout SeededGenerator
  ) {
    self.base = base
    form = isVectorIndexed ? .base : Form.allCases[random.below(Form.allCases.count)]
    scale = UInt8(random.below(4))
    var index = UInt8(random.below(16))
    // RSP is no index, and the base is taken.
    while index == 4 || index == base { index = UInt8(random.below(16)) }
    self.index = form == .scaledIndex ? index : nil
    displacement =
      form == .displacement8
      ? UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: random.next())))
      : UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: random.next())))
    fixedOffset = Self.offset(
      aligned: mustAlign || !random.chance(1, in: 4), using: &random)
  }

  /// Some 64 bytes on either side of the page boundary in the window's middle.
  private static func offset(aligned: Bool, using random: inout SeededGenerator) -> UInt64 {
    let offset = UInt64(TestLayout.windowBytes / 2) &- 64 &+ UInt64(random.below(128))
    return aligned ? offset & ~31 : offset
  }

  /// Appends ModRM and what belongs to it.
  func encode(_ reg: UInt8, into bytes: inout [UInt8], immediateBytes: Int) {
    let reg = reg << 3 & 0x38
    var value = displacement
    var count = 4
    switch form {
    case .base:
      bytes.append(reg | base & 7)
      count = 0
    case .displacement8:
      bytes.append(0x40 | reg | base & 7)
      count = 1
    case .displacement32: bytes.append(0x80 | reg | base & 7)
    case .scaledIndex:
      bytes += [0x84 | reg, scale << 6 | (index ?? 0) << 3 & 0x38 | base & 7]
    case .ripRelative:
      bytes.append(reg | 5)
      let end = TestLayout.instruction + UInt64(bytes.count + 4 + immediateBytes)
      value = TestLayout.window + fixedOffset &- end
    }
    for byte in 0..<UInt64(count) { bytes.append(UInt8(truncatingIfNeeded: value >> (byte * 8))) }
  }

  /// Makes the address registers point to an operand.
  func place(
    aligned: Bool, in state: inout MachineState, using random: inout SeededGenerator
  ) {
    var address = TestLayout.window + Self.offset(aligned: aligned, using: &random)
    switch form {
    case .base: break
    case .displacement8, .displacement32: address &-= displacement
    case .scaledIndex:
      address &-= displacement &+ state.general[Int(index ?? 0)] << UInt64(scale)
    case .ripRelative: return
    }
    state.general[Int(base)] = address
  }
}
