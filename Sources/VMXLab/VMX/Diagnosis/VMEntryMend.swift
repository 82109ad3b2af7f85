/// What would mend a broken rule: a value for a field, a piece of advice, or both.
public struct VMEntryMend: Equatable, Sendable {
  /// The field to write.
  public let field: VMCSField?
  /// The value to write to it.
  public let value: UInt64
  /// The bits of the field that change.
  public let changes: UInt64
  /// What else there is to say.
  public let advice: String?

  public static func == (left: VMEntryMend, right: VMEntryMend) -> Bool {
    left.field?.encoding == right.field?.encoding && left.value == right.value
      && left.changes == right.changes && left.advice == right.advice
  }

  /// `write 0x202 to Guest RFLAGS (set bit 9); or …`, without a full stop.
  public var text: String {
    guard let field else { return advice ?? "" }
    var text = "write \(hexadecimal(value)) to \(field.name)"
    let what = [Self.list("set", changes & value), Self.list("clear", changes & ~value)]
    let bits = what.compactMap { $0 }.joined(separator: ", ")
    if !bits.isEmpty { text += " (\(bits))" }
    if let advice { text += "; \(advice)" }
    return text
  }

  private static func list(_ verb: String, _ bits: UInt64) -> String? {
    switch bits.nonzeroBitCount {
    case 0: return nil
    case 1...4:
      let numbers = (0..<64).filter { bits >> UInt64($0) & 1 != 0 }.map(String.init)
      return "\(verb) \(numbers.count == 1 ? "bit" : "bits") \(numbers.joined(separator: ", "))"
    default: return nil
    }
  }
}

extension BrokenRule {
  /// What would mend the rule in `vmcs`. Where it names a value, the rule holds once that is written;
  /// whether it is what the hypervisor's author meant is another question.
  ///
  /// - Parameters:
  ///   - vmcs: the VMCS that breaks the rule.
  ///   - capabilities: the capabilities that it was checked against.
  public func mend(_ vmcs: VMCS, _ capabilities: VMXCapabilities) -> VMEntryMend {
    let entry = rule.entry
    if let line = VMEntryMendTable.lines[rule] {
      guard let change = line.change else {
        return VMEntryMend(field: nil, value: 0, changes: 0, advice: line.advice)
      }
      let key = change.fieldKey(vmcs) ?? entry.fieldKeys.first
      if let field = key.flatMap({ VMCSField.field(key: $0) }) {
        return mend(field, change.value(field, vmcs, capabilities), vmcs, line.advice)
      }
    }
    if isInMemory(vmcs) {
      return VMEntryMend(
        field: nil, value: 0, changes: 0,
        advice: "clear bits \(hexadecimal(faults)) of the entry in the table at guest CR3")
    }
    if faults != 0, let field = entry.fields.first {
      return mend(field, vmcs[field] ^ faults, vmcs, nil)
    }
    return VMEntryMend(
      field: nil, value: 0, changes: 0,
      advice: "bring \(entry.fields.map(\.name).joined(separator: " and ")) in line with the rule")
  }

  private func mend(
    _ field: VMCSField, _ value: UInt64, _ vmcs: VMCS, _ advice: String?
  ) -> VMEntryMend {
    VMEntryMend(field: field, value: value, changes: value ^ vmcs[field], advice: advice)
  }
}
