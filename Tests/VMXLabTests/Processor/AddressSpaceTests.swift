import Testing

@testable import VMXLab

/// What an address space keeps when the architecture invalidates it: all that cannot have changed.
@Suite struct AddressSpaceTests {
  private static let page: UInt64 = 0x1100_0000
  private static let other: UInt64 = 0x1140_0000
  /// The page-directory entry of `page`: `InstructionRunner` maps memory by 2-MiB pages.
  private static let entry: UInt64 = 0x10_2000 + (page >> 21) * 8

  private let runner: InstructionRunner

  init() throws {
    runner = try InstructionRunner()
    runner.write([1], at: Self.page)
    runner.write([2], at: Self.other)
  }

  /// MOV AL, [RBX].
  private func load() -> UInt8 {
    #expect(runner.run([0x8a, 0x03], [3: Self.page]) == .retired)
    return UInt8(truncatingIfNeeded: runner.state.pointee.general[0])
  }

  /// MOV CR3, RAX with the same value.
  private func reloadCR3() {
    #expect(runner.run([0x0f, 0x22, 0xd8], [0: runner.state.pointee.cr3]) == .retired)
  }

  private var number: UInt64 { runner.state.pointee.addressSpace.value }

  @Test func `A reload of CR3 keeps the translations if no table was written`() {
    #expect(load() == 1)
    reloadCR3()
    let before = number
    #expect(load() == 1)
    reloadCR3()
    #expect(number == before)
    #expect(load() == 1)
  }

  @Test func `A reload of CR3 sees an entry that the guest stored`() {
    #expect(load() == 1)
    reloadCR3()
    #expect(load() == 1)
    // MOV [RBX], RAX
    #expect(
      runner.run([0x48, 0x89, 0x03], [3: Self.entry, 0: Self.other | 0xe7]) == .retired)
    reloadCR3()
    #expect(load() == 2)
  }

  @Test func `A reload of CR3 sees an entry that was written from outside`() {
    #expect(load() == 1)
    let bytes = withUnsafeBytes(of: Self.other | 0xe7) { [UInt8]($0) }
    runner.write(bytes, at: Self.entry)
    reloadCR3()
    #expect(load() == 2)
  }

  @Test func `A reload of CR3 sees an entry that a string instruction copied`() {
    #expect(load() == 1)
    runner.write(withUnsafeBytes(of: Self.other | 0xe7) { [UInt8]($0) }, at: Self.page + 0x100)
    reloadCR3()
    // REP MOVSB
    var registers = [UInt64](repeating: 0, count: 16)
    registers[1] = 8
    registers[6] = Self.page + 0x100
    registers[7] = Self.entry
    var flags: UInt64 = 2
    while registers[1] > 0 {
      #expect(runner.run([0xf3, 0xa4], registers: &registers, flags: &flags) == .retired)
    }
    reloadCR3()
    #expect(load() == 2)
  }

  @Test func `A page that is no table any more is an ordinary page again`() throws {
    #expect(load() == 1)
    let map = runner.machine.memory.map
    let page = try #require(map.offset(Self.entry)) >> 12
    #expect(map.pagingStructures[page] == 1)
    for _ in 0..<70 {
      #expect(
        runner.run([0x48, 0x89, 0x03], [3: Self.entry | 0xff8, 0: 0]) == .retired)
      // Only walks that read from the page make it one of tables again.
    }
    #expect(map.pagingStructures[page] < 70)
    reloadCR3()
    #expect(load() == 1)
    #expect(map.pagingStructures[page] == 1)
  }

  @Test func `Flags that a walk sets in an entry are no change of the tables`() {
    #expect(load() == 1)
    reloadCR3()
    let stores = runner.state.pointee.translations.pagingStores.pointee
    // A store sets the dirty flag.
    #expect(runner.run([0x88, 0x03], [3: Self.page + 0x20_0000]) == .retired)
    #expect(runner.read(1, at: Self.entry + 8)[0] & 0x60 == 0x60)
    #expect(runner.state.pointee.translations.pagingStores.pointee == stores)
  }
}
