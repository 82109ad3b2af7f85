/// Why an image cannot be booted. Each case becomes one line that says what is wrong and where:
/// offsets are in the image's file, addresses are physical.
public enum BootError: Error, Equatable, Sendable {
  /// There is no Multiboot header where one is looked for. `strayHeader` is the offset of one that
  /// is elsewhere.
  case notMultiboot(found: ImageKind, strayHeader: UInt64?)
  /// The header's three first words do not add up to 0.
  case headerChecksum(offset: UInt64, found: UInt32, expected: UInt32)
  /// The header announces fields that do not fit in the file, or in the bytes where the header has
  /// to be.
  case headerTruncated(offset: UInt64)
  /// Bits 0 to 15 of the header's flags ask for something that the loader does not know.
  case unknownRequirements(offset: UInt64, bits: [Int])
  /// Bit 2 of the header's flags asks for a video mode.
  case displayRequired(offset: UInt64)
  /// The header's address fields contradict each other or the file.
  case addressFields(offset: UInt64, reason: String)
  /// The image has a header without address fields, and is no ELF file either.
  case noSegments(found: ImageKind)
  /// The ELF file is not one that can be booted; the reason follows "the ELF file".
  case elf(String)
  /// Something lies, in part at least, past the end of the file, which has `file` bytes.
  case truncated(what: String, offset: UInt64, size: UInt64, file: UInt64)
  /// The end of a segment is past the end of the address space.
  case segmentWraps(name: String, address: UInt64, size: UInt64)
  /// A segment is not all in memory that an image may use.
  case segmentOutsideMemory(name: String, range: Range<UInt64>, available: [Range<UInt64>])
  /// Two segments share addresses.
  case segmentsOverlap(first: String, second: String, range: Range<UInt64>)
  /// The entry point is in no segment.
  case entryOutsideSegments(entry: UInt64, segments: [Range<UInt64>])
  /// The processor starts in 32-bit mode, and cannot reach the entry point.
  case entryAbove4GiB(entry: UInt64)
  /// There is no room below 4 GiB for what is loaded beside the image.
  case noRoom(what: String, size: UInt64)
}

extension BootError: CustomStringConvertible {
  /// What is wrong and where, in one line without a full stop.
  public var description: String {
    switch self {
    case .notMultiboot(let kind, let stray): Self.notMultiboot(kind, strayHeader: stray)
    case .headerChecksum(let offset, let found, let expected):
      """
      \(Self.header(offset)) has checksum \(Self.hex(found)), and should have \
      \(Self.hex(expected))
      """
    case .headerTruncated(let offset):
      """
      \(Self.header(offset)) has address fields (flag bit 16) that go past the end of the file or \
      of its first \(MultibootHeader.searchedBytes) bytes
      """
    case .unknownRequirements(let offset, let bits):
      """
      \(Self.header(offset)) requires what this version does not know: flag \
      \(bits.count == 1 ? "bit" : "bits") \(bits.map(String.init).joined(separator: ", "))
      """
    case .displayRequired(let offset):
      "\(Self.header(offset)) requires a video mode (flag bit 2); this machine has no display"
    case .addressFields(let offset, let reason):
      "\(Self.header(offset)) has wrong address fields: \(reason)"
    case .noSegments(let kind):
      """
      the Multiboot header has no address fields (flag bit 16), which only an ELF file can do \
      without; this file is \(kind)
      """
    case .elf(let reason):
      "the ELF file \(reason)"
    case .truncated(let what, let offset, let size, let file):
      """
      the file is truncated: \(what) takes \(Self.hex(size)) bytes at file offset \
      \(Self.hex(offset)), and the file has \(Self.hex(file))
      """
    case .segmentWraps(let name, let address, let size):
      """
      \(name) of \(Self.hex(size)) bytes at address \(Self.hex(address)) goes past the end of the \
      address space
      """
    case .segmentOutsideMemory(let name, let range, let available):
      """
      \(name) takes addresses \(BootFormat.range(range)), which are not all usable memory: that \
      is \(BootFormat.ranges(available))
      """
    case .segmentsOverlap(let first, let second, let range):
      "\(first) and \(second) overlap at addresses \(BootFormat.range(range))"
    case .entryOutsideSegments(let entry, let segments):
      """
      the entry point \(Self.hex(entry)) is in no segment: they take addresses \
      \(BootFormat.ranges(segments))
      """
    case .entryAbove4GiB(let entry):
      """
      the entry point \(Self.hex(entry)) is above 4 GiB, where a processor in 32-bit mode cannot \
      begin
      """
    case .noRoom(let what, let size):
      "no room in memory below 4 GiB for \(what) of \(Self.hex(size)) bytes"
    }
  }

  private static func notMultiboot(_ kind: ImageKind, strayHeader: UInt64?) -> String {
    let searched = MultibootHeader.searchedBytes
    switch (kind, strayHeader) {
    case (.linuxBzImage, _), (.multiboot2, nil):
      return "\(kind); this version boots Multiboot 1 images only"
    case (.empty, _):
      return "not a Multiboot 1 image: the file is empty"
    case (_, let offset?):
      let isNear = offset < searched && offset % 4 != 0
      let wrong = isNear ? "not at a multiple of 4" : "not in the first \(searched) bytes"
      return "not a Multiboot 1 image: its header, at file offset \(hex(offset)), is \(wrong)"
    case (_, nil):
      return """
        not a Multiboot 1 image: no header in the first \(searched) bytes; it is \(kind)
        """
    }
  }

  private static func header(_ offset: UInt64) -> String {
    "the Multiboot header at file offset \(hex(offset))"
  }

  private static func hex(_ value: some BinaryInteger) -> String { BootFormat.hex(value) }
}
