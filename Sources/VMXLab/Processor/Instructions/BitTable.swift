import CCapstone

// The tables of instructions on single bits: bit strings, scans, counts, and byte swaps.
extension InstructionForm {
  static let bits: [InstructionForm] = [
    bitString(X86_INS_BT, bitTestHandlers, lockable: false),
    bitString(X86_INS_BTS, bitSetHandlers), bitString(X86_INS_BTR, bitResetHandlers),
    bitString(X86_INS_BTC, bitComplementHandlers),
    InstructionForm(X86_INS_BSF, .bitScan) { scanForwardHandlers.select($0, &$1) },
    InstructionForm(X86_INS_BSR, .bitScan) { scanReverseHandlers.select($0, &$1) },
    InstructionForm(X86_INS_TZCNT, .bitScan, feature: .bmi1, without: X86_INS_BSF) {
      trailingZeroHandlers.select($0, &$1)
    },
    InstructionForm(X86_INS_LZCNT, .bitScan, feature: .lzcnt, without: X86_INS_BSR) {
      leadingZeroHandlers.select($0, &$1)
    },
    InstructionForm(X86_INS_POPCNT, .bitScan, feature: .popcnt) {
      populationHandlers.select($0, &$1)
    },
    InstructionForm(X86_INS_BSWAP, .alu) { swapHandlers.select($0, &$1) },
    InstructionForm(X86_INS_MOVBE, .alu, feature: .movbe) { moveSwappedHandlers.select($0, &$1) },
  ]

  private static func bitString(
    _ id: x86_insn, _ handlers: BinaryHandlers, lockable: Bool = true
  ) -> InstructionForm {
    InstructionForm(id, .alu, lockable: lockable) { handlers.select($0, &$1) }
  }
}

private let bitTestHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { bitRR(BitTest.self, UInt16.self, $0, $1) },
    { bitRR(BitTest.self, UInt32.self, $0, $1) },
    { bitRR(BitTest.self, UInt64.self, $0, $1) }),
  memoryRegister: WidthHandlers(
    nil,
    { bitMR(BitTest.self, UInt16.self, $0, $1) },
    { bitMR(BitTest.self, UInt32.self, $0, $1) },
    { bitMR(BitTest.self, UInt64.self, $0, $1) }),
  registerImmediate: WidthHandlers(
    nil,
    { bitRI(BitTest.self, UInt16.self, $0, $1) },
    { bitRI(BitTest.self, UInt32.self, $0, $1) },
    { bitRI(BitTest.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    nil,
    { bitMI(BitTest.self, UInt16.self, $0, $1) },
    { bitMI(BitTest.self, UInt32.self, $0, $1) },
    { bitMI(BitTest.self, UInt64.self, $0, $1) }),
  destinationTiming: .load)

private let bitSetHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { bitRR(BitSet.self, UInt16.self, $0, $1) },
    { bitRR(BitSet.self, UInt32.self, $0, $1) },
    { bitRR(BitSet.self, UInt64.self, $0, $1) }),
  memoryRegister: WidthHandlers(
    nil,
    { bitMR(BitSet.self, UInt16.self, $0, $1) },
    { bitMR(BitSet.self, UInt32.self, $0, $1) },
    { bitMR(BitSet.self, UInt64.self, $0, $1) }),
  registerImmediate: WidthHandlers(
    nil,
    { bitRI(BitSet.self, UInt16.self, $0, $1) },
    { bitRI(BitSet.self, UInt32.self, $0, $1) },
    { bitRI(BitSet.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    nil,
    { bitMI(BitSet.self, UInt16.self, $0, $1) },
    { bitMI(BitSet.self, UInt32.self, $0, $1) },
    { bitMI(BitSet.self, UInt64.self, $0, $1) }))

private let bitResetHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { bitRR(BitReset.self, UInt16.self, $0, $1) },
    { bitRR(BitReset.self, UInt32.self, $0, $1) },
    { bitRR(BitReset.self, UInt64.self, $0, $1) }),
  memoryRegister: WidthHandlers(
    nil,
    { bitMR(BitReset.self, UInt16.self, $0, $1) },
    { bitMR(BitReset.self, UInt32.self, $0, $1) },
    { bitMR(BitReset.self, UInt64.self, $0, $1) }),
  registerImmediate: WidthHandlers(
    nil,
    { bitRI(BitReset.self, UInt16.self, $0, $1) },
    { bitRI(BitReset.self, UInt32.self, $0, $1) },
    { bitRI(BitReset.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    nil,
    { bitMI(BitReset.self, UInt16.self, $0, $1) },
    { bitMI(BitReset.self, UInt32.self, $0, $1) },
    { bitMI(BitReset.self, UInt64.self, $0, $1) }))

private let bitComplementHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { bitRR(BitComplement.self, UInt16.self, $0, $1) },
    { bitRR(BitComplement.self, UInt32.self, $0, $1) },
    { bitRR(BitComplement.self, UInt64.self, $0, $1) }),
  memoryRegister: WidthHandlers(
    nil,
    { bitMR(BitComplement.self, UInt16.self, $0, $1) },
    { bitMR(BitComplement.self, UInt32.self, $0, $1) },
    { bitMR(BitComplement.self, UInt64.self, $0, $1) }),
  registerImmediate: WidthHandlers(
    nil,
    { bitRI(BitComplement.self, UInt16.self, $0, $1) },
    { bitRI(BitComplement.self, UInt32.self, $0, $1) },
    { bitRI(BitComplement.self, UInt64.self, $0, $1) }),
  memoryImmediate: WidthHandlers(
    nil,
    { bitMI(BitComplement.self, UInt16.self, $0, $1) },
    { bitMI(BitComplement.self, UInt32.self, $0, $1) },
    { bitMI(BitComplement.self, UInt64.self, $0, $1) }))

private let scanForwardHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { scanR(BitScanForward.self, UInt16.self, $0, $1) },
    { scanR(BitScanForward.self, UInt32.self, $0, $1) },
    { scanR(BitScanForward.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { scanM(BitScanForward.self, UInt16.self, $0, $1) },
    { scanM(BitScanForward.self, UInt32.self, $0, $1) },
    { scanM(BitScanForward.self, UInt64.self, $0, $1) }))

private let scanReverseHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { scanR(BitScanReverse.self, UInt16.self, $0, $1) },
    { scanR(BitScanReverse.self, UInt32.self, $0, $1) },
    { scanR(BitScanReverse.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { scanM(BitScanReverse.self, UInt16.self, $0, $1) },
    { scanM(BitScanReverse.self, UInt32.self, $0, $1) },
    { scanM(BitScanReverse.self, UInt64.self, $0, $1) }))

private let trailingZeroHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { scanR(TrailingZeroCount.self, UInt16.self, $0, $1) },
    { scanR(TrailingZeroCount.self, UInt32.self, $0, $1) },
    { scanR(TrailingZeroCount.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { scanM(TrailingZeroCount.self, UInt16.self, $0, $1) },
    { scanM(TrailingZeroCount.self, UInt32.self, $0, $1) },
    { scanM(TrailingZeroCount.self, UInt64.self, $0, $1) }))

private let leadingZeroHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { scanR(LeadingZeroCount.self, UInt16.self, $0, $1) },
    { scanR(LeadingZeroCount.self, UInt32.self, $0, $1) },
    { scanR(LeadingZeroCount.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { scanM(LeadingZeroCount.self, UInt16.self, $0, $1) },
    { scanM(LeadingZeroCount.self, UInt32.self, $0, $1) },
    { scanM(LeadingZeroCount.self, UInt64.self, $0, $1) }))

private let populationHandlers = BinaryHandlers(
  registerRegister: WidthHandlers(
    nil,
    { scanR(PopulationCount.self, UInt16.self, $0, $1) },
    { scanR(PopulationCount.self, UInt32.self, $0, $1) },
    { scanR(PopulationCount.self, UInt64.self, $0, $1) }),
  registerMemory: WidthHandlers(
    nil,
    { scanM(PopulationCount.self, UInt16.self, $0, $1) },
    { scanM(PopulationCount.self, UInt32.self, $0, $1) },
    { scanM(PopulationCount.self, UInt64.self, $0, $1) }))

private let swapHandlers = UnaryHandlers(
  register: WidthHandlers(
    nil,
    { swapBytes(UInt16.self, $0, $1) },
    { swapBytes(UInt32.self, $0, $1) },
    { swapBytes(UInt64.self, $0, $1) }))

private let moveSwappedHandlers = BinaryHandlers(
  registerMemory: WidthHandlers(
    nil,
    { moveSwappedRM(UInt16.self, $0, $1) },
    { moveSwappedRM(UInt32.self, $0, $1) },
    { moveSwappedRM(UInt64.self, $0, $1) }),
  memoryRegister: WidthHandlers(
    nil,
    { moveSwappedMR(UInt16.self, $0, $1) },
    { moveSwappedMR(UInt32.self, $0, $1) },
    { moveSwappedMR(UInt64.self, $0, $1) }),
  destinationTiming: .store)
