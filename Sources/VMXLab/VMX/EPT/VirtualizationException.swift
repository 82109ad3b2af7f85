// Virtualization exceptions (#VE): EPT violations that the guest handles itself.
//
// Source: Intel SDM, "Virtualization Exceptions".

/// Offsets in the virtualization-exception information area.
enum VirtualizationExceptionInformation {
  static let exitReason: UInt64 = 0
  /// Not 0 while the guest handles a virtualization exception: another one is not delivered.
  static let busy: UInt64 = 4
  static let exitQualification: UInt64 = 8
  static let guestLinearAddress: UInt64 = 16
  static let guestPhysicalAddress: UInt64 = 24
  static let eptpIndex: UInt64 = 32
}

extension Processor {
  /// Whether an EPT violation at `entry` is convertible, and is converted.
  mutating func becomesVirtualizationException(_ entry: UInt64) -> Bool {
    guard vmx.secondary.contains(.eptViolationVE), entry & EPTEntry.suppressVE == 0,
      cr0.contains(.pe), !delivery.isActive, pending.kind == .none
    else { return false }
    let area = vmx.vmcs.virtualizationExceptionInformationAddress
    return load(area &+ VirtualizationExceptionInformation.busy, byteCount: 4) == 0
  }

  /// Saves the information of an EPT violation and raises #VE.
  mutating func raiseVirtualizationException(
    _ qualification: UInt64, linear: UInt64, guestPhysical: UInt64
  ) {
    typealias Information = VirtualizationExceptionInformation
    let area = vmx.vmcs.virtualizationExceptionInformationAddress
    store(
      area &+ Information.exitReason, UInt64(BasicExitReason.eptViolation.rawValue), byteCount: 4)
    store(area &+ Information.busy, 0xffff_ffff, byteCount: 4)
    store(area &+ Information.exitQualification, qualification, byteCount: 8)
    store(area &+ Information.guestLinearAddress, linear, byteCount: 8)
    store(area &+ Information.guestPhysicalAddress, guestPhysical, byteCount: 8)
    store(area &+ Information.eptpIndex, UInt64(vmx.vmcs.eptpIndex), byteCount: 2)
    raise(.virtualization)
  }
}
