extension BrokenRule {
  /// The rule in words, then the fields that it reads with their values in `vmcs`, and the bits at
  /// fault with what they must be. One line, without a full stop.
  ///
  /// ```
  /// Host CR3 must not exceed the physical-address width: Host CR3 = 0x400000001000; bit 46 must be 0
  /// ```
  public func text(_ vmcs: VMCS) -> String {
    let entry = rule.entry
    var text = entry.sentence
    if text.hasSuffix(".") { text.removeLast() }
    let fields = entry.fields.dropFirst(isInMemory(vmcs) ? 1 : 0)
    var facts = fields.map { "\($0.name) = \(hexadecimal(vmcs[$0]))" }
    if let msr { facts.append(msr.text) }
    if !facts.isEmpty { text += ": " + facts.joined(separator: ", ") }
    if let faults = faultText(vmcs) { text += "; " + faults }
    return text
  }

  /// What the bits at fault must be: `bit 7 ("process posted interrupts") must be 0`. Nil where the rule
  /// is not about bits.
  public func faultText(_ vmcs: VMCS) -> String? {
    guard faults != 0, let field = rule.entry.fields.first else { return nil }
    if isInMemory(vmcs) { return "bits \(hexadecimal(faults)) of the entry in memory must be 0" }
    let value = vmcs[field]
    let names = Self.bitNames(of: field)
    func list(_ bits: UInt64, mustBe setting: Int) -> String? {
      guard bits != 0 else { return nil }
      // A long run of bits is clearer as a mask.
      guard bits.nonzeroBitCount <= 4 else {
        return "bits \(hexadecimal(bits)) must be \(setting)"
      }
      let numbers = (0..<64).filter { bits >> UInt64($0) & 1 != 0 }
      let described = numbers.map { bit in names[bit].map { "\(bit) (\"\($0)\")" } ?? "\(bit)" }
      return "\(numbers.count == 1 ? "bit" : "bits") \(described.joined(separator: ", "))"
        + " must be \(setting)"
    }
    let parts = [list(faults & value, mustBe: 0), list(faults & ~value, mustBe: 1)]
    return parts.compactMap { $0 }.joined(separator: "; ")
  }

  /// Whether the bits at fault are those of a page-directory-pointer-table entry in memory, which is what
  /// a guest without EPT uses instead of the field.
  public func isInMemory(_ vmcs: VMCS) -> Bool {
    guard rule.inputs.contains(.pageDirectoryPointerTable) else { return false }
    let primary = PrimaryProcessorBasedControls(rawValue: vmcs.primaryProcessorBasedControls)
    let secondary = SecondaryProcessorBasedControls(
      rawValue: vmcs.secondaryProcessorBasedControls)
    return !primary.contains(.activateSecondaryControls) || !secondary.contains(.enableEPT)
  }

  /// The names of the bits of a field that holds controls.
  private static func bitNames(of field: VMCSField) -> [Int: String] {
    func names<Word: VMXControlWord>(_ word: Word.Type) -> [Int: String] {
      Dictionary(
        Word.names.map { (Int($0.control.rawValue.trailingZeroBitCount), $0.name) },
        uniquingKeysWith: { first, _ in first })
    }
    switch field.key {
    case "pinBasedControls": return names(PinBasedControls.self)
    case "primaryProcessorBasedControls": return names(PrimaryProcessorBasedControls.self)
    case "secondaryProcessorBasedControls": return names(SecondaryProcessorBasedControls.self)
    case "tertiaryProcessorBasedControls": return names(TertiaryProcessorBasedControls.self)
    case "vmExitControls": return names(VMExitControls.self)
    case "secondaryVMExitControls": return names(SecondaryVMExitControls.self)
    case "vmEntryControls": return names(VMEntryControls.self)
    case "vmFunctionControls": return names(VMFunctionControls.self)
    default: return [:]
    }
  }
}

/// `value` as people write addresses and registers: 0x and lower-case digits.
func hexadecimal(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
