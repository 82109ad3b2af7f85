// The virtual APIC: registers on the virtual-APIC page, priorities, and virtual interrupts.
//
// Source: Intel SDM, "Virtual APIC State" and "Evaluation and Delivery of Virtual Interrupts".

/// What APIC virtualization keeps while a guest runs.
struct APICVirtualizationState {
  /// The APIC-access page; `Processor.noPage` without "virtualize APIC accesses".
  var accessPage = Processor.noPage
  /// A pending virtual interrupt is recognized.
  var hasInterrupt = false
  /// A write to the APIC-access page that was virtualized; its emulation comes after the operation.
  var write = VirtualizedAPICWrite()
  /// A trap-like VM exit that comes after the instruction or VM entry that led to it.
  var trapExit: BasicExitReason?
  var trapExitQualification: UInt64 = 0
}

/// A write to the APIC-access page that went to the virtual-APIC page instead.
struct VirtualizedAPICWrite {
  /// There is such a write and its emulation is due.
  var isDue = false
  var offset: UInt32 = 0
  var byteCount: UInt64 = 0
}

extension Processor {
  // MARK: Registers

  /// Whether MOV CR8 accesses the virtual TPR.
  var usesTPRShadow: Bool { vmx.isNonRoot && vmx.primary.contains(.useTPRShadow) }

  /// Whether virtual interrupts are evaluated and delivered.
  var deliversVirtualInterrupts: Bool { vmx.secondary.contains(.virtualInterruptDelivery) }

  mutating func virtualRegister(_ register: UInt32) -> UInt32 {
    UInt32(
      truncatingIfNeeded: load(vmx.vmcs.virtualAPICAddress &+ UInt64(register), byteCount: 4))
  }

  mutating func setVirtualRegister(_ register: UInt32, _ value: UInt32) {
    store(vmx.vmcs.virtualAPICAddress &+ UInt64(register), UInt64(value), byteCount: 4)
  }

  /// RVI: the virtual interrupt of highest priority that is requested.
  private var requestedVector: UInt8 {
    get { UInt8(truncatingIfNeeded: vmx.vmcs.guestInterruptStatus) }
    set {
      vmx.vmcs.guestInterruptStatus = vmx.vmcs.guestInterruptStatus & 0xff00 | UInt16(newValue)
    }
  }

  /// SVI: the virtual interrupt of highest priority that is in service.
  private var servicedVector: UInt8 {
    get { UInt8(truncatingIfNeeded: vmx.vmcs.guestInterruptStatus >> 8) }
    set {
      vmx.vmcs.guestInterruptStatus =
        vmx.vmcs.guestInterruptStatus & 0xff | UInt16(newValue) << 8
    }
  }

  /// Sets or clears a vector's bit in VISR or VIRR.
  private mutating func setVirtualVector(_ first: UInt32, _ vector: UInt8, _ isSet: Bool) {
    let register = first | UInt32(vector & 0xe0) >> 1
    let bit = (1 as UInt32) << UInt32(vector & 0x1f)
    let old = virtualRegister(register)
    setVirtualRegister(register, isSet ? old | bit : old & ~bit)
  }

  /// The highest vector in VISR or VIRR; 0 if there is none.
  private mutating func highestVirtualVector(_ first: UInt32) -> UInt8 {
    var index: UInt32 = 8
    while index > 0 {
      index &-= 1
      let word = virtualRegister(first &+ index << 4)
      if word != 0 {
        return UInt8(truncatingIfNeeded: Int(index) &* 32 &+ 31 &- word.leadingZeroBitCount)
      }
    }
    return 0
  }

  // MARK: Virtualization of registers

  /// After a write of VTPR.
  ///
  /// Source: Intel SDM, "TPR Virtualization".
  mutating func virtualizeTPR() {
    guard !deliversVirtualInterrupts else {
      virtualizePPR()
      return evaluateVirtualInterrupts()
    }
    if isTPRBelowThreshold { recordTrapExit(.tprBelowThreshold) }
  }

  private var isTPRBelowThreshold: Bool {
    mutating get {
      virtualRegister(APICRegister.taskPriority) >> 4 & 0xf < vmx.vmcs.tprThreshold & 0xf
    }
  }

  /// Source: Intel SDM, "PPR Virtualization".
  private mutating func virtualizePPR() {
    let vtpr = UInt8(truncatingIfNeeded: virtualRegister(APICRegister.taskPriority))
    let priority = vtpr >> 4 >= servicedVector >> 4 ? vtpr : servicedVector & 0xf0
    setVirtualRegister(APICRegister.processorPriority, UInt32(priority))
  }

  /// Source: Intel SDM, "EOI Virtualization".
  mutating func virtualizeEOI() {
    let vector = servicedVector
    setVirtualVector(APICRegister.inService, vector, false)
    servicedVector = highestVirtualVector(APICRegister.inService)
    virtualizePPR()
    let bitmap =
      switch vector >> 6 {
      case 0: vmx.vmcs.eoiExitBitmap0
      case 1: vmx.vmcs.eoiExitBitmap1
      case 2: vmx.vmcs.eoiExitBitmap2
      default: vmx.vmcs.eoiExitBitmap3
      }
    if bitmap >> UInt64(vector & 63) & 1 != 0 {
      recordTrapExit(.virtualizedEOI, qualification: UInt64(vector))
    } else {
      evaluateVirtualInterrupts()
    }
  }

  /// Source: Intel SDM, "Self-IPI Virtualization".
  mutating func virtualizeSelfIPI(_ vector: UInt8) {
    setVirtualVector(APICRegister.interruptRequest, vector, true)
    requestedVector = max(requestedVector, vector)
    evaluateVirtualInterrupts()
  }

  /// Takes over posted interrupts: 32 vectors at a time, and RVI at the end.
  mutating func requestVirtualInterrupts(word index: UInt32, _ vectors: UInt32) {
    guard vectors != 0 else { return }
    let register = APICRegister.interruptRequest &+ index << 4
    setVirtualRegister(register, virtualRegister(register) | vectors)
    let highest = Int(index) &* 32 &+ 31 &- vectors.leadingZeroBitCount
    requestedVector = max(requestedVector, UInt8(truncatingIfNeeded: highest))
  }

  // MARK: Virtual interrupts

  /// Recognizes a pending virtual interrupt, or ceases to.
  ///
  /// Source: Intel SDM, "Evaluation of Pending Virtual Interrupts".
  mutating func evaluateVirtualInterrupts() {
    let priority = virtualRegister(APICRegister.processorPriority) >> 4 & 0xf
    vmx.apic.hasInterrupt =
      !vmx.primary.contains(.interruptWindowExiting) && UInt32(requestedVector >> 4) > priority
    // Whether the guest lets it through is looked at before its next instruction.
    if vmx.apic.hasInterrupt { attention.insert(.interruptWindow) }
  }

  /// Delivers the recognized virtual interrupt, if there is one: the vector, for the IDT.
  ///
  /// Source: Intel SDM, "Virtual-Interrupt Delivery".
  mutating func takeVirtualInterrupt() -> UInt8? {
    guard vmx.apic.hasInterrupt else { return nil }
    let vector = requestedVector
    setVirtualVector(APICRegister.inService, vector, true)
    servicedVector = vector
    setVirtualRegister(APICRegister.processorPriority, UInt32(vector & 0xf0))
    setVirtualVector(APICRegister.interruptRequest, vector, false)
    requestedVector = highestVirtualVector(APICRegister.interruptRequest)
    vmx.apic.hasInterrupt = false
    return vector
  }

  // MARK: VM entry and VM exit

  /// What a VM entry does once the guest's state is loaded and before an event is injected.
  ///
  /// Source: Intel SDM, "Updating Non-Register State" and "VM Exits Induced by the TPR Threshold".
  mutating func enterAPICVirtualization() {
    vmx.apic = APICVirtualizationState()
    attention.remove(.apicVirtualization)
    let accesses = vmx.secondary.contains(.virtualizeAPICAccesses)
    if accesses { vmx.apic.accessPage = vmx.vmcs.apicAccessAddress }
    if deliversVirtualInterrupts {
      virtualizePPR()
      evaluateVirtualInterrupts()
    } else if accesses, vmx.primary.contains(.useTPRShadow), activity != .waitForSIPI,
      isTPRBelowThreshold
    {
      recordTrapExit(.tprBelowThreshold)
    }
  }

  /// What a VM exit ends: what is recognized or due in the guest.
  mutating func leaveAPICVirtualization() {
    vmx.apic = APICVirtualizationState()
    attention.remove(.apicVirtualization)
  }

  /// Records a VM exit that comes after the current operation has completed.
  mutating func recordTrapExit(_ reason: BasicExitReason, qualification: UInt64 = 0) {
    vmx.apic.trapExit = reason
    vmx.apic.trapExitQualification = qualification
    attention.insert(.apicVirtualization)
  }

  /// At an instruction boundary, before any event: emulates the write to the APIC-access page that the
  /// operation made, or records the VM exit that is due. True if there is something new to look at.
  ///
  /// Source: Intel SDM, "APIC-Write Emulation".
  mutating func finishAPICVirtualization() -> Bool {
    if vmx.apic.write.isDue {
      vmx.apic.write.isDue = false
      emulateAPICWrite(vmx.apic.write.offset)
      return true
    }
    // In the shutdown state the exit waits until an event ends that state.
    guard let reason = vmx.apic.trapExit, activity != .shutdown else {
      if vmx.apic.trapExit == nil { attention.remove(.apicVirtualization) }
      return false
    }
    recordEventExit(reason, qualification: vmx.apic.trapExitQualification)
    return true
  }
}
