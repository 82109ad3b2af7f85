import Testing

@testable import VMXLab

@Suite("Files that cannot be booted") struct BootErrorTests {
  private func message(_ bytes: [UInt8]) -> String { bootError(bytes)?.description ?? "booted" }

  @Test(
    "a file of another kind is called by its name",
    arguments: [
      ([], "not a Multiboot 1 image: the file is empty"),
      ([0x1f, 0x8b, 8, 0], "compressed with gzip"),
      ([0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd"),
      (Array("MZ\u{0}".utf8), "it is a PE (Windows or UEFI) executable"),
      (Array("#!/bin/sh\n".utf8), "it is a script"),
      (Array("hello\n".utf8), "it is text"),
      ([UInt8](repeating: 0, count: 510) + [0x55, 0xaa], "it is a boot sector or disk image"),
      ([1, 0x2f, 0xff], "of no known kind (its first bytes are 01 2f ff)"),
      (
        [UInt8](repeating: 0, count: 0x202) + Array("HdrS".utf8),
        "a Linux bzImage; this version boots Multiboot 1 images only"
      ),
      (
        [UInt8](repeating: 0, count: 64)
          + [0xe852_50d6, 0, 16, 0x17ad_af1a].flatMap { littleEndian(UInt32($0)) },
        "a Multiboot 2 image; this version boots Multiboot 1 images only"
      ),
    ] as [([UInt8], String)])
  func kinds(bytes: [UInt8], expected: String) {
    #expect(message(bytes).hasSuffix(expected))
  }

  @Test("an ELF file without a header is told what it is")
  func plainELF() {
    var elf = TestELF.simple(bits: 64)
    elf.multiboot = []
    #expect(
      message(elf.bytes)
        == "not a Multiboot 1 image: no header in the first 8192 bytes; it is an ELF64 executable")
    elf.type = 1
    #expect(message(elf.bytes).hasSuffix("it is an ELF64 relocatable object"))
  }

  @Test("a header in the wrong place is pointed out")
  func strayHeader() {
    var elf = TestELF.simple()
    elf.padding = 3
    #expect(message(elf.bytes).hasSuffix("at file offset 0x57, is not at a multiple of 4"))
    elf.padding = 9000
    #expect(message(elf.bytes).hasSuffix("is not in the first 8192 bytes"))
  }

  @Test("a wrong checksum is shown beside the right one")
  func checksum() {
    var elf = TestELF.simple()
    elf.multiboot = multibootHeader(flags: 3, sum: 0x10)
    #expect(
      bootError(elf.bytes)
        == .headerChecksum(offset: 84, found: 0xe452_500b, expected: 0xe452_4ffb))
  }

  @Test("requirements that are not known are named by their bits")
  func requirements() {
    var elf = TestELF.simple()
    elf.multiboot = multibootHeader(flags: 0x4023 | 1 << 17)
    #expect(bootError(elf.bytes) == .unknownRequirements(offset: 84, bits: [5, 14]))
    #expect(message(elf.bytes).hasSuffix("flag bits 5, 14"))
    elf.multiboot = multibootHeader(flags: 1 << 17)
    #expect(bootError(elf.bytes) == nil)
    elf.multiboot = multibootHeader(flags: 4, fields: [UInt32](repeating: 0, count: 9))
    #expect(bootError(elf.bytes) == .displayRequired(offset: 84))
  }

  @Test("an ELF file that is not for this processor, or not at fixed addresses, is refused")
  func wrongELF() {
    func with(_ offset: Int, _ byte: UInt8, bits: Int = 32) -> String {
      var bytes = TestELF.simple(bits: bits).bytes
      bytes[offset] = byte
      return message(bytes)
    }
    #expect(with(4, 3).contains("class 3"))
    #expect(with(5, 2).contains("big-endian"))
    #expect(with(5, 0).contains("data encoding 0"))
    #expect(with(16, 1).contains("is a relocatable object"))
    #expect(with(16, 3).contains("is a shared object or position-independent executable"))
    #expect(with(18, 62).contains("of 32 bits is for machine 62; only 3 (i386)"))
    #expect(with(18, 3, bits: 64).contains("of 64 bits is for machine 3; only 62 (x86-64)"))
    #expect(with(42, 31).contains("program headers of 31 bytes"))
    #expect(with(44, 0).contains("no program headers"))
    #expect(with(28, 0xff).contains("truncated: the program headers"))
    #expect(with(0, 0).contains("only an ELF file can do without"))
  }

  @Test("a file without a segment to load is refused")
  func noSegments() {
    var elf = TestELF.simple()
    elf.segments[0].type = 6
    #expect(message(elf.bytes).contains("has no segment to load (1 program headers"))
  }

  @Test("a segment past the end of the file is refused", arguments: [32, 64])
  func truncatedSegment(bits: Int) {
    var elf = TestELF.simple(bits: bits)
    elf.segments[0].claimedFileSize = 0x1000
    #expect(message(elf.bytes).contains("truncated: segment 0 (program header at file offset"))
    elf.segments[0].claimedFileSize = 8
    elf.segments[0].claimedOffset = bits == 64 ? .max - 3 : 0xffff_fffc
    #expect(message(elf.bytes).contains("truncated: segment 0"))
    elf.segments[0].claimedOffset = 1
    elf.segments[0].claimedFileSize = .max
    elf.segments[0].memorySize = .max
    #expect(message(elf.bytes).contains("truncated: segment 0"))
  }

  @Test("a segment with more in the file than in memory is refused")
  func fileLargerThanMemory() {
    var elf = TestELF.simple()
    elf.segments[0].memorySize = 7
    #expect(message(elf.bytes).contains("0x8 bytes in the file and only 0x7 in memory"))
  }

  @Test(
    "a segment that is not all in usable memory is refused",
    arguments: [
      (0x400_0000 - 4, 8), (0x400_0000, 8), (0x9_fbff, 2), (0xa_0000, 1), (0xb_8000, 8),
      (0xf_fff8, 8), (0xf_0000, 0x2_0000), (0x10_0000, 1 << 40), (0xffff_fff8, 8),
    ] as [(UInt64, UInt64)])
  func outsideMemory(address: UInt64, size: UInt64) {
    var elf = TestELF.simple(bits: 64)
    elf.segments[0].physical = address
    elf.segments[0].data = [1]
    elf.segments[0].memorySize = size
    guard
      case .segmentOutsideMemory(_, address..<address + size, let available) = bootError(elf.bytes)
    else {
      Issue.record("\(message(elf.bytes))")
      return
    }
    #expect(available == [0..<0x9_fc00, 0x10_0000..<0x400_0000])
  }

  @Test("a segment that wraps around the address space is refused")
  func wrap() {
    var elf = TestELF.simple(bits: 64)
    elf.segments[0].physical = .max - 4
    #expect(bootError(elf.bytes)?.description.contains("past the end of the address space") == true)
    elf.segments[0].physical = 0x10_0000
    elf.segments[0].memorySize = .max
    #expect(bootError(elf.bytes)?.description.contains("past the end of the address space") == true)
  }

  @Test("segments that overlap are refused")
  func overlap() {
    var elf = TestELF.simple()
    elf.segments.insert(.init(physical: 0x10_1000, data: [1], memorySize: 0x1000), at: 0)
    guard case .segmentsOverlap(_, _, 0x10_1000..<0x10_1008) = bootError(elf.bytes) else {
      Issue.record("\(message(elf.bytes))")
      return
    }
  }

  @Test("an entry point in no segment, or out of reach, is refused")
  func entry() {
    var elf = TestELF.simple(bits: 64)
    for entry in [0, 0xf_ffff, 0x10_1008, .max] as [UInt64] {
      elf.entry = entry
      #expect(
        bootError(elf.bytes)
          == .entryOutsideSegments(entry: entry, segments: [0x10_0000..<0x10_1008]))
    }
    elf.segments.append(.init(physical: 1 << 32, data: [1]))
    elf.entry = 1 << 32
    #expect(bootError(elf.bytes, mebibytes: 4096) == .entryAbove4GiB(entry: 1 << 32))
  }

  @Test("address fields that contradict each other or the file are refused")
  func addressFields() {
    func message(_ fields: [UInt32], at offset: Int = 0) -> String {
      self.message(
        [UInt8](repeating: 0, count: offset) + multibootHeader(flags: 0x1_0000, fields: fields)
          + [0, 0, 0, 0])
    }
    let base: UInt32 = 0x10_0000
    #expect(message([base, base, 0, 0, base]) == "booted")
    #expect(message([base, base + 4, 0, 0, base]).contains("is above header_addr"))
    #expect(message([base, base - 4, 0, 0, base]).contains("0x4 bytes before the header"))
    #expect(message([base, base, base - 1, 0, base]).contains("is below load_addr"))
    #expect(message([base, base, base + 100, 0, base]).contains("truncated: the data"))
    #expect(message([base, base, base + 8, base + 4, base]).contains("below the end of the data"))
    #expect(message([base, base, 0, 0, base + 100]).contains("entry point"))
    #expect(message([base, base, 0, .max, base]).contains("not all usable memory"))
    #expect(message([0, 0, 0, 0, 0], at: 8192 - 28).contains("go past the end"))
  }

  @Test("a module that does not fit is named")
  func noRoom() {
    var memory = TestMemory(mebibytes: 2)
    let module = BootModule(bytes: [UInt8](repeating: 1, count: 2 << 20), commandLine: "disk a")
    guard
      case .failure(let error) = load(TestELF.simple().bytes, into: &memory, modules: [module])
    else {
      Issue.record("booted")
      return
    }
    #expect(error == .noRoom(what: "module 0 (disk a)", size: 2 << 20))
  }

  @Test("no truncation and no mutation of an image does harm", arguments: [32, 64])
  func fuzz(bits: Int) {
    var elf = TestELF.simple(bits: bits)
    elf.segments.append(.init(physical: 0x20_0000, virtual: 0xc020_0000, data: [1, 2, 3]))
    elf.sections = [.init(type: 0, data: []), .init(type: 3, data: [1, 2, 3])]
    let addressed =
      multibootHeader(flags: 0x1_0003, fields: [0x10_0000, 0x10_0000, 0, 0x10_2000, 0x10_0020])
      + [UInt8](repeating: 1, count: 64)
    var memory = TestMemory(mebibytes: 8)
    memory.keepsBytes = false
    var generator = TestGenerator(seed: UInt64(bits))
    var booted = 0
    func attempt(_ bytes: [UInt8]) {
      switch load(bytes, into: &memory, modules: [BootModule(bytes: [1], commandLine: "m")]) {
      case .success: booted += 1
      case .failure(let error): #expect(!error.description.contains("\n"))
      }
    }
    for original in [elf.bytes, addressed] {
      for count in original.indices { attempt(Array(original[..<count])) }
      let edges: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, 0xfe]
      for _ in 0..<5000 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          let index = Int.random(in: bytes.indices, using: &generator)
          let run = Int.random(in: 1...20, using: &generator)
          let value =
            Bool.random(using: &generator)
            ? edges.randomElement(using: &generator) ?? 0
            : UInt8.random(in: 0...255, using: &generator)
          for position in index..<min(index + run, bytes.count) { bytes[position] = value }
        }
        attempt(bytes)
      }
    }
    #expect(memory.strayWrites == 0)
    #expect(booted > 1000)
  }
}
