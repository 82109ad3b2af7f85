@testable import VMXLab

/// Runs single instructions on the interpreter, in 64-bit mode at privilege level 0, with the
/// addresses that the host uses.
final class InterpretedProcessor {
  private let machine: Machine
  private let window: UnsafeMutableRawPointer
  private var length: UInt64 = 0

  /// Structures in guest-physical memory, which is mapped one to one.
  private enum Place {
    static let pml4: UInt64 = 0x1_0000
    static let pdpt: UInt64 = 0x1_1000
    static let directory: UInt64 = 0x1_2000
    static let gdt: UInt64 = 0x2_0000
    static let idt: UInt64 = 0x2_1000
    static let tss: UInt64 = 0x2_3000
    /// End of the stack that exceptions switch to.
    static let exceptionStack: UInt64 = 0x2_8000
    /// One NOP slide of 16 bytes for each vector.
    static let handlers: UInt64 = 0x3_0000
  }

  init(profile: CPUProfile) throws {
    machine = try Machine(MachineConfiguration(memoryByteCount: 1 << 30, profile: profile))
    guard let window = machine.memory.map.host(TestLayout.window) else {
      throw MachineError.memorySize(1 << 30)
    }
    self.window = window
    writeTables()
    enterLongMode()
  }

  private func write(_ value: UInt64, at address: UInt64) {
    machine.memory.map.host(address)?.storeBytes(of: value, as: UInt64.self)
  }

  private func writeTables() {
    write(Place.pdpt | 3, at: Place.pml4)
    write(Place.directory | 3, at: Place.pdpt)
    for index in 0..<512 as Range<UInt64> {
      write(index << 21 | 0x83, at: Place.directory + index * 8)
    }
    write(0x00af_9b00_0000_ffff, at: Place.gdt + 8)
    write(0x00cf_9300_0000_ffff, at: Place.gdt + 16)
    write(Place.exceptionStack, at: Place.tss + 0x24)
    for vector in 0..<32 as Range<UInt64> {
      let handler = Place.handlers + vector * 16
      // 64-bit interrupt gate, present, code segment 8, stack 1.
      write(
        handler & 0xffff | 8 << 16 | 0x8e01 << 32 | (handler >> 16 & 0xffff) << 48,
        at: Place.idt + vector * 16)
      write(handler >> 32, at: Place.idt + vector * 16 + 8)
      write(0x9090_9090_9090_9090, at: handler)
      write(0x9090_9090_9090_9090, at: handler + 8)
    }
  }

  private func enterLongMode() {
    let state = machine.processor.pointer
    state.pointee.cr0 = [.pe, .pg, .ne, .et, .wp]
    state.pointee.cr3 = Place.pml4
    state.pointee.cr4 = [.pae, .osfxsr, .osxmmexcpt, .osxsave]
    state.pointee.vector.xcr0 = 7
    state.pointee.efer = [.lme, .lma, .nxe]
    state.pointee.segments[1] = Segment(
      selector: 8, base: 0, limit: .max, access: SegmentAccessRights(rawValue: 0xa09b))
    for segment in [0, 2, 3, 4, 5] {
      state.pointee.segments[segment] = Segment(
        selector: 16, base: 0, limit: .max, access: SegmentAccessRights(rawValue: 0xc093))
    }
    // FS holds no selector, as in a process of the host.
    state.pointee.segments[4].selector = 0
    state.pointee.segments[7] = Segment(
      selector: 24, base: Place.tss, limit: 0x67, access: SegmentAccessRights(rawValue: 0x8b))
    state.pointee.gdtr = DescriptorTableRegister(base: Place.gdt, limit: 0x1f)
    state.pointee.idtr = DescriptorTableRegister(base: Place.idt, limit: 0x1ff)
    state.pointee.cpl = 0
    state.pointee.setRFLAGS(2)
    state.pointee.updateMode()
    state.pointee.updateAttention()
  }

  /// Chooses the instruction that `run` runs.
  func setInstruction(_ bytes: [UInt8]) {
    length = UInt64(bytes.count)
    machine.writeMemory(
      bytes + [UInt8](repeating: 0x90, count: 16), at: TestLayout.instruction)
  }

  /// Runs the instruction from `state`, which becomes the state behind it.
  ///
  /// - Returns: how it ended; nil if RIP is where no instruction should leave it, or the machine
  ///   stopped.
  func run(_ state: inout MachineState) -> InstructionEnd? {
    let processor = machine.processor.pointer
    for register in 0..<16 { processor.pointee.general[register] = state.general[register] }
    processor.pointee.setRFLAGS(state.flags | 2)
    if let extended = state.extended { load(extended) }
    processor.pointee.rip = TestLayout.instruction
    processor.pointee.linkSource = nil
    state.memory.withUnsafeBytes { window.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    guard case .instructionLimit = machine.run(instructions: 1) else {
      processor.pointee.clearPending()
      return nil
    }
    for register in 0..<16 { state.general[register] = processor.pointee.general[register] }
    state.flags = processor.pointee.rflags & MachineState.flagsMask
    if state.extended != nil { store(into: &state.extended) }
    state.memory.withUnsafeMutableBytes {
      $0.baseAddress!.copyMemory(from: window, byteCount: $0.count)
    }
    switch processor.pointee.rip {
    case TestLayout.instruction + length: return .fellThrough
    case TestLayout.branchTarget: return .branched
    case Place.handlers..<Place.handlers + 512:
      let vector = (processor.pointee.rip - Place.handlers) / 16
      return takeFault(vector, &state)
    default: return nil
    }
  }

  private func load(_ extended: ExtendedState) {
    let vector = machine.processor.pointer
    vector.pointee.x87 = X87State(extended)
    vector.pointee.vector.mxcsr = extended.mxcsr
    for register in 0..<16 {
      for word in 0..<4 {
        vector.pointee.vector.registers[register * 4 + word] = extended[register, word]
      }
    }
  }

  private func store(into extended: inout ExtendedState?) {
    let vector = machine.processor.pointer
    if var area = extended {
      vector.pointee.x87.store(into: &area)
      extended = area
    }
    extended?.mxcsr = vector.pointee.vector.mxcsr
    for register in 0..<16 {
      for word in 0..<4 {
        extended?[register, word] = vector.pointee.vector.registers[register * 4 + word]
      }
    }
  }

  /// Reads RSP and the flags from the exception's frame; RIP there must be the instruction's.
  private func takeFault(_ vector: UInt64, _ state: inout MachineState) -> InstructionEnd? {
    guard let top = machine.memory.map.host(Place.exceptionStack - 40) else { return nil }
    let frame = (0..<5).map { top.load(fromByteOffset: $0 * 8, as: UInt64.self) }
    guard frame[0] == TestLayout.instruction else { return nil }
    state.flags = frame[2] & MachineState.flagsMask
    state.general[4] = frame[3]
    switch vector {
    case 0: return .faulted(.divideError)
    case 19: return .faulted(.floatingPoint)
    case 6: return .faulted(.invalidOpcode)
    case 13, 14: return .faulted(.protection)
    case 12, 17: return .faulted(.stackOrAlignment)
    default: return nil
    }
  }
}
