import Testing

@testable import VMXLab

@Suite("Loading a Multiboot 1 image") struct MultibootLoaderTests {
  @Test("an ELF segment is loaded at its physical address, and zeros follow", arguments: [32, 64])
  func segment(bits: Int) throws {
    var memory = TestMemory(mebibytes: 64)
    let state = try load(TestELF.simple(bits: bits).bytes, into: &memory).get()
    #expect(memory.bytes(0x10_0000, 8) == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(memory.zeroed == [0x10_0008..<0x10_1008])
    #expect(memory.strayWrites == 0)
    guard case .multiboot1(let entry, let info) = state.entry else { return }
    #expect(entry == 0x10_0000)
    #expect(info % 4 == 0)
    #expect(
      state.placements.first == BootPlacement(content: .segment(0), range: 0x10_0000..<0x10_1008))
  }

  @Test("segments that take nothing, and headers of other types, are left out")
  func otherHeaders() throws {
    var elf = TestELF.simple()
    elf.segments += [
      .init(type: 0x6474_e551, physical: .max, data: [], memorySize: 5),
      .init(physical: 0xffff_f000, data: []),
      .init(physical: 0x20_0000, data: [9]),
    ]
    var memory = TestMemory(mebibytes: 64)
    let state = try load(elf.bytes, into: &memory).get()
    #expect(memory.byte(0x20_0000) == 9)
    #expect(state.placements.map(\.content) == [.segment(0), .segment(1), .information])
  }

  @Test(
    "an entry point in virtual addresses is translated by the segment that has it",
    arguments: [32, 64])
  func higherHalf(bits: Int) throws {
    let high: UInt64 = bits == 64 ? 0xffff_ffff_8000_0000 : 0xc000_0000
    var elf = TestELF.simple(bits: bits)
    elf.segments.append(
      .init(physical: 0x20_0000, virtual: high + 0x20_0000, data: [1, 2, 3, 4]))
    for (entry, expected) in [
      (high + 0x20_0002, 0x20_0002), (0x20_0001, 0x20_0001), (0x10_0007, 0x10_0007),
    ]
      as [(UInt64, UInt32)]
    {
      elf.entry = entry
      var memory = TestMemory(mebibytes: 64)
      let state = try load(elf.bytes, into: &memory).get()
      guard case .multiboot1(expected, _) = state.entry else {
        Issue.record("\(state.entry)")
        continue
      }
    }
  }

  @Test("an ELF64 segment may lie above 4 GiB, where there is RAM")
  func above4GiB() throws {
    var elf = TestELF.simple(bits: 64)
    elf.segments.append(.init(physical: 1 << 32, data: [7]))
    var memory = TestMemory(mebibytes: 4096)
    _ = try load(elf.bytes, into: &memory).get()
    #expect(memory.byte(1 << 32) == 7)
  }

  @Test("the address fields say what to load, and go before an ELF header")
  func addressFields() throws {
    var file = [UInt8](repeating: 0xcc, count: 0x40)
    // The header is 0x40 bytes into the file and 0x20 above what is loaded.
    file += multibootHeader(
      flags: 0x1_0003, fields: [0x10_0020, 0x10_0000, 0x10_0030, 0x10_2000, 0x10_0024])
    file += [UInt8](repeating: 0xdd, count: 100)
    for prefix in [[], ELFImage.magic] {
      file.replaceSubrange(0..<prefix.count, with: prefix)
      var memory = TestMemory(mebibytes: 64)
      let state = try load(file, into: &memory).get()
      #expect(memory.writes[0].address == 0x10_0000)
      #expect(memory.writes[0].bytes == Array(file[0x20..<0x50]))
      #expect(memory.zeroed == [0x10_0030..<0x10_2000])
      guard case .multiboot1(0x10_0024, _) = state.entry else {
        Issue.record("\(state.entry)")
        continue
      }
    }
  }

  @Test("address fields without ends load the rest of the file, and no zeros")
  func openAddressFields() throws {
    var file = multibootHeader(flags: 0x1_0000, fields: [0x10_0000, 0x10_0000, 0, 0, 0x10_0020])
    file += [UInt8](repeating: 0xdd, count: 100)
    var memory = TestMemory(mebibytes: 64)
    let state = try load(file, into: &memory).get()
    #expect(memory.writes[0].bytes == file)
    #expect(state.placements[0].range == 0x10_0000..<0x10_0000 + UInt64(file.count))
  }

  @Test(
    "the header may be the last twelve of the first 8192 bytes, after one with a wrong checksum")
  func lastHeader() throws {
    var elf = TestELF.simple()
    let start = 52 + 32
    elf.padding = 8192 - 12 - start
    var bytes = elf.bytes
    bytes.replaceSubrange(start..<start + 12, with: multibootHeader(sum: 1))
    var memory = TestMemory(mebibytes: 64)
    _ = try load(bytes, into: &memory).get()
    elf.padding += 4
    #expect(
      bootError(elf.bytes)
        == .notMultiboot(found: .elf(bits: 32, type: "executable"), strayHeader: 8184))
  }

  @Test("the information has memory, map, command line, loader name")
  func information() throws {
    var memory = TestMemory(mebibytes: 4096)
    let state = try load(TestELF.simple().bytes, into: &memory, arguments: ["a=1", "b"]).get()
    guard case .multiboot1(_, let info) = state.entry else { return }
    let base = UInt64(info)
    #expect(memory.u32(base) == 0b10_0100_1101)
    #expect(memory.u32(base + 4) == 639)
    #expect(memory.u32(base + 8) == 3 * 1024 * 1024 - 1024)
    #expect(memory.text(memory.u32(base + 16)) == "image a=1 b")
    #expect(memory.u32(base + 20) == 0)
    #expect(memory.text(memory.u32(base + 64)) == "VMXLab")

    var entries: [[UInt64]] = []
    var offset: UInt64 = 0
    let (length, address) = (memory.u32(base + 44), memory.u32(base + 48))
    while offset < UInt64(length) {
      let entry = UInt64(address) + offset
      entries.append([
        memory.u64(entry + 4), memory.u64(entry + 12), UInt64(memory.u32(entry + 20)),
      ])
      offset += UInt64(memory.u32(entry)) + 4
    }
    #expect(
      entries == [
        [0, 0x9_fc00, 1], [0x9_fc00, 0x400, 2], [0xf_0000, 0x1_0000, 2],
        [0x10_0000, 0xbff0_0000, 1], [1 << 32, 1 << 30, 1],
      ])
  }

  @Test("modules follow the image at page boundaries, with their texts")
  func modules() throws {
    var memory = TestMemory(mebibytes: 64)
    let modules = [
      BootModule(bytes: [UInt8](repeating: 1, count: 4097), commandLine: "one a b"),
      BootModule(bytes: [], commandLine: ""),
      BootModule(bytes: [2], commandLine: "three"),
    ]
    let state = try load(TestELF.simple().bytes, into: &memory, modules: modules).get()
    guard case .multiboot1(_, let info) = state.entry else { return }
    #expect(memory.u32(UInt64(info) + 20) == 3)
    let list = UInt64(memory.u32(UInt64(info) + 24))
    var ends: [UInt32] = [0x10_1008]
    for (index, module) in modules.enumerated() {
      let entry = list + UInt64(index) * 16
      let (start, end) = (memory.u32(entry), memory.u32(entry + 4))
      #expect(start % 4096 == 0)
      #expect(Int(end - start) == module.bytes.count)
      #expect(start >= ends[index])
      #expect(memory.bytes(UInt64(start), module.bytes.count) == module.bytes)
      #expect(memory.text(memory.u32(entry + 8)) == module.commandLine)
      ends.append(end)
    }
    #expect(memory.strayWrites == 0)
  }

  @Test("nothing that is loaded shares an address with anything else")
  func noOverlap() throws {
    var elf = TestELF.simple()
    // Most of lower memory, and an island where the modules want to go.
    elf.segments += [
      .init(physical: 0x1000, data: [1], memorySize: 0x9_e000),
      .init(physical: 0x10_3000, data: [1], memorySize: 0x1000),
    ]
    elf.sections = [.init(type: 0, data: []), .init(type: 3, data: [1, 2, 3])]
    let modules = (1...4).map {
      BootModule(bytes: [UInt8](repeating: 1, count: $0 * 3000), commandLine: "m")
    }
    var memory = TestMemory(mebibytes: 2)
    let state = try load(elf.bytes, into: &memory, modules: modules).get()
    let ranges = state.placements.map(\.range).sorted { $0.lowerBound < $1.lowerBound }
    #expect(ranges.count == 3 + 4 + 2)
    for (lower, upper) in zip(ranges, ranges.dropFirst()) {
      #expect(lower.upperBound <= upper.lowerBound)
    }
  }

  @Test(
    "the section headers are shown, with the addresses of the sections that no segment has",
    arguments: [32, 64])
  func sections(bits: Int) throws {
    var elf = TestELF.simple(bits: bits)
    let names = Array("\0.symtab\0.shstrtab\0".utf8)
    elf.sections = [
      .init(type: 0, data: []),
      .init(type: 2, data: [9, 8, 7]),
      .init(type: 1, flags: 2, data: [1]),
      .init(type: 3, data: names),
    ]
    var memory = TestMemory(mebibytes: 64)
    let state = try load(elf.bytes, into: &memory).get()
    guard case .multiboot1(_, let info) = state.entry else { return }
    let base = UInt64(info)
    #expect(memory.u32(base) & 1 << 5 != 0)
    #expect(memory.u32(base + 28) == 4)
    #expect(memory.u32(base + 32) == (bits == 64 ? 64 : 40))
    #expect(memory.u32(base + 40) == 3)
    func section(_ index: UInt64) -> UInt64 {
      let header = UInt64(memory.u32(base + 36)) + index * UInt64(memory.u32(base + 32))
      return bits == 64 ? memory.u64(header + 16) : UInt64(memory.u32(header + 12))
    }
    #expect(memory.bytes(section(1), 3) == [9, 8, 7])
    #expect(section(2) == 0)
    #expect(memory.bytes(section(3), names.count) == names)
  }

  @Test("an image boots without section headers that are not right")
  func brokenSections() throws {
    var elf = TestELF.simple()
    elf.sections = [.init(type: 3, data: [1])]
    var bytes = elf.bytes
    bytes.removeLast()
    var memory = TestMemory(mebibytes: 64)
    let state = try load(bytes, into: &memory).get()
    #expect(state.placements.map(\.content) == [.segment(0), .information])
  }

  @Test("the memory map of a machine with less than 640 KiB has what there is")
  func smallMap() {
    let map = FirmwareMemoryMap(ramRanges: [0..<0x1_0000])
    #expect(map.lowerKibibytes == 64)
    #expect(map.upperKibibytes == 0)
    #expect(map.available == [0..<0x1_0000])
    #expect(map.entries.map(\.kind) == [.available, .reserved])
    // RAM in one piece has the same holes.
    let flat = FirmwareMemoryMap(ramRanges: [0..<0x100_0000])
    #expect(flat.available == [0..<0x9_fc00, 0x10_0000..<0x100_0000])
    #expect(flat.upperKibibytes == 15 * 1024)
  }

  @Test("memory is zeroed by writing where nothing better is known")
  func plainZero() {
    struct Plain: BootMemory {
      var ramRanges: [Range<UInt64>] = [0..<1 << 20]
      var written: [Range<UInt64>] = []
      mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) {
        if bytes.allSatisfy({ $0 == 0 }) { written.append(address..<address + UInt64(bytes.count)) }
      }
    }
    var memory = Plain()
    memory.zero(5..<150_000)
    #expect(memory.written.coalesced() == [5..<150_000])
    memory.zero(7..<7)
  }
}
