/// A guest segment register as the VMCS has it.
struct GuestSegment {
  var selector: UInt16
  var base: UInt64
  var limit: UInt32
  var access: SegmentAccessRights

  @inline(__always) init(_ selector: UInt16, _ base: UInt64, _ limit: UInt32, _ access: UInt32) {
    self.selector = selector
    self.base = base
    self.limit = limit
    self.access = SegmentAccessRights(rawValue: access)
  }

  @inline(__always) var rpl: UInt8 { UInt8(truncatingIfNeeded: selector) & 3 }
  @inline(__always) var isUsable: Bool { !access.isUnusable }
  /// Bits 63:32 of the base.
  @inline(__always) var highBase: UInt64 { base & 0xffff_ffff_0000_0000 }
}

extension UnsafePointer where Pointee == VMCS {
  @inline(__always) var guestES: GuestSegment {
    .init(
      pointee.guestESSelector, pointee.guestESBase, pointee.guestESLimit,
      pointee.guestESAccessRights)
  }
  @inline(__always) var guestCS: GuestSegment {
    .init(
      pointee.guestCSSelector, pointee.guestCSBase, pointee.guestCSLimit,
      pointee.guestCSAccessRights)
  }
  @inline(__always) var guestSS: GuestSegment {
    .init(
      pointee.guestSSSelector, pointee.guestSSBase, pointee.guestSSLimit,
      pointee.guestSSAccessRights)
  }
  @inline(__always) var guestDS: GuestSegment {
    .init(
      pointee.guestDSSelector, pointee.guestDSBase, pointee.guestDSLimit,
      pointee.guestDSAccessRights)
  }
  @inline(__always) var guestFS: GuestSegment {
    .init(
      pointee.guestFSSelector, pointee.guestFSBase, pointee.guestFSLimit,
      pointee.guestFSAccessRights)
  }
  @inline(__always) var guestGS: GuestSegment {
    .init(
      pointee.guestGSSelector, pointee.guestGSBase, pointee.guestGSLimit,
      pointee.guestGSAccessRights)
  }
  @inline(__always) var guestLDTR: GuestSegment {
    .init(
      pointee.guestLDTRSelector, pointee.guestLDTRBase, pointee.guestLDTRLimit,
      pointee.guestLDTRAccessRights)
  }
  @inline(__always) var guestTR: GuestSegment {
    .init(
      pointee.guestTRSelector, pointee.guestTRBase, pointee.guestTRLimit,
      pointee.guestTRAccessRights)
  }
}

extension VMEntryContext {
  /// Source: Intel SDM, "Checks on Guest Segment Registers".
  func checkGuestSegments<R: RuleReporter>(_ r: inout R) -> Bool {
    let isVirtual8086 = guestRFLAGS.contains(.vm)
    guard checkGuestSelectors(&r, isVirtual8086: isVirtual8086) else { return false }
    guard checkGuestSegmentBases(&r) else { return false }
    if isVirtual8086 {
      guard checkVirtual8086Segments(&r) else { return false }
    } else {
      guard checkGuestCS(&r) else { return false }
      guard checkGuestSS(&r) else { return false }
      guard checkGuestDataSegment(&r, .ds, vmcs.guestDS) else { return false }
      guard checkGuestDataSegment(&r, .es, vmcs.guestES) else { return false }
      guard checkGuestDataSegment(&r, .fs, vmcs.guestFS) else { return false }
      guard checkGuestDataSegment(&r, .gs, vmcs.guestGS) else { return false }
    }
    guard checkGuestTR(&r) else { return false }
    return checkGuestLDTR(&r)
  }

  private func checkGuestSelectors<R: RuleReporter>(
    _ r: inout R, isVirtual8086: Bool
  ) -> Bool {
    let tableIndicator: UInt16 = 4
    let tr = vmcs.pointee.guestTRSelector & tableIndicator
    guard r.clear(.guestTRSelectorTI, UInt64(tr)) else { return false }
    let ldtr = vmcs.guestLDTR
    let ldtrIndicator = ldtr.isUsable ? ldtr.selector & tableIndicator : 0
    guard r.clear(.guestLDTRSelectorTI, UInt64(ldtrIndicator)) else { return false }
    if isVirtual8086 || isUnrestrictedGuest { return true }
    return r.holds(.guestSSRPLMatchesCS, vmcs.guestSS.rpl == vmcs.guestCS.rpl)
  }

  private func checkGuestSegmentBases<R: RuleReporter>(_ r: inout R) -> Bool {
    let v = vmcs
    guard checkCanonical(&r, .guestTRBaseCanonical, v.pointee.guestTRBase) else { return false }
    guard checkCanonical(&r, .guestFSBaseCanonical, v.pointee.guestFSBase) else { return false }
    guard checkCanonical(&r, .guestGSBaseCanonical, v.pointee.guestGSBase) else { return false }
    let ldtr = v.guestLDTR
    if ldtr.isUsable {
      guard checkCanonical(&r, .guestLDTRBaseCanonical, ldtr.base) else { return false }
    }
    guard r.clear(.guestCSBaseHigh, v.guestCS.highBase) else { return false }
    let ss = v.guestSS
    guard r.clear(.guestSSBaseHigh, ss.isUsable ? ss.highBase : 0) else { return false }
    let ds = v.guestDS
    guard r.clear(.guestDSBaseHigh, ds.isUsable ? ds.highBase : 0) else { return false }
    let es = v.guestES
    return r.clear(.guestESBaseHigh, es.isUsable ? es.highBase : 0)
  }

  private func checkGuestCS<R: RuleReporter>(_ r: inout R) -> Bool {
    let cs = vmcs.guestCS
    let access = cs.access
    let type = access.type
    let isAccessedCode = type & 9 == 9
    let isFlatData = type == 3
    guard r.holds(.guestCSType, isAccessedCode || (isFlatData && isUnrestrictedGuest)) else {
      return false
    }
    guard r.holds(.guestCSDescriptorType, access.isCodeOrData) else { return false }
    let dpl = access.dpl
    let ssDPL = vmcs.guestSS.access.dpl
    guard r.holds(.guestCSDataDPL, !isFlatData || dpl == 0) else { return false }
    let isNonconforming = type == 9 || type == 11
    guard r.holds(.guestCSNonconformingDPL, !isNonconforming || dpl == ssDPL) else { return false }
    let isConforming = type == 13 || type == 15
    guard r.holds(.guestCSConformingDPL, !isConforming || dpl <= ssDPL) else { return false }
    guard checkDescriptor(&r, .cs, cs) else { return false }
    let isWrong = isIA32eGuest && access.isLong && access.isBig
    return r.holds(.guestCSDefaultSize, !isWrong)
  }

  private func checkGuestSS<R: RuleReporter>(_ r: inout R) -> Bool {
    let ss = vmcs.guestSS
    let access = ss.access
    if !isUnrestrictedGuest {
      guard r.holds(.guestSSDPLMatchesRPL, access.dpl == ss.rpl) else { return false }
    }
    if vmcs.guestCS.access.type == 3 || !guestCR0.contains(.pe) {
      guard r.holds(.guestSSDPLZero, access.dpl == 0) else { return false }
    }
    guard ss.isUsable else { return true }
    guard r.holds(.guestSSType, access.type == 3 || access.type == 7) else { return false }
    guard r.holds(.guestSSDescriptorType, access.isCodeOrData) else { return false }
    return checkDescriptor(&r, .ss, ss)
  }

  private func checkGuestDataSegment<R: RuleReporter>(
    _ r: inout R, _ rules: SegmentRuleSet, _ segment: GuestSegment
  ) -> Bool {
    guard segment.isUsable else { return true }
    let access = segment.access
    guard r.holds(rules.accessed, access.isAccessed) else { return false }
    let isUnreadable = access.type & 0xa == 8
    guard r.holds(rules.readable, !isUnreadable) else { return false }
    guard r.holds(rules.descriptorType, access.isCodeOrData) else { return false }
    if !isUnrestrictedGuest && access.type <= 11 {
      guard r.holds(rules.dpl, access.dpl >= segment.rpl) else { return false }
    }
    return checkDescriptor(&r, rules, segment)
  }

  private func checkGuestTR<R: RuleReporter>(_ r: inout R) -> Bool {
    let tr = vmcs.guestTR
    let type = tr.access.type
    let isBusy =
      type == SystemDescriptorType.busyTSS32
      || (type == SystemDescriptorType.busyTSS16 && !isIA32eGuest)
    guard r.holds(.guestTRType, isBusy) else { return false }
    guard r.holds(.guestTRDescriptorType, !tr.access.isCodeOrData) else { return false }
    guard checkDescriptor(&r, .tr, tr) else { return false }
    return r.holds(.guestTRUsable, tr.isUsable)
  }

  private func checkGuestLDTR<R: RuleReporter>(_ r: inout R) -> Bool {
    let ldtr = vmcs.guestLDTR
    guard ldtr.isUsable else { return true }
    let isLDT = ldtr.access.type == SystemDescriptorType.ldt
    guard r.holds(.guestLDTRType, isLDT) else { return false }
    guard r.holds(.guestLDTRDescriptorType, !ldtr.access.isCodeOrData) else { return false }
    return checkDescriptor(&r, .ldtr, ldtr)
  }

  /// What holds for every kind of segment: P, reserved bits, and G that suits the limit.
  @inline(__always) private func checkDescriptor<R: RuleReporter>(
    _ r: inout R, _ rules: SegmentRuleSet, _ segment: GuestSegment
  ) -> Bool {
    let access = segment.access
    guard r.holds(rules.present, access.isPresent) else { return false }
    guard r.clear(rules.reservedLow, UInt64(access.rawValue & 0xf00)) else { return false }
    let hasPages = access.hasPageGranularity
    let endsOnPage = segment.limit & 0xfff == 0xfff
    guard r.holds(rules.granularityByte, endsOnPage || !hasPages) else { return false }
    let needsPages = segment.limit & 0xfff0_0000 != 0
    guard r.holds(rules.granularityPage, hasPages || !needsPages) else { return false }
    return r.clear(rules.reservedHigh, UInt64(access.rawValue & 0xfffe_0000))
  }
}
