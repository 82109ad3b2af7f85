import CCapstone

// From the opcodes D8 to DF to handlers. Capstone reads the memory operands alone: it lacks the register
// forms that have no name in the manual.
//
// Source: Intel SDM, "Escape Opcodes" (opcode maps) and "FPU Instruction Formats and Encodings".
extension InstructionForm {
  /// The instruction number that every escape opcode is decoded as.
  static let escape = X86_INS_FNOP

  static let x87: [InstructionForm] = [
    InstructionForm(escape, .x87) { decoded, builder in
      let form =
        decoded.modRMIsRegister
        ? X87Form.register(decoded.opcode.0, decoded.modRM)
        : X87Form.memory(decoded.opcode.0, decoded.modRM)
      guard let form else { return nil }
      builder.destination = form.destination
      builder.source = form.source
      builder.immediate = UInt64(decoded.opcode.0 & 7) << 8 | UInt64(decoded.modRM)
      builder.timing = form.timing
      if !decoded.modRMIsRegister {
        builder.memory = decoded.memory
        builder.memoryTiming = form.memoryTiming
      }
      return form.handler
    },
    InstructionForm(X86_INS_WAIT, .x87Control, .continue, handler: X87Handlers.wait),
  ]
}

/// An escape opcode: its handler and what that is told.
struct X87Form {
  var handler: Handler
  var destination: UInt8 = 0
  var source: UInt8 = 0
  var timing = TimingClass.x87
  var memoryTiming: TimingClass?

  // MARK: Register forms

  /// The form of `opcode` (D8 to DF) with a register operand; nil if there is none.
  static func register(_ opcode: UInt8, _ modRM: UInt8) -> X87Form? {
    let i = modRM & 7
    let operation = modRM >> 3 & 7
    switch opcode {
    case 0xd8: return arithmetic(operation, i, X87Handlers.arithmeticToST0)
    case 0xd9: return registerD9(operation, modRM)
    case 0xda:
      if modRM == 0xe9 { return compare(1, pops: 2, isQuiet: true) }
      return operation < 4 ? conditionalMove(operation, i) : nil
    case 0xdb: return registerDB(operation, modRM)
    case 0xdc: return arithmetic(operation, i, X87Handlers.arithmeticToSTi)
    case 0xdd: return registerDD(operation, i)
    case 0xde:
      switch operation {
      case 2: return compare(i, pops: 1, isQuiet: false)
      case 3: return modRM == 0xd9 ? compare(1, pops: 2, isQuiet: false) : nil
      default: return arithmetic(operation, i, X87Handlers.arithmeticAndPop)
      }
    default: return registerDF(operation, modRM)
    }
  }

  private static func registerD9(_ operation: UInt8, _ modRM: UInt8) -> X87Form? {
    let i = modRM & 7
    switch operation {
    case 0: return stack(.load, i)
    case 1: return stack(.exchange, i)
    case 2: return i == 0 ? X87Form(handler: X87Handlers.nothing) : nil
    case 3: return stack(.copyAndPop, i)
    case 5: return i < 7 ? X87Form(handler: X87Handlers.constant, source: i) : nil
    default:
      guard let operation = X87RegisterOperation(rawValue: modRM & 0x3f) else { return nil }
      return X87Form(
        handler: X87Handlers.register, source: operation.rawValue, timing: operation.timing)
    }
  }

  private static func registerDB(_ operation: UInt8, _ modRM: UInt8) -> X87Form? {
    let i = modRM & 7
    switch operation {
    case 0...3: return conditionalMove(operation | 4, i)
    case 4:
      switch i {
      case 0, 1, 4: return X87Form(handler: X87Handlers.ignored)
      case 2: return X87Form(handler: X87Handlers.clearExceptions, timing: .x87Control)
      case 3: return X87Form(handler: X87Handlers.initialize, timing: .x87Environment)
      default: return nil
      }
    case 5: return compareToFlags(i, pops: 0, isQuiet: true)
    case 6: return compareToFlags(i, pops: 0, isQuiet: false)
    default: return nil
    }
  }

  private static func registerDD(_ operation: UInt8, _ i: UInt8) -> X87Form? {
    switch operation {
    case 0: stack(.free, i)
    case 1: stack(.exchange, i)
    case 2: stack(.store, i)
    case 3: stack(.storeAndPop, i)
    case 4: compare(i, pops: 0, isQuiet: true)
    case 5: compare(i, pops: 1, isQuiet: true)
    default: nil
    }
  }

  private static func registerDF(_ operation: UInt8, _ modRM: UInt8) -> X87Form? {
    let i = modRM & 7
    switch operation {
    case 0: return stack(.freeAndPop, i)
    case 1: return stack(.exchange, i)
    case 2, 3: return stack(.storeAndPop, i)
    case 4:
      return i == 0 ? X87Form(handler: X87Handlers.storeStatusToAX, timing: .x87Control) : nil
    case 5: return compareToFlags(i, pops: 1, isQuiet: true)
    case 6: return compareToFlags(i, pops: 1, isQuiet: false)
    default: return nil
    }
  }

  private static func arithmetic(
    _ operation: UInt8, _ i: UInt8, _ handler: @escaping Handler
  ) -> X87Form {
    switch operation {
    case 2: compare(i, pops: 0, isQuiet: false)
    case 3: compare(i, pops: 1, isQuiet: false)
    default:
      X87Form(
        handler: handler, destination: operation, source: i,
        timing: operation >= 6 ? .x87Divide : .x87)
    }
  }

  private static func compare(_ i: UInt8, pops: UInt8, isQuiet: Bool) -> X87Form {
    X87Form(handler: X87Handlers.compare, destination: pops | (isQuiet ? 4 : 0), source: i)
  }

  private static func compareToFlags(_ i: UInt8, pops: UInt8, isQuiet: Bool) -> X87Form {
    X87Form(handler: X87Handlers.compareToFlags, destination: pops | (isQuiet ? 4 : 0), source: i)
  }

  private static func conditionalMove(_ selector: UInt8, _ i: UInt8) -> X87Form {
    X87Form(handler: X87Handlers.conditionalMove, destination: selector, source: i)
  }

  private static func stack(_ operation: X87StackOperation, _ i: UInt8) -> X87Form {
    X87Form(handler: X87Handlers.stack, destination: operation.rawValue, source: i)
  }

  // MARK: Memory forms

  /// The form of `opcode` (D8 to DF) with a memory operand; nil if there is none.
  static func memory(_ opcode: UInt8, _ modRM: UInt8) -> X87Form? {
    let operation = modRM >> 3 & 7
    switch opcode {
    case 0xd8: return arithmetic(operation, X87Handlers.arithmeticReal32)
    case 0xd9: return memoryD9(operation)
    case 0xda: return arithmetic(operation, X87Handlers.arithmeticInteger32)
    case 0xdb: return memoryDB(operation)
    case 0xdc: return arithmetic(operation, X87Handlers.arithmeticReal64)
    case 0xdd: return memoryDD(operation)
    case 0xde: return arithmetic(operation, X87Handlers.arithmeticInteger16)
    default: return memoryDF(operation)
    }
  }

  private static func memoryD9(_ operation: UInt8) -> X87Form? {
    switch operation {
    case 0: load(X87Handlers.loadReal32)
    case 2: store(X87Handlers.storeReal32, pops: false)
    case 3: store(X87Handlers.storeReal32)
    case 4: X87Form(handler: X87Handlers.loadEnvironment, timing: .x87Environment)
    case 5: X87Form(handler: X87Handlers.loadControl, timing: .x87Control, memoryTiming: .load)
    case 6: X87Form(handler: X87Handlers.storeEnvironment, timing: .x87Environment)
    case 7: X87Form(handler: X87Handlers.storeControl, timing: .x87Control, memoryTiming: .store)
    default: nil
    }
  }

  private static func memoryDB(_ operation: UInt8) -> X87Form? {
    switch operation {
    case 0: load(X87Handlers.loadInteger32)
    case 1: store(X87Handlers.truncateToInteger32)
    case 2: store(X87Handlers.storeInteger32, pops: false)
    case 3: store(X87Handlers.storeInteger32)
    case 5: load(X87Handlers.loadExtended)
    case 7: store(X87Handlers.storeExtended)
    default: nil
    }
  }

  private static func memoryDD(_ operation: UInt8) -> X87Form? {
    switch operation {
    case 0: load(X87Handlers.loadReal64)
    case 1: store(X87Handlers.truncateToInteger64)
    case 2: store(X87Handlers.storeReal64, pops: false)
    case 3: store(X87Handlers.storeReal64)
    case 4: X87Form(handler: X87Handlers.restoreState, timing: .x87StateRestore)
    case 6: X87Form(handler: X87Handlers.saveState, timing: .x87StateSave)
    case 7: X87Form(handler: X87Handlers.storeStatus, timing: .x87Control, memoryTiming: .store)
    default: nil
    }
  }

  private static func memoryDF(_ operation: UInt8) -> X87Form? {
    switch operation {
    case 0: load(X87Handlers.loadInteger16)
    case 1: store(X87Handlers.truncateToInteger16)
    case 2: store(X87Handlers.storeInteger16, pops: false)
    case 3: store(X87Handlers.storeInteger16)
    case 4: X87Form(handler: X87Handlers.loadDecimal, timing: .x87Decimal)
    case 5: load(X87Handlers.loadInteger64)
    case 6: X87Form(handler: X87Handlers.storeDecimal, timing: .x87Decimal)
    default: store(X87Handlers.storeInteger64)
    }
  }

  private static func arithmetic(_ operation: UInt8, _ handler: @escaping Handler) -> X87Form {
    X87Form(
      handler: handler, destination: operation, timing: operation >= 6 ? .x87Divide : .x87,
      memoryTiming: .load)
  }

  private static func load(_ handler: @escaping Handler) -> X87Form {
    X87Form(handler: handler, memoryTiming: .load)
  }

  private static func store(_ handler: @escaping Handler, pops: Bool = true) -> X87Form {
    X87Form(handler: handler, destination: pops ? 1 : 0, memoryTiming: .store)
  }
}

extension X87RegisterOperation {
  fileprivate var timing: TimingClass {
    switch self {
    case .squareRoot: .x87Divide
    case .remainder, .remainderToNearest, .scale, .extract, .roundToInteger: .x87Remainder
    case .exponential, .logarithm, .logarithmPlus1, .tangent, .arctangent, .sine, .cosine,
      .sineAndCosine:
      .x87Transcendental
    default: .x87
    }
  }
}
