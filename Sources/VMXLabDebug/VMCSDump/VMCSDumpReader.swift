import VMXLab

/// Why something is not a VMCS dump.
public struct VMCSDumpError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong, in words.
  public let description: String

  init(_ description: String) { self.description = description }

  /// What a JSON decoder found wrong.
  init(describing error: DecodingError) {
    func path(_ keys: [any CodingKey]) -> String {
      let names = keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
      return names.joined(separator: ".").replacing(".[", with: "[")
    }
    switch error {
    case .keyNotFound(let key, let context):
      self.init("\"\(path(context.codingPath + [key]))\" is missing")
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      let wanted = type == String.self ? "text in quotation marks" : "\(type)"
      self.init("\"\(path(context.codingPath))\" must be \(wanted)")
    case .dataCorrupted(let context):
      self.init("not valid JSON: \(context.debugDescription)")
    @unknown default:
      self.init("not valid JSON")
    }
  }
}

extension VMCSDump {
  /// Reads the dumps of a text: VMXLab's own JSON, or a log with what Linux KVM's `dump_vmcs` or Xen's
  /// `vmcs_dump_vcpu` printed. Which it is, the content tells.
  ///
  /// - Returns: the dumps in their order, one at least.
  /// - Throws: ``VMCSDumpError`` if there is none, or JSON that is not a dump.
  public static func read(_ text: String) throws(VMCSDumpError) -> [VMCSDump] {
    let start = text.first { !$0.isWhitespace && $0 != "\u{feff}" }
    // A time stamp begins with a bracket too, but has no quotation mark.
    if start == "{" || start == "[" && text.contains("\"format\"") {
      return try VMCSDumpJSON.read(text)
    }
    let dumps = HypervisorLog(text).dumps.map(\.dump).filter { !$0.knownFields.isEmpty }
    guard !dumps.isEmpty else {
      throw VMCSDumpError(
        "there is no VMCS in it: neither VMXLab's JSON nor what Linux KVM or Xen print")
    }
    return dumps
  }
}
