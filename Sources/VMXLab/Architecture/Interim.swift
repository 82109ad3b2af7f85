enum TimingClass: UInt8 { case alu, bitScan, branch, byteSwap, call, compareExchange, compareExchange16Bytes, cpuid, decimal, divide32, divide8, enter, exchange, fence, hlt, indirectBranch, indirectCall, input, invept, invlpg, invvpid, lea, load, moveFromControlRegister, moveFromDebugRegister, moveToControlRegister, moveToDebugRegister, multiply32, multiply8, none, nop, output, pause, pop, popAll, push, pushAll, rdmsr, rdtsc, rdtscp, repeatedString, return, store, vmEntryBase, vmEntryControlsCheck, vmEntryEventInjection, vmEntryGuestCheck, vmEntryHostCheck, vmEntryStateLoad, vmExitBase, vmExitLoadHostState, vmExitSaveState, vmcall, vmclear, vmptrld, vmptrst, vmread, vmwrite, vmxMSRLoad, vmxMSRStore, vmxoff, vmxon, wbinvd, wrmsr }
public struct TimingProfile: Sendable { func cycles(_ c: TimingClass) -> UInt16 { c == .none ? 0 : 1 } }
public struct CPUProfile: Sendable {
  public var name = "skylake-server"
  public var frequency: UInt64 = 2_100_000_000
  public var physicalAddressWidth: UInt8 = 46
  public var linearAddressWidth: UInt8 = 48
  public var timing = TimingProfile()
  public init() {}
  var vmxMSRs: VMXCapabilityMSRs {
    var m = VMXCapabilityMSRs()
    m.basic = 0x00da_0400_0000_0004
    m.pinBasedControls = 0x7f_0000_0016
    m.primaryProcessorBasedControls = 0xfff9_fffe_0401_e172
    m.exitControls = 0x01ff_ffff_0003_6dff
    m.entryControls = 0x0003_ffff_0000_11ff
    m.miscellaneous = 0x7004_c1e7
    m.cr0Fixed0 = 0x8000_0021
    m.cr0Fixed1 = 0xffff_ffff
    m.cr4Fixed0 = 0x2000
    m.cr4Fixed1 = 0x37_67ff
    m.vmcsEnumeration = 0x2e
    m.secondaryProcessorBasedControls = 0x005f_bcff_0000_0000
    m.eptAndVPID = 0x0f01_0673_4141
    m.truePinBasedControls = 0x7f_0000_0016
    m.truePrimaryProcessorBasedControls = 0xfff9_fffe_0400_6172
    m.trueExitControls = 0x01ff_ffff_0003_6dfb
    m.trueEntryControls = 0x0003_ffff_0000_11fb
    m.vmFunctions = 1
    return m
  }
}
struct CPUIDResult { var eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0 }
struct CPUIDTable: Sendable {
  func lookup(leaf: UInt32, subleaf: UInt32) -> CPUIDResult {
    switch leaf {
    case 0: return CPUIDResult(eax: 0x16, ebx: 0x756e_6547, ecx: 0x6c65_746e, edx: 0x4965_6e69)
    case 1: return CPUIDResult(eax: 0x50654, ebx: 0, ecx: 0x0042_2020 | 1 << 17, edx: 0x078b_f9ff)
    case 7: return CPUIDResult(eax: 0, ebx: 0x0010_0681 | 1 << 7)
    case 0x8000_0000: return CPUIDResult(eax: 0x8000_0008)
    case 0x8000_0001: return CPUIDResult(ecx: 0x21, edx: 0x2c10_0800)
    case 0x8000_0007: return CPUIDResult(edx: 0x100)
    case 0x8000_0008: return CPUIDResult(eax: 0x302e)
    default: return CPUIDResult()
    }
  }
}
extension ProcessorModel {
  init(_ profile: CPUProfile, timing: TimingProfile) {
    var facts = VMXProcessorFacts()
    facts.physicalAddressWidth = profile.physicalAddressWidth
    facts.linearAddressWidth = profile.linearAddressWidth
    let capabilities = VMXCapabilities(part: profile.vmxMSRs, facts: facts)
    self.init(
      reservedPhysicalBits: (~0 << UInt64(profile.physicalAddressWidth)) & 0x000f_ffff_ffff_ffff,
      has1GPages: true, hasAPIC: false, hasTSCAdjust: true, hasRDTSCP: true, hasRDPID: false,
      hasINVPCID: true, hasSMAP: true, hasUMIP: false, hasFSGSBASE: true, hasVMX: true,
      cr4Bits: 0x37_27ff, eferBits: 0xd01, debugCtlBits: 3, featureControlBits: 5,
      preemptionTimerShift: 5, signature: 0x50654, eventDeliveryCycles: 40,
      capabilities: capabilities, vmcsFields: .allocate(for: capabilities),
      cpuidTable: CPUIDTable(), timing: timing)
  }
}
