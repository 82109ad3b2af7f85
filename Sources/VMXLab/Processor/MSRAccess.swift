/// The model-specific registers that hold state of their own; others are views of the processor.
///
/// Source: Intel SDM, volume 4, "IA-32 Architectural MSRs".
struct ModelSpecificRegisters {
  var apicBase: UInt64 = 0
  var featureControl: UInt64 = 0
  /// Added to the cycle counter to give IA32_TIME_STAMP_COUNTER.
  var tscOffset: UInt64 = 0
  var tscAdjust: UInt64 = 0
  var tscAux: UInt64 = 0
  var biosSignID: UInt64 = 0
  var sysenterCS: UInt64 = 0
  var sysenterESP: UInt64 = 0
  var sysenterEIP: UInt64 = 0
  var mcgStatus: UInt64 = 0
  var miscEnable: UInt64 = 0
  var debugCtl: UInt64 = 0
  var pat: UInt64 = 0x0007_0406_0007_0406
  var star: UInt64 = 0
  var lstar: UInt64 = 0
  var cstar: UInt64 = 0
  var fmask: UInt64 = 0
  var kernelGSBase: UInt64 = 0
  var umwaitControl: UInt64 = 0
  var mtrrDefType: UInt64 = 0
  /// IA32_MTRR_PHYSBASEn and PHYSMASKn in turn.
  var mtrrVariable = InlineArray<16, UInt64>(repeating: 0)
  /// The eleven fixed-range MTRRs in the order of their addresses.
  var mtrrFixed = InlineArray<11, UInt64>(repeating: 0)
}

extension Processor {
  /// The time-stamp counter in VMX root operation.
  @inline(__always) var timeStampCounter: UInt64 { cycles &+ msrs.tscOffset }

  /// Reads an MSR as RDMSR does; nil where RDMSR raises #GP(0).
  mutating func readMSR(_ index: UInt32) -> UInt64? {
    switch index {
    case MSR.ia32TimeStampCounter: return timeStampCounter
    case MSR.ia32APICBase: return model.hasAPIC ? msrs.apicBase : nil
    case MSR.ia32X2APICFirst...MSR.ia32X2APICLast, MSR.ia32TSCDeadline:
      return platform.readAPIC(index, cycles: cycles)
    case MSR.ia32FeatureControl: return msrs.featureControl
    case MSR.ia32TSCAdjust: return model.hasTSCAdjust ? msrs.tscAdjust : nil
    case MSR.ia32BIOSSignID: return msrs.biosSignID
    case MSR.ia32PlatformID: return 0
    case MSR.ia32MTRRCap: return 0x508
    case MSR.ia32SYSENTERCS: return msrs.sysenterCS
    case MSR.ia32SYSENTERESP: return msrs.sysenterESP
    case MSR.ia32SYSENTEREIP: return msrs.sysenterEIP
    case MSR.ia32MCGCap: return 0
    case MSR.ia32MCGStatus: return msrs.mcgStatus
    case MSR.ia32MiscEnable: return msrs.miscEnable
    case MSR.ia32DebugCtl: return msrs.debugCtl
    case MSR.ia32MTRRPhysBase0..<MSR.ia32MTRRPhysBase0 + 16:
      return msrs.mtrrVariable[Int(index - MSR.ia32MTRRPhysBase0)]
    case MSR.ia32PAT: return msrs.pat
    case MSR.ia32UMWAITControl: return model.features.contains(.waitpkg) ? msrs.umwaitControl : nil
    case MSR.ia32MTRRDefType: return msrs.mtrrDefType
    case MSR.ia32VMXBasic...MSR.ia32VMXExitCtls2: return model.vmxCapability(index)
    case MSR.ia32EFER: return efer.rawValue
    case MSR.ia32STAR: return msrs.star
    case MSR.ia32LSTAR: return msrs.lstar
    case MSR.ia32CSTAR: return msrs.cstar
    case MSR.ia32FMASK: return msrs.fmask
    case MSR.ia32FSBase: return segments[4].base
    case MSR.ia32GSBase: return segments[5].base
    case MSR.ia32KernelGSBase: return msrs.kernelGSBase
    case MSR.ia32TSCAux: return model.features.contains(.rdtscp) ? msrs.tscAux : nil
    case MSR.ia32UCET...MSR.ia32InterruptSSPTableAddr: return readControlFlowMSR(index)
    case MSR.ia32BNDCFGS:
      return model.features.contains(.mpx) ? bounds.supervisorConfiguration : nil
    case MSR.ia32PKRS:
      return model.features.contains(.pks) ? UInt64(protectionKeys.supervisor) : nil
    case MSR.ia32XSS: return model.features.contains(.xsaves) ? vector.xss : nil
    default:
      guard let register = Self.fixedMTRR(index) else { return readPerformanceMSR(index) }
      return msrs.mtrrFixed[register]
    }
  }

  /// Writes an MSR as WRMSR does; false, with nothing changed, where WRMSR raises #GP(0).
  mutating func writeMSR(_ index: UInt32, _ value: UInt64) -> Bool {
    switch index {
    case MSR.ia32TimeStampCounter:
      let change = value &- timeStampCounter
      msrs.tscAdjust &+= change
      setTSCOffset(msrs.tscOffset &+ change)
    case MSR.ia32APICBase: return writeAPICBase(value)
    case MSR.ia32X2APICFirst...MSR.ia32X2APICLast, MSR.ia32TSCDeadline:
      return platform.writeAPIC(index, value, cycles: cycles)
    case MSR.ia32FeatureControl:
      guard msrs.featureControl & 1 == 0, value & ~model.featureControlBits == 0 else {
        return false
      }
      msrs.featureControl = value
    case MSR.ia32TSCAdjust:
      guard model.hasTSCAdjust else { return false }
      let change = value &- msrs.tscAdjust
      msrs.tscAdjust = value
      setTSCOffset(msrs.tscOffset &+ change)
    case MSR.ia32BIOSSignID: msrs.biosSignID = value
    case MSR.ia32BIOSUpdateTrigger: break
    case MSR.ia32SYSENTERCS: msrs.sysenterCS = value
    case MSR.ia32SYSENTERESP:
      guard isCanonicalForProcessor(value) else { return false }
      msrs.sysenterESP = value
    case MSR.ia32SYSENTEREIP:
      guard isCanonicalForProcessor(value) else { return false }
      msrs.sysenterEIP = value
    case MSR.ia32MCGStatus:
      guard value == 0 else { return false }
      msrs.mcgStatus = 0
    case MSR.ia32MiscEnable:
      msrs.miscEnable = value & ~MiscEnable.readOnly | msrs.miscEnable & MiscEnable.readOnly
    case MSR.ia32DebugCtl:
      guard value & ~model.debugCtlBits == 0 else { return false }
      msrs.debugCtl = value
    case MSR.ia32MTRRPhysBase0..<MSR.ia32MTRRPhysBase0 + 16:
      let isMask = index & 1 != 0
      let allowed: UInt64 = isMask ? 0x800 : 0xff
      guard value & 0xfff & ~allowed == 0, value & model.reservedPhysicalBits & ~0xfff == 0,
        isMask || Self.isMemoryType(value & 0xff, mtrr: true)
      else { return false }
      msrs.mtrrVariable[Int(index - MSR.ia32MTRRPhysBase0)] = value
    case MSR.ia32PAT:
      guard Self.isPAT(value) else { return false }
      msrs.pat = value
    case MSR.ia32UMWAITControl:
      guard model.features.contains(.waitpkg), value & UMWAITControl.reserved == 0 else {
        return false
      }
      msrs.umwaitControl = value
    case MSR.ia32MTRRDefType:
      guard value & ~0xcff == 0, Self.isMemoryType(value & 0xff, mtrr: true) else { return false }
      msrs.mtrrDefType = value
    case MSR.ia32EFER: return writeEFER(value)
    case MSR.ia32STAR: msrs.star = value
    case MSR.ia32LSTAR:
      guard isCanonicalForProcessor(value) else { return false }
      msrs.lstar = value
    case MSR.ia32CSTAR:
      guard isCanonicalForProcessor(value) else { return false }
      msrs.cstar = value
    case MSR.ia32FMASK:
      guard value >> 32 == 0 else { return false }
      msrs.fmask = value
    case MSR.ia32FSBase, MSR.ia32GSBase:
      guard isCanonicalForProcessor(value) else { return false }
      let register = index == MSR.ia32FSBase ? 4 : 5
      segments[register].base = value
      effectiveBase[register] = value
    case MSR.ia32KernelGSBase:
      guard isCanonicalForProcessor(value) else { return false }
      msrs.kernelGSBase = value
    case MSR.ia32TSCAux:
      guard model.features.contains(.rdtscp), value >> 32 == 0 else { return false }
      msrs.tscAux = value
    case MSR.ia32UCET...MSR.ia32InterruptSSPTableAddr: return writeControlFlowMSR(index, value)
    case MSR.ia32BNDCFGS: return writeSupervisorBoundsConfiguration(value)
    case MSR.ia32PKRS:
      guard model.features.contains(.pks), value >> 32 == 0 else { return false }
      setPKRS(UInt32(truncatingIfNeeded: value))
    case MSR.ia32XSS:
      guard model.features.contains(.xsaves), value & ~model.xssBits == 0 else { return false }
      vector.xss = value
    default:
      guard let register = Self.fixedMTRR(index) else { return writePerformanceMSR(index, value) }
      for byte in 0..<8 where !Self.isMemoryType(value >> UInt64(byte * 8) & 0xff, mtrr: true) {
        return false
      }
      msrs.mtrrFixed[register] = value
    }
    return true
  }

  private mutating func setTSCOffset(_ value: UInt64) {
    msrs.tscOffset = value
    platform.setTSCOffset(value, cycles: cycles)
  }

  private mutating func writeEFER(_ value: UInt64) -> Bool {
    guard value & ~model.eferBits == 0 else { return false }
    let new = EFER(rawValue: value)
    if new.contains(.lme) != efer.contains(.lme), cr0.contains(.pg) { return false }
    let changes = efer.symmetricDifference(new)
    // LMA is read-only.
    efer = EFER(rawValue: value & ~EFER.lma.rawValue | efer.rawValue & EFER.lma.rawValue)
    if changes.contains(.nxe) { startNewAddressSpace() }
    return true
  }

  /// Position of a fixed-range MTRR in `ModelSpecificRegisters.mtrrFixed`.
  private static func fixedMTRR(_ index: UInt32) -> Int? {
    switch index {
    case MSR.ia32MTRRFix64K00000: 0
    case MSR.ia32MTRRFix16K80000: 1
    case MSR.ia32MTRRFix16KA0000: 2
    case MSR.ia32MTRRFix4KC0000...MSR.ia32MTRRFix4KF8000:
      Int(index - MSR.ia32MTRRFix4KC0000) + 3
    default: nil
    }
  }

  /// Whether each byte of `value` is a memory type that IA32_PAT takes.
  static func isPAT(_ value: UInt64) -> Bool {
    for byte in 0..<8 where !isMemoryType(value >> UInt64(byte * 8) & 0xff, mtrr: false) {
      return false
    }
    return true
  }

  /// UC, WC, WT, WP, WB, and for IA32_PAT also UC-.
  private static func isMemoryType(_ type: UInt64, mtrr: Bool) -> Bool {
    type == 0 || type == 1 || (4...6).contains(type) || (type == 7 && !mtrr)
  }
}
