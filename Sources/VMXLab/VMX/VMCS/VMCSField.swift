/// The width of a VMCS field, as bits 14:13 of its encoding give it.
public enum VMCSFieldWidth: UInt8, Sendable {
  case bits16 = 0
  case bits64 = 1
  case bits32 = 2
  /// 64 bits on processors with Intel 64 architecture.
  case natural = 3

  /// Bytes that a field of this width takes.
  public var byteCount: Int {
    switch self {
    case .bits16: 2
    case .bits32: 4
    case .bits64, .natural: 8
    }
  }
}

/// The type of a VMCS field, as bits 11:10 of its encoding give it.
public enum VMCSFieldType: UInt8, Sendable {
  case control = 0
  /// VM-exit information: written by the processor.
  case readOnlyData = 1
  case guestState = 2
  case hostState = 3
}

/// What is known of one VMCS field.
///
/// Source: Intel SDM, "Field Encoding in VMCS".
public struct VMCSField: Sendable {
  /// The encoding for full access, an operand of VMREAD and VMWRITE.
  public let encoding: UInt16
  /// The name of the property of ``VMCS`` that holds the field; dumps use it as well.
  public let key: String
  /// The manual's name.
  public let name: String
  /// The width: bits 14:13 of the encoding.
  public let width: VMCSFieldWidth
  /// The part of the VM-entry checks that reads the field.
  public let group: VMCSFieldGroup
  /// When the field exists.
  public let requirement: VMCSFieldRequirement
  /// Byte offset of the field in ``VMCS``.
  let offset: UInt16

  /// The type: bits 11:10 of the encoding.
  public var type: VMCSFieldType {
    switch encoding >> 10 & 3 {
    case 0: .control
    case 1: .readOnlyData
    case 2: .guestState
    default: .hostState
    }
  }
  /// The index: bits 9:1 of the encoding.
  public var index: UInt16 { encoding >> 1 & 0x1ff }
  /// Whether VMWRITE to the field fails unless IA32_VMX_MISC[29] is 1.
  public var isReadOnly: Bool { type == .readOnlyData }

  /// The largest value that there is room for.
  public var largestValue: UInt64 { .max >> UInt64(64 - width.byteCount * 8) }

  /// Every field, by type, then width, then index.
  public static let all: [VMCSField] =
    controlFields + readOnlyDataFields + guestStateFields + hostStateFields

  /// The field with this full-access encoding, if there is one.
  public static func field(encoding: UInt16) -> VMCSField? {
    all.first { $0.encoding == encoding }
  }

  /// The field whose ``key`` is `key`, if there is one.
  public static func field(key: String) -> VMCSField? { byKey[key] }

  private static let byKey: [String: VMCSField] = Dictionary(
    uniqueKeysWithValues: all.map { ($0.key, $0) })

  static func word(
    _ encoding: UInt16, _ key: String, _ name: String, _ property: KeyPath<VMCS, UInt16>,
    _ group: VMCSFieldGroup, _ requirement: VMCSFieldRequirement = .always
  ) -> VMCSField {
    VMCSField(encoding, .bits16, key, name, property, group, requirement)
  }

  static func long(
    _ encoding: UInt16, _ key: String, _ name: String, _ property: KeyPath<VMCS, UInt32>,
    _ group: VMCSFieldGroup, _ requirement: VMCSFieldRequirement = .always
  ) -> VMCSField {
    VMCSField(encoding, .bits32, key, name, property, group, requirement)
  }

  static func quad(
    _ encoding: UInt16, _ key: String, _ name: String, _ property: KeyPath<VMCS, UInt64>,
    _ group: VMCSFieldGroup, _ requirement: VMCSFieldRequirement = .always
  ) -> VMCSField {
    VMCSField(encoding, .bits64, key, name, property, group, requirement)
  }

  static func natural(
    _ encoding: UInt16, _ key: String, _ name: String, _ property: KeyPath<VMCS, UInt64>,
    _ group: VMCSFieldGroup, _ requirement: VMCSFieldRequirement = .always
  ) -> VMCSField {
    VMCSField(encoding, .natural, key, name, property, group, requirement)
  }

  private init(
    _ encoding: UInt16, _ width: VMCSFieldWidth, _ key: String, _ name: String,
    _ property: PartialKeyPath<VMCS>, _ group: VMCSFieldGroup, _ requirement: VMCSFieldRequirement
  ) {
    self.encoding = encoding
    self.width = width
    self.key = key
    self.name = name
    self.group = group
    self.requirement = requirement
    self.offset = UInt16(truncatingIfNeeded: MemoryLayout<VMCS>.offset(of: property) ?? 0)
  }
}

extension VMCS {
  /// The value of `field`, zero-extended. For debuggers and dumps; instructions use
  /// ``VMCSFieldIndex``.
  public subscript(field: VMCSField) -> UInt64 {
    get {
      withUnsafeBytes(of: self) { bytes in
        let offset = Int(field.offset)
        switch field.width {
        case .bits16: return UInt64(bytes.load(fromByteOffset: offset, as: UInt16.self))
        case .bits32: return UInt64(bytes.load(fromByteOffset: offset, as: UInt32.self))
        case .bits64, .natural: return bytes.load(fromByteOffset: offset, as: UInt64.self)
        }
      }
    }
    set {
      withUnsafeMutableBytes(of: &self) { bytes in
        let offset = Int(field.offset)
        switch field.width {
        case .bits16:
          bytes.storeBytes(
            of: UInt16(truncatingIfNeeded: newValue), toByteOffset: offset, as: UInt16.self)
        case .bits32:
          bytes.storeBytes(
            of: UInt32(truncatingIfNeeded: newValue), toByteOffset: offset, as: UInt32.self)
        case .bits64, .natural:
          bytes.storeBytes(of: newValue, toByteOffset: offset, as: UInt64.self)
        }
      }
    }
  }
}
