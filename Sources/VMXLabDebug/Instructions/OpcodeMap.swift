import VMXLab

/// One opcode map in one mode, with what its encodings stand for.
struct OpcodeMap {
  enum Prefix: Int, CaseIterable {
    case none, x66, xF3, xF2

    var bytes: [UInt8] {
      switch self {
      case .none: []
      case .x66: [0x66]
      case .xF3: [0xf3]
      case .xF2: [0xf2]
      }
    }

    var title: String {
      switch self {
      case .none: "no prefix"
      case .x66: "66"
      case .xF3: "F3"
      case .xF2: "F2"
      }
    }
  }

  enum Kind {
    case oneByte
    /// 0F.
    case twoByte
    /// 0F 38 or 0F 3A.
    case threeByte(UInt8)
    /// VEX maps 1 to 3.
    case vex(UInt8)

    var isVEX: Bool {
      if case .vex = self { true } else { false }
    }

    var isOneByte: Bool {
      if case .oneByte = self { true } else { false }
    }
  }

  let kind: Kind
  let codeBits: Int
  let survey: OpcodeSurvey

  /// The bytes of an encoding, with more than any instruction wants behind them.
  func bytes(_ opcode: UInt8, _ prefix: Prefix, w: Int = 0, l: Int = 0, modRM: UInt8) -> [UInt8] {
    var bytes: [UInt8] = []
    if case .vex(let map) = kind {
      // vvvv is all ones, which is register 0 where it is an operand.
      let last = UInt8(w << 7 | 0x78 | l << 2 | prefix.rawValue)
      bytes = [0xc4, 0xe0 | map, last, opcode]
    } else {
      bytes = prefix.bytes
      if w == 1 { bytes.append(0x48) }
      switch kind {
      case .oneByte, .vex: break
      case .twoByte: bytes.append(0x0f)
      case .threeByte(let map): bytes += [0x0f, map]
      }
      bytes.append(opcode)
    }
    return bytes + [modRM] + [UInt8](repeating: 0, count: 15 - bytes.count - 1)
  }

  func finding(_ opcode: UInt8, _ prefix: Prefix, _ point: EncodingGroup.Point)
    -> OpcodeSurvey.Finding
  {
    // A SIB byte, which gathers want; a register number that no opcode has to itself.
    let modRM = UInt8(point.digit) << 3 | (point.register == 1 ? 0xc1 : 0x04)
    return survey.finding(
      bytes(opcode, prefix, w: point.w, l: point.l, modRM: modRM), codeBits: codeBits)
  }

  /// What an opcode with a prefix stands for.
  func group(_ opcode: UInt8, _ prefix: Prefix) -> EncodingGroup {
    var findings: [EncodingGroup.Point: OpcodeSurvey.Finding] = [:]
    let hasW = kind.isVEX || codeBits == 64 && !kind.isOneByte
    for digit in 0..<8 {
      for register in 0...1 {
        for w in 0...(hasW ? 1 : 0) {
          for l in 0...(kind.isVEX ? 1 : 0) {
            let point = EncodingGroup.Point(w: w, l: l, digit: digit, register: register)
            findings[point] = finding(opcode, prefix, point)
          }
        }
      }
    }
    return EncodingGroup(findings)
  }

  /// The groups of an opcode by prefix, without those that the prefix does not change.
  func groups(_ opcode: UInt8) -> [Prefix: EncodingGroup] {
    var groups: [Prefix: EncodingGroup] = [:]
    for prefix in Prefix.allCases {
      let group = group(opcode, prefix)
      if prefix != .none, !kind.isVEX, let plain = groups[.none], plain.says(group) { continue }
      if !group.items.isEmpty { groups[prefix] = group }
    }
    return groups
  }
}

extension EncodingGroup {
  /// Whether a group is the same but for the sizes of operands.
  fileprivate func says(_ other: EncodingGroup) -> Bool {
    func words(_ group: EncodingGroup) -> Set<String> {
      Set(
        group.items.map {
          "\(InstructionText.name($0.finding)) \($0.conditions())"
        })
    }
    return words(self) == words(other)
  }
}
