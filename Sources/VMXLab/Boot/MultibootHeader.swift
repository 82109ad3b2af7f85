/// The header by which an image says that it is one for Multiboot 1.
///
/// Source: Multiboot Specification version 0.6.96, "OS image format".
struct MultibootHeader: Equatable, Sendable {
  static let magic: UInt32 = 0x1bad_b002
  /// The header lies in so many first bytes of the file, complete, at a multiple of 4.
  static let searchedBytes: UInt64 = 8192

  enum Flag {
    static let videoMode = 2
    static let addressFields = 16
    /// Bits below this one ask for something that the loader must know.
    static let firstOptional = 16
    /// Page-aligned modules, memory information: what every image gets.
    static let understood: UInt32 = 0b011
  }

  /// The place of an image that is not described by an executable's own header.
  struct AddressFields: Equatable, Sendable {
    var header: UInt32
    var load: UInt32
    /// 0: to the end of the file.
    var loadEnd: UInt32
    /// 0: there is none.
    var bssEnd: UInt32
    var entry: UInt32
  }

  /// Where in the file the header is.
  var offset: UInt64
  var flags: UInt32
  /// Present if their flag is.
  var addresses: AddressFields?

  /// Looks for the header: the first one whose checksum is right.
  init(in file: ImageBytes) throws(BootError) {
    var broken: BootError?
    for offset in stride(from: 0, to: min(file.count, Self.searchedBytes), by: 4)
    where file.read(UInt32.self, at: offset) == Self.magic {
      guard offset + 12 <= Self.searchedBytes, let flags = file.read(UInt32.self, at: offset + 4),
        let checksum = file.read(UInt32.self, at: offset + 8)
      else { continue }
      let sum = Self.magic &+ flags &+ checksum
      if sum == 0 {
        self = try Self(in: file, at: offset, flags: flags)
        return
      }
      if broken == nil {
        broken = .headerChecksum(
          offset: offset, found: checksum, expected: 0 &- (Self.magic &+ flags))
      }
    }
    if let broken { throw broken }
    throw .notMultiboot(found: ImageKind(of: file), strayHeader: Self.strayHeader(in: file))
  }

  private init(in file: ImageBytes, at offset: UInt64, flags: UInt32) throws(BootError) {
    let unknown = flags & ~Flag.understood & ~(1 << Flag.videoMode)
    let bits = (0..<Flag.firstOptional).filter { unknown & 1 << $0 != 0 }
    guard bits.isEmpty else { throw .unknownRequirements(offset: offset, bits: bits) }
    guard flags & 1 << Flag.videoMode == 0 else { throw .displayRequired(offset: offset) }

    self.offset = offset
    self.flags = flags
    if flags & 1 << Flag.addressFields != 0 {
      let fields = (0..<5).compactMap { file.read(UInt32.self, at: offset + 12 + $0 * 4) }
      guard fields.count == 5, offset + 32 <= Self.searchedBytes else {
        throw .headerTruncated(offset: offset)
      }
      addresses = AddressFields(
        header: fields[0], load: fields[1], loadEnd: fields[2], bssEnd: fields[3], entry: fields[4])
    }
  }

  /// Where a header is that would be right, were it not too far into the file or not at a multiple
  /// of 4. The search ends after the first MiB.
  private static func strayHeader(in file: ImageBytes) -> UInt64? {
    let lowest = UInt8(truncatingIfNeeded: magic)
    for index in file.bytes.indices.prefix(1 << 20) where file.bytes[index] == lowest {
      let offset = UInt64(index)
      guard file.read(UInt32.self, at: offset) == magic,
        let flags = file.read(UInt32.self, at: offset + 4),
        let checksum = file.read(UInt32.self, at: offset + 8)
      else { continue }
      if magic &+ flags &+ checksum == 0 { return offset }
    }
    return nil
  }
}
