/// Which controls can be 1: every word of VMX controls side by side.
public struct VMXControlSet: Sendable, Equatable {
  public var pin: PinBasedControls = []
  public var primary: PrimaryProcessorBasedControls = []
  public var secondary: SecondaryProcessorBasedControls = []
  public var tertiary: TertiaryProcessorBasedControls = []
  public var exit: VMExitControls = []
  public var secondaryExit: SecondaryVMExitControls = []
  public var entry: VMEntryControls = []

  /// A set of the given controls.
  public init(
    pin: PinBasedControls = [], primary: PrimaryProcessorBasedControls = [],
    secondary: SecondaryProcessorBasedControls = [],
    tertiary: TertiaryProcessorBasedControls = [], exit: VMExitControls = [],
    secondaryExit: SecondaryVMExitControls = [], entry: VMEntryControls = []
  ) {
    self.pin = pin
    self.primary = primary
    self.secondary = secondary
    self.tertiary = tertiary
    self.exit = exit
    self.secondaryExit = secondaryExit
    self.entry = entry
  }

  /// Whether every control of `other` is in this set.
  public func contains(_ other: VMXControlSet) -> Bool {
    guard pin.isSuperset(of: other.pin), primary.isSuperset(of: other.primary) else { return false }
    guard secondary.isSuperset(of: other.secondary) else { return false }
    guard tertiary.isSuperset(of: other.tertiary), exit.isSuperset(of: other.exit) else {
      return false
    }
    return secondaryExit.isSuperset(of: other.secondaryExit)
      && entry.isSuperset(of: other.entry)
  }

  /// The controls that are in both sets.
  public func intersection(_ other: VMXControlSet) -> VMXControlSet {
    VMXControlSet(
      pin: pin.intersection(other.pin), primary: primary.intersection(other.primary),
      secondary: secondary.intersection(other.secondary),
      tertiary: tertiary.intersection(other.tertiary), exit: exit.intersection(other.exit),
      secondaryExit: secondaryExit.intersection(other.secondaryExit),
      entry: entry.intersection(other.entry))
  }

  mutating func subtract(_ other: VMXControlSet) {
    pin.subtract(other.pin)
    primary.subtract(other.primary)
    secondary.subtract(other.secondary)
    tertiary.subtract(other.tertiary)
    exit.subtract(other.exit)
    secondaryExit.subtract(other.secondaryExit)
    entry.subtract(other.entry)
  }

  /// The set without the controls that VM entry would never accept at 1, because a control that they
  /// need is not in the set.
  func withoutUnusableControls() -> VMXControlSet {
    var result = self
    var previous = VMXControlSet()
    while result != previous {
      previous = result
      if result.secondary.isEmpty { result.primary.remove(.activateSecondaryControls) }
      if result.tertiary.isEmpty { result.primary.remove(.activateTertiaryControls) }
      if result.secondaryExit.isEmpty { result.exit.remove(.activateSecondaryControls) }
      if !result.primary.contains(.activateSecondaryControls) { result.secondary = [] }
      if !result.primary.contains(.activateTertiaryControls) { result.tertiary = [] }
      if !result.exit.contains(.activateSecondaryControls) { result.secondaryExit = [] }
      for (control, needed) in Self.dependencies where !result.contains(needed) {
        result.subtract(control)
      }
    }
    return result
  }

  /// Controls, and what must be 1 whenever they are.
  ///
  /// Source: Intel SDM, "Checks on VMX Controls".
  private static let dependencies: [(control: VMXControlSet, needs: VMXControlSet)] = [
    (.init(pin: .virtualNMIs), .init(pin: .nmiExiting)),
    (.init(primary: .nmiWindowExiting), .init(pin: .virtualNMIs)),
    (
      .init(pin: .processPostedInterrupts),
      .init(secondary: .virtualInterruptDelivery, exit: .acknowledgeInterruptOnExit)
    ),
    (
      .init(secondary: .virtualInterruptDelivery),
      .init(pin: .externalInterruptExiting, primary: .useTPRShadow)
    ),
    (.init(secondary: .apicRegisterVirtualization), .init(primary: .useTPRShadow)),
    (.init(secondary: .virtualizeX2APICMode), .init(primary: .useTPRShadow)),
    (.init(tertiary: .ipiVirtualization), .init(primary: .useTPRShadow)),
    (.init(secondary: .unrestrictedGuest), .init(secondary: .enableEPT)),
    (.init(secondary: .enablePML), .init(secondary: .enableEPT)),
    (.init(secondary: .modeBasedExecuteControlForEPT), .init(secondary: .enableEPT)),
    (.init(secondary: .subPageWritePermissionsForEPT), .init(secondary: .enableEPT)),
    (.init(secondary: .eptViolationVE), .init(secondary: .enableEPT)),
    (
      .init(secondary: .intelPTUsesGuestPhysicalAddresses),
      .init(secondary: .enableEPT, exit: .clearRTITCtl, entry: .loadRTITCtl)
    ),
    (.init(tertiary: .enableHLAT), .init(secondary: .enableEPT)),
    (.init(tertiary: .eptPagingWriteControl), .init(secondary: .enableEPT)),
    (.init(tertiary: .guestPagingVerification), .init(secondary: .enableEPT)),
    (.init(exit: .saveVMXPreemptionTimerValue), .init(pin: .activateVMXPreemptionTimer)),
  ]
}
