/// Bits of IA32_U_CET and IA32_S_CET.
///
/// Source: Intel SDM, "Control-flow Enforcement Technology (CET)", and volume 4, "IA-32 Architectural
/// MSRs".
public struct ControlFlowControl: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// SH_STK_EN: shadow stacks.
  public static let shadowStack = ControlFlowControl(rawValue: 1 << 0)
  /// WR_SHSTK_EN: the WRSS instruction.
  public static let writeShadowStack = ControlFlowControl(rawValue: 1 << 1)
  /// ENDBR_EN: tracking of indirect branches.
  public static let endbranch = ControlFlowControl(rawValue: 1 << 2)
  /// LEG_IW_EN: code that the legacy code page bitmap names may do without ENDBR.
  public static let legacyBitmap = ControlFlowControl(rawValue: 1 << 3)
  /// NO_TRACK_EN: the NOTRACK prefix.
  public static let noTrack = ControlFlowControl(rawValue: 1 << 4)
  /// SUPPRESS_DIS: entering legacy code does not suppress tracking.
  public static let suppressDisable = ControlFlowControl(rawValue: 1 << 5)
  /// SUPPRESS: tracking is suppressed.
  public static let suppress = ControlFlowControl(rawValue: 1 << 10)
  /// TRACKER: the state is WAIT_FOR_ENDBRANCH.
  public static let tracker = ControlFlowControl(rawValue: 1 << 11)

  /// What belongs to shadow stacks.
  static let shadowStackBits = ControlFlowControl(rawValue: 0x3)
  /// What belongs to the tracking of indirect branches, with EB_LEG_BITMAP_BASE.
  static let trackingBits = ControlFlowControl(rawValue: ~0x3c3)

  /// EB_LEG_BITMAP_BASE: linear address of the legacy code page bitmap.
  @inline(__always) var bitmapBase: UInt64 { rawValue & ~0xfff }
  /// Whether both TRACKER and SUPPRESS are set, which no write may ask for.
  @inline(__always) var isContradictory: Bool { contains(.tracker) && contains(.suppress) }
}

/// Error codes of control-protection exceptions (#CP).
///
/// Source: Intel SDM, "Interrupt 21—Control Protection Exception (#CP)".
public enum ControlProtectionCode: UInt32, Sendable {
  case nearReturn = 1
  case farReturn = 2
  case endbranch = 3
  case restoreSSP = 4
  case setBusy = 5
}
