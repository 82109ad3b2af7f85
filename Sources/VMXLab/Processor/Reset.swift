// The state after power-on, RESET and INIT.
//
// Source: Intel SDM, "Processor State After Reset".
extension Processor {
  /// Power-on or hardware reset: everything.
  mutating func reset() {
    setInitialRegisters()
    cr0 = CR0(rawValue: 0x6000_0010)
    cycles = 0
    instructions = 0
    msrs = ModelSpecificRegisters()
    msrs.miscEnable = model.miscEnable
    performance = PerformanceMonitor()
    performance.globalControl = model.performance.initialGlobalControl
    resetAPICBase()
    vector = VectorState()
    protectionKeys = ProtectionKeyRights()
    x87 = .afterReset
    hasNumericError = false
    vmx.reset()
    activity = .active
    finishReset()
    updatePerformanceMonitoring()
  }

  /// The INIT signal: like a reset, but for the cache-control bits, the MSRs and the time-stamp
  /// counter.
  ///
  /// - Parameter waitsForStartUp: an application processor waits for a start-up IPI.
  mutating func initialize(waitsForStartUp: Bool = false) {
    let caching = cr0.intersection([.cd, .nw])
    platform.initializeAPIC(cycles: cycles)
    setInitialRegisters()
    cr0 = CR0.et.union(caching)
    activity = waitsForStartUp ? .waitForSIPI : .active
    finishReset()
  }

  /// The start-up IPI: leaves the wait-for-SIPI state at page `vector` of the first megabyte.
  mutating func startUp(vector: UInt8) {
    guard activity == .waitForSIPI, !interceptStartUp(vector: vector) else { return }
    segments[1].selector = UInt16(vector) << 8
    segments[1].base = UInt64(vector) << 12
    rip = 0
    activity = .active
    updateMode()
    updateAttention()
  }

  private mutating func setInitialRegisters() {
    general = InlineArray(repeating: 0)
    general[2] = UInt64(model.signature)
    rip = 0xfff0
    lazy.load(0)
    systemFlags = RFLAGS.fixed.rawValue
    segments = InlineArray(repeating: Segment())
    segments[1] = Segment(
      selector: 0xf000, base: 0xffff_0000, limit: 0xffff,
      access: SegmentAccessRights(rawValue: 0x9b))
    segments[6] = Segment(access: SegmentAccessRights(rawValue: 0x82))
    segments[7] = Segment(access: SegmentAccessRights(rawValue: 0x8b))
    gdtr = DescriptorTableRegister()
    idtr = DescriptorTableRegister()
    cpl = 0
    cr2 = 0
    cr3 = 0
    cr4 = []
    efer = []
    debug = DebugRegisters()
    cet = ControlFlowState()
    pdptes = InlineArray(repeating: 0)
    bounds = BoundsState()
  }

  private mutating func finishReset() {
    attention = []
    pending = PendingEvent()
    interruptibility = Interruptibility()
    endMonitoring()
    delivery = EventDelivery()
    step = StepState()
    isBetweenIterations = false
    spaces.removeAll()
    startNewAddressSpace()
    updateMode()
    updateAttention()
  }
}
