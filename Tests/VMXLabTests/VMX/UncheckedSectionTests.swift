import Testing

@testable import VMXLab

@Suite("Checks that a VM entry skips")
struct UncheckedSectionTests {
  private typealias Place = VMXRunner.Place

  @Test("what VM exits mark are the readers of the groups that they save")
  func constants() {
    #expect(VMEntrySections.readersOfGuestRegisters == VMEntrySections(readersOf: .guestRegisters))
    #expect(VMEntrySections.readersOfGuestSegments == VMEntrySections(readersOf: .guestSegments))
    #expect(VMEntrySections.readersOfEventInjection == VMEntrySections(readersOf: .eventInjection))
    let exit = VMEntrySections(readersOf: .guestInstruction)
      .union(VMEntrySections(readersOf: .guestFlags))
      .union(VMEntrySections(readersOf: .guestNonRegisterState))
    #expect(VMEntrySections.readersOfEveryExit.union(VMEntrySections(.guestSegments)) == exit)
    #expect(
      VMEntrySections(readersOf: .guestDescriptorTables) == VMEntrySections(.guestDescriptorTables))
    #expect(VMEntrySections(readersOf: .guestPDPTEs) == VMEntrySections(.guestPDPTEs))
    #expect(VMEntrySections.all.rawValue.nonzeroBitCount == VMEntrySection.allCases.count - 1)
  }

  @Test("skipping comes to the outcome of checking all, over writes of every field and of memory")
  func skippingAgrees() {
    var generator = SplitMix(state: 0x756e_6368_6563)
    var disagreements = 0
    var failures = 0
    var skipped = 0
    for ruleCase in RuleCase.all {
      var fixture = EntryFixture()
      ruleCase.prepare(&fixture)
      let good = fixture
      let capabilities = fixture.capabilities
      var unchecked = VMEntrySections.all
      for _ in 0..<400 {
        switch generator.next() % 8 {
        case 0:
          // Memory behind a pointer, which no VMWRITE announces.
          let addresses = fixture.memory.words.keys.sorted()
          if !addresses.isEmpty {
            let address = addresses[Int(generator.next() % UInt64(addresses.count))]
            fixture.memory.words[address, default: 0] ^= 1 << (generator.next() % 64)
          }
        case 1:
          fixture.memory = good.memory
        case 2:
          // Every field that differs is put right again.
          for field in VMCSField.all where fixture.vmcs[field] != good.vmcs[field] {
            fixture.vmcs[field] = good.vmcs[field]
            unchecked.formUnion(VMEntrySections(readersOf: field.group))
          }
        case 3:
          var spoiled = fixture
          ruleCase.spoil(&spoiled)
          for field in VMCSField.all where fixture.vmcs[field] != spoiled.vmcs[field] {
            fixture.vmcs[field] = spoiled.vmcs[field]
            unchecked.formUnion(VMEntrySections(readersOf: field.group))
          }
          fixture.memory = spoiled.memory
        default:
          let field = VMCSField.all[Int(generator.next() % UInt64(VMCSField.all.count))]
          fixture.vmcs[field] ^= 1 << (generator.next() % 64)
          unchecked.formUnion(VMEntrySections(readersOf: field.group))
        }
        let all = fixture.withContext(capabilities) { $0.firstFailure() }
        let some = fixture.withContext(capabilities) { $0.firstFailure(&unchecked) }
        if all != some { disagreements += 1 }
        if all != nil { failures += 1 }
        skipped += VMEntrySections.all.subtracting(unchecked).rawValue.nonzeroBitCount
      }
    }
    #expect(disagreements == 0)
    let entries = RuleCase.all.count * 400
    #expect(failures > entries / 10 && failures < entries * 9 / 10)
    #expect(skipped > entries)
  }

  @Test("a VM exit makes due what reads the fields that it changed")
  func exitsMark() throws {
    let programs: [[UInt8]] = [
      [], Code.ud2,
      // MOV DS, [0]; LGDT and LIDT of memory; MOV CR3; WRFSBASE is left to others.
      [0x31, 0xc0, 0x8e, 0xd8], [0xbb, 0, 0, 0x81, 0, 0x0f, 0x01, 0x13],
      [0xbb, 0, 0, 0x81, 0, 0x0f, 0x01, 0x1b],
      [0x0f, 0x20, 0xd8, 0x0d, 0x08, 0, 0, 0, 0x0f, 0x22, 0xd8],
      [0x0f, 0x20, 0xe0, 0x0d, 0x04, 0, 0, 0, 0x0f, 0x22, 0xe0],
      [0x0f, 0x20, 0xc0, 0x0d, 0x08, 0, 0, 0, 0x0f, 0x22, 0xc0],
      [0xb8, 0x01, 0x04, 0, 0, 0x0f, 0x23, 0xf8], [0xfb, 0x90],
    ]
    for code in programs {
      for injects in [false, true] {
        let runner = try VMXRunner()
        runner.vmcs.primaryProcessorBasedControls &=
          ~PrimaryProcessorBasedControls([.cr3LoadExiting, .cr3StoreExiting]).rawValue
        #expect(runner.exitReason() == .vmcall)
        runner.setGuestCode(code)
        if injects { runner.inject(.hardwareException, 6) }
        let before = runner.vmcs
        #expect(runner.exitReason() == .vmcall)
        let due = runner.state.pointee.vmx.uncheckedSections
        for field in VMCSField.all where runner.vmcs[field] != before[field] {
          var readers = VMEntrySections(readersOf: field.group)
          let change = runner.vmcs[field] ^ before[field]
          let isFlags = field.key == "guestRFLAGS" && change & RFLAGS.vm.rawValue == 0
          if isFlags || field.key == "guestRIP" { readers.remove(VMEntrySections(.guestSegments)) }
          if field.key == "vmxPreemptionTimerValue" { continue }
          #expect(due.isSuperset(of: readers), "\(field.name)")
        }
      }
    }
  }

  @Test("a second VM entry checks the guest's RIP and non-register state alone")
  func steadyState() throws {
    let runner = try VMXRunner()
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.vmx.uncheckedSections == .readersOfEveryExit)
    // VMWRITE of the host's CR3, wrong at bit 60.
    runner.execute(Code.vmwriteRegister, registers: [0: 0x6c02, 1: 1 << 60])
    #expect(runner.enter() == .failValid(8))
    runner.execute(Code.vmwriteRegister, registers: [0: 0x6c02, 1: Place.tables])
    #expect(runner.exitReason() == .vmcall)
  }

  @Test("memory behind the VMCS link pointer is looked at by every VM entry")
  func linkPointer() throws {
    let runner = try VMXRunner()
    runner.vmcs.vmcsLinkPointer = Place.otherVMCS
    #expect(runner.exitReason() == .vmcall)
    runner.put(UInt64(VMCSRegion.revisionIdentifier + 1), at: Place.otherVMCS)
    #expect(runner.enter() == .exit)
    #expect(runner.vmcs.exitReason == 33 | 1 << 31)
    #expect(runner.vmcs.exitQualification == 4)
  }
}
