// The registers of a local APIC, as both interfaces reach them.
//
// Source: Intel SDM, "Local APIC Register Address Map".
extension LocalAPIC {
  /// Reads a register; nil where there is none that can be read.
  func readRegister(_ register: UInt32) -> UInt32? {
    switch register {
    case APICRegister.identifier:
      return mode == .x2APIC ? initialIdentifier : UInt32(identifier) << 24
    case APICRegister.version: return features.version
    case APICRegister.taskPriority: return UInt32(taskPriority)
    case APICRegister.processorPriority: return UInt32(processorPriority)
    case APICRegister.logicalDestination: return logicalDestination
    case APICRegister.spuriousInterruptVector: return spurious
    case APICRegister.inService...APICRegister.inService + 0x70:
      return inService[word: Int(register >> 4)]
    case APICRegister.triggerMode...APICRegister.triggerMode + 0x70:
      return triggerMode[word: Int(register >> 4)]
    case APICRegister.interruptRequest...APICRegister.interruptRequest + 0x70:
      advance()
      return requests[word: Int(register >> 4)]
    case APICRegister.errorStatus: return errorStatus
    case APICRegister.interruptCommandLow: return UInt32(truncatingIfNeeded: interruptCommand)
    case APICRegister.initialCount: return timer.initialCount
    case APICRegister.currentCount: return currentCount
    case APICRegister.divideConfiguration: return timer.divideConfiguration
    default: return localVector(register).map { self[$0] }
    }
  }

  /// Writes a register that both interfaces can write; false where there is none.
  func writeRegister(_ register: UInt32, _ value: UInt32) -> Bool {
    switch register {
    case APICRegister.taskPriority: setTaskPriority(UInt8(truncatingIfNeeded: value))
    case APICRegister.endOfInterrupt: endInterrupt()
    case APICRegister.spuriousInterruptVector: setSpurious(value)
    case APICRegister.errorStatus: updateErrorStatus()
    case APICRegister.initialCount: setInitialCount(value)
    case APICRegister.divideConfiguration: setDivideConfiguration(value)
    default:
      guard let entry = localVector(register) else { return false }
      setLocalVector(entry, value)
    }
    return true
  }

  private func localVector(_ register: UInt32) -> LocalVector? {
    switch register {
    case APICRegister.lvtTimer: .timer
    case APICRegister.lvtThermal: .thermal
    case APICRegister.lvtPerformance: .performance
    case APICRegister.lvtLINT0: .lint0
    case APICRegister.lvtLINT1: .lint1
    case APICRegister.lvtError: .error
    // The highest LVT entry, where there are seven.
    case APICRegister.lvtCMCI: features.version >> 16 & 0xff >= 6 ? .cmci : nil
    default: nil
    }
  }
}

// The memory-mapped interface, of xAPIC mode.
//
// Registers are 4 bytes at multiples of 16. Accesses of another size or alignment are undefined in
// the manual: reads give the bytes that lie in a register, writes that are not of a whole register are
// dropped.
extension LocalAPIC: MemoryMappedDevice {
  /// The page of registers; nil while they are not mapped to memory.
  var page: UInt64? { mode == .xAPIC ? address : nil }

  func readMemory(offset: UInt64, size: Int) -> UInt64 {
    let register = UInt32(truncatingIfNeeded: offset) & 0xff0
    let byte = offset & 0xf
    guard byte < 4 else { return 0 }
    return UInt64(readMappedRegister(register)) >> (byte * 8) & .max >> UInt64(64 - size * 8)
  }

  func writeMemory(offset: UInt64, size: Int, value: UInt64) {
    guard offset & 0xf == 0, size >= 4 else { return }
    let register = UInt32(truncatingIfNeeded: offset) & 0xff0
    writeMappedRegister(register, UInt32(truncatingIfNeeded: value))
  }

  private func readMappedRegister(_ register: UInt32) -> UInt32 {
    switch register {
    case APICRegister.destinationFormat: return destinationFormat
    case APICRegister.interruptCommandHigh:
      return UInt32(truncatingIfNeeded: interruptCommand >> 32)
    // Of the first local APICs; and the write-only register.
    case APICRegister.arbitrationPriority, APICRegister.remoteRead, APICRegister.endOfInterrupt:
      return 0
    default: break
    }
    if let value = readRegister(register) { return value }
    reportError(ErrorStatus.illegalRegisterAddress)
    return 0
  }

  private func writeMappedRegister(_ register: UInt32, _ value: UInt32) {
    switch register {
    case APICRegister.identifier: identifier = UInt8(truncatingIfNeeded: value >> 24)
    case APICRegister.logicalDestination: logicalDestination = value & 0xff00_0000
    case APICRegister.destinationFormat: destinationFormat = value | 0x0fff_ffff
    case APICRegister.interruptCommandLow:
      let high = interruptCommand & 0xffff_ffff_0000_0000
      send(high | UInt64(value & ~InterruptCommand.reserved))
    case APICRegister.interruptCommandHigh:
      interruptCommand = UInt64(value & 0xff00_0000) << 32 | interruptCommand & 0xffff_ffff
    // Read-only.
    case APICRegister.version, APICRegister.arbitrationPriority, APICRegister.processorPriority,
      APICRegister.remoteRead, APICRegister.currentCount,
      APICRegister.inService...APICRegister.interruptRequest + 0x70:
      break
    default:
      if !writeRegister(register, value) { reportError(ErrorStatus.illegalRegisterAddress) }
    }
  }
}
