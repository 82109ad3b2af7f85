/// The types of events in interruption-information and IDT-vectoring-information fields, bits 10:8.
///
/// Source: Intel SDM, "VM-Entry Controls for Event Injection".
public enum InterruptionType: UInt8, CaseIterable, Sendable {
  case externalInterrupt = 0
  /// Not an event: VM entry rejects it.
  case reserved = 1
  case nmi = 2
  case hardwareException = 3
  /// INT n.
  case softwareInterrupt = 4
  /// INT1.
  case privilegedSoftwareException = 5
  /// INT3 and INTO.
  case softwareException = 6
  /// A pending MTF VM exit when the vector is 0.
  case otherEvent = 7
}

/// An event, in the format of the VM-entry interruption-information, VM-exit
/// interruption-information and IDT-vectoring-information fields.
///
/// Source: Intel SDM, "VM-Entry Controls for Event Injection" and "Information for VM Exits Due to
/// Vectored Events".
public struct InterruptionInformation: Equatable, Sendable {
  /// The field's 32 bits.
  public var rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A valid event.
  @inline(__always) public init(
    _ type: InterruptionType, vector: UInt8, hasErrorCode: Bool = false,
    nmiUnblockingDueToIRET: Bool = false
  ) {
    var value = UInt32(vector) | UInt32(type.rawValue) << 8 | Self.valid
    if hasErrorCode { value |= Self.errorCode }
    if nmiUnblockingDueToIRET { value |= Self.nmiUnblocking }
    rawValue = value
  }

  /// Bit 11: deliver an error code (entry), or the error code is valid (exit, IDT vectoring).
  public static let errorCode: UInt32 = 1 << 11
  /// Bit 12 of the VM-exit field: NMI unblocking due to IRET.
  public static let nmiUnblocking: UInt32 = 1 << 12
  /// Bit 31: there is an event.
  public static let valid: UInt32 = 1 << 31
  /// Bits 30:12, reserved in the VM-entry field.
  static let entryReserved: UInt32 = 0x7fff_f000

  /// Bits 7:0.
  @inline(__always) public var vector: UInt8 { UInt8(truncatingIfNeeded: rawValue) }
  /// Bit 31.
  @inline(__always) public var isValid: Bool { rawValue & Self.valid != 0 }
  /// Bit 11: "deliver error code" or "error code valid".
  @inline(__always) public var hasErrorCode: Bool { rawValue & Self.errorCode != 0 }
  /// Bit 12 of the VM-exit field.
  @inline(__always) public var isNMIUnblockingDueToIRET: Bool {
    rawValue & Self.nmiUnblocking != 0
  }

  /// Bits 10:8.
  @inline(__always) public var type: InterruptionType {
    switch rawValue &>> 8 & 7 {
    case 0: .externalInterrupt
    case 1: .reserved
    case 2: .nmi
    case 3: .hardwareException
    case 4: .softwareInterrupt
    case 5: .privilegedSoftwareException
    case 6: .softwareException
    default: .otherEvent
    }
  }

  /// Whether the field is valid and of type `type`.
  @inline(__always) func isValid(_ type: InterruptionType) -> Bool {
    let bits = UInt32(type.rawValue) &<< 8 | Self.valid
    return rawValue & (Self.valid | 0x700) == bits
  }
}
