import Testing

@testable import VMXLab

@Suite struct TranscendentalTests {
  @Test("Transcendental results are the exact ones, rounded")
  func results() {
    for line in TranscendentalVectors.lines {
      var x87 = X87State()
      x87.initialize()
      x87.push(line.st1)
      x87.push(line.st0)
      switch line.function {
      case .sine: x87.trigonometry(.sine)
      case .cosine: x87.trigonometry(.cosine)
      case .tangent:
        x87.tangent()
        #expect(x87[st: 0] == .one)
        x87.pop()
      case .exponential: x87.exponential()
      case .arctangent: x87.arctangent()
      case .logarithm: x87.logarithm(plus1: false)
      case .logarithmPlus1: x87.logarithm(plus1: true)
      }
      #expect(x87[st: 0] == line.result, "\(line)")
      #expect(x87.statusWithoutTop & X87Status.exceptions == X87Status.precision, "\(line)")
    }
  }

  @Test("An argument of 2⁶³ or more is left alone, with C2 set")
  func outOfRange() {
    let large = DoubleExtended(significand: 1 << 63, signExponent: 0x3fff + 63)
    for function in [X87RegisterOperation.sine, .cosine, .sineAndCosine, .tangent] {
      var x87 = X87State()
      x87.initialize()
      x87.push(large)
      x87.run(function)
      #expect(x87[st: 0] == large)
      #expect(x87.top == 7)
      #expect(x87.status & X87Status.c2 != 0)
    }
  }
}
