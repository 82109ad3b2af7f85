/// A guest segment register, to pick the rules of a check that several registers share. Constant where
/// it is used, so that the choice costs nothing once the check is inlined.
enum SegmentRuleSet: Sendable {
  case cs, ss, ds, es, fs, gs, tr, ldtr

  @inline(__always) var accessed: VMEntryRule {
    switch self {
    case .es: .guestESAccessed
    case .fs: .guestFSAccessed
    case .gs: .guestGSAccessed
    default: .guestDSAccessed
    }
  }

  @inline(__always) var readable: VMEntryRule {
    switch self {
    case .es: .guestESReadable
    case .fs: .guestFSReadable
    case .gs: .guestGSReadable
    default: .guestDSReadable
    }
  }

  @inline(__always) var dpl: VMEntryRule {
    switch self {
    case .es: .guestESDPL
    case .fs: .guestFSDPL
    case .gs: .guestGSDPL
    default: .guestDSDPL
    }
  }

  @inline(__always) var descriptorType: VMEntryRule {
    switch self {
    case .es: .guestESDescriptorType
    case .fs: .guestFSDescriptorType
    case .gs: .guestGSDescriptorType
    default: .guestDSDescriptorType
    }
  }

  @inline(__always) var present: VMEntryRule {
    switch self {
    case .cs: .guestCSPresent
    case .ss: .guestSSPresent
    case .ds: .guestDSPresent
    case .es: .guestESPresent
    case .fs: .guestFSPresent
    case .gs: .guestGSPresent
    case .tr: .guestTRPresent
    case .ldtr: .guestLDTRPresent
    }
  }

  @inline(__always) var reservedLow: VMEntryRule {
    switch self {
    case .cs: .guestCSReservedLow
    case .ss: .guestSSReservedLow
    case .ds: .guestDSReservedLow
    case .es: .guestESReservedLow
    case .fs: .guestFSReservedLow
    case .gs: .guestGSReservedLow
    case .tr: .guestTRReservedLow
    case .ldtr: .guestLDTRReservedLow
    }
  }

  @inline(__always) var granularityByte: VMEntryRule {
    switch self {
    case .cs: .guestCSGranularityByte
    case .ss: .guestSSGranularityByte
    case .ds: .guestDSGranularityByte
    case .es: .guestESGranularityByte
    case .fs: .guestFSGranularityByte
    case .gs: .guestGSGranularityByte
    case .tr: .guestTRGranularityByte
    case .ldtr: .guestLDTRGranularityByte
    }
  }

  @inline(__always) var granularityPage: VMEntryRule {
    switch self {
    case .cs: .guestCSGranularityPage
    case .ss: .guestSSGranularityPage
    case .ds: .guestDSGranularityPage
    case .es: .guestESGranularityPage
    case .fs: .guestFSGranularityPage
    case .gs: .guestGSGranularityPage
    case .tr: .guestTRGranularityPage
    case .ldtr: .guestLDTRGranularityPage
    }
  }

  @inline(__always) var reservedHigh: VMEntryRule {
    switch self {
    case .cs: .guestCSReservedHigh
    case .ss: .guestSSReservedHigh
    case .ds: .guestDSReservedHigh
    case .es: .guestESReservedHigh
    case .fs: .guestFSReservedHigh
    case .gs: .guestGSReservedHigh
    case .tr: .guestTRReservedHigh
    case .ldtr: .guestLDTRReservedHigh
    }
  }
}
