import CCapstone

/// Turns instruction bytes into `DecodedInstruction`: vector instructions by `VectorTable`, what
/// Capstone lacks by `EncodingTable`, the rest with Capstone.
///
/// Invariant: the Capstone handles and the instruction buffer live as long as the decoder.
final class InstructionDecoder {
  enum Failure: Error {
    /// The processor has no such instruction: #UD.
    case invalid
    /// The manual has such an instruction, and VMXLab, which does not offer its CPUID flag, has not: #UD.
    case notBuilt
    /// More bytes are needed than were given.
    case truncated
    /// Longer than 15 bytes: #GP.
    case tooLong
  }

  private var handle32: csh = 0
  private var handle64: csh = 0
  private let instruction: UnsafeMutablePointer<cs_insn>
  private let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 24)

  /// Capstone sorts its table of implicit operands when it first decodes, and lets other threads read
  /// it meanwhile: decoders wait here until one instruction has been decoded.
  private static let hasSortedTables: Bool = {
    var handle: csh = 0
    guard cs_open(CS_ARCH_X86, CS_MODE_64, &handle) == CS_ERR_OK else { return false }
    defer { cs_close(&handle) }
    var instructions: UnsafeMutablePointer<cs_insn>?
    // TEST AL, 7.
    let count =
      cs_option(handle, CS_OPT_DETAIL, Int(CS_OPT_ON.rawValue)) == CS_ERR_OK
      ? cs_disasm(handle, [0xa8, 7], 2, 0, 1, &instructions) : 0
    cs_free(instructions, count)
    return count == 1
  }()

  /// Opens Capstone; nil if the library refuses (it was built without x86).
  init?() {
    guard Self.hasSortedTables, cs_open(CS_ARCH_X86, CS_MODE_32, &handle32) == CS_ERR_OK,
      cs_open(CS_ARCH_X86, CS_MODE_64, &handle64) == CS_ERR_OK,
      cs_option(handle32, CS_OPT_DETAIL, Int(CS_OPT_ON.rawValue)) == CS_ERR_OK,
      cs_option(handle64, CS_OPT_DETAIL, Int(CS_OPT_ON.rawValue)) == CS_ERR_OK,
      let instruction = cs_malloc(handle64)
    else { return nil }
    self.instruction = instruction
  }

  deinit {
    cs_free(instruction, 1)
    cs_close(&handle32)
    cs_close(&handle64)
    buffer.deallocate()
  }

  /// Decodes the instruction that `bytes` start with.
  ///
  /// - Parameter codeBytes: 2, 4 or 8 for 16-, 32- or 64-bit code.
  func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, codeBytes: Int
  ) -> Result<DecodedInstruction, Failure> {
    let isLong = codeBytes == 8
    let prefixes = InstructionPrefixes(bytes, isLongMode: isLong)
    guard prefixes.count < bytes.count else {
      return .failure(bytes.count >= InstructionPrefixes.maximumLength ? .tooLong : .truncated)
    }
    if let result = VectorDecoder.decode(bytes, prefixes, codeBytes: codeBytes) { return result }
    if let result = EncodingDecoder.decode(bytes, prefixes, codeBytes: codeBytes) { return result }
    guard let (size, prefixBytes) = disassemble(bytes, prefixes, isLong: isLong, codeBytes) else {
      // See whether any bytes behind these would make it an instruction.
      let padded = [UInt8](bytes) + [UInt8](repeating: 0, count: 16)
      let decodes = padded.withUnsafeBufferPointer {
        disassemble($0, prefixes, isLong: isLong, codeBytes) != nil
      }
      guard decodes else { return .failure(.invalid) }
      return .failure(
        bytes.count < InstructionPrefixes.maximumLength ? .truncated : .tooLong)
    }
    let length = size - prefixBytes + prefixes.count
    guard length <= InstructionPrefixes.maximumLength else { return .failure(.tooLong) }
    guard length <= bytes.count else { return .failure(.truncated) }
    return .success(
      describe(prefixes, length: length, codeBytes: codeBytes, bytes: bytes))
  }

  /// The length, mnemonic and operands of the instruction that `bytes` start with, for messages.
  func describe(_ bytes: [UInt8], codeBytes: Int) -> (length: Int, text: String) {
    bytes.withUnsafeBufferPointer { buffer in
      let prefixes = InstructionPrefixes(buffer, isLongMode: codeBytes == 8)
      guard case .success(let decoded) = decode(buffer, codeBytes: codeBytes) else {
        return EncodingDecoder.notBuilt(buffer, prefixes, codeBytes: codeBytes)
          ?? (bytes.count, "unknown instruction")
      }
      guard decoded.vector == nil, AddedInstruction(decoded.id) == nil,
        disassemble(buffer, prefixes, isLong: codeBytes == 8, codeBytes) != nil
      else { return (decoded.length, name(of: decoded)) }
      let mnemonic = withUnsafeBytes(of: instruction.pointee.mnemonic) { Self.text($0) }
      let operands = withUnsafeBytes(of: instruction.pointee.op_str) { Self.text($0) }
      return (decoded.length, operands.isEmpty ? mnemonic : "\(mnemonic) \(operands)")
    }
  }

  /// The mnemonic of an instruction, in small letters.
  func name(of decoded: DecodedInstruction) -> String {
    if let vector = decoded.vector {
      let form = VectorTable.shared.entries[vector.entry].form
      return vector.isVEX && !form.options.contains(.vexOnly) ? "v\(form.name)" : "\(form.name)"
    }
    if let added = AddedInstruction(decoded.id) { return "\(added)" }
    if decoded.id == InstructionForm.escape {
      return X87Names.name(decoded.opcode.0, decoded.modRM)
    }
    return cs_insn_name(handle64, decoded.id.rawValue).map { String(cString: $0) } ?? "unknown"
  }

  private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Lets Capstone read the normalised bytes into `instruction`.
  private func disassemble(
    _ bytes: UnsafeBufferPointer<UInt8>, _ prefixes: InstructionPrefixes, isLong: Bool,
    _ codeBytes: Int
  ) -> (size: Int, prefixBytes: Int)? {
    let (count, prefixBytes) = prefixes.normalize(bytes, codeBytes: codeBytes, into: buffer)
    var code = UnsafePointer(buffer.baseAddress)
    var size = count
    var address: UInt64 = 0
    guard cs_disasm_iter(isLong ? handle64 : handle32, &code, &size, &address, instruction) else {
      return nil
    }
    return (Int(instruction.pointee.size), prefixBytes)
  }

  private func describe(
    _ prefixes: InstructionPrefixes, length: Int, codeBytes: Int,
    bytes: UnsafeBufferPointer<UInt8>
  ) -> DecodedInstruction {
    let isLong = codeBytes == 8
    let detail = instruction.pointee.detail.pointee.x86
    var decoded = DecodedInstruction(
      id: x86_insn(rawValue: instruction.pointee.id), length: length, operands: [],
      operandBytes: prefixes.operandBytes(codeBytes: codeBytes),
      addressBytes: prefixes.addressBytes(codeBytes: codeBytes), isLongMode: isLong,
      hasLock: prefixes.hasLock, hasREP: prefixes.repeatPrefix == 0xf3,
      hasREPNE: prefixes.repeatPrefix == 0xf2,
      rexW: prefixes.rex & 8 != 0, opcode: detail.opcode, modRM: detail.modrm)
    decoded.segmentOverride = prefixes.segment
    decoded.isNoTrack = prefixes.isNoTrack
    withUnsafeBytes(of: detail.operands) { raw in
      let operands = raw.bindMemory(to: cs_x86_op.self)
      for index in 0..<min(Int(detail.op_count), operands.count) {
        decoded.operands.append(operand(operands[index], into: &decoded, prefixes: prefixes))
      }
    }
    decoded.displacementSize = Int(detail.encoding.disp_size)
    decoded.immediateSize = Int(detail.encoding.imm_size)
    if let displacement = branchDisplacement(decoded, bytes) {
      decoded.isDirectBranch = true
      decoded.branchDisplacement = displacement
    }
    return decoded
  }

  /// The signed displacement of a near relative branch: the last 1, 2 or 4 bytes; nil for others.
  private func branchDisplacement(
    _ decoded: DecodedInstruction, _ bytes: UnsafeBufferPointer<UInt8>
  ) -> Int64? {
    let end = decoded.length
    func byte(_ back: Int) -> UInt32 { end >= back ? UInt32(bytes[end - back]) : 0 }
    let opcode = decoded.opcode
    switch opcode.0 {
    case 0x70...0x7f, 0xeb, 0xe0...0xe3: return Int64(Int8(truncatingIfNeeded: byte(1)))
    case 0xe8, 0xe9, 0x0f:
      guard opcode.0 != 0x0f || opcode.1 & 0xf0 == 0x80 else { return nil }
      if decoded.operandBytes == 2 && !decoded.isLongMode {
        return Int64(Int16(truncatingIfNeeded: byte(1) << 8 | byte(2)))
      }
      return Int64(Int32(bitPattern: byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4)))
    default: return nil
    }
  }

  private func operand(
    _ operand: cs_x86_op, into decoded: inout DecodedInstruction, prefixes: InstructionPrefixes
  ) -> DecodedOperand {
    switch operand.type {
    case X86_OP_IMM: return .immediate(UInt64(bitPattern: operand.imm))
    case X86_OP_MEM:
      decoded.memory = memory(operand.mem, prefixes: prefixes)
      return .memory(byteCount: Int(operand.size))
    default: return RegisterNames.operand(operand.reg)
    }
  }

  private func memory(_ operand: x86_op_mem, prefixes: InstructionPrefixes) -> DecodedMemory {
    var memory = DecodedMemory()
    memory.displacement = operand.disp
    memory.isRIPRelative = operand.base == X86_REG_RIP || operand.base == X86_REG_EIP
    if memory.isRIPRelative {
      memory.base = RegisterOffset.blockRIP
    } else if case .general(let offset, _) = RegisterNames.operand(operand.base) {
      memory.base = offset
    }
    if case .general(let offset, _) = RegisterNames.operand(operand.index) {
      memory.index = offset
      memory.scale = UInt8(truncatingIfNeeded: max(operand.scale, 1).trailingZeroBitCount)
    }
    let usesStack =
      memory.base == RegisterOffset.general(4) || memory.base == RegisterOffset.general(5)
    memory.segment = prefixes.segment ?? (usesStack ? .ss : .ds)
    return memory
  }
}
