import CCapstone

/// The instruction set: for each of Capstone's instruction numbers, how to turn it into a handler.
final class InstructionTable: Sendable {
  /// One decoded and selected instruction.
  struct Line {
    var instruction: Instruction
    var length: Int
    /// nil: charges nothing.
    var timing: TimingClass?
    /// What a memory operand charges as well.
    var memoryTiming: TimingClass?
    var hasLock = false
    var effect: BlockEffect
    /// What it may be carried out with, if a conditional branch follows.
    var fusable: FusableOperation?
    /// The condition on which it branches within the page.
    var condition: BranchCondition?

    /// Cycles that the block charges for the instruction.
    func cycles(_ table: TimingTable) -> Int {
      var cycles = 0
      if let timing { cycles += Int(table.cycles(timing)) }
      if let memoryTiming { cycles += Int(table.cycles(memoryTiming)) }
      if hasLock { cycles += Int(table.cycles(.lock)) }
      return cycles
    }
  }

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
    InstructionForm.bitManipulation,
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
  func instruction(
    _ result: Result<DecodedInstruction, InstructionDecoder.Failure>, features: CPUFeatureSet,
    stopsAtNotBuilt: Bool = false, mode: UInt8, ripOffset: Int, position: Int, cyclesBefore: Int,
    pageOffset: Int
  ) -> Line {
    let place = (ripOffset, position, cyclesBefore)
    switch result {
    case .failure(.notBuilt) where stopsAtNotBuilt:
      return Self.line(stopNotBuilt, length: 1, at: place)
    case .failure(.invalid), .failure(.notBuilt):
      return Self.line(raiseInvalidOpcode, length: 1, at: place)
    case .failure(.truncated), .failure(.tooLong):
      return Self.line(raiseInstructionTooLong, length: 1, at: place)
    case .success(var decoded):
      decoded.isFlatCode = mode & DecodeMode.flatCode != 0
      decoded.isFlatData = mode & DecodeMode.flatData != 0
      decoded.pageOffset = pageOffset
      switch meaning(of: decoded, features: features) {
      case .undefined: return Self.line(raiseInvalidOpcode, length: decoded.length, at: place)
      case .instruction(let handler, let builder, let timing, let effect):
        return Line(
          instruction: Self.instruction(decoded, builder, handler, at: place),
          length: decoded.length, timing: builder.timing ?? timing,
          memoryTiming: builder.memoryTiming, hasLock: decoded.hasLock,
          effect: builder.effect ?? effect, fusable: FusableOperation(decoded),
          condition: builder.branch == .withinPage ? BranchCondition(decoded.id) : nil)
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
    guard let handler = form.select(decoded, &builder) else { return .undefined }
    return .instruction(handler, builder, form.timing, form.effect)
  }

  /// The form of an instruction number; nil if there is none.
  func form(_ id: x86_insn) -> InstructionForm? {
    let number = Int(id.rawValue)
    return forms.indices.contains(number) ? forms[number] : nil
  }

  /// The marker behind a block's last instruction: goes back to the run loop.
  ///
  /// - Parameter isLinked: the next instruction is on the same page.
  static func marker(
    ripOffset: Int, position: Int, cyclesBefore: Int, isLinked: Bool
  ) -> Instruction {
    let handler = isLinked ? endOfBlockInPage : endOfBlock
    var marker = line(handler, length: 0, at: (ripOffset, position, cyclesBefore)).instruction
    if isLinked {
      marker.displacement = Int32(truncatingIfNeeded: ripOffset)
      marker.lengthAndPrefixes |= 0x80
    }
    return marker
  }

  private static func destinationIsMemory(_ decoded: DecodedInstruction) -> Bool {
    // XCHG and XADD-like forms may name the memory operand first or second.
    decoded.hasMemoryOperand
      && (decoded.id == X86_INS_XCHG
        || { if case .memory? = decoded.operands.first { true } else { false } }())
  }

  private static func line(
    _ handler: @escaping Handler, length: Int, at place: (Int, Int, Int)
  ) -> Line {
    Line(
      instruction: Instruction(
        handler: handler, immediate: 0, displacement: 0,
        ripOffset: UInt16(truncatingIfNeeded: place.0),
        cyclesBefore: UInt16(truncatingIfNeeded: place.2), destination: 0, source: 0,
        base: RegisterOffset.zero, index: RegisterOffset.zero, scaleAndSegment: 0,
        lengthAndPrefixes: UInt8(truncatingIfNeeded: min(length, 15)),
        position: UInt8(truncatingIfNeeded: place.1), mode: []),
      length: length, timing: nil, effect: .end)
  }

  private static func instruction(
    _ decoded: DecodedInstruction, _ builder: InstructionBuilder, _ handler: @escaping Handler,
    at place: (Int, Int, Int)
  ) -> Instruction {
    var instruction = line(handler, length: decoded.length, at: place).instruction
    instruction.immediate = builder.immediate
    switch builder.branch {
    case .none: break
    case .relative: instruction.immediate &+= UInt64(place.0 + decoded.length)
    case .withinPage:
      instruction.immediate = 0
      instruction.displacement = Int32(
        truncatingIfNeeded: decoded.branchDisplacement + Int64(place.0 + decoded.length))
      instruction.lengthAndPrefixes |= 0x80
    }
    instruction.destination = builder.destination
    instruction.source = builder.source
    if decoded.hasREP { instruction.lengthAndPrefixes |= 0x10 }
    if decoded.hasREPNE { instruction.lengthAndPrefixes |= 0x20 }
    if decoded.hasLock { instruction.lengthAndPrefixes |= 0x40 }
    var mode: InstructionMode = decoded.isLongMode ? .long : []
    switch decoded.operandBytes {
    case 2: mode.insert(.operand16)
    case 4: mode.insert(.operand32)
    default: mode.insert(.operand64)
    }
    switch decoded.addressBytes {
    case 2: mode.insert(.address16)
    case 4: mode.insert(.address32)
    default: break
    }
    if let memory = builder.memory {
      instruction.base = memory.base
      instruction.index = memory.index
      var displacement = memory.displacement
      if memory.isRIPRelative { displacement += Int64(place.0 + decoded.length) }
      instruction.displacement = Int32(truncatingIfNeeded: displacement)
      instruction.scaleAndSegment = memory.scale | memory.segment.rawValue << 2
      let plainSegment = memory.segment != .fs && memory.segment != .gs
      let isFlat =
        decoded.isLongMode
        ? decoded.addressBytes == 8
        : decoded.isFlatData && decoded.addressBytes == 4 && memory.segment != .cs
      if isFlat, plainSegment { mode.insert(.flat) }
    } else {
      instruction.base = builder.base
      instruction.scaleAndSegment = (decoded.segmentOverride ?? .ds).rawValue << 2
      // For what pushes and pops: the stack may be used without its segment.
      if decoded.isFlatData { mode.insert(.flat) }
    }
    instruction.mode = mode
    return instruction
  }
}
