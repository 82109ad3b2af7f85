/// The operands of an instruction in the place of Intel MPX, 0F 1A and 0F 1B, which without it are NOPs.
///
/// Source: Intel SDM, "Opcode Map", and the pages of BNDCL, BNDCN, BNDCU, BNDLDX, BNDMK, BNDMOV and
/// BNDSTX.
struct BoundsOperands {
  private var opcode: UInt8
  private var prefix: MandatoryPrefix
  /// ModRM.reg with REX.R: a bound register.
  private var reg: UInt8
  /// ModRM.rm with REX.B, where it names a register.
  private var rm: UInt8
  private var memory: DecodedMemory?
  /// Bytes of an effective address: 64-bit mode has no other than 8.
  private(set) var addressBytes: Int

  /// Nil for another instruction. `bytes` hold all of it.
  init?(
    _ bytes: UnsafeBufferPointer<UInt8>, _ prefixes: InstructionPrefixes, codeBytes: Int
  ) {
    var reader = InstructionReader(bytes, at: prefixes.count)
    guard reader.next() == 0x0f, reader.peek & 0xfe == 0x1a else { return nil }
    opcode = reader.next()
    prefix = prefixes.mandatory
    let modRM = reader.next()
    reg = modRM >> 3 & 7 | (prefixes.rex & 4) << 1
    rm = modRM & 7 | (prefixes.rex & 1) << 3
    let isLong = codeBytes == 8
    addressBytes = isLong ? 8 : (codeBytes == 4) != prefixes.hasAddressSize ? 4 : 2
    guard modRM >> 6 != 3 else { return }
    memory = reader.memory(
      modRM, prefixes: prefixes, addressBytes: addressBytes, isLongMode: isLong,
      extensions: prefixes.rex & 3)
  }

  private struct Handlers {
    /// Nil: the register form stays a NOP.
    var register: Handler?
    var memory: Handler
    var memoryTiming: TimingClass?
    /// The bound register is what is written to memory.
    var isStore = false
    /// The memory operand may be relative to RIP.
    var allowsRIP = true
    /// The register form's ModRM.rm is a bound register too.
    var takesTwoBounds = false
  }

  private var handlers: Handlers {
    switch (prefix, opcode) {
    case (.xF3, 0x1b): Handlers(memory: makeBounds, allowsRIP: false)
    case (.xF3, _): Handlers(register: checkLowerRegister, memory: checkLowerMemory)
    case (.xF2, 0x1a): Handlers(register: checkUpperRegister, memory: checkUpperMemory)
    case (.xF2, _): Handlers(register: checkPlainUpperRegister, memory: checkPlainUpperMemory)
    case (.x66, 0x1a):
      Handlers(
        register: moveBounds, memory: loadBounds, memoryTiming: .load, takesTwoBounds: true)
    case (.x66, _):
      Handlers(
        register: moveBounds, memory: storeBounds, memoryTiming: .store, isStore: true,
        takesTwoBounds: true)
    case (.none, 0x1a):
      Handlers(memory: loadExtendedBounds, memoryTiming: .load, allowsRIP: false)
    case (.none, _):
      Handlers(
        memory: storeExtendedBounds, memoryTiming: .store, isStore: true, allowsRIP: false)
    }
  }

  /// Picks the handler while Intel MPX is enabled; nil for #UD.
  func select(_ builder: inout InstructionBuilder) -> Handler? {
    let handlers = handlers
    builder.timing = .alu
    if let memory {
      guard reg < 4, addressBytes != 2, handlers.allowsRIP || !memory.isRIPRelative else {
        return nil
      }
      builder.memory = memory
      builder.memoryTiming = handlers.memoryTiming
      if handlers.isStore { builder.source = reg } else { builder.destination = reg }
      return handlers.memory
    }
    guard let handler = handlers.register else { return doNothing }
    guard reg < 4, rm < 4 || !handlers.takesTwoBounds else { return nil }
    builder.destination = handlers.isStore ? rm : reg
    builder.source = handlers.isStore ? reg : rm
    if !handlers.takesTwoBounds { builder.source = RegisterOffset.general(rm) }
    return handler
  }
}
