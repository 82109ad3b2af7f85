extension Processor {
  /// The current VMCS with everything that the checks of a VM entry read. There must be one.
  ///
  /// Memory is noted as the checks read it, so that a dump has what every rule needs.
  mutating func dumpCurrentVMCS() -> VMCSDump {
    var dump = VMCSDump(source: "VMXLab", offer: .vmxlab)
    dump.setAll(vmx.vmcs)
    let state = entryProcessorState
    dump.processor.isInIA32eMode = state.isInIA32eMode
    dump.processor.isInSMM = state.isInSMM
    dump.processor.isTracing = state.isTracing
    dump.processor.currentVMCS = state.currentVMCS
    dump.processor.isLaunched = vmx.isLaunched
    let notes = MemoryNotes()
    let reader = NotingMemoryReader(base: ProcessorMemoryReader(ram: ram), notes: notes)
    let capabilities = modelReference.capabilities
    withUnsafePointer(to: &vmx.vmcs) { vmcs in
      // What is read counts, not what comes of it.
      _ = VMEntryContext(
        vmcs: vmcs, capabilities: capabilities, processor: state, memory: reader
      ).brokenRules()
    }
    dump.memory = notes.memory
    let count = min(vmx.vmcs.entryMSRLoadCount, capabilities.pointee.msrListMaximum)
    dump.entryMSRLoadArea = (0..<UInt64(count)).map {
      msrListEntry(vmx.vmcs.entryMSRLoadAddress, $0)
    }
    return dump
  }
}

/// What checks have read of memory.
final class MemoryNotes {
  var memory = DumpedMemory()
}

/// Memory whose readings are noted.
struct NotingMemoryReader<Base: PhysicalMemoryReader>: PhysicalMemoryReader {
  let base: Base
  let notes: MemoryNotes

  func readPhysical32(_ address: UInt64) -> UInt32 {
    let value = base.readPhysical32(address)
    notes.memory.set(UInt64(value), byteCount: 4, at: address)
    return value
  }

  func readPhysical64(_ address: UInt64) -> UInt64 {
    let value = base.readPhysical64(address)
    notes.memory.set(value, byteCount: 8, at: address)
    return value
  }
}

extension Machine {
  /// The current VMCS with everything that the checks of a VM entry read; nil if there is none.
  ///
  /// Not to be called while the machine runs: an observer gets the dumps of failed VM entries through
  /// ``VMXObserver/observe(failedEntry:cycles:)``.
  public func dumpCurrentVMCS() -> VMCSDump? {
    guard currentVMCSPointer != nil else { return nil }
    var dump = processor.pointer.pointee.dumpCurrentVMCS()
    dump.profileName = configuration.profile.name
    return dump
  }
}
