import VMXLab

/// The opcode maps as a document: `docs/instructions.md`.
public struct InstructionDocument {
  private let survey: OpcodeSurvey
  private let name: String?

  /// The document of what a processor has, or of what any of them has; nil if the disassembler refuses.
  public init?(of profile: CPUProfile? = nil) {
    guard let survey = OpcodeSurvey(of: profile) else { return nil }
    self.survey = survey
    name = profile?.name
  }

  /// The document, in Markdown.
  public var markdown: String {
    let one = map(.oneByte)
    let oneLegacy = map(.oneByte, codeBits: 32)
    let two = map(.twoByte)
    var text = """
      # Instructions

      What each opcode is\(name.map { " on \($0)" } ?? " on a processor that has it").\
       Empty: the encoding raises #UD. ~~Struck out~~: the manual has an instruction
      here whose CPUID flag VMXLab does not offer, since the instruction is not built; it raises #UD, too.

      - *Italics* are the CPUID flags that an instruction comes with; without them it raises #UD, or is what it is
        without its prefix.
      - `/0` to `/7` is ModRM.reg, `m` a memory operand, `r` a register, W and L the bits of a REX or VEX prefix. Where
        one is not named, it does not matter.
      - LOCK raises #UD but with the memory forms of ADC, ADD, AND, BTC, BTR, BTS, CMPXCHG, CMPXCHG8B, CMPXCHG16B,
        DEC, INC, NEG, NOT, OR, SBB, SUB, XADD, XCHG and XOR.
      - More than 15 bytes raise #GP.
      - EVEX encodings (AVX-512), instructions on opmask registers and AMX are not built, and not shown.

      This page is written by `vmxlab cpus --instructions`; `make docs` writes it anew from the tables that decode.

      """
    text += "\n## One-byte opcodes in 64-bit mode\n\n" + grid(one)
    text += "\n## One-byte opcodes in 16- and 32-bit code\n\n" + grid(oneLegacy)
    text += "\n## Groups of one-byte opcodes\n\n" + groupTable(one, oneLegacy)
    text += "\n## Escape opcodes (x87)\n\n" + escapes(one)
    text += "\n## Opcodes behind 0F, without a prefix\n\n" + grid(two)
    text += "\n## Opcodes behind 0F, with prefixes and flags\n\n" + list(two)
    text += "\n## Groups of opcodes behind 0F\n\n" + groupTable(two)
    text += "\n### 0F 01 with a register form\n\n" + systemGroup(two)
    text += "\n## Opcodes behind 0F 38\n\n" + list(map(.threeByte(0x38)))
    text += "\n## Opcodes behind 0F 3A\n\n" + list(map(.threeByte(0x3a)))
    for number in 1...3 as ClosedRange<UInt8> {
      let bytes = ["0F", "0F 38", "0F 3A"][Int(number) - 1]
      text += "\n## VEX map \(number) (\(bytes))\n\n" + list(map(.vex(number)))
    }
    text += "\n## Where 16- and 32-bit code differ from 64-bit mode\n\n" + differences()
    return text
  }

  private func map(_ kind: OpcodeMap.Kind, codeBits: Int = 64) -> OpcodeMap {
    OpcodeMap(kind: kind, codeBits: codeBits, survey: survey)
  }

  // MARK: Tables

  private func table(_ columns: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
    return line(columns) + "|\(String(repeating: " --- |", count: columns.count))\n"
      + rows.map(line).joined()
  }

  /// 16 opcodes a row, without prefixes.
  private func grid(_ map: OpcodeMap) -> String {
    let columns =
      [""] + (0..<16 as Range<UInt8>).map { "_\(String($0, radix: 16, uppercase: true))" }
    return table(
      columns,
      (0..<16 as Range<UInt8>).map { row in
        ["**\(String(row, radix: 16, uppercase: true))_**"]
          + (0..<16).map { cell(map, row << 4 | $0) }
      })
  }

  private func cell(_ map: OpcodeMap, _ opcode: UInt8) -> String {
    if let fixed = fixedCell(map, opcode) { return "*\(fixed)*" }
    let isOneByte = map.kind.isOneByte
    let group = map.group(opcode, .none)
    if group.isByDigit { return "[group](#\(groupAnchor(map)))" }
    var names: [String] = []
    for item in group.items {
      let name = InstructionText.name(item.finding, isOneByte: isOneByte)
      if !names.contains(name) { names.append(name) }
    }
    if isOneByte, opcode == 0x90 { names.append("F3: PAUSE") }
    return names.joined(separator: "<br>")
  }

  private func groupAnchor(_ map: OpcodeMap) -> String {
    map.kind.isOneByte ? "groups-of-one-byte-opcodes" : "groups-of-opcodes-behind-0f"
  }

  /// What is no instruction of its own.
  private func fixedCell(_ map: OpcodeMap, _ opcode: UInt8) -> String? {
    guard map.kind.isOneByte else {
      return [0x38: "0F 38", 0x3a: "0F 3A"][opcode]
    }
    let isLong = map.codeBits == 64
    switch opcode {
    case 0x0f: return "0F"
    case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3: return "prefix"
    case 0x40...0x4f where isLong: return "REX"
    case 0xc4, 0xc5: return isLong ? "VEX" : (opcode == 0xc4 ? "LES, VEX" : "LDS, VEX")
    case 0x62: return isLong ? "EVEX" : "BOUND, EVEX"
    case 0xd8...0xdf: return "x87"
    default: return nil
    }
  }

  /// A row for each opcode of which there is more to say than a mnemonic, and that is no group.
  private func list(_ map: OpcodeMap) -> String {
    let prefixes = OpcodeMap.Prefix.allCases
    var rows: [[String]] = []
    for opcode in 0...255 as ClosedRange<UInt8> {
      let groups = map.groups(opcode)
      guard groups.contains(where: { isWorthARow(map, $0.key, $0.value) }) else { continue }
      rows.append(
        ["**\(InstructionText.hex(opcode))**"]
          + prefixes.map { prefix in
            InstructionText.cell(groups[prefix]?.items ?? [])
          })
    }
    return table([""] + prefixes.map(\.title), rows)
  }

  private func isWorthARow(
    _ map: OpcodeMap, _ prefix: OpcodeMap.Prefix, _ group: EncodingGroup
  ) -> Bool {
    guard case .twoByte = map.kind else { return true }
    if group.isByDigit { return false }
    return prefix != .none
      || group.items.contains {
        !$0.conditions().isEmpty || !InstructionText.flags($0.finding).isEmpty
      }
  }

  /// A row for each opcode and prefix whose instruction ModRM.reg chooses, and another where that
  /// differs in `legacy`.
  private func groupTable(_ map: OpcodeMap, _ legacy: OpcodeMap? = nil) -> String {
    var rows: [[String]] = []
    for opcode in 0...255 as ClosedRange<UInt8> where fixedCell(map, opcode) == nil {
      let groups = map.groups(opcode)
      let legacyGroups = legacy?.groups(opcode)
      let plain = groupCells(groups[.none], map, opcode)
      for prefix in OpcodeMap.Prefix.allCases {
        let cells = groupCells(groups[prefix], map, opcode)
        let legacyCells = groupCells(legacyGroups?[prefix], map, opcode)
        let title =
          (prefix == .none ? "" : prefix.title + " ")
          + (map.kind.isOneByte ? "" : "0F ") + InstructionText.hex(opcode)
        if let cells, prefix == .none || cells != plain { rows.append(["**\(title)**"] + cells) }
        if let legacyCells, legacyCells != cells {
          rows.append(["**\(title)** (16- and 32-bit code)"] + legacyCells)
        }
      }
    }
    return table([""] + (0..<8).map { "/\($0)" }, rows)
  }

  /// What each value of ModRM.reg chooses; nil if it does not choose.
  private func groupCells(
    _ group: EncodingGroup?, _ map: OpcodeMap, _ opcode: UInt8
  ) -> [String]? {
    guard let group, group.isByDigit else { return nil }
    // The register forms of 0F 01 have a table of their own.
    let isSystemGroup = !map.kind.isOneByte && opcode == 0x01
    return (0..<8).map { digit in
      let items = group.items.filter { item in
        (item.digits?.contains(digit) ?? true) && !(isSystemGroup && item.register == 1)
      }
      return InstructionText.cell(
        items.sorted { $0.register ?? 0 < $1.register ?? 0 }, withDigit: false,
        isOneByte: map.kind.isOneByte)
    }
  }

  private func escapes(_ map: OpcodeMap) -> String {
    var rows: [[String]] = []
    for opcode in 0xd8...0xdf as ClosedRange<UInt8> {
      rows.append(
        ["**\(InstructionText.hex(opcode))** m"]
          + (0..<8).map { digit in
            InstructionText.name(
              map.finding(opcode, .none, EncodingGroup.Point(digit: digit, register: 0)))
          })
      rows.append(
        ["**\(InstructionText.hex(opcode))** r"]
          + (0..<8 as Range<UInt8>).map { digit in registerEscape(map, opcode, digit) })
    }
    return table([""] + (0..<8).map { "/\($0)" }, rows)
  }

  private func registerEscape(_ map: OpcodeMap, _ opcode: UInt8, _ digit: UInt8) -> String {
    let names = (0..<8 as Range<UInt8>).map { rm in
      InstructionText.name(
        survey.finding(
          map.bytes(opcode, .none, modRM: 0xc0 | digit << 3 | rm), codeBits: map.codeBits))
    }
    guard Set(names).count > 1 else { return names[0] }
    return zip(0..., names).filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1)" }
      .joined(separator: "<br>")
  }

  /// 0F 01, where ModRM.rm chooses, too.
  private func systemGroup(_ map: OpcodeMap) -> String {
    table(
      [""] + (0..<8).map { "rm \($0)" },
      (0..<8 as Range<UInt8>).map { digit in
        ["**/\(digit)**"]
          + (0..<8 as Range<UInt8>).map { rm in systemCell(map, 0xc0 | digit << 3 | rm) }
      })
  }

  private func systemCell(_ map: OpcodeMap, _ modRM: UInt8) -> String {
    var names: [String] = []
    for prefix in OpcodeMap.Prefix.allCases {
      let finding = survey.finding(
        map.bytes(0x01, prefix, modRM: modRM), codeBits: map.codeBits)
      let text = [InstructionText.name(finding), InstructionText.flags(finding)]
        .filter { !$0.isEmpty }.joined(separator: " ")
      guard !text.isEmpty, !names.contains(text) else { continue }
      names.append(prefix == .none ? text : "\(prefix.title): \(text)")
    }
    return names.joined(separator: "<br>")
  }

  // MARK: Differences

  /// The opcodes behind 0F and VEX that are other instructions outside 64-bit mode.
  private func differences() -> String {
    var rows: [[String]] = []
    for (kind, title) in [
      (.twoByte, "0F"), (.threeByte(0x38), "0F 38"), (.threeByte(0x3a), "0F 3A"),
      (.vex(1), "VEX map 1"), (.vex(2), "VEX map 2"), (.vex(3), "VEX map 3"),
    ] as [(OpcodeMap.Kind, String)] {
      let long = map(kind)
      let legacy = map(kind, codeBits: 32)
      for opcode in 0...255 as ClosedRange<UInt8> {
        for prefix in OpcodeMap.Prefix.allCases {
          let cells = [long, legacy].map { map in
            InstructionText.cell(
              map.group(opcode, prefix).items.filter { $0.w != 1 || kind.isVEX }.map { item in
                var item = item
                if !kind.isVEX { item.w = nil }
                return item
              })
          }
          guard cells[0] != cells[1] else { continue }
          let name = prefix == .none || kind.isVEX ? title : "\(prefix.title) \(title)"
          rows.append(["**\(name) \(InstructionText.hex(opcode))**"] + cells)
        }
      }
    }
    for modRM in 0xc0...0xff as ClosedRange<UInt8> {
      let cells = [64, 32].map { systemCell(map(.twoByte, codeBits: $0), modRM) }
      if cells[0] != cells[1] {
        rows.append(["**0F 01 \(InstructionText.hex(modRM))**"] + cells)
      }
    }
    return table(["", "64-bit mode", "16- and 32-bit code"], rows)
  }
}
