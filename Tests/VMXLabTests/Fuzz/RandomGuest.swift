@testable import VMXLab

/// A machine whose registers, tables and memory are random, but likely enough to make sense that a
/// guest gets somewhere: descriptors of all types, page tables with all flags, gates, task states.
/// The same seed makes the same guest.
struct RandomGuest {
  enum Mode: CaseIterable {
    case real, virtual8086, protected16, protected32, paged32, pae, compatibility, long
  }

  /// Guest-physical memory. Everything is in the first MiB, and linear addresses mostly lead there.
  enum Place {
    static let code: UInt64 = 0x1000
    static let codeEnd: UInt64 = 0x1_0000
    static let gdt: UInt64 = 0x1_0000
    static let ldt: UInt64 = 0x1_1000
    static let idt: UInt64 = 0x1_2000
    static let tss: UInt64 = 0x1_4000
    static let otherTSS: UInt64 = 0x1_6000
    static let data: UInt64 = 0x1_8000
    static let tables: UInt64 = 0x4_0000
    static let pagesALevel: UInt64 = 4
    static let end: UInt64 = 0x8_0000
  }

  let seed: UInt64
  let mode: Mode
  let machine: Machine
  private var random: SeededGenerator
  private var state: UnsafeMutablePointer<Processor> { machine.processor.pointer }

  init(seed: UInt64, mode: Mode, profile: CPUProfile) throws {
    self.seed = seed
    self.mode = mode
    random = SeededGenerator(seed: seed)
    machine = try Machine(MachineConfiguration(memoryByteCount: 2 << 20, profile: profile))
    fillMemory()
    writeDescriptors()
    writePageTables()
    setRegisters()
  }

  // MARK: Memory

  private func put(_ value: UInt64, at address: UInt64) {
    machine.memory.map.host(address)?.storeBytes(of: value, as: UInt64.self)
  }

  private mutating func fillMemory() {
    for address in stride(from: UInt64(0), to: Place.code, by: 8) {
      // The interrupt vector table of real mode.
      put(random.next() & 0x0fff_ffff_0fff_ffff, at: address)
    }
    var code = RandomCode(random: random)
    for address in stride(from: Place.code, to: Place.codeEnd, by: 8) {
      put(code.nextQuadword(), at: address)
    }
    random = code.random
    for address in stride(from: Place.tss, to: Place.tables, by: 8) {
      put(random.edge(), at: address)
    }
  }

  /// A code, data or system descriptor; in IA-32e mode the 8 bytes after it may be its upper half.
  private mutating func descriptor() -> UInt64 {
    let bits = random.next()
    var access = bits & 0xff
    if random.chance(7, in: 8) { access |= 0x80 }
    if random.chance(3, in: 4) { access |= 0x10 }
    var flags = bits >> 8 & 0xf
    // L and D together are no code segment in IA-32e mode.
    if flags & 6 == 6, random.chance(7, in: 8) { flags &= ~4 }
    let base = random.chance(3, in: 4) ? 0 : bits >> 16 & 0x7_fff0
    let limit = random.chance(3, in: 4) ? 0xf_ffff : bits >> 36 & 0xf_ffff
    return segmentDescriptor(base: base, limit: limit, access: access, flags: flags)
  }

  private func segmentDescriptor(
    base: UInt64, limit: UInt64, access: UInt64, flags: UInt64
  ) -> UInt64 {
    limit & 0xffff | (base & 0xff_ffff) << 16 | access << 40 | (limit >> 16 & 0xf) << 48
      | flags << 52 | (base >> 24 & 0xff) << 56
  }

  private mutating func selector() -> UInt64 {
    UInt64(random.below(40)) << 3 | (random.chance(1, in: 4) ? 4 : 0) | random.next() & 3
  }

  private mutating func gate() -> UInt64 {
    let offset = random.next() & 0xffff
    let types: [UInt64] = [0xe, 0xf, 0xe, 6, 7, 5, 0xc, 4]
    var access = types[random.below(types.count)] | (random.next() & 3) << 5
    if random.chance(15, in: 16) { access |= 0x80 }
    if random.chance(1, in: 32) { access = random.next() & 0xff }
    let target = random.chance(3, in: 4) ? 8 : selector()
    return offset | target << 16 | (random.next() & 7) << 32 | access << 40
  }

  private mutating func writeDescriptors() {
    for index in 0..<UInt64(512) {
      put(random.chance(1, in: 3) ? gate() : descriptor(), at: Place.gdt + index * 8)
      put(random.chance(1, in: 3) ? gate() : descriptor(), at: Place.ldt + index * 8)
    }
    let is64Bit = mode == .long || mode == .compatibility
    // What a system starts with: code, data, and task states.
    let code: UInt64 = mode == .long ? 0xa : is32Bit ? 0xc : 0
    put(segmentDescriptor(base: 0, limit: 0xf_ffff, access: 0x9b, flags: code), at: Place.gdt + 8)
    put(
      segmentDescriptor(base: 0, limit: 0xf_ffff, access: 0x93, flags: is32Bit ? 0xc : 0),
      at: Place.gdt + 16)
    for (index, tss) in [(3 as UInt64, Place.tss), (5, Place.otherTSS), (7, Place.otherTSS)] {
      let access: UInt64 = index == 7 ? 0x81 : 0x89
      put(
        segmentDescriptor(base: tss, limit: 0x167, access: access, flags: 0),
        at: Place.gdt + index * 8)
      if is64Bit { put(0, at: Place.gdt + index * 8 + 8) }
    }
    put(
      segmentDescriptor(base: Place.ldt, limit: 0xfff, access: 0x82, flags: 0),
      at: Place.gdt + 9 * 8)
    if is64Bit { put(0, at: Place.gdt + 10 * 8) }
    for vector in 0..<UInt64(256) {
      if is64Bit {
        put(gate(), at: Place.idt + vector * 16)
        put(random.chance(1, in: 32) ? random.next() : 0, at: Place.idt + vector * 16 + 8)
      } else {
        put(gate(), at: Place.idt + vector * 8)
      }
    }
    for tss in [Place.tss, Place.otherTSS] { writeTaskState(tss) }
  }

  /// A 32-bit task state, whose words also serve as 64-bit stack pointers.
  private mutating func writeTaskState(_ tss: UInt64) {
    for offset in stride(from: UInt64(0), to: 0x68, by: 4) {
      var value = offset < 0x48 ? random.next() & 0x3_fff8 : selector()
      if offset == 0x1c { value = Place.tables }
      if offset == 0x24 { value = random.next() & 0x7fd5 | 2 }
      let address = tss + offset
      machine.memory.map.host(address)?.storeBytes(
        of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
    }
    if mode == .long || mode == .compatibility {
      for offset in stride(from: UInt64(4), to: 0x64, by: 8) {
        machine.memory.map.host(tss + offset)?.storeBytes(
          of: random.chance(1, in: 16) ? random.next() : random.next() & 0x3_fff8, as: UInt64.self)
      }
    }
    machine.memory.map.host(tss + 0x66)?.storeBytes(
      of: UInt16(truncatingIfNeeded: random.next() & 0x1ff), as: UInt16.self)
  }

  // MARK: Paging

  /// Four pages for each level, in which every entry leads to one of the next level, and at last to
  /// the memory below `Place.tables`.
  private mutating func writePageTables() {
    let entrySize: UInt64 = mode == .paged32 ? 4 : 8
    for level in 0..<UInt64(4) {
      for page in 0..<Place.pagesALevel {
        let table = Place.tables + (level * Place.pagesALevel + page) * 0x1000
        for index in stride(from: 0 as UInt64, to: 0x1000, by: UInt64.Stride(entrySize)) {
          let entry = pageEntry(level: level)
          if entrySize == 4 {
            machine.memory.map.host(table + index)?.storeBytes(
              of: UInt32(truncatingIfNeeded: entry), as: UInt32.self)
          } else {
            put(entry, at: table + index)
          }
        }
        if random.chance(7, in: 8) { writeFirstEntries(table, level: level) }
      }
    }
    guard mode == .pae else { return }
    for index in 0..<UInt64(4) {
      let directory = Place.tables + (2 * Place.pagesALevel + index) * 0x1000
      put(directory | 1, at: Place.tables + index * 8)
    }
  }

  /// The first 64 pages are mostly mapped one to one.
  private mutating func writeFirstEntries(_ table: UInt64, level: UInt64) {
    let flags = 0x23 | (random.next() & 0x44)
    let entrySize: UInt64 = mode == .paged32 ? 4 : 8
    let isLeaf = level == 3
    for index in 0..<(isLeaf ? UInt64(64) : 1) {
      let next =
        isLeaf ? index << 12 : nextTable(after: level)
      let entry = next | (isLeaf && random.chance(1, in: 16) ? random.next() & 0x67 : flags)
      if entrySize == 4 {
        machine.memory.map.host(table + index * 4)?.storeBytes(
          of: UInt32(truncatingIfNeeded: entry), as: UInt32.self)
      } else {
        put(entry, at: table + index * 8)
      }
    }
  }

  private mutating func nextTable(after level: UInt64) -> UInt64 {
    // 32-bit paging goes from its directory, the first level, to the last.
    let next = mode == .paged32 ? 3 : level + 1
    return Place.tables + (next * Place.pagesALevel + random.next() % Place.pagesALevel) * 0x1000
  }

  private mutating func pageEntry(level: UInt64) -> UInt64 {
    var entry =
      level == 3 ? (random.next() & 0x3f) << 12 : nextTable(after: level)
    entry |= random.next() & 0xe7e
    if !random.chance(1, in: 16) { entry &= ~0x80 }
    if random.chance(7, in: 8) { entry |= 1 }
    if random.chance(1, in: 2) { entry |= 6 }
    if random.chance(1, in: 8) { entry |= 1 << 63 }
    if random.chance(1, in: 32) { entry |= random.next() & 0x7fff_ffff_ffff_f000 }
    if mode == .long || mode == .compatibility, random.chance(1, in: 8) {
      entry |= (random.next() & 0xf) << 59
    }
    return entry
  }

  // MARK: Registers

  /// Begins anew with other registers, in the memory that has become of it; the clock goes on. Every
  /// so often the tables are made afresh too.
  mutating func restart(life: Int) {
    if life % 8 == 0 {
      writeDescriptors()
      writePageTables()
      machine.forgetDecodedCode()
    }
    let (cycles, instructions) = (state.pointee.cycles, state.pointee.instructions)
    state.pointee.reset()
    state.pointee.cycles = cycles
    state.pointee.instructions = instructions
    state.pointee.linkSource = nil
    setRegisters()
  }

  private var is32Bit: Bool {
    switch mode {
    case .protected32, .paged32, .pae: true
    case .compatibility: seed & 1 == 0
    default: false
    }
  }

  private mutating func setRegisters() {
    for register in 0..<16 {
      state.pointee.general[register] =
        random.chance(3, in: 4) ? random.next() & 0x3_ffff : random.edge()
    }
    state.pointee.general[4] = Place.data + 0x8000 + random.next() & 0x7ff8
    state.pointee.rip = Place.code + random.next() & 0xfff
    state.pointee.writeCR8(random.next() & 0xf)
    state.pointee.msrs.featureControl = 5
    setControlRegisters()
    setSegments()
    setFlags()
    setDebugRegisters()
    setModelSpecificRegisters()
    state.pointee.startNewAddressSpace()
    state.pointee.updateMode()
    state.pointee.updateAttention()
  }

  private mutating func setControlRegisters() {
    var cr0 = random.next() & 0x0005_003a | 0x10
    if random.chance(3, in: 4) { cr0 &= ~0xc }
    var cr4 = random.next() & random.next() & state.pointee.model.cr4Bits
    cr4 &= ~(CR4.pae.rawValue | CR4.la57.rawValue | CR4.pcide.rawValue | CR4.cet.rawValue)
    var efer: EFER = random.chance(1, in: 2) ? [.sce, .nxe] : []
    state.pointee.cr3 = Place.tables
    switch mode {
    case .real: break
    case .virtual8086, .protected16, .protected32: cr0 |= 1
    case .paged32: cr0 |= 0x8000_0001
    case .pae:
      cr0 |= 0x8000_0001
      cr4 |= CR4.pae.rawValue
    case .compatibility, .long:
      cr0 |= 0x8000_0001
      cr4 |= CR4.pae.rawValue
      if random.chance(1, in: 2) { cr4 |= CR4.pcide.rawValue & state.pointee.model.cr4Bits }
      efer.formUnion([.lme, .lma])
    }
    if mode == .virtual8086, random.chance(1, in: 2) { cr0 |= 0x8000_0000 }
    state.pointee.cr0 = CR0(rawValue: cr0)
    state.pointee.cr4 = CR4(rawValue: cr4)
    state.pointee.efer = efer
    // Of most pages the key is 0.
    state.pointee.setPKRU(UInt32(truncatingIfNeeded: random.next()) & ~3)
    state.pointee.setPKRS(
      state.pointee.model.features.contains(.pks)
        ? UInt32(truncatingIfNeeded: random.next()) & ~3 : 0)
    if mode == .pae { _ = state.pointee.loadPDPTEs(Place.tables) }
    // Virtual-8086 mode with paging has 32-bit tables, whose first entries are the same.
    if mode == .virtual8086, cr0 >> 31 != 0 { state.pointee.cr4.remove(.pae) }
  }

  private mutating func setSegments() {
    let level: UInt8 =
      switch mode {
      case .real: 0
      case .virtual8086: 3
      default: random.chance(1, in: 2) ? 0 : 3
      }
    state.pointee.cpl = level
    let rights = UInt32(level) << 5
    let data: UInt32
    let code: UInt32
    switch mode {
    case .real: (code, data) = (0x9b, 0x93)
    case .virtual8086: (code, data) = (0xf3, 0xf3)
    case .protected16: (code, data) = (0x9b | rights, 0x93 | rights)
    case .long: (code, data) = (0xa09b | rights, 0xc093 | rights)
    default:
      (code, data) =
        is32Bit ? (0xc09b | rights, 0xc093 | rights) : (0x809b | rights, 0x8093 | rights)
    }
    let limit: UInt32 = code & 0x8000 != 0 ? .max : 0xffff
    for register in 0..<6 {
      let isCode = register == 1
      var segment = Segment(
        selector: UInt16(isCode ? 8 : 16) | UInt16(level), base: 0, limit: limit,
        access: SegmentAccessRights(rawValue: isCode ? code : data))
      if mode == .real || mode == .virtual8086 { segment.selector = 0 }
      state.pointee.segments[register] = segment
    }
    let is64Bit = mode == .long || mode == .compatibility
    state.pointee.segments[6] = Segment(
      selector: 9 << 3, base: Place.ldt, limit: 0xfff, access: SegmentAccessRights(rawValue: 0x82))
    state.pointee.segments[7] = Segment(
      selector: 3 << 3, base: Place.tss, limit: 0x167, access: SegmentAccessRights(rawValue: 0x8b))
    state.pointee.gdtr = DescriptorTableRegister(base: Place.gdt, limit: 0xfff)
    state.pointee.idtr =
      mode == .real
      ? DescriptorTableRegister(base: 0, limit: 0x3ff)
      : DescriptorTableRegister(base: Place.idt, limit: is64Bit ? 0xfff : 0x7ff)
  }

  private mutating func setFlags() {
    var flags = random.next() & 0x3f_7fd5 & ~RFLAGS.vm.rawValue
    for flag in [RFLAGS.tf, .rf, .nt, .vip] where !random.chance(1, in: 8) {
      flags &= ~flag.rawValue
    }
    if mode == .virtual8086 { flags |= RFLAGS.vm.rawValue }
    state.pointee.setRFLAGS(flags | 2)
  }

  private mutating func setDebugRegisters() {
    guard random.chance(1, in: 4) else { return }
    state.pointee.debug.dr0 = random.next() & 0x3_ffff
    state.pointee.debug.dr1 = Place.code + random.next() & 0xfff
    state.pointee.debug.dr2 = random.next() & 0x3ff
    state.pointee.debug.dr3 = random.edge()
    state.pointee.debug.dr7 = random.next() & 0xffff_23ff | 0x400
  }

  private mutating func setModelSpecificRegisters() {
    let values: [(UInt32, UInt64)] = [
      (MSR.ia32SYSENTERCS, random.next() & 0xffff),
      (MSR.ia32SYSENTERESP, random.next() & 0x3_fff8),
      (MSR.ia32SYSENTEREIP, random.next() & 0xffff),
      (MSR.ia32STAR, random.next()),
      (MSR.ia32LSTAR, random.next() & 0xffff),
      (MSR.ia32CSTAR, random.next() & 0xffff),
      (MSR.ia32FMASK, random.next() & 0x3f_7fd5),
      (MSR.ia32KernelGSBase, random.next() & 0x3_ffff),
    ]
    for (register, value) in values {
      let cpl = state.pointee.cpl
      state.pointee.cpl = 0
      _ = state.pointee.writeMSR(register, value)
      state.pointee.clearPending()
      state.pointee.cpl = cpl
    }
    if random.chance(1, in: 2) { setPerformanceCounters() }
  }

  /// Counters that soon overflow, some with an NMI.
  private mutating func setPerformanceCounters() {
    let apic = machine.platform.localAPIC
    apic.setSpurious(0x1ff)
    apic.setLocalVector(.performance, random.chance(3, in: 4) ? 0x400 : 0x1_0400)
    let events: [UInt64] = [0x3c, 0xc0, 0x13c, 0x0280_00c0, 0x0180_00c0, 0x4_003c]
    for counter in 0..<4 as Range<UInt32> {
      let flags = random.next() & 0x13_0000 | 1 << 22
      let selection = events[random.below(events.count)] | flags
      _ = state.pointee.writeMSR(MSR.ia32PerfEvtSel0 + counter, selection)
      let left = UInt64(1 + random.below(300))
      _ = state.pointee.writeMSR(MSR.ia32APMC0 + counter, (0 &- left) & 0xffff_ffff_ffff)
    }
    _ = state.pointee.writeMSR(MSR.ia32FixedCtrCtrl, random.next() & 0xbbb)
    _ = state.pointee.writeMSR(MSR.ia32DebugCtl, random.next() & 0x1000)
    _ = state.pointee.writeMSR(MSR.ia32PerfGlobalCtrl, random.next() & 0x7_0000_000f)
  }
}

/// Bytes that are instructions more often than random ones: prefixes, the second opcode map, and
/// operands that are random.
struct RandomCode {
  var random: SeededGenerator
  private var waiting: [UInt8] = []

  init(random: SeededGenerator) { self.random = random }

  private static let prefixes: [UInt8] = [
    0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x48, 0x4c, 0x41, 0x49,
  ]

  mutating func nextQuadword() -> UInt64 {
    while waiting.count < 8 { addInstruction() }
    let value = waiting[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    waiting.removeFirst(8)
    return value
  }

  private mutating func addInstruction() {
    while random.chance(1, in: 4) {
      waiting.append(Self.prefixes[random.below(Self.prefixes.count)])
    }
    if random.chance(1, in: 3) { waiting.append(0x0f) }
    let bits = random.next()
    for byte in 0..<(1 + random.below(5)) {
      waiting.append(UInt8(truncatingIfNeeded: bits >> UInt64(byte * 8)))
    }
  }
}
