/// The instructions on ST(0) and ST(1) with one register form, by the low six bits of their opcode
/// D9 C0 + n.
enum X87RegisterOperation: UInt8 {
  case nothing = 0x10
  case changeSign = 0x20
  case absolute = 0x21
  case test = 0x24
  case examine = 0x25
  case exponential = 0x30
  case logarithm = 0x31
  case tangent = 0x32
  case arctangent = 0x33
  case extract = 0x34
  case remainderToNearest = 0x35
  case decrementTop = 0x36
  case incrementTop = 0x37
  case remainder = 0x38
  case logarithmPlus1 = 0x39
  case squareRoot = 0x3a
  case sineAndCosine = 0x3b
  case roundToInteger = 0x3c
  case scale = 0x3d
  case sine = 0x3e
  case cosine = 0x3f
}

/// The instructions that move between stack registers.
enum X87StackOperation: UInt8 {
  case load
  case exchange
  case store
  case storeAndPop
  /// FSTPNCE: copies ST(0) and its tag, with no fault if it is empty.
  case copyAndPop
  case free
  case freeAndPop
}

extension X87State {
  mutating func run(_ operation: X87RegisterOperation) {
    switch operation {
    case .nothing: break
    case .changeSign: changeSign(clears: false)
    case .absolute: changeSign(clears: true)
    case .test: test()
    case .examine: examine()
    case .exponential: exponential()
    case .logarithm: logarithm(plus1: false)
    case .tangent: tangent()
    case .arctangent: arctangent()
    case .extract: extract()
    case .remainderToNearest: partialRemainder(toNearest: true)
    case .decrementTop: rotate(by: 7)
    case .incrementTop: rotate(by: 1)
    case .remainder: partialRemainder(toNearest: false)
    case .logarithmPlus1: logarithm(plus1: true)
    case .squareRoot: squareRoot()
    case .sineAndCosine: trigonometry(.both)
    case .roundToInteger: roundToInteger()
    case .scale: scale()
    case .sine: trigonometry(.sine)
    case .cosine: trigonometry(.cosine)
    }
  }

  mutating func run(_ operation: X87StackOperation, _ i: UInt8) {
    switch operation {
    case .load: load(register: i)
    case .exchange: exchange(i)
    case .store: store(register: i, pops: false)
    case .storeAndPop: store(register: i, pops: true)
    case .copyAndPop: copyAndPop(i)
    case .free:
      setConditions(0, mask: X87Status.c1)
      free(i)
    case .freeAndPop:
      setConditions(0, mask: X87Status.c1)
      free(i)
      pop()
    }
  }

  /// FINCSTP and FDECSTP.
  private mutating func rotate(by count: UInt8) {
    setConditions(0, mask: X87Status.c1)
    top = (top &+ count) & 7
  }

  private mutating func copyAndPop(_ i: UInt8) {
    setConditions(0, mask: X87Status.c1)
    let isEmpty = isEmpty(0)
    self[st: i] = self[st: 0]
    if isEmpty { free(i) }
    pop()
  }
}
