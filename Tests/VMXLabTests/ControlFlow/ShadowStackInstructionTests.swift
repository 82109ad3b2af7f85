import Testing

@testable import VMXLab

/// The instructions that manage shadow stacks, by the operation sections of their pages in the manual.
@Suite struct ShadowStackInstructionTests {
  private typealias Runner = ControlFlowRunner
  private typealias Place = ControlFlowRunner.Place

  enum Code {
    static let incsspd: [UInt8] = [0xf3, 0x0f, 0xae, 0xe8]
    static let incsspq: [UInt8] = [0xf3, 0x48, 0x0f, 0xae, 0xe8]
    static let rdsspd: [UInt8] = [0xf3, 0x0f, 0x1e, 0xc8]
    static let rdsspq: [UInt8] = [0xf3, 0x48, 0x0f, 0x1e, 0xc8]
    static let saveprevssp: [UInt8] = [0xf3, 0x0f, 0x01, 0xea]
    static let setssbsy: [UInt8] = [0xf3, 0x0f, 0x01, 0xe8]
    // On [RBX]; the register is RAX.
    static let rstorssp: [UInt8] = [0xf3, 0x0f, 0x01, 0x2b]
    static let clrssbsy: [UInt8] = [0xf3, 0x0f, 0xae, 0x33]
    static let wrssd: [UInt8] = [0x0f, 0x38, 0xf6, 0x03]
    static let wrssq: [UInt8] = [0x48, 0x0f, 0x38, 0xf6, 0x03]
    static let wrussd: [UInt8] = [0x66, 0x0f, 0x38, 0xf5, 0x03]
    static let wrussq: [UInt8] = [0x66, 0x48, 0x0f, 0x38, 0xf5, 0x03]
  }

  /// A runner with shadow stacks at `level`, and SSP `offset` bytes into its pages.
  private func runner(
    _ mode: Runner.Mode, level: UInt8, offset: UInt64 = 0x800,
    _ control: ControlFlowControl = .shadowStack
  ) throws -> (Runner, ssp: UInt64) {
    let runner = try Runner(mode)
    runner.setControl(control, level: level)
    runner.ssp = (level == 3 ? Place.userShadow : Place.supervisorShadow) + offset
    return (runner, runner.ssp)
  }

  // MARK: What they need

  @Test("Without shadow stacks at the CPL they are #UD, but for RDSSP")
  func needsShadowStacks() throws {
    for mode in Runner.Mode.allCases {
      let runner = try Runner(mode)
      for level in [0, 3] as [UInt8] {
        // The other privilege's shadow stacks are on.
        runner.setControl([.shadowStack, .writeShadowStack], level: 3 - level)
        runner.setControl([], level: level)
        runner.general = [3: Place.supervisorShadow]
        for code in [Code.incsspd, Code.saveprevssp, Code.rstorssp, Code.wrssd] {
          #expect(runner.run(code, level: level) == .invalidOpcode, "\(mode) \(level) \(code)")
        }
        runner.general = [0: 0x1234]
        #expect(runner.run(Code.rdsspd, level: level) == .retires)
        #expect(runner.state.pointee.general[0] == 0x1234)
      }
      runner.setControl([], level: 0)
      for code in [Code.setssbsy, Code.clrssbsy] {
        // Even at CPL 3, #UD comes first.
        #expect(runner.run(code, level: 3) == .invalidOpcode)
        #expect(runner.run(code, level: 0) == .invalidOpcode)
      }
      runner.setControl(.shadowStack, level: 0)
      runner.ssp = Place.supervisorShadow + 0x800
      for code in [Code.setssbsy, Code.clrssbsy, Code.wrussd] {
        #expect(runner.run(code, level: 3) == .generalProtection(0))
        #expect(runner.run(code, level: 1) == .generalProtection(0))
      }
      // WRUSS needs CR4.CET and no more.
      runner.setControl([], level: 0)
      runner.general = [0: 0x1234, 3: Place.userShadow]
      #expect(runner.run(Code.wrussd, level: 0) == .retires)
      runner.state.pointee.cr4.remove(.cet)
      #expect(runner.run(Code.wrussd, level: 0) == .invalidOpcode)
    }
  }

  @Test("LOCK makes them #UD, and WRSS needs WR_SHSTK_EN")
  func lock() throws {
    let (runner, _) = try runner(.long, level: 0)
    runner.general = [3: Place.supervisorShadow]
    for code in [
      Code.incsspd, Code.rdsspd, Code.saveprevssp, Code.setssbsy, Code.rstorssp, Code.clrssbsy,
      Code.wrussd,
    ] {
      #expect(runner.run([0xf0] + code) == .invalidOpcode)
    }
    #expect(runner.run(Code.wrssd) == .invalidOpcode)
    runner.setControl([.shadowStack, .writeShadowStack], level: 0)
    #expect(runner.run(Code.wrssd) == .retires)
    #expect(runner.run([0xf0] + Code.wrssd) == .invalidOpcode)
  }

  @Test("On parts without shadow stacks, RDSSP and ENDBR are NOPs and the others #UD")
  func olderParts() throws {
    let runner = try Runner(.long, profile: "skylake-server")
    runner.general = [0: 0x1234, 3: Place.data]
    for code in [Code.rdsspq, [0xf3, 0x0f, 0x1e, 0xfa], [0xf3, 0x0f, 0x1e, 0xfb]] {
      #expect(runner.run(code) == .retires)
      #expect(runner.state.pointee.general[0] == 0x1234)
    }
    for code in [
      Code.incsspd, Code.saveprevssp, Code.setssbsy, Code.rstorssp, Code.clrssbsy, Code.wrssd,
      Code.wrussd,
    ] {
      #expect(runner.run(code) == .invalidOpcode, "\(code)")
    }
  }

  @Test("Outside protected mode they are #UD, and RDSSP is a NOP")
  func realMode() throws {
    let machine = try Machine(
      MachineConfiguration(memoryByteCount: 4 << 20, profile: .named("sapphire-rapids")))
    let state = machine.processor.pointer
    // IVT entry of #UD: 0000:0600.
    machine.writeMemory([0, 6, 0, 0], at: 6 * 4)
    machine.writeMemory([0xeb, 0xfe], at: 0x600)
    for code in [
      Code.incsspd, Code.saveprevssp, Code.setssbsy, Code.rstorssp, Code.clrssbsy, Code.wrssd,
      Code.wrussd, Code.rdsspd,
    ] {
      machine.writeMemory(code + [0x90], at: 0x500)
      state.pointee.cr0.insert(.wp)
      state.pointee.cr4 = .cet
      state.pointee.cet.supervisorControl = [.shadowStack, .writeShadowStack]
      state.pointee.segments[1] = Segment(
        selector: 0, base: 0, limit: 0xffff, access: SegmentAccessRights(rawValue: 0x9b))
      state.pointee.rip = 0x500
      state.pointee.general[0] = 0x1234
      state.pointee.general[4] = 0x1000
      state.pointee.linkSource = nil
      state.pointee.updateMode()
      _ = machine.run(instructions: 1)
      #expect(state.pointee.rip == (code == Code.rdsspd ? 0x504 : 0x600), "\(code)")
      #expect(state.pointee.general[0] == 0x1234)
    }
  }

  // MARK: INCSSP and RDSSP

  @Test("INCSSP adds elements, and loads the first and the last that it passes")
  func increment() throws {
    for mode in Runner.Mode.allCases {
      for level in [0, 3] as [UInt8] {
        let (runner, ssp) = try runner(mode, level: level)
        for count in [0, 1, 3, 255] as [UInt64] {
          runner.ssp = ssp
          // Only the low 8 bits count.
          runner.general = [0: 0xabcd_ef00 | count]
          #expect(runner.run(Code.incsspd, level: level) == .retires)
          #expect(runner.ssp == ssp + count * 4)
          guard mode.isLong else { continue }
          runner.ssp = ssp
          #expect(runner.run(Code.incsspq, level: level) == .retires)
          #expect(runner.ssp == ssp + count * 8)
        }
      }
    }
  }

  @Test("INCSSP faults if its first or last element is not on a shadow stack")
  func incrementFaults() throws {
    let (runner, ssp) = try runner(.long, level: 3, offset: 0x2000 - 16)
    // Faults go to the kernel, which has no shadow stack here.
    runner.setInterruptGate(14, selector: Runner.Selector.kernelCode, Place.handlers + 14 * 16)
    runner.general = [0: 2]
    #expect(runner.run(Code.incsspq, level: 3) == .retires)
    #expect(runner.ssp == ssp + 16)
    // The first is beyond the pages; even none is too many.
    for count in [0, 1] as [UInt64] {
      runner.ssp = ssp + 16
      runner.general = [0: count]
      #expect(runner.run(Code.incsspq, level: 3) == .pageFault(0x45))
      #expect(runner.state.pointee.cr2 == ssp + 16)
      #expect(runner.ssp == ssp + 16)
    }
    runner.ssp = ssp
    runner.general = [0: 3]
    #expect(runner.run(Code.incsspq, level: 3) == .pageFault(0x45))
    #expect(runner.state.pointee.cr2 == ssp + 16)
    #expect(runner.ssp == ssp)
  }

  @Test("RDSSP reads SSP, its low half with a clear upper half")
  func read() throws {
    let (runner, _) = try runner(.long, level: 0)
    runner.ssp = 0x1234_5678_9abc_def0
    runner.general = [0: .max]
    #expect(runner.run(Code.rdsspq) == .retires)
    #expect(runner.state.pointee.general[0] == 0x1234_5678_9abc_def0)
    #expect(runner.run(Code.rdsspd) == .retires)
    #expect(runner.state.pointee.general[0] == 0x9abc_def0)
    // RDSSPQ R9
    #expect(runner.run([0xf3, 0x49, 0x0f, 0x1e, 0xc9]) == .retires)
    #expect(runner.state.pointee.general[9] == 0x1234_5678_9abc_def0)
  }

  // MARK: WRSS and WRUSS

  @Test("WRSS writes aligned elements of the shadow stack of its privilege")
  func write() throws {
    for level in [0, 3] as [UInt8] {
      let (runner, ssp) = try runner(.long, level: level, [.shadowStack, .writeShadowStack])
      let own = level == 3 ? Place.userShadow : Place.supervisorShadow
      let other = level == 3 ? Place.supervisorShadow : Place.userShadow
      let user: UInt32 = level == 3 ? 4 : 0
      runner.general = [0: 0x1122_3344_5566_7788, 3: own + 0x10]
      #expect(runner.run(Code.wrssq, level: level) == .retires)
      #expect(runner.get(own + 0x10) == 0x1122_3344_5566_7788)
      runner.general[3] = own + 0x24
      #expect(runner.run(Code.wrssd, level: level) == .retires)
      #expect(runner.get(own + 0x20) == 0x5566_7788_0000_0000)
      #expect(runner.run(Code.wrssq, level: level) == .generalProtection(0))
      runner.general[3] = own + 0x22
      #expect(runner.run(Code.wrssd, level: level) == .generalProtection(0))
      // Ordinary pages, and those of the other privilege.
      runner.general[3] = Place.data
      #expect(runner.run(Code.wrssq, level: level) == .pageFault(0x43 | user))
      runner.general[3] = other
      #expect(runner.run(Code.wrssq, level: level) == .pageFault(0x43 | user))
      runner.general[3] = 1 << 63
      runner.ssp = ssp
      #expect(runner.run(Code.wrssq, level: level) == .generalProtection(0))
      #expect(runner.interruptedSSP == ssp)
    }
  }

  @Test("WRUSS writes user shadow stacks, and its faults are a user's")
  func writeUser() throws {
    let (runner, _) = try runner(.long, level: 0)
    runner.general = [0: 0x1122_3344_5566_7788, 3: Place.userShadow + 0x10]
    #expect(runner.run(Code.wrussq) == .retires)
    #expect(runner.get(Place.userShadow + 0x10) == 0x1122_3344_5566_7788)
    runner.general[3] = Place.userShadow + 0x1c
    #expect(runner.run(Code.wrussd) == .retires)
    #expect(runner.get32(Place.userShadow + 0x1c) == 0x5566_7788)
    #expect(runner.run(Code.wrussq) == .generalProtection(0))
    runner.general[3] = Place.supervisorShadow
    #expect(runner.run(Code.wrussq) == .pageFault(0x47))
    runner.general[3] = Place.data
    #expect(runner.run(Code.wrussd) == .pageFault(0x47))
  }

  // MARK: SETSSBSY and CLRSSBSY

  @Test("SETSSBSY takes the token that IA32_PL0_SSP points to")
  func setBusy() throws {
    let (runner, ssp) = try runner(.long, level: 0)
    let token = Place.supervisorShadow + 0xff8
    for (value, pointer, outcome) in [
      (token, token, Runner.Outcome.retires), (token | 1, token, .controlProtection(5)),
      (token + 8, token, .controlProtection(5)), (0, token, .controlProtection(5)),
      (token, token + 4, .generalProtection(0)),
      (Place.data, Place.data, .pageFault(0x43)),
    ] {
      runner.ssp = ssp
      runner.cet.levelSSP[0] = pointer
      runner.put(value, at: pointer & ~7)
      #expect(runner.run(Code.setssbsy) == outcome)
      let isTaken = outcome == .retires
      #expect(runner.get(pointer & ~7) == (isTaken ? token | 1 : value))
      #expect((isTaken ? runner.ssp : runner.interruptedSSP) == (isTaken ? token : ssp))
    }
    // In 32-bit code, the pointer must be below 4 GiB.
    let (narrow, _) = try self.runner(.compatibility, level: 0)
    narrow.cet.levelSSP[0] = 1 << 32 | token
    narrow.put(token, at: token)
    #expect(narrow.run(Code.setssbsy) == .controlProtection(5))
  }

  @Test("CLRSSBSY frees a token; CF tells if there was none")
  func clearBusy() throws {
    let token = Place.supervisorShadow + 0xff8
    for (value, freed) in [(token | 1, true), (token, false), (token + 8 | 1, false)] {
      let (runner, _) = try runner(.long, level: 0)
      runner.flags = 2 | RFLAGS.status.rawValue
      runner.general = [3: token]
      runner.put(value, at: token)
      #expect(runner.run(Code.clrssbsy) == .retires)
      #expect(runner.get(token) == (freed ? token : value))
      #expect(runner.state.pointee.rflags == 2 | (freed ? 0 : RFLAGS.cf.rawValue))
      #expect(runner.ssp == 0)
    }
    let (runner, ssp) = try runner(.long, level: 0)
    runner.general = [3: token + 4]
    #expect(runner.run(Code.clrssbsy) == .generalProtection(0))
    #expect(runner.interruptedSSP == ssp)
  }
}
