import CCapstone

// MONITOR and MWAIT; UMONITOR, UMWAIT and TPAUSE.
//
// Source: Intel SDM, the pages of these instructions, and "Changes to Instruction Behavior in VMX
// Non-Root Operation".
extension InstructionForm {
  static let monitorWait: [InstructionForm] = [
    InstructionForm(X86_INS_MONITOR, .monitor, .end, feature: .monitor) { state, i in
      system(state, i) { cpu, i in cpu.monitorAddress(i) }
    },
    InstructionForm(X86_INS_MWAIT, .monitor, .end, feature: .monitor) { state, i in
      system(state, i) { cpu, _ in cpu.monitorWait() }
    },
    user(.umonitor) { state, i in system(state, i) { cpu, i in cpu.monitorUserAddress(i) } },
    user(.umwait) { state, i in system(state, i) { cpu, i in cpu.pauseUser(i, .umwait) } },
    user(.tpause) { state, i in system(state, i) { cpu, i in cpu.pauseUser(i, .tpause) } },
  ]

  /// An instruction whose one operand is a register.
  private static func user(
    _ instruction: AddedInstruction, _ handler: @escaping Handler
  ) -> InstructionForm {
    InstructionForm(instruction.id, .monitor, .end, feature: .waitpkg) { decoded, builder in
      guard let register = decoded.operands.first else { return nil }
      builder.setDestination(register, of: decoded)
      return handler
    }
  }
}

extension Processor {
  /// IA32_MISC_ENABLE can switch MONITOR and MWAIT off, and they are invalid above CPL 0.
  private var allowsMonitor: Bool { msrs.miscEnable & MiscEnable.monitor != 0 && cpl == 0 }

  /// The extensions that MONITOR and MWAIT take from ECX, RCX in 64-bit mode.
  private var monitorExtensions: UInt64 {
    mode == .long ? general[1] : general[1] & 0xffff_ffff
  }

  fileprivate mutating func monitorAddress(_ i: InstructionReference) {
    guard allowsMonitor else { return raise(.invalidOpcode) }
    if vmx.isNonRoot, vmx.primary.contains(.monitorExiting) { return recordExit(.monitor) }
    guard monitorExtensions == 0 else { return raise(.generalProtection, errorCode: 0) }
    monitorLine(i, offset: general[0])
  }

  fileprivate mutating func monitorUserAddress(_ i: InstructionReference) {
    monitorLine(i, offset: general[Int(i.pointer.pointee.destination >> 3) & 15])
  }

  /// Monitors the line at DS:`offset`, or in the segment of an override; faults as a load would.
  private mutating func monitorLine(_ i: InstructionReference, offset: UInt64) {
    let segment = i.pointer.pointee.segment
    guard let linear = stringLinear(offset, segment: segment, i, UInt8.self, .read),
      let physical = probe(linear, stack: segment == 2)
    else { return }
    monitor.arm(physical, in: ram)
  }

  fileprivate mutating func monitorWait() {
    guard allowsMonitor else { return raise(.invalidOpcode) }
    let isArmed = monitor.isWaiting(in: ram)
    if vmx.isNonRoot, vmx.primary.contains(.mwaitExiting) {
      return recordExit(.mwait, qualification: isArmed ? 1 : 0)
    }
    // Bit 0: masked interrupts end the wait.
    let extensions = monitorExtensions
    guard extensions & ~model.mwaitExtensions == 0 else {
      return raise(.generalProtection, errorCode: 0)
    }
    guard isArmed else { return }
    let wakesByMaskedInterrupt = extensions & 1 != 0
    if wakesByMaskedInterrupt, systemFlags & RFLAGS.if.rawValue == 0,
      watchesInterruptWindow || (vmx.isNonRoot && vmx.apic.hasInterrupt)
    {
      return
    }
    enter(
      OptimizedState(
        isActive: true, isMonitoring: true, wakesByMaskedInterrupt: wakesByMaskedInterrupt))
  }

  /// UMWAIT and TPAUSE: wait until the time-stamp counter reaches EDX:EAX, UMWAIT only while the
  /// monitored line stays as it is.
  fileprivate mutating func pauseUser(_ i: InstructionReference, _ reason: BasicExitReason) {
    guard !vmx.isNonRoot || vmx.secondary.contains(.enableUserWaitAndPause) else {
      return raise(.invalidOpcode)
    }
    if cr4.contains(.tsd), cpl > 0 { return raise(.generalProtection, errorCode: 0) }
    if interceptUserWait(i, reason) { return }
    // Bit 0 asks for C0.1 rather than C0.2.
    let state = general[Int(i.pointer.pointee.destination >> 3) & 15] & 0xffff_ffff
    guard state & ~1 == 0 else { return raise(.generalProtection, errorCode: 0) }
    lazy.load(0)
    let isMonitoring = reason == .umwait
    if isMonitoring, !monitor.isWaiting(in: ram) { return }
    let deadline = general[2] << 32 | general[0] & 0xffff_ffff
    let now = visibleTimeStampCounter
    guard deadline > now else { return }
    var delay = cyclesOfVisibleTime(deadline &- now)
    let limit = msrs.umwaitControl & UMWAITControl.maximumTime
    let isLimited = limit != 0 && limit < delay
    if isLimited { delay = limit }
    enter(
      OptimizedState(
        isActive: true, isMonitoring: isMonitoring, wakesByMaskedInterrupt: true,
        deadline: cycles.addingSaturating(delay), isLimitedBySystem: isLimited))
  }
}

/// Bits of IA32_UMWAIT_CONTROL.
///
/// Source: Intel SDM, "UMWAIT—User Level Monitor Wait".
enum UMWAITControl {
  /// Bits 31:2: the most TSC ticks that UMWAIT and TPAUSE wait, 0 for no limit; bits 1:0 count as 0.
  static let maximumTime: UInt64 = 0xffff_fffc
  /// Bit 1, and those beyond 31.
  static let reserved: UInt64 = ~0xffff_fffd
}

/// Bits of IA32_MISC_ENABLE that the processor looks at.
enum MiscEnable {
  /// Performance monitoring is there; read-only.
  static let performanceMonitoring: UInt64 = 1 << 7
  /// Branch trace store is not; read-only.
  static let branchTraceUnavailable: UInt64 = 1 << 11
  /// Processor event-based sampling is not; read-only.
  static let preciseSamplingUnavailable: UInt64 = 1 << 12
  static let readOnly = performanceMonitoring | branchTraceUnavailable | preciseSamplingUnavailable
  /// MONITOR and MWAIT exist.
  static let monitor: UInt64 = 1 << 18
}
