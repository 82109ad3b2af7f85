// The guest-state area's segment registers as `Segment` values.
//
// Source: Intel SDM, "Guest Register State".
extension VMCS {
  /// A segment register of the guest-state area.
  public func guestSegment(_ register: SegmentRegister) -> Segment {
    switch register {
    case .es:
      Segment(
        selector: guestESSelector, base: guestESBase, limit: guestESLimit,
        access: SegmentAccessRights(rawValue: guestESAccessRights))
    case .cs:
      Segment(
        selector: guestCSSelector, base: guestCSBase, limit: guestCSLimit,
        access: SegmentAccessRights(rawValue: guestCSAccessRights))
    case .ss:
      Segment(
        selector: guestSSSelector, base: guestSSBase, limit: guestSSLimit,
        access: SegmentAccessRights(rawValue: guestSSAccessRights))
    case .ds:
      Segment(
        selector: guestDSSelector, base: guestDSBase, limit: guestDSLimit,
        access: SegmentAccessRights(rawValue: guestDSAccessRights))
    case .fs:
      Segment(
        selector: guestFSSelector, base: guestFSBase, limit: guestFSLimit,
        access: SegmentAccessRights(rawValue: guestFSAccessRights))
    case .gs:
      Segment(
        selector: guestGSSelector, base: guestGSBase, limit: guestGSLimit,
        access: SegmentAccessRights(rawValue: guestGSAccessRights))
    case .ldtr:
      Segment(
        selector: guestLDTRSelector, base: guestLDTRBase, limit: guestLDTRLimit,
        access: SegmentAccessRights(rawValue: guestLDTRAccessRights))
    case .tr:
      Segment(
        selector: guestTRSelector, base: guestTRBase, limit: guestTRLimit,
        access: SegmentAccessRights(rawValue: guestTRAccessRights))
    }
  }

  /// Saves a segment register to the guest-state area.
  public mutating func setGuestSegment(_ register: SegmentRegister, _ segment: Segment) {
    switch register {
    case .es:
      guestESSelector = segment.selector
      guestESBase = segment.base
      guestESLimit = segment.limit
      guestESAccessRights = segment.access.rawValue
    case .cs:
      guestCSSelector = segment.selector
      guestCSBase = segment.base
      guestCSLimit = segment.limit
      guestCSAccessRights = segment.access.rawValue
    case .ss:
      guestSSSelector = segment.selector
      guestSSBase = segment.base
      guestSSLimit = segment.limit
      guestSSAccessRights = segment.access.rawValue
    case .ds:
      guestDSSelector = segment.selector
      guestDSBase = segment.base
      guestDSLimit = segment.limit
      guestDSAccessRights = segment.access.rawValue
    case .fs:
      guestFSSelector = segment.selector
      guestFSBase = segment.base
      guestFSLimit = segment.limit
      guestFSAccessRights = segment.access.rawValue
    case .gs:
      guestGSSelector = segment.selector
      guestGSBase = segment.base
      guestGSLimit = segment.limit
      guestGSAccessRights = segment.access.rawValue
    case .ldtr:
      guestLDTRSelector = segment.selector
      guestLDTRBase = segment.base
      guestLDTRLimit = segment.limit
      guestLDTRAccessRights = segment.access.rawValue
    case .tr:
      guestTRSelector = segment.selector
      guestTRBase = segment.base
      guestTRLimit = segment.limit
      guestTRAccessRights = segment.access.rawValue
    }
  }
}
