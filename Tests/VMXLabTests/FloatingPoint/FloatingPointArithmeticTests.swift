import Testing

@testable import VMXLab

/// The arithmetic library against Swift's own, which rounds to nearest.
@Suite struct FloatingPointArithmeticTests {
  private static let count = 20_000

  /// A bit pattern that favours the edges of a format.
  private func pattern(_ format: FloatingPointFormat, _ random: inout SeededGenerator) -> UInt64 {
    let fields = [
      0, 1, 2, format.maximumField, format.maximumField - 1, format.maximumField / 2,
      format.maximumField / 2 + 1,
    ]
    let field =
      random.chance(1, in: 2) ? fields[random.below(7)] : random.next() & format.maximumField
    var fraction = random.edge()
    if random.chance(1, in: 2) { fraction = ~0 << UInt64(random.below(64)) }
    fraction &= (1 << format.fractionBits) - 1
    return UInt64(random.below(2)) << format.signShift | field << format.fractionBits | fraction
  }

  private func check<F: BinaryFormat, Host: BinaryFloatingPoint>(
    _ type: F.Type, _ host: Host.Type, _ value: (F.Bits) -> Host, _ bits: (Host) -> F.Bits
  ) {
    var random = SeededGenerator(seed: 3)
    func same(_ actual: F.Bits, _ expected: Host, _ what: String, _ operands: [F.Bits]) {
      if expected.isNaN ? !value(actual).isNaN : actual != bits(expected) {
        Issue.record("\(what) of \(operands.map { String($0, radix: 16) })")
      }
    }
    for _ in 0..<Self.count {
      let a = F.Bits(truncatingIfNeeded: pattern(F.format, &random))
      let b = F.Bits(truncatingIfNeeded: pattern(F.format, &random))
      let c = F.Bits(truncatingIfNeeded: pattern(F.format, &random))
      let (x, y, z) = (value(a), value(b), value(c))
      var environment = FloatingPointEnvironment()
      same(F.add(a, b, &environment), x + y, "sum", [a, b])
      same(F.subtract(a, b, &environment), x - y, "difference", [a, b])
      same(F.multiply(a, b, &environment), x * y, "product", [a, b])
      same(F.divide(a, b, &environment), x / y, "quotient", [a, b])
      same(F.squareRoot(a, &environment), x.squareRoot(), "square root", [a])
      same(
        F.multiplyAdd(a, b, c, &environment), z.addingProduct(x, y), "multiply-add", [a, b, c])
      same(
        F.roundToIntegral(a, isExact: false, &environment), x.rounded(.toNearestOrEven),
        "integral value", [a])
      let order = F.compare(a, b, signalsQuietNaN: false, &environment)
      #expect((order == .less) == (x < y))
      #expect((order == .equal) == (x == y))
      #expect((order == .unordered) == (x.isNaN || y.isNaN))
    }
  }

  @Test("Single-precision results are Swift's")
  func single() {
    check(Binary32.self, Float.self, Float.init(bitPattern:), \.bitPattern)
  }

  @Test("Double-precision results are Swift's")
  func double() {
    check(Binary64.self, Double.self, Double.init(bitPattern:), \.bitPattern)
  }

  @Test("Every half-precision number becomes its single-precision number and comes back")
  func half() {
    for pattern in 0...UInt16.max {
      var environment = FloatingPointEnvironment()
      let wide = Binary16.convert(pattern, to: Binary32.self, signalsDenormal: false, &environment)
      let sign = Float(pattern >> 15 == 0 ? 1 : -1)
      let field = Int(pattern >> 10 & 31)
      let fraction = Float(pattern & 1023)
      let value = Float(bitPattern: wide)
      switch (field, fraction) {
      case (31, 0): #expect(value == sign * .infinity)
      case (31, _):
        #expect(value.isNaN)
        #expect((environment.flags == .invalid) == (pattern & 0x200 == 0))
        continue
      case (0, _): #expect(value == sign * fraction * 0x1p-24)
      default:
        #expect(
          value == sign * (1024 + fraction)
            * Float(sign: .plus, exponent: field - 25, significand: 1))
      }
      #expect(environment.flags.isEmpty)
      #expect(Binary32.convert(wide, to: Binary16.self, &environment) == pattern)
    }
  }

  @Test("Conversions between single, double and integers are Swift's")
  func conversions() {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<Self.count {
      var environment = FloatingPointEnvironment()
      let a = pattern(.binary64, &random)
      let x = Double(bitPattern: a)
      let narrow = Binary64.convert(a, to: Binary32.self, &environment)
      if !x.isNaN { #expect(narrow == Float(x).bitPattern) }
      let integer = Binary64.convertToInteger(
        a, bitCount: 64, truncates: true, &environment)
      #expect(integer == (Int64(exactly: x.rounded(.towardZero)) ?? .min))
      let number = Int64(bitPattern: random.edge())
      #expect(Binary64.convert(integer: number, &environment) == Double(number).bitPattern)
      #expect(Binary32.convert(integer: number, &environment) == Float(number).bitPattern)
    }
  }

  @Test("Tininess is detected after rounding, and flushing gives a signed zero")
  func underflow() {
    // Rounded to 24 bits with no limit to the exponent this is normal: not tiny.
    let almost: UInt32 = 0x007f_ffff
    let factor: UInt32 = 0x3f80_0001
    var environment = FloatingPointEnvironment()
    #expect(Binary32.multiply(almost, factor, &environment) == 0x0080_0000)
    #expect(environment.flags == [.denormal, .precision])
    // This is not, though the denormal it would be rounds up to normal.
    environment = FloatingPointEnvironment()
    #expect(Binary32.multiply(0x3f7f_ffff, 0x0080_0000, &environment) == 0x0080_0000)
    #expect(environment.flags == [.precision, .underflow])
    environment = FloatingPointEnvironment(mxcsr: 0x9f80)
    #expect(Binary32.multiply(0x8080_0000, 0x3f00_0000, &environment) == 0x8000_0000)
    #expect(environment.flags == [.precision, .underflow])
    environment = FloatingPointEnvironment(mxcsr: 0x1fc0)
    #expect(Binary32.add(0x8000_0001, 0x8000_0000, &environment) == 0x8000_0000)
    #expect(environment.flags.isEmpty)
  }

  @Test("An unmasked exception of the operands hides those of the result")
  func report() {
    var environment = FloatingPointEnvironment(mxcsr: 0x1f80 & ~0x100)
    _ = Binary32.add(0x0000_0001, 0x3f80_0000, &environment)
    #expect(environment.flags == [.denormal, .precision])
    #expect(environment.report.flags == .denormal)
    #expect(environment.report.isUnmasked)
  }
}
