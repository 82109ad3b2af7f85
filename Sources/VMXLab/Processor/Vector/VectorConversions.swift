// Conversions between formats and integers, and rounding to integral values.
extension VectorForm {
  static let conversions: [VectorForm] = [
    floating(
      "cvtps2pd", .none, 0x0f5a, .unary, .sse2, memory: .half,
      { result, _, b, control in
        convertElements(control) { host, environment in
          elements(UInt64.self, result) {
            VectorArithmetic<Binary32>.convert(
              b.element($0, UInt32.self), to: Binary64.self, host, &environment)
          }
        }
      },
      wide: { result, _, b, control in
        convertElements(control) { host, environment in
          wideElements(UInt64.self, result) {
            VectorArithmetic<Binary32>.convert(
              b.element($0, UInt32.self), to: Binary64.self, host, &environment)
          }
        }
      }),
    floating(
      "cvtpd2ps", .x66, 0x0f5a, .unary, .sse2, result: 16,
      { result, _, b, control in
        convertElements(control) { host, environment in
          elements(UInt32.self, result) {
            $0 > 1
              ? 0
              : VectorArithmetic<Binary64>.convert(
                b.element($0, UInt64.self), to: Binary32.self, host, &environment)
          }
        }
      },
      wide: { result, _, b, control in
        convertElements(control) { host, environment in
          elements(UInt32.self, result) {
            VectorArithmetic<Binary64>.convert(
              b.element($0, UInt64.self), to: Binary32.self, host, &environment)
          }
        }
      }),
    floating("cvtss2sd", .xF3, 0x0f5a, .binary, .sse2, [.scalar], memory: .bytes(4)) {
      result, a, b, control in
      convertElements(control) { host, environment in
        replaceLowest(
          UInt64.self, a,
          VectorArithmetic<Binary32>.convert(
            b.element(0, UInt32.self), to: Binary64.self, host, &environment), result)
      }
    },
    floating("cvtsd2ss", .xF2, 0x0f5a, .binary, .sse2, [.scalar], memory: .bytes(8)) {
      result, a, b, control in
      convertElements(control) { host, environment in
        replaceLowest(
          UInt32.self, a,
          VectorArithmetic<Binary64>.convert(
            b.element(0, UInt64.self), to: Binary32.self, host, &environment), result)
      }
    },

    // Packed integers.
    floating("cvtdq2ps", .none, 0x0f5b, .unary, .sse2) { result, _, b, control in
      convertElements(control) { _, environment in
        unary(UInt32.self, result, b) {
          VectorArithmetic<Binary32>.number(Int64($0.signed), &environment)
        }
      }
    },
    floating("cvtps2dq", .x66, 0x0f5b, .unary, .sse2) { singleToInteger($0, $1, $2, $3, false) },
    floating("cvttps2dq", .xF3, 0x0f5b, .unary, .sse2) { singleToInteger($0, $1, $2, $3, true) },
    floating(
      "cvtdq2pd", .xF3, 0x0fe6, .unary, .sse2, memory: .half,
      { result, _, b, control in
        convertElements(control) { _, environment in
          elements(UInt64.self, result) {
            VectorArithmetic<Binary64>.number(
              Int64(b.element($0, UInt32.self).signed), &environment)
          }
        }
      },
      wide: { result, _, b, control in
        convertElements(control) { _, environment in
          wideElements(UInt64.self, result) {
            VectorArithmetic<Binary64>.number(
              Int64(b.element($0, UInt32.self).signed), &environment)
          }
        }
      }),
    floating(
      "cvtpd2dq", .xF2, 0x0fe6, .unary, .sse2, result: 16,
      { doubleToInteger($0, $1, $2, $3, 2, false) },
      wide: { doubleToInteger($0, $1, $2, $3, 4, false) }),
    floating(
      "cvttpd2dq", .x66, 0x0fe6, .unary, .sse2, result: 16,
      { doubleToInteger($0, $1, $2, $3, 2, true) },
      wide: { doubleToInteger($0, $1, $2, $3, 4, true) }),

    // General registers.
    floating(
      "cvtsi2ss", .xF3, 0x0f2a, .insert, .sse, [.scalar, .w0, .generalW],
      memory: .bytes(4)
    ) { integerToScalar(Binary32.self, UInt32.self, $0, $1, $2, $3) },
    floating(
      "cvtsi2ss", .xF3, 0x0f2a, .insert, .sse, [.scalar, .w1, .generalW],
      memory: .bytes(8)
    ) { integerToScalar(Binary32.self, UInt64.self, $0, $1, $2, $3) },
    floating(
      "cvtsi2sd", .xF2, 0x0f2a, .insert, .sse2, [.scalar, .w0, .generalW],
      memory: .bytes(4)
    ) { integerToScalar(Binary64.self, UInt32.self, $0, $1, $2, $3) },
    floating(
      "cvtsi2sd", .xF2, 0x0f2a, .insert, .sse2, [.scalar, .w1, .generalW],
      memory: .bytes(8)
    ) { integerToScalar(Binary64.self, UInt64.self, $0, $1, $2, $3) },
    floating(
      "cvttss2si", .xF3, 0x0f2c, .toGeneral, .sse, [.scalar, .w0, .generalW],
      memory: .bytes(4)
    ) { scalarToInteger(Binary32.self, 32, true, $0, $1, $2, $3) },
    floating(
      "cvttss2si", .xF3, 0x0f2c, .toGeneral, .sse, [.scalar, .w1, .generalW],
      memory: .bytes(4)
    ) { scalarToInteger(Binary32.self, 64, true, $0, $1, $2, $3) },
    floating(
      "cvttsd2si", .xF2, 0x0f2c, .toGeneral, .sse2, [.scalar, .w0, .generalW],
      memory: .bytes(8)
    ) { scalarToInteger(Binary64.self, 32, true, $0, $1, $2, $3) },
    floating(
      "cvttsd2si", .xF2, 0x0f2c, .toGeneral, .sse2, [.scalar, .w1, .generalW],
      memory: .bytes(8)
    ) { scalarToInteger(Binary64.self, 64, true, $0, $1, $2, $3) },
    floating(
      "cvtss2si", .xF3, 0x0f2d, .toGeneral, .sse, [.scalar, .w0, .generalW],
      memory: .bytes(4)
    ) { scalarToInteger(Binary32.self, 32, false, $0, $1, $2, $3) },
    floating(
      "cvtss2si", .xF3, 0x0f2d, .toGeneral, .sse, [.scalar, .w1, .generalW],
      memory: .bytes(4)
    ) { scalarToInteger(Binary32.self, 64, false, $0, $1, $2, $3) },
    floating(
      "cvtsd2si", .xF2, 0x0f2d, .toGeneral, .sse2, [.scalar, .w0, .generalW],
      memory: .bytes(8)
    ) { scalarToInteger(Binary64.self, 32, false, $0, $1, $2, $3) },
    floating(
      "cvtsd2si", .xF2, 0x0f2d, .toGeneral, .sse2, [.scalar, .w1, .generalW],
      memory: .bytes(8)
    ) { scalarToInteger(Binary64.self, 64, false, $0, $1, $2, $3) },

    // Integral values.
    floating("roundps", .x66, 0x3a08, .unary, .sse41, [.immediate]) { result, _, b, control in
      roundElements(control) { isExact, environment in
        unary(UInt32.self, result, b) {
          VectorArithmetic<Binary32>.roundToIntegral($0, isExact: isExact, &environment)
        }
      }
    },
    floating("roundpd", .x66, 0x3a09, .unary, .sse41, [.immediate]) { result, _, b, control in
      roundElements(control) { isExact, environment in
        unary(UInt64.self, result, b) {
          VectorArithmetic<Binary64>.roundToIntegral($0, isExact: isExact, &environment)
        }
      }
    },
    floating(
      "roundss", .x66, 0x3a0a, .binary, .sse41, [.immediate, .scalar],
      memory: .bytes(4)
    ) { result, a, b, control in
      roundElements(control) { isExact, environment in
        replaceLowest(
          UInt32.self, a,
          VectorArithmetic<Binary32>.roundToIntegral(
            b.element(0, UInt32.self), isExact: isExact, &environment), result)
      }
    },
    floating(
      "roundsd", .x66, 0x3a0b, .binary, .sse41, [.immediate, .scalar],
      memory: .bytes(8)
    ) { result, a, b, control in
      roundElements(control) { isExact, environment in
        replaceLowest(
          UInt64.self, a,
          VectorArithmetic<Binary64>.roundToIntegral(
            b.element(0, UInt64.self), isExact: isExact, &environment), result)
      }
    },

    // Half precision.
    floating(
      "vcvtph2ps", .x66, 0x3813, .unary, .f16c, [.vexOnly, .w0], memory: .half,
      { result, _, b, control in
        convertElements(control) { _, environment in
          elements(UInt32.self, result) { widenHalf(b.element($0, UInt16.self), &environment) }
        }
      },
      wide: { result, _, b, control in
        convertElements(control) { _, environment in
          wideElements(UInt32.self, result) { widenHalf(b.element($0, UInt16.self), &environment) }
        }
      }),
    VectorForm(
      "vcvtps2ph", .x66, 0x3a1d, .storeComputed, .f16c,
      [.vexOnly, .w0, .immediate, .floatingPoint], memory: .half, result: 16,
      { narrowSingles($0, $1, $2, $3, 4) }, wide: { narrowSingles($0, $1, $2, $3, 8) }),
  ]
}

/// Runs a conversion in the environment that MXCSR describes.
@inline(__always)
private func convertElements(
  _ control: UInt64, _ body: (Bool, inout FloatingPointEnvironment) -> UInt32
) -> UInt32 {
  let control = VectorControl(control)
  var environment = FloatingPointEnvironment(mxcsr: control.mxcsr)
  _ = body(control.allowsHost, &environment)
  return UInt32(environment.flags.rawValue)
}

/// The same with the rounding of ROUNDPS's immediate: bits 1:0, or MXCSR's if bit 2 is set; bit 3
/// leaves out the precision exception.
@inline(__always)
private func roundElements(
  _ control: UInt64, _ body: (Bool, inout FloatingPointEnvironment) -> UInt32
) -> UInt32 {
  let immediate = VectorControl(control).immediate
  return convertElements(control) { _, environment in
    if immediate & 4 == 0 { environment.rounding = FloatingPointRounding(field: immediate) }
    return body(immediate & 8 != 0, &environment)
  }
}

@inline(__always)
private func singleToInteger(
  _ result: UnsafeMutableRawPointer, _: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _ control: UInt64, _ truncates: Bool
) -> UInt32 {
  convertElements(control) { _, environment in
    unary(UInt32.self, result, b) {
      UInt32(
        truncatingIfNeeded: VectorArithmetic<Binary32>.integer(
          $0, bitCount: 32, truncates: truncates, &environment))
    }
  }
}

@inline(__always)
private func doubleToInteger(
  _ result: UnsafeMutableRawPointer, _: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _ control: UInt64, _ count: Int, _ truncates: Bool
) -> UInt32 {
  convertElements(control) { _, environment in
    elements(UInt32.self, result) {
      $0 >= count
        ? 0
        : UInt32(
          truncatingIfNeeded: VectorArithmetic<Binary64>.integer(
            b.element($0, UInt64.self), bitCount: 32, truncates: truncates, &environment))
    }
  }
}

@inline(__always)
private func integerToScalar<F: HostFormat, E: OperandWidth>(
  _ format: F.Type, _ type: E.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer,
  _ b: UnsafeRawPointer, _ control: UInt64
) -> UInt32 {
  convertElements(control) { _, environment in
    let value = Int64(bitPattern: b.element(0, type).signExtended)
    return replaceLowest(
      F.Bits.self, a, VectorArithmetic<F>.number(value, &environment), result)
  }
}

@inline(__always)
private func scalarToInteger<F: HostFormat>(
  _ format: F.Type, _ bitCount: Int, _ truncates: Bool, _ result: UnsafeMutableRawPointer,
  _: UnsafeRawPointer, _ b: UnsafeRawPointer, _ control: UInt64
) -> UInt32 {
  convertElements(control) { _, environment in
    let value = VectorArithmetic<F>.integer(
      b.element(0, F.Bits.self), bitCount: bitCount, truncates: truncates, &environment)
    return pair(UInt64(bitPattern: value), 0, result)
  }
}

/// VCVTPH2PS of one element: denormals are exact and signal nothing, whatever MXCSR says.
@inline(never)
private func widenHalf(
  _ bits: UInt16, _ environment: inout FloatingPointEnvironment
) -> UInt32 {
  environment.denormalsAreZero = false
  return Binary16.convert(bits, to: Binary32.self, signalsDenormal: false, &environment)
}

/// VCVTPS2PH: rounds by the immediate, as ROUNDPS; results are not flushed to zero.
@inline(__always)
private func narrowSingles(
  _ result: UnsafeMutableRawPointer, _: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _ control: UInt64, _ count: Int
) -> UInt32 {
  roundElements(control & ~8) { _, environment in
    environment.flushesToZero = false
    return elements(UInt16.self, result) {
      $0 >= count ? 0 : narrowSingle(b.element($0, UInt32.self), &environment)
    }
  }
}

@inline(never)
private func narrowSingle(
  _ bits: UInt32, _ environment: inout FloatingPointEnvironment
) -> UInt16 {
  Binary32.convert(bits, to: Binary16.self, &environment)
}
