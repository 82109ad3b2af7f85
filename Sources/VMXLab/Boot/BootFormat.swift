/// Numbers as messages show them.
enum BootFormat {
  /// Two digits.
  static func byte(_ value: UInt8) -> String {
    (value < 16 ? "0" : "") + String(value, radix: 16)
  }

  static func hex(_ value: some BinaryInteger) -> String {
    "0x" + String(value, radix: 16)
  }

  /// First and last address.
  static func range(_ range: Range<UInt64>) -> String {
    range.isEmpty
      ? "nothing at \(hex(range.lowerBound))"
      : "\(hex(range.lowerBound))-\(hex(range.upperBound - 1))"
  }

  /// The first few of `ranges`, and how many more there are.
  static func ranges(_ ranges: [Range<UInt64>]) -> String {
    let shown = ranges.prefix(8).map(range).joined(separator: ", ")
    if ranges.isEmpty { return "nothing" }
    return ranges.count > 8 ? "\(shown) and \(ranges.count - 8) more" : shown
  }
}
