/// A handler for legacy encodings and one for VEX.
private struct EncodingHandlers: Sendable {
  let legacy: Handler
  let vex: Handler

  init(_ legacy: @escaping Handler, _ vex: @escaping Handler) {
    self.legacy = legacy
    self.vex = vex
  }
}

/// Handlers of a shape by where its rm operand is.
private struct ShapeHandlers: Sendable {
  let register: EncodingHandlers?
  let memory: EncodingHandlers?
}

private let plainHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { computeVector($0, $1, vex: false, .register) },
    { computeVector($0, $1, vex: true, .register) }),
  memory: EncodingHandlers(
    { computeVector($0, $1, vex: false, .memory) },
    { computeVector($0, $1, vex: true, .memory) }))

private let plainGeneralHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { computeVector($0, $1, vex: false, .general) },
    { computeVector($0, $1, vex: true, .general) }),
  memory: plainHandlers.memory)

private let floatingPointHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { computeFloatingPoint($0, $1, vex: false, .register) },
    { computeFloatingPoint($0, $1, vex: true, .register) }),
  memory: EncodingHandlers(
    { computeFloatingPoint($0, $1, vex: false, .memory) },
    { computeFloatingPoint($0, $1, vex: true, .memory) }))

private let floatingPointGeneralHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { computeFloatingPoint($0, $1, vex: false, .general) },
    { computeFloatingPoint($0, $1, vex: true, .general) }),
  memory: floatingPointHandlers.memory)

private let ternaryHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { computeFloatingPoint($0, $1, vex: false, .register, .destination) },
    { computeFloatingPoint($0, $1, vex: true, .register, .destination) }),
  memory: EncodingHandlers(
    { computeFloatingPoint($0, $1, vex: false, .memory, .destination) },
    { computeFloatingPoint($0, $1, vex: true, .memory, .destination) }))

private let selectedHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { computeFloatingPoint($0, $1, vex: false, .register, .selected) },
    { computeFloatingPoint($0, $1, vex: true, .register, .selected) }),
  memory: EncodingHandlers(
    { computeFloatingPoint($0, $1, vex: false, .memory, .selected) },
    { computeFloatingPoint($0, $1, vex: true, .memory, .selected) }))

private let toGeneralHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { computeGeneral($0, $1, vex: false, .register) },
    { computeGeneral($0, $1, vex: true, .register) }),
  memory: EncodingHandlers(
    { computeGeneral($0, $1, vex: false, .memory) },
    { computeGeneral($0, $1, vex: true, .memory) }))

private let storeComputedHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { storeComputed($0, $1, vex: false, .register) },
    { storeComputed($0, $1, vex: true, .register) }),
  memory: EncodingHandlers(
    { storeComputed($0, $1, vex: false, .memory) },
    { storeComputed($0, $1, vex: true, .memory) }))

private let extractHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { extractGeneral($0, $1, vex: false) }, { extractGeneral($0, $1, vex: true) }),
  memory: storeComputedHandlers.memory)

private let storeHandlers = ShapeHandlers(
  register: nil,
  memory: EncodingHandlers(
    { storeVector($0, $1, vex: false) }, { storeVector($0, $1, vex: true) }))

private let compareHandlers = ShapeHandlers(
  register: EncodingHandlers(
    { compareVectors($0, $1, vex: false, .register) },
    { compareVectors($0, $1, vex: true, .register) }),
  memory: EncodingHandlers(
    { compareVectors($0, $1, vex: false, .memory) },
    { compareVectors($0, $1, vex: true, .memory) }))

extension VectorTable {
  /// Fills in the operands of a vector instruction and picks its handler; nil if this combination of
  /// operands is not one the processor has (#UD).
  func select(
    _ decoded: DecodedInstruction, _ selection: VectorSelection, _ builder: inout InstructionBuilder
  ) -> Handler? {
    let entry = entries[selection.entry]
    let form = entry.form
    let isRegister = decoded.modRMIsRegister
    builder.timing = form.timing
    builder.immediate = UInt64(UInt(bitPattern: entry.operation(for: selection)))
    builder.source = selection.immediate
    builder.destination = selection.reg | selection.vvvv << 4
    if isRegister {
      builder.base = selection.rm
    } else {
      builder.memory = decoded.memory
      builder.memoryTiming = .load
    }
    let shape: ShapeHandlers
    let raises = form.options.contains(.floatingPoint)
    switch form.shape {
    case .unary, .binary: shape = raises ? floatingPointHandlers : plainHandlers
    case .ternary: shape = ternaryHandlers
    case .selected: shape = selectedHandlers
    case .shift:
      builder.destination = (selection.isVEX ? selection.vvvv : selection.rm) | selection.vvvv << 4
      shape = plainHandlers
    case .fromGeneral, .insert:
      shape = raises ? floatingPointGeneralHandlers : plainGeneralHandlers
    case .toGeneral: shape = toGeneralHandlers
    case .extract:
      if !isRegister { builder.memoryTiming = .store }
      shape = extractHandlers
    case .store where !isRegister:
      builder.memoryTiming = .store
      shape = storeHandlers
    case .store, .storeMerged:
      let first = selection.isVEX ? selection.vvvv : selection.rm
      builder.destination = selection.rm | first << 4
      builder.base = selection.reg
      shape = plainHandlers
    case .storeComputed:
      if !isRegister { builder.memoryTiming = .store }
      shape = storeComputedHandlers
    case .compare: shape = compareHandlers
    case .own(let register, let memory): return isRegister ? register : memory
    case .system(let register, let memory):
      builder.effect = .end
      return isRegister ? register : memory
    case .general: return nil
    }
    let handlers = isRegister ? shape.register : shape.memory
    return selection.isVEX ? handlers?.vex : handlers?.legacy
  }
}
