import Testing

@testable import VMXLab

@Suite("The rules of a VM entry")
struct VMEntryRuleTests {
  @Test("a valid state breaks no rule")
  func validState() {
    let fixture = EntryFixture()
    #expect(fixture.brokenRules.isEmpty)
    #expect(fixture.firstFailure == nil)
  }

  @Test("each rule can be broken on its own, and both readers see it")
  func everyRuleBreaks() {
    for ruleCase in RuleCase.all {
      var fixture = EntryFixture()
      ruleCase.prepare(&fixture)
      #expect(fixture.brokenRules.isEmpty, "before \(ruleCase.rule) is broken")
      ruleCase.spoil(&fixture)
      let broken = fixture.brokenRules
      #expect(
        Set(broken) == Set([ruleCase.rule] + ruleCase.also), "when \(ruleCase.rule) is broken")
      #expect(fixture.firstFailure == outcome(of: broken.first), "of \(ruleCase.rule)")
    }
  }

  @Test("the cases leave no rule out")
  func everyRuleHasACase() {
    let covered = Set(RuleCase.all.map(\.rule))
    let missing = VMEntryRule.allCases.filter {
      $0.entry.section != .msrLoading && !covered.contains($0)
    }
    #expect(missing.isEmpty)
  }

  @Test("the silent and the recording reader agree on 100,000 random states")
  func readersAgree() {
    var generator = SplitMix(state: 0x564d_584c_6162)
    let states = RuleCase.all.map { ruleCase in
      var fixture = EntryFixture()
      ruleCase.prepare(&fixture)
      return (fixture: fixture, capabilities: fixture.capabilities)
    }
    let fields = VMCSField.all.filter { $0.group != .unchecked }
    var disagreements = 0
    var failures = 0
    for round in 0..<100_000 {
      let state = states[round % states.count]
      var fixture = state.fixture
      for _ in 0...generator.next() % 3 {
        let field = fields[Int(generator.next() % UInt64(fields.count))]
        let value = fixture.vmcs[field]
        switch generator.next() % 4 {
        case 0: fixture.vmcs[field] = generator.next()
        case 1: fixture.vmcs[field] = 0
        default: fixture.vmcs[field] = value ^ 1 << (generator.next() % 64)
        }
      }
      let (first, silent) = fixture.withContext(state.capabilities) {
        ($0.brokenRules().first?.rule, $0.firstFailure())
      }
      if silent != outcome(of: first) { disagreements += 1 }
      if silent != nil { failures += 1 }
    }
    #expect(disagreements == 0)
    // Guards against a test whose states are all valid or all broken.
    #expect(failures > 20_000 && failures < 80_000)
  }

  @Test("a write to a field outside the groups of a section changes none of its rules")
  func sectionsDependOnTheirGroupsAlone() {
    var generator = SplitMix(state: 0x6772_6f75_7073)
    var surprises: Set<String> = []
    for ruleCase in RuleCase.all {
      var fixture = EntryFixture()
      ruleCase.prepare(&fixture)
      if generator.next() & 1 != 0 { ruleCase.spoil(&fixture) }
      let capabilities = fixture.capabilities
      let before = fixture.withContext(capabilities) { $0.brokenRules() }
      for field in VMCSField.all {
        var changed = fixture
        let mask: UInt64 = generator.next() & 1 == 0 ? .max : 1 << (generator.next() % 64)
        changed.vmcs[field] = fixture.vmcs[field] ^ mask
        let after = changed.withContext(capabilities) { $0.brokenRules() }
        if after == before { continue }
        let touched = Set(
          VMEntrySection.allCases.filter {
            $0.groupsRead.contains(VMCSFieldGroups(field.group))
          })
        let lost = before.filter { !touched.contains($0.rule.entry.section) }
        let kept = after.filter { !touched.contains($0.rule.entry.section) }
        if lost != kept { surprises.insert(field.key) }
      }
    }
    #expect(surprises.isEmpty)
  }

  /// What the guest sees of a broken rule, worked out from its catalogue entry.
  private func outcome(of rule: VMEntryRule?) -> VMEntryOutcome? {
    guard let rule else { return nil }
    switch rule.entry.section.stage {
    case .controls: return .failValid(.vmEntryWithInvalidControlFields)
    case .hostState: return .failValid(.vmEntryWithInvalidHostStateFields)
    case .guestState: return .invalidGuestState(rule.failureCode)
    case .msrLoading: return .entered
    }
  }

  @Test("the faulty bits of a control word are reported")
  func faultyBits() {
    var fixture = EntryFixture()
    fixture.vmcs.pinBasedControls = 0x100 | 0x14
    let broken = fixture.withContext(fixture.capabilities) { $0.brokenRules() }
    #expect(broken == [BrokenRule(rule: .pinControlsReserved, faults: 0x102)])
  }

  @Test("a 57-bit processor lets RIP bit 56 differ from bits 63:57")
  func ripOnA57BitProcessor() {
    var fixture = EntryFixture()
    fixture.facts.linearAddressWidth = 57
    fixture.vmcs.guestRIP = 1 << 56
    #expect(fixture.brokenRules.isEmpty)
    fixture.vmcs.guestRIP = 1 << 57
    #expect(fixture.brokenRules == [.guestRIPLinear])
  }

  @Test("secondary controls are not looked at unless they are activated")
  func inactiveSecondaryControls() {
    var fixture = EntryFixture()
    fixture.set(.activateSecondaryControls, false)
    fixture.vmcs.secondaryProcessorBasedControls = .max
    #expect(fixture.brokenRules.isEmpty)
  }

  @Test("with IA32_VMX_BASIC[56] an error code may be delivered or not")
  func freeErrorCode() {
    var fixture = EntryFixture()
    fixture.part.basic |= 1 << 56
    fixture.inject(.hardwareException, 21, hasErrorCode: true)
    #expect(fixture.brokenRules.isEmpty)
    fixture.inject(.hardwareException, 14)
    #expect(fixture.brokenRules.isEmpty)
  }

  @Test("with IA32_VMX_BASIC[48] structures must be below 4 GiB")
  func structuresBelow4GiB() {
    var fixture = EntryFixture()
    fixture.part.basic |= 1 << 48
    fixture.set(.useMSRBitmaps)
    fixture.vmcs.msrBitmapsAddress = 1 << 32
    #expect(fixture.brokenRules == [.msrBitmapsWidth])
  }
}

@Suite("The catalogue of rules")
struct VMEntryRuleCatalogueTests {
  @Test("there is one entry a rule, in the order of the rules")
  func oneEntryARule() {
    #expect(VMEntryRuleCatalogue.entries.map(\.rule) == VMEntryRule.allCases)
  }

  @Test("each entry has a sentence of its own and fields that exist")
  func entriesAreComplete() {
    let entries = VMEntryRuleCatalogue.entries
    #expect(Set(entries.map(\.sentence)).count == entries.count)
    for entry in entries {
      #expect(entry.sentence.hasSuffix("."), "\(entry.rule)")
      #expect(entry.fields.count == entry.fieldKeys.count, "\(entry.rule)")
      #expect(entry.section == .msrLoading || !entry.fieldKeys.isEmpty, "\(entry.rule)")
    }
  }

  @Test("a section says that it reads every group that its rules read")
  func sectionsKnowTheirGroups() {
    for entry in VMEntryRuleCatalogue.entries {
      for field in entry.fields {
        #expect(field.group != .unchecked, "\(entry.rule) \(field.key)")
        #expect(
          entry.section.groupsRead.contains(VMCSFieldGroups(field.group)),
          "\(entry.rule) \(field.key)")
      }
    }
  }

  @Test("every field of a group that is checked is read by some rule")
  func checkedFieldsHaveRules() {
    let read = Set(VMEntryRuleCatalogue.entries.flatMap(\.fieldKeys))
    let idle = VMCSField.all.filter { $0.group != .unchecked && !read.contains($0.key) }
    #expect(idle.map(\.key) == [])
  }

  @Test("a broken rule depends on no field but those that its entry names")
  func namedFieldsSuffice() {
    for ruleCase in RuleCase.all {
      var before = EntryFixture()
      ruleCase.prepare(&before)
      var after = before
      ruleCase.spoil(&after)
      let named = ruleCase.rule.entry.fields
      var mixed = after
      for field in VMCSField.all { mixed.vmcs[field] = before.vmcs[field] }
      for field in named { mixed.vmcs[field] = after.vmcs[field] }
      #expect(mixed.brokenRules.contains(ruleCase.rule), "\(ruleCase.rule)")
    }
  }

  @Test("the failure codes are those of the manual")
  func failureCodes() {
    #expect(VMEntryFailureCode.allCases.map(\.rawValue) == [0, 2, 3, 4])
    let coded = Dictionary(grouping: VMEntryRule.allCases, by: \.failureCode)
    #expect(coded[.nmi] == [.stiForbidsNMI])
    #expect(coded[.pdpte]?.count == 4)
    let link = VMEntryRule.allCases.filter { $0.rawValue.hasPrefix("linkPointer") }
    #expect(coded[.vmcsLinkPointer] == link)
  }
}

@Suite("The VM-entry MSR-load area")
struct MSRLoadTests {
  @Test("entries that no processor loads are refused by the right rule")
  func refusedEntries() {
    let fixture = EntryFixture()
    let table: [(UInt32, UInt32, VMEntryRule?)] = [
      (MSR.ia32PAT, 0, nil),
      (MSR.ia32PAT, 1, .msrLoadReserved),
      (0xc000_0100, 0, .msrLoadSegmentBase),
      (0xc000_0101, 0, .msrLoadSegmentBase),
      (0xc000_0102, 0, nil),
      (0x7ff, 0, nil),
      (0x800, 0, .msrLoadX2APIC),
      (0x8ff, 0, .msrLoadX2APIC),
      (0x900, 0, nil),
      (0x9b, 0, .msrLoadSMMOnly),
      (0x9e, 0, .msrLoadSMMOnly),
      (0x79, 0, .msrLoadModelSpecific),
    ]
    for (index, reserved, rule) in table {
      let broken = fixture.withContext(fixture.capabilities) {
        $0.msrLoadRule(index: index, reserved: reserved)
      }
      #expect(broken == rule, "MSR \(index)")
    }
  }

  @Test("the index counts from 1 and cannot wrap")
  func index() {
    #expect(MSRLoadIndex(afterLoading: 0).rawValue == 1)
    #expect(MSRLoadIndex(afterLoading: 4095).rawValue == 4096)
    #expect(MSRLoadIndex(afterLoading: .max).rawValue == 4096)
    #expect(MSRLoadIndex(afterLoading: 6).exitQualification == 7)
  }

  @Test("the cap follows IA32_VMX_MISC[27:25] and is at most 4096")
  func cap() {
    var fixture = EntryFixture()
    #expect(fixture.capabilities.msrListMaximum == 512)
    fixture.part.miscellaneous |= 7 << 25
    #expect(fixture.capabilities.msrListMaximum == UInt32(MSRLoadIndex.maximum))
  }
}

/// A small deterministic generator, so that a failing state can be found again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z &>> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z &>> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z &>> 31
  }
}
