/// The implementation format of a VMCS region: how a VMCS looks in the 4 KiB of guest memory that
/// VMPTRLD was given the address of.
///
/// | Bytes | Content |
/// | --- | --- |
/// | 0–3 | VMCS revision identifier (30:0), shadow-VMCS indicator (31) |
/// | 4–7 | VMX-abort indicator |
/// | 8–11 | launch state: 1 launched, anything else clear |
/// | 12–63 | not used |
/// | 64– | fields, little-endian, each at the base of its width and type plus index × size |
///
/// | Base | Fields | Room for |
/// | --- | --- | --- |
/// | 64 | 16-bit control | 32 |
/// | 128 | 16-bit guest-state | 32 |
/// | 192 | 16-bit host-state | 32 |
/// | 256 | 32-bit control | 64 |
/// | 512 | 32-bit read-only data | 32 |
/// | 640 | 32-bit guest-state | 64 |
/// | 896 | 32-bit host-state | 32 |
/// | 1024 | 64-bit control | 64 |
/// | 1536 | 64-bit read-only data | 32 |
/// | 1792 | 64-bit guest-state | 64 |
/// | 2304 | 64-bit host-state | 32 |
/// | 2560 | natural-width control | 32 |
/// | 2816 | natural-width read-only data | 32 |
/// | 3072 | natural-width guest-state | 64 |
/// | 3584 | natural-width host-state | 64 |
///
/// The offsets follow from the encodings alone, so they do not move when fields are added. Every bit
/// pattern is a valid region: one that was never formatted loads as whatever its bytes say (all
/// zeros: all fields 0, launch state clear), and a copy of a region is a copy of its VMCS. That is
/// within the manual, which leaves the format and the effect of touching it to the implementation.
///
/// Source for bytes 0–7: Intel SDM, "Format of the VMCS Region".
public enum VMCSRegion {
  /// Bytes in a region.
  public static let size = 4096
  /// The VMCS revision identifier of this format, in IA32_VMX_BASIC[30:0].
  public static let revisionIdentifier: UInt32 = 0x0056_4d58
  /// The shadow-VMCS indicator, bit 31 of the first four bytes.
  public static let shadowIndicator: UInt32 = 1 << 31

  static let revisionOffset = 0
  static let abortOffset = 4
  static let launchStateOffset = 8
  static let launched: UInt32 = 1

  /// Base of the fields of each width (bits 3:2) and type (bits 1:0); 0 where there are no fields.
  private static let bases: [UInt16] = [
    64, 0, 128, 192, 1024, 1536, 1792, 2304, 256, 512, 640, 896, 2560, 2816, 3072, 3584,
  ]

  /// Byte offset of `field` in a region.
  public static func offset(of field: VMCSField) -> Int {
    Int(offset(ofEncoding: UInt64(field.encoding)))
  }

  /// Byte offset of the field with that encoding, of full or "high" access, in a region. The encoding
  /// must be one of a field.
  static func offset(ofEncoding encoding: UInt64) -> UInt64 {
    let width = encoding >> 13 & 3
    let type = encoding >> 10 & 3
    let base = bases[Int(truncatingIfNeeded: width << 2 | type)]
    // Fields of natural width and 64 bits have 8 bytes.
    let size: UInt64 = width == 0 ? 2 : width == 2 ? 4 : 8
    return UInt64(base) &+ (encoding >> 1 & 0x1ff) &* size
  }

  /// One field's copy, worked out once: where it is in ``VMCS`` and in the region, and its bytes.
  private struct Move {
    var property: UInt16
    var region: UInt16
    var size: UInt16
  }

  private static let moves: [Move] = VMCSField.all.map { field in
    Move(
      property: field.offset, region: UInt16(truncatingIfNeeded: offset(of: field)),
      size: UInt16(truncatingIfNeeded: field.width.byteCount))
  }

  /// Whether the launch state recorded in `region` (of ``size`` bytes) is "launched".
  static func isLaunched(_ region: UnsafeRawPointer) -> Bool {
    region.loadUnaligned(fromByteOffset: launchStateOffset, as: UInt32.self) == launched
  }

  /// Records the launch state in `region`.
  static func setLaunched(_ isLaunched: Bool, in region: UnsafeMutableRawPointer) {
    region.storeBytes(
      of: isLaunched ? launched : 0, toByteOffset: launchStateOffset, as: UInt32.self)
  }

  /// Records a VMX abort in `region`.
  static func setAbortIndicator(_ indicator: UInt32, in region: UnsafeMutableRawPointer) {
    region.storeBytes(of: indicator, toByteOffset: abortOffset, as: UInt32.self)
  }

  /// Decodes the fields of `region`, which must have ``size`` readable bytes, into `vmcs`.
  static func load(_ vmcs: UnsafeMutablePointer<VMCS>, from region: UnsafeRawPointer) {
    let properties = UnsafeMutableRawPointer(vmcs)
    moves.withUnsafeBufferPointer { moves in
      for move in moves {
        (properties + Int(move.property)).copyMemory(
          from: region + Int(move.region), byteCount: Int(move.size))
      }
    }
  }

  /// Encodes the fields of `vmcs` into `region`, which must have ``size`` writable bytes. The revision
  /// identifier, the abort indicator, the launch state and the unused bytes stay as they are.
  static func store(_ vmcs: UnsafePointer<VMCS>, to region: UnsafeMutableRawPointer) {
    let properties = UnsafeRawPointer(vmcs)
    moves.withUnsafeBufferPointer { moves in
      for move in moves {
        (region + Int(move.region)).copyMemory(
          from: properties + Int(move.property), byteCount: Int(move.size))
      }
    }
  }
}
