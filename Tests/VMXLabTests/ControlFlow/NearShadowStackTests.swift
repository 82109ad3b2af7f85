import Testing

@testable import VMXLab

/// Near CALL and RET with shadow stacks, in every mode, at both privileges.
@Suite struct NearShadowStackTests {
  private typealias Runner = ControlFlowRunner
  private typealias Place = ControlFlowRunner.Place

  /// A near call: its code, and how wide its instruction pointer is.
  private struct Call {
    var name: String
    var code: [UInt8]
    var width: UInt64
  }

  private static func displacement(_ length: UInt64) -> [UInt8] {
    let value = UInt32(truncatingIfNeeded: Place.target - Place.code - length)
    return (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private static func calls(_ mode: Runner.Mode) -> [Call] {
    let width: UInt64 = mode.isLong ? 8 : 4
    var calls = [
      Call(name: "CALL rel32", code: [0xe8] + displacement(5), width: width),
      Call(name: "CALL EAX", code: [0xff, 0xd0], width: width),
      Call(name: "CALL [EBX]", code: [0xff, 0x13], width: width),
    ]
    if mode.isLong {
      // 66 is ignored.
      calls.append(Call(name: "66 CALL RAX", code: [0x66, 0xff, 0xd0], width: 8))
    } else {
      calls.append(
        Call(
          name: "CALL rel16", code: [0x66, 0xe8] + displacement(4).prefix(2), width: 2))
      calls.append(Call(name: "CALL AX", code: [0x66, 0xff, 0xd0], width: 2))
      calls.append(Call(name: "CALL word [EBX]", code: [0x66, 0xff, 0x13], width: 2))
    }
    return calls
  }

  private func runner(_ mode: Runner.Mode, level: UInt8) throws -> Runner {
    let runner = try Runner(mode)
    runner.setControl(.shadowStack, level: level)
    runner.ssp = (level == 3 ? Place.userShadow : Place.supervisorShadow) + 0x800
    runner.general = [0: Place.target, 3: Place.data]
    runner.put(Place.target, at: Place.data)
    return runner
  }

  /// The low `width` bytes at `address`.
  private func get(_ runner: Runner, _ address: UInt64, width: UInt64) -> UInt64 {
    width == 8 ? runner.get(address) : runner.get(address) & ((1 << (width * 8)) - 1)
  }

  @Test("CALL pushes the return address on both stacks, and RET takes it from both")
  func callAndReturn() throws {
    for mode in Runner.Mode.allCases {
      for level in [0, 3] as [UInt8] {
        for call in Self.calls(mode) {
          let runner = try runner(mode, level: level)
          let ssp = runner.ssp
          #expect(runner.run(call.code, level: level) == .retires, "\(call.name)")
          #expect(runner.rip == Place.target)
          let back = Place.code + UInt64(call.code.count)
          let stack = runner.state.pointee.general[4]
          #expect(get(runner, stack, width: call.width) == back)
          let shadowWidth = max(call.width, 4)
          #expect(runner.ssp == ssp - shadowWidth)
          #expect(get(runner, runner.ssp, width: shadowWidth) == back)
          // RET 16 of the same width.
          runner.stack = stack
          let code: [UInt8] = (call.width == 2 ? [0x66] : []) + [0xc2, 0x10, 0x00]
          #expect(runner.run(code, level: level, at: Place.target) == .retires)
          #expect(runner.rip == back)
          #expect(runner.ssp == ssp)
          #expect(runner.state.pointee.general[4] == stack + call.width + 16)
        }
      }
    }
  }

  @Test("A relative CALL to the next instruction leaves the shadow stack alone")
  func callNext() throws {
    for mode in Runner.Mode.allCases {
      let runner = try runner(mode, level: 3)
      let ssp = runner.ssp
      #expect(runner.run([0xe8, 0, 0, 0, 0], level: 3) == .retires)
      #expect(runner.rip == Place.code + 5)
      #expect(runner.ssp == ssp)
      // An indirect one to there does not.
      runner.general[0] = Place.code + 2
      #expect(runner.run([0xff, 0xd0], level: 3) == .retires)
      #expect(runner.ssp == ssp - (mode.isLong ? 8 : 4))
    }
  }

  @Test("RET raises #CP(NEAR-RET) if the stacks disagree, with neither moved")
  func mismatch() throws {
    for mode in Runner.Mode.allCases {
      for level in [0, 3] as [UInt8] {
        for code in [[0xc3], [0xc2, 8, 0], mode.isLong ? [0x66, 0xc3] : [0x66, 0xc3]] as [[UInt8]] {
          let runner = try runner(mode, level: level)
          let ssp = runner.ssp
          runner.put(Place.target, at: ssp)
          let stack = Place.data + 0x100
          runner.stack = stack
          runner.put(Place.target + 1, at: stack)
          #expect(runner.run(code, level: level) == .controlProtection(1))
          #expect(runner.interruptedSSP == ssp)
          runner.put(Place.target, at: stack)
          runner.ssp = ssp
          #expect(runner.run(code, level: level) == .retires)
          #expect(runner.rip == Place.target)
        }
      }
    }
    // In 64-bit mode all 64 bits count.
    let runner = try runner(.long, level: 0)
    runner.put(Place.target | 1 << 40, at: runner.ssp)
    runner.stack = Place.data + 0x100
    runner.put(Place.target, at: Place.data + 0x100)
    #expect(runner.run([0xc3]) == .controlProtection(1))
  }

  @Test("The shadow stack is compared before the target is looked at, but for 16-bit targets")
  func order() throws {
    let runner = try runner(.long, level: 0)
    runner.stack = Place.data + 0x100
    runner.put(1 << 63, at: Place.data + 0x100)
    runner.put(Place.target, at: runner.ssp)
    #expect(runner.run([0xc3]) == .controlProtection(1))
    runner.ssp = Place.supervisorShadow + 0x800
    runner.put(1 << 63, at: runner.ssp)
    #expect(runner.run([0xc3]) == .generalProtection(0))
    for (code, expected) in [
      ([0x66, 0xc3], Runner.Outcome.generalProtection(0)), ([0xc3], .controlProtection(1)),
    ] as [([UInt8], Runner.Outcome)] {
      let runner = try self.runner(.protected, level: 3)
      runner.stack = Place.data + 0x100
      runner.put(0xf000, at: Place.data + 0x100)
      runner.put(Place.target, at: runner.ssp)
      runner.machine.writeMemory(code, at: Place.code)
      // A code segment that ends at 8FFFH, for this instruction alone.
      runner.limit = 0x8fff
      #expect(runner.run(code, level: 3) == expected)
    }
  }

  @Test("A fault of the shadow stack leaves RSP, SSP and RIP alone")
  func pageFaults() throws {
    for mode in Runner.Mode.allCases {
      let runner = try runner(mode, level: 3)
      // The kernel has no shadow stack, so that the fault is delivered.
      runner.setInterruptGate(14, selector: Runner.Selector.kernelCode, Place.handlers + 14 * 16)
      for (code, error) in [([0xff, 0xd0], 0x47), ([0xc3], 0x45)] as [([UInt8], UInt32)] {
        runner.ssp = Place.data + 0x800
        runner.stack = Place.userStack - 0x400
        #expect(runner.run(code, level: 3) == .pageFault(error))
        #expect(runner.ssp == Place.data + 0x800)
        #expect(runner.cet.levelSSP[3] == Place.data + 0x800)
        let address = error == 0x47 ? 0x800 - (mode.isLong ? 8 : 4) : 0x800 as UInt64
        #expect(runner.state.pointee.cr2 == Place.data + address)
        let word: UInt64 = mode.isIA32e ? 8 : 4
        let top = runner.state.pointee.general[4]
        // Behind the error code: RIP, CS, RFLAGS, RSP.
        #expect(get(runner, top + word, width: word) == Place.code)
        #expect(get(runner, top + 4 * word, width: word) == Place.userStack - 0x400)
      }
    }
  }

  @Test("Elements may cross into the next page")
  func split() throws {
    let runner = try runner(.long, level: 0)
    runner.ssp = Place.supervisorShadow + 0x1004
    #expect(runner.run([0xff, 0xd0]) == .retires)
    #expect(runner.ssp == Place.supervisorShadow + 0xffc)
    #expect(runner.get32(Place.supervisorShadow + 0xffc) == UInt32(Place.code + 2))
    #expect(runner.get32(Place.supervisorShadow + 0x1000) == 0)
    runner.stack = runner.state.pointee.general[4]
    #expect(runner.run([0xc3], at: Place.target) == .retires)
    #expect(runner.rip == Place.code + 2)
    // The second page is none.
    runner.ssp = Place.supervisorShadow + 0x2004
    runner.setInterruptGate(
      14, selector: Runner.Selector.handlerCode, Place.handlers + 14 * 16, interruptStack: 1)
    runner.put(Place.kernelStack - 0x200, at: Place.tss + 36)
    let shadow = Place.supervisorShadow + 0x1f8
    runner.put(shadow, at: Place.interruptSSPTable + 8)
    runner.put(shadow, at: shadow)
    #expect(runner.run([0xff, 0xd0]) == .pageFault(0x43))
    #expect(runner.state.pointee.cr2 == Place.supervisorShadow + 0x2000)
    #expect(runner.interruptedSSP == Place.supervisorShadow + 0x2004)
  }

  @Test("Direct JMP, and all branches where CET is off, have nothing to do with it")
  func others() throws {
    let runner = try runner(.long, level: 0)
    let ssp = runner.ssp
    #expect(runner.run([0xe9] + Self.displacement(5)) == .retires)
    #expect(runner.run([0xff, 0xe0]) == .retires)
    #expect(runner.run([0x74, 0]) == .retires)
    #expect(runner.ssp == ssp)
    #expect(runner.run([0xff, 0xd0], level: 3) == .retires)
    #expect(runner.ssp == ssp)
  }
}
