// The MSR interface of a local APIC: x2APIC mode, and IA32_TSC_DEADLINE.
//
// Source: Intel SDM, "x2APIC Register Address Space" and "Reserved Bit Checking in x2APIC Mode".
extension LocalAPIC {
  /// Reads MSR 800H to 8FFH or IA32_TSC_DEADLINE; nil where RDMSR raises #GP(0).
  func readModelSpecific(_ index: UInt32) -> UInt64? {
    if index == MSR.ia32TSCDeadline { return features.hasTSCDeadline ? deadline : nil }
    guard mode == .x2APIC else { return nil }
    let register = (index & 0xff) << 4
    if register == APICRegister.interruptCommandLow { return interruptCommand }
    return readRegister(register).map(UInt64.init)
  }

  /// Writes MSR 800H to 8FFH or IA32_TSC_DEADLINE; false, with nothing changed, where WRMSR raises
  /// #GP(0).
  func writeModelSpecific(_ index: UInt32, _ value: UInt64) -> Bool {
    if index == MSR.ia32TSCDeadline {
      guard features.hasTSCDeadline else { return false }
      setDeadline(value)
      return true
    }
    guard mode == .x2APIC else { return false }
    let register = (index & 0xff) << 4
    guard let reserved = reservedBits(register), value & reserved == 0 else { return false }
    switch register {
    case APICRegister.interruptCommandLow: send(value)
    case APICRegister.selfIPI:
      let own = InterruptCommand.Shorthand.oneself.rawValue << 18
      send(UInt64(own) | value, isRegister: false)
    default: return writeRegister(register, UInt32(truncatingIfNeeded: value))
    }
    return true
  }

  /// The bits that must be 0 in a write of a register; nil if it cannot be written.
  private func reservedBits(_ register: UInt32) -> UInt64? {
    switch register {
    case APICRegister.taskPriority, APICRegister.selfIPI: ~0xff
    case APICRegister.endOfInterrupt, APICRegister.errorStatus: ~0
    case APICRegister.spuriousInterruptVector: ~UInt64(spuriousBits)
    case APICRegister.interruptCommandLow:
      UInt64(InterruptCommand.reserved | InterruptCommand.deliveryStatus)
    case APICRegister.initialCount: ~0xffff_ffff
    case APICRegister.divideConfiguration: ~0xb
    case APICRegister.lvtTimer: reservedBits(of: .timer)
    case APICRegister.lvtThermal: reservedBits(of: .thermal)
    case APICRegister.lvtPerformance: reservedBits(of: .performance)
    case APICRegister.lvtLINT0: reservedBits(of: .lint0)
    case APICRegister.lvtLINT1: reservedBits(of: .lint1)
    case APICRegister.lvtError: reservedBits(of: .error)
    case APICRegister.lvtCMCI: reservedBits(of: .cmci)
    default: nil
    }
  }

  /// Read-only bits of an LVT entry are ignored, not reserved.
  private func reservedBits(of entry: LocalVector) -> UInt64 {
    let isPin = entry == .lint0 || entry == .lint1
    return ~UInt64(writableBits(entry) | LVT.deliveryStatus | (isPin ? LVT.remoteIRR : 0))
  }
}
