// VM exits and guest/host masks of accesses to control and debug registers.
//
// Source: Intel SDM, "Instructions That Cause VM Exits Conditionally", "Changes to Instruction
// Behavior in VMX Non-Root Operation", and "Exit Qualification for Control-Register Accesses".
extension Processor {
  /// CR0 as MOV from CR0 and SMSW see it: masked bits come from the read shadow.
  var visibleCR0: UInt64 {
    guard vmx.isNonRoot else { return cr0.rawValue }
    let mask = vmx.vmcs.cr0GuestHostMask
    return cr0.rawValue & ~mask | vmx.vmcs.cr0ReadShadow & mask
  }

  /// CR4 as MOV from CR4 sees it: masked bits come from the read shadow.
  var visibleCR4: UInt64 {
    guard vmx.isNonRoot else { return cr4.rawValue }
    let mask = vmx.vmcs.cr4GuestHostMask
    return cr4.rawValue & ~mask | vmx.vmcs.cr4ReadShadow & mask
  }

  /// The value that MOV to CR0 really writes; nil if it exits.
  mutating func interceptCR0Write(_ value: UInt64, register: UInt8) -> UInt64? {
    guard vmx.isNonRoot else { return value }
    let mask = vmx.vmcs.cr0GuestHostMask
    if (value ^ vmx.vmcs.cr0ReadShadow) & mask != 0 {
      recordExit(
        .controlRegisterAccess,
        qualification: ControlRegisterAccess.moveTo(0, register: register))
      return nil
    }
    return value & ~mask | cr0.rawValue & mask
  }

  /// The value that MOV to CR4 really writes; nil if it exits.
  mutating func interceptCR4Write(_ value: UInt64, register: UInt8) -> UInt64? {
    guard vmx.isNonRoot else { return value }
    let mask = vmx.vmcs.cr4GuestHostMask
    if (value ^ vmx.vmcs.cr4ReadShadow) & mask != 0 {
      recordExit(
        .controlRegisterAccess,
        qualification: ControlRegisterAccess.moveTo(4, register: register))
      return nil
    }
    return value & ~mask | cr4.rawValue & mask
  }

  /// Whether MOV to CR3 exits: "CR3-load exiting" and a value that is no CR3-target value.
  mutating func interceptCR3Write(_ value: UInt64, register: UInt8) -> Bool {
    guard vmx.isNonRoot, vmx.primary.contains(.cr3LoadExiting) else { return false }
    let count = vmx.vmcs.cr3TargetCount
    if count > 0, value == vmx.vmcs.cr3TargetValue0 { return false }
    if count > 1, value == vmx.vmcs.cr3TargetValue1 { return false }
    if count > 2, value == vmx.vmcs.cr3TargetValue2 { return false }
    if count > 3, value == vmx.vmcs.cr3TargetValue3 { return false }
    recordExit(
      .controlRegisterAccess, qualification: ControlRegisterAccess.moveTo(3, register: register))
    return true
  }

  mutating func interceptCR3Read(register: UInt8) -> Bool {
    guard vmx.isNonRoot, vmx.primary.contains(.cr3StoreExiting) else { return false }
    recordExit(
      .controlRegisterAccess, qualification: ControlRegisterAccess.moveFrom(3, register: register))
    return true
  }

  mutating func interceptCR8(write: Bool, register: UInt8) -> Bool {
    guard vmx.isNonRoot, vmx.primary.contains(write ? .cr8LoadExiting : .cr8StoreExiting) else {
      return false
    }
    recordExit(
      .controlRegisterAccess,
      qualification: write
        ? ControlRegisterAccess.moveTo(8, register: register)
        : ControlRegisterAccess.moveFrom(8, register: register))
    return true
  }

  /// CR0 after CLTS; nil if it exits.
  mutating func interceptCLTS() -> CR0? {
    let cleared = cr0.subtracting(.ts)
    guard vmx.isNonRoot, vmx.vmcs.cr0GuestHostMask & CR0.ts.rawValue != 0 else { return cleared }
    guard vmx.vmcs.cr0ReadShadow & CR0.ts.rawValue != 0 else { return cr0 }
    recordExit(.controlRegisterAccess, qualification: ControlRegisterAccess.clts)
    return nil
  }

  /// CR0 that LMSW writes; nil if it exits.
  ///
  /// - Parameter memory: linear address of the operand, if that is in memory.
  mutating func interceptLMSW(_ source: UInt16, memory: UInt64?) -> UInt64? {
    // LMSW can set PE but not clear it.
    let operand = UInt64(source) & 0xf
    guard vmx.isNonRoot else {
      return cr0.rawValue & ~0xe | operand & 0xe | cr0.rawValue & 1 | operand & 1
    }
    let mask = vmx.vmcs.cr0GuestHostMask & 0xf
    let shadow = vmx.vmcs.cr0ReadShadow
    let differs = (operand ^ shadow) & mask & 0xe != 0
    if differs || (operand & mask & 1 != 0 && shadow & 1 == 0) {
      recordExit(
        .controlRegisterAccess,
        qualification: ControlRegisterAccess.lmsw(source, isMemory: memory != nil))
      vmx.exit.guestLinearAddress = memory ?? 0
      return nil
    }
    let writable = 0xf & ~mask
    let loaded = cr0.rawValue & ~(writable & 0xe) | operand & writable & 0xe
    return loaded | operand & writable & 1
  }

  /// Records the exit of MOV DR; false if it exits.
  mutating func recordMOVDR(
    _ i: InstructionReference, write: Bool, number: UInt8, register: UInt8
  ) -> Bool {
    guard vmx.isNonRoot, vmx.primary.contains(.movDRExiting) else { return true }
    recordExit(
      .movDR,
      qualification: UInt64(number) | (write ? 0 : 0x10) | UInt64(register & 0xf) << 8)
    return false
  }

  /// CR0 values that VMX operation allows (IA32_VMX_CR0_FIXED0 and FIXED1).
  ///
  /// Source: Intel SDM, "Restrictions on VMX Operation".
  func vmxAllowsCR0(_ value: CR0) -> Bool {
    guard vmx.isOn else { return true }
    var fixed0 = model.capabilities.msrs.cr0Fixed0
    if vmx.isNonRoot, vmx.secondary.contains(.unrestrictedGuest) {
      fixed0 &= ~(CR0.pe.rawValue | CR0.pg.rawValue)
    }
    return value.rawValue & fixed0 == fixed0
      && value.rawValue & ~model.capabilities.msrs.cr0Fixed1 & 0xffff_ffff == 0
  }

  /// CR4 values that VMX operation allows (IA32_VMX_CR4_FIXED0 and FIXED1).
  func vmxAllowsCR4(_ value: CR4) -> Bool {
    guard vmx.isOn else { return true }
    let fixed0 = model.capabilities.msrs.cr4Fixed0
    return value.rawValue & fixed0 == fixed0
      && value.rawValue & ~model.capabilities.msrs.cr4Fixed1 == 0
  }
}

/// Exit qualifications of control-register accesses.
///
/// Source: Intel SDM, "Exit Qualification for Control-Register Accesses".
enum ControlRegisterAccess {
  static let clts: UInt64 = 2 << 4

  static func moveTo(_ number: UInt64, register: UInt8) -> UInt64 {
    number | UInt64(register & 0xf) << 8
  }
  static func moveFrom(_ number: UInt64, register: UInt8) -> UInt64 {
    number | 1 << 4 | UInt64(register & 0xf) << 8
  }
  static func lmsw(_ source: UInt16, isMemory: Bool) -> UInt64 {
    3 << 4 | (isMemory ? 1 << 6 : 0) | UInt64(source) << 16
  }
}
