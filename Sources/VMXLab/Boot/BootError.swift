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
  public var description: String {
    switch self {
    case .notMultiboot(.linuxBzImage, _):
      "a Linux bzImage; this version boots Multiboot 1 images only"
    case .notMultiboot(.multiboot2, nil):
      "a Multiboot 2 image; this version boots Multiboot 1 images only"
    case .notMultiboot(.empty, _):
      "not a Multiboot 1 image: the file is empty"
    case .notMultiboot(_, .some(let offset))
    where offset < MultibootHeader.searchedBytes && offset % 4 != 0:
      "not a Multiboot 1 image: its header, at file offset \(BootFormat.number(offset)), is not at a multiple of 4"
    case .notMultiboot(_, .some(let offset)):
      "not a Multiboot 1 image: its header, at file offset \(BootFormat.number(offset)), is not in the first \(MultibootHeader.searchedBytes) bytes"
    case .notMultiboot(let kind, nil):
      "not a Multiboot 1 image: no header in the first \(MultibootHeader.searchedBytes) bytes; it is \(kind)"
    case .headerChecksum(let offset, let found, let expected):
      "the Multiboot header at file offset \(BootFormat.number(offset)) has checksum \(BootFormat.number(found)), and should have \(BootFormat.number(expected))"
    case .headerTruncated(let offset):
      "the Multiboot header at file offset \(BootFormat.number(offset)) has address fields (flag bit 16) that go past the end of the file or of its first \(MultibootHeader.searchedBytes) bytes"
    case .unknownRequirements(let offset, let bits):
      "the Multiboot header at file offset \(BootFormat.number(offset)) requires what this version does not know: flag \(bits.count == 1 ? "bit" : "bits") \(bits.map(String.init).joined(separator: ", "))"
    case .displayRequired(let offset):
      "the Multiboot header at file offset \(BootFormat.number(offset)) requires a video mode (flag bit 2); this machine has no display"
    case .addressFields(let offset, let reason):
      "the address fields of the Multiboot header at file offset \(BootFormat.number(offset)) are wrong: \(reason)"
    case .noSegments(let kind):
      "the Multiboot header has no address fields (flag bit 16), which only an ELF file can do without; this file is \(kind)"
    case .elf(let reason):
      "the ELF file \(reason)"
    case .truncated(let what, let offset, let size, let file):
      "the file is truncated: \(what) takes \(BootFormat.number(size)) bytes at file offset \(BootFormat.number(offset)), and the file has \(BootFormat.number(file))"
    case .segmentWraps(let name, let address, let size):
      "\(name) of \(BootFormat.number(size)) bytes at address \(BootFormat.number(address)) goes past the end of the address space"
    case .segmentOutsideMemory(let name, let range, let available):
      "\(name) takes addresses \(BootFormat.range(range)), which are not all usable memory: that is \(BootFormat.ranges(available))"
    case .segmentsOverlap(let first, let second, let range):
      "\(first) and \(second) overlap at addresses \(BootFormat.range(range))"
    case .entryOutsideSegments(let entry, let segments):
      "the entry point \(BootFormat.number(entry)) is in no segment: they take addresses \(BootFormat.ranges(segments))"
    case .entryAbove4GiB(let entry):
      "the entry point \(BootFormat.number(entry)) is above 4 GiB, where a processor in 32-bit mode cannot begin"
    case .noRoom(let what, let size):
      "no room in memory below 4 GiB for \(what) of \(BootFormat.number(size)) bytes"
    }
  }
}
