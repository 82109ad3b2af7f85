// Instructions between MMX and XMM registers.
//
// Source: Intel SDM, the pages of these instructions, and "The MMX State and the x87 FPU State".
extension VectorForm {
  static let mmxConversions: [VectorForm] = [
    fromMMX("cvtpi2ps", .none, 0x0f2a, .sse, [.floatingPoint]) { result, a, b, control in
      let control = VectorControl(control)
      var environment = FloatingPointEnvironment(mxcsr: control.mxcsr)
      func number(_ index: Int) -> UInt32 {
        VectorArithmetic<Binary32>.number(Int64(b.element(index, UInt32.self).signed), &environment)
      }
      let low = PackedInteger.join(number(0), number(1))
      _ = pair(low, a.element(1, UInt64.self), result)
      return UInt32(environment.flags.rawValue)
    },
    fromMMX("cvtpi2pd", .x66, 0x0f2a, .sse2) { result, _, b, _ in
      // Every 32-bit integer is exact.
      elements(UInt64.self, result) { Double(b.element($0, UInt32.self).signed).bitPattern }
    },
    fromMMX("movq2dq", .xF3, 0x0fd6, .sse2, [.registerOnly]) { result, _, b, _ in
      pair(b.element(0, UInt64.self), 0, result)
    },
    toMMX("movdq2q", .xF2, 0x0fd6, .sse2, [.registerOnly]) { result, _, b, _ in
      pair(b.element(0, UInt64.self), 0, result)
    },
    toMMX("cvttps2pi", .none, 0x0f2c, .sse, memory: 8) {
      twoIntegers(Binary32.self, $0, $1, $2, $3, true)
    },
    toMMX("cvtps2pi", .none, 0x0f2d, .sse, memory: 8) {
      twoIntegers(Binary32.self, $0, $1, $2, $3, false)
    },
    toMMX("cvttpd2pi", .x66, 0x0f2c, .sse2) { twoIntegers(Binary64.self, $0, $1, $2, $3, true) },
    toMMX("cvtpd2pi", .x66, 0x0f2d, .sse2) { twoIntegers(Binary64.self, $0, $1, $2, $3, false) },
  ]

  private static func fromMMX(
    _ name: StaticString, _ prefix: MandatoryPrefix, _ opcode: UInt16, _ feature: CPUFeature,
    _ options: VectorFormOptions = [], _ kernel: @escaping VectorKernel
  ) -> VectorForm {
    VectorForm(
      name, prefix, opcode,
      .own(
        register: { convertFromMMX($0, $1, memory: false) },
        memory: { convertFromMMX($0, $1, memory: true) }),
      feature, options.union(.legacyOnly), memory: .bytes(8), kernel)
  }

  private static func toMMX(
    _ name: StaticString, _ prefix: MandatoryPrefix, _ opcode: UInt16, _ feature: CPUFeature,
    _ options: VectorFormOptions = [], memory: UInt8 = 16, _ kernel: @escaping VectorKernel
  ) -> VectorForm {
    VectorForm(
      name, prefix, opcode,
      .own(
        register: { convertToMMX($0, $1, .register) }, memory: { convertToMMX($0, $1, .memory) }),
      feature, options.union(.legacyOnly), memory: .bytes(memory), kernel)
  }
}

@inline(__always)
private func twoIntegers<F: HostFormat>(
  _ format: F.Type, _ result: UnsafeMutableRawPointer, _: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _ control: UInt64, _ truncates: Bool
) -> UInt32 {
  var environment = FloatingPointEnvironment(mxcsr: VectorControl(control).mxcsr)
  func integer(_ index: Int) -> UInt32 {
    UInt32(
      truncatingIfNeeded: VectorArithmetic<F>.integer(
        b.element(index, F.Bits.self), bitCount: 32, truncates: truncates, &environment))
  }
  _ = pair(PackedInteger.join(integer(0), integer(1)), 0, result)
  return UInt32(environment.flags.rawValue)
}

/// xmm ← mm or 64 bits of memory. A memory operand leaves the x87 registers alone.
@inline(__always)
private func convertFromMMX(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, memory isMemory: Bool
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: false) else { return core.leave(i) }
  var source = UnsafeRawPointer(core.vectorOperand)
  if isMemory {
    guard let bytes = core.loadVector(i, byteCount: 8) else { return core.leave(i) }
    source = bytes
  } else {
    guard core.canUseMMX() else { return core.leave(i) }
    core.vectorOperand.storeBytes(of: core.mmx(i.modRMRegister & 7), as: UInt64.self)
  }
  let register = core.vectorRegister(i.vectorDestination)
  let result = core.vectorResult
  let flags = core.run(i.operation, result, register, source, immediate: 0)
  guard core.commit(exceptions: flags) else { return core.leave(i) }
  core.copyVector(from: result, to: register, wide: false)
  if !isMemory { core.enterMMX() }
  return core.nextAfterSlowAccess(i)
}

/// mm ← xmm or memory.
@inline(__always)
private func convertToMMX(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, _ source: VectorSource
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: false), core.canUseMMX(), let b = core.secondSource(i, source)
  else { return core.leave(i) }
  let result = core.vectorResult
  let flags = core.run(i.operation, result, b, b, immediate: 0)
  guard core.commit(exceptions: flags) else { return core.leave(i) }
  core.setMMX(i.vectorDestination & 7, result.load(as: UInt64.self))
  return core.nextAfterSlowAccess(i)
}
