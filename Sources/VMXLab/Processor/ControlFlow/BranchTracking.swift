// Indirect-branch tracking (IBT): the state machine that wants ENDBR behind an indirect branch.
//
// Source: Intel SDM, "Indirect Branch Tracking".
extension Processor {
  /// A near indirect CALL or JMP: the next instruction must be ENDBR, unless tracking is suppressed or
  /// the branch has a NOTRACK prefix that counts.
  mutating func trackIndirectBranch(noTrack isNoTrack: Bool) {
    guard cet.tracksBranches, !controlFlow.contains(.suppress),
      !isNoTrack || !controlFlow.contains(.noTrack)
    else { return }
    controlFlow.insert(.tracker)
    attention.insert(.endbranch)
  }

  /// A far transfer or an event has come to its target: the next instruction must be ENDBR, if tracking
  /// is on at the new CPL, suppressed or not.
  @inline(__always) mutating func trackFarTransfer() {
    guard cet.tracksBranches else { return }
    controlFlow.remove(.suppress)
    controlFlow.insert(.tracker)
    attention.insert(.endbranch)
  }

  /// ENDBR.
  mutating func landOnEndbranch() {
    guard cet.tracksBranches else { return }
    controlFlow.subtract(.tracker.union(.suppress))
    attention.remove(.endbranch)
  }

  /// Whether the instruction at RIP may run although ENDBR is awaited; if not, a fault is recorded.
  ///
  /// Source: Intel SDM, "Legacy Compatibility Treatment".
  mutating func mayLand(on instruction: UnsafePointer<Instruction>) -> Bool {
    if instruction.pointee.isBranchTarget { return true }
    guard controlFlow.contains(.legacyBitmap) else {
      raiseControlProtection(.endbranch)
      return false
    }
    guard let isLegacy = isOnLegacyPage(linearRIP) else { return false }
    guard isLegacy else {
      raiseControlProtection(.endbranch)
      return false
    }
    controlFlow.remove(.tracker)
    if !controlFlow.contains(.suppressDisable) { controlFlow.insert(.suppress) }
    attention.remove(.endbranch)
    return true
  }

  /// Whether the legacy code page bitmap has the page of `linear`; nil after a fault of the access.
  private mutating func isOnLegacyPage(_ linear: UInt64) -> Bool? {
    let width: UInt64 = mode != .long ? 32 : cr4.contains(.la57) ? 57 : 48
    let page = (linear & ((1 << width) &- 1)) >> 12
    let place = systemAddress(controlFlow.bitmapBase &+ page >> 3)
    guard
      let byte = readSlow(place, byteCount: 1, tag: dataTag, kind: .read, stack: false)
    else { return nil }
    return byte >> (page & 7) & 1 != 0
  }
}
