// Recording what stops an instruction.
extension Processor {
  /// Records a fault of the current instruction; the first one recorded counts.
  ///
  /// - Parameters:
  ///   - errorCode: given for the exceptions that push one. EXT is added while an event external to
  ///     the program is delivered.
  ///   - qualification: DR6 bits (#DB) or linear address (#PF).
  @inline(never)
  mutating func raise(
    _ vector: ExceptionVector, errorCode: UInt32? = nil, qualification: UInt64 = 0
  ) {
    guard pending.kind == .none else { return }
    var event = PendingEvent()
    event.kind = .exception
    event.vector = vector.rawValue
    event.qualification = qualification
    if let errorCode {
      // Real-address mode has no error codes.
      event.hasErrorCode = mode != .real
      event.errorCode = errorCode | externalBit(for: vector)
    }
    pending = event
    attention.insert(.pendingEvent)
  }

  /// Records a fault whose error code names a segment selector.
  @inline(never)
  mutating func raise(_ vector: ExceptionVector, selector: UInt16) {
    raise(vector, errorCode: UInt32(selector & 0xfffc))
  }

  /// Forgets what is recorded, such as an instruction that is not built.
  mutating func clearPending() {
    pending = PendingEvent()
    attention.remove(.pendingEvent)
  }

  /// EXT for a fault within the delivery of an event that the program did not ask for.
  ///
  /// Source: Intel SDM, "Error Code".
  private func externalBit(for vector: ExceptionVector) -> UInt32 {
    guard delivery.isActive else { return 0 }
    switch delivery.type {
    case .softwareInterrupt, .softwareException: return 0
    default: break
    }
    switch vector {
    case .invalidTSS, .segmentNotPresent, .stackFault, .generalProtection:
      return SelectorErrorCode.external
    default: return 0
    }
  }
}

extension PendingEvent {
  /// Whether the flags image that its delivery pushes has RF set.
  ///
  /// Source: Intel SDM, "Instruction-Breakpoint Exception Condition".
  var isFaultThatSetsRF: Bool {
    guard type == .hardwareException, !isTrap else { return false }
    switch ExceptionVector(rawValue: vector) {
    case .debug: return qualification & DebugStatus.accessDetected != 0
    case .doubleFault, .machineCheck, .nmi, .breakpoint, .overflow: return false
    default: return true
    }
  }
}

/// Bits of DR6, of #DB's exit qualification, and of pending debug exceptions.
///
/// Source: Intel SDM, "Debug Status Register (DR6)".
enum DebugStatus {
  static let breakpoints: UInt64 = 0xf
  /// Pending debug exceptions only: a breakpoint that is enabled in DR7 was met.
  static let enabledBreakpoint: UInt64 = 1 << 12
  /// BD: an access to a debug register while DR7.GD is set.
  static let accessDetected: UInt64 = 1 << 13
  /// BS: single step.
  static let singleStep: UInt64 = 1 << 14
  /// BT: the T flag of the new task's TSS.
  static let taskSwitch: UInt64 = 1 << 15
}
