import CCapstone

/// The instruction set: for each of Capstone's instruction numbers, how to turn it into a handler.
final class InstructionTable: Sendable {
  /// Every family of instructions.
  static let families: [[InstructionForm]] = [
    InstructionForm.arithmetic, InstructionForm.moves, InstructionForm.controlRegisters,
    InstructionForm.modelSpecific, InstructionForm.inputOutput,
    InstructionForm.cachesAndTranslation, InstructionForm.vmx,
    InstructionForm.unaryArithmetic, InstructionForm.multiplyDivide, InstructionForm.shifts,
    InstructionForm.bits, InstructionForm.extensions, InstructionForm.conditionals,
    InstructionForm.exchanges, InstructionForm.flags, InstructionForm.decimalArithmetic,
    InstructionForm.miscellaneous, InstructionForm.stack, InstructionForm.branches,
    InstructionForm.strings, InstructionForm.farPointers, InstructionForm.farTransfers,
    InstructionForm.farReturns, InstructionForm.softwareInterrupts,
    InstructionForm.interruptFlag, InstructionForm.systemCalls, InstructionForm.descriptorTables,
    InstructionForm.segmentChecks, InstructionForm.segmentBases, InstructionForm.randomNumbers,
    InstructionForm.monitorWait, InstructionForm.x87, InstructionForm.mmx,
    InstructionForm.bitManipulation, InstructionForm.controlFlowEnforcement,
  ]

  /// The one table.
  static let shared = InstructionTable()

  private let forms: [InstructionForm?]

  private init() {
    let last = Self.families.joined().map(\.id.rawValue).max() ?? 0
    var forms = [InstructionForm?](repeating: nil, count: Int(last) + 1)
    for family in Self.families {
      for form in family { forms[Int(form.id.rawValue)] = form }
    }
    self.forms = forms
  }

  /// The instruction for what the decoder read; one that raises #UD or #GP where there is none.
  ///
  /// - Parameters:
  ///   - features: what the processor has.
  ///   - stopsAtNotBuilt: stop the machine rather than raise #UD for what is not built.
  ///   - pageOffset: where in its page the instruction starts.
  func template(
    _ result: Result<DecodedInstruction, InstructionDecoder.Failure>, features: CPUFeatureSet,
    timing: TimingTable, stopsAtNotBuilt: Bool = false, mode: UInt8, pageOffset: Int
  ) -> InstructionTemplate {
    switch result {
    case .failure(.notBuilt) where stopsAtNotBuilt:
      return InstructionTemplate(stopNotBuilt, length: 1)
    case .failure(.invalid), .failure(.notBuilt):
      return InstructionTemplate(raiseInvalidOpcode, length: 1)
    case .failure(.truncated), .failure(.tooLong):
      return InstructionTemplate(raiseInstructionTooLong, length: 1)
    case .success(var decoded):
      decoded.isFlatCode = mode & DecodeMode.flatCode != 0
      decoded.isFlatData = mode & DecodeMode.flatData != 0
      decoded.heedsControlFlow = mode & DecodeMode.controlFlow != 0
      decoded.watchesBusLocks = mode & DecodeMode.busLocks != 0
      decoded.pageOffset = pageOffset
      if mode & DecodeMode.bounds != 0 { decoded.heedBounds() }
      switch meaning(of: decoded, features: features) {
      case .undefined: return InstructionTemplate(raiseInvalidOpcode, length: decoded.length)
      case .instruction(let handler, let builder, let timingClass, let effect):
        return InstructionTemplate(
          decoded, builder, handler, class: builder.timing ?? timingClass, effect: effect,
          timing: timing)
      }
    }
  }

  /// What a decoded instruction is on some processor.
  enum Meaning {
    /// None that the processor has: #UD.
    case undefined
    /// Timing and effect are those of the form; the builder may have others.
    case instruction(Handler, InstructionBuilder, TimingClass?, BlockEffect)
  }

  /// What an instruction is on a processor with `features`.
  func meaning(of decoded: DecodedInstruction, features: CPUFeatureSet) -> Meaning {
    var builder = InstructionBuilder()
    if let vector = decoded.vector {
      let form = VectorTable.shared.entries[vector.entry].form
      let isOffered = form.isOffered(by: features, isVEX: vector.isVEX, isWide: vector.isWide)
      guard isOffered, !decoded.hasLock else { return .undefined }
      if decoded.id == X86_INS_INVALID {
        guard let handler = VectorTable.shared.select(decoded, vector, &builder) else {
          return .undefined
        }
        return .instruction(handler, builder, nil, .continue)
      }
    }
    guard var form = form(decoded.id) else { return .undefined }
    if let feature = form.feature, !features.contains(feature) {
      guard let other = form.substitute.flatMap(self.form) else { return .undefined }
      form = other
    }
    if decoded.hasLock, !form.isLockable || !Self.destinationIsMemory(decoded) {
      return .undefined
    }
    guard let usual = form.select(decoded, &builder) else { return .undefined }
    let handler = builder.boundsBranch(decoded) ?? usual
    return .instruction(handler, builder, form.timing, form.effect)
  }

  /// The form of an instruction number; nil if there is none.
  func form(_ id: x86_insn) -> InstructionForm? {
    let number = Int(id.rawValue)
    return forms.indices.contains(number) ? forms[number] : nil
  }

  private static func destinationIsMemory(_ decoded: DecodedInstruction) -> Bool {
    // XCHG and XADD-like forms may name the memory operand first or second.
    decoded.hasMemoryOperand
      && (decoded.id == X86_INS_XCHG
        || { if case .memory? = decoded.operands.first { true } else { false } }())
  }
}
