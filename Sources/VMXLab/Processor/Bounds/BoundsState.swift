/// The registers of Intel MPX.
///
/// Source: Intel SDM, "Intel Memory Protection Extensions", programming environment.
struct BoundsState {
  /// Lower and upper bound of BND0 to BND3 in turn. Upper bounds are kept as they are held, in one's
  /// complement: 0 is the top of memory.
  var registers = InlineArray<8, UInt64>(repeating: 0)
  /// BNDCFGU, for CPL 3.
  var userConfiguration: UInt64 = 0
  /// IA32_BNDCFGS, for the others.
  var supervisorConfiguration: UInt64 = 0
  /// BNDSTATUS.
  var status: UInt64 = 0
}

/// Bits of BNDCFGU and IA32_BNDCFGS.
enum BoundsConfiguration {
  static let enable: UInt64 = 1 << 0
  /// BNDPRESERVE: branches without a BND prefix leave the bounds alone.
  static let preserve: UInt64 = 1 << 1
  static let reserved: UInt64 = 0xffc
  /// Linear address of the bound directory.
  static let directory: UInt64 = ~0xfff
}

/// BNDSTATUS, bits 1:0: what a bound-range exception is about.
enum BoundsStatus {
  /// BOUND.
  static let bound: UInt64 = 0
  static let violation: UInt64 = 1
  /// A directory entry that is not valid; its address is in the other bits.
  static let invalidEntry: UInt64 = 2
}

extension Processor {
  /// BNDCFGU or IA32_BNDCFGS, whichever the CPL chooses.
  @inline(__always) var boundsConfiguration: UInt64 {
    cpl == 3 ? bounds.userConfiguration : bounds.supervisorConfiguration
  }

  /// Whether Intel MPX is enabled at this CPL. Otherwise its instructions do nothing, and branches leave the
  /// bounds alone.
  @inline(__always) var heedsBounds: Bool {
    let components = XStateComponents.bounds.rawValue
    return vector.xcr0 & components == components && cr4.contains(.osxsave)
      && boundsConfiguration & BoundsConfiguration.enable != 0
  }

  /// Writes IA32_BNDCFGS; false where WRMSR raises #GP(0).
  mutating func writeSupervisorBoundsConfiguration(_ value: UInt64) -> Bool {
    guard model.features.contains(.mpx), value & BoundsConfiguration.reserved == 0,
      isCanonical(value & BoundsConfiguration.directory)
    else { return false }
    bounds.supervisorConfiguration = value
    updateMode()
    return true
  }

  /// What a branch without a BND prefix does to the bounds.
  ///
  /// Source: Intel SDM, "CALL, RET, JMP and All Jcc" of the MPX chapter.
  mutating func initializeBounds() {
    guard boundsConfiguration & BoundsConfiguration.preserve == 0 else { return }
    bounds.registers = InlineArray(repeating: 0)
  }
}
