import Testing

@testable import VMXLab

@Suite("What mends a broken rule")
struct VMEntryMendTests {
  @Test("every rule has a hint, and a value that a hint names mends the rule")
  func everyMendMends() {
    var withoutValue: [VMEntryRule] = []
    for ruleCase in RuleCase.all {
      var fixture = EntryFixture()
      ruleCase.prepare(&fixture)
      ruleCase.spoil(&fixture)
      let capabilities = fixture.capabilities
      let broken = fixture.withContext(capabilities) { $0.brokenRules() }
      for rule in broken {
        let mend = rule.mend(fixture.vmcs, capabilities)
        #expect(!mend.text.isEmpty, "\(rule.rule)")
        #expect(!mend.text.hasSuffix("."), "\(rule.rule)")
        guard let field = mend.field else {
          withoutValue.append(rule.rule)
          continue
        }
        #expect(mend.value <= field.largestValue, "\(rule.rule): \(mend.text)")
        var mended = fixture
        mended.vmcs[field] = mend.value
        // A control that was off may need its own fields once it is on; those are other rules.
        #expect(!mended.brokenRules.contains(rule.rule), "\(rule.rule): \(mend.text)")
      }
    }
    // Advice alone: what to write is for the hypervisor's author to know.
    let known: Set<VMEntryRule> = [
      .exitMSRStoreEnd, .exitMSRLoadEnd, .entryMSRLoadEnd, .injectionType,
      .injectionExceptionVector, .pidPointerTableEnd, .hostCSSelectorNull, .hostTRSelectorNull,
      .hostSSSelectorNull,
      // Where the entries are in memory.
      .guestPDPTE0Reserved, .guestPDPTE1Reserved, .guestPDPTE2Reserved, .guestPDPTE3Reserved,
    ]
    #expect(Set(withoutValue).subtracting(known) == [])
  }

  @Test("the rules of MSR loading have hints")
  func msrLoading() {
    for rule in VMEntryRule.allCases where rule.entry.section == .msrLoading {
      let broken = BrokenRule(rule: rule, faults: 0, msr: MSRListEntry(index: 0, value: 0))
      let text = broken.mend(VMCS(), EntryFixture().capabilities).text
      #expect(text.contains("the entry"), "\(rule): \(text)")
    }
  }

  @Test("a hint names the value and the bits that change")
  func text() {
    var fixture = EntryFixture()
    fixture.inject(.externalInterrupt, 0x44)
    let broken = fixture.withContext(fixture.capabilities) { $0.brokenRules() }
    #expect(
      broken.first?.mend(fixture.vmcs, fixture.capabilities).text.hasPrefix(
        "write 0x202 to Guest RFLAGS (set bit 9); or") == true)
  }
}
