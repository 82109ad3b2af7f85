// Hardware task switches.
//
// Source: Intel SDM, "Task Management".

/// What a task switch loads from a TSS of either size.
struct TaskState {
  var cr3: UInt32 = 0
  var eip: UInt32 = 0
  var eflags: UInt32 = 0
  var general = InlineArray<8, UInt32>(repeating: 0)
  /// Selectors of ES, CS, SS, DS, FS, GS.
  var selectors = InlineArray<6, UInt16>(repeating: 0)
  var ldt: UInt16 = 0
  /// The T flag: a debug trap before the task's first instruction.
  var traps = false
  /// SSP, which 32-bit TSSs have with CET.
  var ssp: UInt32 = 0

  /// The CPL that the task starts at.
  var level: UInt8 {
    UInt64(eflags) & RFLAGS.vm.rawValue != 0 ? 3 : selectors[1].rpl
  }
}

extension Processor {
  /// Switches to the task of `selector`; false after recording a fault (in the context of the new
  /// task, if its state could not all be loaded) or a VM exit.
  ///
  /// - Parameters:
  ///   - throughGate: a task gate named the selector, whose RPL and the TSS's DPL do not count.
  ///   - returnRIP: EIP to save for the old task.
  ///   - flags: EFLAGS to save for the old task.
  mutating func switchTask(
    _ selector: UInt16, _ source: TaskSwitchSource, throughGate: Bool, returnRIP: UInt64,
    flags: UInt64
  ) -> Bool {
    let isReturn = source == .iret
    let vector: ExceptionVector = isReturn ? .invalidTSS : .generalProtection
    guard !selector.isNullSelector, let found = tableDescriptor(selector, orRaise: vector) else {
      // A null selector is outside the table, as its first descriptor is not one.
      raise(vector, selector: selector)
      return false
    }
    let wanted: UInt32 = isReturn ? 2 : 0
    guard !found.access.isCodeOrData, found.access.type & 7 == 1 | wanted else {
      raise(vector, selector: selector)
      return false
    }
    if !isReturn, !throughGate {
      guard found.access.dpl >= cpl, found.access.dpl >= selector.rpl else {
        raise(vector, selector: selector)
        return false
      }
    }
    guard found.access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return false
    }
    let is32 = found.access.type & 8 != 0
    guard found.limit >= (is32 ? 0x67 : 0x2b) else {
      raise(.invalidTSS, selector: selector)
      return false
    }
    guard allowsTask(selector, limit: found.limit, is32: is32, isReturn: isReturn) else {
      return false
    }
    if interceptTaskSwitch(selector, source) { return false }
    let address = found.base
    guard let task = is32 ? readTask32(address) : readTask16(address),
      let shadow = leaveTaskShadowStack(for: task, source, returnRIP: returnRIP)
    else { return false }
    let keptFlags = isReturn ? flags & ~RFLAGS.nt.rawValue : flags
    guard saveTask(returnRIP: returnRIP, flags: keptFlags) else { return false }
    let old = segments[7].selector
    let nests = source == .call || source == .gate
    if nests {
      guard writeSystem(systemAddress(address), old) else { return false }
    } else {
      guard let table = descriptorAddress(old),
        let low = readSystem(table, UInt64.self)
      else {
        raise(.invalidTSS, selector: old)
        return false
      }
      guard setBusy(Descriptor(low: low, address: table), false) else { return false }
    }
    if !isReturn {
      guard setBusy(found, true) else { return false }
    }
    var register = found.segment(selector)
    register.access.rawValue |= 2
    commit(shadow)
    return enterTask(task, register, is32: is32, nests: nests)
      && finishTask(task, shadow, isReturn: isReturn)
  }

  // MARK: Reading and writing

  private mutating func readTask32(_ base: UInt64) -> TaskState? {
    var task = TaskState()
    guard let cr3 = readTask(base, 0x1c, UInt32.self), let eip = readTask(base, 0x20, UInt32.self),
      let eflags = readTask(base, 0x24, UInt32.self), let ldt = readTask(base, 0x60, UInt16.self),
      let trap = readTask(base, 0x64, UInt16.self)
    else { return nil }
    task.cr3 = cr3
    task.eip = eip
    task.eflags = eflags
    task.ldt = ldt
    task.traps = trap & 1 != 0
    for index in 0..<8 {
      guard let value = readTask(base, 0x28 &+ UInt64(index) &* 4, UInt32.self) else { return nil }
      task.general[index] = value
    }
    for index in 0..<6 {
      guard let value = readTask(base, 0x48 &+ UInt64(index) &* 4, UInt16.self) else { return nil }
      task.selectors[index] = value
    }
    if cr4.contains(.cet) {
      guard let ssp = readTask(base, Self.taskSSPOffset, UInt32.self) else { return nil }
      task.ssp = ssp
    }
    return task
  }

  private mutating func readTask16(_ base: UInt64) -> TaskState? {
    var task = TaskState()
    guard let ip = readTask(base, 0x0e, UInt16.self), let flags = readTask(base, 0x10, UInt16.self),
      let ldt = readTask(base, 0x2a, UInt16.self)
    else { return nil }
    task.eip = UInt32(ip)
    task.eflags = UInt32(flags)
    task.ldt = ldt
    for index in 0..<8 {
      guard let value = readTask(base, 0x12 &+ UInt64(index) &* 2, UInt16.self) else { return nil }
      // The upper halves, which the TSS has not, become ones.
      task.general[index] = 0xffff_0000 | UInt32(value)
    }
    for index in 0..<4 {
      guard let value = readTask(base, 0x22 &+ UInt64(index) &* 2, UInt16.self) else { return nil }
      task.selectors[index] = value
    }
    return task
  }

  private mutating func readTask<W: OperandWidth>(
    _ base: UInt64, _ offset: UInt64, _ width: W.Type
  ) -> W? {
    readSystem(systemAddress(base &+ offset), width)
  }

  /// Saves the current task's state in the TSS that TR names.
  private mutating func saveTask(returnRIP: UInt64, flags: UInt64) -> Bool {
    let task = segments[7]
    let width: UInt64 = hasTSS16 ? 2 : 4
    let start: UInt64 = hasTSS16 ? 0x0e : 0x20
    let last: UInt64 = hasTSS16 ? 0x29 : 0x5f
    guard !task.access.isUnusable, UInt64(task.limit) >= last else {
      raise(.invalidTSS, selector: task.selector)
      return false
    }
    let count = hasTSS16 ? 14 : 16
    for index in 0..<count {
      let value: UInt64 =
        switch index {
        case 0: returnRIP
        case 1: flags
        case 2..<10: general[index - 2]
        default: UInt64(segments[index - 10].selector)
        }
      let address = systemAddress(task.base &+ start &+ UInt64(index) &* width)
      // Selectors are 16 bits wide; what lies above them in a 32-bit TSS stays.
      let byteCount = index >= 10 ? 2 : width
      guard writeSlow(address, value, byteCount: byteCount, tag: systemTag, stack: false) else {
        return false
      }
    }
    return true
  }

  // MARK: The new task

  /// Loads a task's state. From here on faults belong to the new task.
  private mutating func enterTask(
    _ task: TaskState, _ register: Segment, is32: Bool, nests: Bool
  ) -> Bool {
    segments[7] = register
    cr0.insert(.ts)
    debug.dr7 &= ~0x155
    if is32, cr0.contains(.pg) {
      leaveAddressSpace()
      cr3 = UInt64(task.cr3)
      enterAddressSpace(invalidates: true)
    }
    rip = UInt64(task.eip)
    for index in 0..<8 { general[index] = UInt64(task.general[index]) }
    var flags = UInt64(task.eflags)
    if nests { flags |= RFLAGS.nt.rawValue }
    if !is32 { flags &= 0xffff }
    setRFLAGS(flags)
    for index in 0..<6 {
      segments[index] = Segment(
        selector: task.selectors[index], base: 0, limit: 0, access: .unusable)
    }
    segments[6] = Segment(selector: task.ldt, base: 0, limit: 0, access: .unusable)
    cpl = task.level
    let isLoaded = loadPointersForTask() && loadTaskSegments(task)
    updateMode()
    updateAttention()
    return isLoaded
  }

  /// The last steps of a task switch: the shadow stack, the T flag, and EIP.
  private mutating func finishTask(
    _ task: TaskState, _ shadow: TaskShadowStack, isReturn: Bool
  ) -> Bool {
    guard enterTaskShadowStack(shadow, task, isReturn: isReturn) else { return false }
    if task.traps { debug.pending |= DebugStatus.taskSwitch }
    updateAttention()
    guard rip <= UInt64(segments[1].limit) else {
      raise(.generalProtection, errorCode: 0)
      return false
    }
    return true
  }

  /// The page-directory pointers of PAE paging, which are registers.
  private mutating func loadPointersForTask() -> Bool {
    guard cr0.contains(.pg), cr4.contains(.pae) else { return true }
    for index in 0..<4 {
      let entry = load(
        (cr3 & 0xffff_ffe0 &+ UInt64(index) &* 8) & a20Mask, byteCount: 8)
      let reserved = model.reservedPhysicalBits | 0xfff0_0000_0000_01e6
      guard entry & PageTableEntry.present == 0 || entry & reserved == 0 else {
        raise(.invalidTSS, selector: segments[7].selector)
        return false
      }
      pdptes[index] = entry
    }
    return true
  }

  private mutating func loadTaskSegments(_ task: TaskState) -> Bool {
    if !task.ldt.isNullSelector {
      guard let table = ldtSegment(task.ldt, orRaise: .invalidTSS, notPresent: .invalidTSS) else {
        return false
      }
      segments[6] = table
    }
    if systemFlags & RFLAGS.vm.rawValue != 0 {
      for index in 0..<6 { loadVirtual8086Segment(index, task.selectors[index]) }
      return true
    }
    let stackSelector = task.selectors[2]
    guard !stackSelector.isNullSelector else {
      raise(.invalidTSS, selector: stackSelector)
      return false
    }
    guard let stack = stackSegment(stackSelector, level: cpl, orRaise: .invalidTSS),
      let code = taskCodeSegment(task.selectors[1])
    else { return false }
    segments[2] = stack
    segments[1] = code
    for index in 0..<6 where index != 1 && index != 2 {
      guard let segment = dataSegment(task.selectors[index], orRaise: .invalidTSS) else {
        return false
      }
      segments[index] = segment
    }
    return true
  }

  private mutating func taskCodeSegment(_ selector: UInt16) -> Segment? {
    guard !selector.isNullSelector else {
      raise(.invalidTSS, selector: selector)
      return nil
    }
    guard let found = descriptor(selector, orRaise: .invalidTSS) else { return nil }
    let access = found.access
    let isAllowed = access.isConforming ? access.dpl <= selector.rpl : access.dpl == selector.rpl
    guard access.isCode, isAllowed else {
      raise(.invalidTSS, selector: selector)
      return nil
    }
    guard access.isPresent else {
      raise(.segmentNotPresent, selector: selector)
      return nil
    }
    return markAccessed(found)?.segment(selector)
  }
}
