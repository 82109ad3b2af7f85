import CCapstone

/// A vector instruction as decoded: its line in the table, and its registers by number.
struct VectorSelection {
  /// Index in `VectorTable.entries`.
  var entry: Int
  var isVEX: Bool
  /// VEX.L.
  var isWide: Bool
  var reg: UInt8
  var vvvv: UInt8
  /// The register that ModRM.rm names, if it names one.
  var rm: UInt8
  var immediate: UInt8
}

/// Decodes what `VectorTable` has: Capstone 4 has gaps and mistakes in these maps.
///
/// Source: Intel SDM, "Intel Advanced Vector Extensions (Intel AVX)", instruction format, and
/// "Opcode Map".
enum VectorDecoder {
  /// The vector instruction that `bytes` start with; nil if they are none.
  static func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, _ prefixes: InstructionPrefixes, codeBytes: Int
  ) -> Result<DecodedInstruction, InstructionDecoder.Failure>? {
    var reader = InstructionReader(bytes, at: prefixes.count)
    if reader.peek == 0x0f { return legacy(&reader, prefixes, codeBytes: codeBytes) }
    let opcode = reader.next()
    let isLong = codeBytes == 8
    switch opcode {
    case 0xc4, 0xc5, 0x62:
      // In other modes LES, LDS and BOUND, whose operand is never a register.
      guard isLong || reader.peek >= 0xc0 else {
        return reader.position < bytes.count ? nil : .failure(reader.truncation)
      }
      if opcode == 0x62 { return .failure(.invalid) }
      return vex(&reader, prefixes, codeBytes: codeBytes, isLongForm: opcode == 0xc4)
    default: return nil
    }
  }

  private static func legacy(
    _ reader: inout InstructionReader, _ prefixes: InstructionPrefixes, codeBytes: Int
  ) -> Result<DecodedInstruction, InstructionDecoder.Failure>? {
    let opcode = reader.opcode()
    if reader.isTruncated { return nil }
    let key = VectorTable.Key(
      isVEX: false, prefix: prefixes.mandatory, opcode: opcode, modRM: reader.peek,
      w: prefixes.rex & 8 != 0, l: false, isLongMode: codeBytes == 8)
    guard let entry = VectorTable.shared.find(key) else { return nil }
    var selection = VectorSelection(
      entry: entry, isVEX: false, isWide: false, reg: 0, vvvv: 0, rm: 0, immediate: 0)
    // Outside 64-bit mode there is no REX.
    return finish(
      &reader, prefixes, &selection, rex: prefixes.rex, vvvv: nil, opcode: opcode,
      codeBytes: codeBytes)
  }

  private static func vex(
    _ reader: inout InstructionReader, _ prefixes: InstructionPrefixes, codeBytes: Int,
    isLongForm: Bool
  ) -> Result<DecodedInstruction, InstructionDecoder.Failure>? {
    let isLong = codeBytes == 8
    let first = reader.next()
    var map: UInt8 = 1
    var last = first
    var rex = (~first & 0x80) >> 5
    if isLongForm {
      last = reader.next()
      map = first & 0x1f
      rex = (~first & 0xe0) >> 5 | (last & 0x80) >> 4
    }
    let code = reader.next()
    if reader.isTruncated { return .failure(reader.truncation) }
    let mapByte: UInt16
    switch map {
    case 1: mapByte = 0x0f00
    case 2: mapByte = 0x3800
    case 3: mapByte = 0x3a00
    default: return .failure(.invalid)
    }
    // REX, LOCK, 66, F2 and F3 are not allowed before VEX.
    guard prefixes.rex == 0, !prefixes.hasLock, !prefixes.hasOperandSize,
      prefixes.repeatPrefix == 0
    else { return .failure(.invalid) }
    if !isLong { rex &= 8 }
    let opcode = mapByte | UInt16(code)
    let needsModRM = opcode != 0x0f77
    let modRM = needsModRM ? reader.peek : 0xc0
    if needsModRM, reader.position >= reader.bytes.count { return .failure(reader.truncation) }
    let key = VectorTable.Key(
      isVEX: true, prefix: MandatoryPrefix(rawValue: last & 3) ?? .none, opcode: opcode,
      modRM: modRM, w: rex & 8 != 0, l: last & 4 != 0, isLongMode: isLong)
    guard let entry = VectorTable.shared.find(key) else { return .failure(.invalid) }
    var selection = VectorSelection(
      entry: entry, isVEX: true, isWide: key.l, reg: 0, vvvv: 0, rm: 0, immediate: 0)
    return finish(
      &reader, prefixes, &selection, rex: rex, vvvv: (~last >> 3) & 0xf, opcode: opcode,
      codeBytes: codeBytes)
  }

  /// Reads ModRM, the operands and the immediate.
  ///
  /// - Parameters:
  ///   - rex: W, R, X, B in bits 3:0.
  ///   - vvvv: the register in the VEX prefix, not inverted; nil for legacy forms.
  private static func finish(
    _ reader: inout InstructionReader, _ prefixes: InstructionPrefixes,
    _ selection: inout VectorSelection, rex: UInt8, vvvv: UInt8?, opcode: UInt16, codeBytes: Int
  ) -> Result<DecodedInstruction, InstructionDecoder.Failure> {
    let isLong = codeBytes == 8
    let form = VectorTable.shared.entries[selection.entry].form
    let rexW = rex & 8 != 0 && isLong
    var decoded = DecodedInstruction(
      id: X86_INS_INVALID, length: 0, operands: [], operandBytes: rexW ? 8 : 4,
      addressBytes: prefixes.addressBytes(codeBytes: codeBytes), isLongMode: isLong,
      hasLock: prefixes.hasLock, hasREP: false,
      hasREPNE: false, rexW: rexW,
      opcode: (UInt8(truncatingIfNeeded: opcode >> 8), UInt8(truncatingIfNeeded: opcode), 0, 0),
      modRM: 0xc0)
    decoded.segmentOverride = prefixes.segment
    if opcode != 0x0f77 {
      decoded.modRM = reader.next()
      selection.reg = decoded.modRM >> 3 & 7 | (rex & 4) << 1
      selection.rm = decoded.modRM & 7 | (rex & 1) << 3
      if !decoded.modRMIsRegister {
        if form.options.contains(.vectorIndex), decoded.modRM & 7 != 4 || decoded.addressBytes == 2
        {
          // A vector index needs an SIB byte.
          return .failure(.invalid)
        }
        decoded.memory = reader.memory(
          decoded.modRM, prefixes: prefixes, addressBytes: decoded.addressBytes,
          isLongMode: isLong, extensions: rex & 3,
          vectorIndex: form.options.contains(.vectorIndex))
      }
    }
    if form.options.contains(.immediate) { selection.immediate = reader.next() }
    decoded.length = reader.position
    guard decoded.length <= InstructionPrefixes.maximumLength else { return .failure(.tooLong) }
    if reader.isTruncated { return .failure(reader.truncation) }
    if let vvvv {
      // A form that does not use the field must have ones in it.
      if !form.usesVvvv, vvvv != 0 { return .failure(.invalid) }
      selection.vvvv = isLong ? vvvv : vvvv & 7
    } else {
      selection.vvvv = selection.reg
    }
    if case .general(let id, _) = form.shape { decoded.id = id }
    decoded.vector = selection
    return .success(decoded)
  }
}
