/// The state of SSE and AVX: registers, MXCSR, and what the XSAVE feature set manages.
///
/// Sources: Intel SDM, "SSE, SSE2, SSE3, SSSE3, SSE4 Programming Environment" and "Managing State
/// Using the XSAVE Feature Set".
struct VectorState {
  /// Sixteen registers of `bytesPerRegister` bytes: YMM, with XMM as their low half.
  var registers = InlineArray<64, UInt64>(repeating: 0)
  /// Where an instruction gathers its result (`result`) and a memory operand (`operand`).
  var scratch = InlineArray<8, UInt64>(repeating: 0)
  var mxcsr: UInt32 = Self.initialMXCSR
  var xcr0: UInt64 = XStateComponents.x87.rawValue
  /// IA32_XSS.
  var xss: UInt64 = 0
  /// The vector of the exception that every SSE instruction raises in this mode; 0: none does.
  var sseTrap: UInt8 = 0
  /// The same for instructions with a VEX prefix that use vector registers.
  var avxTrap: UInt8 = 0

  static let bytesPerRegister = 32
  static let initialMXCSR: UInt32 = 0x1f80
  /// Bits of MXCSR that may be set: MXCSR_MASK in an FXSAVE area.
  static let mxcsrMask: UInt32 = 0xffff
  /// Places in `scratch`.
  static let resultOffset = 0
  static let operandOffset = 32
}

/// State components of the XSAVE feature set, as in XCR0 and XSTATE_BV.
///
/// Source: Intel SDM, "XSAVE-Supported Features and State-Component Bitmaps".
struct XStateComponents: OptionSet {
  let rawValue: UInt64
  static let x87 = XStateComponents(rawValue: 1 << 0)
  static let sse = XStateComponents(rawValue: 1 << 1)
  static let avx = XStateComponents(rawValue: 1 << 2)
  /// BND0 to BND3.
  static let boundRegisters = XStateComponents(rawValue: 1 << 3)
  /// BNDCFGU and BNDSTATUS.
  static let boundControl = XStateComponents(rawValue: 1 << 4)
  /// Both of them, which XCR0 has together or not at all.
  static let bounds: XStateComponents = [.boundRegisters, .boundControl]
  static let pkru = XStateComponents(rawValue: 1 << 9)
  /// IA32_U_CET and IA32_PL3_SSP.
  static let cetUser = XStateComponents(rawValue: 1 << 11)
  /// IA32_PL0_SSP to IA32_PL2_SSP.
  static let cetSupervisor = XStateComponents(rawValue: 1 << 12)
  /// What is built, and may be set in XCR0.
  static let built: XStateComponents = [.x87, .sse, .avx, .boundRegisters, .boundControl, .pkru]
  /// What is built, and may be set in IA32_XSS.
  static let builtSupervisor: XStateComponents = [.cetUser, .cetSupervisor]
  /// Both halves of the YMM registers.
  static let vectors = XStateComponents(rawValue: 6)
}

extension Processor {
  /// Recomputes which exceptions SSE and AVX instructions raise in this mode.
  ///
  /// Source: Intel SDM, "Instruction Exception Specification".
  mutating func updateVectorTraps() {
    let invalid = ExceptionVector.invalidOpcode.rawValue
    let unavailable = cr0.contains(.ts) ? ExceptionVector.deviceNotAvailable.rawValue : 0
    vector.sseTrap = cr0.contains(.em) || !cr4.contains(.osfxsr) ? invalid : unavailable
    let vectors = XStateComponents.vectors.rawValue
    vector.avxTrap =
      !isProtected || !cr4.contains(.osxsave) || vector.xcr0 & vectors != vectors
      ? invalid : unavailable
  }
}

extension Core {
  /// The lowest byte of vector register `number`.
  @inline(__always) func vectorRegister(_ number: UInt8) -> UnsafeMutableRawPointer {
    withUnsafeMutablePointer(to: &state.pointee.vector.registers) {
      UnsafeMutableRawPointer($0) + Int(number & 15) &* VectorState.bytesPerRegister
    }
  }

  /// Where an instruction gathers its result before it commits it.
  @inline(__always) var vectorResult: UnsafeMutableRawPointer {
    withUnsafeMutablePointer(to: &state.pointee.vector.scratch) {
      UnsafeMutableRawPointer($0) + VectorState.resultOffset
    }
  }

  /// Where an operand that is not a vector register is put.
  @inline(__always) var vectorOperand: UnsafeMutableRawPointer {
    withUnsafeMutablePointer(to: &state.pointee.vector.scratch) {
      UnsafeMutableRawPointer($0) + VectorState.operandOffset
    }
  }

  /// Whether SSE (or, with a VEX prefix, AVX) instructions run in this mode; else their exception is
  /// recorded.
  @inline(__always) func canUseVectors(vex isVEX: Bool) -> Bool {
    let trap = isVEX ? state.pointee.vector.avxTrap : state.pointee.vector.sseTrap
    if trap == 0 { return true }
    state.pointee.raise(trap == 6 ? .invalidOpcode : .deviceNotAvailable)
    return false
  }
}
