/// Where a VMREAD or VMWRITE operand leads: a place in ``VMCS`` and the way to get at it.
struct VMCSFieldLocation: Equatable, Sendable {
  /// Byte offset in ``VMCS``.
  var offset: UInt16
  /// Bits 1:0 the width, then ``present``, ``readOnly`` and ``high``.
  var shape: UInt8
  /// The checks of a VM entry that a write of the field makes due.
  var readers: VMEntrySections

  static let present: UInt8 = 1 << 2
  static let readOnly: UInt8 = 1 << 3
  static let high: UInt8 = 1 << 4

  /// No field: VMREAD and VMWRITE fail with VM-instruction error 12.
  static let absent = VMCSFieldLocation(offset: 0, shape: 0, readers: [])

  @inline(__always) var isPresent: Bool { shape & Self.present != 0 }
  @inline(__always) var isReadOnly: Bool { shape & Self.readOnly != 0 }
  /// Whether the operand names bits 63:32 of a 64-bit field ("high" access type).
  @inline(__always) var isHigh: Bool { shape & Self.high != 0 }
  /// Bytes of the field in ``VMCSRegion``.
  @inline(__always) var byteCount: UInt64 {
    switch shape & 3 {
    case VMCSFieldWidth.bits16.rawValue: 2
    case VMCSFieldWidth.bits32.rawValue: 4
    default: 8
    }
  }
}

/// The table that VMREAD and VMWRITE look encodings up in: 1,024 slots, one for each width, type and
/// index below 64, with the fields of one set of capabilities.
///
/// Allocated once for a processor; a plain pointer, so that looking up neither retains nor hashes.
struct VMCSFieldIndex: @unchecked Sendable {
  private let slots: UnsafeMutablePointer<VMCSFieldLocation>

  static let slotCount = 1024
  /// Bits that an encoding of a field in the table can have: access type, index 5:0, type, width.
  private static let encodingBits: UInt64 = 0x6c7f

  /// Makes the table of the fields that exist under `capabilities`.
  static func allocate(for capabilities: VMXCapabilities) -> VMCSFieldIndex {
    let index = VMCSFieldIndex(slots: .allocate(capacity: slotCount))
    index.slots.initialize(repeating: .absent, count: slotCount)
    for field in VMCSField.all where field.requirement.isMet(by: capabilities) {
      var shape = VMCSFieldLocation.present | field.width.rawValue
      if field.isReadOnly { shape |= VMCSFieldLocation.readOnly }
      index.slots[slot(UInt64(field.encoding))] = VMCSFieldLocation(
        offset: field.offset, shape: shape, readers: VMEntrySections(readersOf: field.group))
    }
    return index
  }

  /// Gives the table's memory back. The index must not be used again.
  func deallocate() { slots.deallocate() }

  @inline(__always) private static func slot(_ encoding: UInt64) -> Int {
    let widthAndType = (encoding &>> 5 & 0x300) | (encoding &>> 4 & 0xc0)
    return Int(truncatingIfNeeded: widthAndType | (encoding &>> 1 & 0x3f))
  }

  /// The field that `encoding`, an operand of VMREAD or VMWRITE with all its bits, names, or
  /// ``VMCSFieldLocation/absent``.
  @inline(__always) func locate(_ encoding: UInt64) -> VMCSFieldLocation {
    guard encoding & ~Self.encodingBits == 0 else { return .absent }
    var location = slots[Self.slot(encoding)]
    guard encoding & 1 != 0 else { return location }
    let kind = location.shape & (VMCSFieldLocation.present | 3)
    guard kind == VMCSFieldLocation.present | VMCSFieldWidth.bits64.rawValue else {
      return .absent
    }
    location.shape |= VMCSFieldLocation.high
    return location
  }
}

extension UnsafeMutablePointer where Pointee == VMCS {
  /// The value that VMREAD returns for `location`, which must be present; zero-extended.
  @inline(__always) func read(_ location: VMCSFieldLocation) -> UInt64 {
    let place = UnsafeRawPointer(self) + Int(location.offset)
    switch location.shape & 3 {
    case VMCSFieldWidth.bits16.rawValue: return UInt64(place.load(as: UInt16.self))
    case VMCSFieldWidth.bits32.rawValue: return UInt64(place.load(as: UInt32.self))
    default:
      let value = place.load(as: UInt64.self)
      return location.isHigh ? value &>> 32 : value
    }
  }

  /// Writes as VMWRITE does to `location`, which must be present: bits that the field has no room for
  /// are dropped, and "high" access leaves bits 31:0. Outside 64-bit mode the caller passes its 32-bit
  /// operand zero-extended, which clears bits 63:32 on full access, as the manual has it.
  @inline(__always) func write(_ value: UInt64, to location: VMCSFieldLocation) {
    let place = UnsafeMutableRawPointer(self) + Int(location.offset)
    switch location.shape & 3 {
    case VMCSFieldWidth.bits16.rawValue:
      place.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
    case VMCSFieldWidth.bits32.rawValue:
      place.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
    default:
      if location.isHigh {
        let low = place.load(as: UInt64.self) & 0xffff_ffff
        place.storeBytes(of: low | value &<< 32, as: UInt64.self)
      } else {
        place.storeBytes(of: value, as: UInt64.self)
      }
    }
  }
}
