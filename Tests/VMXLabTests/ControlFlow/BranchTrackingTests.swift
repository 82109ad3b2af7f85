import Testing

@testable import VMXLab

/// Indirect-branch tracking: the state machine, NOTRACK, and legacy code.
@Suite struct BranchTrackingTests {
  private typealias Runner = ControlFlowRunner
  private typealias Place = ControlFlowRunner.Place
  private typealias Selector = ControlFlowRunner.Selector

  private static let endbr32: [UInt8] = [0xf3, 0x0f, 0x1e, 0xfb]
  private static let endbr64: [UInt8] = [0xf3, 0x0f, 0x1e, 0xfa]
  private static let jump: [UInt8] = [0xff, 0xe0]
  private static let call: [UInt8] = [0xff, 0xd0]

  private func runner(
    _ mode: Runner.Mode, level: UInt8, _ control: ControlFlowControl = .endbranch
  ) throws -> Runner {
    let runner = try Runner(mode)
    runner.setControl(control, level: level)
    runner.general = [0: Place.target, 3: Place.data]
    runner.put(Place.target, at: Place.data)
    return runner
  }

  private func control(_ runner: Runner, _ level: UInt8) -> ControlFlowControl {
    level == 3 ? runner.cet.userControl : runner.cet.supervisorControl
  }

  private func own(_ mode: Runner.Mode) -> [UInt8] { mode.isLong ? Self.endbr64 : Self.endbr32 }
  private func other(_ mode: Runner.Mode) -> [UInt8] { mode.isLong ? Self.endbr32 : Self.endbr64 }

  // MARK: The state machine

  @Test("Behind a near indirect branch, ENDBR of the mode runs and ends the wait")
  func lands() throws {
    for mode in Runner.Mode.allCases {
      for level in [0, 3] as [UInt8] {
        for branch in [Self.jump, Self.call, [0xff, 0x23], [0xff, 0x13]] as [[UInt8]] {
          let runner = try runner(mode, level: level)
          runner.machine.writeMemory(own(mode), at: Place.target)
          #expect(runner.run(branch, level: level) == .retires)
          #expect(control(runner, level) == [.endbranch, .tracker])
          #expect(runner.resume() == .retires)
          #expect(runner.rip == Place.target + 4)
          #expect(control(runner, level) == .endbranch)
          #expect(runner.resume() == .retires)
          #expect(runner.rip == Place.target + 5)
        }
      }
    }
  }

  @Test("Anything else raises #CP(ENDBRANCH), as a fault of that instruction")
  func faults() throws {
    for mode in Runner.Mode.allCases {
      for level in [0, 3] as [UInt8] {
        // NOP, ENDBR of the other mode, UD2, HLT, INT 20H, and what cannot be decoded.
        for code in [
          [0x90], other(mode), [0x0f, 0x0b], [0xf4], [0xcd, 0x20], [0x0f, 0xff],
          [0xf0, 0x90],
        ] as [[UInt8]] {
          let runner = try runner(mode, level: level)
          runner.machine.writeMemory(code, at: Place.target)
          #expect(runner.run(Self.jump, level: level) == .retires)
          #expect(runner.resume() == .controlProtection(3), "\(mode) \(level) \(code)")
          let top = runner.state.pointee.general[4]
          let word: UInt64 = mode.isIA32e ? 8 : 4
          let saved = mode.isIA32e ? runner.get(top + word) : UInt64(runner.get32(top + word))
          #expect(saved == Place.target)
        }
      }
    }
  }

  @Test("INT3 and INT1 run where ENDBR is awaited")
  func breakpoints() throws {
    for mode in Runner.Mode.allCases {
      for (code, vector) in [(0xcc, 3), (0xf1, 1)] as [(UInt8, UInt8)] {
        let runner = try runner(mode, level: 3)
        // To a kernel that tracks nothing.
        runner.setInterruptGate(
          vector, selector: Selector.kernelCode, Place.handlers + UInt64(vector) * 16)
        runner.machine.writeMemory([code], at: Place.target)
        #expect(runner.run(Self.jump, level: 3) == .retires)
        #expect(runner.resume() == .faults(vector, 0))
        #expect(runner.cet.userControl == [.endbranch, .tracker])
      }
    }
  }

  @Test("A fault of the fetch, and an instruction breakpoint, come first")
  func priority() throws {
    let runner = try runner(.long, level: 0)
    runner.general[0] = 0x7000_0000
    #expect(runner.run(Self.jump) == .retires)
    #expect(runner.resume() == .pageFault(0))
    #expect(runner.cet.supervisorControl.contains(.tracker) == false)
    let watched = try self.runner(.long, level: 0)
    watched.state.pointee.debug.dr0 = Place.target
    watched.state.pointee.debug.dr7 = 0x402
    #expect(watched.run(Self.jump) == .faults(1, 0))
  }

  @Test("Direct branches, RET, and all where tracking is off await nothing")
  func untracked() throws {
    for mode in Runner.Mode.allCases {
      let runner = try runner(mode, level: 3)
      let stack = Place.data + 0x100
      runner.put(Place.target, at: stack)
      runner.stack = stack
      for code in [[0xeb, 0x10], [0xe8, 0x10, 0, 0, 0], [0xc3]] as [[UInt8]] {
        runner.put(Place.target, at: stack)
        #expect(runner.run(code, level: 3) == .retires)
        #expect(runner.cet.userControl == .endbranch)
      }
      runner.put(Place.target, at: Place.data)
      #expect(runner.run(Self.jump, level: 0) == .retires)
      #expect(runner.cet.supervisorControl.isEmpty)
      #expect(runner.resume() == .retires)
      runner.state.pointee.cr4.remove(.cet)
      #expect(runner.run(Self.jump, level: 3) == .retires)
      #expect(runner.cet.userControl == .endbranch)
    }
  }

  @Test("The wait outlasts an event at another level")
  func acrossLevels() throws {
    let runner = try runner(.long, level: 3)
    runner.setInterruptGate(0x20, selector: Selector.kernelCode, Place.target + 0x100)
    // IRETQ in the kernel, which tracks nothing.
    runner.machine.writeMemory([0x48, 0xcf], at: Place.target + 0x100)
    runner.machine.writeMemory(Self.endbr64, at: Place.target)
    #expect(runner.run(Self.jump, level: 3) == .retires)
    var event = PendingEvent()
    event.kind = .exception
    event.vector = 0x20
    event.type = .externalInterrupt
    runner.state.pointee.deliver(event)
    #expect(runner.state.pointee.cpl == 0)
    #expect(runner.cet.userControl == [.endbranch, .tracker])
    #expect(runner.resume() == .retires)
    #expect(runner.state.pointee.cpl == 3)
    #expect(runner.state.pointee.attention.contains(.endbranch))
    #expect(runner.resume() == .retires)
    #expect(runner.cet.userControl == .endbranch)
  }

  // MARK: Far transfers and events

  @Test("Far CALL, far JMP, events and fast system calls await ENDBR and end suppression")
  func farTransfers() throws {
    for mode in Runner.Mode.allCases {
      for code in [[0xff, 0x1b], [0xff, 0x2b], [0x3e, 0xff, 0x2b], [0xcd, 0x20]] as [[UInt8]] {
        let runner = try runner(mode, level: 0, [.endbranch, .noTrack, .suppress])
        runner.put(Place.target | UInt64(Selector.kernelCode) << 32, at: Place.data)
        runner.setInterruptGate(0x20, selector: Selector.kernelCode, Place.target)
        runner.machine.writeMemory(
          mode.isIA32e ? Self.endbr64 : Self.endbr32, at: Place.target)
        #expect(runner.run(code) == .retires, "\(mode) \(code)")
        #expect(runner.cet.supervisorControl == [.endbranch, .noTrack, .tracker])
        #expect(runner.resume() == .retires)
        #expect(runner.cet.supervisorControl == [.endbranch, .noTrack])
      }
    }
    let runner = try runner(.long, level: 0, [.endbranch, .suppress])
    runner.setControl([.endbranch, .suppress], level: 3)
    runner.state.pointee.msrs.star = UInt64(Selector.kernelCode) << 32
    runner.state.pointee.msrs.lstar = Place.target
    runner.state.pointee.msrs.sysenterCS = UInt64(Selector.kernelCode)
    runner.state.pointee.msrs.sysenterEIP = Place.target
    for code in [[0x0f, 0x05], [0x0f, 0x34]] as [[UInt8]] {
      runner.setControl([.endbranch, .suppress], level: 0)
      #expect(runner.run(code, level: 3) == .retires)
      #expect(runner.cet.supervisorControl == [.endbranch, .tracker])
      #expect(runner.cet.userControl == [.endbranch, .suppress])
    }
    // The way back changes nothing.
    runner.setControl(.endbranch, level: 0)
    runner.general = [1: Place.target, 2: Place.target]
    for code in [[0x48, 0x0f, 0x07], [0x48, 0x0f, 0x35]] as [[UInt8]] {
      #expect(runner.run(code) == .retires)
      #expect(runner.state.pointee.cpl == 3)
      #expect(runner.cet.userControl == [.endbranch, .suppress])
    }
  }

  @Test("An event to an inner level awaits ENDBR there, and RET and IRET nowhere")
  func events() throws {
    let runner = try runner(.long, level: 0)
    runner.setControl(.endbranch, level: 3)
    runner.setInterruptGate(0x20, selector: Selector.kernelCode, Place.target)
    runner.machine.writeMemory(Self.endbr64 + [0x48, 0xcf], at: Place.target)
    #expect(runner.run([0xcd, 0x20], level: 3) == .retires)
    #expect(runner.cet.supervisorControl == [.endbranch, .tracker])
    #expect(runner.cet.userControl == .endbranch)
    #expect(runner.resume() == .retires)
    #expect(runner.resume() == .retires)
    #expect(runner.state.pointee.cpl == 3)
    #expect(runner.cet.supervisorControl == .endbranch)
    #expect(runner.cet.userControl == .endbranch)
  }

  // MARK: NOTRACK

  @Test("NOTRACK counts with NO_TRACK_EN, where 3EH is the segment prefix that counts")
  func noTrack() throws {
    // Prefixes, and whether they are NOTRACK in 64-bit mode and elsewhere.
    let cases: [([UInt8], Bool, Bool)] = [
      ([], false, false), ([0x3e], true, true), ([0x26, 0x3e], true, true),
      ([0x3e, 0x26], true, false), ([0x3e, 0x2e], true, false), ([0x3e, 0x36], true, false),
      ([0x64, 0x3e], false, true), ([0x3e, 0x64], false, false), ([0x65, 0x3e], false, true),
      ([0x3e, 0x65], false, false), ([0x3e, 0x67], true, true),
    ]
    for mode in Runner.Mode.allCases {
      for (prefixes, inLong, elsewhere) in cases {
        for isEnabled in [true, false] {
          let isNoTrack = isEnabled && (mode.isLong ? inLong : elsewhere)
          for branch in [Self.jump, Self.call] {
            let runner = try runner(
              mode, level: 3, isEnabled ? [.endbranch, .noTrack] : .endbranch)
            #expect(runner.run(prefixes + branch, level: 3) == .retires)
            #expect(
              runner.cet.userControl.contains(.tracker) == !isNoTrack, "\(mode) \(prefixes)")
          }
        }
      }
    }
    // The branch through memory too.
    let runner = try runner(.long, level: 3, [.endbranch, .noTrack])
    for branch in [[0x3e, 0xff, 0x23], [0x3e, 0xff, 0x13]] as [[UInt8]] {
      #expect(runner.run(branch, level: 3) == .retires)
      #expect(runner.rip == Place.target)
      #expect(!runner.cet.userControl.contains(.tracker))
    }
  }

  // MARK: Suppression and legacy code

  @Test("While tracking is suppressed, near branches await nothing, until ENDBR")
  func suppression() throws {
    let runner = try runner(.long, level: 3, [.endbranch, .suppress])
    #expect(runner.run(Self.jump, level: 3) == .retires)
    #expect(runner.cet.userControl == [.endbranch, .suppress])
    #expect(runner.resume() == .retires)
    #expect(runner.run(Self.endbr32, level: 3) == .retires)
    #expect(runner.cet.userControl == [.endbranch, .suppress])
    #expect(runner.run(Self.endbr64, level: 3) == .retires)
    #expect(runner.cet.userControl == .endbranch)
    #expect(runner.run(Self.jump, level: 3) == .retires)
    #expect(runner.cet.userControl.contains(.tracker))
  }

  @Test("Code that the legacy bitmap names runs without ENDBR, and suppresses tracking")
  func legacy() throws {
    for mode in Runner.Mode.allCases {
      for level in [0, 3] as [UInt8] {
        for disables in [false, true] {
          let base = ControlFlowControl(rawValue: Place.legacyBitmap)
          var control: ControlFlowControl = [.endbranch, .legacyBitmap, base]
          if disables { control.insert(.suppressDisable) }
          let runner = try runner(mode, level: level, control)
          // Page 9 is bit 1 of byte 1.
          runner.put(1 << 9, at: Place.legacyBitmap)
          #expect(runner.run(Self.jump, level: level) == .retires)
          #expect(self.control(runner, level) == control.union(.tracker))
          #expect(runner.resume() == .retires)
          #expect(runner.rip == Place.target + 1)
          #expect(
            self.control(runner, level) == (disables ? control : control.union(.suppress)))
          // All pages but that one.
          runner.put(~(1 << 9), at: Place.legacyBitmap)
          runner.setControl(control, level: level)
          #expect(runner.run(Self.jump, level: level) == .retires)
          #expect(runner.resume() == .controlProtection(3))
        }
      }
    }
  }

  @Test("A fault of the bitmap's byte is one of the instruction's level")
  func bitmapFaults() throws {
    for (flags, code) in [(0x61, 5), (0, 4)] as [(UInt64, UInt32)] {
      let base = ControlFlowControl(rawValue: Place.legacyBitmap)
      let runner = try runner(.long, level: 3, [.endbranch, .legacyBitmap, base])
      runner.setPage(Place.legacyBitmap, flags: flags)
      runner.setInterruptGate(14, selector: Selector.kernelCode, Place.handlers + 14 * 16)
      #expect(runner.run(Self.jump, level: 3) == .retires)
      #expect(runner.resume() == .pageFault(code))
      #expect(runner.state.pointee.cr2 == Place.legacyBitmap + 1)
      #expect(runner.cet.userControl.contains(.tracker))
    }
  }

  @Test("The bitmap has a byte for 32 KiB, in 64-bit mode up to the top of the lower half")
  func bitmapAddress() throws {
    let base = ControlFlowControl(rawValue: Place.legacyBitmap)
    let runner = try runner(.long, level: 0, [.endbranch, .legacyBitmap, base])
    // Linear address 7F80_0000_9000H is the same page.
    let index: UInt64 = 0x7f80_0000_9000 >> 39
    runner.put(Place.tables + 0x1000 | 7, at: Place.tables + index * 8)
    runner.general[0] = 0x7f80_0000_9000
    #expect(runner.run(Self.jump) == .retires)
    // 4 GiB of bitmap on, which is not mapped.
    #expect(runner.resume() == .pageFault(0))
    #expect(runner.state.pointee.cr2 == Place.legacyBitmap + 0x7f80_0000_9000 >> 15)
  }

  // MARK: With shadow stacks

  @Test("An indirect CALL with both pushes and awaits ENDBR")
  func both() throws {
    let runner = try runner(.long, level: 3, [.endbranch, .shadowStack])
    runner.ssp = Place.userShadow + 0x800
    runner.machine.writeMemory(Self.endbr64 + [0xc3], at: Place.target)
    #expect(runner.run(Self.call, level: 3) == .retires)
    #expect(runner.ssp == Place.userShadow + 0x7f8)
    #expect(runner.cet.userControl.contains(.tracker))
    #expect(runner.resume() == .retires)
    #expect(runner.resume() == .retires)
    #expect(runner.rip == Place.code + 2)
    #expect(runner.ssp == Place.userShadow + 0x800)
  }

  @Test("A write of the MSR with TRACKER set awaits ENDBR")
  func writtenTracker() throws {
    let runner = try runner(.long, level: 0)
    runner.general = [0: 0x804, 1: 0x6a2]
    runner.machine.writeMemory([0x0f, 0x30, 0x90], at: Place.code)
    #expect(runner.run([0x0f, 0x30]) == .retires)
    #expect(runner.resume() == .controlProtection(3))
  }
}
