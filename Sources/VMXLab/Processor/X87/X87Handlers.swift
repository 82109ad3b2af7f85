// Handlers of the x87 instructions: one for each shape of operands. What they do is in
// `Instruction.destination` and `source`; the opcode for the last-opcode register in `immediate`.

/// Runs an instruction on registers.
@inline(__always)
private func x87(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer,
  _ body: (inout X87State, UnsafePointer<Instruction>) -> Void
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseX87() else { return core.leave(i) }
  body(&core.state.pointee.x87, i.pointer)
  core.noteX87(i)
  return core.next(i)
}

/// Runs an instruction that reads memory.
@inline(__always)
private func x87Load<W: OperandWidth>(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, _ width: W.Type,
  _ body: (inout X87State, W, UnsafePointer<Instruction>) -> Void
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseX87(), let value = core.load(i, width) else { return core.leave(i) }
  body(&core.state.pointee.x87, value, i.pointer)
  core.noteX87Memory(i)
  return core.nextAfterSlowAccess(i)
}

/// Runs an instruction that writes memory, if `body` returns something to write, and then pops if
/// `destination` is not 0.
@inline(__always)
private func x87Store<W: OperandWidth>(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, _ width: W.Type,
  _ body: (inout X87State) -> UInt64?
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseX87() else { return core.leave(i) }
  let status = core.state.pointee.x87.statusWithoutTop
  if let value = body(&core.state.pointee.x87) {
    guard core.store(i, W(low: value)) else {
      core.state.pointee.x87.statusWithoutTop = status
      return core.leave(i)
    }
    if i.pointer.pointee.destination != 0 { core.state.pointee.x87.pop() }
  }
  core.noteX87Memory(i)
  return core.nextAfterSlowAccess(i)
}

/// Runs an instruction on the control registers; `body` returns false if it faults.
@inline(__always)
private func x87Control(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, waits: Bool,
  _ body: (Core, InstructionReference) -> Bool
) {
  let core = Core(state)
  let i = InstructionReference(i)
  let isAllowed = waits ? core.canUseX87() : core.canUseX87WithoutWaiting()
  guard isAllowed, body(core, i) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

/// The handlers by shape.
enum X87Handlers {
  // MARK: Arithmetic. The operation is in `destination`, i in `source`.

  static let arithmeticToST0: Handler = { state, i in
    x87(state, i) { x87, i in
      x87.arithmetic(
        X87Operation(field: i.pointee.destination), register: i.pointee.source, toST0: true,
        pops: false)
    }
  }
  static let arithmeticToSTi: Handler = { state, i in
    x87(state, i) { x87, i in
      x87.arithmetic(
        X87Operation(field: i.pointee.destination), register: i.pointee.source, toST0: false,
        pops: false)
    }
  }
  static let arithmeticAndPop: Handler = { state, i in
    x87(state, i) { x87, i in
      x87.arithmetic(
        X87Operation(field: i.pointee.destination), register: i.pointee.source, toST0: false,
        pops: true)
    }
  }
  static let arithmeticReal32: Handler = { state, i in
    x87Load(state, i, UInt32.self) { x87, value, i in
      x87.arithmetic(
        X87Operation(field: i.pointee.destination), operand: X87State.real32(value))
    }
  }
  static let arithmeticReal64: Handler = { state, i in
    x87Load(state, i, UInt64.self) { x87, value, i in
      x87.arithmetic(
        X87Operation(field: i.pointee.destination), operand: X87State.real64(value))
    }
  }
  static let arithmeticInteger16: Handler = { state, i in
    x87Load(state, i, UInt16.self) { x87, value, i in
      x87.arithmetic(
        X87Operation(field: i.pointee.destination), operand: X87State.integer(Int64(value.signed)))
    }
  }
  static let arithmeticInteger32: Handler = { state, i in
    x87Load(state, i, UInt32.self) { x87, value, i in
      x87.arithmetic(
        X87Operation(field: i.pointee.destination), operand: X87State.integer(Int64(value.signed)))
    }
  }

  // MARK: Comparisons. `destination`: pops in bits 1:0, quiet in bit 2.

  static let compare: Handler = { state, i in
    x87(state, i) { x87, i in
      x87.compare(
        register: i.pointee.source, isQuiet: i.pointee.destination & 4 != 0,
        pops: i.pointee.destination & 3)
    }
  }
  static let compareToFlags: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseX87() else { return core.leave(i) }
    let flags = core.state.pointee.x87.compareToFlags(
      register: i.pointer.pointee.source, isQuiet: i.pointer.pointee.destination & 4 != 0,
      pops: i.pointer.pointee.destination & 3)
    core.state.pointee.lazy.load(flags)
    core.noteX87(i)
    return core.nextAfterSlowAccess(i)
  }

  // MARK: Registers

  /// `source` is an `X87RegisterOperation`.
  static let register: Handler = { state, i in
    x87(state, i) { x87, i in
      x87.run(X87RegisterOperation(rawValue: i.pointee.source) ?? .nothing)
    }
  }
  /// `destination` is an `X87StackOperation`, `source` is i.
  static let stack: Handler = { state, i in
    x87(state, i) { x87, i in
      x87.run(X87StackOperation(rawValue: i.pointee.destination) ?? .load, i.pointee.source)
    }
  }
  /// `source` is the constant's number.
  static let constant: Handler = { state, i in
    x87(state, i) { x87, i in
      x87.load(X87Constants.value(i.pointee.source, x87.environment.rounding))
    }
  }
  /// `destination`: condition in bits 1:0 (B, E, BE, U), inverted by bit 2.
  static let conditionalMove: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseX87() else { return core.leave(i) }
    let selector = i.pointer.pointee.destination
    let lazy = core.state.pointee.lazy
    let holds =
      switch selector & 3 {
      case 0: lazy.cf
      case 1: lazy.zf
      case 2: lazy.cf || lazy.zf
      default: lazy.pf
      }
    core.state.pointee.x87.conditionalMove(
      i.pointer.pointee.source, holds != (selector & 4 != 0))
    core.noteX87(i)
    return core.nextAfterSlowAccess(i)
  }

  // MARK: Loads

  static let loadReal32: Handler = { state, i in
    x87Load(state, i, UInt32.self) { x87, value, _ in x87.load(X87State.real32(value)) }
  }
  static let loadReal64: Handler = { state, i in
    x87Load(state, i, UInt64.self) { x87, value, _ in x87.load(X87State.real64(value)) }
  }
  static let loadInteger16: Handler = { state, i in
    x87Load(state, i, UInt16.self) { x87, value, _ in
      x87.load(X87State.integer(Int64(value.signed)))
    }
  }
  static let loadInteger32: Handler = { state, i in
    x87Load(state, i, UInt32.self) { x87, value, _ in
      x87.load(X87State.integer(Int64(value.signed)))
    }
  }
  static let loadInteger64: Handler = { state, i in
    x87Load(state, i, UInt64.self) { x87, value, _ in
      x87.load(X87State.integer(value.signed))
    }
  }
  static let loadExtended: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseX87(), let value = core.loadExtended(i) else { return core.leave(i) }
    core.state.pointee.x87.load(value)
    core.noteX87Memory(i)
    return core.nextAfterSlowAccess(i)
  }
  static let loadDecimal: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseX87(), let value = core.loadExtended(i) else { return core.leave(i) }
    core.state.pointee.x87.load(decimal: value.significand, value.signExponent)
    core.noteX87Memory(i)
    return core.nextAfterSlowAccess(i)
  }

  // MARK: Stores. They pop if `destination` is not 0.

  static let storeReal32: Handler = { state, i in
    x87Store(state, i, UInt32.self) { $0.real(.binary32) }
  }
  static let storeReal64: Handler = { state, i in
    x87Store(state, i, UInt64.self) { $0.real(.binary64) }
  }
  static let storeInteger16: Handler = { state, i in
    x87Store(state, i, UInt16.self) { $0.integer(bitCount: 16, truncates: false) }
  }
  static let storeInteger32: Handler = { state, i in
    x87Store(state, i, UInt32.self) { $0.integer(bitCount: 32, truncates: false) }
  }
  static let storeInteger64: Handler = { state, i in
    x87Store(state, i, UInt64.self) { $0.integer(bitCount: 64, truncates: false) }
  }
  static let truncateToInteger16: Handler = { state, i in
    x87Store(state, i, UInt16.self) { $0.integer(bitCount: 16, truncates: true) }
  }
  static let truncateToInteger32: Handler = { state, i in
    x87Store(state, i, UInt32.self) { $0.integer(bitCount: 32, truncates: true) }
  }
  static let truncateToInteger64: Handler = { state, i in
    x87Store(state, i, UInt64.self) { $0.integer(bitCount: 64, truncates: true) }
  }
  static let storeExtended: Handler = { state, i in
    storeTenBytes(state, i) { $0.extended() }
  }
  static let storeDecimal: Handler = { state, i in
    storeTenBytes(state, i) {
      $0.decimal().map { DoubleExtended(significand: $0.low, signExponent: $0.high) }
    }
  }

  @inline(__always)
  private static func storeTenBytes(
    _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer,
    _ body: (inout X87State) -> DoubleExtended?
  ) {
    let core = Core(state)
    let i = InstructionReference(i)
    guard core.canUseX87() else { return core.leave(i) }
    let status = core.state.pointee.x87.statusWithoutTop
    if let value = body(&core.state.pointee.x87) {
      guard core.storeExtended(i, value) else {
        core.state.pointee.x87.statusWithoutTop = status
        return core.leave(i)
      }
      core.state.pointee.x87.pop()
    }
    core.noteX87Memory(i)
    return core.nextAfterSlowAccess(i)
  }

  // MARK: Control

  /// FNOP runs as other waiting instructions do.
  static let nothing: Handler = { state, i in x87(state, i) { _, _ in } }
  /// FENI, FDISI and FSETPM do nothing since the 80387.
  static let ignored: Handler = { state, i in
    x87Control(state, i, waits: false) { _, _ in true }
  }
  static let initialize: Handler = { state, i in
    x87Control(state, i, waits: false) { core, _ in
      core.state.pointee.x87.initialize()
      core.state.pointee.updateNumericError()
      return true
    }
  }
  static let clearExceptions: Handler = { state, i in
    x87Control(state, i, waits: false) { core, _ in
      core.state.pointee.x87.statusWithoutTop &= X87Status.conditions
      core.state.pointee.updateNumericError()
      return true
    }
  }
  static let loadControl: Handler = { state, i in
    x87Control(state, i, waits: true) { core, i in
      guard let value = core.load(i, UInt16.self) else { return false }
      core.state.pointee.x87.control = value & X87State.controlMask | 0x40
      core.state.pointee.updateNumericError()
      return true
    }
  }
  static let storeControl: Handler = { state, i in
    x87Control(state, i, waits: false) { core, i in core.store(i, core.state.pointee.x87.control) }
  }
  static let storeStatus: Handler = { state, i in
    x87Control(state, i, waits: false) { core, i in core.store(i, core.state.pointee.x87.status) }
  }
  static let storeStatusToAX: Handler = { state, i in
    x87Control(state, i, waits: false) { core, _ in
      core.setRegister(RegisterOffset.general(0), core.state.pointee.x87.status)
      return true
    }
  }
  static let storeEnvironment: Handler = { state, i in
    x87Control(state, i, waits: false) { core, i in core.storeEnvironment(i, registers: false) }
  }
  static let loadEnvironment: Handler = { state, i in
    x87Control(state, i, waits: true) { core, i in core.loadEnvironment(i, registers: false) }
  }
  static let saveState: Handler = { state, i in
    x87Control(state, i, waits: false) { core, i in core.storeEnvironment(i, registers: true) }
  }
  static let restoreState: Handler = { state, i in
    x87Control(state, i, waits: true) { core, i in core.loadEnvironment(i, registers: true) }
  }
  /// WAIT minds CR0.MP rather than CR0.EM.
  static let wait: Handler = { state, i in
    let core = Core(state)
    let i = InstructionReference(i)
    let blocking = CR0.mp.rawValue | CR0.ts.rawValue
    if core.state.pointee.cr0.rawValue & blocking == blocking {
      core.state.pointee.raise(.deviceNotAvailable)
      return core.leave(i)
    }
    if core.state.pointee.x87.hasPendingException, !core.state.pointee.passNumericError() {
      return core.leave(i)
    }
    return core.nextAfterSlowAccess(i)
  }
}

extension Core {
  fileprivate func loadExtended(_ i: InstructionReference) -> DoubleExtended? {
    var value = DoubleExtended.zero
    let isLoaded = withUnsafeMutableBytes(of: &value) { bytes in
      guard let base = bytes.baseAddress else { return false }
      return loadX87(i, byteCount: 10, alignmentMask: 7, into: base)
    }
    return isLoaded ? value : nil
  }

  fileprivate func storeExtended(_ i: InstructionReference, _ value: DoubleExtended) -> Bool {
    withUnsafeBytes(of: value) { bytes in
      guard let base = bytes.baseAddress else { return false }
      return storeX87(i, byteCount: 10, alignmentMask: 7, from: base)
    }
  }
}
