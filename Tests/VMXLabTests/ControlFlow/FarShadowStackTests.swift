import Testing

@testable import VMXLab

/// Far CALL, JMP and RET with shadow stacks.
@Suite struct FarShadowStackTests {
  private typealias Runner = ControlFlowRunner
  private typealias Place = ControlFlowRunner.Place
  private typealias Selector = ControlFlowRunner.Selector

  // Through m16:32 at [RBX].
  private static let callFar: [UInt8] = [0xff, 0x1b]
  private static let jumpFar: [UInt8] = [0xff, 0x2b]
  /// RETF of 4-byte operands.
  private static let returnFar: [UInt8] = [0xcb]

  private func runner(_ mode: Runner.Mode) throws -> Runner {
    let runner = try Runner(mode)
    runner.setControl(.shadowStack, level: 0)
    runner.setControl(.shadowStack, level: 3)
    runner.general = [3: Place.data]
    return runner
  }

  private func setPointer(_ runner: Runner, _ selector: UInt16) {
    runner.put(Place.target | UInt64(selector) << 32, at: Place.data)
  }

  /// A free token of a supervisor shadow stack, whose frame has room below it.
  private func putToken(_ runner: Runner, at address: UInt64) { runner.put(address, at: address) }

  private static func shadowOf(_ level: UInt8) -> UInt64 {
    (level == 3 ? Place.userShadow : Place.supervisorShadow) + 0x800
  }

  // MARK: Same level

  @Test("A far CALL within a level pushes CS, the linear return address and SSP")
  func call() throws {
    for mode in Runner.Mode.allCases {
      for level in [0, 3] as [UInt8] {
        for misalignment in [0, 4] as [UInt64] {
          let runner = try runner(mode)
          let selector = level == 3 ? Selector.userCode : Selector.kernelCode
          // In compatibility mode, at level 0 to 64-bit code.
          setPointer(runner, selector)
          let ssp = Self.shadowOf(level) + misalignment
          runner.ssp = ssp
          for slot in 1...5 as ClosedRange<UInt64> { runner.put(.max, at: (ssp & ~7) - slot * 8) }
          runner.put32(.max, at: ssp - 4)
          #expect(runner.run(Self.callFar, level: level) == .retires)
          let top = (ssp & ~7) - 24
          #expect(runner.ssp == top)
          #expect(runner.get(top) == ssp)
          #expect(runner.get(top + 8) == Place.code + 2)
          #expect(runner.get(top + 16) == UInt64(selector) | UInt64(level))
          #expect(runner.get(top - 8) == .max)
          // The hole that alignment leaves is zero.
          if misalignment == 4 { #expect(runner.get32(ssp - 4) == 0) }
        }
      }
    }
  }

  @Test("The linear address of a return has the base of CS in it")
  func base() throws {
    let runner = try runner(.protected)
    setPointer(runner, Selector.userCode)
    runner.ssp = Self.shadowOf(3)
    // CS starts at 1000H for this instruction.
    runner.base = 0x1000
    runner.machine.writeMemory(Self.callFar, at: Place.code + 0x1000)
    #expect(runner.run(Self.callFar, level: 3) == .retires)
    #expect(runner.get(runner.ssp + 8) == Place.code + 0x1002)
  }

  @Test("Code that is not 64-bit cannot have an SSP above 4 GiB")
  func high() throws {
    for code in [Self.callFar, Self.jumpFar] {
      let runner = try runner(.long)
      setPointer(runner, Selector.kernelCode32)
      // The fault is taken on the shadow stack of an interrupt stack.
      runner.setInterruptGate(
        13, selector: Selector.handlerCode, Place.handlers + 13 * 16, interruptStack: 2)
      runner.put(Place.kernelStack - 0x200, at: Place.tss + 44)
      runner.put(Place.supervisorShadow + 0x1f8, at: Place.interruptSSPTable + 16)
      putToken(runner, at: Place.supervisorShadow + 0x1f8)
      runner.ssp = Self.shadowOf(0) | 1 << 32
      #expect(runner.run(code) == .generalProtection(0))
      #expect(runner.interruptedSSP == Self.shadowOf(0) | 1 << 32)
      runner.ssp = Self.shadowOf(0)
      #expect(runner.run(code) == .retires)
    }
  }

  @Test("RETF within a level compares CS and the linear address, and goes back to SSP")
  func farReturn() throws {
    // What is wrong, if anything: of the frame at SSP, CS, the address and the SSP in it.
    let cases: [(UInt64, UInt64, UInt64, UInt64, Runner.Outcome)] = [
      (0, 0, 0, 0, .retires), (4, 0, 0, 0, .controlProtection(2)),
      (0, 1, 0, 0, .controlProtection(2)), (0, 1 << 16, 0, 0, .controlProtection(2)),
      (0, 0, 1, 0, .controlProtection(2)), (0, 0, 1 << 32, 0, .controlProtection(2)),
      (0, 0, 0, 1, .controlProtection(2)), (0, 0, 0, 2, .controlProtection(2)),
      (0, 0, 0, 4, .retires), (0, 0, 0, 1 << 47, .generalProtection(0)),
    ]
    for mode in Runner.Mode.allCases {
      for level in [0, 3] as [UInt8] {
        for (offset, wrongCS, wrongLinear, wrongSSP, outcome) in cases {
          let runner = try runner(mode)
          let target =
            level == 3
            ? Selector.userCode
            : mode == .compatibility ? Selector.kernelCode32 : Selector.kernelCode
          let selector = UInt64(target) | UInt64(level)
          let stack = Place.data + 0x100
          runner.stack = stack
          runner.put32(UInt32(Place.target), at: stack)
          runner.put32(UInt32(selector), at: stack + 4)
          let ssp = Self.shadowOf(level)
          let previous = ssp + 0x100
          runner.put(previous ^ wrongSSP, at: ssp)
          runner.put(Place.target ^ wrongLinear, at: ssp + 8)
          runner.put(selector ^ wrongCS, at: ssp + 16)
          // What looks like a token is left alone.
          runner.put((ssp + 24) | 1, at: ssp + 24)
          runner.ssp = ssp + offset
          #expect(runner.run(Self.returnFar, level: level) == outcome, "\(mode) \(level)")
          #expect(runner.get(ssp + 24) == (ssp + 24) | 1)
          if outcome == .retires {
            #expect(runner.rip == Place.target)
            #expect(runner.ssp == previous ^ wrongSSP)
            #expect(runner.state.pointee.general[4] == stack + 8)
          } else {
            #expect(runner.interruptedSSP == ssp + offset)
          }
        }
      }
    }
  }

  // MARK: Between levels

  @Test("A call gate to an inner level takes that level's token and keeps the user's SSP")
  func gate() throws {
    for mode in Runner.Mode.allCases {
      for level in [1, 3] as [UInt8] {
        let runner = try runner(mode)
        runner.setCallGate(to: Selector.kernelCode)
        setPointer(runner, Selector.gate)
        let token = Place.supervisorShadow + 0xff8
        runner.cet.levelSSP[0] = token
        runner.cet.levelSSP[3] = 0x7770
        putToken(runner, at: token)
        let ssp = Self.shadowOf(level)
        runner.ssp = ssp
        #expect(runner.run(Self.callFar, level: level) == .retires)
        #expect(runner.state.pointee.cpl == 0)
        #expect(runner.get(token) == token | 1)
        if level == 3 {
          #expect(runner.ssp == token)
          #expect(runner.cet.levelSSP[3] == ssp)
        } else {
          #expect(runner.ssp == token - 24)
          #expect(runner.get(token - 24) == ssp)
          #expect(runner.get(token - 16) == Place.code + 2)
          #expect(runner.get(token - 8) == UInt64(Selector.middleCode) | 1)
          #expect(runner.cet.levelSSP[3] == 0x7770)
        }
      }
    }
  }

  @Test("A gate whose token is busy, elsewhere or misplaced is #GP(0), with nothing changed")
  func badTokens() throws {
    let good = Place.supervisorShadow + 0xff8
    // IA32_PL0_SSP, and what is there beside it.
    let cases: [(pointer: UInt64, token: UInt64)] = [
      (good, good | 1), (good, good + 8), (good, 0), (good + 4, good + 4),
      // The frame would be in another 32 bytes than the token.
      (good - 8, good - 8), (good - 16, good - 16), (good - 24, good - 24),
      (good | 1 << 32, good | 1 << 32),
    ]
    for mode in Runner.Mode.allCases {
      for (pointer, token) in cases {
        // In IA-32e mode the gate leads to 64-bit code, which may have any SSP.
        if pointer >> 32 != 0, mode.isIA32e { continue }
        let runner = try runner(mode)
        runner.setCallGate(to: Selector.kernelCode)
        setPointer(runner, Selector.gate)
        runner.cet.levelSSP[0] = pointer
        runner.put(token, at: pointer & 0xffff_ffff)
        let ssp = Self.shadowOf(3)
        runner.ssp = ssp
        #expect(runner.run(Self.callFar, level: 3) == .generalProtection(0))
        #expect(runner.state.pointee.cpl == 3)
        #expect(runner.interruptedSSP == ssp)
        #expect(runner.cet.levelSSP[3] == 0)
        #expect(runner.get(pointer & 0xffff_ffff) == token)
      }
      // Not on a shadow stack of the supervisor.
      let runner = try runner(mode)
      runner.setCallGate(to: Selector.kernelCode)
      setPointer(runner, Selector.gate)
      runner.cet.levelSSP[0] = Place.userShadow + 0xff8
      putToken(runner, at: Place.userShadow + 0xff8)
      runner.ssp = Self.shadowOf(3)
      #expect(runner.run(Self.callFar, level: 3) == .pageFault(0x43))
    }
  }

  @Test("A gate within a level pushes a frame, and a conforming one keeps the user's shadow stack")
  func gateWithinLevel() throws {
    for mode in Runner.Mode.allCases {
      for (selector, level) in [(Selector.kernelCode, 0), (Selector.handlerCode, 3)]
        as [(UInt16, UInt8)]
      {
        let runner = try runner(mode)
        runner.setCallGate(to: selector)
        setPointer(runner, Selector.gate)
        let ssp = Self.shadowOf(level)
        runner.ssp = ssp
        #expect(runner.run(Self.callFar, level: level) == .retires)
        #expect(runner.state.pointee.cpl == level)
        #expect(runner.ssp == ssp - 24)
        #expect(runner.get(ssp - 24) == ssp)
      }
    }
  }

  @Test("Only levels with shadow stacks take part")
  func oneSided() throws {
    for mode in Runner.Mode.allCases {
      // Out of level 3 with shadow stacks, into level 0 without.
      let runner = try runner(mode)
      runner.setControl([], level: 0)
      runner.setCallGate(to: Selector.kernelCode)
      setPointer(runner, Selector.gate)
      runner.ssp = Self.shadowOf(3)
      #expect(runner.run(Self.callFar, level: 3) == .retires)
      #expect(runner.cet.levelSSP[3] == Self.shadowOf(3))
      // And the other way round.
      let token = Place.supervisorShadow + 0xff8
      runner.setControl(.shadowStack, level: 0)
      runner.setControl([], level: 3)
      runner.cet.levelSSP[0] = token
      runner.cet.levelSSP[3] = 0x7770
      putToken(runner, at: token)
      runner.ssp = 0x5550
      #expect(runner.run(Self.callFar, level: 3) == .retires)
      #expect(runner.ssp == token)
      #expect(runner.cet.levelSSP[3] == 0x7770)
    }
  }

  /// A RETF to `selector` that switches stacks, from level 0.
  private func prepareOuterReturn(_ runner: Runner, _ selector: UInt16, _ data: UInt16) {
    let stack = Place.data + 0x100
    runner.stack = stack
    runner.put32(UInt32(Place.target), at: stack)
    runner.put32(UInt32(selector), at: stack + 4)
    runner.put32(UInt32(Place.userStack - 0x100), at: stack + 8)
    runner.put32(UInt32(data), at: stack + 12)
  }

  @Test("RETF to level 3 takes IA32_PL3_SSP, and frees the token that it leaves")
  func returnToUser() throws {
    for mode in Runner.Mode.allCases {
      for (token, freed) in [(1, true), (0, false), (9, false)] as [(UInt64, Bool)] {
        let runner = try runner(mode)
        prepareOuterReturn(runner, Selector.userCode | 3, Selector.userData | 3)
        let ssp = Self.shadowOf(0)
        runner.ssp = ssp
        runner.put(ssp + token, at: ssp)
        runner.cet.levelSSP[3] = Self.shadowOf(3)
        #expect(runner.run(Self.returnFar) == .retires, "\(mode)")
        #expect(runner.state.pointee.cpl == 3)
        #expect(runner.ssp == Self.shadowOf(3))
        #expect(runner.get(ssp) == (freed ? ssp : ssp + token))
      }
      // SSP is misaligned.
      let runner = try runner(mode)
      prepareOuterReturn(runner, Selector.userCode | 3, Selector.userData | 3)
      runner.ssp = Self.shadowOf(0) + 4
      #expect(runner.run(Self.returnFar) == .controlProtection(2))
      // 32-bit code cannot take an IA32_PL3_SSP above 4 GiB.
      guard !mode.isLong else { continue }
      runner.ssp = Self.shadowOf(0)
      runner.cet.levelSSP[3] = Self.shadowOf(3) | 1 << 32
      #expect(runner.run(Self.returnFar) == .generalProtection(0))
    }
  }

  @Test("RETF to a level between has a frame to match, and frees the token above it")
  func returnToMiddle() throws {
    for mode in Runner.Mode.allCases {
      for wrong in [0, 1] as [UInt64] {
        let runner = try runner(mode)
        prepareOuterReturn(runner, Selector.middleCode | 1, Selector.middleData | 1)
        let ssp = Self.shadowOf(0)
        runner.ssp = ssp
        runner.put(Place.supervisorShadow + 0x400, at: ssp)
        runner.put(Place.target + wrong, at: ssp + 8)
        runner.put(UInt64(Selector.middleCode | 1), at: ssp + 16)
        runner.put((ssp + 24) | 1, at: ssp + 24)
        let outcome = runner.run(Self.returnFar)
        #expect(outcome == (wrong == 0 ? .retires : .controlProtection(2)))
        #expect(runner.get(ssp + 24) == (ssp + 24) | wrong)
        if wrong == 0 {
          #expect(runner.ssp == Place.supervisorShadow + 0x400)
          #expect(runner.state.pointee.cpl == 1)
        }
      }
    }
  }
}
