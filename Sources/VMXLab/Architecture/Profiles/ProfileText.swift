// What the readers and writers of profile data share.

/// `value` as the manual writes it: 0x and hexadecimal digits, at least `digits` of them.
func hexadecimal(_ value: some BinaryInteger, digits: Int = 1) -> String {
  let text = String(value, radix: 16)
  return "0x" + String(repeating: "0", count: max(0, digits - text.count)) + text
}

extension FixedWidthInteger {
  /// The number that `text` writes as 0x and hexadecimal digits; nil for anything else, or when it
  /// does not fit.
  init?(hexadecimal text: some StringProtocol) {
    guard text.hasPrefix("0x"), let first = text.dropFirst(2).first, first != "+", first != "-"
    else { return nil }
    self.init(text.dropFirst(2), radix: 16)
  }
}

extension Decoder {
  /// Refuses an object with a key that no reader knows, so that a misspelt one is not passed over.
  func refuseKeys(otherThan known: [String]) throws {
    let values = try container(keyedBy: AnyKey.self)
    if let key = values.allKeys.first(where: { !known.contains($0.stringValue) }) {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: values,
        debugDescription: "unknown key; the keys are \(known.joined(separator: ", "))")
    }
  }
}

/// A coding key of any name.
struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension DecodingError {
  /// The path to the datum at fault, such as `sources.0.data`, and what is wrong with it.
  var keyAndReason: (key: String, reason: String) {
    func path(_ keys: [any CodingKey]) -> String {
      keys.map { key in key.intValue.map(String.init) ?? key.stringValue }.joined(separator: ".")
    }
    switch self {
    case .keyNotFound(let key, let context):
      return (path(context.codingPath + [key]), "is missing")
    case .typeMismatch(let type, let context):
      return (path(context.codingPath), "is not \(Self.noun(type))")
    case .valueNotFound(let type, let context):
      return (path(context.codingPath), "is null, must be \(Self.noun(type))")
    case .dataCorrupted(let context):
      let detail = context.underlyingError.map { " (\($0))" } ?? ""
      return (path(context.codingPath), context.debugDescription + detail)
    @unknown default:
      return ("", "\(self)")
    }
  }

  private static func noun(_ type: any Any.Type) -> String {
    switch type {
    case is String.Type: "a string"
    case is any BinaryInteger.Type: "a number without sign that fits"
    case is [String: Any].Type, is [String: String].Type, is [String: [String]].Type: "an object"
    case is [Any].Type: "a list"
    default: "of the right kind (\(type))"
    }
  }
}
