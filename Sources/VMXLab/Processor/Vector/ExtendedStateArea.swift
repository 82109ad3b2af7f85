/// An FXSAVE or XSAVE area in guest memory, whose pages may all be accessed: reading and writing its
/// words does not fault.
///
/// Source: Intel SDM, "XSAVE Area" and "FXSAVE—Save x87 FPU, MMX Technology, and SSE State".
struct ExtendedStateArea {
  /// Physical addresses of the first byte, and of the first byte on the next page.
  private let first: UInt64
  private let second: UInt64
  /// Bytes on the first page.
  private let room: UInt64

  /// Offsets in the area.
  enum Offset {
    static let mxcsr: UInt64 = 24
    static let x87Registers: UInt64 = 32
    static let xmm: UInt64 = 160
    static let header: UInt64 = 512
    /// The extended region.
    static let extended: UInt64 = 576
  }
  /// XSTATE_BV and XCOMP_BV, and the rest of the header.
  static let headerByteCount: UInt64 = 64
  static let legacyByteCount: UInt64 = 512
  /// XCOMP_BV[63]: the compacted format.
  static let compacted: UInt64 = 1 << 63

  /// Checks alignment and translates; nil if that faults (the fault is recorded).
  ///
  /// - Parameter alignment: in bytes, or #GP(0).
  init?(
    _ processor: inout Processor, _ i: InstructionReference, byteCount: UInt64, alignment: UInt64,
    _ access: AccessKind
  ) {
    let isStack = i.pointer.pointee.segment == 2
    guard let linear = processor.linearOperand(i, byteCount: byteCount, access) else { return nil }
    guard linear & (alignment &- 1) == 0 else {
      processor.raiseMisaligned(linear, byteCount: byteCount, stack: isStack)
      return nil
    }
    guard
      let (first, second) = processor.translateBytes(
        linear, byteCount: byteCount, access, stack: isStack)
    else { return nil }
    self.first = first
    self.second = second
    room = 0x1000 &- linear & 0xfff
  }

  /// The 8 bytes at a multiple of 8.
  func load(_ offset: UInt64, _ processor: inout Processor) -> UInt64 {
    processor.load(physical(offset), byteCount: 8)
  }

  func store(_ offset: UInt64, _ value: UInt64, _ processor: inout Processor) {
    processor.store(physical(offset), value, byteCount: 8)
  }

  /// Stores 4 bytes.
  func store32(_ offset: UInt64, _ value: UInt32, _ processor: inout Processor) {
    processor.store(physical(offset), UInt64(value), byteCount: 4)
  }

  private func physical(_ offset: UInt64) -> UInt64 {
    offset < room ? first &+ offset : second &+ (offset &- room)
  }
}

/// The header of an XSAVE area.
///
/// Source: Intel SDM, "XSAVE Header".
struct XSAVEHeader {
  /// XSTATE_BV: components that are in the area; the others have their initial values.
  var components: UInt64
  /// XCOMP_BV.
  var format: UInt64
  /// Whether bytes 63:16 are all 0.
  var hasZeroRest: Bool
  /// Whether bytes 23:16 are all 0.
  var hasZeroThird: Bool

  init(_ area: ExtendedStateArea, _ processor: inout Processor) {
    components = area.load(ExtendedStateArea.Offset.header, &processor)
    format = area.load(ExtendedStateArea.Offset.header &+ 8, &processor)
    hasZeroThird = area.load(ExtendedStateArea.Offset.header &+ 16, &processor) == 0
    hasZeroRest = hasZeroThird
    var offset: UInt64 = 24
    while offset < ExtendedStateArea.headerByteCount {
      if area.load(ExtendedStateArea.Offset.header &+ offset, &processor) != 0 {
        hasZeroRest = false
      }
      offset &+= 8
    }
  }

  @inline(__always) var isCompacted: Bool { format & ExtendedStateArea.compacted != 0 }
}
