/// Numbers as messages show them.
enum BootFormat {
  /// Two digits.
  static func byte(_ value: UInt8) -> String {
    (value < 16 ? "0" : "") + String(value, radix: 16)
  }

  static func number(_ value: some BinaryInteger) -> String {
    "0x" + String(value, radix: 16)
  }

  /// First and last address.
  static func range(_ range: Range<UInt64>) -> String {
    range.isEmpty
      ? "nothing at \(number(range.lowerBound))"
      : "\(number(range.lowerBound))-\(number(range.upperBound - 1))"
  }

  static func ranges(_ ranges: [Range<UInt64>]) -> String {
    ranges.isEmpty ? "nothing" : ranges.map(range).joined(separator: ", ")
  }
}
