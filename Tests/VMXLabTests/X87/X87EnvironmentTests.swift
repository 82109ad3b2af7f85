import Testing

@testable import VMXLab

@Suite struct X87EnvironmentTests {
  private var state: X87State {
    var x87 = X87State()
    x87.initialize()
    x87.status = 0x3a00
    x87.used = 0x81
    x87.registers[0] = .one
    x87.lastOpcode = 0x5d6
    x87.instructionSelector = 0x1234
    x87.instructionPointer = 0x0089_abcd
    x87.dataSelector = 0x5678
    x87.dataPointer = 0x00fe_dcba
    return x87
  }

  private func image(_ format: X87EnvironmentFormat) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 32)
    bytes.withUnsafeMutableBytes {
      format.write(state, selectors: (0x1234, 0x5678), to: $0)
    }
    return Array(bytes.prefix(format.byteCount))
  }

  @Test("The environment has the manual's four layouts")
  func layouts() {
    // R0 valid, R7 zero, the others empty.
    #expect(
      image(X87EnvironmentFormat(is32Bit: true, isReal: false)) == [
        0x7f, 0x03, 0xff, 0xff, 0x00, 0x3a, 0xff, 0xff, 0xfc, 0x7f, 0xff, 0xff, 0xcd, 0xab, 0x89,
        0x00, 0x34, 0x12, 0xd6, 0x05, 0xba, 0xdc, 0xfe, 0x00, 0x78, 0x56, 0xff, 0xff,
      ])
    #expect(
      image(X87EnvironmentFormat(is32Bit: false, isReal: false)) == [
        0x7f, 0x03, 0x00, 0x3a, 0xfc, 0x7f, 0xcd, 0xab, 0x34, 0x12, 0xba, 0xdc, 0x78, 0x56,
      ])
    // Linear addresses 0x12340 + 0x89abcd = 0x8acf0d and 0x56780 + 0xfedcba = 0x104443a.
    #expect(
      image(X87EnvironmentFormat(is32Bit: true, isReal: true)) == [
        0x7f, 0x03, 0xff, 0xff, 0x00, 0x3a, 0xff, 0xff, 0xfc, 0x7f, 0xff, 0xff, 0x0d, 0xcf, 0x00,
        0x00, 0xd6, 0xa5, 0x08, 0x00, 0x3a, 0x44, 0x00, 0x00, 0x00, 0x40, 0x10, 0x00,
      ])
    #expect(
      image(X87EnvironmentFormat(is32Bit: false, isReal: true)) == [
        0x7f, 0x03, 0x00, 0x3a, 0xfc, 0x7f, 0x0d, 0xcf, 0xd6, 0xa5, 0x3a, 0x44, 0x00, 0x40,
      ])
  }

  @Test("An environment that is loaded is the one that was stored")
  func roundTrip() {
    for is32Bit in [false, true] {
      let format = X87EnvironmentFormat(is32Bit: is32Bit, isReal: false)
      var bytes = image(format)
      var x87 = X87State()
      bytes.withUnsafeMutableBytes { format.read(&x87, from: $0) }
      #expect(x87.control == state.control)
      #expect(x87.status == state.status)
      #expect(x87.used == state.used)
      #expect(x87.instructionPointer == state.instructionPointer & (is32Bit ? .max : 0xffff))
      #expect(x87.instructionSelector == 0x1234)
      #expect(x87.dataSelector == 0x5678)
    }
  }

  @Test("Tags tell zeros, specials and empty registers apart")
  func tags() {
    var x87 = X87State()
    x87.used = 0x7f
    x87.registers[0] = .one
    x87.registers[1] = .zero(isNegative: true)
    x87.registers[2] = .infinity(isNegative: false)
    x87.registers[3] = DoubleExtended(significand: 1, signExponent: 0)
    x87.registers[4] = DoubleExtended(significand: 1, signExponent: 0x3fff)
    x87.registers[5] = .indefinite
    #expect(x87.tagWord == 0b11_01_10_10_10_10_01_00)
  }
}
