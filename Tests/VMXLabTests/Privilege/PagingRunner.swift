@testable import VMXLab

/// A machine whose kernel is mapped by pages of its own, and one more page whose paging-structure
/// entries a test chooses.
final class PagingRunner {
  /// Guest-physical addresses, all below 2 MiB but for the page itself.
  private enum Place {
    static let code: UInt64 = 0x8000
    static let idt: UInt64 = 0x9000
    static let gdt: UInt64 = 0xa000
    static let tss: UInt64 = 0xb000
    static let stackTop: UInt64 = 0xe000
    static let handler: UInt64 = 0xf000
    static let root: UInt64 = 0x1_0000
    /// The page's own structures, from the one below the root on.
    static let structures: UInt64 = 0x1_1000
    static let kernelTable: UInt64 = 0x1_6000
    static let userTable: UInt64 = 0x1_9000
    static let page: UInt64 = 0x20_0000
  }
  private static let noOperation: UInt8 = 0x90

  let shape: PagingShape
  private let machine: Machine
  private var state: UnsafeMutablePointer<Processor> { machine.processor.pointer }
  /// The linear address of the page.
  private let linear: UInt64
  /// What is added to the address of code that a user executes.
  private let userBase: UInt64

  init(_ shape: PagingShape) throws {
    self.shape = shape
    machine = try Machine(
      MachineConfiguration(memoryByteCount: 4 << 20, profile: Self.profile()))
    if shape.hasLevel5 {
      linear = 0x00ff_7f80_0020_0000
      userBase = 1 << 48
    } else if shape.isLong {
      linear = 0x7f80_0020_0000
      userBase = 1 << 39
    } else {
      linear = 0xc020_0000
      userBase = shape.hasExecuteDisable ? 1 << 30 : 1 << 22
    }
    // MOV AL, [RBX] and MOV [RBX], AL; the page itself is full of NOPs.
    machine.writeMemory([0x8a, 0x03, 0x90, 0x90, 0x88, 0x03], at: Place.code)
    machine.writeMemory([UInt8](repeating: Self.noOperation, count: 4096), at: Place.page)
    machine.writeMemory([0xf4], at: Place.handler)
    writeDescriptors()
    writeKernelPages()
  }

  /// A processor with every feature of the matrix, and with 46 physical-address bits so that entries have
  /// reserved ones.
  private static func profile() throws -> CPUProfile {
    let entry = CPUProfileCatalog.entries.first { $0.name == "sapphire-rapids" }
    let text = entry.map { String(decoding: $0.json.bytes, as: UTF8.self) } ?? ""
    let narrow = text.split(separator: "0x00003934").joined(separator: "0x0000392e")
    return try CPUProfile(json: Array(narrow.utf8))
  }

  private func put(_ value: UInt64, at address: UInt64) {
    machine.memory.map.host(address)?.storeBytes(of: value, as: UInt64.self)
  }
  private func get(_ address: UInt64) -> UInt64 {
    machine.memory.map.host(address)?.load(as: UInt64.self) ?? 0
  }

  private func writeDescriptors() {
    put(shape.isLong ? 0x00af_9b00_0000_ffff : 0x00cf_9b00_0000_ffff, at: Place.gdt + 8)
    put(0x00cf_9300_0000_ffff, at: Place.gdt + 16)
    let gate = Place.handler & 0xffff | 8 << 16 | 0x8e00 << 32
    put(gate, at: Place.idt + 14 * (shape.isLong ? 16 : 8))
    if shape.isLong {
      put(0, at: Place.idt + 14 * 16 + 8)
      put(Place.stackTop, at: Place.tss + 4)
    } else {
      // ESP0 and SS0.
      put(Place.stackTop | 16 << 32, at: Place.tss + 4)
    }
  }

  /// The first megabytes for the kernel, one to one, and at `userBase` for a user.
  private func writeKernelPages() {
    switch shape {
    case .bits32, .bits32Large:
      put(0x83 | 0x87 << 32, at: Place.root)
    case .pae, .paeLarge:
      put(Place.kernelTable | 1, at: Place.root)
      put(Place.userTable | 1, at: Place.root + 8)
      put(0x83, at: Place.kernelTable)
      put(0x87, at: Place.userTable)
    default:
      put(Place.kernelTable | 3, at: Place.root)
      put(Place.userTable | 7, at: Place.root + 8)
      for (table, flags) in [(Place.kernelTable, UInt64(3)), (Place.userTable, 7)] {
        let directory = table + (shape.hasLevel5 ? 0x2000 : 0x1000)
        put(table + 0x1000 | flags, at: table)
        if shape.hasLevel5 { put(directory | flags, at: table + 0x1000) }
        put(0x80 | flags, at: directory)
      }
    }
  }

  // MARK: The page's entries

  /// Addresses of the entries that lead to the page, from the root on.
  private lazy var entryAddresses: [UInt64] = {
    switch shape {
    case .bits32, .bits32Large:
      [Place.root + 0x300 * 4, Place.structures + 0x200 * 4]
    case .pae, .paeLarge: [Place.structures + 8, Place.structures + 0x1000]
    case .level4, .level4Large, .level4Huge:
      // Of the page directory the second entry.
      [
        Place.root + 255 * 8, Place.structures, Place.structures + 0x1000 + 8,
        Place.structures + 0x2000,
      ]
    case .level5, .level5Large, .level5Huge:
      [
        Place.root + 255 * 8, Place.structures + 255 * 8, Place.structures + 0x1000,
        Place.structures + 0x2000 + 8, Place.structures + 0x3000,
      ]
    }
  }()

  private func write(_ entries: [PagingEntry], key: UInt32) {
    for (level, entry) in entries.enumerated() {
      let isLeaf = level == entries.count - 1
      var value: UInt64
      switch (isLeaf, shape) {
      case (false, .bits32), (false, .bits32Large): value = Place.structures
      case (false, .pae), (false, .paeLarge): value = Place.structures + 0x1000
      case (false, _): value = Place.structures + UInt64(level) * 0x1000
      case (true, .bits32Large), (true, .level4Huge), (true, .level5Huge): value = 0x80
      case (true, .paeLarge), (true, .level4Large), (true, .level5Large):
        value = Place.page | 0x80
      case (true, _): value = Place.page
      }
      if entry.isPresent { value |= 1 }
      if entry.isWritable { value |= 2 }
      if entry.isUser { value |= 4 }
      if entry.executeDisable { value |= 1 << 63 }
      if entry.isAccessed { value |= 1 << 5 }
      if entry.isDirty { value |= 1 << 6 }
      // Only the last entry's key counts.
      if shape.isLong { value |= UInt64(isLeaf ? key : ~key & 0xf) << 59 }
      if entry.hasReservedBit { value |= reservedBit(isLeaf: isLeaf) }
      let address = entryAddresses[level]
      if shape == .bits32 || shape == .bits32Large {
        machine.memory.map.host(address)?.storeBytes(
          of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
      } else {
        put(value, at: address)
      }
    }
    if shape == .pae || shape == .paeLarge { put(Place.structures | 1, at: Place.root + 24) }
  }

  /// A bit that must be 0 in the entry of a processor with 46 physical-address bits.
  private func reservedBit(isLeaf: Bool) -> UInt64 {
    switch shape {
    case .bits32: 0
    case .bits32Large: 1 << 21
    case .pae: 1 << 52
    case .paeLarge: 1 << 13
    case .level4, .level5: 1 << 51
    case .level4Large, .level5Large: isLeaf ? 1 << 20 : 1 << 46
    case .level4Huge, .level5Huge: isLeaf ? 1 << 29 : 1 << 47
    }
  }

  // MARK: Accesses

  /// Chooses what `run` finds, with nothing cached of what was there before.
  func set(_ settings: PagingCase) {
    write(settings.entries, key: settings.key)
    var cr0: CR0 = [.pe, .pg, .et, .ne]
    if settings.writeProtect { cr0.insert(.wp) }
    var cr4: CR4 = shape.hasExecuteDisable ? [.pae] : [.pse]
    if settings.smep { cr4.insert(.smep) }
    if settings.smap { cr4.insert(.smap) }
    if settings.userKeys { cr4.insert(.pke) }
    if settings.supervisorKeys { cr4.insert(.pks) }
    if shape.hasLevel5 { cr4.insert(.la57) }
    var efer: EFER = shape.isLong ? [.lme, .lma] : []
    if settings.executeDisableEnabled { efer.insert(.nxe) }
    state.pointee.cr0 = cr0
    state.pointee.cr3 = Place.root
    state.pointee.cr4 = cr4
    state.pointee.efer = efer
    state.pointee.gdtr = DescriptorTableRegister(base: Place.gdt, limit: 0xff)
    state.pointee.idtr = DescriptorTableRegister(base: Place.idt, limit: 0xfff)
    state.pointee.segments[7] = Segment(
      selector: 24, base: Place.tss, limit: 0x67, access: SegmentAccessRights(rawValue: 0x8b))
    state.pointee.startNewAddressSpace()
    state.pointee.setPKRU(settings.userRights.register(settings.key))
    state.pointee.setPKRS(settings.supervisorRights.register(settings.key))
    if shape == .pae || shape == .paeLarge { _ = state.pointee.loadPDPTEs(Place.root) }
  }

  /// Makes the access; returns the page fault's error code, or nil if it went through.
  ///
  /// - Returns: also whether what else must be so is: CR2, where execution went on.
  func run(_ settings: PagingCase) -> (fault: UInt32?, isConsistent: Bool) {
    let level: UInt8 = settings.isUser ? 3 : 0
    let rights = UInt32(level) << 5
    let data = Segment(
      selector: 16 | UInt16(level), base: 0, limit: .max,
      access: SegmentAccessRights(rawValue: 0xc093 | rights))
    for register in [0, 2, 3, 4, 5] { state.pointee.segments[register] = data }
    state.pointee.segments[1] = Segment(
      selector: 8 | UInt16(level), base: 0, limit: .max,
      access: SegmentAccessRights(rawValue: (shape.isLong ? 0xa09b : 0xc09b) | rights))
    state.pointee.cpl = level
    state.pointee.setRFLAGS(settings.alignmentCheck ? 2 | RFLAGS.ac.rawValue : 2)
    state.pointee.general[0] = UInt64(Self.noOperation)
    state.pointee.general[3] = linear + 8
    state.pointee.general[4] = Place.stackTop
    state.pointee.cr2 = 0
    state.pointee.activity = .active
    state.pointee.linkSource = nil
    let codeBase = settings.isUser ? userBase : 0
    let start: UInt64
    switch settings.access {
    case .read: start = codeBase + Place.code
    case .write: start = codeBase + Place.code + 4
    case .fetch: start = linear
    }
    state.pointee.rip = start
    state.pointee.updateMode()
    state.pointee.updateAttention()
    _ = machine.run(instructions: 1)
    guard state.pointee.cr2 != 0 else {
      let length: UInt64 = settings.access == .fetch ? 1 : 2
      return (nil, state.pointee.rip == start + length)
    }
    let errorCode = get(state.pointee.general[4] & 0xffff)
    let wantedCR2 = settings.access == .fetch ? linear : linear + 8
    return (
      UInt32(truncatingIfNeeded: errorCode),
      state.pointee.cr2 == wantedCR2 && state.pointee.rip == Place.handler + 1
    )
  }

  /// The accessed and dirty flags of the entries from the root on.
  func usedFlags(_ count: Int) -> (accessed: [Bool], dirty: [Bool]) {
    let values = entryAddresses.prefix(count).map { get($0) }
    return (values.map { $0 & 1 << 5 != 0 }, values.map { $0 & 1 << 6 != 0 })
  }

  /// Takes the rights of the page's key away, or gives them back, without a new address space.
  func setKeyRights(_ settings: PagingCase) {
    state.pointee.setPKRU(settings.userRights.register(settings.key))
    state.pointee.setPKRS(settings.supervisorRights.register(settings.key))
  }
}
