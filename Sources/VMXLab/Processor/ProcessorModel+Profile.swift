extension ProcessorModel {
  /// The model of a profile's part, with no more than is built.
  init(_ profile: CPUProfile, cpuid table: CPUIDTable, timing: TimingTable) {
    let view = table.view
    func has(_ leaf: UInt32, _ register: CPUIDRegister, _ bit: UInt32) -> Bool {
      view.facts(leaf: leaf, subleaf: 0)[register] >> bit & 1 != 0
    }
    let hasVMX = has(1, .ecx, 5)
    let linearWidth: UInt8 = has(7, .ecx, 16) ? profile.linearAddressWidth : 48
    var efer: EFER = []
    if has(0x8000_0001, .edx, 11) { efer.insert(.sce) }
    if has(0x8000_0001, .edx, 29) { efer.formUnion([.lme, .lma]) }
    if has(0x8000_0001, .edx, 20) { efer.insert(.nxe) }
    var cr4: CR4 = []
    for (bit, isThere) in Self.cr4Features(has) where isThere { cr4.insert(bit) }

    var facts = VMXProcessorFacts()
    facts.physicalAddressWidth = profile.physicalAddressWidth
    facts.linearAddressWidth = linearWidth
    facts.eferBits = efer.rawValue
    let performance = PerformanceModel(profile, cpuid: view)
    facts.debugCtlBits = 0x3 | (performance.canFreeze ? DebugControl.freezePerfmonOnPMI : 0)
    facts.perfGlobalCtrlBits = performance.globalControlBits
    facts.hasRTM = has(7, .ebx, 11)
    var control: ControlFlowControl = []
    if has(7, .ecx, 7) { control.formUnion(.shadowStackBits) }
    if has(7, .edx, 20) { control.formUnion(.trackingBits) }
    facts.sCETBits = control.rawValue
    var part = profile.vmxMSRs
    // A guest may set in CR4 what CPUID offers and VMX operation allows.
    part.cr4Fixed1 &= cr4.rawValue
    let capabilities = VMXCapabilities(part: part, facts: facts)
    self.init(
      features: CPUFeatureSet(view),
      reservedPhysicalBits: (~0 << UInt64(profile.physicalAddressWidth)) & 0x000f_ffff_ffff_ffff,
      has1GPages: has(0x8000_0001, .edx, 26), hasAPIC: has(1, .edx, 9),
      hasX2APIC: has(1, .ecx, 21),
      hasTSCAdjust: has(7, .ebx, 1), hasVMX: hasVMX,
      mwaitExtensions: has(5, .ecx, 1) ? 1 : 0,
      miscEnable: (profile.modelSpecificRegisters[MSR.ia32MiscEnable] ?? 0)
        | MiscEnable.branchTraceUnavailable | MiscEnable.preciseSamplingUnavailable,
      cr4Bits: cr4.rawValue,
      eferBits: efer.rawValue,
      xcr0Bits: UInt64(view.facts(leaf: 0xd, subleaf: 0).eax) & XStateComponents.built.rawValue,
      xssBits: UInt64(view.facts(leaf: 0xd, subleaf: 1).ecx)
        & XStateComponents.builtSupervisor.rawValue,
      debugCtlBits: facts.debugCtlBits, performance: performance,
      // Lock, and VMX outside SMX operation.
      featureControlBits: hasVMX ? 0x5 : 0x1,
      preemptionTimerShift: capabilities.msrs.miscellaneous & 0x1f,
      crystalClock: ClockRatio(
        hz: profile.localAPICTimerFrequency, frequency: max(profile.frequency, 1)),
      signature: UInt64(view.result(leaf: 1, subleaf: 0).eax),
      eventDeliveryCycles: UInt64(max(1, timing.cycles(.exceptionDelivery))),
      capabilities: capabilities, vmcsFields: .allocate(for: capabilities), cpuid: view,
      timing: timing)
  }

  /// Which bit of CR4 comes with which feature flag.
  private static func cr4Features(
    _ has: (UInt32, CPUIDRegister, UInt32) -> Bool
  ) -> [(CR4, Bool)] {
    [
      (.vme, has(1, .edx, 1)), (.pvi, has(1, .edx, 1)), (.tsd, has(1, .edx, 4)),
      (.de, has(1, .edx, 2)), (.pse, has(1, .edx, 3)), (.pae, has(1, .edx, 6)),
      (.mce, has(1, .edx, 7)), (.pge, has(1, .edx, 13)), (.pce, true),
      (.osfxsr, has(1, .edx, 24)), (.osxmmexcpt, has(1, .edx, 25)), (.umip, has(7, .ecx, 2)),
      (.la57, has(7, .ecx, 16)), (.vmxe, has(1, .ecx, 5)), (.smxe, has(1, .ecx, 6)),
      (.fsgsbase, has(7, .ebx, 0)), (.pcide, has(1, .ecx, 17)), (.osxsave, has(1, .ecx, 26)),
      (.smep, has(7, .ebx, 7)), (.smap, has(7, .ebx, 20)), (.pke, has(7, .ecx, 3)),
      (.cet, has(7, .ecx, 7) || has(7, .edx, 20)), (.pks, has(7, .ecx, 31)),
    ]
  }
}

extension CPUProfile {
  /// The part's VMX capability MSRs.
  var vmxMSRs: VMXCapabilityMSRs {
    func value(_ msr: UInt32) -> UInt64 { vmxCapabilityMSRs[msr] ?? 0 }
    var msrs = VMXCapabilityMSRs()
    msrs.basic = value(MSR.ia32VMXBasic)
    msrs.pinBasedControls = value(MSR.ia32VMXPinbasedCtls)
    msrs.primaryProcessorBasedControls = value(MSR.ia32VMXProcbasedCtls)
    msrs.exitControls = value(MSR.ia32VMXExitCtls)
    msrs.entryControls = value(MSR.ia32VMXEntryCtls)
    msrs.miscellaneous = value(MSR.ia32VMXMisc)
    msrs.cr0Fixed0 = value(MSR.ia32VMXCR0Fixed0)
    msrs.cr0Fixed1 = value(MSR.ia32VMXCR0Fixed1)
    msrs.cr4Fixed0 = value(MSR.ia32VMXCR4Fixed0)
    msrs.cr4Fixed1 = value(MSR.ia32VMXCR4Fixed1)
    msrs.vmcsEnumeration = value(MSR.ia32VMXVMCSEnum)
    msrs.secondaryProcessorBasedControls = value(MSR.ia32VMXProcbasedCtls2)
    msrs.eptAndVPID = value(MSR.ia32VMXEPTVPIDCap)
    msrs.truePinBasedControls = value(MSR.ia32VMXTruePinbasedCtls)
    msrs.truePrimaryProcessorBasedControls = value(MSR.ia32VMXTrueProcbasedCtls)
    msrs.trueExitControls = value(MSR.ia32VMXTrueExitCtls)
    msrs.trueEntryControls = value(MSR.ia32VMXTrueEntryCtls)
    msrs.vmFunctions = value(MSR.ia32VMXVMFunc)
    msrs.tertiaryProcessorBasedControls = value(MSR.ia32VMXProcbasedCtls3)
    msrs.secondaryExitControls = value(MSR.ia32VMXExitCtls2)
    return msrs
  }
}
