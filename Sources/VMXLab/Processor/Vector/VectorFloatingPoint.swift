// Arithmetic and comparison of packed and scalar floating-point numbers.
extension VectorForm {
  static let floatingPointArithmetic: [VectorForm] =
    four(
      ("addps", "addpd", "addss", "addsd"), 0x0f58,
      { packed(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.add) },
      { packed(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.add) },
      { scalar(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.add) },
      { scalar(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.add) })
    + four(
      ("mulps", "mulpd", "mulss", "mulsd"), 0x0f59, timing: .sseMultiply,
      { packed(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.multiply) },
      { packed(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.multiply) },
      { scalar(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.multiply) },
      { scalar(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.multiply) })
    + four(
      ("subps", "subpd", "subss", "subsd"), 0x0f5c,
      { packed(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.subtract) },
      { packed(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.subtract) },
      { scalar(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.subtract) },
      { scalar(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.subtract) })
    + four(
      ("divps", "divpd", "divss", "divsd"), 0x0f5e, timing: .sseDivide,
      { packed(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.divide) },
      { packed(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.divide) },
      { scalar(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.divide) },
      { scalar(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.divide) })
    + four(
      ("minps", "minpd", "minss", "minsd"), 0x0f5d,
      { packed(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.minimum) },
      { packed(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.minimum) },
      { scalar(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.minimum) },
      { scalar(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.minimum) })
    + four(
      ("maxps", "maxpd", "maxss", "maxsd"), 0x0f5f,
      { packed(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.maximum) },
      { packed(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.maximum) },
      { scalar(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.maximum) },
      { scalar(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.maximum) })

  static let squareRoots: [VectorForm] = [
    floating("sqrtps", .none, 0x0f51, .unary, .sse, timing: .sseDivide) {
      mapped(Binary32.self, $0, $1, $2, $3) { VectorArithmetic<Binary32>.squareRoot($0, $1, &$2) }
    },
    floating("sqrtpd", .x66, 0x0f51, .unary, .sse2, timing: .sseDivide) {
      mapped(Binary64.self, $0, $1, $2, $3) { VectorArithmetic<Binary64>.squareRoot($0, $1, &$2) }
    },
    floating(
      "sqrtss", .xF3, 0x0f51, .binary, .sse, [.scalar], memory: .bytes(4),
      timing: .sseDivide
    ) {
      mappedScalar(Binary32.self, $0, $1, $2, $3) {
        VectorArithmetic<Binary32>.squareRoot($0, $1, &$2)
      }
    },
    floating(
      "sqrtsd", .xF2, 0x0f51, .binary, .sse2, [.scalar], memory: .bytes(8),
      timing: .sseDivide
    ) {
      mappedScalar(Binary64.self, $0, $1, $2, $3) {
        VectorArithmetic<Binary64>.squareRoot($0, $1, &$2)
      }
    },
    VectorForm("rsqrtps", .none, 0x0f52, .unary, .sse, [.wideInAVX], timing: .sseMultiply) {
      result, _, b, _ in
      unary(UInt32.self, result, b) { ReciprocalApproximation.squareRoot($0) }
    },
    VectorForm(
      "rsqrtss", .xF3, 0x0f52, .binary, .sse, [.scalar], memory: .bytes(4),
      timing: .sseMultiply
    ) { result, a, b, _ in
      replaceLowest(
        UInt32.self, a, ReciprocalApproximation.squareRoot(b.element(0, UInt32.self)), result)
    },
    VectorForm("rcpps", .none, 0x0f53, .unary, .sse, [.wideInAVX], timing: .sseMultiply) {
      result, _, b, _ in
      unary(UInt32.self, result, b) { ReciprocalApproximation.reciprocal($0) }
    },
    VectorForm(
      "rcpss", .xF3, 0x0f53, .binary, .sse, [.scalar], memory: .bytes(4),
      timing: .sseMultiply
    ) { result, a, b, _ in
      replaceLowest(
        UInt32.self, a, ReciprocalApproximation.reciprocal(b.element(0, UInt32.self)), result)
    },
  ]

  static let horizontalArithmetic: [VectorForm] = [
    floating("haddps", .xF2, 0x0f7c, .binary, .sse3, timing: .sseMultiply) {
      horizontal(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.add)
    },
    floating("haddpd", .x66, 0x0f7c, .binary, .sse3, timing: .sseMultiply) {
      horizontal(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.add)
    },
    floating("hsubps", .xF2, 0x0f7d, .binary, .sse3, timing: .sseMultiply) {
      horizontal(Binary32.self, $0, $1, $2, $3, VectorArithmetic<Binary32>.subtract)
    },
    floating("hsubpd", .x66, 0x0f7d, .binary, .sse3, timing: .sseMultiply) {
      horizontal(Binary64.self, $0, $1, $2, $3, VectorArithmetic<Binary64>.subtract)
    },
    floating("addsubps", .xF2, 0x0fd0, .binary, .sse3) {
      alternating(Binary32.self, $0, $1, $2, $3)
    },
    floating("addsubpd", .x66, 0x0fd0, .binary, .sse3) {
      alternating(Binary64.self, $0, $1, $2, $3)
    },
    floating("dpps", .x66, 0x3a40, .binary, .sse41, [.immediate], timing: .sseMultiply) {
      dotProduct(Binary32.self, $0, $1, $2, $3)
    },
    floating("dppd", .x66, 0x3a41, .binary, .sse41, [.immediate, .l0], timing: .sseMultiply) {
      dotProduct(Binary64.self, $0, $1, $2, $3)
    },
  ]

  static let floatingPointComparison: [VectorForm] = [
    floating("cmpps", .none, 0x0fc2, .binary, .sse, [.immediate, .legacyOnly]) {
      packedCompare(Binary32.self, $0, $1, $2, $3, predicates: 7)
    },
    floating("cmppd", .x66, 0x0fc2, .binary, .sse2, [.immediate, .legacyOnly]) {
      packedCompare(Binary64.self, $0, $1, $2, $3, predicates: 7)
    },
    floating("cmpss", .xF3, 0x0fc2, .binary, .sse, [.immediate, .legacyOnly], memory: .bytes(4)) {
      scalarCompare(Binary32.self, $0, $1, $2, $3, predicates: 7)
    },
    floating("cmpsd", .xF2, 0x0fc2, .binary, .sse2, [.immediate, .legacyOnly], memory: .bytes(8)) {
      scalarCompare(Binary64.self, $0, $1, $2, $3, predicates: 7)
    },
    floating("vcmpps", .none, 0x0fc2, .binary, .avx, [.immediate, .vexOnly]) {
      packedCompare(Binary32.self, $0, $1, $2, $3, predicates: 31)
    },
    floating("vcmppd", .x66, 0x0fc2, .binary, .avx, [.immediate, .vexOnly]) {
      packedCompare(Binary64.self, $0, $1, $2, $3, predicates: 31)
    },
    floating(
      "vcmpss", .xF3, 0x0fc2, .binary, .avx, [.immediate, .vexOnly, .scalar],
      memory: .bytes(4)
    ) { scalarCompare(Binary32.self, $0, $1, $2, $3, predicates: 31) },
    floating(
      "vcmpsd", .xF2, 0x0fc2, .binary, .avx, [.immediate, .vexOnly, .scalar],
      memory: .bytes(8)
    ) { scalarCompare(Binary64.self, $0, $1, $2, $3, predicates: 31) },
    floating("ucomiss", .none, 0x0f2e, .compare, .sse, [.scalar], memory: .bytes(4)) {
      flagsCompare(Binary32.self, $0, $1, $2, $3, signalsQuietNaN: false)
    },
    floating("ucomisd", .x66, 0x0f2e, .compare, .sse2, [.scalar], memory: .bytes(8)) {
      flagsCompare(Binary64.self, $0, $1, $2, $3, signalsQuietNaN: false)
    },
    floating("comiss", .none, 0x0f2f, .compare, .sse, [.scalar], memory: .bytes(4)) {
      flagsCompare(Binary32.self, $0, $1, $2, $3, signalsQuietNaN: true)
    },
    floating("comisd", .x66, 0x0f2f, .compare, .sse2, [.scalar], memory: .bytes(8)) {
      flagsCompare(Binary64.self, $0, $1, $2, $3, signalsQuietNaN: true)
    },
  ]

  /// The four forms that most operations have.
  private static func four(
    _ names: (StaticString, StaticString, StaticString, StaticString), _ opcode: UInt16,
    timing: TimingClass = .sse, _ packedSingle: @escaping VectorKernel,
    _ packedDouble: @escaping VectorKernel, _ scalarSingle: @escaping VectorKernel,
    _ scalarDouble: @escaping VectorKernel
  ) -> [VectorForm] {
    [
      floating(names.0, .none, opcode, .binary, .sse, timing: timing, packedSingle),
      floating(names.1, .x66, opcode, .binary, .sse2, timing: timing, packedDouble),
      floating(
        names.2, .xF3, opcode, .binary, .sse, [.scalar], memory: .bytes(4), timing: timing,
        scalarSingle),
      floating(
        names.3, .xF2, opcode, .binary, .sse2, [.scalar], memory: .bytes(8), timing: timing,
        scalarDouble),
    ]
  }

  /// A form that raises SIMD floating-point exceptions.
  static func floating(
    _ name: StaticString, _ prefix: MandatoryPrefix, _ opcode: UInt16, _ shape: VectorShape,
    _ feature: CPUFeature, _ options: VectorFormOptions = [], memory: VectorMemorySize = .full,
    result: UInt8? = nil, timing: TimingClass = .sse, _ kernel: @escaping VectorKernel,
    wide: VectorKernel? = nil
  ) -> VectorForm {
    VectorForm(
      name, prefix, opcode, shape, feature, options.union([.floatingPoint, .wideInAVX]),
      memory: memory, result: result, timing: timing, kernel, wide: wide)
  }
}

// MARK: Building blocks

typealias ElementOperation<F: HostFormat> =
  (F.Bits, F.Bits, Bool, inout FloatingPointEnvironment) -> F.Bits

@inline(__always)
private func packed<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64, _ operation: ElementOperation<F>
) -> UInt32 {
  let control = VectorControl(control)
  let host = control.allowsHost
  var environment = FloatingPointEnvironment(mxcsr: control.mxcsr)
  _ = elements(F.Bits.self, result) {
    operation(a.element($0, F.Bits.self), b.element($0, F.Bits.self), host, &environment)
  }
  return UInt32(environment.flags.rawValue)
}

/// The first source with its lowest element replaced.
@inline(__always)
func replaceLowest<E: OperandWidth>(
  _ type: E.Type, _ a: UnsafeRawPointer, _ value: E, _ result: UnsafeMutableRawPointer
) -> UInt32 {
  let low = a.element(0, UInt64.self)
  let kept = E.bitWidth == 64 ? 0 : low & 0xffff_ffff_0000_0000
  return pair(kept | value.zeroExtended, a.element(1, UInt64.self), result)
}

@inline(__always)
private func scalar<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64, _ operation: ElementOperation<F>
) -> UInt32 {
  let control = VectorControl(control)
  var environment = FloatingPointEnvironment(mxcsr: control.mxcsr)
  let value = operation(
    a.element(0, F.Bits.self), b.element(0, F.Bits.self), control.allowsHost, &environment)
  _ = replaceLowest(F.Bits.self, a, value, result)
  return UInt32(environment.flags.rawValue)
}

@inline(__always)
private func mapped<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64,
  _ operation: (F.Bits, Bool, inout FloatingPointEnvironment) -> F.Bits
) -> UInt32 {
  packed(format, result, a, b, control) { _, b, host, environment in
    operation(b, host, &environment)
  }
}

@inline(__always)
private func mappedScalar<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64,
  _ operation: (F.Bits, Bool, inout FloatingPointEnvironment) -> F.Bits
) -> UInt32 {
  scalar(format, result, a, b, control) { _, b, host, environment in
    operation(b, host, &environment)
  }
}

/// Operates on neighbours: those of the first source below those of the second.
@inline(__always)
private func horizontal<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64, _ operation: ElementOperation<F>
) -> UInt32 {
  let control = VectorControl(control)
  var environment = FloatingPointEnvironment(mxcsr: control.mxcsr)
  let half = 64 / F.Bits.bitWidth
  _ = elements(F.Bits.self, result) {
    let source = $0 < half ? a : b
    let first = ($0 & (half &- 1)) &* 2
    return operation(
      source.element(first, F.Bits.self), source.element(first &+ 1, F.Bits.self),
      control.allowsHost, &environment)
  }
  return UInt32(environment.flags.rawValue)
}

/// Subtracts even elements and adds odd ones.
@inline(__always)
private func alternating<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64
) -> UInt32 {
  let control = VectorControl(control)
  var environment = FloatingPointEnvironment(mxcsr: control.mxcsr)
  _ = elements(F.Bits.self, result) {
    let x = a.element($0, F.Bits.self)
    let y = b.element($0, F.Bits.self)
    return $0 & 1 == 0
      ? VectorArithmetic<F>.subtract(x, y, control.allowsHost, &environment)
      : VectorArithmetic<F>.add(x, y, control.allowsHost, &environment)
  }
  return UInt32(environment.flags.rawValue)
}

/// DPPS, DPPD: bits 7:4 of the immediate choose the products, bits 3:0 where their sum goes.
@inline(__always)
private func dotProduct<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64
) -> UInt32 {
  let control = VectorControl(control)
  let immediate = control.immediate
  let host = control.allowsHost
  var environment = FloatingPointEnvironment(mxcsr: control.mxcsr)
  func product(_ index: Int) -> F.Bits {
    immediate >> (index &+ 4) & 1 == 0
      ? 0
      : VectorArithmetic<F>.multiply(
        a.element(index, F.Bits.self), b.element(index, F.Bits.self), host, &environment)
  }
  // An unmasked exception ends the operation at the step that met it.
  let (first, second) = (product(0), product(1))
  let isQuadruple = F.Bits.bitWidth == 32
  let (third, fourth) = isQuadruple ? (product(2), product(3)) : (0, 0)
  if environment.report.isUnmasked { return UInt32(environment.flags.rawValue) }
  var sum = VectorArithmetic<F>.add(first, second, host, &environment)
  if isQuadruple {
    let upper = VectorArithmetic<F>.add(third, fourth, host, &environment)
    if environment.report.isUnmasked { return UInt32(environment.flags.rawValue) }
    sum = VectorArithmetic<F>.add(sum, upper, host, &environment)
  }
  _ = elements(F.Bits.self, result) { immediate >> $0 & 1 != 0 ? sum : 0 }
  return UInt32(environment.flags.rawValue)
}

/// What a comparison predicate is true of, and whether quiet NaNs are invalid.
///
/// Source: Intel SDM, "CMPPD—Compare Packed Double-Precision Floating-Point Values", comparison
/// predicates.
private struct ComparisonPredicate {
  let truth: UInt8
  let signalsQuietNaN: Bool

  /// Bits 0 less, 1 equal, 2 greater, 3 unordered: a digit for each of the predicates 15 to 0.
  private static let truths: UInt64 = 0xf465_0b9a_7ced_8312
  /// A bit for each of the predicates 0 to 15; the others are the other way round.
  private static let signalling: UInt16 = 0b0110_0110_0110_0110

  @inline(__always) init(_ number: Int) {
    truth = UInt8(truncatingIfNeeded: Self.truths >> UInt64((number & 15) &* 4)) & 15
    let signals = Self.signalling >> UInt16(truncatingIfNeeded: number & 15) & 1 != 0
    signalsQuietNaN = signals != (number & 16 != 0)
  }

  @inline(__always) func holds(_ order: FloatingPointOrder) -> Bool {
    truth >> order.rawValue & 1 != 0
  }
}

@inline(__always)
private func packedCompare<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64, predicates: Int
) -> UInt32 {
  let predicate = ComparisonPredicate(VectorControl(control).immediate & predicates)
  return packed(format, result, a, b, control) { a, b, _, environment in
    let order = VectorArithmetic<F>.compare(
      a, b, signalsQuietNaN: predicate.signalsQuietNaN, &environment)
    return predicate.holds(order) ? ~0 : 0
  }
}

@inline(__always)
private func scalarCompare<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64, predicates: Int
) -> UInt32 {
  let predicate = ComparisonPredicate(VectorControl(control).immediate & predicates)
  return scalar(format, result, a, b, control) { a, b, _, environment in
    let order = VectorArithmetic<F>.compare(
      a, b, signalsQuietNaN: predicate.signalsQuietNaN, &environment)
    return predicate.holds(order) ? ~0 : 0
  }
}

/// COMISS and its like: ZF, PF and CF.
@inline(__always)
private func flagsCompare<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64, signalsQuietNaN: Bool
) -> UInt32 {
  var environment = FloatingPointEnvironment(mxcsr: VectorControl(control).mxcsr)
  let order = VectorArithmetic<F>.compare(
    a.element(0, F.Bits.self), b.element(0, F.Bits.self), signalsQuietNaN: signalsQuietNaN,
    &environment)
  let flags: UInt64 =
    switch order {
    case .less: RFLAGS.cf.rawValue
    case .equal: RFLAGS.zf.rawValue
    case .greater: 0
    case .unordered: RFLAGS.cf.rawValue | RFLAGS.pf.rawValue | RFLAGS.zf.rawValue
    }
  _ = pair(flags, 0, result)
  return UInt32(environment.flags.rawValue)
}
