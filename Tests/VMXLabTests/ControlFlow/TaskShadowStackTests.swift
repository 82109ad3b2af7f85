import Testing

@testable import VMXLab

/// Task switches with shadow stacks and the tracking of indirect branches.
@Suite struct TaskShadowStackTests {
  private typealias Runner = ControlFlowRunner
  private typealias Place = ControlFlowRunner.Place
  private typealias Selector = ControlFlowRunner.Selector

  private static let token = Place.supervisorShadow + 0xff8
  // Through m16:32 at [RBX].
  private static let callFar: [UInt8] = [0xff, 0x1b]
  private static let jumpFar: [UInt8] = [0xff, 0x2b]

  /// A runner with a second task at `level`, to be reached by a far pointer in memory.
  private func runner(
    level: UInt8 = 0, limit: UInt64 = 0x6b, access: UInt64 = 0xe9
  ) throws -> Runner {
    let runner = try Runner(.protected)
    runner.setControl(.shadowStack, level: 0)
    runner.setControl(.shadowStack, level: 3)
    // What the first task will find when it is returned to.
    runner.put32(UInt32(Place.tables + 0x1000), at: Place.tss + 0x1c)
    runner.setDescriptor(
      Selector.otherTask, Runner.task(Place.otherTSS, limit: limit, access: access))
    runner.put(UInt64(Selector.otherTask) << 32, at: Place.data)
    runner.general = [3: Place.data]
    let user = level == 3
    let code = UInt32(user ? Selector.userCode | 3 : Selector.kernelCode)
    let data = UInt32(user ? Selector.userData | 3 : Selector.kernelData)
    let base = Place.otherTSS
    runner.put32(UInt32(Place.tables + 0x1000), at: base + 0x1c)
    runner.put32(UInt32(Place.target), at: base + 0x20)
    runner.put32(2, at: base + 0x24)
    runner.put32(UInt32(Place.userStack - 0x100), at: base + 0x38)
    for (offset, selector) in [(0x48, data), (0x4c, code), (0x50, data), (0x54, data)]
      as [(UInt64, UInt32)]
    {
      runner.put32(selector, at: base + offset)
    }
    let token = user ? Place.userShadow + 0xff8 : Self.token
    runner.put32(UInt32(token), at: base + 104)
    runner.put(token, at: token)
    runner.ssp = Place.supervisorShadow + 0x800
    return runner
  }

  @Test("JMP to a task takes the token that its TSS names")
  func jump() throws {
    for level in [0, 3] as [UInt8] {
      let runner = try runner(level: level)
      let token = level == 3 ? Place.userShadow + 0xff8 : Self.token
      #expect(runner.run(Self.jumpFar) == .retires)
      #expect(runner.rip == Place.target)
      #expect(runner.ssp == token)
      #expect(runner.get(token) == token | 1)
    }
  }

  @Test("CALL to a task pushes a frame on its shadow stack, which IRET matches")
  func callAndReturn() throws {
    let runner = try runner()
    runner.machine.writeMemory([0xcf], at: Place.target)
    // The first task's own shadow stack has a busy token at SSP.
    let ssp = runner.ssp
    #expect(runner.run(Self.callFar) == .retires)
    #expect(runner.ssp == Self.token - 24)
    #expect(runner.get(Self.token - 24) == ssp)
    #expect(runner.get(Self.token - 16) == Place.code + 2)
    #expect(runner.get(Self.token - 8) == UInt64(Selector.kernelCode))
    #expect(runner.resume() == .retires)
    #expect(runner.rip == Place.code + 2)
    #expect(runner.ssp == ssp)
    #expect(runner.get(Self.token) == Self.token)
    #expect(runner.state.pointee.segments[7].selector == Selector.task)
  }

  @Test("IRET to a task that is not where the frame says raises #CP in that task")
  func mismatch() throws {
    let runner = try runner(level: 3)
    // The kernel has no shadow stack, so that it can take the fault of a task that has none left.
    runner.setControl([], level: 0)
    runner.setInterruptGate(21, selector: Selector.kernelCode, Place.handlers + 21 * 16)
    runner.machine.writeMemory([0xcf], at: Place.target)
    runner.ssp = Place.userShadow + 0x800
    #expect(runner.run(Self.callFar, level: 3) == .retires)
    #expect(runner.ssp == Place.userShadow + 0xff8 - 24)
    // Another EIP in the first task's TSS.
    runner.put32(UInt32(Place.code + 4), at: Place.tss + 0x20)
    #expect(runner.resume() == .controlProtection(2))
    #expect(runner.state.pointee.segments[7].selector == Selector.task)
    #expect(runner.get(Place.userShadow + 0xff8) == Place.userShadow + 0xff8)
    #expect(runner.ssp == 0)
  }

  @Test("A task gate keeps the user's SSP, and pushes a frame from the supervisor's")
  func taskGate() throws {
    for level in [0, 3] as [UInt8] {
      let runner = try runner()
      runner.put(UInt64(Selector.otherTask) << 16 | 0xe5 << 40, at: Place.idt + 0x20 * 8)
      runner.ssp = (level == 3 ? Place.userShadow : Place.supervisorShadow) + 0x800
      let ssp = runner.ssp
      runner.cet.levelSSP[3] = 0x7770
      #expect(runner.run([0xcd, 0x20], level: level) == .retires)
      #expect(runner.state.pointee.cpl == 0)
      #expect(runner.ssp == (level == 3 ? Self.token : Self.token - 24))
      #expect(runner.cet.levelSSP[3] == (level == 3 ? ssp : 0x7770))
      #expect(runner.get(Self.token) == Self.token | 1)
      // IRET back.
      runner.machine.writeMemory([0xcf], at: Place.target)
      runner.state.pointee.rip = Place.target
      #expect(runner.resume() == .retires)
      #expect(runner.state.pointee.cpl == level)
      #expect(runner.ssp == ssp)
      #expect(runner.get(Self.token) == Self.token)
    }
  }

  @Test("With CR4.CET, a TSS must be a 32-bit one that has an SSP")
  func needsSSP() throws {
    let code = UInt32(Selector.otherTask)
    for jump in [Self.callFar, Self.jumpFar] {
      #expect(try runner(limit: 0x6a).run(jump) == .faults(10, code))
      #expect(try runner(access: 0xe1).run(jump) == .faults(10, code))
      // The bits of IA32_S_CET do not matter.
      let plain = try runner(limit: 0x6a)
      plain.setControl([], level: 0)
      #expect(plain.run(jump) == .faults(10, code))
      plain.state.pointee.cr4.remove(.cet)
      #expect(plain.run(jump) == .retires)
    }
  }

  @Test("A TSS whose SSP is misaligned, or has no free token, is #TS in the new task")
  func badTokens() throws {
    // The fault is taken by level 3 of the new task: it has the handlers' conforming segment.
    let code = UInt32(Selector.otherTask)
    for (ssp, token) in [
      (Place.userShadow + 0xffc, Place.userShadow + 0xffc),
      (Place.userShadow + 0xff8, Place.userShadow + 0xff8 | 1), (Place.userShadow + 0xff8, 0),
    ] as [(UInt64, UInt64)] {
      let runner = try runner(level: 3)
      runner.put32(UInt32(ssp), at: Place.otherTSS + 104)
      runner.put(token, at: ssp)
      // Where the fault's frame goes: SSP is still the old task's.
      runner.ssp = Place.userShadow + 0x800
      #expect(runner.run(Self.jumpFar) == .faults(10, code))
      #expect(runner.state.pointee.segments[7].selector == Selector.otherTask)
      #expect(runner.get(ssp) == token)
    }
  }

  @Test("IRET with SSP misaligned is #TS of the task that it would leave")
  func misalignedReturn() throws {
    let runner = try runner()
    runner.machine.writeMemory([0xcf], at: Place.target)
    #expect(runner.run(Self.callFar) == .retires)
    runner.ssp -= 4
    #expect(runner.resume() == .faults(10, UInt32(Selector.otherTask)))
  }

  @Test("A task in virtual-8086 mode cannot be entered while IA32_U_CET asks for CET")
  func virtual8086() throws {
    for (control, isAllowed) in [
      ([], true), (.shadowStack, false), (.endbranch, false),
    ] as [(ControlFlowControl, Bool)] {
      let runner = try runner()
      runner.setControl(control, level: 3)
      runner.put32(UInt32(RFLAGS.vm.rawValue) | 2, at: Place.otherTSS + 0x24)
      for selector in stride(from: 0x48, through: 0x5c, by: 4) as StrideThrough<UInt64> {
        runner.put32(0, at: Place.otherTSS + selector)
      }
      // #TS goes to the kernel, by the stack of the new task's TSS.
      runner.setControl([], level: 0)
      runner.setInterruptGate(10, selector: Selector.kernelCode, Place.handlers + 160)
      runner.put(Place.kernelStack | UInt64(Selector.kernelData) << 32, at: Place.otherTSS + 4)
      let outcome = runner.run(Self.jumpFar)
      #expect(outcome == (isAllowed ? .retires : .faults(10, UInt32(Selector.otherTask))))
    }
  }

  @Test("A task starts by awaiting ENDBR, but for IRET")
  func tracking() throws {
    let runner = try runner()
    runner.setControl(.endbranch, level: 0)
    // ENDBR32; IRET
    runner.machine.writeMemory([0xf3, 0x0f, 0x1e, 0xfb, 0xcf], at: Place.target)
    runner.machine.writeMemory([0xff, 0x1b, 0x90], at: Place.code)
    #expect(runner.run(Self.callFar) == .retires)
    #expect(runner.cet.supervisorControl.contains(.tracker))
    #expect(runner.resume() == .retires)
    #expect(!runner.cet.supervisorControl.contains(.tracker))
    #expect(runner.resume() == .retires)
    #expect(runner.rip == Place.code + 2)
    #expect(!runner.cet.supervisorControl.contains(.tracker))
    #expect(runner.resume() == .retires)
    #expect(runner.rip == Place.code + 3)
  }
}
