@testable import VMXLab

/// Runs single instructions at any privilege level, in protected mode without paging or in IA-32e
/// mode, and tells what exception they raise.
final class PrivilegeRunner {
  enum Mode: CaseIterable {
    case protected, compatibility, long
    var isIA32e: Bool { self != .protected }
  }

  private enum Place {
    static let code: UInt64 = 0x8000
    /// Where gates and far jumps lead.
    static let target: UInt64 = 0x8800
    static let idt: UInt64 = 0x9000
    static let gdt: UInt64 = 0xa000
    static let tss: UInt64 = 0xb000
    static let stackTop: UInt64 = 0xe000
    /// Sixteen bytes for each vector.
    static let handlers: UInt64 = 0xf000
    static let tables: UInt64 = 0x1_0000
  }
  private enum Selector {
    static let kernelCode: UInt64 = 0x08
    static let task: UInt64 = 0x20
  }

  let mode: Mode
  let machine: Machine
  var state: UnsafeMutablePointer<Processor> { machine.processor.pointer }

  init(_ mode: Mode) throws {
    self.mode = mode
    machine = try Machine(
      MachineConfiguration(memoryByteCount: 4 << 20, profile: .named("skylake-server")))
    let kernel: UInt64 = mode.isIA32e ? 0x00af_9b00_0000_ffff : 0x00cf_9b00_0000_ffff
    put(kernel, at: Place.gdt + Selector.kernelCode)
    machine.writeMemory([0x90, 0x90, 0x90, 0x90], at: Place.target)
    for vector in 0..<UInt64(32) {
      setGate(
        vector, selector: Selector.kernelCode, offset: Place.handlers + vector * 16, access: 0x8e)
      machine.writeMemory([0xf4], at: Place.handlers + vector * 16)
    }
    put(Place.tables + 0x1000 | 7, at: Place.tables)
    put(0x87, at: Place.tables + 0x1000)
    // A stack for each level: its segment, outside IA-32e mode, has the level's DPL.
    for (level, selector) in [UInt64(0x10), 0x18, 0x28].enumerated() {
      let level = UInt64(level)
      put(0x00cf_9300_0000_ffff | level << 45, at: Place.gdt + selector)
      let segment = mode.isIA32e ? 0 : (selector | level) << 32
      put(Place.stackTop | segment, at: Place.tss + 4 + level * 8)
    }
  }

  func put(_ value: UInt64, at address: UInt64) {
    machine.memory.map.host(address)?.storeBytes(of: value, as: UInt64.self)
  }
  private func get(_ address: UInt64) -> UInt64 {
    machine.memory.map.host(address)?.loadUnaligned(as: UInt64.self) ?? 0
  }

  // MARK: Tables

  /// Puts a descriptor into the GDT; in IA-32e mode with an upper half of 0.
  func setDescriptor(_ index: UInt32, _ value: UInt64) {
    put(value, at: Place.gdt + UInt64(index))
    put(0, at: Place.gdt + UInt64(index) + 8)
  }

  /// A call gate to `target`, in the form of a descriptor of this access byte.
  func callGate(access: UInt64) -> UInt64 {
    Place.target & 0xffff | UInt64(GateTarget.index) << 16 | access << 40
  }

  func setInterruptGate(_ vector: UInt32, access: UInt64) {
    setGate(
      UInt64(vector), selector: UInt64(GateTarget.index), offset: Place.target, access: access)
  }

  private func setGate(_ vector: UInt64, selector: UInt64, offset: UInt64, access: UInt64) {
    let gate = offset & 0xffff | selector << 16 | access << 40
    if mode.isIA32e {
      put(gate, at: Place.idt + vector * 16)
      put(0, at: Place.idt + vector * 16 + 8)
    } else {
      put(gate, at: Place.idt + vector * 8)
    }
  }

  // MARK: Running

  /// Runs one instruction at privilege level `cpl` with these registers, by their numbers.
  func run(
    _ code: [UInt8], cpl: Int, registers: [Int: UInt64] = [:], flags: UInt64 = 2,
    answers: Bool = false
  ) -> PrivilegeOutcome {
    if machine.memory.read(code.count, at: Place.code) != code {
      machine.writeMemory(code, at: Place.code)
    }
    prepare(cpl: cpl, flags: flags)
    for (register, value) in registers { state.pointee.general[register] = value }
    _ = machine.run(instructions: 1)
    let rip = state.pointee.rip
    if (Place.handlers..<Place.handlers + 32 * 16).contains(rip) {
      let vector = UInt8((rip - Place.handlers) / 16)
      let mask: UInt64 = mode.isIA32e ? ~0 : 0xffff_ffff
      return .faults(
        vector: vector,
        errorCode: UInt32(truncatingIfNeeded: get(state.pointee.general[4] & mask)))
    }
    guard answers else { return .retires }
    let isZero = state.pointee.rflags & RFLAGS.zf.rawValue != 0
    return .answers(isZero, isZero ? UInt32(truncatingIfNeeded: state.pointee.general[0]) : nil)
  }

  private func prepare(cpl: Int, flags: UInt64) {
    let rights = UInt32(cpl) << 5
    state.pointee.cr0 = mode.isIA32e ? [.pe, .pg, .et, .ne, .am] : [.pe, .et, .ne, .am]
    state.pointee.cr4 = mode.isIA32e ? [.pae] : []
    state.pointee.efer = mode.isIA32e ? [.lme, .lma] : []
    if state.pointee.cr3 != Place.tables || !state.pointee.isProtected {
      state.pointee.cr3 = Place.tables
      state.pointee.startNewAddressSpace()
    }
    let data = Segment(
      selector: 0x10 | UInt16(cpl), base: 0, limit: .max,
      access: SegmentAccessRights(rawValue: 0xc093 | rights))
    for register in [0, 2, 3, 4, 5] { state.pointee.segments[register] = data }
    state.pointee.segments[1] = Segment(
      selector: UInt16(Selector.kernelCode) | UInt16(cpl), base: 0, limit: .max,
      access: SegmentAccessRights(rawValue: (mode == .long ? 0xa09b : 0xc09b) | rights))
    state.pointee.segments[7] = Segment(
      selector: UInt16(Selector.task), base: Place.tss, limit: 0x67,
      access: SegmentAccessRights(rawValue: 0x8b))
    state.pointee.gdtr = DescriptorTableRegister(base: Place.gdt, limit: 0x7f)
    state.pointee.idtr = DescriptorTableRegister(base: Place.idt, limit: 0x7ff)
    state.pointee.cpl = UInt8(cpl)
    state.pointee.rip = Place.code
    state.pointee.general[4] = Place.stackTop
    state.pointee.activity = .active
    state.pointee.interruptibility = Interruptibility()
    state.pointee.linkSource = nil
    state.pointee.clearPending()
    state.pointee.updateMode()
    state.pointee.setRFLAGS(flags)
    state.pointee.updateMode()
    state.pointee.updateAttention()
  }

  /// RIP of the first instruction that `run` puts down.
  static var codeAddress: UInt64 { Place.code }
  static var targetAddress: UInt64 { Place.target }
}
