// VMREAD and VMWRITE in VMX non-root operation, on the VMCS that the VMCS link pointer names.
//
// The shadow VMCS is accessed in its region in memory: it is never the current VMCS of this
// processor, since VM entry rejects that.
//
// Source: Intel SDM, "VMREAD-Bitmap and VMWRITE-Bitmap Addresses", "Shadow VMCS" and "VMCS Types:
// Ordinary and Shadow".
extension Processor {
  /// Whether "VMCS shadowing" is in force and the bitmap lets VMREAD or VMWRITE of `encoding` through.
  mutating func shadowsVMCSAccess(_ reason: BasicExitReason, _ encoding: UInt64) -> Bool {
    guard vmx.secondary.contains(.vmcsShadowing), encoding >> 15 == 0 else { return false }
    let bitmap =
      reason == .vmread ? vmx.vmcs.vmreadBitmapAddress : vmx.vmcs.vmwriteBitmapAddress
    return load(bitmap &+ encoding >> 3, byteCount: 1) >> (encoding & 7) & 1 == 0
  }

  /// Reads the field at `location`, which must be present, in the shadow VMCS.
  mutating func readShadowVMCS(_ encoding: UInt64, _ location: VMCSFieldLocation) -> UInt64 {
    let (address, byteCount) = shadowPlace(encoding, location)
    return load(address, byteCount: byteCount)
  }

  /// Writes the field at `location`, which must be present, in the shadow VMCS.
  mutating func writeShadowVMCS(
    _ value: UInt64, _ encoding: UInt64, _ location: VMCSFieldLocation
  ) {
    let (address, byteCount) = shadowPlace(encoding, location)
    store(address, value, byteCount: byteCount)
  }

  private func shadowPlace(
    _ encoding: UInt64, _ location: VMCSFieldLocation
  ) -> (address: UInt64, byteCount: UInt64) {
    let start = vmx.vmcs.vmcsLinkPointer &+ VMCSRegion.offset(ofEncoding: encoding)
    return location.isHigh ? (start &+ 4, 4) : (start, location.byteCount)
  }
}
