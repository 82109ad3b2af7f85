/// What the processor that is emulated has: facts of its profile, less what is not built, in the form
/// that handlers test.
struct ProcessorModel {
  /// Bits of a physical address beyond MAXPHYADDR, up to bit 51.
  var reservedPhysicalBits: UInt64
  var has1GPages: Bool
  var hasAPIC: Bool
  var hasTSCAdjust: Bool
  var hasRDTSCP: Bool
  var hasRDPID: Bool
  var hasINVPCID: Bool
  var hasSMAP: Bool
  var hasUMIP: Bool
  var hasFSGSBASE: Bool
  var hasVMX: Bool
  /// Bits of CR4 that can be set.
  var cr4Bits: UInt64
  var eferBits: UInt64
  var debugCtlBits: UInt64
  var featureControlBits: UInt64
  var capabilities: VMXCapabilities
  let vmcsFields: VMCSFieldIndex
  let cpuidTable: CPUIDTable
  let timing: TimingProfile
}

/// The processor's reference to its model.
///
/// Invariant: the pointer is valid, and what it points to unchanged, for the life of the processor.
@dynamicMemberLookup
struct ProcessorModelReference {
  let pointer: UnsafePointer<ProcessorModel>

  @inline(__always)
  subscript<Value>(dynamicMember path: KeyPath<ProcessorModel, Value>) -> Value {
    pointer.pointee[keyPath: path]
  }
}
