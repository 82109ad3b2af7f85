@testable import VMXLab

/// One encoding of a vector instruction, with states to run it from.
struct VectorCase {
  let form: VectorForm
  let bytes: [UInt8]
  let isVEX: Bool
  let isMemory: Bool
  /// The memory operand's base register, if it has one.
  let base: UInt8?
  /// The vector register that is its index.
  let index: UInt8?
  private let address: VectorAddress

  /// Encodes a line of the table.
  ///
  /// - Parameters:
  ///   - isWide: VEX.L.
  ///   - isMemory: the ModRM operand is in memory.
  ///   - immediate: nil for a random one.
  init(
    _ form: VectorForm, vex isVEX: Bool, wide isWide: Bool, memory isMemory: Bool,
    immediate: UInt8? = nil, using random: inout SeededGenerator
  ) {
    self.form = form
    self.isVEX = isVEX
    self.isMemory = isMemory
    var reg = UInt8(random.below(16))
    if let digit = form.digit { reg = digit | reg & 8 }
    let general = Self.hasGeneralOperand(form)
    var rm = UInt8(random.below(16))
    // RSP as an operand is as good as another, but the frame needs it.
    if general, rm == 4 { rm = 3 }
    if case .toGeneral = form.shape, reg == 4 { reg = 3 }
    var vvvv = UInt8(random.below(16))
    if case .general = form.shape {
      if reg == 4 { reg = 3 }
      if vvvv == 4 { vvvv = 3 }
    }
    if random.chance(1, in: 4) { rm = isMemory || general ? rm : reg }
    if random.chance(1, in: 4) { vvvv = reg }
    let usesVvvv = form.usesVvvv
    if !usesVvvv, !random.chance(1, in: 64) { vvvv = 0 }
    let hasW = form.options.contains(.w1) || !form.options.contains(.w0) && random.chance(1, in: 4)
    // A base that needs neither SIB nor displacement: not RSP, RBP, R12, R13.
    let bases: [UInt8] = [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 14, 15]
    let base = bases[random.below(bases.count)]
    let isIndexed = isMemory && form.options.contains(.vectorIndex)
    index = isIndexed ? UInt8(random.below(16)) : nil
    address = VectorAddress(
      base: base, isVectorIndexed: isIndexed, mustAlign: form.feature == .sha, using: &random)
    self.base = isMemory && !address.isRIPRelative ? base : nil
    let low = isMemory ? address.isRIPRelative ? 0 : base : rm
    var bytes: [UInt8] = []
    let map: UInt8 = form.opcode >> 8 == 0x38 ? 2 : form.opcode >> 8 == 0x3a ? 3 : 1
    let high = isMemory ? index ?? address.index ?? 0 : 0
    if isVEX {
      let pp = form.prefix.rawValue
      let last = (hasW ? 0x80 : 0) | (~vvvv & 15) << 3 | (isWide ? 4 : 0) | pp
      let r: UInt8 = reg & 8 == 0 ? 0x80 : 0
      if map == 1, !hasW, low & 8 == 0, high & 8 == 0, random.chance(1, in: 2) {
        bytes += [0xc5, r | last & 0x7f]
      } else {
        bytes += [0xc4, r | (high & 8 == 0 ? 0x40 : 0) | (low & 8 == 0 ? 0x20 : 0) | map, last]
      }
    } else {
      switch form.prefix {
      case .none: break
      case .x66: bytes.append(0x66)
      case .xF3: bytes.append(0xf3)
      case .xF2: bytes.append(0xf2)
      }
      let rex: UInt8 = (hasW ? 8 : 0) | (reg & 8) >> 1 | (high & 8) >> 2 | (low & 8) >> 3
      if rex != 0 { bytes.append(0x40 | rex) }
      bytes.append(0x0f)
      if map == 2 { bytes.append(0x38) }
      if map == 3 { bytes.append(0x3a) }
    }
    bytes.append(UInt8(truncatingIfNeeded: form.opcode))
    if form.opcode != 0x0f77 {
      if isIndexed {
        bytes += [reg << 3 & 0x38 | 4, UInt8(random.below(4)) << 6 | high << 3 & 0x38 | base & 7]
      } else if isMemory {
        let immediateBytes = form.options.contains(.immediate) ? 1 : 0
        address.encode(reg, into: &bytes, immediateBytes: immediateBytes)
      } else {
        bytes.append(0xc0 | reg << 3 & 0x38 | low & 7)
      }
    }
    if form.options.contains(.immediate) {
      bytes.append(immediate ?? UInt8(truncatingIfNeeded: random.next()))
    }
    self.bytes = bytes
  }

  private static func hasGeneralOperand(_ form: VectorForm) -> Bool {
    switch form.shape {
    case .fromGeneral, .insert, .extract, .general: true
    default: false
    }
  }

  private var needsAlignment: Bool {
    isVEX ? form.options.contains(.aligned) : !form.options.contains(.unaligned)
  }

  /// A state that the instruction does something with.
  func state(using random: inout SeededGenerator) -> MachineState {
    var state = MachineState()
    for register in 0..<16 { state.general[register] = random.edge() }
    state.flags = random.next() & MachineState.flagsMask
    var extended = ExtendedState()
    let kind = random.below(3)
    for register in 0..<16 {
      for word in 0..<4 { extended[register, word] = random.vectorWord(kind) }
    }
    extended.mxcsr = random.mxcsr()
    for offset in stride(from: 0, to: TestLayout.windowBytes, by: 8) {
      let word = random.vectorWord(kind)
      for byte in 0..<8 {
        state.memory[offset + byte] = UInt8(truncatingIfNeeded: word >> UInt64(byte * 8))
      }
    }
    if isMemory, index == nil {
      // The manual wants SHA's operands aligned; AMD's processors do not. What must be aligned mostly is.
      let isAligned =
        form.feature == .sha || needsAlignment && !random.chance(1, in: 8)
        || random.chance(1, in: 3)
      address.place(aligned: isAligned, in: &state, using: &random)
    }
    if let index, let base {
      // Elements of the index that stay in the window.
      let isQuad = form.opcode & 1 != 0
      state.general[Int(base)] = TestLayout.window + UInt64(TestLayout.windowBytes / 2)
      for word in 0..<4 {
        let low = UInt64(bitPattern: Int64(random.below(48)) - 24)
        let high = UInt64(bitPattern: Int64(random.below(48)) - 24)
        extended[Int(index), word] = isQuad ? low : low & 0xffff_ffff | high << 32
      }
    }
    // MASKMOVDQU writes at DS:RDI.
    if form.opcode == 0x0ff7 {
      state.general[7] = TestLayout.window + UInt64(random.below(TestLayout.windowBytes - 16))
    }
    if form.isMixed {
      extended.status = UInt16(random.below(8)) << 11
      extended.tags = UInt8(random.below(256))
      for register in 0..<8 {
        extended.setST(
          register, DoubleExtended(significand: random.vectorWord(kind), signExponent: 0xffff))
      }
    }
    state.extended = extended
    return state
  }
}

extension VectorForm {
  /// Has an MMX operand.
  fileprivate var isMixed: Bool {
    [
      "cvtpi2ps", "cvtpi2pd", "cvtps2pi", "cvttps2pi", "cvtpd2pi", "cvttpd2pi", "movq2dq",
      "movdq2q",
    ].contains("\(name)")
  }
}

extension SeededGenerator {
  /// A quadword of integers or of floating-point numbers, with many special ones.
  mutating func vectorWord(_ kind: Int) -> UInt64 {
    switch kind {
    case 0: edge()
    case 1: UInt64(single()) | UInt64(single()) << 32
    default: double()
    }
  }

  private mutating func single() -> UInt32 {
    let special: [UInt32] = [
      0, 0x8000_0000, 0x3f80_0000, 0xbf80_0000, 0x3fc0_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000,
      0xffc1_2345, 0x7f80_0001, 0xffa0_0000, 1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x8080_0000,
      0x7f7f_ffff, 0xff7f_ffff, 0x4f00_0000, 0xcf00_0000, 0x4eff_ffff, 0x5f00_0000, 0x3f00_0000,
      0x4b00_0000, 0x4b7f_ffff, 0x3f7f_ffff, 0x477f_e000, 0x3880_0000, 0x3300_0000,
    ]
    switch below(4) {
    case 0: return special[below(special.count)]
    case 1:
      // Neighbours in magnitude, so that sums cancel and products stay in range.
      let sign = UInt32(below(2)) << 31
      return sign | UInt32(120 + below(16)) << 23 | UInt32(truncatingIfNeeded: next()) & 0x7f_ffff
    case 2:
      return UInt32(below(2)) << 31 | UInt32(125 + below(5)) << 23 | UInt32(below(8)) << 20
    default: return UInt32(truncatingIfNeeded: next())
    }
  }

  private mutating func double() -> UInt64 {
    let special: [UInt64] = [
      0, 1 << 63, 0x3ff0_0000_0000_0000, 0xbff8_0000_0000_0000, 0x7ff0_0000_0000_0000,
      0xfff0_0000_0000_0000, 0x7ff8_0000_0000_0000, 0xfff8_1234_5678_9abc, 0x7ff0_0000_0000_0001,
      1, 0x8000_0000_0000_0001, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000,
      0x7fef_ffff_ffff_ffff, 0x41e0_0000_0000_0000, 0xc1e0_0000_0000_0000, 0x43e0_0000_0000_0000,
      0x41df_ffff_ffc0_0000, 0x3fe0_0000_0000_0000, 0x47ef_ffff_e000_0000, 0x3810_0000_0000_0000,
      0x36a0_0000_0000_0000, 0x3690_0000_0000_0000, 0x47ef_ffff_f000_0000,
    ]
    let sign = UInt64(below(2)) << 63
    switch below(4) {
    case 0: return special[below(special.count)]
    case 1: return sign | UInt64(1016 + below(16)) << 52 | next() >> 12
    case 2: return sign | UInt64(1021 + below(5)) << 52 | UInt64(below(8)) << 49
    default: return next()
    }
  }

  /// Mostly everything masked, with every rounding.
  mutating func mxcsr() -> UInt32 {
    var value: UInt32 = 0x1f80
    if chance(1, in: 2) { value |= UInt32(below(4)) << 13 }
    if chance(1, in: 4) { value |= 0x8000 }
    if chance(1, in: 4) { value |= 0x40 }
    if chance(1, in: 2) { value |= UInt32(below(64)) }
    if chance(1, in: 6) { value &= ~(UInt32(below(64)) << 7) }
    return value
  }
}
