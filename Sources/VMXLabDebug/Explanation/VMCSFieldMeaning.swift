import VMXLab

/// What the value of a field with a format means, in a few words.
enum VMCSFieldMeaning {
  /// The meaning; nil for fields that are plain numbers.
  static func text(of field: VMCSField, _ value: UInt64) -> String? {
    if field.key.hasSuffix("AccessRights") { return accessRights(value) }
    switch field.key {
    case "entryInterruptionInformation": return event(value)
    case "guestInterruptibilityState": return blocking(value)
    case "guestActivityState":
      return ActivityState(rawValue: UInt32(truncatingIfNeeded: value)).map { "\($0)" }
    default: return nil
    }
  }

  private static func accessRights(_ value: UInt64) -> String {
    func bit(_ number: UInt64) -> UInt64 { value >> number & 1 }
    return (bit(16) != 0 ? "unusable, " : "")
      + "type \(value & 0xf), S \(bit(4)), DPL \(value >> 5 & 3), P \(bit(7)), L \(bit(13)), "
      + "D/B \(bit(14)), G \(bit(15))"
  }

  private static func event(_ value: UInt64) -> String {
    let event = InterruptionInformation(rawValue: UInt32(truncatingIfNeeded: value))
    guard event.isValid else { return "not valid" }
    let type =
      switch event.type {
      case .externalInterrupt: "external interrupt"
      case .reserved: "reserved type 1"
      case .nmi: "NMI"
      case .hardwareException: "hardware exception"
      case .softwareInterrupt: "software interrupt"
      case .privilegedSoftwareException: "privileged software exception"
      case .softwareException: "software exception"
      case .otherEvent: "other event"
      }
    return "\(type), vector \(event.vector)" + (event.hasErrorCode ? ", error code" : "")
  }

  private static func blocking(_ value: UInt64) -> String? {
    let state = InterruptibilityState(rawValue: UInt32(truncatingIfNeeded: value))
    let names: [(InterruptibilityState, String)] = [
      (.blockingBySTI, "STI"), (.blockingByMOVSS, "MOV SS"), (.blockingBySMI, "SMI"),
      (.blockingByNMI, "NMI"),
    ]
    let blocked = names.filter { state.contains($0.0) }.map(\.1)
    return blocked.isEmpty ? nil : "blocking by \(blocked.joined(separator: " and "))"
  }
}
