/// What the processor that is emulated has: facts of its profile, less what is not built, in the form
/// that handlers test.
struct ProcessorModel {
  var features: CPUFeatureSet
  /// Bits of a physical address beyond MAXPHYADDR, up to bit 51.
  var reservedPhysicalBits: UInt64
  var has1GPages: Bool
  var hasAPIC: Bool
  var hasX2APIC: Bool
  var hasTSCAdjust: Bool
  var hasVMX: Bool
  /// Bits of ECX that MWAIT accepts.
  var mwaitExtensions: UInt64
  /// IA32_MISC_ENABLE after reset.
  var miscEnable: UInt64
  /// Bits of CR4 that can be set.
  var cr4Bits: UInt64
  var eferBits: UInt64
  /// Bits of XCR0 that can be set.
  var xcr0Bits: UInt64
  /// Bits of IA32_XSS that can be set.
  var xssBits: UInt64
  var debugCtlBits: UInt64
  var performance: PerformanceModel
  var featureControlBits: UInt64
  /// The VMX-preemption timer counts down once every 2^n cycles.
  var preemptionTimerShift: UInt64
  /// The core crystal clock, in which the instruction-timeout control is given.
  var crystalClock: ClockRatio
  /// CPUID.1:EAX, which EDX holds after reset.
  var signature: UInt64
  /// Cycles of delivering an event through the IDT; at least 1, or a guest that only faults would stop
  /// the clock.
  var eventDeliveryCycles: UInt64
  var capabilities: VMXCapabilities
  let vmcsFields: VMCSFieldIndex
  let cpuid: CPUIDView
  let timing: TimingTable
}

extension ProcessorModel {
  /// What RDMSR of a VMX capability MSR returns; nil where there is none.
  func vmxCapability(_ index: UInt32) -> UInt64? {
    hasVMX ? capabilities.msrs.value(of: index) : nil
  }

  /// What CPUID returns.
  func cpuid(leaf: UInt32, subleaf: UInt32, state: CPUIDDynamicState) -> CPUIDResult {
    cpuid.result(leaf: leaf, subleaf: subleaf, state: state)
  }
}

/// The processor's reference to its model.
///
/// Invariant: the pointer is valid, and what it points to unchanged, for the life of the processor.
struct ProcessorModelReference {
  let pointer: UnsafePointer<ProcessorModel>

  /// Where the VMX capabilities are, for the checks of a VM entry.
  var capabilities: UnsafePointer<VMXCapabilities> {
    let offset = MemoryLayout<ProcessorModel>.offset(of: \.capabilities) ?? 0
    return (UnsafeRawPointer(pointer) + offset).assumingMemoryBound(to: VMXCapabilities.self)
  }
}

extension Processor {
  /// What the processor has. Read in place: it is too large to be copied.
  @inline(__always) var model: ProcessorModel {
    unsafeAddress { modelReference.pointer }
  }
}
