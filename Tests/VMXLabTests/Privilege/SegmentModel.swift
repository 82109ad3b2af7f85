// What loads of segment registers, far jumps, checks of segments and software interrupts must do,
// written from the manual alone: none of the emulator's own code is used here.
//
// Source: Intel SDM, the pages of MOV, JMP, LAR, LSL, VERR, VERW and INT n, "System Descriptor Types".

/// How an instruction ends.
enum PrivilegeOutcome: Equatable {
  /// It retires.
  case retires
  /// It retires with this ZF, and this value in the destination if there is one.
  case answers(Bool, UInt32? = nil)
  case faults(vector: UInt8, errorCode: UInt32)

  static func generalProtection(_ code: UInt32) -> PrivilegeOutcome {
    .faults(vector: 13, errorCode: code)
  }
  static func notPresent(_ code: UInt32) -> PrivilegeOutcome {
    .faults(vector: 11, errorCode: code)
  }
  static func stackFault(_ code: UInt32) -> PrivilegeOutcome {
    .faults(vector: 12, errorCode: code)
  }
}

/// What a descriptor says, and the privilege levels that meet it.
struct SegmentCase {
  /// Bits 3:0 of the type, and S.
  var type = 0
  var isCodeOrData = true
  var dpl = 0
  var isPresent = true
  var isLong = false
  var isBig = true
  /// The selector's RPL, and the CPL.
  var rpl = 0
  var cpl = 0
  /// The processor is in IA-32e mode.
  var isIA32e = false
  /// The processor runs 64-bit code.
  var is64Bit = false

  /// Where the descriptor is in the GDT.
  static let index: UInt32 = 0x40
  var selector: UInt32 { Self.index | UInt32(rpl) }
  private var errorCode: UInt32 { Self.index }

  private var isCode: Bool { isCodeOrData && type & 8 != 0 }
  private var isData: Bool { isCodeOrData && type & 8 == 0 }
  private var isConforming: Bool { isCode && type & 4 != 0 }
  private var isReadable: Bool { isData || (isCode && type & 2 != 0) }
  private var isWritable: Bool { isData && type & 2 != 0 }
  /// Neither the CPL nor the RPL is too weak for the DPL.
  private var isReachable: Bool { cpl <= dpl && rpl <= dpl }

  /// MOV to DS, ES, FS or GS.
  var dataLoad: PrivilegeOutcome {
    guard isReadable, isConforming || isReachable else { return .generalProtection(errorCode) }
    return isPresent ? .retires : .notPresent(errorCode)
  }

  /// MOV to SS.
  var stackLoad: PrivilegeOutcome {
    guard rpl == cpl, dpl == cpl, isWritable else { return .generalProtection(errorCode) }
    return isPresent ? .retires : .stackFault(errorCode)
  }

  var verifyRead: PrivilegeOutcome {
    .answers(isReadable && (isConforming || isReachable))
  }

  var verifyWrite: PrivilegeOutcome { .answers(isWritable && isReachable) }

  private static let legacyTypes = (
    access: Set([1, 2, 3, 4, 5, 9, 11, 12]), limit: Set([1, 2, 3, 9, 11])
  )
  private static let ia32eTypes = (access: Set([2, 9, 11, 12]), limit: Set([2, 9, 11]))

  /// LAR, and LSL.
  func load(ofLimit: Bool, descriptor: UInt64) -> PrivilegeOutcome {
    let types = isIA32e ? Self.ia32eTypes : Self.legacyTypes
    let isKnown = isCodeOrData || (ofLimit ? types.limit : types.access).contains(type)
    guard isKnown, isConforming || isReachable else { return .answers(false) }
    if !ofLimit { return .answers(true, UInt32(truncatingIfNeeded: descriptor >> 32) & 0xf0_ff00) }
    let limit = UInt32(truncatingIfNeeded: descriptor & 0xffff | descriptor >> 32 & 0xf_0000)
    return .answers(true, descriptor >> 55 & 1 != 0 ? limit << 12 | 0xfff : limit)
  }

  /// A far jump; nil where it would switch tasks. `gateTarget` is the code segment that call gates
  /// lead to.
  func farJump(gateTarget: GateTarget) -> PrivilegeOutcome? {
    if isCode {
      if isIA32e, isLong, isBig { return .generalProtection(errorCode) }
      let isAllowed = isConforming ? dpl <= cpl : rpl <= cpl && dpl == cpl
      guard isAllowed else { return .generalProtection(errorCode) }
      return isPresent ? .retires : .notPresent(errorCode)
    }
    guard !isCodeOrData else { return .generalProtection(errorCode) }
    switch type {
    case 12,
      4 where !isIA32e:
      guard isReachable else { return .generalProtection(errorCode) }
      guard isPresent else { return .notPresent(errorCode) }
      return gateTarget.jump(cpl: cpl, isIA32e: isIA32e)
    case 1, 5, 9: return isIA32e ? .generalProtection(errorCode) : nil
    default: return .generalProtection(errorCode)
    }
  }
}

/// The code segment behind a gate.
struct GateTarget {
  var dpl = 0
  var isConforming = false
  var isPresent = true
  var isCode = true
  var isLong = false

  static let index: UInt32 = 0x50

  /// A jump through a call gate keeps the CPL.
  func jump(cpl: Int, isIA32e: Bool) -> PrivilegeOutcome {
    let isAllowed = isCode && (isConforming ? dpl <= cpl : dpl == cpl) && (isLong || !isIA32e)
    guard isAllowed else { return .generalProtection(Self.index) }
    return isPresent ? .retires : .notPresent(Self.index)
  }

  /// INT n enters a segment that is as privileged or more.
  func interrupt(cpl: Int, isIA32e: Bool) -> PrivilegeOutcome {
    guard isCode, dpl <= cpl, isLong || !isIA32e else { return .generalProtection(Self.index) }
    return isPresent ? .retires : .notPresent(Self.index)
  }
}

/// An entry of the IDT that INT n uses.
struct InterruptGateCase {
  static let vector: UInt32 = 0x40

  /// Bits 3:0 of the type, and S.
  var type = 14
  var isCodeOrData = false
  var dpl = 0
  var isPresent = true
  var cpl = 0
  var isIA32e = false
  var target = GateTarget()

  /// What INT n does; nil where it would switch tasks.
  var interrupt: PrivilegeOutcome? {
    let code = Self.vector << 3 | 2
    let types: Set = isIA32e ? [14, 15] : [5, 6, 7, 14, 15]
    guard !isCodeOrData, types.contains(type), dpl >= cpl else { return .generalProtection(code) }
    guard isPresent else { return .notPresent(code) }
    return type == 5 ? nil : target.interrupt(cpl: cpl, isIA32e: isIA32e)
  }
}
