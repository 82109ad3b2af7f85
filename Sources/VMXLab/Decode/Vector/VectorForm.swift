import CCapstone

/// A line of the table of vector instructions: an encoding, and what it stands for.
///
/// Source: Intel SDM, "Instruction Set Reference" and "Opcode Map".
struct VectorForm: Sendable {
  /// The mnemonic; the VEX form has a `v` before it unless `options` has `vexOnly`.
  let name: StaticString
  let prefix: MandatoryPrefix
  /// Opcode map (0FH, 38H, 3AH) and opcode.
  let opcode: UInt16
  let shape: VectorShape
  let feature: CPUFeature
  let options: VectorFormOptions
  /// ModRM.reg, where it is part of the opcode.
  let digit: UInt8?
  /// ModRM.rm of a register form, where it is part of the opcode.
  let rm: UInt8?
  let memory: VectorMemorySize
  let kernel: VectorKernel
  /// What the 256-bit form runs, once; nil: it runs `kernel` on each half.
  let wideKernel: VectorKernel?
  /// Bytes of a result that is not a whole vector.
  let resultByteCount: UInt8?
  /// The feature that the 128-bit VEX form takes; nil for AVX where there is a legacy form.
  let vexFeature: CPUFeature
  /// The feature that the 256-bit form takes.
  let wideFeature: CPUFeature
  let timing: TimingClass

  init(
    _ name: StaticString, _ prefix: MandatoryPrefix, _ opcode: UInt16, _ shape: VectorShape,
    _ feature: CPUFeature, _ options: VectorFormOptions = [], digit: UInt8? = nil,
    rm: UInt8? = nil, memory: VectorMemorySize = .full, result: UInt8? = nil,
    vex vexFeature: CPUFeature? = nil,
    wideFeature: CPUFeature? = nil, timing: TimingClass = .sse,
    _ kernel: @escaping VectorKernel = copyKernel, wide wideKernel: VectorKernel? = nil
  ) {
    self.name = name
    self.prefix = prefix
    self.opcode = opcode
    self.shape = shape
    self.feature = feature
    self.options = options
    self.digit = digit
    self.rm = rm
    self.memory = memory
    self.kernel = kernel
    self.wideKernel = wideKernel
    resultByteCount = result
    self.vexFeature = vexFeature ?? (options.contains(.vexOnly) ? feature : .avx)
    self.wideFeature = wideFeature ?? (options.contains(.vexOnly) ? feature : .avx2)
    self.timing = timing
  }
}

/// The prefix that is part of an opcode, as VEX.pp encodes it.
enum MandatoryPrefix: UInt8, Sendable {
  case none = 0
  case x66 = 1
  case xF3 = 2
  case xF2 = 3
}

/// Where an instruction takes its operands from and puts its result. *reg* is ModRM.reg, *rm* the
/// ModRM operand, *vvvv* the register in the VEX prefix, which is *reg* in legacy forms.
enum VectorShape: Sendable {
  /// reg ← rm.
  case unary
  /// reg ← vvvv, rm.
  case binary
  /// reg ← reg, vvvv, rm.
  case ternary
  /// reg ← vvvv, rm, and XMM0 or, with VEX, the register in the immediate.
  case selected
  /// vvvv (legacy: rm) ← rm, immediate. Registers only.
  case shift
  /// reg ← general register or memory.
  case fromGeneral
  /// reg ← vvvv, general register or memory.
  case insert
  /// General register ← rm.
  case toGeneral
  /// General register or memory ← reg.
  case extract
  /// rm ← reg, as it is.
  case store
  /// rm ← vvvv (legacy: rm), reg. Registers only.
  case storeMerged
  /// rm ← what the kernel makes of reg.
  case storeComputed
  /// Status flags ← reg, rm.
  case compare
  /// General registers: an instruction of the ordinary table with a VEX prefix.
  case general(x86_insn, GeneralOrder)
  /// Handlers of its own, for a register and for a memory operand.
  case own(register: Handler?, memory: Handler?)
  /// The same with a system instruction's handler, which ends the block.
  case system(register: Handler?, memory: Handler?)

  /// The order of the operands of a general-register instruction with a VEX prefix.
  enum GeneralOrder: Sendable {
    case regVvvvRM
    case regRMVvvv
    case vvvvRM
    case regRMImmediate
    /// Legacy: reg is a source too.
    case regRM
  }
}

/// Bytes of a memory operand: of all of a vector, of a part of it, or a number.
enum VectorMemorySize: Sendable {
  case full
  case half
  case quarter
  case eighth
  case bytes(UInt8)
  /// All of 256 bits, but so many bytes of 128.
  case fullIfWide(UInt8)

  func byteCount(isWide: Bool) -> UInt8 {
    let full: UInt8 = isWide ? 32 : 16
    switch self {
    case .full: return full
    case .half: return full / 2
    case .quarter: return full / 4
    case .eighth: return full / 8
    case .bytes(let count): return count
    case .fullIfWide(let count): return isWide ? 32 : count
    }
  }
}

/// What else there is to know of an encoding.
struct VectorFormOptions: OptionSet, Sendable {
  let rawValue: UInt32
  /// An immediate byte follows.
  static let immediate = VectorFormOptions(rawValue: 1 << 0)
  /// The legacy form's memory operand need not be aligned.
  static let unaligned = VectorFormOptions(rawValue: 1 << 1)
  /// The VEX form's memory operand must be aligned too.
  static let aligned = VectorFormOptions(rawValue: 1 << 2)
  static let registerOnly = VectorFormOptions(rawValue: 1 << 3)
  static let memoryOnly = VectorFormOptions(rawValue: 1 << 4)
  /// W must be 0 (VEX.W; with `generalW` REX.W too).
  static let w0 = VectorFormOptions(rawValue: 1 << 5)
  static let w1 = VectorFormOptions(rawValue: 1 << 6)
  /// VEX.L must be 0.
  static let l0 = VectorFormOptions(rawValue: 1 << 7)
  static let l1 = VectorFormOptions(rawValue: 1 << 8)
  /// VEX.L is ignored: always 128 bits.
  static let scalar = VectorFormOptions(rawValue: 1 << 9)
  static let legacyOnly = VectorFormOptions(rawValue: 1 << 10)
  static let vexOnly = VectorFormOptions(rawValue: 1 << 11)
  /// Raises SIMD floating-point exceptions: the result is committed after they are known.
  static let floatingPoint = VectorFormOptions(rawValue: 1 << 12)
  /// W counts in 64-bit mode alone: it is the width of a general register.
  static let generalW = VectorFormOptions(rawValue: 1 << 13)
  /// The second source is the same for both halves: a shift count.
  static let sharedSource = VectorFormOptions(rawValue: 1 << 14)
  /// VEX.vvvv is an operand of a form with its own handlers.
  static let usesVvvv = VectorFormOptions(rawValue: 1 << 15)
  /// 256-bit forms come with AVX rather than AVX2.
  static let wideInAVX = VectorFormOptions(rawValue: 1 << 16)
  /// The memory operand's index is a vector register.
  static let vectorIndex = VectorFormOptions(rawValue: 1 << 17)
}
