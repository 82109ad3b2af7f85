/// The processor state that CPUID's results depend on.
///
/// Source: Intel SDM, "CPUID—CPU Identification", notes to the tables of returned information.
public struct CPUIDDynamicState: Equatable, Sendable {
  /// The initial APIC ID of the logical processor, which is its x2APIC ID too.
  public var apicID: UInt32
  /// CR4: OSXSAVE and PKE are mirrored in flags.
  public var cr4: CR4
  /// IA32_APIC_BASE[11]: CPUID.1:EDX.APIC[9] is 0 while the local APIC is disabled.
  public var isAPICEnabled: Bool
  /// Whether the processor is in 64-bit mode: SYSCALL is enumerated nowhere else.
  public var isIn64BitMode: Bool
  /// IA32_MISC_ENABLE: limits CPUID to leaf 2 [22], disables MONITOR [18] and execute disable [34].
  public var miscEnable: UInt64
  /// XCR0 and IA32_XSS: what an XSAVE area holds.
  public var xcr0: UInt64
  public var xss: UInt64

  @inline(__always)
  public init(
    apicID: UInt32 = 0, cr4: CR4 = [], isAPICEnabled: Bool = true, isIn64BitMode: Bool = true,
    miscEnable: UInt64 = 0, xcr0: UInt64 = 1, xss: UInt64 = 0
  ) {
    self.apicID = apicID
    self.cr4 = cr4
    self.isAPICEnabled = isAPICEnabled
    self.isIn64BitMode = isIn64BitMode
    self.miscEnable = miscEnable
    self.xcr0 = xcr0
    self.xss = xss
  }
}
