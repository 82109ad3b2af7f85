@testable import VMXLab

/// What holds of a processor between two instructions, whatever the guest does.
///
/// Source: Intel SDM, the sections on control registers, modes of operation, RFLAGS and privilege
/// levels; for what is cached, the emulator's own rule that it follows from the rest.
struct ProcessorInvariant: Sendable {
  let text: String
  let holds: @Sendable (Processor) -> Bool

  /// The ones that do not hold.
  static func broken(_ state: Processor) -> [String] {
    all.filter { !$0.holds(state) }.map(\.text)
  }

  static let all: [ProcessorInvariant] = architectural + cached

  private static let architectural: [ProcessorInvariant] = [
    .init(text: "Paging needs protected mode") {
      !$0.cr0.contains(.pg) || $0.cr0.contains(.pe)
    },
    .init(text: "CR0.NW is 0 unless CR0.CD is 1") {
      !$0.cr0.contains(.nw) || $0.cr0.contains(.cd)
    },
    .init(text: "CR0.ET is 1") { $0.cr0.contains(.et) },
    .init(text: "LMA is LME and PG") {
      $0.efer.contains(.lma) == ($0.efer.contains(.lme) && $0.cr0.contains(.pg))
    },
    .init(text: "IA-32e mode needs CR4.PAE") {
      !$0.efer.contains(.lma) || $0.cr4.contains(.pae)
    },
    .init(text: "CR4 has no bit that the processor has not") {
      $0.cr4.rawValue & ~$0.model.cr4Bits == 0
    },
    .init(text: "CR4.PCIDE needs IA-32e mode") {
      !$0.cr4.contains(.pcide) || $0.efer.contains(.lma)
    },
    .init(text: "CR4.CET needs CR0.WP") {
      !$0.cr4.contains(.cet) || $0.cr0.contains(.wp)
    },
    .init(text: "Indirect branches are not tracked and suppressed at once") {
      !$0.cet.userControl.isContradictory && !$0.cet.supervisorControl.isContradictory
    },
    .init(text: "SSP is a multiple of 4") { $0.cet.ssp & 3 == 0 },
    .init(text: "Reserved bits of RFLAGS") {
      $0.rflags & ~RFLAGS.defined.rawValue == 0 && $0.rflags & 2 != 0
    },
    .init(text: "RFLAGS.VM is 0 in IA-32e mode and in real-address mode") {
      $0.rflags & RFLAGS.vm.rawValue == 0 || ($0.cr0.contains(.pe) && !$0.efer.contains(.lma))
    },
    .init(text: "CPL is 0 in real-address mode and 3 in virtual-8086 mode") {
      switch $0.mode {
      case .real: $0.cpl == 0
      case .virtual8086: $0.cpl == 3
      default: $0.cpl <= 3
      }
    },
    .init(text: "The CPL is the RPL of CS") {
      !$0.isProtected || $0.vmx.isNonRoot || $0.segments[1].selector.rpl == $0.cpl
    },
    .init(text: "CS is a present code segment") {
      // A triple fault in the new task of a task switch leaves CS as it was going to be loaded.
      $0.vmx.isNonRoot || $0.activity == .shutdown || $0.segments[1].access.rawValue & 0x90 == 0x90
    },
    .init(text: "The reserved bits of DR6 and DR7") {
      $0.debug.dr7 & 0x400 != 0 && $0.debug.dr7 >> 32 == 0 && $0.debug.dr6 >> 32 == 0
        && $0.debug.dr6 & 0x1000 == 0
    },
    .init(text: "RIP has 32 bits outside 64-bit mode") {
      $0.mode == .long || $0.rip >> 32 == 0
    },
    .init(text: "RIP is canonical in 64-bit mode") {
      // SYSCALL may go to where only 5-level paging would let it fetch.
      $0.mode != .long || $0.isCanonicalForProcessor($0.rip)
    },
    .init(text: "Bases of FS, GS, GDTR and IDTR are canonical in IA-32e mode") { state in
      !state.efer.contains(.lma)
        || [state.segments[4].base, state.segments[5].base, state.gdtr.base, state.idtr.base]
          .allSatisfy { state.isCanonicalForProcessor($0) }
    },
    .init(text: "Upper halves of RIP, RSP and so on cannot be written outside IA-32e mode") {
      // A guest that has never been in IA-32e mode has no way to them.
      $0.mode == .real || $0.mode == .virtual8086 || $0.rip == $0.rip & $0.ripMask
    },
    .init(text: "A processor in VMX operation has CR4.VMXE") {
      !$0.vmx.isOn || $0.cr4.contains(.vmxe)
    },
  ]

  /// What `updateMode` derives is as if it had just been derived.
  private static let cached: [ProcessorInvariant] = [
    .init(text: "The cached mode is that of the control registers, CS and RFLAGS") { state in
      var fresh = state
      fresh.updateMode()
      return fresh.mode == state.mode && fresh.decodeMode == state.decodeMode
        && fresh.ripMask == state.ripMask && fresh.stackMask == state.stackMask
    },
    .init(text: "What CET does at the CPL is that of its registers") { state in
      var fresh = state
      fresh.updateMode()
      return fresh.cet.usesShadowStack == state.cet.usesShadowStack
        && fresh.cet.tracksBranches == state.cet.tracksBranches
        && state.attention.contains(.endbranch) == state.awaitsEndbranch
    },
    .init(text: "The cached bases are those of the segment registers") { state in
      var fresh = state
      fresh.updateMode()
      return (0..<6).allSatisfy { fresh.effectiveBase[$0] == state.effectiveBase[$0] }
    },
    .init(text: "The cached access classes are those of the CPL and RFLAGS.AC") { state in
      var fresh = state
      fresh.updateMode()
      return fresh.dataTag == state.dataTag && fresh.fetchTag == state.fetchTag
    },
    .init(text: "Enabled counters count by the CPL and the activity state") {
      $0.performance.enabled == 0
        || ($0.performance.isUser == ($0.cpl != 0)
          && $0.performance.isHalted == ($0.activity != .active))
    },
    .init(text: "No counter that interrupts has overflowed unnoticed") {
      $0.performance.cycleDeadline > $0.cycles
        && $0.performance.instructionDeadline > $0.instructions
    },
  ]
}
