// The basic arithmetic instructions on the state.
//
// Source: Intel SDM, "Basic Arithmetic Instructions", "Comparison and Classification Instructions".

/// The operation in ModRM.reg of the arithmetic opcodes.
enum X87Operation: UInt8 {
  case add
  case multiply
  case compare
  case compareAndPop
  case subtract
  case subtractReversed
  case divide
  case divideReversed

  /// The operation that the low three bits select.
  @inline(__always) init(field: UInt8) {
    self = X87Operation(rawValue: field & 7) ?? .add
  }
}

extension X87State {
  /// FADD … FDIVR of registers: ST(0) op ST(i), to one of the two.
  mutating func arithmetic(
    _ operation: X87Operation, register i: UInt8, toST0: Bool, pops: Bool
  ) {
    let destination = toST0 ? 0 : i
    if isEmpty(0) || isEmpty(i) { return underflow(to: destination, pops: pops) }
    var environment = environment
    let result = compute(operation, self[st: 0].unpacked, self[st: i].unpacked, &environment)
    finish(environment, result, to: destination, pops: pops)
  }

  /// FADD … FDIVR, FCOM and FCOMP with a memory operand, which is exact in `b`.
  mutating func arithmetic(_ operation: X87Operation, operand b: UnpackedNumber) {
    if operation == .compare || operation == .compareAndPop {
      return compare(with: b, isQuiet: false, pops: operation == .compareAndPop ? 1 : 0)
    }
    if isEmpty(0) { return underflow(to: 0) }
    var environment = environment
    let result = compute(operation, self[st: 0].unpacked, b, &environment)
    finish(environment, result, to: 0)
  }

  private func compute(
    _ operation: X87Operation, _ a: UnpackedNumber, _ b: UnpackedNumber,
    _ environment: inout FloatingPointEnvironment
  ) -> UnpackedNumber {
    if let nan = NaNPropagation.x87(a, b, &environment) { return nan }
    let format = precisionFormat
    switch operation {
    case .add: return UnpackedArithmetic.add(a, b, format, &environment)
    case .multiply: return UnpackedArithmetic.multiply(a, b, format, &environment)
    case .subtract: return UnpackedArithmetic.subtract(a, b, format, &environment)
    case .subtractReversed: return UnpackedArithmetic.subtract(b, a, format, &environment)
    case .divide: return UnpackedArithmetic.divide(a, b, format, &environment)
    case .divideReversed: return UnpackedArithmetic.divide(b, a, format, &environment)
    case .compare, .compareAndPop: return a
    }
  }

  // MARK: Comparison

  /// FCOM, FUCOM and their like with ST(i).
  mutating func compare(register i: UInt8, isQuiet: Bool, pops: UInt8) {
    if isEmpty(i) { return compareUnderflow(pops: pops) }
    compare(with: self[st: i].unpacked, isQuiet: isQuiet, pops: pops)
  }

  /// Compares ST(0) with an operand into C0, C2 and C3. An unmasked exception keeps it from popping
  /// alone.
  mutating func compare(with b: UnpackedNumber, isQuiet: Bool, pops: UInt8) {
    if isEmpty(0) { return compareUnderflow(pops: pops) }
    let (order, isCommitted) = order(with: b, isQuiet: isQuiet)
    setConditions(Self.conditions(order))
    if isCommitted { drop(pops) }
  }

  /// FCOMI and FUCOMI: ZF, PF and CF in the positions of EFLAGS.
  mutating func compareToFlags(register i: UInt8, isQuiet: Bool, pops: UInt8) -> UInt64 {
    if isEmpty(0) || isEmpty(i) {
      if stackFault(isOverflow: false) { drop(pops) }
      return 0x45
    }
    let (order, isCommitted) = order(with: self[st: i].unpacked, isQuiet: isQuiet)
    if isCommitted { drop(pops) }
    switch order {
    case .greater: return 0
    case .less: return 1
    case .equal: return 0x40
    case .unordered: return 0x45
    }
  }

  private mutating func order(
    with b: UnpackedNumber, isQuiet: Bool
  ) -> (order: FloatingPointOrder, isCommitted: Bool) {
    var environment = environment
    let a = self[st: 0].unpacked
    let order = UnpackedArithmetic.compare(a, b, signalsQuietNaN: !isQuiet, &environment)
    return (order, commit(environment))
  }

  private mutating func compareUnderflow(pops: UInt8) {
    let isMasked = stackFault(isOverflow: false)
    setConditions(Self.conditions(.unordered))
    if isMasked { drop(pops) }
  }

  private mutating func drop(_ count: UInt8) {
    if count > 0 { pop() }
    if count > 1 { pop() }
  }

  private static func conditions(_ order: FloatingPointOrder) -> UInt16 {
    switch order {
    case .greater: 0
    case .less: X87Status.c0
    case .equal: X87Status.c3
    case .unordered: X87Status.c0 | X87Status.c2 | X87Status.c3
    }
  }

  /// FTST.
  mutating func test() {
    compare(with: UnpackedNumber(.zero, isNegative: false), isQuiet: false, pops: 0)
  }

  /// FXAM.
  mutating func examine() {
    let sign = self[st: 0].isNegative ? X87Status.c1 : 0
    if isEmpty(0) { return setConditions(X87Status.c3 | X87Status.c0 | sign) }
    let number = self[st: 0].unpacked
    let bits: UInt16
    switch number.kind {
    case .unsupported: bits = 0
    case .quietNaN, .signallingNaN: bits = X87Status.c0
    case .finite: bits = number.isDenormal ? X87Status.c3 | X87Status.c2 : X87Status.c2
    case .infinity: bits = X87Status.c2 | X87Status.c0
    case .zero: bits = X87Status.c3
    }
    setConditions(bits | sign)
  }

  // MARK: One operand

  /// FCHS and FABS.
  mutating func changeSign(clears: Bool) {
    if isEmpty(0) { return underflow(to: 0) }
    setConditions(0, mask: X87Status.c1)
    self[st: 0] = clears ? self[st: 0].magnitude : self[st: 0].negated
  }

  /// FSQRT.
  mutating func squareRoot() {
    if isEmpty(0) { return underflow(to: 0) }
    var environment = environment
    let a = self[st: 0].unpacked
    let result =
      NaNPropagation.x87(a, &environment)
      ?? UnpackedArithmetic.squareRoot(a, precisionFormat, &environment)
    finish(environment, result, to: 0)
  }

  /// FRNDINT.
  mutating func roundToInteger() {
    if isEmpty(0) { return underflow(to: 0) }
    var environment = environment
    let a = self[st: 0].unpacked
    if let nan = NaNPropagation.x87(a, &environment) { return finish(environment, nan, to: 0) }
    UnpackedArithmetic.noteDenormals(a, a, &environment)
    let result = UnpackedArithmetic.roundToIntegral(a, isExact: false, &environment)
    finish(environment, result, to: 0)
  }

  // MARK: Moves between registers

  /// FXCH.
  mutating func exchange(_ i: UInt8) {
    setConditions(0, mask: X87Status.c1)
    if isEmpty(0) || isEmpty(i) {
      guard stackFault(isOverflow: false) else { return }
      if isEmpty(0) { self[st: 0] = .indefinite }
      if isEmpty(i) { self[st: i] = .indefinite }
    }
    let value = self[st: 0]
    self[st: 0] = self[st: i]
    self[st: i] = value
  }

  /// FLD ST(i).
  mutating func load(register i: UInt8) {
    setConditions(0, mask: X87Status.c1)
    guard isEmpty(7) else {
      if stackFault(isOverflow: true) { push(.indefinite) }
      return
    }
    if isEmpty(i) {
      if stackFault(isOverflow: false) { push(.indefinite) }
      return
    }
    push(self[st: i])
  }

  /// FLDZ, FLD1 and the other constants, and FLD of an 80-bit operand, which is never examined.
  mutating func load(_ value: DoubleExtended) {
    guard hasRoom() else { return }
    setConditions(0, mask: X87Status.c1)
    push(value)
  }

  /// FST ST(i) and FSTP ST(i).
  mutating func store(register i: UInt8, pops: Bool) {
    if isEmpty(0) { return underflow(to: i, pops: pops) }
    setConditions(0, mask: X87Status.c1)
    self[st: i] = self[st: 0]
    if pops { pop() }
  }

  /// FCMOVcc.
  mutating func conditionalMove(_ i: UInt8, _ condition: Bool) {
    if isEmpty(0) || isEmpty(i) { return underflow(to: 0) }
    if condition { self[st: 0] = self[st: i] }
  }
}
