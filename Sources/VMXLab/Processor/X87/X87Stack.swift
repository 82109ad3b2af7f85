// The register stack, and how exceptions are recorded.
//
// Source: Intel SDM, "x87 FPU Data Registers", "x87 FPU Floating-Point Exception Handling".
extension X87State {
  /// The register that is ST(i).
  @inline(__always) func number(_ i: UInt8) -> UInt8 { (top &+ i) & 7 }

  @inline(__always) func isEmpty(_ i: UInt8) -> Bool { used >> number(i) & 1 == 0 }

  /// ST(i), whatever its tag; a write marks it as not empty.
  @inline(__always) subscript(st i: UInt8) -> DoubleExtended {
    get { registers[Int(number(i))] }
    set {
      registers[Int(number(i))] = newValue
      used |= 1 << number(i)
    }
  }

  @inline(__always) mutating func free(_ i: UInt8) { used &= ~(1 << number(i)) }

  @inline(__always) mutating func pop() {
    free(0)
    top = (top &+ 1) & 7
  }

  /// Makes room for a new ST(0) and fills it.
  @inline(__always) mutating func push(_ value: DoubleExtended) {
    top = (top &- 1) & 7
    self[st: 0] = value
  }

  // MARK: Control and status

  @inline(__always) func isMasked(_ exception: FloatingPointExceptions) -> Bool {
    control & UInt16(exception.rawValue) != 0
  }

  /// What arithmetic depends on, with no flags.
  @inline(__always) var environment: FloatingPointEnvironment {
    var environment = FloatingPointEnvironment()
    environment.rounding = FloatingPointRounding(field: control >> 10)
    environment.masks = FloatingPointExceptions(
      rawValue: UInt8(truncatingIfNeeded: control) & 0x3f)
    environment.adjustsExponent = true
    return environment
  }

  /// The format that the precision control selects, for additions, multiplications, divisions and
  /// square roots.
  ///
  /// Source: Intel SDM, "Precision Control Field".
  @inline(__always) var precisionFormat: FloatingPointFormat {
    switch control >> 8 & 3 {
    case 0: .extended(precision: 24)
    case 2: .extended(precision: 53)
    default: .doubleExtended
    }
  }

  /// Sets some of C0 to C3 and clears the others of `mask`.
  @inline(__always) mutating func setConditions(_ bits: UInt16, mask: UInt16 = X87Status.conditions)
  {
    statusWithoutTop = statusWithoutTop & ~mask | bits
  }

  /// Records what an operation met. C1 says whether its result was rounded up.
  ///
  /// - Returns: false if an unmasked exception keeps the operation from having a result.
  @inline(__always) mutating func commit(_ environment: FloatingPointEnvironment) -> Bool {
    setConditions(environment.roundedUp ? X87Status.c1 : 0, mask: X87Status.c1)
    guard environment.flags.rawValue != 0 else { return true }
    return commitFlags(environment)
  }

  private mutating func commitFlags(_ environment: FloatingPointEnvironment) -> Bool {
    statusWithoutTop |= UInt16(environment.report.flags.rawValue)
    updateSummary()
    let before = FloatingPointExceptions.beforeComputation.rawValue
    guard environment.flags.rawValue & before & ~environment.masks.rawValue != 0 else {
      return true
    }
    setConditions(0, mask: X87Status.c1)
    return false
  }

  /// Records what storing to memory met.
  ///
  /// - Returns: false if nothing is to be stored: an unmasked overflow or underflow suffices for that.
  @inline(__always) mutating func commitStore(_ environment: FloatingPointEnvironment) -> Bool {
    var environment = environment
    let unmasked = environment.flags.rawValue & ~environment.masks.rawValue
    let range =
      FloatingPointExceptions.overflow.rawValue | FloatingPointExceptions.underflow.rawValue
    guard unmasked & range != 0 else { return commit(environment) }
    // The result is not delivered, so that it is not inexact either.
    environment.flags.remove(.precision)
    environment.roundedUp = false
    _ = commit(environment)
    return false
  }

  /// Records an operand that is not there, or no room for a result.
  ///
  /// - Returns: whether invalid operations are masked, so that the instruction goes on with the
  ///   default NaN.
  mutating func stackFault(isOverflow: Bool) -> Bool {
    setConditions(isOverflow ? X87Status.c1 : 0, mask: X87Status.c1)
    statusWithoutTop |= X87Status.invalid | X87Status.stackFault
    updateSummary()
    return isMasked(.invalid)
  }

  /// Ends an instruction whose operand is not there: its result is the default NaN if that is masked.
  mutating func underflow(to destination: UInt8, pops: Bool = false) {
    guard stackFault(isOverflow: false) else { return }
    self[st: destination] = .indefinite
    if pops { pop() }
  }

  /// Whether there is room for a push; if not, the fault is recorded, and the default NaN pushed if
  /// that is masked.
  mutating func hasRoom() -> Bool {
    guard !isEmpty(7) else { return true }
    if stackFault(isOverflow: true) { push(.indefinite) }
    return false
  }

  /// Ends an operation with a result.
  @inline(__always)
  mutating func finish(
    _ environment: FloatingPointEnvironment, _ result: UnpackedNumber, to destination: UInt8,
    pops: Bool = false
  ) {
    guard commit(environment) else { return }
    self[st: destination] = DoubleExtended(result)
    if pops { pop() }
  }
}
