@testable import VMXLab

/// Runs single instructions in 64-bit mode on a machine of its own: identity-mapped memory, flat
/// segments, CPL 0, and an IDT whose handlers tell the vector of a fault.
final class InstructionRunner {
  /// What an instruction did.
  enum Outcome: Equatable {
    case retired
    /// It raised this exception (vector).
    case fault(UInt8)
    case notBuilt(String)
    case other(MachineStop)
  }

  /// Where instructions are put unless a test says otherwise.
  static let codeAddress: UInt64 = 0x1000_0000
  /// Memory for operands.
  static let dataAddress: UInt64 = 0x1100_0000
  static let stackTop: UInt64 = 0x1200_0000

  private static let tables: UInt64 = 0x10_0000
  /// Has a 2-MiB page in each of its 512 entries.
  static let pageDirectory = tables + 0x2000
  private static let idt: UInt64 = 0x20_0000
  private static let handlers: UInt64 = 0x21_0000

  let machine: Machine
  var state: UnsafeMutablePointer<Processor> { machine.processor.pointer }

  init(profile: String = "skylake-server") throws {
    machine = try Machine(
      MachineConfiguration(memoryByteCount: 512 << 20, profile: CPUProfile.named(profile)))
    writeTables()
    enterLongMode()
  }

  /// Writes 8 bytes of physical memory.
  func put(_ value: UInt64, at address: UInt64) {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    machine.writeMemory(bytes, at: address)
  }

  private func writeTables() {
    put(Self.tables + 0x1000 | 7, at: Self.tables)
    put(Self.pageDirectory | 7, at: Self.tables + 0x1000)
    for page in 0..<UInt64(512) { put(page << 21 | 0x87, at: Self.pageDirectory + page * 8) }
    // GDT: null, 64-bit code, data.
    put(0, at: Self.tables + 0x3000)
    put(0x00af_9b00_0000_ffff, at: Self.tables + 0x3008)
    put(0x00cf_9300_0000_ffff, at: Self.tables + 0x3010)
    for vector in 0..<UInt64(32) {
      let handler = Self.handlers + vector * 16
      put(
        handler & 0xffff | 8 << 16 | 0x8e00 << 32 | (handler >> 16 & 0xffff) << 48,
        at: Self.idt + vector * 16)
      put(handler >> 32, at: Self.idt + vector * 16 + 8)
      machine.writeMemory([0xf4], at: handler)
    }
  }

  /// Resets the processor and puts it in 64-bit mode.
  func enterLongMode() {
    state.pointee.reset()
    state.pointee.linkSource = nil
    state.pointee.cr3 = Self.tables
    state.pointee.cr4 = [.pae, .osfxsr]
    state.pointee.efer = [.lme, .lma, .sce, .nxe]
    state.pointee.cr0 = [.pe, .pg, .wp, .ne, .et, .mp]
    let data = Segment(
      selector: 16, base: 0, limit: 0xffff_ffff, access: SegmentAccessRights(rawValue: 0xc093))
    for register in 0..<6 { state.pointee.segments[register] = data }
    state.pointee.segments[1] = Segment(
      selector: 8, base: 0, limit: 0xffff_ffff, access: SegmentAccessRights(rawValue: 0xa09b))
    state.pointee.gdtr = DescriptorTableRegister(base: Self.tables + 0x3000, limit: 23)
    state.pointee.idtr = DescriptorTableRegister(base: Self.idt, limit: 0x1ff)
    state.pointee.cpl = 0
    state.pointee.startNewAddressSpace()
    state.pointee.updateMode()
  }

  /// Runs the one instruction that `code` is, with these general registers and RFLAGS, which are
  /// updated; after a fault they are as the handler finds them, RSP and RFLAGS restored.
  func run(
    _ code: [UInt8], at address: UInt64 = codeAddress, registers: inout [UInt64],
    flags: inout UInt64
  ) -> Outcome {
    machine.writeMemory(code, at: address)
    for index in 0..<16 { state.pointee.general[index] = registers[index] }
    state.pointee.setRFLAGS(flags)
    state.pointee.rip = address
    state.pointee.linkSource = nil
    state.pointee.activity = .active
    let stop = machine.run(instructions: 1)
    for index in 0..<16 { registers[index] = state.pointee.general[index] }
    flags = state.pointee.rflags
    switch stop {
    case .instructionLimit, .haltedForever:
      let rip = state.pointee.rip
      guard (Self.handlers..<Self.handlers + 32 * 16).contains(rip) else { return .retired }
      let vector = UInt8((rip - 1 - Self.handlers) / 16)
      state.pointee.activity = .active
      state.pointee.updateAttention()
      return .fault(vector)
    case .notBuilt(let what): return .notBuilt(what.description)
    default: return .other(stop)
    }
  }

  /// The same with registers and flags that the test does not look at.
  @discardableResult
  func run(_ code: [UInt8], _ registers: [Int: UInt64] = [:]) -> Outcome {
    var values = [UInt64](repeating: 0, count: 16)
    values[4] = Self.stackTop
    for (register, value) in registers { values[register] = value }
    var flags: UInt64 = 2
    return run(code, registers: &values, flags: &flags)
  }

  /// Makes SSE and AVX usable, as an operating system does.
  func enableAVX() {
    state.pointee.cr4.formUnion([.osfxsr, .osxmmexcpt, .osxsave])
    state.pointee.vector.xcr0 = 7
    state.pointee.updateMode()
  }

  /// Where the handler of an exception is.
  func handler(_ vector: UInt64) -> UInt64 { Self.handlers + vector * 16 }

  /// RIP after the last instruction.
  var rip: UInt64 { state.pointee.rip }

  func read(_ count: Int, at address: UInt64) -> [UInt8] {
    machine.memory.read(count, at: address) ?? []
  }

  func write(_ bytes: [UInt8], at address: UInt64) {
    machine.writeMemory(bytes, at: address)
  }
}
