import Testing

@testable import VMXLab

/// Interrupts, exceptions and IRET with shadow stacks.
@Suite struct EventShadowStackTests {
  private typealias Runner = ControlFlowRunner
  private typealias Place = ControlFlowRunner.Place
  private typealias Selector = ControlFlowRunner.Selector

  private static let vector: UInt8 = 0x20
  private static let int: [UInt8] = [0xcd, vector]
  private static let token = Place.supervisorShadow + 0xff8

  private func runner(_ mode: Runner.Mode) throws -> Runner {
    let runner = try Runner(mode)
    runner.setControl(.shadowStack, level: 0)
    runner.setControl(.shadowStack, level: 3)
    runner.setInterruptGate(Self.vector, selector: Selector.kernelCode, Place.target)
    return runner
  }

  private func shadow(_ level: UInt8) -> UInt64 {
    (level == 3 ? Place.userShadow : Place.supervisorShadow) + 0x800
  }

  // MARK: Delivery

  @Test("An event within a level pushes CS, the linear return address and SSP")
  func sameLevel() throws {
    for mode in Runner.Mode.allCases {
      for misalignment in [0, 4] as [UInt64] {
        let runner = try runner(mode)
        let ssp = shadow(0) + misalignment
        runner.ssp = ssp
        runner.put32(.max, at: ssp - 4)
        #expect(runner.run(Self.int) == .retires)
        #expect(runner.rip == Place.target)
        let top = (ssp & ~7) - 24
        #expect(runner.ssp == top)
        #expect(runner.get(top) == ssp)
        #expect(runner.get(top + 8) == Place.code + 2)
        #expect(runner.get(top + 16) == UInt64(Selector.kernelCode))
        if misalignment == 4 { #expect(runner.get32(ssp - 4) == 0) }
      }
      // A fault returns to the instruction itself.
      let runner = try runner(mode)
      runner.ssp = shadow(0)
      #expect(runner.run([0x0f, 0x0b]) == .invalidOpcode)
      #expect(runner.get(runner.ssp + 8) == Place.code)
    }
  }

  @Test("An event to an inner level takes that level's token")
  func innerLevel() throws {
    for mode in Runner.Mode.allCases {
      for level in [1, 3] as [UInt8] {
        let runner = try runner(mode)
        runner.cet.levelSSP[0] = Self.token
        runner.put(Self.token, at: Self.token)
        runner.ssp = shadow(level)
        #expect(runner.run(Self.int, level: level) == .retires)
        #expect(runner.state.pointee.cpl == 0)
        #expect(runner.get(Self.token) == Self.token | 1)
        if level == 3 {
          #expect(runner.ssp == Self.token)
          #expect(runner.cet.levelSSP[3] == shadow(3))
        } else {
          #expect(runner.ssp == Self.token - 24)
          #expect(runner.get(Self.token - 24) == shadow(1))
          #expect(runner.get(Self.token - 16) == Place.code + 2)
          #expect(runner.get(Self.token - 8) == UInt64(Selector.middleCode) | 1)
        }
      }
    }
  }

  @Test("A token that is not free is #GP(0) of an INT, and has EXT of a fault")
  func busyToken() throws {
    for mode in Runner.Mode.allCases {
      let runner = try runner(mode)
      runner.cet.levelSSP[0] = Self.token
      runner.put(Self.token | 1, at: Self.token)
      runner.ssp = shadow(3)
      #expect(runner.run(Self.int, level: 3) == .generalProtection(0))
      #expect(runner.interruptedSSP == shadow(3))
      #expect(runner.cet.levelSSP[3] == 0)
      // #UD is not contributory: #GP is delivered in its place.
      runner.setInterruptGate(6, selector: Selector.kernelCode, Place.target)
      runner.ssp = shadow(3)
      #expect(runner.run([0x0f, 0x0b], level: 3) == .generalProtection(1))
    }
  }

  @Test("A gate with an interrupt stack takes the shadow stack of the interrupt SSP table")
  func interruptStack() throws {
    for mode in [Runner.Mode.compatibility, .long] {
      for level in [0, 1, 3] as [UInt8] {
        let runner = try runner(mode)
        runner.setInterruptGate(
          Self.vector, selector: Selector.kernelCode, Place.target, interruptStack: 3)
        runner.put(Place.kernelStack - 0x200, at: Place.tss + 52)
        let token = Place.supervisorShadow + 0x1ff8
        runner.put(token, at: Place.interruptSSPTable + 24)
        runner.put(token, at: token)
        runner.cet.levelSSP[0] = Self.token
        runner.ssp = shadow(level)
        #expect(runner.run(Self.int, level: level) == .retires)
        #expect(runner.get(token) == token | 1)
        if level == 3 {
          #expect(runner.ssp == token)
          #expect(runner.cet.levelSSP[3] == shadow(3))
        } else {
          #expect(runner.ssp == token - 24)
          #expect(runner.get(token - 24) == shadow(level))
          #expect(runner.get(token - 16) == Place.code + 2)
        }
        // The same once more: it is busy.
        runner.ssp = shadow(level)
        #expect(runner.run(Self.int, level: level) == .generalProtection(0))
      }
    }
  }

  @Test("Without shadow stacks at the handler's level, the interrupt SSP table is not read")
  func tableUnread() throws {
    let runner = try runner(.long)
    runner.setControl([], level: 0)
    runner.cet.interruptSSPTable = 1 << 40
    runner.setInterruptGate(
      Self.vector, selector: Selector.kernelCode, Place.target, interruptStack: 3)
    runner.put(Place.kernelStack - 0x200, at: Place.tss + 52)
    runner.ssp = shadow(3)
    #expect(runner.run(Self.int, level: 3) == .retires)
    #expect(runner.cet.levelSSP[3] == shadow(3))
    runner.setControl(.shadowStack, level: 0)
    runner.ssp = shadow(3)
    // The read is an ordinary one of the supervisor.
    #expect(runner.run(Self.int, level: 3) == .pageFault(0))
    #expect(runner.state.pointee.cr2 == 1 << 40 + 24)
  }

  // MARK: IRET

  /// Lays out what IRET pops: IRETD outside 64-bit mode, else IRETQ.
  private func prepareReturn(
    _ runner: Runner, to selector: UInt16, stack: UInt64, data: UInt16
  ) -> [UInt8] {
    let place = Place.data + 0x100
    runner.stack = place
    let values = [Place.target, UInt64(selector), 2, stack, UInt64(data)]
    for (index, value) in values.enumerated() {
      if runner.mode.isLong {
        runner.put(value, at: place + UInt64(index) * 8)
      } else {
        runner.put32(UInt32(value), at: place + UInt64(index) * 4)
      }
    }
    return runner.mode.isLong ? [0x48, 0xcf] : [0xcf]
  }

  private func kernelSelector(_ mode: Runner.Mode) -> UInt16 {
    mode == .compatibility ? Selector.kernelCode32 : Selector.kernelCode
  }

  /// Puts the frame of an event in level 0 at `ssp`.
  private func putFrame(_ runner: Runner, at ssp: UInt64, selector: UInt16, back: UInt64) {
    runner.put(back, at: ssp)
    runner.put(Place.target, at: ssp + 8)
    runner.put(UInt64(selector), at: ssp + 16)
    runner.put((ssp + 24) | 1, at: ssp + 24)
  }

  @Test("IRET within a level matches the frame, and frees a token only where the stack changes")
  func returnWithinLevel() throws {
    for mode in Runner.Mode.allCases {
      for goesOn in [true, false] {
        let runner = try runner(mode)
        let selector = kernelSelector(mode)
        let code = prepareReturn(
          runner, to: selector, stack: Place.kernelStack - 0x100, data: Selector.kernelData)
        let ssp = shadow(0)
        // Back to right above the frame, or to another shadow stack.
        let back = goesOn ? ssp + 24 : Place.supervisorShadow + 0x400
        putFrame(runner, at: ssp, selector: selector, back: back)
        runner.ssp = ssp
        #expect(runner.run(code) == .retires, "\(mode)")
        #expect(runner.rip == Place.target)
        #expect(runner.ssp == back)
        // Outside IA-32e mode there are no interrupt stacks, and no token to free.
        let frees = !goesOn && mode.isIA32e
        #expect(runner.get(ssp + 24) == (ssp + 24) | (frees ? 0 : 1))
      }
    }
  }

  @Test("IRET raises #CP(FAR-RET/IRET) for a frame that is not its own")
  func mismatch() throws {
    for mode in Runner.Mode.allCases {
      for (offset, slot, wrong) in [(4, 0, 0), (0, 0, 1), (0, 8, 1), (0, 16, 8)]
        as [(UInt64, UInt64, UInt64)]
      {
        let runner = try runner(mode)
        let selector = kernelSelector(mode)
        let code = prepareReturn(
          runner, to: selector, stack: Place.kernelStack - 0x100, data: Selector.kernelData)
        let ssp = shadow(0)
        putFrame(runner, at: ssp, selector: selector, back: ssp + 24)
        runner.put(runner.get(ssp + slot) ^ wrong, at: ssp + slot)
        runner.ssp = ssp + offset
        #expect(runner.run(code) == .controlProtection(2))
        #expect(runner.interruptedSSP == ssp + offset)
        #expect(runner.get(ssp + 24) == (ssp + 24) | 1)
      }
    }
  }

  @Test("IRET to level 3 takes IA32_PL3_SSP and frees the token")
  func returnToUser() throws {
    for mode in Runner.Mode.allCases {
      for usesUserShadow in [true, false] {
        let runner = try runner(mode)
        if !usesUserShadow { runner.setControl([], level: 3) }
        let code = prepareReturn(
          runner, to: Selector.userCode | 3, stack: Place.userStack - 0x100,
          data: Selector.userData | 3)
        runner.ssp = Self.token
        runner.put(Self.token | 1, at: Self.token)
        runner.cet.levelSSP[3] = shadow(3)
        #expect(runner.run(code) == .retires, "\(mode)")
        #expect(runner.state.pointee.cpl == 3)
        #expect(runner.get(Self.token) == Self.token)
        #expect(runner.ssp == (usesUserShadow ? shadow(3) : Self.token))
      }
    }
  }

  @Test("An event and IRET are each other's inverse")
  func roundTrip() throws {
    for mode in Runner.Mode.allCases {
      for level in [0, 1, 3] as [UInt8] {
        let runner = try runner(mode)
        runner.cet.levelSSP[0] = Self.token
        runner.put(Self.token, at: Self.token)
        let ssp = shadow(level) + 4
        runner.ssp = ssp
        runner.machine.writeMemory([0x48, 0xcf], at: Place.target)
        if !mode.isIA32e { runner.machine.writeMemory([0xcf], at: Place.target) }
        if mode == .compatibility, level == 0 {
          // The frame's CS is that of 32-bit code.
          runner.setDescriptor(Selector.kernelCode, 0x00cf_9b00_0000_ffff)
          runner.setInterruptGate(Self.vector, selector: Selector.handlerCode, Place.target)
        }
        #expect(runner.run(Self.int, level: level) == .retires)
        #expect(runner.state.pointee.cpl == 0)
        #expect(runner.resume() == .retires, "\(mode) \(level)")
        #expect(runner.rip == Place.code + 2)
        #expect(runner.state.pointee.cpl == level)
        #expect(runner.ssp == ssp)
        #expect(runner.get(Self.token) == Self.token)
      }
    }
  }

  // MARK: Virtual-8086 mode

  private func virtual8086Runner() throws -> Runner {
    let runner = try runner(.protected)
    runner.setControl([], level: 3)
    let place = Place.data + 0x100
    runner.stack = place
    // EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS
    let flags = RFLAGS.vm.rawValue | RFLAGS.iopl.rawValue | 2
    let values = [0, 0x900, flags, 0x800, 0xe00, 0, 0, 0, 0]
    for (index, value) in values.enumerated() {
      runner.put32(UInt32(value), at: place + UInt64(index) * 4)
    }
    runner.ssp = Self.token
    runner.put(Self.token | 1, at: Self.token)
    return runner
  }

  @Test("IRET to virtual-8086 mode frees the token; an event from there takes one, with no frame")
  func virtual8086() throws {
    let runner = try virtual8086Runner()
    runner.machine.writeMemory(Self.int, at: Place.target)
    #expect(runner.run([0xcf]) == .retires)
    #expect(runner.state.pointee.mode == .virtual8086)
    #expect(runner.get(Self.token) == Self.token)
    #expect(!runner.cet.usesShadowStack)
    // INT 20H there, with IOPL 3.
    runner.cet.levelSSP[0] = Self.token
    runner.cet.levelSSP[3] = 0x7770
    #expect(runner.resume() == .retires)
    #expect(runner.state.pointee.mode == .protected)
    #expect(runner.ssp == Self.token)
    #expect(runner.get(Self.token) == Self.token | 1)
    #expect(runner.cet.levelSSP[3] == 0x7770)
  }

  @Test("IRET to virtual-8086 mode is refused while IA32_U_CET asks for what does not exist there")
  func refusedVirtual8086() throws {
    for control in [ControlFlowControl.shadowStack, .endbranch] {
      let runner = try virtual8086Runner()
      runner.setControl(control, level: 3)
      #expect(runner.run([0xcf]) == .generalProtection(0))
      #expect(runner.get(Self.token) == Self.token | 1)
    }
    let runner = try virtual8086Runner()
    runner.ssp = Self.token + 4
    #expect(runner.run([0xcf]) == .controlProtection(2))
  }

  // MARK: Fast system calls

  @Test("SYSCALL keeps the user's SSP and starts with none; SYSRET takes it back")
  func systemCall() throws {
    let runner = try runner(.long)
    runner.state.pointee.msrs.star = UInt64(Selector.kernelCode) << 32
    runner.state.pointee.msrs.lstar = Place.target
    for level in [0, 3] as [UInt8] {
      runner.cet.levelSSP[3] = 0
      runner.ssp = shadow(level) + 4
      #expect(runner.run([0x0f, 0x05], level: level) == .retires)
      #expect(runner.state.pointee.cpl == 0)
      #expect(runner.ssp == 0)
      #expect(runner.cet.levelSSP[3] == shadow(level) + 4)
    }
    runner.general = [1: Place.target]
    runner.ssp = shadow(0)
    #expect(runner.run([0x48, 0x0f, 0x07]) == .retires)
    #expect(runner.state.pointee.cpl == 3)
    #expect(runner.ssp == shadow(3) + 4)
    // Neither side changes what its level does not use.
    runner.setControl([], level: 3)
    runner.setControl([], level: 0)
    #expect(runner.run([0x0f, 0x05], level: 3) == .retires)
    #expect(runner.run([0x48, 0x0f, 0x07]) == .retires)
    #expect(runner.ssp == shadow(3) + 4)
  }

  @Test("SYSENTER and SYSEXIT do the same")
  func systemEnter() throws {
    for mode in Runner.Mode.allCases {
      let runner = try runner(mode)
      runner.state.pointee.msrs.sysenterCS = UInt64(Selector.kernelCode)
      runner.state.pointee.msrs.sysenterESP = Place.kernelStack - 0x100
      runner.state.pointee.msrs.sysenterEIP = Place.target
      runner.ssp = shadow(3) + 4
      #expect(runner.run([0x0f, 0x34], level: 3) == .retires)
      #expect(runner.ssp == 0)
      #expect(runner.cet.levelSSP[3] == shadow(3) + 4)
      runner.general = [1: Place.userStack - 0x100, 2: Place.target]
      runner.ssp = shadow(0)
      #expect(runner.run([0x0f, 0x35]) == .retires)
      #expect(runner.state.pointee.cpl == 3)
      #expect(runner.ssp == shadow(3) + 4)
    }
  }

  @Test("A user's SSP beyond the canonical range is kept as a canonical address")
  func adjustedPointer() throws {
    let runner = try runner(.long)
    runner.state.pointee.msrs.star = UInt64(Selector.kernelCode) << 32
    runner.state.pointee.msrs.lstar = Place.target
    let width = runner.state.pointee.model.capabilities.facts.linearAddressWidth
    let top: UInt64 = 1 << UInt64(width - 1)
    runner.ssp = top | 0x1000
    #expect(runner.run([0x0f, 0x05], level: 3) == .retires)
    #expect(runner.cet.levelSSP[3] == ~(top - 1) | 0x1000)
  }
}
