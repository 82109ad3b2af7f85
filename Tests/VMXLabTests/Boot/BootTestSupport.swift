@testable import VMXLab

/// Memory that checks what a loader may do with it, and keeps what was written.
struct TestMemory: BootMemory {
  var ramRanges: [Range<UInt64>]
  /// The first byte of each write, and the bytes.
  private(set) var writes: [(address: UInt64, bytes: [UInt8])] = []
  private(set) var zeroed: [Range<UInt64>] = []
  /// Writes that went anywhere but to RAM.
  private(set) var strayWrites = 0
  /// Whether the bytes are kept.
  var keepsBytes = true

  init(ramRanges: [Range<UInt64>]) { self.ramRanges = ramRanges }

  /// A PC with so much RAM, of which what does not fit below 3 GiB is above 4 GiB.
  init(mebibytes: UInt64) {
    let size = mebibytes << 20
    let low = min(size, 3 << 30)
    ramRanges = [0..<0xa_0000, 0x10_0000..<max(low, 0x10_0001)]
    if size > low { ramRanges.append(1 << 32..<1 << 32 + (size - low)) }
  }

  private func isRAM(_ range: Range<UInt64>) -> Bool {
    range.isEmpty || ramRanges.contains { $0.clamped(to: range) == range }
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) {
    if !isRAM(address..<address + UInt64(bytes.count)) { strayWrites += 1 }
    if keepsBytes { writes.append((address, Array(bytes))) }
  }

  mutating func zero(_ range: Range<UInt64>) {
    if !isRAM(range) { strayWrites += 1 }
    zeroed.append(range)
  }

  /// What was written last at `address`; 0 where nothing was.
  func byte(_ address: UInt64) -> UInt8 {
    for write in writes.reversed() {
      if address >= write.address, address - write.address < UInt64(write.bytes.count) {
        return write.bytes[Int(address - write.address)]
      }
    }
    return 0
  }

  func bytes(_ address: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { byte(address + UInt64($0)) }
  }

  func u32(_ address: UInt64) -> UInt32 {
    bytes(address, 4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  func u64(_ address: UInt64) -> UInt64 {
    UInt64(u32(address)) | UInt64(u32(address + 4)) << 32
  }

  func text(_ address: UInt32) -> String {
    var bytes: [UInt8] = []
    while bytes.count < 1000, byte(UInt64(address) + UInt64(bytes.count)) != 0 {
      bytes.append(byte(UInt64(address) + UInt64(bytes.count)))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// The little-endian bytes of `value`.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  (0..<type(of: value).bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

/// The twelve bytes (and any `fields` after them) of a Multiboot header.
func multibootHeader(flags: UInt32 = 3, fields: [UInt32] = [], sum: UInt32 = 0) -> [UInt8] {
  ([0x1bad_b002, flags, sum &- 0x1bad_b002 &- flags] + fields).flatMap { littleEndian($0) }
}

/// An ELF file that is put together by hand.
struct TestELF {
  struct Segment {
    var type: UInt32 = 1
    var physical: UInt64
    var virtual: UInt64?
    var data: [UInt8]
    var memorySize: UInt64?
    /// Where the header says that the data is, if that is not where it is.
    var claimedOffset: UInt64?
    var claimedFileSize: UInt64?
  }

  struct Section {
    var type: UInt32
    var flags: UInt64 = 0
    var data: [UInt8]
  }

  var bits = 32
  var type: UInt16 = 2
  var machine: UInt16?
  var entry: UInt64 = 0x10_0000
  var segments: [Segment]
  var sections: [Section] = []
  var multiboot = multibootHeader()
  /// Zeros before the Multiboot header.
  var padding = 0
  var programHeaderEntrySize: UInt16?

  /// One segment at 1 MiB: eight bytes, and 4 KiB of zeros after them.
  static func simple(bits: Int = 32) -> TestELF {
    TestELF(
      bits: bits,
      segments: [
        Segment(physical: 0x10_0000, data: [1, 2, 3, 4, 5, 6, 7, 8], memorySize: 0x1008)
      ])
  }

  /// The layout: file header, program headers, Multiboot header, data of segments, data of sections, section headers.
  var bytes: [UInt8] {
    let is64 = bits == 64
    func word(_ value: UInt64) -> [UInt8] {
      is64 ? littleEndian(value) : littleEndian(UInt32(truncatingIfNeeded: value))
    }
    let headerSize: UInt64 = is64 ? 64 : 52
    let programHeaderSize: UInt64 = is64 ? 56 : 32
    let sectionHeaderSize: UInt64 = is64 ? 64 : 40

    var body: [UInt8] = []
    let bodyStart = headerSize + programHeaderSize * UInt64(segments.count)
    body += [UInt8](repeating: 0, count: Int((4 - bodyStart % 4) % 4) + padding)
    body += multiboot
    var programHeaders: [UInt8] = []
    for segment in segments {
      let offset = segment.claimedOffset ?? bodyStart + UInt64(body.count)
      let fileSize = segment.claimedFileSize ?? UInt64(segment.data.count)
      let memorySize = segment.memorySize ?? UInt64(segment.data.count)
      let virtual = segment.virtual ?? segment.physical
      body += segment.data
      programHeaders += littleEndian(segment.type)
      if is64 { programHeaders += littleEndian(UInt32(7)) }
      programHeaders += word(offset) + word(virtual) + word(segment.physical)
      programHeaders += word(fileSize) + word(memorySize)
      if !is64 { programHeaders += littleEndian(UInt32(7)) }
      programHeaders += word(4)
    }
    var sectionHeaders: [UInt8] = []
    for section in sections {
      let offset = bodyStart + UInt64(body.count)
      body += section.data
      sectionHeaders += littleEndian(UInt32(0)) + littleEndian(section.type)
      sectionHeaders += word(section.flags) + word(0) + word(offset)
      sectionHeaders +=
        word(UInt64(section.data.count)) + littleEndian(UInt64(0)) + word(1) + word(0)
    }
    let sectionsOffset = sections.isEmpty ? 0 : bodyStart + UInt64(body.count)

    var header: [UInt8] =
      [0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1] + [UInt8](repeating: 0, count: 9)
    header +=
      littleEndian(type) + littleEndian(machine ?? (is64 ? 62 : 3)) + littleEndian(UInt32(1))
    header += word(entry) + word(headerSize) + word(sectionsOffset) + littleEndian(UInt32(0))
    header += littleEndian(UInt16(headerSize))
    header += littleEndian(programHeaderEntrySize ?? UInt16(programHeaderSize))
    header += littleEndian(UInt16(segments.count)) + littleEndian(UInt16(sectionHeaderSize))
    header += littleEndian(UInt16(sections.count))
    header += littleEndian(UInt16(max(sections.count, 1) - 1))
    return header + programHeaders + body + sectionHeaders
  }
}

/// Loads `bytes` into a machine with 64 MiB, or gives the error.
func load(
  _ bytes: [UInt8], into memory: inout TestMemory, arguments: [String] = [],
  modules: [BootModule] = []
) -> Result<BootState, BootError> {
  Result { () throws(BootError) in
    try MultibootLoader.load(
      BootImage(bytes: bytes, name: "image", arguments: arguments, modules: modules), into: &memory)
  }
}

func bootError(_ bytes: [UInt8], mebibytes: UInt64 = 64) -> BootError? {
  var memory = TestMemory(mebibytes: mebibytes)
  guard case .failure(let error) = load(bytes, into: &memory) else { return nil }
  return error
}
