// Loads and stores that convert: reals, integers and packed decimals in memory.
//
// Source: Intel SDM, "Data Transfer Instructions".
extension X87State {
  // MARK: Operands in memory, exactly

  @inline(__always) static func real32(_ bits: UInt32) -> UnpackedNumber {
    .unpack(UInt64(bits), .binary32, denormalsAreZero: false)
  }
  @inline(__always) static func real64(_ bits: UInt64) -> UnpackedNumber {
    .unpack(bits, .binary64, denormalsAreZero: false)
  }
  @inline(__always) static func integer(_ value: Int64) -> UnpackedNumber {
    value == 0 ? UnpackedNumber(.zero, isNegative: false) : UnpackedArithmetic.number(value)
  }

  // MARK: Loads

  /// FLD of a 32- or 64-bit real, and FILD.
  mutating func load(_ number: UnpackedNumber) {
    guard hasRoom() else { return }
    var environment = environment
    let result: UnpackedNumber
    if number.isNaN {
      result = NaNPropagation.x87(number, &environment) ?? number
    } else {
      UnpackedArithmetic.noteDenormals(number, number, &environment)
      result = number
    }
    // An unmasked denormal exception is reported by the next instruction; the operand is loaded.
    let isInvalid = environment.flags.contains(.invalid)
    guard commit(environment) || !isInvalid else { return }
    push(DoubleExtended(result))
  }

  /// FBLD: 18 decimal digits and a sign. What is not a digit counts as it stands.
  mutating func load(decimal low: UInt64, _ high: UInt16) {
    guard hasRoom() else { return }
    setConditions(0, mask: X87Status.c1)
    var value: UInt64 = 0
    for index in 0..<18 {
      let position = UInt64(truncatingIfNeeded: 17 &- index)
      let digit = position >= 16 ? UInt64(high) >> ((position &- 16) &* 4) : low >> (position &* 4)
      value = value &* 10 &+ (digit & 0xf)
    }
    let isNegative = high >> 15 != 0
    guard value != 0 else { return push(.zero(isNegative: isNegative)) }
    var number = UnpackedArithmetic.number(Int64(bitPattern: value))
    number.isNegative = isNegative
    push(DoubleExtended(number))
  }

  // MARK: Stores

  /// ST(0) as a real of 32 or 64 bits (FST, FSTP); nil if nothing is to be stored.
  ///
  /// The status is committed; the caller pops once it has stored.
  mutating func real(_ format: FloatingPointFormat) -> UInt64? {
    if isEmpty(0) {
      return stackFault(isOverflow: false) ? UnpackedNumber.indefinite.pack(format) : nil
    }
    var environment = environment
    environment.adjustsExponent = false
    let a = self[st: 0].unpacked
    let result =
      NaNPropagation.x87(a, &environment)
      ?? UnpackedArithmetic.convert(a, format, signalsDenormal: false, &environment)
    return commitStore(environment) ? result.pack(format) : nil
  }

  /// ST(0) as it is (FSTP of 80 bits); nil if nothing is to be stored.
  mutating func extended() -> DoubleExtended? {
    if isEmpty(0) { return stackFault(isOverflow: false) ? .indefinite : nil }
    setConditions(0, mask: X87Status.c1)
    return self[st: 0]
  }

  /// ST(0) as a signed integer of `bitCount` bits (FIST, FISTP, FISTTP); nil if nothing is to be
  /// stored.
  mutating func integer(bitCount: Int, truncates: Bool) -> UInt64? {
    if isEmpty(0) {
      return stackFault(isOverflow: false) ? ~0 &<< UInt64(truncatingIfNeeded: bitCount &- 1) : nil
    }
    var environment = environment
    let value = UnpackedArithmetic.integer(
      self[st: 0].unpacked, bitCount: bitCount,
      rounding: truncates ? .towardZero : environment.rounding, &environment)
    return commit(environment) ? UInt64(bitPattern: value) : nil
  }

  /// ST(0) as a packed decimal (FBSTP): the low 8 bytes and the high 2; nil if nothing is to be
  /// stored.
  mutating func decimal() -> (low: UInt64, high: UInt16)? {
    let indefinite: (UInt64, UInt16) = (0xc000_0000_0000_0000, 0xffff)
    if isEmpty(0) { return stackFault(isOverflow: false) ? indefinite : nil }
    var environment = environment
    let a = self[st: 0].unpacked
    let value = UnpackedArithmetic.integer(
      a, bitCount: 64, rounding: environment.rounding, &environment)
    var magnitude = value.magnitude
    if magnitude >= 1_000_000_000_000_000_000 {
      environment.flags = .invalid
      environment.roundedUp = false
    }
    guard commit(environment) else { return nil }
    if environment.flags.contains(.invalid) { return indefinite }
    var digits: UInt128 = 0
    var shift: UInt128 = 0
    while magnitude != 0 {
      digits |= UInt128(magnitude % 10) &<< shift
      magnitude /= 10
      shift = shift &+ 4
    }
    let sign: UInt16 = a.isNegative ? 0x8000 : 0
    return (UInt64(truncatingIfNeeded: digits), UInt16(truncatingIfNeeded: digits >> 64) | sign)
  }
}
