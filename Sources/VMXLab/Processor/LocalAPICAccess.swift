// The processor's side of its local APIC: IA32_APIC_BASE, CR8, and stores to the registers.
extension Processor {
  /// No physical page.
  static let noPage: UInt64 = ~0

  /// IA32_APIC_BASE after RESET: enabled, and this is the bootstrap processor.
  mutating func resetAPICBase() {
    guard model.hasAPIC else { return }
    setAPICBase(APICBase.defaultAddress | APICBase.globalEnable | APICBase.bootstrapProcessor)
  }

  /// Writes IA32_APIC_BASE; false, with nothing changed, where WRMSR raises #GP(0): reserved bits, and
  /// changes of state that do not exist.
  ///
  /// Source: Intel SDM, "x2APIC State Transitions".
  mutating func writeAPICBase(_ value: UInt64) -> Bool {
    let reserved =
      APICBase.reserved | model.reservedPhysicalBits | 0xfff0_0000_0000_0000
      | (model.hasX2APIC ? 0 : APICBase.x2APICEnable)
    guard model.hasAPIC, value & reserved == 0 else { return false }
    let old = msrs.apicBase & APICBase.modeBits
    switch value & APICBase.modeBits {
    case APICBase.x2APICEnable: return false
    case APICBase.modeBits: guard old != 0 else { return false }
    case APICBase.globalEnable: guard old != APICBase.modeBits else { return false }
    default: break
    }
    setAPICBase(value)
    return true
  }

  private mutating func setAPICBase(_ value: UInt64) {
    msrs.apicBase = value
    let isMapped = value & APICBase.modeBits == APICBase.globalEnable
    let page = isMapped ? value & ~0xfff : Self.noPage
    platform.setAPICBase(value, cycles: cycles)
    guard page != apicPage else { return }
    apicPage = page
    // Either page may be RAM that translations reach without the slow path.
    translations.removeAll()
  }

  // MARK: CR8

  /// The task priority that MOV from CR8 reads.
  mutating func readCR8() -> UInt64 { UInt64(platform.taskPriority >> 4) }

  /// Writes the task priority, as MOV to CR8 does.
  mutating func writeCR8(_ value: UInt64) {
    platform.setTaskPriority(UInt8(truncatingIfNeeded: value << 4), cycles: cycles)
  }

  // MARK: Stores to registers

  /// Whether a store would go through now, as far as its first page goes; if not, what it leads to is
  /// recorded.
  mutating func mayStore(_ linear: UInt64, byteCount: UInt64) -> Bool {
    guard checkAddress(linear, byteCount: byteCount, stack: false, tag: dataTag),
      let page = translate(linear, .write, tag: dataTag)?.pointee.physicalPage
    else { return false }
    if page == vmx.apic.accessPage {
      let offset = UInt32(truncatingIfNeeded: linear & 0xfff)
      return mayWriteAPICAccessPage(offset, byteCount: byteCount)
    }
    return page != apicPage || runsAlone()
  }

  /// Whether the instruction that stores to APIC registers runs alone, so that what the store leads
  /// to comes before the next instruction. If not, it is started again: nothing of it is committed.
  mutating func runsAlone() -> Bool {
    if attention.contains(.alone) || delivery.isActive { return true }
    guard pending.kind == .none else { return false }
    pending.kind = .restart
    attention.insert(.pendingEvent)
    return false
  }
}
