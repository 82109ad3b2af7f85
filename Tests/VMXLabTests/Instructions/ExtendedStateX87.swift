@testable import VMXLab

// The x87 registers in an XSAVE area: its first 160 bytes, those of FXSAVE.
extension ExtendedState {
  var control: UInt16 {
    get { word(0) }
    set { setWord(0, newValue) }
  }
  var status: UInt16 {
    get { word(2) }
    set { setWord(2, newValue) }
  }
  /// A bit for each of R0 to R7 that is not empty.
  var tags: UInt8 {
    get { area[4] }
    set { area[4] = newValue }
  }

  func st(_ i: Int) -> DoubleExtended {
    let place = 32 + i * 16
    let significand = (0..<8).reduce(0 as UInt64) {
      $0 | UInt64(area[place + $1]) << UInt64($1 * 8)
    }
    return DoubleExtended(significand: significand, signExponent: word(place + 8))
  }

  mutating func setST(_ i: Int, _ value: DoubleExtended) {
    let place = 32 + i * 16
    for byte in 0..<8 {
      area[place + byte] = UInt8(truncatingIfNeeded: value.significand >> UInt64(byte * 8))
    }
    setWord(place + 8, value.signExponent)
  }

  private func word(_ offset: Int) -> UInt16 {
    UInt16(area[offset]) | UInt16(area[offset + 1]) << 8
  }

  private mutating func setWord(_ offset: Int, _ value: UInt16) {
    area[offset] = UInt8(truncatingIfNeeded: value)
    area[offset + 1] = UInt8(value >> 8)
  }
}

extension X87State {
  /// The state in an XSAVE area.
  init(_ extended: ExtendedState) {
    self.init()
    control = extended.control
    status = extended.status
    used = extended.tags
    for i in 0..<8 { registers[Int(number(UInt8(i)))] = extended.st(i) }
    updateSummary()
  }

  /// Puts the state into an XSAVE area.
  func store(into extended: inout ExtendedState) {
    extended.control = control
    extended.status = status
    extended.tags = used
    for i in 0..<8 { extended.setST(i, registers[Int(number(UInt8(i)))]) }
  }
}
