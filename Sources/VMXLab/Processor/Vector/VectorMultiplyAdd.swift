// FMA: products and sums rounded once.
extension VectorForm {
  static let multiplyAdd: [VectorForm] = [
    fused("vfmaddsub132ps", 0x3896, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order132, .addSubtract, $0, $1, $2, $3)
    },
    fused("vfmaddsub132pd", 0x3896, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order132, .addSubtract, $0, $1, $2, $3)
    },
    fused("vfmsubadd132ps", 0x3897, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order132, .subtractAdd, $0, $1, $2, $3)
    },
    fused("vfmsubadd132pd", 0x3897, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order132, .subtractAdd, $0, $1, $2, $3)
    },
    fused("vfmadd132ps", 0x3898, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order132, .add, $0, $1, $2, $3)
    },
    fused("vfmadd132pd", 0x3898, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order132, .add, $0, $1, $2, $3)
    },
    fused("vfmadd132ss", 0x3899, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order132, .add, $0, $1, $2, $3)
    },
    fused("vfmadd132sd", 0x3899, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order132, .add, $0, $1, $2, $3)
    },
    fused("vfmsub132ps", 0x389a, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order132, .subtract, $0, $1, $2, $3)
    },
    fused("vfmsub132pd", 0x389a, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order132, .subtract, $0, $1, $2, $3)
    },
    fused("vfmsub132ss", 0x389b, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order132, .subtract, $0, $1, $2, $3)
    },
    fused("vfmsub132sd", 0x389b, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order132, .subtract, $0, $1, $2, $3)
    },
    fused("vfnmadd132ps", 0x389c, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order132, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmadd132pd", 0x389c, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order132, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmadd132ss", 0x389d, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order132, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmadd132sd", 0x389d, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order132, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmsub132ps", 0x389e, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order132, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfnmsub132pd", 0x389e, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order132, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfnmsub132ss", 0x389f, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order132, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfnmsub132sd", 0x389f, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order132, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfmaddsub213ps", 0x38a6, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order213, .addSubtract, $0, $1, $2, $3)
    },
    fused("vfmaddsub213pd", 0x38a6, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order213, .addSubtract, $0, $1, $2, $3)
    },
    fused("vfmsubadd213ps", 0x38a7, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order213, .subtractAdd, $0, $1, $2, $3)
    },
    fused("vfmsubadd213pd", 0x38a7, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order213, .subtractAdd, $0, $1, $2, $3)
    },
    fused("vfmadd213ps", 0x38a8, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order213, .add, $0, $1, $2, $3)
    },
    fused("vfmadd213pd", 0x38a8, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order213, .add, $0, $1, $2, $3)
    },
    fused("vfmadd213ss", 0x38a9, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order213, .add, $0, $1, $2, $3)
    },
    fused("vfmadd213sd", 0x38a9, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order213, .add, $0, $1, $2, $3)
    },
    fused("vfmsub213ps", 0x38aa, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order213, .subtract, $0, $1, $2, $3)
    },
    fused("vfmsub213pd", 0x38aa, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order213, .subtract, $0, $1, $2, $3)
    },
    fused("vfmsub213ss", 0x38ab, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order213, .subtract, $0, $1, $2, $3)
    },
    fused("vfmsub213sd", 0x38ab, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order213, .subtract, $0, $1, $2, $3)
    },
    fused("vfnmadd213ps", 0x38ac, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order213, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmadd213pd", 0x38ac, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order213, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmadd213ss", 0x38ad, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order213, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmadd213sd", 0x38ad, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order213, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmsub213ps", 0x38ae, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order213, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfnmsub213pd", 0x38ae, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order213, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfnmsub213ss", 0x38af, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order213, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfnmsub213sd", 0x38af, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order213, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfmaddsub231ps", 0x38b6, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order231, .addSubtract, $0, $1, $2, $3)
    },
    fused("vfmaddsub231pd", 0x38b6, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order231, .addSubtract, $0, $1, $2, $3)
    },
    fused("vfmsubadd231ps", 0x38b7, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order231, .subtractAdd, $0, $1, $2, $3)
    },
    fused("vfmsubadd231pd", 0x38b7, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order231, .subtractAdd, $0, $1, $2, $3)
    },
    fused("vfmadd231ps", 0x38b8, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order231, .add, $0, $1, $2, $3)
    },
    fused("vfmadd231pd", 0x38b8, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order231, .add, $0, $1, $2, $3)
    },
    fused("vfmadd231ss", 0x38b9, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order231, .add, $0, $1, $2, $3)
    },
    fused("vfmadd231sd", 0x38b9, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order231, .add, $0, $1, $2, $3)
    },
    fused("vfmsub231ps", 0x38ba, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order231, .subtract, $0, $1, $2, $3)
    },
    fused("vfmsub231pd", 0x38ba, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order231, .subtract, $0, $1, $2, $3)
    },
    fused("vfmsub231ss", 0x38bb, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order231, .subtract, $0, $1, $2, $3)
    },
    fused("vfmsub231sd", 0x38bb, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order231, .subtract, $0, $1, $2, $3)
    },
    fused("vfnmadd231ps", 0x38bc, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order231, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmadd231pd", 0x38bc, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order231, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmadd231ss", 0x38bd, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order231, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmadd231sd", 0x38bd, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order231, .negatedAdd, $0, $1, $2, $3)
    },
    fused("vfnmsub231ps", 0x38be, .w0, .packed) {
      multiplyAddPacked(Binary32.self, .order231, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfnmsub231pd", 0x38be, .w1, .packed) {
      multiplyAddPacked(Binary64.self, .order231, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfnmsub231ss", 0x38bf, .w0, .scalar) {
      multiplyAddScalar(Binary32.self, .order231, .negatedSubtract, $0, $1, $2, $3)
    },
    fused("vfnmsub231sd", 0x38bf, .w1, .scalar) {
      multiplyAddScalar(Binary64.self, .order231, .negatedSubtract, $0, $1, $2, $3)
    },
  ]

  private enum Operands {
    case packed
    case scalar
  }

  private static func fused(
    _ name: StaticString, _ opcode: UInt16, _ width: VectorFormOptions, _ operands: Operands,
    _ kernel: @escaping VectorKernel
  ) -> VectorForm {
    let options: VectorFormOptions = [.vexOnly, .floatingPoint, width]
    switch operands {
    case .packed:
      return VectorForm(
        name, .x66, opcode, .ternary, .fma, options, timing: .sseMultiply, kernel)
    case .scalar:
      return VectorForm(
        name, .x66, opcode, .ternary, .fma, options.union(.scalar),
        memory: .bytes(width.contains(.w0) ? 4 : 8), timing: .sseMultiply, kernel)
    }
  }
}

/// Which of the destination (1), VEX.vvvv (2) and the ModRM operand (3) are multiplied, in order, and
/// which is added.
private enum OperandOrder {
  case order132
  case order213
  case order231

  @inline(__always) func arrange<Bits>(_ first: Bits, _ second: Bits, _ third: Bits) -> (
    Bits, Bits, Bits
  ) {
    switch self {
    case .order132: (first, third, second)
    case .order213: (second, first, third)
    case .order231: (second, third, first)
    }
  }
}

/// The signs of the product and the addend.
private enum MultiplyAddKind {
  case add
  case subtract
  case negatedAdd
  case negatedSubtract
  /// Subtracts even elements and adds odd ones.
  case addSubtract
  case subtractAdd

  @inline(__always) var negatesProduct: Bool { self == .negatedAdd || self == .negatedSubtract }
  @inline(__always) func negatesAddend(_ index: Int) -> Bool {
    switch self {
    case .add, .negatedAdd: false
    case .subtract, .negatedSubtract: true
    case .addSubtract: index & 1 == 0
    case .subtractAdd: index & 1 != 0
    }
  }
}

@inline(__always)
private func multiplyAddElement<F: HostFormat>(
  _ format: F.Type, _ order: OperandOrder, _ kind: MultiplyAddKind, _ index: Int,
  _ first: UnsafeMutableRawPointer, _ second: UnsafeRawPointer, _ third: UnsafeRawPointer,
  _ host: Bool, _ environment: inout FloatingPointEnvironment
) -> F.Bits {
  let (x, y, z) = order.arrange(
    first.element(index, F.Bits.self), second.element(index, F.Bits.self),
    third.element(index, F.Bits.self))
  return VectorArithmetic<F>.multiplyAdd(
    x, y, z, negatesProduct: kind.negatesProduct, negatesAddend: kind.negatesAddend(index), host,
    &environment)
}

@inline(__always)
private func multiplyAddPacked<F: HostFormat>(
  _ format: F.Type, _ order: OperandOrder, _ kind: MultiplyAddKind,
  _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _ control: UInt64
) -> UInt32 {
  let control = VectorControl(control)
  var environment = FloatingPointEnvironment(mxcsr: control.mxcsr)
  _ = elements(F.Bits.self, result) {
    multiplyAddElement(
      format, order, kind, $0, result, a, b, control.allowsHost, &environment)
  }
  return UInt32(environment.flags.rawValue)
}

@inline(__always)
private func multiplyAddScalar<F: HostFormat>(
  _ format: F.Type, _ order: OperandOrder, _ kind: MultiplyAddKind,
  _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _ control: UInt64
) -> UInt32 {
  let control = VectorControl(control)
  var environment = FloatingPointEnvironment(mxcsr: control.mxcsr)
  let value = multiplyAddElement(
    format, order, kind, 0, result, a, b, control.allowsHost, &environment)
  _ = replaceLowest(F.Bits.self, UnsafeRawPointer(result), value, result)
  return UInt32(environment.flags.rawValue)
}
