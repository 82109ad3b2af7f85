extension BrokenRule {
  /// The rule in words, with the values of the fields that it reads and the bits at fault:
  /// `CR0 guest/host mask = 0x0 …`. One line.
  public func text(_ vmcs: VMCS) -> String {
    let entry = rule.entry
    let values = entry.fields.map { "\($0.name) = 0x\(String(vmcs[$0], radix: 16))" }
    var text = entry.sentence
    if !values.isEmpty { text += " \(values.joined(separator: ", "))" }
    if faults != 0 { text += "; bits at fault 0x\(String(faults, radix: 16))" }
    return "\(text) [\(entry.section.title): \(rule.rawValue)]"
  }
}
