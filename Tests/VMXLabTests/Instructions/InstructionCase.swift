/// One encoded instruction, with what its operands need of the state.
struct InstructionCase {
  let template: InstructionTemplate
  let width: Int
  let form: AddressingForm
  var bytes: [UInt8] = []
  /// Number of the r/m or opcode register.
  var rm: UInt8 = 0
  var register: UInt8 = 0
  private var memory = Memory()
  private var immediate: UInt64 = 0
  /// Legacy byte registers 4 to 7 are AH, CH, DH, BH.
  private var hasREX = false

  private struct Memory {
    var base: UInt8?
    var index: UInt8?
    var scale: UInt8 = 0
    var displacement: Int32 = 0
    var displacementBytes = 0
    var has32BitAddress = false
    /// A fixed address: RIP-relative, or absolute.
    var fixed: UInt64?
  }

  /// Encodes the template with random registers and immediate.
  init(
    _ template: InstructionTemplate, width: Int, form: AddressingForm,
    using random: inout SeededGenerator
  ) {
    self.template = template
    self.width = width
    self.form = form
    rm = UInt8(random.below(16))
    register = UInt8(random.below(16))
    if form == .highByte {
      rm = 4 + UInt8(random.below(4))
      register = UInt8(random.below(8))
    }
    if isMemory { chooseMemory(using: &random) }
    immediate = random.edge()
    encode(using: &random)
  }

  var isMemory: Bool { form.isMemory }

  /// The base and index of the memory operand.
  var memoryRegisters: [UInt8] { [memory.base, memory.index].compactMap(\.self) }

  private var hasModRM: Bool {
    switch template.encoding {
    case .registers, .digit: true
    default: false
    }
  }

  private mutating func chooseMemory(using random: inout SeededGenerator) {
    memory.has32BitAddress = form.has32BitAddress
    func choose(_ allowed: (UInt8) -> Bool) -> UInt8 {
      while true {
        let number = UInt8(random.below(16))
        if allowed(number) { return number }
      }
    }
    // RCX counts, RAX compares, RDX:RAX divides: their values are not free to be addresses.
    let isTaken: (UInt8) -> Bool = { [template, register] number in
      switch template.setup {
      case .bitString: number == register
      case .compareExchange, .compareExchangePair: number == 0 || number == 2
      case .division: number == 0 || number == 2
      case .stack, .frame, .callTarget, .returnAddress: number == 4 || number == 5
      default: false
      }
    }
    switch form {
    case .register, .highByte, .implied32: break
    case .offset, .offset32, .ripRelative, .absolute:
      memory.fixed = Self.address(using: &random, width: width)
    case .stackPointer:
      memory.base = 4
      memory.displacementBytes = 1
      memory.displacement = Int32(random.below(64)) - 32
      return
    case .index, .index32:
      memory.index = choose { $0 != 4 && !isTaken($0) }
      memory.scale = UInt8(random.below(4))
      memory.displacementBytes = 4
    case .base, .baseDisplacement8, .baseDisplacement32, .base32:
      memory.base = choose { !isTaken($0) }
      memory.displacementBytes = form.displacementBytes(using: &random)
    case .baseIndex, .baseIndexDisplacement8, .baseIndexDisplacement32, .baseIndex32:
      let base = choose { !isTaken($0) }
      memory.base = base
      memory.index = choose { $0 != 4 && $0 != base && !isTaken($0) }
      memory.scale = UInt8(random.below(4))
      memory.displacementBytes = form.displacementBytes(using: &random)
    }
    switch memory.displacementBytes {
    case 1: memory.displacement = Int32(Int8(truncatingIfNeeded: random.next()))
    case 4: memory.displacement = Int32(truncatingIfNeeded: random.next())
    default: break
    }
  }

  /// An address in the window, often where the operand crosses into the next page.
  private static func address(using random: inout SeededGenerator, width: Int) -> UInt64 {
    let middle = TestLayout.window + UInt64(TestLayout.windowBytes / 2)
    if random.chance(1, in: 3) { return middle - UInt64(random.below(width + 1)) }
    return middle - 128 + UInt64(random.below(256))
  }

  // MARK: Encoding

  private mutating func encode(using random: inout SeededGenerator) {
    var rex: UInt8 = 0
    if width == 8, !template.defaultsTo64 { rex |= 8 }
    var modRM: [UInt8] = []
    switch template.encoding {
    case .registers, .digit:
      var field = register
      if case .digit(let digit) = template.encoding { field = digit }
      if field > 7 { rex |= 4 }
      modRM = operandBytes(field & 7, &rex)
    case .opcodeRegister:
      if rm > 7 { rex |= 1 }
    case .none, .absolute, .relative: break
    }
    hasREX = form != .highByte && (rex != 0 || random.chance(1, in: 4))

    var prefixes: [UInt8] = []
    if width == 2 { prefixes.append(0x66) }
    if memory.has32BitAddress { prefixes.append(0x67) }
    appendIdlePrefixes(to: &prefixes, using: &random)
    if random.chance(1, in: 8) { prefixes.append([0x26, 0x2e, 0x36, 0x3e][random.below(4)]) }
    let mayLock = template.isLockable && isMemory
    if mayLock ? random.chance(1, in: 4) : random.chance(1, in: 40) { prefixes.append(0xf0) }
    if let prefix = template.prefix { prefixes.append(prefix) }
    prefixes.shuffle(using: &random)
    bytes = prefixes
    if hasREX { bytes.append(0x40 | rex) }
    var opcode = template.opcode
    if let last = opcode.indices.last {
      if width == 1, !template.keepsOpcode { opcode[last] &= 0xfe }
      if case .opcodeRegister = template.encoding { opcode[last] |= rm & 7 }
    }
    bytes += opcode + modRM
    appendImmediate()
  }

  /// Prefixes that change nothing: REX.W outdoes 66, and a register needs no address.
  private func appendIdlePrefixes(
    to prefixes: inout [UInt8], using random: inout SeededGenerator
  ) {
    guard hasModRM, template.prefix == nil else { return }
    if width == 8, !template.defaultsTo64, random.chance(1, in: 4) { prefixes.append(0x66) }
    if !isMemory, random.chance(1, in: 4) { prefixes.append(0x67) }
  }

  /// ModRM, SIB and displacement; a RIP-relative displacement is patched when the length is known.
  private mutating func operandBytes(_ field: UInt8, _ rex: inout UInt8) -> [UInt8] {
    let field = field << 3
    guard isMemory else {
      if rm > 7 { rex |= 1 }
      return [0xc0 | field | rm & 7]
    }
    if let fixed = memory.fixed {
      // Neither base nor index; or RIP, whose displacement is not known yet.
      return form == .absolute
        ? [field | 4, 0x25] + Self.little(fixed, 4) : [field | 5, 0, 0, 0, 0]
    }
    if let index = memory.index, index > 7 { rex |= 2 }
    if let base = memory.base, base > 7 { rex |= 1 }
    var displacement = memory.displacementBytes
    var bytes: [UInt8] = []
    if let base = memory.base {
      // RBP and R13 have no form without displacement.
      if displacement == 0, base & 7 == 5 { displacement = 1 }
      let mod: UInt8 = displacement == 0 ? 0 : displacement == 1 ? 0x40 : 0x80
      if memory.index == nil, base & 7 != 4 {
        bytes = [mod | field | base & 7]
      } else {
        let index = memory.index ?? 4
        bytes = [mod | field | 4, memory.scale << 6 | (index & 7) << 3 | base & 7]
      }
    } else {
      bytes = [field | 4, memory.scale << 6 | ((memory.index ?? 4) & 7) << 3 | 5]
    }
    let value = UInt32(bitPattern: memory.displacement)
    for byte in 0..<displacement {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(byte * 8)))
    }
    return bytes
  }

  private static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  private mutating func appendImmediate() {
    let operandEnd = bytes.count
    switch template.encoding {
    case .absolute: bytes += Self.little(memory.fixed ?? 0, form == .offset32 ? 4 : 8)
    case .relative(let count):
      let behind = TestLayout.instruction + UInt64(bytes.count + count)
      bytes += Self.little(TestLayout.branchTarget &- behind, count)
    default: break
    }
    switch template.immediate {
    case .none: break
    case .byte: bytes += Self.little(immediate, 1)
    case .full: bytes += Self.little(immediate, min(width, 4))
    case .wide: bytes += Self.little(immediate, width)
    case .word: bytes += Self.little(immediate & 0x3f, 2)
    case .frame: bytes += Self.little(immediate & 0x3f, 2) + Self.little(immediate >> 8 & 3, 1)
    }
    if let fixed = memory.fixed, form == .ripRelative {
      let displacement = fixed &- (TestLayout.instruction + UInt64(bytes.count))
      bytes.replaceSubrange(operandEnd - 4..<operandEnd, with: Self.little(displacement, 4))
    }
  }

  // MARK: State

  /// A random state that suits the instruction.
  func state(using random: inout SeededGenerator) -> MachineState {
    var state = MachineState()
    for register in 0..<16 { state.general[register] = random.edge() }
    state.flags = random.next() & MachineState.flagsMask
    for offset in stride(from: 0, to: TestLayout.windowBytes, by: 8) {
      Self.store(random.edge(), 8, at: TestLayout.window + UInt64(offset), &state)
    }
    let target = memory.fixed ?? placeOperand(&state, using: &random)
    adapt(&state, target: target, using: &random)
    return state
  }

  /// Chooses the operand's address and sets the address registers for it.
  private func placeOperand(_ state: inout MachineState, using random: inout SeededGenerator)
    -> UInt64
  {
    var target = Self.address(using: &random, width: width)
    if template.setup == .compareExchangePair, random.chance(3, in: 4) { target &= ~15 }
    guard isMemory else { return target }
    var rest = target &- UInt64(bitPattern: Int64(memory.displacement))
    if let base = memory.base {
      if let index = memory.index { rest = rest &- (state.general[Int(index)] << memory.scale) }
      state.general[Int(base)] = rest
    } else if let index = memory.index {
      // Without a base, the address has to be a multiple of the scale.
      rest &= ~((1 << memory.scale) - 1)
      state.general[Int(index)] = rest >> memory.scale
      target = rest &+ UInt64(bitPattern: Int64(memory.displacement))
    }
    if memory.has32BitAddress {
      // Only the lower halves count.
      for register in [memory.base, memory.index] {
        if let register { state.general[Int(register)] ^= UInt64(random.below(16)) << 36 }
      }
    }
    return target
  }

  private func adapt(
    _ state: inout MachineState, target: UInt64, using random: inout SeededGenerator
  ) {
    let middle = TestLayout.window + UInt64(TestLayout.windowBytes / 2)
    func near() -> UInt64 { middle - 64 + UInt64(random.below(128)) }
    switch template.setup {
    case .general: break
    case .bitString:
      if isMemory, case .registers = template.encoding {
        state.general[Int(register)] = UInt64(bitPattern: Int64(random.below(800)) - 400)
      }
    case .division:
      let high = state.general[2]
      if random.chance(3, in: 4) {
        state.general[2] = random.chance(1, in: 2) ? 0 : high >> UInt64(random.below(64))
        if case .digit(7) = template.encoding, random.chance(1, in: 2) {
          state.general[2] = Int64(bitPattern: state.general[0]) < 0 ? ~0 : 0
        }
      }
      if width == 1 { state.general[0] = state.general[0] & 0xff | (random.next() & 0xf) << 8 }
    case .string:
      let upper = memory.has32BitAddress ? UInt64(random.below(4)) << 32 : 0
      state.general[6] = near() | upper
      state.general[7] = near() | upper
      state.general[1] = UInt64(random.below(random.chance(1, in: 4) ? 160 / width : 9)) | upper
      if random.chance(1, in: 2) {
        // Equal elements, so that REPE goes on and REPNE stops.
        for offset in 0..<TestLayout.windowBytes { state.memory[offset] = UInt8(offset / 150) }
        state.general[0] = UInt64(random.below(2)) &* 0x0101_0101_0101_0101
      }
    case .stack: if memory.base != 4 { state.general[4] = near() }
    case .frame:
      state.general[4] = near()
      // ENTER reads through RBP from the second level on, LEAVE always.
      if template.immediate != .frame || immediate >> 8 & 3 > 1 { state.general[5] = near() }
    case .returnAddress:
      state.general[4] = near()
      Self.store(TestLayout.branchTarget, 8, at: state.general[4], &state)
    case .branchTarget, .callTarget:
      if template.setup == .callTarget { state.general[4] = near() }
      if isMemory {
        Self.store(TestLayout.branchTarget, 8, at: target, &state)
      } else if case .digit = template.encoding {
        state.general[Int(rm)] = TestLayout.branchTarget
      }
    case .translate:
      state.general[3] = target &- (state.general[0] & 0xff)
      if memory.has32BitAddress { state.general[3] ^= 5 << 40 }
    case .compareExchange:
      guard random.chance(1, in: 2) else { break }
      if isMemory {
        Self.store(state.general[0], width, at: target, &state)
      } else {
        state.general[Int(rm)] = state.general[0]
      }
    case .compareExchangePair:
      guard random.chance(1, in: 2) else { break }
      Self.store(state.general[0], width / 2, at: target, &state)
      Self.store(state.general[2], width / 2, at: target + UInt64(width / 2), &state)
    case .counter:
      state.general[1] = random.chance(3, in: 4) ? UInt64(random.below(3)) : random.edge()
    }
  }

  private static func store(
    _ value: UInt64, _ count: Int, at address: UInt64, _ state: inout MachineState
  ) {
    for byte in 0..<count {
      let offset = Int(truncatingIfNeeded: address &- TestLayout.window) + byte
      guard state.memory.indices.contains(offset) else { continue }
      state.memory[offset] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8))
    }
  }

  // MARK: Comparison

  /// The shift count that the instruction uses from `state`.
  private func count(in state: MachineState) -> UInt64 {
    switch template.immediate {
    case .byte: immediate & 0xff
    default: template.opcode.last.map { $0 & 0xfe == 0xd0 } == true ? 1 : state.general[1] & 0xff
    }
  }

  /// Flags that may differ after the instruction ran from `state`.
  func undefinedFlags(from state: MachineState) -> UInt64 {
    template.undefined.mask(count: count(in: state), bits: UInt64(width * 8))
  }

  /// Whether the manual leaves the result itself undefined.
  func hasUndefinedResult(from state: MachineState) -> Bool {
    guard case .doubleShift = template.undefined.counts else { return false }
    return width == 2 && count(in: state) & 31 > 16
  }
}
