import CCapstone

/// Decodes what `EncodingTable` has.
enum EncodingDecoder {
  /// The instruction that `bytes` start with; nil if they are for Capstone.
  static func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, _ prefixes: InstructionPrefixes, codeBytes: Int
  ) -> Result<DecodedInstruction, InstructionDecoder.Failure>? {
    var reader = InstructionReader(bytes, at: prefixes.count)
    let opcode = reader.opcode()
    guard !reader.isTruncated, EncodingTable.has(opcode) else { return nil }
    // Without the ModRM byte a line that needs one is as good as any other: it says so.
    guard let line = EncodingTable.find(opcode, prefixes.mandatory, modRM: reader.peek) else {
      return nil
    }
    if line.modRM.isAbsent { return finish(line, 0, &reader, prefixes, codeBytes: codeBytes) }
    let modRM = reader.next()
    if reader.isTruncated { return .failure(reader.truncation) }
    return finish(line, modRM, &reader, prefixes, codeBytes: codeBytes)
  }

  private static func finish(
    _ line: Encoding, _ modRM: UInt8, _ reader: inout InstructionReader,
    _ prefixes: InstructionPrefixes, codeBytes: Int
  ) -> Result<DecodedInstruction, InstructionDecoder.Failure> {
    guard case .instruction(let id, let operands) = line.meaning else {
      if case .notBuilt = line.meaning { return .failure(.notBuilt) }
      return .failure(.invalid)
    }
    let isLong = codeBytes == 8
    // 66 that chooses the instruction chooses no operand size.
    let operandBytes =
      line.prefixes == .x66
      ? (prefixes.rex & 8 != 0 ? 8 : 4) : prefixes.operandBytes(codeBytes: codeBytes)
    var decoded = DecodedInstruction(
      id: id, length: 0, operands: [], operandBytes: operandBytes,
      addressBytes: prefixes.addressBytes(codeBytes: codeBytes), isLongMode: isLong,
      hasLock: prefixes.hasLock, hasREP: false, hasREPNE: false,
      rexW: prefixes.rex & 8 != 0,
      opcode: (reader.bytes[prefixes.count], 0, 0, 0), modRM: modRM)
    decoded.segmentOverride = prefixes.segment
    if !line.modRM.isAbsent, modRM < 0xc0 {
      decoded.memory = reader.memory(
        modRM, prefixes: prefixes, addressBytes: decoded.addressBytes, isLongMode: isLong,
        extensions: prefixes.rex & 3)
    }
    for operand in operands {
      switch operand {
      case .memory(let size):
        if modRM < 0xc0 { decoded.operands.append(.memory(byteCount: size.byteCount(decoded))) }
      case .register(let size):
        if modRM >= 0xc0 {
          decoded.operands.append(general(modRM & 7 | (prefixes.rex & 1) << 3, size, decoded))
        }
      case .reg(let size):
        decoded.operands.append(general(modRM >> 3 & 7 | (prefixes.rex & 4) << 1, size, decoded))
      }
    }
    decoded.bounds = BoundsOperands(reader.bytes, prefixes, codeBytes: codeBytes)
    decoded.length = reader.position
    guard decoded.length <= InstructionPrefixes.maximumLength else { return .failure(.tooLong) }
    return reader.isTruncated ? .failure(reader.truncation) : .success(decoded)
  }

  /// The mnemonic, in small letters, of an instruction that is not built, and the bytes of its opcode and
  /// ModRM operand; nil if `bytes` start with another.
  static func notBuilt(
    _ bytes: UnsafeBufferPointer<UInt8>, _ prefixes: InstructionPrefixes, codeBytes: Int
  ) -> (length: Int, text: String)? {
    var reader = InstructionReader(bytes, at: prefixes.count)
    let opcode = reader.opcode()
    guard
      let line = EncodingTable.find(opcode, prefixes.mandatory, modRM: reader.peek),
      case .notBuilt(let name) = line.meaning
    else { return nil }
    if !line.modRM.isAbsent {
      let modRM = reader.next()
      if modRM < 0xc0 {
        _ = reader.memory(
          modRM, prefixes: prefixes, addressBytes: prefixes.addressBytes(codeBytes: codeBytes),
          isLongMode: codeBytes == 8, extensions: prefixes.rex & 3)
      }
    }
    return (reader.position, "\(name)".lowercased())
  }

  private static func general(
    _ number: UInt8, _ size: EncodedOperand.Size, _ decoded: DecodedInstruction
  ) -> DecodedOperand {
    .general(offset: RegisterOffset.general(number), byteCount: size.byteCount(decoded))
  }
}

extension EncodedOperand.Size {
  fileprivate func byteCount(_ decoded: DecodedInstruction) -> Int {
    switch self {
    case .bytes(let count): count
    case .wide: decoded.rexW ? 8 : 4
    case .address: decoded.addressBytes
    }
  }
}
