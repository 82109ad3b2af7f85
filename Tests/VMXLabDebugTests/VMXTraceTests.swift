import Testing
import VMXLab

@testable import VMXLabDebug

@Suite("The trace of VMX events")
struct VMXTraceTests {
  private static let vmcs = {
    var vmcs = VMCS()
    vmcs.guestRIP = 0x10_1a40
    return vmcs
  }()

  @Test(
    "A VM entry is named with its place and its outcome",
    arguments: [
      (VMEntryOutcome.entered, "VM entry to 0x101a40"),
      (.failInvalid, "VMfailInvalid (no current VMCS, or a shadow VMCS)"),
      (
        .failValid(.vmEntryWithInvalidControlFields),
        "VMfailValid 7 (VM entry with invalid control field(s))"
      ),
      (
        .invalidGuestState(.default),
        "exit reason 33 with bit 31 (VM-entry failure due to invalid guest state), qualification 0 (no more is told)"
      ),
      (
        .invalidGuestState(.vmcsLinkPointer),
        "exit reason 33 with bit 31 (VM-entry failure due to invalid guest state), qualification 4 (the VMCS link pointer)"
      ),
      (
        .msrLoadFailed(entry: MSRLoadIndex(afterLoading: 2)),
        "exit reason 34 with bit 31 (VM-entry failure due to MSR loading), qualification 3 (the number of the MSR-load entry)"
      ),
    ])
  func entry(outcome: VMEntryOutcome, text: String) {
    let event = VMXEvent.entry(outcome, isLaunch: true, rip: 0x100f31, broken: [])
    #expect(VMXTrace.text(of: event, vmcs: Self.vmcs) == "VMLAUNCH at 0x100f31: \(text)")
  }

  @Test("A VM exit is named with its reason, place and qualification")
  func exit() {
    let event = VMXEvent.exit(.vmcall, qualification: 0, rip: 0x101a43)
    #expect(
      VMXTrace.text(of: event, vmcs: Self.vmcs)
        == "VM exit 18 (VMCALL) from 0x101a43, qualification 0x0")
  }

  @Test("An EPT violation has its address, and the event that was being delivered")
  func eptViolation() {
    var vmcs = Self.vmcs
    vmcs.guestPhysicalAddress = 0xfee0_0000
    vmcs.idtVectoringInformation = 0x8000_0b0e
    let event = VMXEvent.exit(.eptViolation, qualification: 0x182, rip: 0x1000)
    #expect(
      VMXTrace.text(of: event, vmcs: vmcs)
        == "VM exit 48 (EPT violation) from 0x1000, qualification 0x182, guest-physical address 0xfee00000, while delivering vector 14"
    )
  }

  @Test("A VM exit after a bus lock says so, unless the bus lock is its reason")
  func busLock() {
    var vmcs = Self.vmcs
    vmcs.exitReason = ExitReason(.vmcall, afterBusLock: true).rawValue
    #expect(
      VMXTrace.text(of: .exit(.vmcall, qualification: 0, rip: 0x1000), vmcs: vmcs)
        == "VM exit 18 (VMCALL) from 0x1000, qualification 0x0, after a bus lock")
    #expect(
      VMXTrace.text(of: .exit(.busLock, qualification: 0, rip: 0x1000), vmcs: vmcs)
        == "VM exit 74 (Bus lock) from 0x1000, qualification 0x0")
  }

  @Test("An exception has its vector and error code")
  func exception() {
    var vmcs = Self.vmcs
    vmcs.exitInterruptionInformation = 0x8000_0b0d
    vmcs.exitInterruptionErrorCode = 0x18
    let event = VMXEvent.exit(.exceptionOrNMI, qualification: 0, rip: 0x1000)
    #expect(VMXTrace.text(of: event, vmcs: vmcs).hasSuffix(", vector 13, error code 0x18"))
  }

  @Test("A line begins with the cycle, right-aligned")
  func line() {
    var lines: [String] = []
    VMXTrace { lines.append($0) }.observe(.vmxoff, vmcs: VMCS(), cycles: 12345)
    #expect(lines == ["         12345  VMXOFF"])
  }
}
