/// A word of VMX controls or capabilities whose bits have names.
public protocol VMXControlWord: OptionSet where RawValue: FixedWidthInteger & UnsignedInteger {
  /// Each control with the name that the manual puts in quotation marks, by bit.
  static var names: [(control: Self, name: String)] { get }
}

extension VMXControlWord where Element == Self {
  /// The manual's names of the controls that are 1, by bit; a bit without a name is "bit N".
  public var controlNames: [String] {
    var unnamed = rawValue
    var result: [String] = []
    for (control, name) in Self.names where isSuperset(of: control) {
      result.append(name)
      unnamed &= ~control.rawValue
    }
    for bit in 0..<RawValue.bitWidth where unnamed >> RawValue(bit) & 1 != 0 {
      result.append("bit \(bit)")
    }
    return result
  }
}
