@testable import VMXLab

/// An x87 or MMX instruction of the differential tests: opcode bytes, and what its operands look like.
struct X87Template {
  let name: String
  /// Opcode and ModRM; of a memory form ModRM.reg alone, and an immediate byte in `immediate`.
  var opcode: [UInt8]
  /// Bytes of the memory operand; 0 for a register form.
  var memoryBytes = 0
  var operand = MemoryOperand.bits
  var immediate: ClosedRange<UInt8>?
  /// Exponents of ST(0) and ST(1) that make the instruction do something.
  var exponents: (ClosedRange<Int>, ClosedRange<Int>)?
  /// Bits of the status word in which processors differ.
  var ignoredStatus: UInt16 = 0
  /// Units in the last place that results may be apart.
  var tolerance: UInt64 = 0
  /// Bytes of the memory operand in which processors differ.
  var ignoredBytes: Range<Int> = 0..<0
  /// Whether the result is defined for this ST(0).
  var isDefined: @Sendable (DoubleExtended) -> Bool = { _ in true }

  enum MemoryOperand {
    /// Anything.
    case bits
    case real
    case decimal
    /// What FNSTENV or FNSAVE stores.
    case environment
  }

  init(_ name: String, _ opcode: [UInt8], _ change: (inout X87Template) -> Void = { _ in }) {
    self.name = name
    self.opcode = opcode
    change(&self)
  }

  // MARK: x87

  static let x87: [X87Template] =
    registerForms + memoryForms + oneOperand + transcendental + environment

  private static let registerForms: [X87Template] = {
    var all: [X87Template] = []
    let names = ["FADD", "FMUL", "FCOM", "FCOMP", "FSUB", "FSUBR", "FDIV", "FDIVR"]
    for (number, name) in names.enumerated() {
      for i in [0, 1, 5] as [UInt8] {
        let modRM = 0xc0 + UInt8(number) * 8 + i
        all.append(X87Template("\(name) ST0, ST\(i)", [0xd8, modRM]))
        all.append(X87Template("\(name) ST\(i), ST0", [0xdc, modRM]))
        if number != 3 { all.append(X87Template("\(name)P", [0xde, modRM])) }
      }
    }
    for i in [0, 1, 4] as [UInt8] {
      for (name, opcode) in [
        ("FLD", [0xd9, 0xc0]), ("FXCH", [0xd9, 0xc8]), ("FXCH", [0xdd, 0xc8]),
        ("FXCH", [0xdf, 0xc8]), ("FST", [0xdd, 0xd0]), ("FSTP", [0xdd, 0xd8]),
        ("FSTP", [0xdf, 0xd0]), ("FSTP", [0xdf, 0xd8]), ("FUCOM", [0xdd, 0xe0]),
        ("FUCOMP", [0xdd, 0xe8]), ("FFREE", [0xdd, 0xc0]), ("FFREEP", [0xdf, 0xc0]),
      ] as [(String, [UInt8])] {
        // Which of two stack faults FLD reports, and what FFREE does to C1, the manual leaves open.
        all.append(
          X87Template("\(name) ST\(i)", [opcode[0], opcode[1] + i]) {
            if name == "FLD" || name.hasPrefix("FFREE") { $0.ignoredStatus = X87Status.c1 }
          })
      }
      for (name, opcode) in [
        ("FCMOVB", [0xda, 0xc0]), ("FCMOVE", [0xda, 0xc8]), ("FCMOVBE", [0xda, 0xd0]),
        ("FCMOVU", [0xda, 0xd8]), ("FCMOVNB", [0xdb, 0xc0]), ("FCMOVNE", [0xdb, 0xc8]),
        ("FCMOVNBE", [0xdb, 0xd0]), ("FCMOVNU", [0xdb, 0xd8]), ("FUCOMI", [0xdb, 0xe8]),
        ("FCOMI", [0xdb, 0xf0]), ("FUCOMIP", [0xdf, 0xe8]), ("FCOMIP", [0xdf, 0xf0]),
      ] as [(String, [UInt8])] {
        // The manual has FCOMI clear C1; AMD's processors leave it alone.
        all.append(
          X87Template("\(name) ST\(i)", [opcode[0], opcode[1] + i]) {
            $0.ignoredStatus = X87Status.c1
          })
      }
    }
    all.append(X87Template("FCOMPP", [0xde, 0xd9]))
    all.append(X87Template("FUCOMPP", [0xda, 0xe9]))
    return all
  }()

  private static let memoryForms: [X87Template] = {
    var all: [X87Template] = []
    let names = ["FADD", "FMUL", "FCOM", "FCOMP", "FSUB", "FSUBR", "FDIV", "FDIVR"]
    func add(
      _ name: String, _ opcode: UInt8, _ digit: UInt8, _ bytes: Int,
      _ change: (inout X87Template) -> Void = { _ in }
    ) {
      all.append(
        X87Template(name, [opcode, digit << 3]) {
          $0.memoryBytes = bytes
          change(&$0)
        })
    }
    for (number, name) in names.enumerated() {
      add("\(name) m32", 0xd8, UInt8(number), 4) { $0.operand = .real }
      add("\(name) m64", 0xdc, UInt8(number), 8) { $0.operand = .real }
      add("FI\(name) m32", 0xda, UInt8(number), 4)
      add("FI\(name) m16", 0xde, UInt8(number), 2)
    }
    for _ in 0..<2 {
      add("FLD m32", 0xd9, 0, 4) { $0.operand = .real }
      add("FLD m64", 0xdd, 0, 8) { $0.operand = .real }
      add("FLD m80", 0xdb, 5, 10) { $0.operand = .real }
      add("FILD m16", 0xdf, 0, 2)
      add("FILD m32", 0xdb, 0, 4)
      add("FILD m64", 0xdf, 5, 8)
      add("FBLD", 0xdf, 4, 10) { $0.operand = .decimal }
      add("FST m32", 0xd9, 2, 4) { $0.exponents = (-152...130, 0...1) }
      add("FSTP m32", 0xd9, 3, 4) { $0.exponents = (-152...(-120), 0...1) }
      add("FST m64", 0xdd, 2, 8) { $0.exponents = (-1080...(-1020), 0...1) }
      add("FSTP m64", 0xdd, 3, 8) { $0.exponents = (1020...1026, 0...1) }
      add("FSTP m80", 0xdb, 7, 10)
      for (bytes, opcode, digit) in [(2, 0xdf, 2), (2, 0xdf, 3), (2, 0xdf, 1), (4, 0xdb, 2)]
        as [(Int, UInt8, UInt8)]
      {
        add("FIST m\(bytes * 8)", opcode, digit, bytes) { $0.exponents = (-2...33, 0...1) }
      }
      for (bytes, opcode, digit) in [(4, 0xdb, 3), (4, 0xdb, 1), (8, 0xdf, 7), (8, 0xdd, 1)]
        as [(Int, UInt8, UInt8)]
      {
        add("FISTP m\(bytes * 8)", opcode, digit, bytes) { $0.exponents = (20...65, 0...1) }
      }
      add("FBSTP", 0xdf, 6, 10) { $0.exponents = (-2...62, 0...1) }
    }
    return all
  }()

  private static let oneOperand: [X87Template] =
    [
      ("FNOP", 0xd0), ("FCHS", 0xe0), ("FABS", 0xe1), ("FTST", 0xe4), ("FXAM", 0xe5),
      ("FLD1", 0xe8), ("FLDL2T", 0xe9), ("FLDL2E", 0xea), ("FLDPI", 0xeb), ("FLDLG2", 0xec),
      ("FLDLN2", 0xed), ("FLDZ", 0xee), ("FDECSTP", 0xf6), ("FINCSTP", 0xf7), ("FSQRT", 0xfa),
      ("FXTRACT", 0xf4),
    ].map { X87Template($0.0, [0xd9, $0.1]) } + [
      X87Template("FRNDINT", [0xd9, 0xfc]) { $0.exponents = (-3...64, 0...1) },
      X87Template("FSCALE", [0xd9, 0xfd]) { $0.exponents = (-16400...16383, -1...17) },
      X87Template("FPREM", [0xd9, 0xf8]) { $0.exponents = (-5...140, -3...3) },
      X87Template("FPREM1", [0xd9, 0xf5]) { $0.exponents = (-5...140, -3...3) },
      X87Template("FPREM", [0xd9, 0xf8]) { $0.exponents = (-2...8, -3...3) },
      X87Template("FPREM1", [0xd9, 0xf5]) { $0.exponents = (-2...8, -3...3) },
    ]

  /// To the last place but one; what says whether a result was rounded up is left out, too.
  private static let transcendental: [X87Template] =
    [
      ("F2XM1", 0xf0, -70...(-1), 0...1), ("FYL2X", 0xf1, -3...3, -3...3),
      ("FPTAN", 0xf2, -30...20, 0...1), ("FPATAN", 0xf3, -3...3, -3...3),
      ("FYL2XP1", 0xf9, -70...(-3), -3...3), ("FSINCOS", 0xfb, -30...62, 0...1),
      ("FSIN", 0xfe, -3...64, 0...1), ("FCOS", 0xff, -3...10, 0...1),
    ].map { (name: String, modRM: UInt8, first: ClosedRange<Int>, second: ClosedRange<Int>) in
      X87Template(name, [0xd9, modRM]) {
        $0.exponents = (first, second)
        $0.ignoredStatus = X87Status.c1
        $0.tolerance = 1
        let limit: UInt16? =
          switch name {
          case "F2XM1": 0x3fff
          case "FYL2XP1": 0x3ffd
          default: nil
          }
        if let limit {
          $0.isDefined = { $0.biasedExponent < limit || $0.biasedExponent == 0x7fff }
        }
      }
    }

  private static let environment: [X87Template] = [
    X87Template("FNINIT", [0xdb, 0xe3]), X87Template("FNCLEX", [0xdb, 0xe2]),
    X87Template("FNSTSW AX", [0xdf, 0xe0]),
    X87Template("FLDCW", [0xd9, 5 << 3]) { $0.memoryBytes = 2 },
    X87Template("FNSTCW", [0xd9, 7 << 3]) { $0.memoryBytes = 2 },
    X87Template("FNSTSW", [0xdd, 7 << 3]) { $0.memoryBytes = 2 },
    // What is left out are the pointers.
    X87Template("FNSTENV", [0xd9, 6 << 3]) {
      $0.memoryBytes = 28
      $0.ignoredBytes = 12..<28
    },
    X87Template("FNSTENV 16", [0x66, 0xd9, 6 << 3]) {
      $0.memoryBytes = 14
      $0.ignoredBytes = 6..<14
    },
    X87Template("FNSAVE", [0xdd, 6 << 3]) {
      $0.memoryBytes = 108
      $0.ignoredBytes = 12..<28
    },
    X87Template("FLDENV", [0xd9, 4 << 3]) {
      $0.memoryBytes = 28
      $0.operand = .environment
    },
    X87Template("FRSTOR", [0xdd, 4 << 3]) {
      $0.memoryBytes = 108
      $0.operand = .environment
    },
  ]

  // MARK: MMX

  static let mmx: [X87Template] = packed + mmxMoves

  private static let packed: [X87Template] = {
    var all: [X87Template] = []
    let codes: [(String, [UInt8])] = [
      ("PUNPCKLBW", [0x60]), ("PUNPCKLWD", [0x61]), ("PUNPCKLDQ", [0x62]), ("PACKSSWB", [0x63]),
      ("PCMPGTB", [0x64]), ("PCMPGTW", [0x65]), ("PCMPGTD", [0x66]), ("PACKUSWB", [0x67]),
      ("PUNPCKHBW", [0x68]), ("PUNPCKHWD", [0x69]), ("PUNPCKHDQ", [0x6a]), ("PACKSSDW", [0x6b]),
      ("MOVQ", [0x6f]), ("PCMPEQB", [0x74]), ("PCMPEQW", [0x75]), ("PCMPEQD", [0x76]),
      ("PSRLW", [0xd1]), ("PSRLD", [0xd2]), ("PSRLQ", [0xd3]), ("PADDQ", [0xd4]),
      ("PMULLW", [0xd5]), ("PSUBUSB", [0xd8]), ("PSUBUSW", [0xd9]), ("PMINUB", [0xda]),
      ("PAND", [0xdb]), ("PADDUSB", [0xdc]), ("PADDUSW", [0xdd]), ("PMAXUB", [0xde]),
      ("PANDN", [0xdf]), ("PAVGB", [0xe0]), ("PSRAW", [0xe1]), ("PSRAD", [0xe2]),
      ("PAVGW", [0xe3]), ("PMULHUW", [0xe4]), ("PMULHW", [0xe5]), ("PSUBSB", [0xe8]),
      ("PSUBSW", [0xe9]), ("PMINSW", [0xea]), ("POR", [0xeb]), ("PADDSB", [0xec]),
      ("PADDSW", [0xed]), ("PMAXSW", [0xee]), ("PXOR", [0xef]), ("PSLLW", [0xf1]),
      ("PSLLD", [0xf2]), ("PSLLQ", [0xf3]), ("PMULUDQ", [0xf4]), ("PMADDWD", [0xf5]),
      ("PSADBW", [0xf6]), ("PSUBB", [0xf8]), ("PSUBW", [0xf9]), ("PSUBD", [0xfa]),
      ("PSUBQ", [0xfb]), ("PADDB", [0xfc]), ("PADDW", [0xfd]), ("PADDD", [0xfe]),
      ("PSHUFB", [0x38, 0x00]), ("PHADDW", [0x38, 0x01]), ("PHADDD", [0x38, 0x02]),
      ("PHADDSW", [0x38, 0x03]), ("PMADDUBSW", [0x38, 0x04]), ("PHSUBW", [0x38, 0x05]),
      ("PHSUBD", [0x38, 0x06]), ("PHSUBSW", [0x38, 0x07]), ("PSIGNB", [0x38, 0x08]),
      ("PSIGNW", [0x38, 0x09]), ("PSIGND", [0x38, 0x0a]), ("PMULHRSW", [0x38, 0x0b]),
      ("PABSB", [0x38, 0x1c]), ("PABSW", [0x38, 0x1d]), ("PABSD", [0x38, 0x1e]),
    ]
    for (name, opcode) in codes {
      all.append(X87Template("\(name) mm, mm", [0x0f] + opcode + [0xc0 | 2 << 3 | 5]))
      all.append(X87Template("\(name) mm, m64", [0x0f] + opcode + [3 << 3]) { $0.memoryBytes = 8 })
    }
    for (name, opcode) in [("PSHUFW", [0x70]), ("PALIGNR", [0x3a, 0x0f])] as [(String, [UInt8])] {
      let limit: UInt8 = name == "PSHUFW" ? 255 : 20
      all.append(
        X87Template("\(name) mm, mm", [0x0f] + opcode + [0xc0 | 1 << 3 | 6]) {
          $0.immediate = 0...limit
        })
      all.append(
        X87Template("\(name) mm, m64", [0x0f] + opcode + [7 << 3]) {
          $0.memoryBytes = 8
          $0.immediate = 0...limit
        })
    }
    for (opcode, digits) in [(0x71, [2, 4, 6]), (0x72, [2, 4, 6]), (0x73, [2, 6])]
      as [(UInt8, [UInt8])]
    {
      for digit in digits {
        all.append(
          X87Template("shift \(opcode) /\(digit)", [0x0f, opcode, 0xc0 | digit << 3 | 4]) {
            $0.immediate = 0...70
          })
      }
    }
    return all
  }()

  private static let mmxMoves: [X87Template] = [
    X87Template("MOVD mm, ecx", [0x0f, 0x6e, 0xc0 | 3 << 3 | 1]),
    X87Template("MOVQ mm, rcx", [0x48, 0x0f, 0x6e, 0xc0 | 3 << 3 | 1]),
    X87Template("MOVD ecx, mm", [0x0f, 0x7e, 0xc0 | 3 << 3 | 1]),
    X87Template("MOVQ r9, mm", [0x49, 0x0f, 0x7e, 0xc0 | 3 << 3 | 1]),
    X87Template("MOVQ mm, mm", [0x0f, 0x7f, 0xc0 | 3 << 3 | 1]),
    X87Template("MOVD mm, m32", [0x0f, 0x6e, 3 << 3]) { $0.memoryBytes = 4 },
    X87Template("MOVD m32, mm", [0x0f, 0x7e, 3 << 3]) { $0.memoryBytes = 4 },
    X87Template("MOVQ m64, mm", [0x0f, 0x7f, 3 << 3]) { $0.memoryBytes = 8 },
    X87Template("MOVQ m64, mm", [0x48, 0x0f, 0x7e, 3 << 3]) { $0.memoryBytes = 8 },
    X87Template("MOVNTQ", [0x0f, 0xe7, 6 << 3]) { $0.memoryBytes = 8 },
    X87Template("PINSRW mm, edx", [0x0f, 0xc4, 0xc0 | 1 << 3 | 2]) { $0.immediate = 0...255 },
    X87Template("PINSRW mm, m16", [0x0f, 0xc4, 1 << 3]) {
      $0.memoryBytes = 2
      $0.immediate = 0...255
    },
    X87Template("PEXTRW edx, mm", [0x0f, 0xc5, 0xc0 | 2 << 3 | 7]) { $0.immediate = 0...255 },
    X87Template("PMOVMSKB edx, mm", [0x0f, 0xd7, 0xc0 | 2 << 3 | 7]),
    X87Template("EMMS", [0x0f, 0x77]),
  ]
}
