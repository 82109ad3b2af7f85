/// The legacy and REX prefixes of an instruction, and its opcode map.
///
/// Capstone 4 reads mandatory prefixes wrongly in 16-bit code, obeys 66 on near branches in 64-bit
/// mode (Intel ignores it there), takes instructions with both 67 and REX.W for others, and has
/// opinions on the order of prefixes. So prefixes are read here, and Capstone gets a normalised
/// instruction of 32- or 64-bit code.
///
/// Source: Intel SDM, "Instruction Prefixes".
struct InstructionPrefixes {
  var count = 0
  var hasLock = false
  /// The last of F2 and F3.
  var repeatPrefix: UInt8 = 0
  var hasOperandSize = false
  var hasAddressSize = false
  var segment: SegmentRegister?
  /// 3E.
  var hasDS = false
  var rex: UInt8 = 0

  /// Longest instruction, in bytes.
  static let maximumLength = 15

  init(_ bytes: UnsafeBufferPointer<UInt8>, isLongMode: Bool) {
    while count < bytes.count, count < Self.maximumLength {
      let byte = bytes[count]
      var isREX = false
      switch byte {
      case 0xf0: hasLock = true
      case 0xf2, 0xf3: repeatPrefix = byte
      case 0x66: hasOperandSize = true
      case 0x67: hasAddressSize = true
      case 0x26: segment = isLongMode ? segment : .es
      case 0x2e: segment = isLongMode ? segment : .cs
      case 0x36: segment = isLongMode ? segment : .ss
      case 0x3e:
        segment = isLongMode ? segment : .ds
        hasDS = true
      case 0x64: segment = .fs
      case 0x65: segment = .gs
      case 0x40...0x4f where isLongMode:
        rex = byte
        isREX = true
      default: return
      }
      // A REX prefix counts only right before the opcode.
      if !isREX { rex = 0 }
      count += 1
    }
  }

  /// The prefix that chooses among the instructions of an opcode that has several.
  var mandatory: MandatoryPrefix {
    switch repeatPrefix {
    case 0xf2: .xF2
    case 0xf3: .xF3
    default: hasOperandSize ? .x66 : .none
    }
  }

  /// 3E as NOTRACK: the last segment prefix, or in 64-bit mode the only one that counts.
  ///
  /// Source: Intel SDM, "No-Track Prefix for Near Indirect CALL/JMP".
  var isNoTrack: Bool { hasDS && (segment == nil || segment == .ds) }

  /// Bytes of an operand of the mode `codeBytes`: 2, 4 or 8.
  func operandBytes(codeBytes: Int) -> Int {
    if rex & 8 != 0 { return 8 }
    return hasOperandSize == (codeBytes == 2) ? 4 : 2
  }

  /// Bytes of an effective address in the mode `codeBytes`: 2, 4 or 8.
  func addressBytes(codeBytes: Int) -> Int {
    hasAddressSize ? (codeBytes == 4 ? 2 : 4) : codeBytes
  }

  /// The bytes that Capstone is given for the mode `codeBytes` (2, 4, or 8: 16-, 32-, 64-bit code).
  ///
  /// - Returns: the number of bytes written to `buffer`, and how many of them are prefixes.
  func normalize(
    _ bytes: UnsafeBufferPointer<UInt8>, codeBytes: Int,
    into buffer: UnsafeMutableBufferPointer<UInt8>
  ) -> (count: Int, prefixes: Int) {
    let opcode = bytes[count]
    let second = count + 1 < bytes.count ? bytes[count + 1] : 0
    let third = count + 2 < bytes.count ? bytes[count + 2] : 0
    var used = 0
    func put(_ byte: UInt8) {
      buffer[used] = byte
      used += 1
    }
    let isTwoByte = opcode == 0x0f
    let mandatory = isTwoByte && Self.hasMandatoryPrefix(second, third)
    // 16-bit code is decoded as 32-bit code with the size prefixes turned round.
    let inverts = codeBytes == 2
    if let segment { put(Self.override(segment)) }
    let isNearBranch =
      codeBytes == 8
      && (opcode == 0xe8 || opcode == 0xe9 || (isTwoByte && second & 0xf0 == 0x80))
    // REX.W outdoes 66, unless that chooses the instruction.
    let ignores66 = isNearBranch || rex & 8 != 0 && !mandatory
    let isLong = codeBytes == 8
    // In this order: Capstone looks for a mandatory 66 right before the opcode, and for F2 or F3
    // before it looks for 66.
    if hasAddressSize != inverts, !isLong || Self.needsAddressSize(opcode) { put(0x67) }
    if !ignores66, hasOperandSize != (inverts && !mandatory) { put(0x66) }
    if isTwoByte, repeatPrefix != 0, mandatory || Self.takesRepeat(second) { put(repeatPrefix) }
    // Segment registers have no numbers above 7.
    if rex != 0 { put(opcode == 0x8c || opcode == 0x8e ? rex & ~4 : rex) }
    let prefixes = used
    for index in count..<min(bytes.count, count + Self.maximumLength) {
      guard used < buffer.count else { break }
      put(bytes[index])
    }
    return (used, prefixes)
  }

  /// Whether 66 chooses the instruction rather than the operand size.
  private static func hasMandatoryPrefix(_ opcode: UInt8, _ next: UInt8) -> Bool {
    switch opcode {
    case 0x10...0x17, 0x28...0x2f, 0x50...0x7f, 0xae, 0xc2, 0xc4...0xc6, 0xd0...0xff: true
    case 0x38: next != 0xf0 && next != 0xf1
    case 0x3a: true
    case 0xc7: next >> 6 != 3
    default: false
    }
  }

  /// Opcodes 0F xx that F2 or F3 turns into others although 66 does not.
  private static func takesRepeat(_ opcode: UInt8) -> Bool {
    switch opcode {
    case 0x38, 0xb8, 0xbc, 0xbd: true
    default: false
    }
  }

  /// One-byte opcodes of 64-bit code that 67 changes although they have no ModRM byte: MOV with a
  /// memory offset, JRCXZ. The width of other addresses is not asked of Capstone.
  private static func needsAddressSize(_ opcode: UInt8) -> Bool {
    opcode & 0xfc == 0xa0 || opcode == 0xe3
  }

  private static func override(_ segment: SegmentRegister) -> UInt8 {
    switch segment {
    case .es: 0x26
    case .cs: 0x2e
    case .ss: 0x36
    case .fs: 0x64
    case .gs: 0x65
    default: 0x3e
    }
  }
}
