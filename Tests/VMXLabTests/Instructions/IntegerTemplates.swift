/// The table of integer instructions that the differential tests run. Source: Intel SDM, "Opcode Map".
enum IntegerTemplates {
  static let all: [InstructionTemplate] =
    arithmetic + unary + shifts + bits + moves + conditionals + exchanges + single + stack
    + branches
    + strings

  private static let arithmetic: [InstructionTemplate] = {
    var table: [InstructionTemplate] = []
    for (digit, name) in ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"].enumerated() {
      let number = UInt8(digit)
      let isLogic = [1, 4, 6].contains(digit)
      let undefined = isLogic ? UndefinedFlags.logic : UndefinedFlags()
      let locks = name != "cmp"
      table += [
        InstructionTemplate(name, [number << 3 | 1], .registers) {
          $0.undefined = undefined
          $0.isLockable = locks
        },
        InstructionTemplate(name, [number << 3 | 3], .registers) { $0.undefined = undefined },
        InstructionTemplate(name, [number << 3 | 5], .none) {
          $0.immediate = .full
          $0.places = .register
          $0.undefined = undefined
        },
        InstructionTemplate(name, [0x81], .digit(number)) {
          $0.immediate = .full
          $0.undefined = undefined
          $0.isLockable = locks
        },
        InstructionTemplate(name, [0x83], .digit(number)) {
          $0.widths = [2, 4, 8]
          $0.immediate = .byte
          $0.undefined = undefined
          $0.isLockable = locks
        },
      ]
    }
    table += [
      InstructionTemplate("test", [0x85], .registers) { $0.undefined = .logic },
      InstructionTemplate("test", [0xf7], .digit(0)) {
        $0.immediate = .full
        $0.undefined = .logic
      },
      InstructionTemplate("test", [0xf7], .digit(1)) {
        $0.immediate = .full
        $0.undefined = .logic
      },
      InstructionTemplate("test", [0xa9], .none) {
        $0.immediate = .full
        $0.places = .register
        $0.undefined = .logic
      },
    ]
    return table
  }()

  private static let unary: [InstructionTemplate] = [
    InstructionTemplate("inc", [0xff], .digit(0)) { $0.isLockable = true },
    InstructionTemplate("dec", [0xff], .digit(1)) { $0.isLockable = true },
    InstructionTemplate("not", [0xf7], .digit(2)) { $0.isLockable = true },
    InstructionTemplate("neg", [0xf7], .digit(3)) { $0.isLockable = true },
    InstructionTemplate("mul", [0xf7], .digit(4)) { $0.undefined = .multiply },
    InstructionTemplate("imul", [0xf7], .digit(5)) { $0.undefined = .multiply },
    InstructionTemplate("div", [0xf7], .digit(6)) {
      $0.undefined = .divide
      $0.setup = .division
    },
    InstructionTemplate("idiv", [0xf7], .digit(7)) {
      $0.undefined = .divide
      $0.setup = .division
    },
    InstructionTemplate("imul", [0x0f, 0xaf], .registers) {
      $0.widths = [2, 4, 8]
      $0.undefined = .multiply
    },
    InstructionTemplate("imul", [0x69], .registers) {
      $0.widths = [2, 4, 8]
      $0.immediate = .full
      $0.undefined = .multiply
    },
    InstructionTemplate("imul", [0x6b], .registers) {
      $0.widths = [2, 4, 8]
      $0.immediate = .byte
      $0.undefined = .multiply
    },
  ]

  private static let shifts: [InstructionTemplate] = {
    var table: [InstructionTemplate] = []
    for (digit, name) in ["rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"].enumerated() {
      let undefined: UndefinedFlags = digit < 4 ? .rotate : digit == 7 ? .arithmeticShift : .shift
      for opcode in [0xc1, 0xd1, 0xd3] as [UInt8] {
        table.append(
          InstructionTemplate(name, [opcode], .digit(UInt8(digit))) {
            $0.immediate = opcode == 0xc1 ? .byte : .none
            $0.undefined = undefined
          })
      }
    }
    for (name, opcode) in [("shld", 0xa4), ("shrd", 0xac)] as [(String, UInt8)] {
      table += [
        InstructionTemplate(name, [0x0f, opcode], .registers) {
          $0.widths = [2, 4, 8]
          $0.immediate = .byte
          $0.undefined = .doubleShift
        },
        InstructionTemplate(name, [0x0f, opcode | 1], .registers) {
          $0.widths = [2, 4, 8]
          $0.undefined = .doubleShift
        },
      ]
    }
    return table
  }()

  private static let bits: [InstructionTemplate] = {
    var table: [InstructionTemplate] = []
    for (number, name) in ["bt", "bts", "btr", "btc"].enumerated() {
      let step = UInt8(number) << 3
      table += [
        InstructionTemplate(name, [0x0f, 0xa3 | step], .registers) {
          $0.widths = [2, 4, 8]
          $0.undefined = .bitTest
          $0.setup = .bitString
          $0.isLockable = number > 0
        },
        InstructionTemplate(name, [0x0f, 0xba], .digit(4 | UInt8(number))) {
          $0.widths = [2, 4, 8]
          $0.immediate = .byte
          $0.undefined = .bitTest
          $0.isLockable = number > 0
        },
      ]
    }
    let scans: [(String, UInt8, UInt8?, UndefinedFlags, InstructionTemplate.HostFeature?)] = [
      ("bsf", 0xbc, nil, .bitScan, nil), ("bsr", 0xbd, nil, .bitScan, nil),
      ("tzcnt", 0xbc, 0xf3, .zeroCount, .bmi1), ("lzcnt", 0xbd, 0xf3, .zeroCount, .lzcnt),
      ("popcnt", 0xb8, 0xf3, UndefinedFlags(), .popcnt),
    ]
    for (name, opcode, prefix, undefined, feature) in scans {
      table.append(
        InstructionTemplate(name, [0x0f, opcode], .registers) {
          $0.widths = [2, 4, 8]
          $0.keepsOpcode = true
          $0.prefix = prefix
          $0.undefined = undefined
          $0.feature = feature
        })
    }
    table += [
      InstructionTemplate("bswap", [0x0f, 0xc8], .opcodeRegister) {
        $0.widths = [4, 8]
        $0.places = .register
      },
      InstructionTemplate("movbe", [0x0f, 0x38, 0xf0], .registers) {
        $0.widths = [2, 4, 8]
        $0.places = .memory
        $0.feature = .movbe
      },
      InstructionTemplate("movbe", [0x0f, 0x38, 0xf1], .registers) {
        $0.widths = [2, 4, 8]
        $0.places = .memory
        $0.feature = .movbe
      },
    ]
    return table
  }()

  private static let moves: [InstructionTemplate] = [
    InstructionTemplate("mov", [0x89], .registers),
    InstructionTemplate("mov", [0x8b], .registers),
    InstructionTemplate("mov", [0xc7], .digit(0)) { $0.immediate = .full },
    InstructionTemplate("mov", [0xb0], .opcodeRegister) {
      $0.widths = [1]
      $0.places = .register
      $0.immediate = .byte
    },
    InstructionTemplate("mov", [0xb8], .opcodeRegister) {
      $0.widths = [2, 4, 8]
      $0.places = .register
      $0.immediate = .wide
    },
    InstructionTemplate("mov", [0xa1], .absolute) { $0.places = .memory },
    InstructionTemplate("mov", [0xa3], .absolute) { $0.places = .memory },
    InstructionTemplate("lea", [0x8d], .registers) {
      $0.widths = [2, 4, 8]
      $0.places = .memory
    },
    InstructionTemplate("movzx", [0x0f, 0xb6], .registers) { $0.widths = [2, 4, 8] },
    InstructionTemplate("movzx", [0x0f, 0xb7], .registers) { $0.widths = [2, 4, 8] },
    InstructionTemplate("movsx", [0x0f, 0xbe], .registers) { $0.widths = [2, 4, 8] },
    InstructionTemplate("movsx", [0x0f, 0xbf], .registers) { $0.widths = [2, 4, 8] },
    InstructionTemplate("movsxd", [0x63], .registers) { $0.widths = [2, 4, 8] },
  ]

  private static let conditionals: [InstructionTemplate] = (0..<16 as Range<UInt8>).flatMap {
    condition in
    [
      InstructionTemplate("cmov\(condition)", [0x0f, 0x40 | condition], .registers) {
        $0.widths = [2, 4, 8]
      },
      InstructionTemplate("set\(condition)", [0x0f, 0x90 | condition], .digit(0)) {
        $0.widths = [1]
        $0.keepsOpcode = true
      },
      InstructionTemplate("j\(condition)", [0x70 | condition], .relative(1)) {
        $0.widths = [4]
        $0.places = .register
      },
      InstructionTemplate("j\(condition)", [0x0f, 0x80 | condition], .relative(4)) {
        $0.widths = [4]
        $0.places = .register
      },
    ]
  }

  private static let exchanges: [InstructionTemplate] = [
    InstructionTemplate("xchg", [0x87], .registers) { $0.isLockable = true },
    InstructionTemplate("xchg", [0x90], .opcodeRegister) {
      $0.widths = [2, 4, 8]
      $0.places = .register
    },
    InstructionTemplate("xadd", [0x0f, 0xc1], .registers) { $0.isLockable = true },
    InstructionTemplate("cmpxchg", [0x0f, 0xb1], .registers) {
      $0.isLockable = true
      $0.setup = .compareExchange
    },
    InstructionTemplate("cmpxchg8b", [0x0f, 0xc7], .digit(1)) {
      $0.widths = [4]
      $0.places = .memory
      $0.isLockable = true
      $0.setup = .compareExchangePair
    },
    InstructionTemplate("cmpxchg16b", [0x0f, 0xc7], .digit(1)) {
      $0.widths = [8]
      $0.places = .memory
      $0.isLockable = true
      $0.setup = .compareExchangePair
      $0.feature = .cmpxchg16b
    },
  ]

  /// Instructions without operands, or without effect on them.
  private static let single: [InstructionTemplate] = {
    let plain: [(String, [UInt8], [Int])] = [
      ("cbw", [0x98], [2, 4, 8]), ("cwd", [0x99], [2, 4, 8]), ("clc", [0xf8], [4]),
      ("stc", [0xf9], [4]), ("cmc", [0xf5], [4]), ("cld", [0xfc], [4]), ("std", [0xfd], [4]),
      ("lahf", [0x9f], [4]), ("sahf", [0x9e], [4]), ("lfence", [0x0f, 0xae, 0xe8], [4]),
      ("mfence", [0x0f, 0xae, 0xf0], [4]), ("sfence", [0x0f, 0xae, 0xf8], [4]),
      ("ud2", [0x0f, 0x0b], [4]),
    ]
    var table = plain.map { name, opcode, widths in
      InstructionTemplate(name, opcode, .none) {
        $0.widths = widths
        $0.places = .register
      }
    }
    table += [
      InstructionTemplate("pause", [0x90], .none) {
        $0.widths = [4]
        $0.places = .register
        $0.prefix = 0xf3
      },
      InstructionTemplate("nop", [0x0f, 0x1f], .registers) { $0.widths = [2, 4, 8] },
      InstructionTemplate("hint", [0x0f, 0x1e], .registers) { $0.widths = [4] },
      InstructionTemplate("prefetch", [0x0f, 0x18], .registers) { $0.widths = [4] },
      InstructionTemplate("prefetchw", [0x0f, 0x0d], .digit(1)) {
        $0.widths = [4]
        $0.places = .memory
      },
      InstructionTemplate("clflush", [0x0f, 0xae], .digit(7)) {
        $0.widths = [4]
        $0.places = .memory
      },
      InstructionTemplate("clflushopt", [0x0f, 0xae], .digit(7)) {
        $0.widths = [2]
        $0.keepsOpcode = true
        $0.places = .memory
        $0.feature = .clflushopt
      },
      InstructionTemplate("clwb", [0x0f, 0xae], .digit(6)) {
        $0.widths = [2]
        $0.keepsOpcode = true
        $0.places = .memory
        $0.feature = .clwb
      },
      InstructionTemplate("xlat", [0xd7], .none) {
        $0.widths = [1]
        $0.keepsOpcode = true
        $0.setup = .translate
      },
      InstructionTemplate("ud1", [0x0f, 0xb9], .registers) {
        $0.widths = [4]
        $0.places = .register
      },
    ]
    return table
  }()

  private static let stack: [InstructionTemplate] = {
    func line(
      _ name: String, _ opcode: [UInt8], _ encoding: InstructionTemplate.Encoding,
      _ change: (inout InstructionTemplate) -> Void = { _ in }
    ) -> InstructionTemplate {
      InstructionTemplate(name, opcode, encoding) {
        $0.widths = [2, 8]
        $0.defaultsTo64 = true
        $0.setup = .stack
        change(&$0)
      }
    }
    return [
      line("push", [0x50], .opcodeRegister) { $0.places = .register },
      line("pop", [0x58], .opcodeRegister) { $0.places = .register },
      line("push", [0xff], .digit(6)), line("pop", [0x8f], .digit(0)),
      line("push", [0x6a], .none) {
        $0.places = .register
        $0.immediate = .byte
      },
      line("push", [0x68], .none) {
        $0.places = .register
        $0.immediate = .full
      },
      line("push fs", [0x0f, 0xa0], .none) { $0.places = .register },
      line("leave", [0xc9], .none) {
        $0.places = .register
        $0.setup = .frame
      },
      line("enter", [0xc8], .none) {
        $0.places = .register
        $0.setup = .frame
        $0.immediate = .frame
      },
    ]
  }()

  private static let branches: [InstructionTemplate] = {
    func line(
      _ name: String, _ opcode: [UInt8], _ encoding: InstructionTemplate.Encoding,
      _ setup: InstructionTemplate.Setup, _ change: (inout InstructionTemplate) -> Void = { _ in }
    ) -> InstructionTemplate {
      InstructionTemplate(name, opcode, encoding) {
        $0.widths = [8]
        $0.defaultsTo64 = true
        $0.places = .register
        $0.setup = setup
        change(&$0)
      }
    }
    return [
      line("jmp", [0xeb], .relative(1), .general), line("jmp", [0xe9], .relative(4), .general),
      line("jmp", [0xff], .digit(4), .branchTarget) { $0.places = [.register, .memory] },
      line("call", [0xe8], .relative(4), .stack),
      line("call", [0xff], .digit(2), .callTarget) { $0.places = [.register, .memory] },
      line("ret", [0xc3], .none, .returnAddress),
      line("ret", [0xc2], .none, .returnAddress) { $0.immediate = .word },
    ]
      + [("loopne", 0xe0), ("loope", 0xe1), ("loop", 0xe2), ("jrcxz", 0xe3)].map { name, opcode in
        line(name, [opcode], .relative(1), .counter) { $0.places = [.register, .memory] }
      }
  }()

  private static let strings: [InstructionTemplate] = {
    var table: [InstructionTemplate] = []
    let lines: [(String, UInt8)] = [
      ("movs", 0xa5), ("cmps", 0xa7), ("stos", 0xab), ("lods", 0xad), ("scas", 0xaf),
    ]
    for (name, opcode) in lines {
      for prefix in [nil, 0xf2, 0xf3] as [UInt8?] {
        table.append(
          InstructionTemplate(name, [opcode], .none) {
            $0.prefix = prefix
            $0.places = [.register, .memory]
            $0.setup = .string
          })
      }
    }
    return table
  }()
}
