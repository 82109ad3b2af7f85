/// Bits of IA32_VMX_EPT_VPID_CAP.
///
/// Source: Intel SDM, "VPID and EPT Capabilities".
public struct EPTAndVPIDCapabilities: OptionSet, Sendable, Hashable, VMXControlWord {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// "execute-only translations", bit 0.
  public static let executeOnlyTranslations = EPTAndVPIDCapabilities(rawValue: 1 << 0)
  /// "page-walk length of 4", bit 6.
  public static let pageWalkLength4 = EPTAndVPIDCapabilities(rawValue: 1 << 6)
  /// "page-walk length of 5", bit 7.
  public static let pageWalkLength5 = EPTAndVPIDCapabilities(rawValue: 1 << 7)
  /// "EPT paging structures uncacheable", bit 8.
  public static let uncacheableStructures = EPTAndVPIDCapabilities(rawValue: 1 << 8)
  /// "EPT paging structures write-back", bit 14.
  public static let writeBackStructures = EPTAndVPIDCapabilities(rawValue: 1 << 14)
  /// "2-MByte pages", bit 16.
  public static let pages2M = EPTAndVPIDCapabilities(rawValue: 1 << 16)
  /// "1-GByte pages", bit 17.
  public static let pages1G = EPTAndVPIDCapabilities(rawValue: 1 << 17)
  /// "INVEPT", bit 20.
  public static let invept = EPTAndVPIDCapabilities(rawValue: 1 << 20)
  /// "accessed and dirty flags for EPT", bit 21.
  public static let accessedAndDirtyFlags = EPTAndVPIDCapabilities(rawValue: 1 << 21)
  /// "advanced VM-exit information for EPT violations", bit 22.
  public static let advancedExitInformation = EPTAndVPIDCapabilities(rawValue: 1 << 22)
  /// "supervisor shadow-stack control", bit 23.
  public static let supervisorShadowStackControl = EPTAndVPIDCapabilities(rawValue: 1 << 23)
  /// "single-context INVEPT", bit 25.
  public static let inveptSingleContext = EPTAndVPIDCapabilities(rawValue: 1 << 25)
  /// "all-context INVEPT", bit 26.
  public static let inveptAllContexts = EPTAndVPIDCapabilities(rawValue: 1 << 26)
  /// "INVVPID", bit 32.
  public static let invvpid = EPTAndVPIDCapabilities(rawValue: 1 << 32)
  /// "individual-address INVVPID", bit 40.
  public static let invvpidIndividualAddress = EPTAndVPIDCapabilities(rawValue: 1 << 40)
  /// "single-context INVVPID", bit 41.
  public static let invvpidSingleContext = EPTAndVPIDCapabilities(rawValue: 1 << 41)
  /// "all-context INVVPID", bit 42.
  public static let invvpidAllContexts = EPTAndVPIDCapabilities(rawValue: 1 << 42)
  /// "single-context-retaining-globals INVVPID", bit 43.
  public static let invvpidSingleContextRetainingGlobals = EPTAndVPIDCapabilities(rawValue: 1 << 43)

  public static let names: [(control: EPTAndVPIDCapabilities, name: String)] = [
    (.executeOnlyTranslations, "execute-only translations"),
    (.pageWalkLength4, "page-walk length of 4"),
    (.pageWalkLength5, "page-walk length of 5"),
    (.uncacheableStructures, "EPT paging structures uncacheable"),
    (.writeBackStructures, "EPT paging structures write-back"),
    (.pages2M, "2-MByte pages"),
    (.pages1G, "1-GByte pages"),
    (.invept, "INVEPT"),
    (.accessedAndDirtyFlags, "accessed and dirty flags for EPT"),
    (.advancedExitInformation, "advanced VM-exit information for EPT violations"),
    (.supervisorShadowStackControl, "supervisor shadow-stack control"),
    (.inveptSingleContext, "single-context INVEPT"),
    (.inveptAllContexts, "all-context INVEPT"),
    (.invvpid, "INVVPID"),
    (.invvpidIndividualAddress, "individual-address INVVPID"),
    (.invvpidSingleContext, "single-context INVVPID"),
    (.invvpidAllContexts, "all-context INVVPID"),
    (.invvpidSingleContextRetainingGlobals, "single-context-retaining-globals INVVPID"),
  ]

  /// The largest HLAT prefix size, bits 53:48.
  public var maximumHLATPrefixSize: UInt64 { rawValue &>> 48 & 0x3f }

  /// Bits that mean nothing without the control "enable EPT".
  static let eptBits = EPTAndVPIDCapabilities(rawValue: 0x003f_0000_06f3_41c1)
  /// Bits that mean nothing without the control "enable VPID".
  static let vpidBits = EPTAndVPIDCapabilities(rawValue: 0x0000_0f01_0000_0000)
}
