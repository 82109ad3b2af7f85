@testable import VMXLab

/// Runs single instructions with shadow stacks and the tracking of indirect branches, in protected mode
/// with PAE paging or in IA-32e mode, at any privilege level.
///
/// The first 2 MiB are identity-mapped in 4-KiB pages. Handlers of exceptions lie in a conforming code
/// segment: they run at the privilege level of the fault, on its stacks, whatever these tests do to the
/// stacks of level 0.
final class ControlFlowRunner {
  enum Mode: CaseIterable {
    case protected, compatibility, long
    var isIA32e: Bool { self != .protected }
    var isLong: Bool { self == .long }
  }

  /// What an instruction did.
  enum Outcome: Equatable {
    case retires
    case faults(UInt8, UInt32)
    case stops(MachineStop)

    static let invalidOpcode = Outcome.faults(6, 0)
    static func generalProtection(_ code: UInt32) -> Outcome { .faults(13, code) }
    static func pageFault(_ code: UInt32) -> Outcome { .faults(14, code) }
    static func controlProtection(_ code: UInt32) -> Outcome { .faults(21, code) }
  }

  enum Place {
    static let code: UInt64 = 0x8000
    static let target: UInt64 = 0x9000
    static let idt: UInt64 = 0xa000
    static let gdt: UInt64 = 0xb000
    static let tss: UInt64 = 0xc000
    static let kernelStack: UInt64 = 0xe000
    static let userStack: UInt64 = 0xf000
    static let handlers: UInt64 = 0xf000
    static let tables: UInt64 = 0x1_0000
    /// Two shadow-stack pages of the supervisor, and two of the user.
    static let supervisorShadow: UInt64 = 0x2_0000
    static let userShadow: UInt64 = 0x2_4000
    static let data: UInt64 = 0x2_8000
    static let interruptSSPTable: UInt64 = 0x2_9000
    static let legacyBitmap: UInt64 = 0x3_0000
    static let otherTSS: UInt64 = 0x3_4000
  }

  enum Selector {
    static let kernelCode: UInt16 = 0x08
    static let kernelData: UInt16 = 0x10
    static let userCode: UInt16 = 0x18
    static let userData: UInt16 = 0x20
    static let task: UInt16 = 0x28
    static let handlerCode: UInt16 = 0x38
    static let gate: UInt16 = 0x40
    /// Code of level 0 that is 32 bits wide in any mode.
    static let kernelCode32: UInt16 = 0x50
    static let middleCode: UInt16 = 0x58
    static let middleData: UInt16 = 0x60
    static let otherTask: UInt16 = 0x68
    static let taskGate: UInt16 = 0x70
  }

  let mode: Mode
  let machine: Machine
  var state: UnsafeMutablePointer<Processor> { machine.processor.pointer }
  var general: [Int: UInt64] = [:]
  var flags: UInt64 = 2
  /// RSP, if not the level's own stack.
  var stack: UInt64?
  /// Base and limit of the code segment, outside 64-bit mode.
  var base: UInt64 = 0
  var limit: UInt32 = .max

  init(_ mode: Mode, profile: String = "sapphire-rapids") throws {
    self.mode = mode
    machine = try Machine(
      MachineConfiguration(memoryByteCount: 4 << 20, profile: .named(profile)))
    writeTables()
    writeDescriptors()
    for vector in 0..<UInt16(32) {
      setInterruptGate(
        UInt8(vector), selector: Selector.handlerCode, Place.handlers + UInt64(vector) * 16)
      machine.writeMemory(
        [0xf3, 0x0f, 0x1e, mode.isIA32e ? 0xfa : 0xfb, 0xeb, 0xfe],
        at: Place.handlers + UInt64(vector) * 16)
    }
    machine.writeMemory([UInt8](repeating: 0x90, count: 64), at: Place.target)
    enterMode()
  }

  // MARK: Memory

  func put(_ value: UInt64, at address: UInt64) {
    machine.memory.map.host(address)?.storeBytes(of: value, as: UInt64.self)
  }
  func put32(_ value: UInt32, at address: UInt64) {
    machine.memory.map.host(address)?.storeBytes(of: value, as: UInt32.self)
  }
  func get(_ address: UInt64) -> UInt64 {
    machine.memory.map.host(address)?.loadUnaligned(as: UInt64.self) ?? 0
  }
  func get32(_ address: UInt64) -> UInt32 {
    machine.memory.map.host(address)?.loadUnaligned(as: UInt32.self) ?? 0
  }

  /// Address of the page-table entry that maps `linear`.
  func entryAddress(_ linear: UInt64) -> UInt64 { Place.tables + 0x3000 + linear >> 12 * 8 }

  /// Replaces the flags of the page-table entry that maps `linear`.
  func setPage(_ linear: UInt64, flags: UInt64) {
    put(linear & ~0xfff | flags, at: entryAddress(linear))
    state.pointee.startNewAddressSpace()
  }

  private func writeTables() {
    put(Place.tables + 0x1000 | 7, at: Place.tables)
    // PDPTEs have neither R/W nor U/S outside IA-32e mode.
    put(Place.tables + 0x2000 | (mode.isIA32e ? 7 : 1), at: Place.tables + 0x1000)
    put(Place.tables + 0x3000 | 7, at: Place.tables + 0x2000)
    for page in 0..<UInt64(512) { put(page << 12 | 0x67, at: Place.tables + 0x3000 + page * 8) }
    for page in 0..<UInt64(2) {
      setPage(Place.supervisorShadow + page << 12, flags: 0x61)
      setPage(Place.userShadow + page << 12, flags: 0x65)
    }
  }

  // MARK: Descriptors

  func setDescriptor(_ selector: UInt16, _ value: UInt64, high: UInt64? = nil) {
    put(value, at: Place.gdt + UInt64(selector & 0xfff8))
    if let high { put(high, at: Place.gdt + UInt64(selector & 0xfff8) + 8) }
  }

  private func code(level: UInt64, isLong: Bool, conforming: Bool = false) -> UInt64 {
    (isLong ? 0x00af_9b00_0000_ffff : 0x00cf_9b00_0000_ffff) | level << 45
      | (conforming ? 4 << 40 : 0)
  }

  /// A TSS descriptor.
  static func task(_ base: UInt64, limit: UInt64, access: UInt64 = 0x89) -> UInt64 {
    limit & 0xffff | (base & 0xff_ffff) << 16 | access << 40 | (base >> 24) << 56
  }

  private func writeDescriptors() {
    setDescriptor(Selector.kernelCode, code(level: 0, isLong: mode.isIA32e))
    setDescriptor(Selector.kernelData, 0x00cf_9300_0000_ffff)
    setDescriptor(Selector.userCode, code(level: 3, isLong: mode.isLong))
    setDescriptor(Selector.userData, 0x00cf_f300_0000_ffff)
    setDescriptor(Selector.task, Self.task(Place.tss, limit: 0x7f, access: 0x8b))
    setDescriptor(
      Selector.handlerCode, code(level: 0, isLong: mode.isIA32e, conforming: true))
    setDescriptor(Selector.kernelCode32, code(level: 0, isLong: false))
    setDescriptor(Selector.middleCode, code(level: 1, isLong: mode.isLong))
    setDescriptor(Selector.middleData, 0x00cf_b300_0000_ffff)
    let segment: (UInt16) -> UInt64 = { self.mode.isIA32e ? 0 : UInt64($0) << 32 }
    put(Place.kernelStack | segment(Selector.kernelData), at: Place.tss + 4)
    put(Place.kernelStack - 0x400 | segment(Selector.middleData | 1), at: Place.tss + 12)
  }

  /// An interrupt gate to `offset`; in IA-32e mode with an interrupt stack.
  func setInterruptGate(
    _ vector: UInt8, selector: UInt16, _ offset: UInt64, interruptStack: UInt64 = 0
  ) {
    let gate =
      offset & 0xffff | UInt64(selector) << 16 | interruptStack << 32 | 0xee << 40
      | (offset >> 16) << 48
    if mode.isIA32e {
      put(gate, at: Place.idt + UInt64(vector) * 16)
      put(0, at: Place.idt + UInt64(vector) * 16 + 8)
    } else {
      put(gate, at: Place.idt + UInt64(vector) * 8)
    }
  }

  func setCallGate(to selector: UInt16, _ offset: UInt64 = Place.target) {
    setDescriptor(
      Selector.gate, offset & 0xffff | UInt64(selector) << 16 | 0xec << 40 | (offset >> 16) << 48,
      high: 0)
  }

  // MARK: State

  private func enterMode() {
    let state = self.state
    state.pointee.cr0 = [.pe, .pg, .wp, .et, .ne]
    state.pointee.cr4 = [.pae, .cet]
    state.pointee.efer = mode.isIA32e ? [.lme, .lma, .sce] : []
    state.pointee.cr3 = mode.isIA32e ? Place.tables : Place.tables + 0x1000
    for index in 0..<4 {
      state.pointee.pdptes[index] = get(Place.tables + 0x1000 + UInt64(index) * 8)
    }
    state.pointee.segments[7] = Segment(
      selector: Selector.task, base: Place.tss, limit: 0x7f,
      access: SegmentAccessRights(rawValue: 0x8b))
    state.pointee.gdtr = DescriptorTableRegister(base: Place.gdt, limit: 0xff)
    state.pointee.idtr = DescriptorTableRegister(base: Place.idt, limit: 0x7ff)
    state.pointee.cet.interruptSSPTable = Place.interruptSSPTable
    state.pointee.startNewAddressSpace()
    setLevel(0)
  }

  /// The code and stack segments of a privilege level, in 64-bit or 32-bit code.
  func setLevel(_ level: UInt8) {
    let rights = UInt32(level) << 5
    let selectors: (code: UInt16, data: UInt16) =
      switch level {
      case 0: (Selector.kernelCode, Selector.kernelData)
      case 1: (Selector.middleCode, Selector.middleData)
      default: (Selector.userCode, Selector.userData)
      }
    for register in [0, 2, 3, 4, 5] {
      state.pointee.segments[register] = Segment(
        selector: selectors.data | UInt16(level), base: 0, limit: .max,
        access: SegmentAccessRights(rawValue: 0xc093 | rights))
    }
    state.pointee.segments[1] = Segment(
      selector: selectors.code | UInt16(level), base: base, limit: limit,
      access: SegmentAccessRights(rawValue: (mode.isLong ? 0xa09b : 0xc09b) | rights))
    state.pointee.cpl = level
    state.pointee.updateMode()
  }

  /// IA32_S_CET below level 3, IA32_U_CET at level 3.
  func setControl(_ control: ControlFlowControl, level: UInt8) {
    if level == 3 {
      state.pointee.cet.userControl = control
    } else {
      state.pointee.cet.supervisorControl = control
    }
  }

  /// SSP, IA32_PLx_SSP and so on.
  var cet: ControlFlowState {
    get { state.pointee.cet }
    set { state.pointee.cet = newValue }
  }
  var ssp: UInt64 {
    get { state.pointee.cet.ssp }
    set { state.pointee.cet.ssp = newValue }
  }
  var rip: UInt64 { state.pointee.rip }

  // MARK: Running

  /// Runs the one instruction that `code` is, at privilege level `level`, with `general`, `flags` and
  /// `stack`.
  @discardableResult
  func run(_ code: [UInt8], level: UInt8 = 0, at address: UInt64 = Place.code) -> Outcome {
    if machine.memory.read(code.count, at: address) != code {
      machine.writeMemory(code, at: address)
    }
    setLevel(level)
    let state = self.state
    state.pointee.rip = address
    for register in 0..<16 { state.pointee.general[register] = general[register] ?? 0 }
    state.pointee.general[4] =
      stack ?? (level == 3 ? Place.userStack : Place.kernelStack) - 0x800
    state.pointee.activity = .active
    state.pointee.interruptibility = Interruptibility()
    state.pointee.linkSource = nil
    state.pointee.clearPending()
    state.pointee.delivery = EventDelivery()
    state.pointee.setRFLAGS(flags)
    state.pointee.updateMode()
    state.pointee.updateAttention()
    return resume()
  }

  /// Runs one more instruction from where the processor is.
  func resume() -> Outcome {
    let stop = machine.run(instructions: 1)
    guard stop == .instructionLimit else { return .stops(stop) }
    let rip = state.pointee.rip
    guard (Place.handlers..<Place.handlers + 512).contains(rip) else { return .retires }
    let vector = UInt8((rip - Place.handlers) / 16)
    let top = state.pointee.general[4] & (mode.isIA32e ? ~0 : 0xffff_ffff)
    let hasCode = ExceptionVector(rawValue: vector)?.pushesErrorCode == true
    return .faults(vector, hasCode ? get32(top) : 0)
  }

  /// SSP of what was interrupted: where the handler's frame has it, if shadow stacks are on.
  var interruptedSSP: UInt64 {
    state.pointee.cet.usesShadowStack ? get(ssp) : ssp
  }
}
