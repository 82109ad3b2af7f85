import CCapstone

/// An operand as the decoder reports it.
enum DecodedOperand {
  /// A general register, as a byte offset into `Processor`.
  case general(offset: UInt8, byteCount: Int)
  case segment(SegmentRegister)
  case control(UInt8)
  case debug(UInt8)
  /// The instruction's one memory operand; `DecodedInstruction.memory` describes it.
  case memory(byteCount: Int)
  case immediate(UInt64)
  /// A register of another set (x87, MMX, bounds, masks).
  case other(x86_reg)

  /// Bytes of a general register or memory operand; nil for the others.
  var byteCount: Int? {
    switch self {
    case .general(_, let byteCount), .memory(let byteCount): byteCount
    default: nil
    }
  }
}

/// A memory operand: an effective address and its segment.
struct DecodedMemory {
  var base: UInt8 = RegisterOffset.zero
  var index: UInt8 = RegisterOffset.zero
  /// log2 of the scale.
  var scale: UInt8 = 0
  var displacement: Int64 = 0
  var segment: SegmentRegister = .ds
  var isRIPRelative = false
}

/// One instruction as Capstone reads it, or `EncodingTable` or `VectorTable` has it.
struct DecodedInstruction {
  var id: x86_insn
  var length: Int
  var operands: [DecodedOperand]
  var memory = DecodedMemory()
  /// Bytes of an operand of the mode's effective operand size: 2, 4 or 8.
  var operandBytes: Int
  /// Bytes of an effective address: 2, 4 or 8.
  var addressBytes: Int
  var isLongMode: Bool
  var hasLock: Bool
  /// F3: REP/REPE.
  var hasREP: Bool
  /// F2: REPNE.
  var hasREPNE: Bool
  var rexW: Bool
  /// Opcode bytes without prefixes, as Capstone gives them (1 to 3 meaningful).
  var opcode: (UInt8, UInt8, UInt8, UInt8)
  var modRM: UInt8
  var segmentOverride: SegmentRegister?
  /// Bytes of the displacement of a memory operand, and of all immediates, which end the instruction in
  /// this order; 0 where there is none or Capstone did not decode it.
  var displacementSize = 0
  var immediateSize = 0
  /// A near relative branch.
  var isDirectBranch = false
  /// Displacement of a near relative branch, from the end of the instruction.
  var branchDisplacement: Int64 = 0
  /// The code segment starts at 0 and has no limit (64-bit mode, or flat).
  var isFlatCode = false
  /// ES, SS and DS start at 0 and have no limit, outside 64-bit mode.
  var isFlatData = false
  /// Near branches heed shadow stacks and the tracking of indirect branches.
  var heedsControlFlow = false
  /// Bus locks are detected.
  var watchesBusLocks = false
  /// Has a NOTRACK prefix, if it is an indirect branch.
  var isNoTrack = false
  /// Where in its page the instruction starts.
  var pageOffset = 0

  /// Whether a direct branch goes to its own page, where nothing about the target needs checking.
  var branchesWithinPage: Bool { isFlatCode && targetIsOnPage }
  /// Whether the target of a direct branch is on the page where the instruction starts.
  var targetIsOnPage: Bool {
    (0..<0x1000).contains(Int64(pageOffset + length) + branchDisplacement)
  }
  /// MOV to or from an absolute address without ModRM.
  var hasMemoryOffset: Bool { opcode.0 & 0xfc == 0xa0 }
  /// What `VectorDecoder` found, if it decoded the instruction.
  var vector: VectorSelection?
  /// The operands of an instruction of Intel MPX, which is a NOP while that is not enabled.
  var bounds: BoundsOperands?
  /// Intel MPX is enabled.
  private(set) var heedsBounds = false

  /// Takes note that Intel MPX is enabled.
  mutating func heedBounds() {
    heedsBounds = true
    if let bounds { addressBytes = bounds.addressBytes }
  }

  /// Whether a near branch initializes the bounds: F2 is the BND prefix, and JMP rel8 (EB) never does.
  var initializesBounds: Bool { heedsBounds && !hasREPNE && opcode.0 != 0xeb }

  /// ModRM.reg, without REX.R.
  var modRMReg: UInt8 { modRM >> 3 & 7 }
  var modRMIsRegister: Bool { modRM >> 6 == 3 }
  var hasMemoryOperand: Bool {
    operands.contains { if case .memory = $0 { true } else { false } }
  }
}
