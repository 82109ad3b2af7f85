@testable import VMXLab

/// A processor in 64-bit mode with page tables for a few PCIDs, and a record of every translation that it
/// may have cached. None of the emulator's own bookkeeping is used for that.
///
/// Source: Intel SDM, "Operations that Invalidate TLBs and Paging-Structure Caches" and "Details of TLB
/// Use".
struct PagingOperations {
  enum Place {
    static let tables: UInt64 = 0x100_0000
    static let tableBytes: UInt64 = 0x10_0000
    /// Frames that begin with their number, of 4 KiB and of 2 MiB.
    static let frames: UInt64 = 0x200_0000
    static let largeFrames: UInt64 = 0x400_0000
  }

  /// PCIDs, pages of 4 KiB from linear address `base`, and one of 2 MiB.
  static let pcids: UInt64 = 4
  static let pages = 6
  static let frameCount: UInt64 = 32
  static let largeFrameCount: UInt64 = 4
  private static let base: UInt64 = 0x7f00_0000_0000
  /// The first page of the large one.
  static let largePage = 512
  private static let invlpg: [UInt8] = [0x0f, 0x01, 0x3b]
  private static let invpcid: [UInt8] = [0x66, 0x0f, 0x38, 0x82, 0x03]

  /// A translation as the processor may cache it.
  private struct Translation: Hashable {
    var frame: UInt64
    var isGlobal: Bool
  }

  private let runner: InstructionRunner
  private var random: SeededGenerator
  private var state: UnsafeMutablePointer<Processor> { runner.state }
  private var pcid: UInt64 = 0
  private var usesGlobalPages = true
  /// What the paging structures say now, by PCID and page. The large page is page `largePage`.
  private var current: [UInt64: [Int: Translation]] = [:]
  /// What may be cached, by the PCID and the page that it is a translation of: what the structures have
  /// said while their PCID was the current one, since the last invalidation.
  private var cached: [UInt64: [Int: Set<Translation>]] = [:]
  /// Reads that saw a translation that is no longer in the paging structures.
  private(set) var staleReads = 0

  init(seed: UInt64) throws {
    runner = try InstructionRunner()
    random = SeededGenerator(seed: seed)
    for frame in 0..<Self.frameCount {
      put(frame, at: Place.frames + frame << 12)
    }
    for frame in 0..<Self.largeFrameCount {
      for page in 0..<512 as Range<UInt64> {
        put(frame, at: Place.largeFrames + frame << 21 + page << 12)
      }
    }
    for pcid in 0..<Self.pcids {
      writeTables(pcid)
      for page in 0..<Self.pages {
        map(pcid: pcid, page: page, frame: UInt64(page), global: false)
      }
      mapLarge(pcid: pcid, frame: 0, global: false)
    }
    state.pointee.cr3 = table(0, 0)
    state.pointee.cr4.formUnion([.pcide, .pge])
    state.pointee.startNewAddressSpace()
    state.pointee.updateMode()
    noteCurrent()
  }

  // MARK: Paging structures

  private func put(_ value: UInt64, at address: UInt64) {
    runner.write((0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }, at: address)
  }

  private func get(_ address: UInt64) -> UInt64 {
    runner.machine.memory.map.host(address)?.load(as: UInt64.self) ?? 0
  }

  /// PML4, PDPT, page directory and page table of a PCID.
  private func table(_ pcid: UInt64, _ level: UInt64) -> UInt64 {
    Place.tables + pcid * Place.tableBytes + level * 0x1000
  }

  private func writeTables(_ pcid: UInt64) {
    // The runner's own code and data, at its addresses.
    put(get(state.pointee.cr3), at: table(pcid, 0))
    put(table(pcid, 1) | 7, at: table(pcid, 0) + (Self.base >> 39) * 8)
    put(table(pcid, 2) | 7, at: table(pcid, 1))
    put(table(pcid, 3) | 7, at: table(pcid, 2))
  }

  /// Changes the mapping of a page of 4 KiB.
  mutating func map(pcid: UInt64, page: Int, frame: UInt64, global isGlobal: Bool) {
    put(
      (Place.frames + frame << 12) | 7 | (isGlobal ? 1 << 8 : 0),
      at: table(pcid, 3) + UInt64(page) * 8)
    current[pcid, default: [:]][page] = Translation(frame: frame, isGlobal: isGlobal)
    noteCurrent()
  }

  /// Gives a PCID another page table, which maps the pages to the frames from `page + 16` on. `map` does
  /// not know it.
  mutating func replaceTable(pcid: UInt64) {
    let replacement = table(pcid, 4)
    for page in 0..<Self.pages {
      let frame = UInt64(page) + 16
      put((Place.frames + frame << 12) | 7, at: replacement + UInt64(page) * 8)
      current[pcid, default: [:]][page] = Translation(frame: frame, isGlobal: false)
    }
    put(replacement | 7, at: table(pcid, 2))
    noteCurrent()
  }

  /// Changes the mapping of the large page.
  mutating func mapLarge(pcid: UInt64, frame: UInt64, global isGlobal: Bool) {
    put(
      (Place.largeFrames + frame << 21) | 0x87 | (isGlobal ? 1 << 8 : 0), at: table(pcid, 2) + 8)
    current[pcid, default: [:]][Self.largePage] = Translation(frame: frame, isGlobal: isGlobal)
    noteCurrent()
  }

  /// The processor may cache any translation of the current PCID at any time.
  private mutating func noteCurrent() {
    for (page, translation) in current[pcid] ?? [:] {
      cached[pcid, default: [:]][page, default: []].insert(translation)
    }
  }

  // MARK: What invalidates

  private mutating func forget(_ pcid: UInt64, _ page: Int? = nil, globals: Bool) {
    for number in (page.map { [$0] } ?? Array((cached[pcid] ?? [:]).keys)) {
      let kept = cached[pcid]?[number]?.filter { $0.isGlobal && usesGlobalPages && !globals }
      cached[pcid]?[number] = kept
    }
    noteCurrent()
  }

  private mutating func forgetEverything() {
    cached = [:]
    noteCurrent()
  }

  private func run(_ code: [UInt8], _ registers: [Int: UInt64]) {
    precondition(runner.run(code, registers) == .retired)
  }

  mutating func switchTo(pcid new: UInt64, keeping: Bool) {
    // MOV CR3, RAX.
    run([0x0f, 0x22, 0xd8], [0: table(new, 0) | new | (keeping ? 1 << 63 : 0)])
    pcid = new
    if !keeping { forget(new, globals: false) }
    noteCurrent()
  }

  mutating func invalidatePage(_ page: Int) {
    run(Self.invlpg, [3: linear(page)])
    let page = page >= Self.largePage ? Self.largePage : page
    forget(pcid, page, globals: true)
    for other in 0..<Self.pcids where other != pcid {
      let kept = cached[other]?[page]?.filter { !$0.isGlobal || !usesGlobalPages }
      cached[other]?[page] = kept
    }
  }

  /// INVPCID.
  mutating func invalidate(type: UInt64, pcid: UInt64, page: Int) {
    let descriptor = InstructionRunner.dataAddress
    put(pcid, at: descriptor)
    put(linear(page), at: descriptor + 8)
    run(Self.invpcid, [0: type, 3: descriptor])
    let page = page >= Self.largePage ? Self.largePage : page
    switch type {
    case 0: forget(pcid, page, globals: false)
    case 1: forget(pcid, globals: false)
    case 2: forgetEverything()
    default: for pcid in 0..<Self.pcids { forget(pcid, globals: false) }
    }
  }

  /// Changes a bit of CR4 whose change invalidates everything.
  mutating func toggle(_ bit: CR4) {
    let new = state.pointee.cr4.symmetricDifference(bit)
    // MOV CR4, RAX.
    run([0x0f, 0x22, 0xe0], [0: new.rawValue])
    if bit == .pge { usesGlobalPages.toggle() }
    forgetEverything()
  }

  /// RESET or INIT, and back to where the processor was.
  mutating func restart(reset: Bool) {
    let old = state.pointee
    if reset { state.pointee.reset() } else { state.pointee.initialize() }
    state.pointee.cr0 = old.cr0
    state.pointee.cr3 = old.cr3
    state.pointee.cr4 = old.cr4
    state.pointee.efer = old.efer
    state.pointee.segments = old.segments
    state.pointee.gdtr = old.gdtr
    state.pointee.idtr = old.idtr
    state.pointee.updateMode()
    state.pointee.updateAttention()
    forgetEverything()
  }

  // MARK: Reads

  private func linear(_ page: Int) -> UInt64 { Self.base + UInt64(page) << 12 }

  /// The number of the frame that a page seems to be mapped to.
  func read(page: Int) -> UInt64 {
    let (outcome, value) = tryRead(page: page)
    precondition(outcome == .retired)
    return value
  }

  func tryRead(page: Int) -> (InstructionRunner.Outcome, UInt64) {
    var registers = [UInt64](repeating: 0, count: 16)
    registers[3] = linear(page)
    registers[4] = InstructionRunner.stackTop
    var flags: UInt64 = 2
    // MOV RAX, [RBX].
    let outcome = runner.run([0x48, 0x8b, 0x03], registers: &registers, flags: &flags)
    return (outcome, registers[0])
  }

  /// Whether a read may see the frame: by a translation that may be cached.
  private func mayBe(_ frame: UInt64, _ page: Int) -> Bool {
    (0..<Self.pcids).contains { number in
      (cached[number]?[page] ?? []).contains {
        // Global translations serve every PCID, whosever structures they come from.
        $0.frame == frame && (number == pcid || ($0.isGlobal && usesGlobalPages))
      }
    }
  }

  /// Does something at random; tells what was read wrongly.
  mutating func next() -> String? {
    switch random.below(16) {
    case 0...7: return readAtRandom()
    case 8, 9:
      map(
        pcid: random.next() % Self.pcids, page: random.below(Self.pages),
        frame: random.next() % Self.frameCount, global: random.chance(1, in: 4))
    case 10:
      mapLarge(
        pcid: random.next() % Self.pcids, frame: random.next() % Self.largeFrameCount,
        global: random.chance(1, in: 4))
    case 11, 12: switchTo(pcid: random.next() % Self.pcids, keeping: random.chance(2, in: 3))
    case 13: invalidatePage(randomPage())
    case 14:
      invalidate(
        type: random.chance(3, in: 4) ? random.next() & 1 : 2 | random.next() & 1,
        pcid: random.next() % Self.pcids, page: randomPage())
    default: if random.chance(1, in: 8) { toggle(.pge) }
    }
    return nil
  }

  private mutating func randomPage() -> Int {
    // Few of the pieces of the large page, so that they are met again.
    random.chance(1, in: 3)
      ? Self.largePage + [0, 1, 200, 511][random.below(4)] : random.below(Self.pages)
  }

  private mutating func readAtRandom() -> String? {
    let page = randomPage()
    let number = page >= Self.largePage ? Self.largePage : page
    let frame = read(page: page)
    if current[pcid]?[number]?.frame != frame { staleReads += 1 }
    return mayBe(frame, number) ? nil : "PCID \(pcid), page \(page): frame \(frame)"
  }
}
