import FoundationEssentials
import Testing

@testable import VMXLab

@Suite("CPU profile report")
struct CPUProfileReportTests {
  /// VirtualBox decoded these values of a Westmere in one of its logs; the names here are the
  /// manual's for what it listed.
  @Test("raw values decode as VirtualBox decoded them on a Westmere")
  func westmere() {
    let report = VMXCapabilityReport(msrs: [
      0x480: 0xda_0400_0000_000f, 0x481: 0x7f_0000_0016, 0x482: 0xfff9_fffe_0401_e172,
      0x483: 0x7f_ffff_0003_6dff, 0x484: 0xffff_0000_11ff, 0x485: 0x401e7,
      0x486: 0x8000_0021, 0x487: 0xffff_ffff, 0x488: 0x2000, 0x489: 0x227ff, 0x48a: 0x2a,
      0x48b: 0xff_0000_0000, 0x48c: 0xf01_0611_4141,
    ])
    #expect(report.revisionIdentifier == 0xf)
    #expect(report.regionSize == 0x400)
    #expect(report.memoryType == "write back")
    #expect(report.preemptionTimerTSCBit == 7)
    #expect(report.cr3TargetCount == 4)
    #expect(report.maximumMSRListEntries == 0x200)
    #expect(report.highestVMCSFieldIndex == 0x15)
    #expect(
      report.eptVPID.filter(\.isSupported).map(\.name) == [
        "Execute-only translations", "Page-walk length of 4",
        "Uncacheable (UC) EPT paging structures", "Write-back (WB) EPT paging structures",
        "2-MByte EPT pages", "INVEPT", "Single-context INVEPT", "All-context INVEPT", "INVVPID",
        "Individual-address INVVPID", "Single-context INVVPID", "All-context INVVPID",
        "Single-context-retaining-globals INVVPID",
      ])
    func names(_ group: Int, _ setting: VMXControlSetting) -> [String] {
      report.controls[group].controls.filter { $0.setting == setting }.map(\.name)
    }
    #expect(
      names(0, .flexible) == [
        "External-interrupt exiting", "NMI exiting", "Virtual NMIs",
        "Activate VMX-preemption timer",
      ])
    #expect(names(1, .fixed1) == ["CR3-load exiting", "CR3-store exiting"])
    #expect(names(1, .fixed0) == ["Activate tertiary controls"])
    #expect(
      names(2, .flexible) == [
        "Virtualize APIC accesses", "Enable EPT", "Descriptor-table exiting", "Enable RDTSCP",
        "Virtualize x2APIC mode", "Enable VPID", "WBINVD exiting", "Unrestricted guest",
      ])
    #expect(report.cr0.filter { $0.setting == .fixed1 }.map(\.name) == ["PE", "NE", "PG"])
    #expect(report.cr4.filter { $0.setting == .fixed1 }.map(\.name) == ["VMXE"])
  }

  @Test("the TRUE capability MSRs are read where the part has them")
  func trueControls() throws {
    let report = CPUProfileReport(try CPUProfile.named("skylake-server"))
    let primary = try #require(report.vmx.controls.first { $0.msr == "0x48e" })
    #expect(primary.controls.first { $0.name == "CR3-load exiting" }?.setting == .flexible)
    #expect(report.vmx.controls.contains { $0.msr == "0x490" })
    let penryn = CPUProfileReport(try CPUProfile.named("penryn"))
    #expect(penryn.vmx.controls.contains { $0.msr == "0x482" })
    #expect(penryn.vmx.eptVPID.isEmpty)
  }

  @Test("every control that a part allows has a name", arguments: CPUProfile.names)
  func named(name: String) throws {
    let profile = try CPUProfile.named(name)
    let groups: [(UInt32, [VMXControlNames.Name])] = [
      (MSR.ia32VMXPinbasedCtls, VMXControlNames.pinBased),
      (MSR.ia32VMXProcbasedCtls, VMXControlNames.primaryProcessorBased),
      (MSR.ia32VMXProcbasedCtls2, VMXControlNames.secondaryProcessorBased),
      (MSR.ia32VMXExitCtls, VMXControlNames.primaryExit),
      (MSR.ia32VMXEntryCtls, VMXControlNames.entry),
    ]
    for (number, names) in groups {
      guard let value = profile.vmxCapabilityMSRs[number] else { continue }
      let settings = VMXAllowedSettings(value)
      // What may be 1 and has no name is of the default1 class: reserved, read as 1.
      let unnamed = settings.mayBe1 & ~names.reduce(UInt32(0)) { $0 | 1 << UInt32($1.bit) }
      let reserved = VMXAllowedSettings.default1[number] ?? 0
      #expect(
        unnamed & ~reserved == 0, "MSR \(hexadecimal(number)): \(hexadecimal(unnamed & ~reserved))")
    }
  }

  @Test("a report survives a round trip through JSON", arguments: CPUProfile.names)
  func json(name: String) throws {
    let profile = try CPUProfile.named(name)
    let report = CPUProfileReport(profile, offeredVMX: profile.vmxCapabilityMSRs)
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(CPUProfileReport.self, from: data) == report)
    #expect(report.offeredVMX == report.vmx)
  }

  @Test("the text names the part, its widths and its capabilities")
  func text() throws {
    let text = CPUProfileReport(try CPUProfile.named("haswell")).lines.joined(separator: "\n")
    #expect(text.contains("Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz"))
    #expect(text.contains("39 bits of physical address"))
    #expect(text.contains("3400 MHz"))
    #expect(text.contains("0 or 1      VMCS shadowing [14]"))
    #expect(text.contains("fixed 0     Use TSC scaling [25]"))
    #expect(text.contains("SMEP"))
  }
}
