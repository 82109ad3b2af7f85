#if arch(x86_64) && os(Linux)
  @testable import VMXLab

  /// Compares x87 and MMX instructions run on the host and on the interpreter.
  struct X87Comparison {
    private var random: SeededGenerator
    private(set) var runs = 0
    private(set) var forms = FormTally()
    private(set) var mismatches: [String] = []

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// Runs one template from `states` random states.
    ///
    /// - Parameter unmasked: some exceptions are unmasked.
    mutating func compare(
      _ template: X87Template, states: Int, unmasked: Bool, host: HostExecutor,
      interpreter: InterpretedProcessor
    ) {
      for _ in 0..<states {
        var place = TestLayout.window + 100 + UInt64(random.below(32))
        // Across the page boundary in the middle of the window.
        if random.chance(1, in: 3) {
          place = TestLayout.window + UInt64(TestLayout.windowBytes / 2) - 5
        }
        let address = X87Address(place, using: &random)
        let bytes = encode(template, address)
        host.setInstruction(bytes)
        interpreter.setInstruction(bytes)
        var before = state(for: template, place, unmasked: unmasked)
        address.setRegisters(&before)
        guard template.isDefined(before.extended?.st(0) ?? .zero) else { continue }
        runs += 1
        forms.insert(template.formName(address))
        var expected = before
        let expectedEnd = host.run(&expected)
        var actual = before
        let actualEnd = interpreter.run(&actual)
        var why = differences(template, expected, actual, place)
        if expectedEnd != actualEnd { why.append("ended \(String(describing: actualEnd))") }
        guard !why.isEmpty else { continue }
        mismatches.append(
          "\(template.name) \(bytes.map { String($0, radix: 16) }): \(why.joined(separator: "; "))"
            + "; before: \(describe(before, place))")
        return
      }
    }

    private mutating func encode(_ template: X87Template, _ address: X87Address) -> [UInt8] {
      var bytes = template.opcode
      if template.memoryBytes > 0 {
        address.encode(into: &bytes, immediateBytes: template.immediate == nil ? 0 : 1)
      }
      if let immediate = template.immediate {
        bytes.append(immediate.lowerBound + UInt8(random.below(immediate.count)))
      }
      return bytes
    }

    // MARK: States

    private mutating func state(
      for template: X87Template, _ place: UInt64, unmasked: Bool
    ) -> MachineState {
      var state = MachineState()
      for register in 0..<16 { state.general[register] = random.edge() }
      state.flags = random.next() & MachineState.flagsMask & ~0x400
      for byte in state.memory.indices {
        state.memory[byte] = UInt8(truncatingIfNeeded: random.next())
      }
      var extended = ExtendedState()
      var control: UInt16 = 0x7f | UInt16(random.below(4)) << 10
      control |= [0, 2, 3, 3, 1][random.below(5)] << 8
      if unmasked { control &= ~UInt16(random.below(64)) }
      extended.control = control
      extended.status =
        UInt16(random.below(8)) << 11 | UInt16(truncatingIfNeeded: random.next()) & 0x4700
      let top = UInt8(extended.status >> 11)
      switch random.below(8) {
      case 0: extended.tags = UInt8(random.below(256))
      case 1, 2: extended.tags = 0xff
      default:
        // ST(0) to ST(5): room for two more.
        extended.tags = (0..<6).reduce(0) { $0 | 1 << ((top + $1) & 7) }
      }
      for i in 0..<8 { extended.setST(i, operand(near: nil)) }
      if let exponents = template.exponents {
        extended.setST(0, operand(near: exponents.0))
        extended.setST(1, operand(near: exponents.1))
      }
      state.extended = extended
      fillOperand(of: template, &state.memory, Int(place - TestLayout.window))
      return state
    }

    /// A value that favours the edges of the format, or one with an exponent in a range.
    private mutating func operand(near range: ClosedRange<Int>?) -> DoubleExtended {
      var fraction: UInt64
      switch random.below(6) {
      case 0: fraction = 0
      case 1: fraction = 1 << UInt64(random.below(63))
      case 2: fraction = ~0 >> 1
      case 3: fraction = ~0 << UInt64(random.below(63))
      default: fraction = random.next()
      }
      fraction &= ~0 >> 1
      var exponent: Int
      switch random.below(8) {
      case 0: exponent = 0
      case 1: exponent = 0x7fff
      case 2: exponent = 1 + random.below(3)
      case 3: exponent = 0x7ffe - random.below(3)
      case 4: exponent = 0x3fff + random.below(64) - 32
      case 5: exponent = 0x3fff + [127, 128, 1023, 1024, -126, -127, -1022, -1075][random.below(8)]
      default: exponent = random.below(0x8000)
      }
      if let range, random.chance(2, in: 3) {
        exponent = max(0, 0x3fff + range.lowerBound + random.below(range.count))
      }
      // Unnormals and pseudo-denormals are rare.
      let hasIntegerBit = exponent == 0 ? random.chance(1, in: 8) : !random.chance(1, in: 24)
      if random.chance(1, in: 16) { (exponent, fraction) = (0, 0) }
      return DoubleExtended(
        significand: fraction
          | (hasIntegerBit && exponent != 0 || hasIntegerBit && fraction != 0
            ? 1 << 63 : 0),
        signExponent: UInt16(exponent) | (random.chance(1, in: 2) ? 0x8000 : 0))
    }

    private mutating func fillOperand(
      of template: X87Template, _ memory: inout [UInt8], _ offset: Int
    ) {
      func put(_ value: UInt64, _ start: Int, _ count: Int) {
        for byte in 0..<count {
          memory[offset + start + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8))
        }
      }
      switch template.operand {
      case .bits: put(random.edge(), 0, min(template.memoryBytes, 8))
      case .decimal:
        for byte in 0..<9 {
          memory[offset + byte] = UInt8(random.below(10)) | UInt8(random.below(10)) << 4
        }
      case .real:
        let value = operand(near: nil)
        guard template.memoryBytes < 10 else {
          put(value.significand, 0, 8)
          return put(UInt64(value.signExponent), 8, 2)
        }
        let format: FloatingPointFormat = template.memoryBytes == 4 ? .binary32 : .binary64
        let fields = [0, 1, format.maximumField - 1, format.maximumField, format.maximumField / 2]
        let field = random.chance(1, in: 2) ? fields[random.below(5)] : random.next()
        let fraction = (value.significand & ~0 >> 1) >> (63 - format.fractionBits)
        let sign = UInt64(value.signExponent >> 15) << format.signShift
        put(
          sign | (field & format.maximumField) << format.fractionBits | fraction, 0,
          template.memoryBytes)
      case .environment:
        put(0xffff_037f, 0, 4)
        put(random.next() & 0x7f7f, 4, 2)
      }
    }

    // MARK: Comparison

    private func differences(
      _ template: X87Template, _ expected: MachineState, _ actual: MachineState, _ place: UInt64
    ) -> [String] {
      var why: [String] = []
      guard let expectedX87 = expected.extended, let actualX87 = actual.extended else { return [] }
      func compare(_ what: String, _ a: some BinaryInteger, _ b: some BinaryInteger) {
        if UInt64(a) != UInt64(b) {
          why.append("\(what) \(String(a, radix: 16)), expected \(String(b, radix: 16))")
        }
      }
      compare("control", actualX87.control, expectedX87.control)
      compare(
        "status", actualX87.status & ~template.ignoredStatus,
        expectedX87.status & ~template.ignoredStatus)
      compare("tags", actualX87.tags, expectedX87.tags)
      for i in 0..<8 {
        let a = actualX87.st(i)
        let b = expectedX87.st(i)
        if a != b, Self.distance(a, b) > template.tolerance {
          why.append("ST(\(i)) \(describe(a)), expected \(describe(b))")
        }
      }
      for register in 0..<16 where register != 0 || template.ignoredStatus == 0 {
        compare("register \(register)", actual.general[register], expected.general[register])
      }
      compare("flags", actual.flags, expected.flags)
      let start = Int(place - TestLayout.window)
      for byte in actual.memory.indices where !template.ignoredBytes.contains(byte - start) {
        compare("byte \(byte - start)", actual.memory[byte], expected.memory[byte])
      }
      return why
    }

    /// Units in the last place between numbers of the same sign.
    private static func distance(_ a: DoubleExtended, _ b: DoubleExtended) -> UInt64 {
      func key(_ value: DoubleExtended) -> UInt128 {
        UInt128(value.biasedExponent) << 63 &+ UInt128(value.significand & ~0 >> 1)
      }
      guard a.isNegative == b.isNegative, a.biasedExponent != 0x7fff else { return .max }
      let (x, y) = (key(a), key(b))
      return UInt64(clamping: x > y ? x - y : y - x)
    }

    private func describe(_ value: DoubleExtended) -> String {
      "\(String(value.signExponent, radix: 16)):\(String(value.significand, radix: 16))"
    }

    private func describe(_ state: MachineState, _ place: UInt64) -> String {
      guard let x87 = state.extended else { return "" }
      let registers = (0..<8).map { describe(x87.st($0)) }.joined(separator: " ")
      let start = Int(place - TestLayout.window)
      let operand = state.memory[start..<start + 10].map { String($0, radix: 16) }
      return "control \(String(x87.control, radix: 16)) status \(String(x87.status, radix: 16))"
        + " tags \(String(x87.tags, radix: 16)) stack \(registers) memory"
        + " \(operand.joined(separator: " ")) flags \(String(state.flags, radix: 16))"
    }
  }
#endif
