/// The access rights of a segment, in the format of the VMCS access-rights fields: type (3:0), S (4),
/// DPL (6:5), P (7), AVL (12), L (13), D/B (14), G (15) and "unusable" (16).
///
/// Source: Intel SDM, "Guest Register State", format of access rights.
public struct SegmentAccessRights: Equatable, Sendable {
  public var rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A null or never loaded segment register.
  public static let unusable = SegmentAccessRights(rawValue: 1 << 16)

  /// Bits 3:0: for code and data segments accessed, writable/readable, expand-down/conforming, code.
  @inline(__always) public var type: UInt32 { rawValue & 0xf }
  /// S: 1 for code and data segments, 0 for system segments and gates.
  @inline(__always) public var isCodeOrData: Bool { rawValue & 0x10 != 0 }
  @inline(__always) public var dpl: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 5) & 3 }
  @inline(__always) public var isPresent: Bool { rawValue & 0x80 != 0 }
  @inline(__always) public var isLong: Bool { rawValue & 0x2000 != 0 }
  /// D/B: default operation size or stack size of 32 bits.
  @inline(__always) public var isBig: Bool { rawValue & 0x4000 != 0 }
  @inline(__always) public var hasPageGranularity: Bool { rawValue & 0x8000 != 0 }
  @inline(__always) public var isUnusable: Bool { rawValue & 0x1_0000 != 0 }

  @inline(__always) public var isAccessed: Bool { rawValue & 1 != 0 }
  @inline(__always) public var isCode: Bool { rawValue & 0x18 == 0x18 }
  @inline(__always) public var isData: Bool { rawValue & 0x18 == 0x10 }
  @inline(__always) public var isWritableData: Bool { rawValue & 0x1a == 0x12 }
  @inline(__always) public var isExpandDown: Bool { rawValue & 0x1c == 0x14 }
  @inline(__always) public var isReadableCode: Bool { rawValue & 0x1a == 0x1a }
  @inline(__always) public var isConforming: Bool { rawValue & 0x1c == 0x1c }
}

/// A segment register: its selector and the hidden part that was loaded with it.
///
/// Source: Intel SDM, "Segment Registers".
public struct Segment: Equatable, Sendable {
  public var selector: UInt16
  public var access: SegmentAccessRights
  /// Byte-granular limit (G already applied).
  public var limit: UInt32
  public var base: UInt64

  public init(
    selector: UInt16 = 0, base: UInt64 = 0, limit: UInt32 = 0xffff,
    access: SegmentAccessRights = SegmentAccessRights(rawValue: 0x93)
  ) {
    self.selector = selector
    self.access = access
    self.limit = limit
    self.base = base
  }
}

/// Types of system descriptors (S = 0) that segment loads, gates and task switches look at.
///
/// Source: Intel SDM, "System Descriptor Types".
public enum SystemDescriptorType {
  public static let availableTSS16: UInt32 = 1
  public static let ldt: UInt32 = 2
  public static let busyTSS16: UInt32 = 3
  public static let callGate16: UInt32 = 4
  public static let taskGate: UInt32 = 5
  public static let interruptGate16: UInt32 = 6
  public static let trapGate16: UInt32 = 7
  /// A 64-bit TSS in IA-32e mode.
  public static let availableTSS32: UInt32 = 9
  public static let busyTSS32: UInt32 = 11
  /// A 64-bit call gate in IA-32e mode.
  public static let callGate32: UInt32 = 12
  public static let interruptGate32: UInt32 = 14
  public static let trapGate32: UInt32 = 15
}

/// Bits of the error code that an exception caused by a segment selector pushes.
///
/// Source: Intel SDM, "Error Code".
public enum SelectorErrorCode {
  /// EXT: an event external to the program was being delivered.
  public static let external: UInt32 = 1
  /// IDT: the index refers to a gate in the IDT.
  public static let idt: UInt32 = 2
}
