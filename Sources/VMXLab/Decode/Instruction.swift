/// A handler carries out one instruction and ends by calling the handler of the next one in the
/// block (a tail call when optimised), or returns to the run loop.
///
/// The parameters are a `Processor` and the `Instruction`. A thin function is a bare code pointer, with
/// nothing to count references of; to call one is to jump to the handler itself, where a C function
/// pointer would lead to a thunk.
typealias Handler = @convention(thin) (UnsafeMutableRawPointer, UnsafeRawPointer) -> Void

/// A decoded instruction: 32 bytes, trivial, kept in the block cache.
///
/// Registers are byte offsets into `Processor`, which starts with the general registers.
struct Instruction {
  var handler: Handler
  /// Immediate, sign-extended; or the absolute address of a MOV with memory offset; or the target
  /// of a direct branch relative to the block's start; or (`isLinked`) the address of the first
  /// instruction of the block that a branch goes to, 0 if not known yet.
  var immediate: UInt64
  /// Displacement, sign-extended; relative to the block's start if `base` is `RegisterOffset.blockRIP`,
  /// and for branches that are linked.
  var displacement: Int32
  /// Offset of this instruction from the block's start, in bytes.
  var ripOffset: UInt16
  /// Cycles of the instructions before this one in the block.
  var cyclesBefore: UInt16
  var destination: UInt8
  var source: UInt8
  var base: UInt8
  var index: UInt8
  /// Bits 1:0 shift of the index register, bits 4:2 segment register, bit 5 `isBranchTarget`.
  var scaleAndSegment: UInt8
  /// Length in bytes, bits 3:0; prefixes that handlers look at in bits 7:4.
  var lengthAndPrefixes: UInt8
  /// Position in the block.
  var position: UInt8
  var mode: InstructionMode

  @inline(__always) var length: UInt64 { UInt64(lengthAndPrefixes & 0xf) }
  @inline(__always) var scale: UInt64 { UInt64(scaleAndSegment & 3) }
  @inline(__always) var segment: Int { Int(scaleAndSegment >> 2) & 7 }
  /// Where an indirect branch may lead while those are tracked: ENDBR, or a breakpoint instruction.
  @inline(__always) var isBranchTarget: Bool { scaleAndSegment & Self.branchTarget != 0 }
  static let branchTarget: UInt8 = 0x20
  @inline(__always) var isRepeated: Bool { lengthAndPrefixes & 0x30 != 0 }
  @inline(__always) var isRepeatedWhileNotEqual: Bool { lengthAndPrefixes & 0x20 != 0 }
  @inline(__always) var hasLock: Bool { lengthAndPrefixes & 0x40 != 0 }
  /// A direct branch within its page, or a marker, that remembers its target.
  @inline(__always) var isLinked: Bool { lengthAndPrefixes & 0x80 != 0 }
}

/// Facts of the mode an instruction was decoded in, for handlers.
struct InstructionMode: OptionSet {
  let rawValue: UInt8
  /// 64-bit mode.
  static let long = InstructionMode(rawValue: 1 << 0)
  /// Linear address is base + index + displacement, with no segment base and no limit: ES, CS, SS
  /// and DS in 64-bit mode; ES, SS and DS elsewhere while they are flat, with `address32`.
  static let flat = InstructionMode(rawValue: 1 << 1)
  static let address32 = InstructionMode(rawValue: 1 << 2)
  static let address16 = InstructionMode(rawValue: 1 << 3)
  static let operand16 = InstructionMode(rawValue: 1 << 4)
  static let operand32 = InstructionMode(rawValue: 1 << 5)
  static let operand64 = InstructionMode(rawValue: 1 << 6)
  /// The instruction's own cycles are charged by its handler rather than by the block.
  static let chargesItself = InstructionMode(rawValue: 1 << 7)
}

/// Offsets of register operands from the start of `Processor`.
enum RegisterOffset {
  static let zero: UInt8 = 128
  static let blockRIP: UInt8 = 136
  static func general(_ number: UInt8) -> UInt8 { number &* 8 }
  static func highByte(_ number: UInt8) -> UInt8 { (number & 3) &* 8 &+ 1 }
}

/// What an executing handler knows of its instruction: a pointer into the block cache.
///
/// Invariant: points to an instruction of a live block, with another one behind it.
struct InstructionReference {
  let pointer: UnsafePointer<Instruction>

  @inline(__always) init(_ raw: UnsafeRawPointer) {
    pointer = raw.assumingMemoryBound(to: Instruction.self)
  }
  @inline(__always) var value: Instruction { pointer.pointee }
  @inline(__always) var next: UnsafePointer<Instruction> { pointer + 1 }
}
