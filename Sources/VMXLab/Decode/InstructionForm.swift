import CCapstone

/// Handlers of one operation for 8-, 16-, 32- and 64-bit operands.
struct WidthHandlers: Sendable {
  var byte: Handler?
  var word: Handler?
  var double: Handler?
  var quad: Handler?

  init(_ byte: Handler?, _ word: Handler?, _ double: Handler?, _ quad: Handler?) {
    self.byte = byte
    self.word = word
    self.double = double
    self.quad = quad
  }

  subscript(byteCount: Int) -> Handler? {
    switch byteCount {
    case 1: byte
    case 2: word
    case 4: double
    case 8: quad
    default: nil
    }
  }
}

/// What an instruction does to the block it stands in.
enum BlockEffect: Sendable {
  /// The next instruction follows.
  case `continue`
  /// Control, mode, paging or interrupt state may change: nothing follows in the block.
  case end
}

/// How one instruction of the set is turned into a handler: a line of the instruction table.
struct InstructionForm: Sendable {
  let id: x86_insn
  let timing: TimingClass
  let effect: BlockEffect
  /// Whether LOCK is allowed with a memory destination.
  let isLockable: Bool
  /// The CPUID flag without which the processor has another instruction in this place, or none.
  let feature: CPUFeature?
  /// What the encoding is without the feature: the instruction that its prefix does not change; nil
  /// if it raises #UD.
  let substitute: x86_insn?
  /// Fills in the operands of an instruction and picks its handler; nil if this combination of
  /// operands is not one the processor has (#UD).
  let select: @Sendable (DecodedInstruction, inout InstructionBuilder) -> Handler?

  init(
    _ id: x86_insn, _ timing: TimingClass, _ effect: BlockEffect = .continue,
    lockable: Bool = false, feature: CPUFeature? = nil, without substitute: x86_insn? = nil,
    _ select: @escaping @Sendable (DecodedInstruction, inout InstructionBuilder) -> Handler?
  ) {
    self.id = id
    self.timing = timing
    self.effect = effect
    isLockable = lockable
    self.feature = feature
    self.substitute = substitute
    self.select = select
  }

  /// An instruction with no operands that handlers need, and one handler.
  init(
    _ id: x86_insn, _ timing: TimingClass, _ effect: BlockEffect, feature: CPUFeature? = nil,
    handler: @escaping Handler
  ) {
    self.init(id, timing, effect, feature: feature) { _, _ in handler }
  }
}

extension InstructionForm {
  /// Whether the instruction has the same handler with any immediate, which it takes sign-extended in
  /// `Instruction.immediate`.
  static func takesAnyImmediate(_ id: x86_insn) -> Bool { anyImmediate.contains(id.rawValue) }

  private static let anyImmediate: Set<UInt32> = [
    X86_INS_ADD.rawValue, X86_INS_OR.rawValue, X86_INS_ADC.rawValue, X86_INS_SBB.rawValue,
    X86_INS_AND.rawValue, X86_INS_SUB.rawValue, X86_INS_XOR.rawValue, X86_INS_CMP.rawValue,
    X86_INS_TEST.rawValue, X86_INS_MOV.rawValue, X86_INS_MOVABS.rawValue, X86_INS_PUSH.rawValue,
    X86_INS_IMUL.rawValue,
  ]
}

/// How an instruction that is a direct branch finds its target.
enum DirectBranch: Sendable {
  /// Not a direct branch.
  case none
  /// `immediate` is the displacement, to become one from the block's start.
  case relative
  /// To the same page, by a link.
  case withinPage
}

/// Collects what a handler needs of an instruction.
struct InstructionBuilder {
  var destination: UInt8 = 0
  var source: UInt8 = 0
  var immediate: UInt64 = 0
  /// How a direct branch finds its target.
  var branch = DirectBranch.none
  var memory: DecodedMemory?
  /// What `Instruction.base` holds where there is no memory operand.
  var base = RegisterOffset.zero
  /// See `Instruction.isBranchTarget`.
  var isBranchTarget = false
  /// Overrides the form's timing class, where it depends on the operands.
  var timing: TimingClass?
  /// What the memory operand costs on top of the instruction's own class; nil if that includes it.
  var memoryTiming: TimingClass?
  /// Overrides the form's effect on the block.
  var effect: BlockEffect?

  /// Puts operand `index` where a two-operand handler expects its destination.
  mutating func setDestination(_ operand: DecodedOperand, of decoded: DecodedInstruction) {
    switch operand {
    case .general(let offset, _): destination = offset
    case .segment(let register): destination = register.rawValue
    case .control(let number), .debug(let number): destination = number
    case .memory: memory = decoded.memory
    case .immediate(let value): immediate = value
    case .other: break
    }
  }

  /// Puts operand `index` where a two-operand handler expects its source.
  mutating func setSource(_ operand: DecodedOperand, of decoded: DecodedInstruction) {
    switch operand {
    case .general(let offset, _): source = offset
    case .segment(let register): source = register.rawValue
    case .control(let number), .debug(let number): source = number
    case .memory: memory = decoded.memory
    case .immediate(let value): immediate = value
    case .other: break
    }
  }
}

/// Handlers of a two-operand operation by the kinds of its operands.
struct BinaryHandlers: Sendable {
  var registerRegister: WidthHandlers?
  var registerMemory: WidthHandlers?
  var memoryRegister: WidthHandlers?
  var registerImmediate: WidthHandlers?
  var memoryImmediate: WidthHandlers?
  /// What a memory operand costs that is the destination.
  var destinationTiming = TimingClass.readModifyWrite

  /// Picks by operands 0 and 1; the width is that of the destination.
  func select(_ decoded: DecodedInstruction, _ builder: inout InstructionBuilder) -> Handler? {
    guard decoded.operands.count >= 2 else { return nil }
    let destination = decoded.operands[0]
    let source = decoded.operands[1]
    builder.setDestination(destination, of: decoded)
    builder.setSource(source, of: decoded)
    switch (destination, source) {
    case (.memory, _): builder.memoryTiming = destinationTiming
    case (_, .memory): builder.memoryTiming = .load
    default: break
    }
    switch (destination, source) {
    case (.general(_, let bytes), .general): return registerRegister?[bytes]
    case (.general(_, let bytes), .memory): return registerMemory?[bytes]
    case (.memory(let bytes), .general): return memoryRegister?[bytes]
    case (.general(_, let bytes), .immediate): return registerImmediate?[bytes]
    case (.memory(let bytes), .immediate): return memoryImmediate?[bytes]
    default: return nil
    }
  }
}

/// Handlers of a one-operand operation by the kind of its operand.
struct UnaryHandlers: Sendable {
  var register: WidthHandlers?
  var memory: WidthHandlers?
  /// What a memory operand costs.
  var memoryTiming = TimingClass.readModifyWrite

  /// Picks by operand 0.
  func select(_ decoded: DecodedInstruction, _ builder: inout InstructionBuilder) -> Handler? {
    guard let operand = decoded.operands.first else { return nil }
    builder.setDestination(operand, of: decoded)
    switch operand {
    case .general(_, let bytes): return register?[bytes]
    case .memory(let bytes):
      builder.memoryTiming = memoryTiming
      return memory?[bytes]
    default: return nil
    }
  }
}
