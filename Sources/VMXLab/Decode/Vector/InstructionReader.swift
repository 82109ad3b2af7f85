/// Reads an instruction's bytes one after the other, and its ModRM operand.
///
/// Reading beyond the end gives zeros and sets `isTruncated`.
struct InstructionReader {
  let bytes: UnsafeBufferPointer<UInt8>
  var position: Int
  var isTruncated = false

  init(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int) {
    self.bytes = bytes
    self.position = position
  }

  mutating func next() -> UInt8 {
    let byte = peek
    if position >= bytes.count { isTruncated = true }
    position += 1
    return byte
  }

  /// Why the bytes do not suffice.
  var truncation: InstructionDecoder.Failure {
    bytes.count >= InstructionPrefixes.maximumLength ? .tooLong : .truncated
  }

  /// Opcode map (none, 0FH, 38H, 3AH) and opcode.
  mutating func opcode() -> UInt16 {
    let first = next()
    guard first == 0x0f else { return UInt16(first) }
    let second = UInt16(next())
    return second == 0x38 || second == 0x3a ? second << 8 | UInt16(next()) : 0x0f00 | second
  }

  /// The next byte; 0 if there is none.
  var peek: UInt8 { position < bytes.count ? bytes[position] : 0 }

  private mutating func nextWord() -> Int64 {
    let low = UInt16(next())
    return Int64(Int16(bitPattern: low | UInt16(next()) << 8))
  }

  private mutating func nextDouble() -> Int64 {
    var value: UInt32 = 0
    for shift in 0..<4 as Range<UInt32> { value |= UInt32(next()) << (shift * 8) }
    return Int64(Int32(bitPattern: value))
  }

  /// The memory operand of `modRM`, whose byte has been read.
  ///
  /// - Parameters:
  ///   - extensions: REX.X in bit 1 and REX.B in bit 0.
  ///   - vectorIndex: the index is a vector register, whose number becomes `index`.
  ///
  /// Source: Intel SDM, "Instruction Format for Protected Mode, Real-Address Mode, and Virtual-8086
  /// Mode" (addressing-form encodings).
  mutating func memory(
    _ modRM: UInt8, prefixes: InstructionPrefixes, addressBytes: Int, isLongMode: Bool,
    extensions: UInt8, vectorIndex: Bool = false
  ) -> DecodedMemory {
    var memory = DecodedMemory()
    if addressBytes == 2 {
      read16(modRM, into: &memory)
    } else {
      read32(
        modRM, isLongMode: isLongMode, extensions: extensions, vectorIndex: vectorIndex,
        into: &memory)
    }
    let usesStack =
      memory.base == RegisterOffset.general(4) || memory.base == RegisterOffset.general(5)
    memory.segment = prefixes.segment ?? (usesStack ? .ss : .ds)
    return memory
  }

  private mutating func read16(_ modRM: UInt8, into memory: inout DecodedMemory) {
    let bx: UInt8 = 3
    let bp: UInt8 = 5
    let si: UInt8 = 6
    let di: UInt8 = 7
    let bases: [UInt8?] = [bx, bx, bp, bp, si, di, bp, bx]
    let indexes: [UInt8?] = [si, di, si, di, nil, nil, nil, nil]
    let mod = modRM >> 6
    let rm = Int(modRM & 7)
    if mod == 0, rm == 6 {
      memory.displacement = nextWord()
      return
    }
    if let base = bases[rm] { memory.base = RegisterOffset.general(base) }
    if let index = indexes[rm] { memory.index = RegisterOffset.general(index) }
    readDisplacement(mod, wide: false, into: &memory)
  }

  private mutating func read32(
    _ modRM: UInt8, isLongMode: Bool, extensions: UInt8, vectorIndex: Bool,
    into memory: inout DecodedMemory
  ) {
    let mod = modRM >> 6
    var base = modRM & 7
    if base == 4 {
      let sib = next()
      base = sib & 7
      let index = sib >> 3 & 7 | (extensions & 2) << 2
      if vectorIndex {
        memory.index = index
        memory.scale = sib >> 6
      } else if index != 4 {
        memory.index = RegisterOffset.general(index)
        memory.scale = sib >> 6
      }
      if mod == 0, base == 5 {
        memory.displacement = nextDouble()
        return
      }
    } else if mod == 0, base == 5 {
      memory.displacement = nextDouble()
      if isLongMode {
        memory.isRIPRelative = true
        memory.base = RegisterOffset.blockRIP
      }
      return
    }
    memory.base = RegisterOffset.general(base | (extensions & 1) << 3)
    readDisplacement(mod, wide: true, into: &memory)
  }

  private mutating func readDisplacement(
    _ mod: UInt8, wide: Bool, into memory: inout DecodedMemory
  ) {
    switch mod {
    case 1: memory.displacement = Int64(Int8(bitPattern: next()))
    case 2: memory.displacement = wide ? nextDouble() : nextWord()
    default: break
    }
  }
}
