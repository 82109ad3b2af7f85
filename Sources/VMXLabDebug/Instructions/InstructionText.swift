import VMXLab

/// Names of instructions as the document writes them.
enum InstructionText {
  /// The manual's mnemonic where the disassembler has another, or one for each size of operand.
  private static let manualNames: [String: String] = [
    "movabs": "MOV", "lcall": "CALL far", "ljmp": "JMP far", "retf": "RET far", "ud2b": "UD1",
    "wait": "WAIT", "pushal": "PUSHA", "pushaw": "PUSHA", "popal": "POPA", "popaw": "POPA",
    "pushf": "PUSHF", "pushfd": "PUSHF", "pushfq": "PUSHF", "popf": "POPF", "popfd": "POPF",
    "popfq": "POPF", "cbw": "CBW", "cwde": "CBW", "cdqe": "CBW", "cwd": "CWD", "cdq": "CWD",
    "cqo": "CWD", "iret": "IRET", "iretd": "IRET", "iretq": "IRET", "jcxz": "JCXZ",
    "jecxz": "JCXZ", "jrcxz": "JCXZ", "xlatb": "XLAT", "insb": "INS", "insw": "INS",
    "insd": "INS", "outsb": "OUTS", "outsw": "OUTS", "outsd": "OUTS", "lodsb": "LODS",
    "lodsw": "LODS", "lodsd": "LODS", "lodsq": "LODS", "stosb": "STOS", "stosw": "STOS",
    "stosd": "STOS", "stosq": "STOS", "scasb": "SCAS", "scasw": "SCAS", "scasd": "SCAS",
    "scasq": "SCAS",
  ]

  /// The mnemonic alone; nothing for #UD.
  static func name(_ finding: OpcodeSurvey.Finding, isOneByte: Bool = false) -> String {
    switch finding {
    case .undefined: return ""
    case .notBuilt(let name): return "~~\(name.uppercased())~~"
    case .instruction(let name, _):
      if isOneByte, let string = stringInstruction(name) { return string }
      return manualNames[name] ?? name.uppercased()
    }
  }

  /// MOVS and CMPS, whose names with sizes SSE has too.
  private static func stringInstruction(_ name: String) -> String? {
    guard name.hasPrefix("movs") && name.count == 5 || name.hasPrefix("cmps") else { return nil }
    return name.dropLast().uppercased()
  }

  /// The CPUID flags of an instruction, in italics.
  static func flags(_ finding: OpcodeSurvey.Finding) -> String {
    guard case .instruction(_, let flags) = finding, !flags.isEmpty else { return "" }
    return "*" + flags.joined(separator: ", ").replacing("_", with: "\\_") + "*"
  }

  /// An instruction with its conditions and flags.
  static func text(_ item: EncodingGroup.Item, withDigit: Bool = true, isOneByte: Bool = false)
    -> String
  {
    [
      name(item.finding, isOneByte: isOneByte), item.conditions(withDigit: withDigit),
      flags(item.finding),
    ].filter { !$0.isEmpty }.joined(separator: " ")
  }

  /// Several of one opcode, in one cell. What differs only in the flags of its 256-bit form is one.
  static func cell(
    _ items: [EncodingGroup.Item], withDigit: Bool = true, isOneByte: Bool = false
  ) -> String {
    var texts: [String] = []
    for item in items {
      func isSame(_ other: EncodingGroup.Item) -> Bool {
        name(other.finding) == name(item.finding) && other.digits == item.digits
          && other.register == item.register && other.w == item.w
      }
      if item.l == 1, items.contains(where: { $0.l == 0 && isSame($0) }) { continue }
      var plain = item
      let wide = item.l == 0 ? items.first { $0.l == 1 && isSame($0) } : nil
      if wide != nil { plain.l = nil }
      texts.append(
        text(plain, withDigit: withDigit, isOneByte: isOneByte)
          + (wide.map { ", L1 \(flags($0.finding))" } ?? ""))
    }
    return texts.joined(separator: "<br>")
  }

  static func hex(_ byte: UInt8) -> String {
    let text = String(byte, radix: 16, uppercase: true)
    return text.count == 1 ? "0" + text : text
  }
}
