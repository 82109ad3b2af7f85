/// An executable in the Executable and Linking Format: what a loader reads of it.
///
/// Source: System V Application Binary Interface, "Object Files" and "Program Loading and Dynamic
/// Linking".
struct ELFImage {
  static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]

  /// Where the fields are, and how wide, in one of the two classes of file.
  struct Layout: Equatable, Sendable {
    var bits: Int
    var headerSize: UInt64
    /// e_entry; e_phoff and e_shoff follow it.
    var entry: UInt64
    /// e_phentsize; e_phnum, e_shentsize, e_shnum and e_shstrndx follow it.
    var programHeaderEntrySize: UInt64
    var programHeaderSize: UInt64
    /// p_offset, p_vaddr, p_paddr, p_filesz, p_memsz in a program header.
    var segmentFields: [UInt64]
    var sectionHeaderSize: UInt64
    /// sh_flags, sh_addr, sh_offset, sh_size in a section header.
    var sectionFields: [UInt64]

    /// The size of an address, in bytes.
    var wordSize: Int { bits / 8 }

    static let elf32 = Layout(
      bits: 32, headerSize: 52, entry: 24, programHeaderEntrySize: 42, programHeaderSize: 32,
      segmentFields: [4, 8, 12, 16, 20], sectionHeaderSize: 40, sectionFields: [8, 12, 16, 20])
    static let elf64 = Layout(
      bits: 64, headerSize: 64, entry: 24, programHeaderEntrySize: 54, programHeaderSize: 56,
      segmentFields: [8, 16, 24, 32, 40], sectionHeaderSize: 64, sectionFields: [8, 16, 24, 32])
  }

  private enum Machine {
    static let i386: UInt16 = 3
    static let amd64: UInt16 = 62
  }
  private static let executable: UInt16 = 2
  private static let loadable: UInt32 = 1

  let file: ImageBytes
  let layout: Layout
  /// e_entry.
  let entry: UInt64

  static func typeName(_ type: UInt16) -> String {
    switch type {
    case 1: "relocatable object"
    case 2: "executable"
    case 3: "shared object or position-independent executable"
    case 4: "core dump"
    default: "file of unknown type \(type)"
    }
  }

  /// Reads the file header, and refuses what does not run on this processor from where it says.
  init(_ file: ImageBytes) throws(BootError) {
    self.file = file
    guard file.starts(with: Self.magic) else { throw .noSegments(found: ImageKind(of: file)) }
    guard let identification = file.range(at: 0, size: 16).map({ file.bytes[$0] }) else {
      throw .truncated(what: "the ELF header", offset: 0, size: 52, file: file.count)
    }
    switch identification[4] {
    case 1: layout = .elf32
    case 2: layout = .elf64
    case let other:
      throw .elf("has class \(other) at file offset 0x4; 1 (32 bits) and 2 (64 bits) can be booted")
    }
    guard file.range(at: 0, size: layout.headerSize) != nil else {
      throw .truncated(what: "the ELF header", offset: 0, size: layout.headerSize, file: file.count)
    }
    switch identification[5] {
    case 1: break
    case 2: throw .elf("is big-endian (file offset 0x5), and not for this processor")
    case let other:
      throw .elf(
        "has data encoding \(other) at file offset 0x5; only 1 (little-endian) can be booted")
    }
    let type = file.read(UInt16.self, at: 16) ?? 0
    guard type == Self.executable else {
      throw .elf(
        """
        is a \(Self.typeName(type)); only an executable (ET_EXEC), linked to fixed addresses, can \
        be booted
        """
      )
    }
    let machine = file.read(UInt16.self, at: 18) ?? 0
    let expected = layout.bits == 64 ? Machine.amd64 : Machine.i386
    guard machine == expected else {
      throw .elf(
        """
        of \(layout.bits) bits is for machine \(machine); only \(expected) \
        (\(layout.bits == 64 ? "x86-64" : "i386")) can be booted
        """
      )
    }
    entry = Self.word(of: file, at: layout.entry, size: layout.wordSize) ?? 0
  }

  private static func word(of file: ImageBytes, at offset: UInt64, size: Int) -> UInt64? {
    size == 8
      ? file.read(UInt64.self, at: offset) : file.read(UInt32.self, at: offset).map(UInt64.init)
  }

  /// A header field as wide as an address.
  private func word(at offset: UInt64) -> UInt64? {
    Self.word(of: file, at: offset, size: layout.wordSize)
  }

  private func half(at offset: UInt64) -> UInt64 {
    UInt64(file.read(UInt16.self, at: offset) ?? 0)
  }

  /// The segments to load, in the order of their headers; those that take no memory left out.
  func segments() throws(BootError) -> [LoadableSegment] {
    let table = word(at: layout.entry + UInt64(layout.wordSize)) ?? 0
    let entrySize = half(at: layout.programHeaderEntrySize)
    let count = half(at: layout.programHeaderEntrySize + 2)
    guard count > 0 else { throw .elf("has no program headers, so there is nothing to load") }
    guard entrySize >= layout.programHeaderSize else {
      throw .elf(
        """
        has program headers of \(entrySize) bytes (file offset \
        \(BootFormat.hex(layout.programHeaderEntrySize))); they take \(layout.programHeaderSize)
        """
      )
    }
    guard file.range(at: table, size: entrySize * count) != nil else {
      throw .truncated(
        what: "the program headers", offset: table, size: entrySize * count, file: file.count)
    }
    var segments: [LoadableSegment] = []
    for index in 0..<count {
      let header = table + index * entrySize
      guard file.read(UInt32.self, at: header) == Self.loadable else { continue }
      let fields = layout.segmentFields.map { word(at: header + $0) ?? 0 }
      let (offset, virtual, physical) = (fields[0], fields[1], fields[2])
      let (fileSize, memorySize) = (fields[3], fields[4])
      guard memorySize > 0 || fileSize > 0 else { continue }
      let name = "segment \(index) (program header at file offset \(BootFormat.hex(header)))"
      guard fileSize <= memorySize else {
        throw .elf(
          """
          has \(name) with \(BootFormat.hex(fileSize)) bytes in the file and only \
          \(BootFormat.hex(memorySize)) in memory
          """
        )
      }
      guard let content = file.range(at: offset, size: fileSize) else {
        throw .truncated(what: name, offset: offset, size: fileSize, file: file.count)
      }
      segments.append(
        LoadableSegment(
          name: name, address: physical, size: memorySize, content: content,
          virtualAddress: virtual))
    }
    guard !segments.isEmpty else {
      throw .elf(
        "has no segment to load (\(count) program headers, none of type PT_LOAD with a size)")
    }
    return segments
  }
}

/// The section headers, which an image may be shown.
extension ELFImage {
  struct SectionTable {
    /// The headers as they are in the file.
    var headers: [UInt8]
    var count: UInt32
    var entrySize: UInt32
    /// e_shstrndx.
    var namesIndex: UInt32
    /// The sections that lie in no segment and have content in the file: the number of each, and
    /// where that is.
    var unloaded: [(index: Int, content: Range<Int>)]
  }

  private enum SectionType {
    static let null: UInt32 = 0
    static let noBits: UInt32 = 8
  }
  private static let allocated: UInt64 = 2

  /// The section headers, or nil if the file has none or they are not right: an image boots without
  /// them.
  func sectionTable() -> SectionTable? {
    let table = word(at: layout.entry + 2 * UInt64(layout.wordSize)) ?? 0
    let fields = layout.programHeaderEntrySize + 4
    let (entrySize, count, names) = (half(at: fields), half(at: fields + 2), half(at: fields + 4))
    guard table != 0, count > 0, entrySize >= layout.sectionHeaderSize,
      let headers = file.range(at: table, size: entrySize * count)
    else { return nil }

    var unloaded: [(index: Int, content: Range<Int>)] = []
    for index in 0..<count {
      let header = table + index * entrySize
      let type = file.read(UInt32.self, at: header + 4) ?? 0
      let values = layout.sectionFields.map { word(at: header + $0) ?? 0 }
      let (flags, address, offset, size) = (values[0], values[1], values[2], values[3])
      guard type != SectionType.null, type != SectionType.noBits, flags & Self.allocated == 0,
        address == 0, size > 0
      else { continue }
      guard let content = file.range(at: offset, size: size) else { return nil }
      unloaded.append((Int(index), content))
    }
    return SectionTable(
      headers: Array(file.bytes[headers]), count: UInt32(count), entrySize: UInt32(entrySize),
      namesIndex: UInt32(names), unloaded: unloaded)
  }
}
