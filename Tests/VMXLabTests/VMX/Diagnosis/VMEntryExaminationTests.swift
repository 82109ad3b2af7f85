import Testing

@testable import VMXLab

extension EntryFixture {
  /// The state as a dump that lacks nothing.
  var dump: VMCSDump {
    var dump = VMCSDump(source: "test", offer: .vmxlab)
    dump.setAll(vmcs)
    dump["entryMSRLoadCount"] = 0
    dump.processor.isInIA32eMode = processor.isInIA32eMode
    dump.processor.isInSMM = processor.isInSMM
    dump.processor.isTracing = processor.isTracing
    dump.processor.currentVMCS = processor.currentVMCS
    let notes = MemoryNotes()
    let reader = NotingMemoryReader(base: memory, notes: notes)
    withContext(capabilities) { context in
      _ = VMEntryContext(
        vmcs: context.vmcs, capabilities: context.capabilities, processor: processor,
        memory: reader
      ).brokenRules()
    }
    dump.memory = notes.memory
    return dump
  }
}

@Suite("The examination of a dump")
struct VMEntryExaminationTests {
  @Test("a dump that lacks nothing breaks what the machine's checks say, for each rule")
  func completeDumps() {
    for ruleCase in RuleCase.all {
      var fixture = EntryFixture()
      ruleCase.prepare(&fixture)
      ruleCase.spoil(&fixture)
      // The count is 0 in the dump, and belongs to these rules.
      if ruleCase.rule.rawValue.hasPrefix("entryMSRLoad") { continue }
      let examination = VMEntryExamination(of: fixture.dump, on: fixture.capabilities)
      let expected = fixture.withContext(fixture.capabilities) { $0.brokenRules() }
      #expect(Set(examination.broken.map(\.rule)) == Set(expected.map(\.rule)), "\(ruleCase.rule)")
      for rule in examination.broken { #expect(expected.contains(rule), "\(rule)") }
      #expect(examination.undecided.isEmpty, "\(ruleCase.rule): \(examination.undecided)")
      #expect(examination.outcome == fixture.firstFailure, "\(ruleCase.rule)")
    }
  }

  @Test("whatever a dump lacks, no rule is decided wrongly")
  func incompleteDumps() {
    var generator = SplitMix(state: 0x6475_6d70)
    var decided = 0
    var broken = 0
    for (round, ruleCase) in (RuleCase.all + RuleCase.all).enumerated() {
      var fixture = EntryFixture()
      ruleCase.prepare(&fixture)
      ruleCase.spoil(&fixture)
      let complete = fixture.dump
      // The count is 0 in the dump, and belongs to these rules.
      let truth = Set(fixture.brokenRules).filter { !$0.rawValue.hasPrefix("entryMSRLoad") }
      var dump = complete
      let share = [2, 4, 16, 64][round % 4]
      for field in VMCSField.all where generator.next() % UInt64(share) == 0 { dump[field] = nil }
      if generator.next() & 1 == 0 { dump.memory = DumpedMemory() }
      if generator.next() & 1 == 0 { dump.processor = DumpedProcessorState() }
      let examination = VMEntryExamination(
        of: dump, on: fixture.capabilities, rounds: 64)
      let found = Set(examination.broken.map(\.rule))
      let open = Set(examination.undecided.map(\.rule))
      #expect(found.isSubset(of: truth), "said to be broken, \(ruleCase.rule)")
      #expect(truth.isSubset(of: found.union(open)), "said to be kept, \(ruleCase.rule)")
      for rule in examination.undecided { #expect(!rule.missing.isEmpty, "\(rule.rule)") }
      decided += examination.decidedCount
      broken += found.count
    }
    // Guards against an examination that decides nothing.
    #expect(decided > RuleCase.all.count * 2 * 100)
    #expect(broken > RuleCase.all.count / 2)
  }

  @Test("a missing field that its control turns off leaves its rules decided")
  func irrelevantFields() {
    var dump = EntryFixture().dump
    for key in ["ioBitmapAAddress", "apicAccessAddress", "pmlAddress", "guestPAT", "hostSSP"] {
      dump[key] = nil
    }
    let examination = VMEntryExamination(of: dump, on: EntryFixture().capabilities)
    #expect(examination.undecided.isEmpty)
  }

  @Test("a missing field that matters is named")
  func missingFields() throws {
    var fixture = EntryFixture()
    fixture.set(.useIOBitmaps)
    var dump = fixture.dump
    dump["ioBitmapAAddress"] = nil
    let examination = VMEntryExamination(of: dump, on: fixture.capabilities)
    #expect(examination.undecided.map(\.rule) == [.ioBitmapAAligned, .ioBitmapAWidth])
    #expect(examination.undecided.first?.missing == ["Address of I/O bitmap A"])
    #expect(examination.outcome == .entered)
  }

  @Test("an empty dump decides no rule as broken, and names what is missing of each")
  func emptyDump() {
    let examination = VMEntryExamination(
      of: VMCSDump(source: "test"), on: EntryFixture().capabilities)
    #expect(examination.broken.isEmpty)
    // Rules that no value of a field can break are kept.
    #expect(examination.undecided.count > 300)
  }

  @Test("entries of the MSR-load area are judged one by one")
  func msrLoadArea() {
    let fixture = EntryFixture()
    var dump = fixture.dump
    dump.offer = .part
    dump["entryMSRLoadCount"] = 3
    dump.entryMSRLoadArea = [
      MSRListEntry(index: MSR.ia32PAT, value: 6), MSRListEntry(index: 0x802, value: 0),
      MSRListEntry(index: 0xc000_0100, reserved: 1, value: 0),
    ]
    let examination = VMEntryExamination(of: dump, on: fixture.capabilities)
    #expect(
      examination.broken.map(\.rule) == [.msrLoadX2APIC, .msrLoadReserved, .msrLoadSegmentBase])
    #expect(examination.undecided.map(\.rule) == [.msrLoadRejected])
    #expect(examination.outcome == .msrLoadFailed(entry: MSRLoadIndex(afterLoading: 1)))
    dump["entryMSRLoadCount"] = nil
    dump.entryMSRLoadArea = nil
    let unknown = VMEntryExamination(of: dump, on: fixture.capabilities)
    #expect(Set(unknown.undecided.map(\.rule.entry.section)) == [.msrLoading, .entryControls])
  }

  @Test("what a rule reads beside fields is declared: memory and the processor's state")
  func inputsAreDeclared() {
    for ruleCase in RuleCase.all {
      for isSpoilt in [false, true] {
        var fixture = EntryFixture()
        ruleCase.prepare(&fixture)
        if isSpoilt { ruleCase.spoil(&fixture) }
        let before = Set(fixture.brokenRules)
        for word in [0, 0x7fff_ffff, UInt64.max] {
          var changed = fixture
          changed.memory.words = changed.memory.words.mapValues { _ in word }
          let difference = Set(changed.brokenRules).symmetricDifference(before)
          for rule in difference {
            let readsMemory = rule.inputs.contains { $0.isMemory }
            #expect(readsMemory, "\(rule) reads memory")
          }
        }
        let states: [(VMEntryRuleInput, (inout EntryFixture) -> Void)] = [
          (.ia32eMode, { $0.processor.isInIA32eMode.toggle() }),
          (.systemManagementMode, { $0.processor.isInSMM.toggle() }),
          (.tracing, { $0.processor.isTracing.toggle() }),
          (.currentVMCSPointer, { $0.processor.currentVMCS = $0.vmcs.vmcsLinkPointer }),
        ]
        for (input, change) in states {
          var changed = fixture
          change(&changed)
          for rule in Set(changed.brokenRules).symmetricDifference(before) {
            #expect(rule.inputs.contains(input), "\(rule) reads \(input.name)")
          }
        }
      }
    }
  }
}

@Suite("The capabilities of real parts")
struct PartCapabilityTests {
  @Test("a rule that is broken on any processor is broken on every profile's part")
  func anyProcessorIsTheMostGenerous() throws {
    let parts = try CPUProfile.names.map { name in
      try #require(CPUProfile.named(name).partVMXCapabilities, "\(name)")
    }
    for ruleCase in RuleCase.all {
      var fixture = EntryFixture()
      ruleCase.prepare(&fixture)
      ruleCase.spoil(&fixture)
      // Revisions and what memory holds are not capabilities that one part has more of.
      let anywhere = Set(
        fixture.withContext(.ofAnyProcessor) { $0.brokenRules() }.map(\.rule)
      ).filter { !$0.inputs.contains(where: \.isMemory) }
      for (name, part) in zip(CPUProfile.names, parts) {
        let here = Set(fixture.withContext(part) { $0.brokenRules() }.map(\.rule))
        #expect(anywhere.isSubset(of: here), "\(ruleCase.rule) on \(name)")
      }
    }
  }

  @Test("a part has what its profile says, built or not")
  func partsAreWhole() throws {
    let part = try #require(CPUProfile.named("skylake-server").partVMXCapabilities)
    #expect(part.offeredControls.primary.contains(.useTPRShadow))
    #expect(part.offeredControls.secondary.contains([.vmcsShadowing, .enablePML, .useTSCScaling]))
    #expect(part.msrs.cr4Fixed1 == 0x77_67ff)
    #expect(part.facts.perfGlobalCtrlBits & 0xf == 0xf)
  }
}
