// The rules of the VM-entry MSR-load area, applied to a dump.
//
// Source: Intel SDM, "Loading MSRs" under "VM Entries".

/// What the rules of MSR loading say of a dump.
struct MSRLoadAreaExamination {
  var broken: [BrokenRule] = []
  var undecided: [UndecidedRule] = []
  /// How many entries come before the first that is refused.
  var firstRefused: UInt32?
}

extension VMCSDump {
  /// The entries that a VM entry would load; nil if they are not all known.
  var knownMSRLoadArea: [MSRListEntry]? {
    guard let count = self["entryMSRLoadCount"] else { return nil }
    if count == 0 { return [] }
    guard let area = entryMSRLoadArea, UInt64(area.count) >= count else { return nil }
    return Array(area.prefix(Int(truncatingIfNeeded: count)))
  }

  /// Applies the rules of MSR loading to each entry.
  func examineMSRLoadArea(on capabilities: VMXCapabilities) -> MSRLoadAreaExamination {
    var result = MSRLoadAreaExamination()
    let rules = VMEntryRule.allCases.filter { $0.entry.section == .msrLoading }
    // What is read at a wrong address is not the hypervisor's list.
    if self["entryMSRLoadAddress"].map({ $0 & (capabilities.structureAddressReserved | 0xf) }) ?? 0
      != 0
    {
      return result
    }
    let isKnown = knownMSRLoadArea != nil
    // Entries that are known are checked even where others, or their number, are not.
    let entries = knownMSRLoadArea ?? entryMSRLoadArea ?? []
    var undecidedRules = Set(isKnown ? [] : rules)
    let refused = refusedEntries(entries)
    for (position, entry) in entries.prefix(Int(capabilities.msrListMaximum)).enumerated() {
      let broken = brokenMSRLoadRules(entry, on: capabilities)
      for rule in rules
      where broken.contains(rule)
        || rule == .msrLoadRejected && broken.isEmpty && refused.contains(position)
      {
        if rule.inputs.contains(where: { !$0.isMemory && lacks($0) }) {
          undecidedRules.insert(rule)
          continue
        }
        undecidedRules.remove(rule)
        result.broken.append(BrokenRule(rule: rule, faults: 0, msr: entry))
        result.firstRefused = result.firstRefused ?? UInt32(truncatingIfNeeded: position)
      }
    }
    if let count = self["entryMSRLoadCount"] {
      undecidedRules.remove(.msrLoadCount)
      if count > UInt64(capabilities.msrListMaximum), result.broken.isEmpty, undecidedRules.isEmpty
      {
        result.broken.append(BrokenRule(rule: .msrLoadCount, faults: 0))
        result.firstRefused = UInt32(capabilities.msrListMaximum)
      }
    }
    if !entries.isEmpty, lacks(.acceptedMSRValues) { undecidedRules.insert(.msrLoadRejected) }
    if let refused = entry.refusedMSR, result.broken.isEmpty {
      // The processor has said which entry it was; where no other rule says why, WRMSR was refused.
      let rule = brokenMSRLoadRules(refused, on: capabilities).first ?? .msrLoadRejected
      undecidedRules.remove(rule)
      result.broken = [BrokenRule(rule: rule, faults: 0, msr: refused)]
      let number = entry.exitQualification.map { UInt32(clamping: $0) } ?? 1
      result.firstRefused = max(number, 1) - 1
    }
    result.undecided = rules.filter(undecidedRules.contains).map { rule in
      UndecidedRule(
        rule: rule, missingFields: self["entryMSRLoadCount"] == nil ? ["entryMSRLoadCount"] : [],
        missingInputs: rule.inputs.filter(lacks))
    }
    return result
  }

  /// The rules that `entry` breaks before WRMSR is tried, with SMM taken for absent where it is unknown.
  private func brokenMSRLoadRules(
    _ entry: MSRListEntry, on capabilities: VMXCapabilities
  ) -> [VMEntryRule] {
    var reporter = RecordingReporter()
    let state = VMEntryProcessorState(isInSMM: processor.isInSMM ?? false)
    withUnsafePointer(to: vmcs) { vmcs in
      withUnsafePointer(to: capabilities) { capabilities in
        let context = VMEntryContext(
          vmcs: vmcs, capabilities: capabilities, processor: state,
          memory: SampledMemory(known: memory, revision: 0, round: 0))
        _ = context.checkMSRLoad(&reporter, index: entry.index, reserved: entry.reserved)
      }
    }
    return reporter.broken.map(\.rule)
  }

  /// The positions of entries whose values WRMSR refuses, found by trying them on a processor that has
  /// loaded the guest's CR0 and IA32_EFER; none if the dump is not of VMXLab's own processor.
  private func refusedEntries(_ entries: [MSRListEntry]) -> Set<Int> {
    guard offer == .vmxlab, !entries.isEmpty, let name = profileName,
      let profile = try? CPUProfile.named(name),
      let machine = try? Machine(
        MachineConfiguration(
          memoryByteCount: MachineConfiguration.minimumMemory, profile: profile))
    else { return [] }
    let state = machine.processor.pointer
    let entry = VMEntryControls(rawValue: vmcs.vmEntryControls)
    state.pointee.cr0 = CR0(rawValue: vmcs.guestCR0)
    if entry.contains(.loadEFER) {
      state.pointee.efer = EFER(rawValue: vmcs.guestEFER)
    } else if entry.contains(.ia32eModeGuest) {
      state.pointee.efer.formUnion([.lme, .lma])
    }
    var refused: Set<Int> = []
    for (position, entry) in entries.enumerated()
    where !state.pointee.writeMSR(entry.index, entry.value) {
      refused.insert(position)
    }
    withExtendedLifetime(machine) {}
    return refused
  }
}
