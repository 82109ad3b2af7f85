import Testing

@testable import VMXLab

@Suite struct LegacyInstructionTests {
  @Test("Instructions of 16- and 32-bit code do what the recorded vectors say")
  func vectors() throws {
    let processor = try LegacyProcessor(profile: CPUProfile.named("skylake-server"))
    var count = 0
    for line in LegacyInstructionVectors.lines.split(separator: "\n") {
      let vector = try #require(LegacyVector(line), "not a vector: \(line)")
      let differences = processor.differences(vector)
      #expect(differences.isEmpty, "\(line)\n\(differences.joined(separator: "\n"))")
      count += 1
    }
    #expect(count > 600)
  }
}

/// One line of `LegacyInstructionVectors`.
struct LegacyVector {
  let codeBits: Int
  let code: [UInt8]
  let registers: [UInt64]
  let flags: UInt64
  let memory: [UInt8]
  /// Vector of the exception.
  let fault: UInt64?
  let expectedRegisters: [UInt64]
  let expectedFlags: UInt64
  let undefinedFlags: UInt64
  let distance: UInt64
  let expectedMemory: [UInt8]

  static let windowAddress = 0x4f00
  static let windowBytes = 0x200

  init?(_ line: Substring) {
    let fields = line.split(separator: " ")
    guard fields.count == 11, let codeBits = Int(fields[0]) else { return nil }
    let registers = fields[2].split(separator: ",").compactMap { UInt64($0, radix: 16) }
    guard registers.count == 8 else { return nil }
    self.codeBits = codeBits
    code = Self.bytes(fields[1])
    self.registers = registers
    flags = UInt64(fields[3], radix: 16) ?? 0

    let contents = fields[4].split(separator: ",")
    let isStepped = contents.first == "b"
    var memory = (0..<Self.windowBytes).map { (index: Int) -> UInt8 in
      isStepped ? UInt8(index / 100) : UInt8((index * index * 7 + index * 13 + 5) & 0xff)
    }
    Self.apply(contents.dropFirst(), to: &memory)
    self.memory = memory
    Self.apply(fields[10].split(separator: ",")[...], to: &memory)
    expectedMemory = memory

    fault = fields[5].first == "v" ? UInt64(fields[5].dropFirst()) : nil
    var expected = registers
    for change in fields[6].split(separator: ",") {
      let parts = change.split(separator: "=")
      guard parts.count == 2, let register = Int(parts[0]), expected.indices.contains(register)
      else { continue }
      expected[register] = UInt64(parts[1], radix: 16) ?? 0
    }
    expectedRegisters = expected
    expectedFlags = UInt64(fields[7], radix: 16) ?? 0
    undefinedFlags = UInt64(fields[8], radix: 16) ?? 0
    distance = UInt64(fields[9], radix: 16) ?? 0
  }

  private static func bytes(_ text: Substring) -> [UInt8] {
    let digits = text.compactMap { $0.hexDigitValue.map { UInt8($0) } }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// Applies `address=bytes` changes.
  private static func apply(_ changes: ArraySlice<Substring>, to memory: inout [UInt8]) {
    for change in changes {
      let parts = change.split(separator: "=")
      guard parts.count == 2, let address = Int(parts[0], radix: 16) else { continue }
      for (index, byte) in bytes(parts[1]).enumerated()
      where memory.indices.contains(address - windowAddress + index) {
        memory[address - windowAddress + index] = byte
      }
    }
  }
}

/// Runs single instructions in flat 32-bit protected mode and in real-address mode.
private final class LegacyProcessor {
  private let machine: Machine
  private static let code: UInt64 = 0x1800
  private static let idt: UInt64 = 0x2_0000
  private static let interruptVectors: UInt64 = 0x2_1000
  private static let gdt: UInt64 = 0x2_2000
  /// One NOP slide of 16 bytes for each vector.
  private static let handlers: UInt64 = 0x3_0000

  init(profile: CPUProfile) throws {
    machine = try Machine(MachineConfiguration(memoryByteCount: 1 << 24, profile: profile))
    for vector in 0..<32 as Range<UInt64> {
      let handler = Self.handlers + vector * 16
      write(
        handler & 0xffff | 8 << 16 | 0x8e00 << 32 | (handler >> 16) << 48, Self.idt + vector * 8)
      write((Self.handlers >> 4) << 16 | vector * 16, Self.interruptVectors + vector * 4)
      write(0x9090_9090_9090_9090, handler)
      write(0x9090_9090_9090_9090, handler + 8)
    }
    write(0x00cf_9b00_0000_ffff, Self.gdt + 8)
    write(0x00cf_9300_0000_ffff, Self.gdt + 16)
  }

  private func write(_ value: UInt64, _ address: UInt64) {
    machine.memory.map.host(address)?.storeBytes(of: value, as: UInt64.self)
  }

  private func setMode(codeBits: Int) {
    let state = machine.processor.pointer
    let isProtected = codeBits == 32
    state.pointee.cr0 = isProtected ? [.pe, .et, .ne] : [.et, .ne]
    state.pointee.cpl = 0
    for segment in 0..<6 {
      let rights: UInt32 = (segment == 1 ? 0x9b : 0x93) | (isProtected ? 0xc000 : 0)
      state.pointee.segments[segment] = Segment(
        selector: 0, base: 0, limit: isProtected ? .max : 0xffff,
        access: SegmentAccessRights(rawValue: rights))
    }
    state.pointee.gdtr = DescriptorTableRegister(base: Self.gdt, limit: 0x17)
    state.pointee.idtr = DescriptorTableRegister(
      base: isProtected ? Self.idt : Self.interruptVectors, limit: 0x3ff)
  }

  /// Runs the vector's instruction and says what is not as expected.
  func differences(_ vector: LegacyVector) -> [String] {
    let state = machine.processor.pointer
    setMode(codeBits: vector.codeBits)
    for register in 0..<8 { state.pointee.general[register] = vector.registers[register] }
    state.pointee.setRFLAGS(vector.flags | 2)
    state.pointee.updateMode()
    state.pointee.updateAttention()
    state.pointee.rip = Self.code
    state.pointee.linkSource = nil
    machine.writeMemory(vector.code + [UInt8](repeating: 0x90, count: 16), at: Self.code)
    machine.writeMemory(vector.memory, at: UInt64(LegacyVector.windowAddress))
    guard case .instructionLimit = machine.run(instructions: 1) else {
      state.pointee.clearPending()
      return ["the machine stopped"]
    }
    let linear = state.pointee.linearRIP
    if let fault = vector.fault {
      return linear >> 4 == (Self.handlers >> 4) + fault ? [] : ["no exception \(fault)"]
    }
    var differences: [String] = []
    if state.pointee.rip != Self.code &+ vector.distance {
      differences.append("RIP is \(String(state.pointee.rip, radix: 16))")
    }
    for register in 0..<8 {
      let value = state.pointee.general[register]
      let expected = vector.expectedRegisters[register]
      if value != expected {
        differences.append(
          "register \(register) is \(String(value, radix: 16)), not \(String(expected, radix: 16))")
      }
    }
    let flags = state.pointee.rflags & MachineState.flagsMask & ~vector.undefinedFlags
    if flags != vector.expectedFlags {
      differences.append(
        "flags are \(String(flags, radix: 16)), not \(String(vector.expectedFlags, radix: 16))")
    }
    let address = UInt64(LegacyVector.windowAddress)
    if machine.memory.read(LegacyVector.windowBytes, at: address) != vector.expectedMemory {
      differences.append("memory differs")
    }
    return differences
  }
}
