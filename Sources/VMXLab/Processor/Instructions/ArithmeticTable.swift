import CCapstone

// The table of two-operand arithmetic. A C function pointer cannot be made from a generic function,
// so every combination of operation, operand shape and width is written out.
extension InstructionForm {
  static let arithmetic: [InstructionForm] = [
    InstructionForm(X86_INS_ADD, .alu, lockable: true) { addHandlers.select($0, &$1) },
    InstructionForm(X86_INS_OR, .alu, lockable: true) { orHandlers.select($0, &$1) },
    InstructionForm(X86_INS_ADC, .alu, lockable: true) { adcHandlers.select($0, &$1) },
    InstructionForm(X86_INS_SBB, .alu, lockable: true) { sbbHandlers.select($0, &$1) },
    InstructionForm(X86_INS_AND, .alu, lockable: true) { andHandlers.select($0, &$1) },
    InstructionForm(X86_INS_SUB, .alu, lockable: true) { subHandlers.select($0, &$1) },
    InstructionForm(X86_INS_XOR, .alu, lockable: true) { xorHandlers.select($0, &$1) },
    InstructionForm(X86_INS_CMP, .alu) { cmpHandlers.select($0, &$1) },
    InstructionForm(X86_INS_TEST, .alu) { testHandlers.select($0, &$1) },
  ]

  private static let addHandlers = BinaryHandlers(
    registerRegister: WidthHandlers(
      { binaryRR(Addition.self, UInt8.self, $0, $1) },
      { binaryRR(Addition.self, UInt16.self, $0, $1) },
      { binaryRR(Addition.self, UInt32.self, $0, $1) },
      { binaryRR(Addition.self, UInt64.self, $0, $1) }),
    registerMemory: WidthHandlers(
      { binaryRM(Addition.self, UInt8.self, $0, $1) },
      { binaryRM(Addition.self, UInt16.self, $0, $1) },
      { binaryRM(Addition.self, UInt32.self, $0, $1) },
      { binaryRM(Addition.self, UInt64.self, $0, $1) }),
    memoryRegister: WidthHandlers(
      { binaryMR(Addition.self, UInt8.self, $0, $1) },
      { binaryMR(Addition.self, UInt16.self, $0, $1) },
      { binaryMR(Addition.self, UInt32.self, $0, $1) },
      { binaryMR(Addition.self, UInt64.self, $0, $1) }),
    registerImmediate: WidthHandlers(
      { binaryRI(Addition.self, UInt8.self, $0, $1) },
      { binaryRI(Addition.self, UInt16.self, $0, $1) },
      { binaryRI(Addition.self, UInt32.self, $0, $1) },
      { binaryRI(Addition.self, UInt64.self, $0, $1) }),
    memoryImmediate: WidthHandlers(
      { binaryMI(Addition.self, UInt8.self, $0, $1) },
      { binaryMI(Addition.self, UInt16.self, $0, $1) },
      { binaryMI(Addition.self, UInt32.self, $0, $1) },
      { binaryMI(Addition.self, UInt64.self, $0, $1) }))

  private static let orHandlers = BinaryHandlers(
    registerRegister: WidthHandlers(
      { binaryRR(Disjunction.self, UInt8.self, $0, $1) },
      { binaryRR(Disjunction.self, UInt16.self, $0, $1) },
      { binaryRR(Disjunction.self, UInt32.self, $0, $1) },
      { binaryRR(Disjunction.self, UInt64.self, $0, $1) }),
    registerMemory: WidthHandlers(
      { binaryRM(Disjunction.self, UInt8.self, $0, $1) },
      { binaryRM(Disjunction.self, UInt16.self, $0, $1) },
      { binaryRM(Disjunction.self, UInt32.self, $0, $1) },
      { binaryRM(Disjunction.self, UInt64.self, $0, $1) }),
    memoryRegister: WidthHandlers(
      { binaryMR(Disjunction.self, UInt8.self, $0, $1) },
      { binaryMR(Disjunction.self, UInt16.self, $0, $1) },
      { binaryMR(Disjunction.self, UInt32.self, $0, $1) },
      { binaryMR(Disjunction.self, UInt64.self, $0, $1) }),
    registerImmediate: WidthHandlers(
      { binaryRI(Disjunction.self, UInt8.self, $0, $1) },
      { binaryRI(Disjunction.self, UInt16.self, $0, $1) },
      { binaryRI(Disjunction.self, UInt32.self, $0, $1) },
      { binaryRI(Disjunction.self, UInt64.self, $0, $1) }),
    memoryImmediate: WidthHandlers(
      { binaryMI(Disjunction.self, UInt8.self, $0, $1) },
      { binaryMI(Disjunction.self, UInt16.self, $0, $1) },
      { binaryMI(Disjunction.self, UInt32.self, $0, $1) },
      { binaryMI(Disjunction.self, UInt64.self, $0, $1) }))

  private static let adcHandlers = BinaryHandlers(
    registerRegister: WidthHandlers(
      { binaryRR(AdditionWithCarry.self, UInt8.self, $0, $1) },
      { binaryRR(AdditionWithCarry.self, UInt16.self, $0, $1) },
      { binaryRR(AdditionWithCarry.self, UInt32.self, $0, $1) },
      { binaryRR(AdditionWithCarry.self, UInt64.self, $0, $1) }),
    registerMemory: WidthHandlers(
      { binaryRM(AdditionWithCarry.self, UInt8.self, $0, $1) },
      { binaryRM(AdditionWithCarry.self, UInt16.self, $0, $1) },
      { binaryRM(AdditionWithCarry.self, UInt32.self, $0, $1) },
      { binaryRM(AdditionWithCarry.self, UInt64.self, $0, $1) }),
    memoryRegister: WidthHandlers(
      { binaryMR(AdditionWithCarry.self, UInt8.self, $0, $1) },
      { binaryMR(AdditionWithCarry.self, UInt16.self, $0, $1) },
      { binaryMR(AdditionWithCarry.self, UInt32.self, $0, $1) },
      { binaryMR(AdditionWithCarry.self, UInt64.self, $0, $1) }),
    registerImmediate: WidthHandlers(
      { binaryRI(AdditionWithCarry.self, UInt8.self, $0, $1) },
      { binaryRI(AdditionWithCarry.self, UInt16.self, $0, $1) },
      { binaryRI(AdditionWithCarry.self, UInt32.self, $0, $1) },
      { binaryRI(AdditionWithCarry.self, UInt64.self, $0, $1) }),
    memoryImmediate: WidthHandlers(
      { binaryMI(AdditionWithCarry.self, UInt8.self, $0, $1) },
      { binaryMI(AdditionWithCarry.self, UInt16.self, $0, $1) },
      { binaryMI(AdditionWithCarry.self, UInt32.self, $0, $1) },
      { binaryMI(AdditionWithCarry.self, UInt64.self, $0, $1) }))

  private static let sbbHandlers = BinaryHandlers(
    registerRegister: WidthHandlers(
      { binaryRR(SubtractionWithBorrow.self, UInt8.self, $0, $1) },
      { binaryRR(SubtractionWithBorrow.self, UInt16.self, $0, $1) },
      { binaryRR(SubtractionWithBorrow.self, UInt32.self, $0, $1) },
      { binaryRR(SubtractionWithBorrow.self, UInt64.self, $0, $1) }),
    registerMemory: WidthHandlers(
      { binaryRM(SubtractionWithBorrow.self, UInt8.self, $0, $1) },
      { binaryRM(SubtractionWithBorrow.self, UInt16.self, $0, $1) },
      { binaryRM(SubtractionWithBorrow.self, UInt32.self, $0, $1) },
      { binaryRM(SubtractionWithBorrow.self, UInt64.self, $0, $1) }),
    memoryRegister: WidthHandlers(
      { binaryMR(SubtractionWithBorrow.self, UInt8.self, $0, $1) },
      { binaryMR(SubtractionWithBorrow.self, UInt16.self, $0, $1) },
      { binaryMR(SubtractionWithBorrow.self, UInt32.self, $0, $1) },
      { binaryMR(SubtractionWithBorrow.self, UInt64.self, $0, $1) }),
    registerImmediate: WidthHandlers(
      { binaryRI(SubtractionWithBorrow.self, UInt8.self, $0, $1) },
      { binaryRI(SubtractionWithBorrow.self, UInt16.self, $0, $1) },
      { binaryRI(SubtractionWithBorrow.self, UInt32.self, $0, $1) },
      { binaryRI(SubtractionWithBorrow.self, UInt64.self, $0, $1) }),
    memoryImmediate: WidthHandlers(
      { binaryMI(SubtractionWithBorrow.self, UInt8.self, $0, $1) },
      { binaryMI(SubtractionWithBorrow.self, UInt16.self, $0, $1) },
      { binaryMI(SubtractionWithBorrow.self, UInt32.self, $0, $1) },
      { binaryMI(SubtractionWithBorrow.self, UInt64.self, $0, $1) }))

  private static let andHandlers = BinaryHandlers(
    registerRegister: WidthHandlers(
      { binaryRR(Conjunction.self, UInt8.self, $0, $1) },
      { binaryRR(Conjunction.self, UInt16.self, $0, $1) },
      { binaryRR(Conjunction.self, UInt32.self, $0, $1) },
      { binaryRR(Conjunction.self, UInt64.self, $0, $1) }),
    registerMemory: WidthHandlers(
      { binaryRM(Conjunction.self, UInt8.self, $0, $1) },
      { binaryRM(Conjunction.self, UInt16.self, $0, $1) },
      { binaryRM(Conjunction.self, UInt32.self, $0, $1) },
      { binaryRM(Conjunction.self, UInt64.self, $0, $1) }),
    memoryRegister: WidthHandlers(
      { binaryMR(Conjunction.self, UInt8.self, $0, $1) },
      { binaryMR(Conjunction.self, UInt16.self, $0, $1) },
      { binaryMR(Conjunction.self, UInt32.self, $0, $1) },
      { binaryMR(Conjunction.self, UInt64.self, $0, $1) }),
    registerImmediate: WidthHandlers(
      { binaryRI(Conjunction.self, UInt8.self, $0, $1) },
      { binaryRI(Conjunction.self, UInt16.self, $0, $1) },
      { binaryRI(Conjunction.self, UInt32.self, $0, $1) },
      { binaryRI(Conjunction.self, UInt64.self, $0, $1) }),
    memoryImmediate: WidthHandlers(
      { binaryMI(Conjunction.self, UInt8.self, $0, $1) },
      { binaryMI(Conjunction.self, UInt16.self, $0, $1) },
      { binaryMI(Conjunction.self, UInt32.self, $0, $1) },
      { binaryMI(Conjunction.self, UInt64.self, $0, $1) }))

  private static let subHandlers = BinaryHandlers(
    registerRegister: WidthHandlers(
      { binaryRR(Subtraction.self, UInt8.self, $0, $1) },
      { binaryRR(Subtraction.self, UInt16.self, $0, $1) },
      { binaryRR(Subtraction.self, UInt32.self, $0, $1) },
      { binaryRR(Subtraction.self, UInt64.self, $0, $1) }),
    registerMemory: WidthHandlers(
      { binaryRM(Subtraction.self, UInt8.self, $0, $1) },
      { binaryRM(Subtraction.self, UInt16.self, $0, $1) },
      { binaryRM(Subtraction.self, UInt32.self, $0, $1) },
      { binaryRM(Subtraction.self, UInt64.self, $0, $1) }),
    memoryRegister: WidthHandlers(
      { binaryMR(Subtraction.self, UInt8.self, $0, $1) },
      { binaryMR(Subtraction.self, UInt16.self, $0, $1) },
      { binaryMR(Subtraction.self, UInt32.self, $0, $1) },
      { binaryMR(Subtraction.self, UInt64.self, $0, $1) }),
    registerImmediate: WidthHandlers(
      { binaryRI(Subtraction.self, UInt8.self, $0, $1) },
      { binaryRI(Subtraction.self, UInt16.self, $0, $1) },
      { binaryRI(Subtraction.self, UInt32.self, $0, $1) },
      { binaryRI(Subtraction.self, UInt64.self, $0, $1) }),
    memoryImmediate: WidthHandlers(
      { binaryMI(Subtraction.self, UInt8.self, $0, $1) },
      { binaryMI(Subtraction.self, UInt16.self, $0, $1) },
      { binaryMI(Subtraction.self, UInt32.self, $0, $1) },
      { binaryMI(Subtraction.self, UInt64.self, $0, $1) }))

  private static let xorHandlers = BinaryHandlers(
    registerRegister: WidthHandlers(
      { binaryRR(ExclusiveDisjunction.self, UInt8.self, $0, $1) },
      { binaryRR(ExclusiveDisjunction.self, UInt16.self, $0, $1) },
      { binaryRR(ExclusiveDisjunction.self, UInt32.self, $0, $1) },
      { binaryRR(ExclusiveDisjunction.self, UInt64.self, $0, $1) }),
    registerMemory: WidthHandlers(
      { binaryRM(ExclusiveDisjunction.self, UInt8.self, $0, $1) },
      { binaryRM(ExclusiveDisjunction.self, UInt16.self, $0, $1) },
      { binaryRM(ExclusiveDisjunction.self, UInt32.self, $0, $1) },
      { binaryRM(ExclusiveDisjunction.self, UInt64.self, $0, $1) }),
    memoryRegister: WidthHandlers(
      { binaryMR(ExclusiveDisjunction.self, UInt8.self, $0, $1) },
      { binaryMR(ExclusiveDisjunction.self, UInt16.self, $0, $1) },
      { binaryMR(ExclusiveDisjunction.self, UInt32.self, $0, $1) },
      { binaryMR(ExclusiveDisjunction.self, UInt64.self, $0, $1) }),
    registerImmediate: WidthHandlers(
      { binaryRI(ExclusiveDisjunction.self, UInt8.self, $0, $1) },
      { binaryRI(ExclusiveDisjunction.self, UInt16.self, $0, $1) },
      { binaryRI(ExclusiveDisjunction.self, UInt32.self, $0, $1) },
      { binaryRI(ExclusiveDisjunction.self, UInt64.self, $0, $1) }),
    memoryImmediate: WidthHandlers(
      { binaryMI(ExclusiveDisjunction.self, UInt8.self, $0, $1) },
      { binaryMI(ExclusiveDisjunction.self, UInt16.self, $0, $1) },
      { binaryMI(ExclusiveDisjunction.self, UInt32.self, $0, $1) },
      { binaryMI(ExclusiveDisjunction.self, UInt64.self, $0, $1) }))

  private static let cmpHandlers = BinaryHandlers(
    registerRegister: WidthHandlers(
      { compareRR(Subtraction.self, UInt8.self, $0, $1) },
      { compareRR(Subtraction.self, UInt16.self, $0, $1) },
      { compareRR(Subtraction.self, UInt32.self, $0, $1) },
      { compareRR(Subtraction.self, UInt64.self, $0, $1) }),
    registerMemory: WidthHandlers(
      { compareRM(Subtraction.self, UInt8.self, $0, $1) },
      { compareRM(Subtraction.self, UInt16.self, $0, $1) },
      { compareRM(Subtraction.self, UInt32.self, $0, $1) },
      { compareRM(Subtraction.self, UInt64.self, $0, $1) }),
    memoryRegister: WidthHandlers(
      { compareMR(Subtraction.self, UInt8.self, $0, $1) },
      { compareMR(Subtraction.self, UInt16.self, $0, $1) },
      { compareMR(Subtraction.self, UInt32.self, $0, $1) },
      { compareMR(Subtraction.self, UInt64.self, $0, $1) }),
    registerImmediate: WidthHandlers(
      { compareRI(Subtraction.self, UInt8.self, $0, $1) },
      { compareRI(Subtraction.self, UInt16.self, $0, $1) },
      { compareRI(Subtraction.self, UInt32.self, $0, $1) },
      { compareRI(Subtraction.self, UInt64.self, $0, $1) }),
    memoryImmediate: WidthHandlers(
      { compareMI(Subtraction.self, UInt8.self, $0, $1) },
      { compareMI(Subtraction.self, UInt16.self, $0, $1) },
      { compareMI(Subtraction.self, UInt32.self, $0, $1) },
      { compareMI(Subtraction.self, UInt64.self, $0, $1) }),
    destinationTiming: .load)

  private static let testHandlers = BinaryHandlers(
    registerRegister: WidthHandlers(
      { compareRR(Conjunction.self, UInt8.self, $0, $1) },
      { compareRR(Conjunction.self, UInt16.self, $0, $1) },
      { compareRR(Conjunction.self, UInt32.self, $0, $1) },
      { compareRR(Conjunction.self, UInt64.self, $0, $1) }),
    registerMemory: WidthHandlers(
      { compareRM(Conjunction.self, UInt8.self, $0, $1) },
      { compareRM(Conjunction.self, UInt16.self, $0, $1) },
      { compareRM(Conjunction.self, UInt32.self, $0, $1) },
      { compareRM(Conjunction.self, UInt64.self, $0, $1) }),
    memoryRegister: WidthHandlers(
      { compareMR(Conjunction.self, UInt8.self, $0, $1) },
      { compareMR(Conjunction.self, UInt16.self, $0, $1) },
      { compareMR(Conjunction.self, UInt32.self, $0, $1) },
      { compareMR(Conjunction.self, UInt64.self, $0, $1) }),
    registerImmediate: WidthHandlers(
      { compareRI(Conjunction.self, UInt8.self, $0, $1) },
      { compareRI(Conjunction.self, UInt16.self, $0, $1) },
      { compareRI(Conjunction.self, UInt32.self, $0, $1) },
      { compareRI(Conjunction.self, UInt64.self, $0, $1) }),
    memoryImmediate: WidthHandlers(
      { compareMI(Conjunction.self, UInt8.self, $0, $1) },
      { compareMI(Conjunction.self, UInt16.self, $0, $1) },
      { compareMI(Conjunction.self, UInt32.self, $0, $1) },
      { compareMI(Conjunction.self, UInt64.self, $0, $1) }),
    destinationTiming: .load)

}
