import Testing

@testable import VMXLab

@Suite struct ReciprocalTests {
  @Test("Reciprocals and reciprocal square roots are within the manual's error")
  func error() {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<20_000 {
      let bits = UInt32(1 + random.below(252)) << 23 | UInt32(random.below(1 << 23))
      let exact = Double(Float(bitPattern: bits))
      let reciprocal = Double(Float(bitPattern: ReciprocalApproximation.reciprocal(bits)))
      // 2^126 and more have denormal reciprocals, which become zero.
      if exact < 0x1p126 { #expect(abs(reciprocal * exact - 1) <= 1.5 / 4096) }
      let root = Double(Float(bitPattern: ReciprocalApproximation.squareRoot(bits)))
      #expect(abs(root * exact.squareRoot() - 1) <= 1.5 / 4096)
    }
  }

  @Test("Special operands of RCPPS and RSQRTPS have the manual's results")
  func specialOperands() {
    let reciprocals: [(UInt32, UInt32)] = [
      (0, 0x7f80_0000), (0x8000_0000, 0xff80_0000), (1, 0x7f80_0000), (0x8000_0001, 0xff80_0000),
      (0x7f80_0000, 0), (0xff80_0000, 0x8000_0000), (0x7fc0_0001, 0x7fc0_0001),
      (0xff80_0001, 0xffc0_0001), (0x7f7f_ffff, 0),
    ]
    for (operand, result) in reciprocals {
      #expect(ReciprocalApproximation.reciprocal(operand) == result)
    }
    let roots: [(UInt32, UInt32)] = [
      (0, 0x7f80_0000), (0x8000_0000, 0xff80_0000), (1, 0x7f80_0000), (0x8000_0001, 0xff80_0000),
      (0x7f80_0000, 0), (0xff80_0000, 0xffc0_0000), (0xbf80_0000, 0xffc0_0000),
      (0x7fa0_0000, 0x7fe0_0000),
    ]
    for (operand, result) in roots {
      #expect(ReciprocalApproximation.squareRoot(operand) == result)
    }
  }
}
