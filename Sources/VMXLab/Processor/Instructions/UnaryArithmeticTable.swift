import CCapstone

// The table of one-operand arithmetic: INC, DEC, NEG, NOT.
extension InstructionForm {
  static let unaryArithmetic: [InstructionForm] = [
    InstructionForm(X86_INS_INC, .alu, lockable: true) { incrementHandlers.select($0, &$1) },
    InstructionForm(X86_INS_DEC, .alu, lockable: true) { decrementHandlers.select($0, &$1) },
    InstructionForm(X86_INS_NEG, .alu, lockable: true) { negationHandlers.select($0, &$1) },
    InstructionForm(X86_INS_NOT, .alu, lockable: true) { complementHandlers.select($0, &$1) },
  ]
}

private let incrementHandlers = UnaryHandlers(
  register: WidthHandlers(
    { unaryR(Increment.self, UInt8.self, $0, $1) },
    { unaryR(Increment.self, UInt16.self, $0, $1) },
    { unaryR(Increment.self, UInt32.self, $0, $1) },
    { unaryR(Increment.self, UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    { unaryM(Increment.self, UInt8.self, $0, $1) },
    { unaryM(Increment.self, UInt16.self, $0, $1) },
    { unaryM(Increment.self, UInt32.self, $0, $1) },
    { unaryM(Increment.self, UInt64.self, $0, $1) }))

private let decrementHandlers = UnaryHandlers(
  register: WidthHandlers(
    { unaryR(Decrement.self, UInt8.self, $0, $1) },
    { unaryR(Decrement.self, UInt16.self, $0, $1) },
    { unaryR(Decrement.self, UInt32.self, $0, $1) },
    { unaryR(Decrement.self, UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    { unaryM(Decrement.self, UInt8.self, $0, $1) },
    { unaryM(Decrement.self, UInt16.self, $0, $1) },
    { unaryM(Decrement.self, UInt32.self, $0, $1) },
    { unaryM(Decrement.self, UInt64.self, $0, $1) }))

private let negationHandlers = UnaryHandlers(
  register: WidthHandlers(
    { unaryR(Negation.self, UInt8.self, $0, $1) },
    { unaryR(Negation.self, UInt16.self, $0, $1) },
    { unaryR(Negation.self, UInt32.self, $0, $1) },
    { unaryR(Negation.self, UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    { unaryM(Negation.self, UInt8.self, $0, $1) },
    { unaryM(Negation.self, UInt16.self, $0, $1) },
    { unaryM(Negation.self, UInt32.self, $0, $1) },
    { unaryM(Negation.self, UInt64.self, $0, $1) }))

private let complementHandlers = UnaryHandlers(
  register: WidthHandlers(
    { unaryR(Complement.self, UInt8.self, $0, $1) },
    { unaryR(Complement.self, UInt16.self, $0, $1) },
    { unaryR(Complement.self, UInt32.self, $0, $1) },
    { unaryR(Complement.self, UInt64.self, $0, $1) }),
  memory: WidthHandlers(
    { unaryM(Complement.self, UInt8.self, $0, $1) },
    { unaryM(Complement.self, UInt16.self, $0, $1) },
    { unaryM(Complement.self, UInt32.self, $0, $1) },
    { unaryM(Complement.self, UInt64.self, $0, $1) }))
