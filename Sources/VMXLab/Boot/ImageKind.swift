/// What a file seems to be, as far as that helps whoever tried to boot it.
public enum ImageKind: Equatable, Sendable {
  /// No bytes at all.
  case empty
  /// An ELF file: 32 or 64 bits, and what its type field says.
  case elf(bits: Int, type: String)
  /// A file with the header of Multiboot 2.
  case multiboot2
  /// A Linux kernel as it is installed.
  case linuxBzImage
  /// An executable of Windows or UEFI.
  case portableExecutable
  /// Compressed by the program of this name.
  case compressed(String)
  /// Text that begins with `#!`.
  case script
  /// Text, as far as its first bytes tell.
  case text
  /// 512 bytes or more with the signature 55 aa at 510.
  case bootSector
  /// Nothing known; the first bytes, eight at most.
  case unknown([UInt8])

  /// Finds out what `bytes` are.
  init(of file: ImageBytes) {
    if file.bytes.isEmpty {
      self = .empty
    } else if file.starts(with: Array("HdrS".utf8), at: 0x202) {
      self = .linuxBzImage
    } else if Self.hasMultiboot2Header(file) {
      self = .multiboot2
    } else if file.starts(with: ELFImage.magic) {
      self = .elf(
        bits: file.bytes.count > 4 && file.bytes[4] == 2 ? 64 : 32,
        type: ELFImage.typeName(file.read(UInt16.self, at: 16) ?? 0))
    } else if let (_, program) = Self.compressions.first(where: { file.starts(with: $0.magic) }) {
      self = .compressed(program)
    } else if file.starts(with: Array("MZ".utf8)) {
      self = .portableExecutable
    } else if file.starts(with: Array("#!".utf8)) {
      self = .script
    } else if file.starts(with: [0x55, 0xaa], at: 510) {
      self = .bootSector
    } else if file.bytes.prefix(512).allSatisfy({ (32...126).contains($0) || (9...13).contains($0) }
    ) {
      self = .text
    } else {
      self = .unknown(Array(file.bytes.prefix(8)))
    }
  }

  private static let compressions: [(magic: [UInt8], program: String)] = [
    ([0x1f, 0x8b], "gzip"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz"),
    ([0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    ([0x42, 0x5a, 0x68], "bzip2"),
    ([0x04, 0x22, 0x4d, 0x18], "lz4"),
    ([0x50, 0x4b, 0x03, 0x04], "zip"),
  ]

  /// The header lies in the first 32768 bytes, at a multiple of 8; its four words add up to 0.
  private static func hasMultiboot2Header(_ file: ImageBytes) -> Bool {
    for offset in stride(from: 0, to: min(file.count, 32_768), by: 8) {
      guard file.read(UInt32.self, at: offset) == 0xe852_50d6 else { continue }
      let words = (0..<4).compactMap { file.read(UInt32.self, at: offset + $0 * 4) }
      if words.count == 4, words.reduce(0, &+) == 0 { return true }
    }
    return false
  }
}

extension ImageKind: CustomStringConvertible {
  /// What the file is, as the end of a sentence that begins with "it is".
  public var description: String {
    switch self {
    case .empty: "empty"
    case .elf(let bits, let type): "an ELF\(bits) \(type)"
    case .multiboot2: "a Multiboot 2 image"
    case .linuxBzImage: "a Linux bzImage"
    case .portableExecutable: "a PE (Windows or UEFI) executable"
    case .compressed(let program): "compressed with \(program)"
    case .script: "a script"
    case .text: "text"
    case .bootSector: "a boot sector or disk image"
    case .unknown(let bytes):
      "of no known kind (its first bytes are \(bytes.map(BootFormat.byte).joined(separator: " ")))"
    }
  }
}
