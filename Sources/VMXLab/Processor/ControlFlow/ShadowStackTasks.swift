// What task switches do to shadow stacks. Tasks have 32-bit TSSs with an SSP at their end.
//
// Source: Intel SDM, "Task Switching" and "Task-State Segment (TSS)".

/// What a task switch takes from the old task's shadow stack.
struct TaskShadowStack {
  /// IRET: shadow stacks were on, and SSP is given up.
  var isLeft = false
  /// CALL and events: what to push on the new task's shadow stack. IRET: what was on the old one's, and
  /// must be that of the new task.
  var frame: ShadowStackFrame?
  /// IA32_PL3_SSP; nil: it stays.
  var userPointer: UInt64?
}

extension Processor {
  /// Offset of SSP in a 32-bit TSS.
  static var taskSSPOffset: UInt64 { 104 }

  /// Whether a TSS of this limit may be switched to, as far as CET goes; #TS is recorded if not.
  mutating func allowsTask(
    _ selector: UInt16, limit: UInt32, is32: Bool, isReturn: Bool
  ) -> Bool {
    guard cr4.contains(.cet) else { return true }
    guard is32, UInt64(limit) >= Self.taskSSPOffset &+ 3 else {
      raise(.invalidTSS, selector: selector)
      return false
    }
    guard !isReturn || !cet.usesShadowStack || cet.ssp & 7 == 0 else {
      raise(.invalidTSS, selector: segments[7].selector)
      return false
    }
    return true
  }

  /// The old task's side: what the new task is to find, or nil after a fault.
  mutating func leaveTaskShadowStack(
    for task: TaskState, _ source: TaskSwitchSource, returnRIP: UInt64
  ) -> TaskShadowStack? {
    var kept = TaskShadowStack()
    guard cet.usesShadowStack else { return kept }
    let level = task.level
    switch source {
    case .jump: break
    case .call, .gate:
      if cpl == 3, level < 3 {
        kept.userPointer = cet.ssp
      } else {
        kept.frame = shadowFrame(returnRIP: returnRIP)
      }
    case .iret:
      var stack = currentShadowStack
      if level == cpl || level < 3 {
        guard let pointer = pop(byteCount: 8, &stack), let linear = pop(byteCount: 8, &stack),
          let selector = pop(byteCount: 8, &stack)
        else { return nil }
        kept.frame = ShadowStackFrame(selector: selector, linear: linear, pointer: pointer)
      }
      guard release(stack) else { return nil }
      kept.isLeft = true
    }
    return kept
  }

  /// Gives the old task's shadow stack up.
  mutating func commit(_ kept: TaskShadowStack) {
    if kept.isLeft { cet.ssp = 0 }
    if let pointer = kept.userPointer { cet.levelSSP[3] = pointer }
  }

  /// The new task's side, once its state is loaded; false after recording a fault.
  mutating func enterTaskShadowStack(_ kept: TaskShadowStack, _ task: TaskState, isReturn: Bool)
    -> Bool
  {
    guard cr4.contains(.cet) else { return true }
    if !isReturn { trackFarTransfer() }
    let isVirtual = systemFlags & RFLAGS.vm.rawValue != 0
    guard !isVirtual || controlFlow.isDisjoint(with: .shadowStack.union(.endbranch)) else {
      raise(.invalidTSS, selector: segments[7].selector)
      return false
    }
    guard cet.usesShadowStack else { return true }
    return isReturn ? returnToTaskShadowStack(kept) : acquireTaskShadowStack(kept, task)
  }

  private mutating func returnToTaskShadowStack(_ kept: TaskShadowStack) -> Bool {
    let next = shadowFrame(returnRIP: rip)
    let pointer = kept.frame?.pointer ?? cet.levelSSP[3]
    let isExpected =
      kept.frame.map { $0.selector == next.selector && $0.linear == next.linear } ?? true
    guard isExpected, pointer & 3 == 0, pointer >> 32 == 0 else {
      raiseControlProtection(.farReturn)
      return false
    }
    cet.ssp = pointer
    return true
  }

  private mutating func acquireTaskShadowStack(_ kept: TaskShadowStack, _ task: TaskState) -> Bool {
    var stack = ShadowStack(pointer: UInt64(task.ssp), isUser: cpl == 3, isLong: false)
    let free = stack.pointer
    guard free & 7 == 0 else {
      raise(.invalidTSS, selector: segments[7].selector)
      return false
    }
    guard let wasFree = exchangeToken(free, free, for: free | shadowStackBusy, stack) else {
      return false
    }
    guard wasFree else {
      raise(.invalidTSS, selector: segments[7].selector)
      return false
    }
    if let frame = kept.frame {
      guard push(frame, &stack) else { return false }
    }
    cet.ssp = stack.pointer
    return true
  }
}
