/// Parts of IA32_VMX_MISC.
///
/// Source: Intel SDM, "Miscellaneous Data".
public enum VMXMiscellaneous {
  /// Bits 4:0: the VMX-preemption timer counts down when this bit of the TSC changes.
  public static let timerRate: UInt64 = 0x1f
  /// Bit 5: VM exits store IA32_EFER.LMA into the "IA-32e mode guest" VM-entry control.
  public static let exitsStoreLMA: UInt64 = 1 << 5
  /// Bit 6: activity state HLT.
  public static let activityHLT: UInt64 = 1 << 6
  /// Bit 7: activity state shutdown.
  public static let activityShutdown: UInt64 = 1 << 7
  /// Bit 8: activity state wait-for-SIPI.
  public static let activityWaitForSIPI: UInt64 = 1 << 8
  /// Bit 14: Intel Processor Trace can be used in VMX operation.
  public static let processorTrace: UInt64 = 1 << 14
  /// Bit 15: RDMSR can read IA32_SMBASE in SMM.
  public static let readSMBASE: UInt64 = 1 << 15
  /// Bits 24:16: the number of CR3-target values.
  public static let cr3TargetCount: UInt64 = 0x1ff << 16
  /// Bits 27:25: the recommended maximum of MSRs in a list is 512 × (this + 1).
  public static let msrListMaximum: UInt64 = 7 << 25
  /// Bit 28: IA32_SMM_MONITOR_CTL[2] can be 1.
  public static let smiUnblockedByVMXOFF: UInt64 = 1 << 28
  /// Bit 29: VMWRITE may write VM-exit information fields.
  public static let vmwriteToAnyField: UInt64 = 1 << 29
  /// Bit 30: software interrupts and exceptions may be injected with instruction length 0.
  public static let zeroInstructionLength: UInt64 = 1 << 30
}
