import CCapstone

/// The encodings that are read without Capstone, but for those of vector instructions, which
/// `VectorTable` has. It is asked before Capstone; of the lines that fit the first counts.
///
/// Source: Intel SDM, "Opcode Map", and the instructions' pages.
enum EncodingTable {
  static let lines: [Encoding] =
    x87 + shadowStack + systemGroup + hints + waitsAndLines + extendedGroup + directStores
    + vectorMaps + others

  /// Indices of the lines of each opcode.
  private static let slots: [[Int]] = {
    var slots = [[Int]](repeating: [], count: 4 * 256)
    for (index, line) in lines.enumerated() {
      for opcode in line.opcodes { slots[slot(opcode)].append(index) }
    }
    return slots
  }()

  private static func slot(_ opcode: UInt16) -> Int {
    let map =
      switch opcode >> 8 {
      case 0: 0
      case 0x0f: 1
      case 0x38: 2
      default: 3
      }
    return map << 8 | Int(opcode & 0xff)
  }

  /// Whether an opcode has lines.
  static func has(_ opcode: UInt16) -> Bool { !slots[slot(opcode)].isEmpty }

  /// The line for an encoding; nil if it is for Capstone.
  static func find(_ opcode: UInt16, _ prefix: MandatoryPrefix, modRM: UInt8) -> Encoding? {
    index(opcode, prefix, modRM: modRM).map { lines[$0] }
  }

  /// The same as an index in `lines`.
  static func index(_ opcode: UInt16, _ prefix: MandatoryPrefix, modRM: UInt8) -> Int? {
    for index in slots[slot(opcode)] {
      let line = lines[index]
      if line.prefixes.contains(prefix), line.modRM.matches(modRM) { return index }
    }
    return nil
  }

  // MARK: Lines

  /// Capstone lacks the register forms that have no name in the manual.
  private static let x87 = [
    Encoding(0xd8...0xdf, .any, .any, .instruction(InstructionForm.escape, [.memory(.bytes(0))]))
  ]

  /// Capstone knows none of the instructions of shadow stacks. Those of them that were reserved hints are
  /// hints without CET.
  private static let shadowStack = [
    Encoding(
      0x0fae, .xF3, .register(5...5),
      .instruction(AddedInstruction.incssp.id, [.register(.wide)])),
    Encoding(
      0x0fae, .xF3, .memory(6...6),
      .instruction(AddedInstruction.clrssbsy.id, [.memory(.bytes(8))])),
    Encoding(
      0x0f1e, .xF3, .register(1...1),
      .instruction(AddedInstruction.rdssp.id, [.register(.wide)])),
    Encoding(0x0f01, .xF3, .bytes(0xe8...0xe8), .instruction(AddedInstruction.setssbsy.id)),
    Encoding(0x0f01, .xF3, .bytes(0xea...0xea), .instruction(AddedInstruction.saveprevssp.id)),
    Encoding(
      0x0f01, .xF3, .memory(5...5),
      .instruction(AddedInstruction.rstorssp.id, [.memory(.bytes(8))])),
    Encoding(
      0x38f6, .none, .memory(),
      .instruction(AddedInstruction.wrss.id, [.memory(.wide), .reg(.wide)])),
    Encoding(
      0x38f5, .x66, .memory(),
      .instruction(AddedInstruction.wruss.id, [.memory(.wide), .reg(.wide)])),
  ]

  /// Group 7: what looks like a register operand is an opcode, and most of these take no prefix.
  private static let systemGroup = [
    Encoding(0x0f01, .none, .bytes(0xc0...0xc0), .notBuilt("ENCLV")),
    Encoding(0x0f01, .none, .bytes(0xc5...0xc5), .notBuilt("PCONFIG")),
    Encoding(0x0f01, .none, .bytes(0xcf...0xcf), .notBuilt("ENCLS")),
    Encoding(0x0f01, .none, .bytes(0xd5...0xd5), .notBuilt("XEND")),
    Encoding(0x0f01, .none, .bytes(0xd6...0xd6), .notBuilt("XTEST")),
    Encoding(0x0f01, .none, .bytes(0xd7...0xd7), .notBuilt("ENCLU")),
    // AMD's virtualisation.
    Encoding(0x0f01, .any, .bytes(0xd8...0xdf), .undefined),
    Encoding(0x0f01, .none, .bytes(0xe8...0xe8), .instruction(AddedInstruction.serialize.id)),
    Encoding(0x0f01, .xF2, .bytes(0xe8...0xe8), .notBuilt("XSUSLDTRK")),
    Encoding(0x0f01, .xF2, .bytes(0xe9...0xe9), .notBuilt("XRESLDTRK")),
    Encoding(0x0f01, .xF3, .bytes(0xec...0xec), .notBuilt("UIRET")),
    Encoding(0x0f01, .xF3, .bytes(0xed...0xed), .notBuilt("TESTUI")),
    Encoding(0x0f01, .xF3, .bytes(0xee...0xee), .notBuilt("CLUI")),
    Encoding(0x0f01, .xF3, .bytes(0xef...0xef), .notBuilt("STUI")),
    Encoding(0x0f01, .some, .bytes(0xc0...0xd7), .undefined),
    Encoding(0x0f01, .some, .bytes(0xe8...0xef), .undefined),
  ]

  /// Capstone knows only some of the hints, and not with registers.
  private static let hints = [
    Encoding(0x0f0d, .any, .memory(1...1), .instruction(X86_INS_PREFETCHW)),
    Encoding(0x0f18, .any, .memory(0...0), .instruction(X86_INS_PREFETCHNTA)),
    Encoding(0x0f18, .any, .memory(1...1), .instruction(X86_INS_PREFETCHT0)),
    Encoding(0x0f18, .any, .memory(2...2), .instruction(X86_INS_PREFETCHT1)),
    Encoding(0x0f18, .any, .memory(3...3), .instruction(X86_INS_PREFETCHT2)),
    Encoding(0x0f1c, .none, .memory(0...0), .instruction(AddedInstruction.cldemote.id)),
    Encoding(0x0f1e, .xF3, .bytes(0xfa...0xfa), .instruction(X86_INS_ENDBR64)),
    Encoding(0x0f1e, .xF3, .bytes(0xfb...0xfb), .instruction(X86_INS_ENDBR32)),
    Encoding(0x0f0d, .any, .any, .instruction(X86_INS_NOP)),
    Encoding(0x0f18...0x0f1f, .any, .any, .instruction(X86_INS_NOP)),
  ]

  /// Group 15, where a prefix makes another instruction of a fence or of the saving of state.
  private static let waitsAndLines = [
    Encoding(0x0fae, .none, .register(5...5), .instruction(X86_INS_LFENCE)),
    Encoding(0x0fae, .none, .register(6...6), .instruction(X86_INS_MFENCE)),
    Encoding(0x0fae, .none, .register(7...7), .instruction(X86_INS_SFENCE)),
    Encoding(
      0x0fae, .x66, .register(6...6),
      .instruction(AddedInstruction.tpause.id, [.register(.bytes(4))])),
    Encoding(
      0x0fae, .xF2, .register(6...6),
      .instruction(AddedInstruction.umwait.id, [.register(.bytes(4))])),
    Encoding(
      0x0fae, .xF3, .register(6...6),
      .instruction(AddedInstruction.umonitor.id, [.register(.address)])),
    Encoding(
      0x0fae, .xF3, .register(0...0), .instruction(X86_INS_RDFSBASE, [.register(.wide)])),
    Encoding(
      0x0fae, .xF3, .register(1...1), .instruction(X86_INS_RDGSBASE, [.register(.wide)])),
    Encoding(
      0x0fae, .xF3, .register(2...2), .instruction(X86_INS_WRFSBASE, [.register(.wide)])),
    Encoding(
      0x0fae, .xF3, .register(3...3), .instruction(X86_INS_WRGSBASE, [.register(.wide)])),
    Encoding(0x0fae, .xF3, .digits(4...4), .notBuilt("PTWRITE")),
    Encoding(0x0fae, .x66, .memory(6...6), .instruction(X86_INS_CLWB, [.memory(.bytes(1))])),
    Encoding(
      0x0fae, .x66, .memory(7...7), .instruction(X86_INS_CLFLUSHOPT, [.memory(.bytes(1))])),
    Encoding(0x0fae, .some, .any, .undefined),
  ]

  /// Group 9.
  private static let extendedGroup = [
    Encoding(0x0fc7, .some, .memory(3...5), .undefined),
    Encoding(0x0fc7, .xF2, .memory(6...6), .undefined),
    Encoding(0x0fc7, .some, .memory(7...7), .undefined),
    Encoding(0x0fc7, .xF3, .register(6...6), .notBuilt("SENDUIPI")),
    Encoding(
      0x0fc7, .xF3, .register(7...7),
      .instruction(AddedInstruction.rdpid.id, [.register(.wide)])),
    Encoding(0x0fc7, .xF2, .register(6...7), .undefined),
  ]

  private static let directStores = [
    Encoding(
      0x38f8, .x66, .memory(),
      .instruction(AddedInstruction.movdir64b.id, [.reg(.address), .memory(.bytes(64))])),
    Encoding(0x38f8, .xF2, .memory(), .notBuilt("ENQCMD")),
    Encoding(0x38f8, .xF3, .memory(), .notBuilt("ENQCMDS")),
    Encoding(
      0x38f9, .none, .memory(),
      .instruction(AddedInstruction.movdiri.id, [.memory(.wide), .reg(.wide)])),
    Encoding(0x0fc3, .some, .any, .undefined),
  ]

  /// Opcodes that with a prefix are vector instructions or nothing.
  private static let vectorMaps = [
    Encoding(0x0f10...0x0f17, .some, .absent, .undefined),
    Encoding(0x0f28...0x0f2f, .some, .absent, .undefined),
    Encoding(0x0f50...0x0f77, .some, .absent, .undefined),
    Encoding(0x0f7a...0x0f7f, .some, .absent, .undefined),
    Encoding(0x0fc2, .some, .absent, .undefined),
    Encoding(0x0fc4...0x0fc6, .some, .absent, .undefined),
    Encoding(0x0fd0...0x0ffe, .some, .absent, .undefined),
    Encoding(0x3800...0x387f, .some, .absent, .undefined),
    Encoding(0x3890...0x38ef, .some, .absent, .undefined),
    Encoding(0x38f0...0x38f1, .xF3, .absent, .undefined),
    Encoding(0x3a00...0x3aff, .some, .absent, .undefined),
  ]

  private static let others = [
    // AMD's XOP.
    Encoding(0x8f, .any, .digits(1...7), .undefined),
    Encoding(0xc6, .any, .bytes(0xf8...0xf8), .notBuilt("XABORT")),
    Encoding(0xc7, .any, .bytes(0xf8...0xf8), .notBuilt("XBEGIN")),
    Encoding(0x0f09, .xF3, .absent, .instruction(AddedInstruction.wbnoinvd.id)),
    // AMD's 3DNow! and SSE4A.
    Encoding(0x0f0e...0x0f0f, .any, .absent, .undefined),
    Encoding(0x0f78...0x0f79, .some, .absent, .undefined),
    Encoding(0x0f37, .any, .absent, .notBuilt("GETSEC")),
    // Centaur's cryptography.
    Encoding(0x0fa6...0x0fa7, .any, .absent, .undefined),
    Encoding(0x0faa, .any, .absent, .notBuilt("RSM")),
    Encoding(0x0fb9, .any, .any, .instruction(X86_INS_UD2B)),
    Encoding(0x0fff, .any, .any, .instruction(X86_INS_UD0)),
  ]
}
