// Loading segment registers, with the checks that each mode makes.
//
// Source: Intel SDM, "Segment Selectors", "Privilege Level Checking When Accessing Data Segments",
// and the pages of MOV, POP, LDS, LLDT and LTR.

extension Segment {
  /// A data-segment register that holds a null selector.
  static let null = Segment(selector: 0, base: 0, limit: 0, access: .unusable)
}

extension Processor {
  /// Loads ES, SS, DS, FS or GS (`register` 0, 2 to 5) with a selector, as MOV, POP and LxS do;
  /// false after recording a fault, with nothing loaded.
  mutating func loadSegment(_ register: Int, _ selector: UInt16) -> Bool {
    switch mode {
    case .real:
      loadRealSegment(register, selector)
    case .virtual8086:
      loadVirtual8086Segment(register, selector)
    default:
      if register == 2 { return loadStackSegment(selector) }
      guard let segment = dataSegment(selector, orRaise: .generalProtection) else { return false }
      segments[register] = segment
    }
    refreshSegment(register)
    return true
  }

  /// Brings what is cached of a segment register other than CS up to date.
  @inline(__always) mutating func refreshSegment(_ register: Int) {
    if register == 2 {
      if mode != .long { stackMask = segments[2].access.isBig ? 0xffff_ffff : 0xffff }
    }
    if mode != .long {
      effectiveBase[register] = segments[register].base & 0xffff_ffff
    } else if register >= 4 {
      effectiveBase[register] = segments[register].base
    }
    updateFlatData()
  }

  /// Real-address mode: selector and base; limit and rights stay, which "big real mode" relies on.
  @inline(__always) mutating func loadRealSegment(_ register: Int, _ selector: UInt16) {
    segments[register].selector = selector
    segments[register].base = UInt64(selector) << 4
    if segments[register].access.isUnusable {
      segments[register].limit = 0xffff
      segments[register].access = SegmentAccessRights(rawValue: 0x93)
    }
  }

  /// Virtual-8086 mode: as an 8086, with the rights of level-3 data.
  mutating func loadVirtual8086Segment(_ register: Int, _ selector: UInt16) {
    segments[register] = Segment(
      selector: selector, base: UInt64(selector) << 4, limit: 0xffff,
      access: SegmentAccessRights(rawValue: 0xf3))
  }

  /// What a load of DS, ES, FS or GS in protected mode puts there; nil after recording `vector`, #NP
  /// or a fault of the access.
  ///
  /// - Parameter vector: #GP, or #TS within a task switch.
  mutating func dataSegment(_ selector: UInt16, orRaise vector: ExceptionVector) -> Segment? {
    if selector.isNullSelector {
      return Segment(selector: selector, base: 0, limit: 0, access: .unusable)
    }
    guard let found = descriptor(selector, orRaise: vector) else { return nil }
    let access = found.access
    let isPrivileged =
      access.isConforming || (access.dpl >= cpl && access.dpl >= selector.rpl)
    guard access.isData || access.isReadableCode, isPrivileged else {
      raise(vector, selector: selector)
      return nil
    }
    guard access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return nil
    }
    return markAccessed(found)?.segment(selector)
  }

  /// Loads SS in protected mode.
  private mutating func loadStackSegment(_ selector: UInt16) -> Bool {
    if selector.isNullSelector {
      guard mode == .long, cpl != 3, selector.rpl == cpl else {
        raise(.generalProtection, errorCode: 0)
        return false
      }
      segments[2] = nullStackSegment(level: cpl)
      segments[2].selector = selector
      return true
    }
    guard let segment = stackSegment(selector, level: cpl, orRaise: .generalProtection) else {
      return false
    }
    segments[2] = segment
    refreshSegment(2)
    return true
  }

  /// A stack segment for privilege level `level`; nil after recording `vector`, #SS or a fault of the
  /// access. The selector is not null.
  mutating func stackSegment(
    _ selector: UInt16, level: UInt8, orRaise vector: ExceptionVector
  ) -> Segment? {
    guard let found = descriptor(selector, orRaise: vector) else { return nil }
    guard selector.rpl == level, found.access.dpl == level, found.access.isWritableData else {
      raise(vector, selector: selector)
      return nil
    }
    guard found.access.isPresent else {
      raise(.stackFault, selector: selector)
      return nil
    }
    return markAccessed(found)?.segment(selector)
  }

  // MARK: LDTR and TR

  /// LLDT; false after recording a fault.
  mutating func loadLDTR(_ selector: UInt16) -> Bool {
    guard
      let segment = ldtSegment(
        selector, orRaise: .generalProtection, notPresent: .segmentNotPresent)
    else { return false }
    segments[6] = segment
    return true
  }

  /// What LDTR holds for a selector; nil after recording a fault.
  mutating func ldtSegment(
    _ selector: UInt16, orRaise vector: ExceptionVector, notPresent: ExceptionVector
  ) -> Segment? {
    if selector.isNullSelector {
      return Segment(selector: selector, base: 0, limit: 0, access: .unusable)
    }
    guard let found = tableDescriptor(selector, orRaise: vector) else { return nil }
    guard found.systemType == SystemDescriptorType.ldt else {
      raise(vector, selector: selector)
      return nil
    }
    guard found.access.isPresent else {
      raise(notPresent, selector: selector)
      return nil
    }
    guard let whole = completed(found, selector, orRaise: vector) else { return nil }
    guard !isIA32e || isCanonicalForProcessor(whole.base) else {
      raise(vector, selector: selector)
      return nil
    }
    return whole.segment(selector)
  }

  /// LTR; false after recording a fault.
  mutating func loadTR(_ selector: UInt16) -> Bool {
    guard !selector.isNullSelector else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    guard let found = tableDescriptor(selector, orRaise: .generalProtection) else { return false }
    let isAvailable =
      found.systemType == SystemDescriptorType.availableTSS32
      || (found.systemType == SystemDescriptorType.availableTSS16 && !isIA32e)
    guard isAvailable else {
      raise(.generalProtection, selector: selector)
      return false
    }
    guard found.access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return false
    }
    guard var whole = completed(found, selector, orRaise: .generalProtection) else { return false }
    guard !isIA32e || isCanonicalForProcessor(whole.base) else {
      raise(.generalProtection, selector: selector)
      return false
    }
    guard setBusy(whole, true) else { return false }
    whole.low |= 2 << 40
    segments[7] = whole.segment(selector)
    return true
  }

  /// The descriptor of a selector that must refer to the GDT; nil after recording a fault.
  mutating func tableDescriptor(
    _ selector: UInt16, orRaise vector: ExceptionVector
  ) -> Descriptor? {
    guard selector & 4 == 0 else {
      raise(vector, selector: selector)
      return nil
    }
    return descriptor(selector, orRaise: vector)
  }
}
