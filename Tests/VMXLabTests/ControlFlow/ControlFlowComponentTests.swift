import Testing

@testable import VMXLab

/// CET's state components of the XSAVE feature set.
@Suite struct ControlFlowComponentTests {
  private typealias Runner = ControlFlowRunner
  private typealias Place = ControlFlowRunner.Place

  // On [RBX].
  private static let xsaves: [UInt8] = [0x0f, 0xc7, 0x2b]
  private static let xrstors: [UInt8] = [0x0f, 0xc7, 0x1b]
  private static let area = Place.data
  private static let user: UInt64 = 1 << 11
  private static let supervisor: UInt64 = 1 << 12

  private func runner(_ components: UInt64, xss: UInt64 = user | supervisor) throws -> Runner {
    let runner = try Runner(.long)
    runner.state.pointee.cr4.insert(.osxsave)
    runner.state.pointee.vector.xcr0 = 7
    runner.state.pointee.vector.xss = xss
    runner.general = [0: components, 3: Self.area]
    return runner
  }

  @Test("CPUID enumerates them, and the size of an area with them")
  func cpuid() throws {
    let runner = try Runner(.long)
    func result(_ subleaf: UInt32, xcr0: UInt64 = 7, xss: UInt64 = 0) -> CPUIDResult {
      runner.state.pointee.model.cpuid.result(
        leaf: 0xd, subleaf: subleaf, state: CPUIDDynamicState(xcr0: xcr0, xss: xss))
    }
    #expect(result(1).ecx == 0x1800)
    // Size; no offset; a supervisor component that is not aligned.
    #expect(result(11) == CPUIDResult(eax: 16, ebx: 0, ecx: 1, edx: 0))
    #expect(result(12) == CPUIDResult(eax: 24, ebx: 0, ecx: 1, edx: 0))
    for (xcr0, xss, size) in [
      (7, 0, 832), (3, 0, 576), (7, Self.user, 848), (7, Self.supervisor, 856),
      (3, Self.user | Self.supervisor, 616), (7, Self.user | Self.supervisor, 872),
    ] as [(UInt64, UInt64, UInt32)] {
      #expect(result(1, xcr0: xcr0, xss: xss).ebx == size)
      #expect(result(0, xcr0: xcr0, xss: xss).ebx == (xcr0 == 7 ? 832 : 576))
    }
  }

  @Test("IA32_XSS takes the two bits, and no others")
  func xss() throws {
    let runner = try Runner(.long)
    for bit in 0..<64 as Range<UInt64> {
      let value: UInt64 = 1 << bit
      runner.general = [0: value & 0xffff_ffff, 1: 0xda0, 2: value >> 32]
      #expect(
        runner.run([0x0f, 0x30])
          == (bit == 11 || bit == 12 ? .retires : .generalProtection(0)), "bit \(bit)")
    }
    let older = try Runner(.long, profile: "icelake-server")
    older.general = [0: 0x1800, 1: 0xda0]
    #expect(older.run([0x0f, 0x30]) == .generalProtection(0))
  }

  @Test("XSAVES and XRSTORS move them, right behind the components before")
  func saveAndRestore() throws {
    // RFBM, and where CET_U and CET_S lie.
    for (components, userOffset, supervisorOffset) in [
      (Self.user | Self.supervisor | 7, 832, 848), (Self.user | Self.supervisor | 3, 576, 592),
      (Self.supervisor | 4, nil, 832), (Self.supervisor, nil, 576), (Self.user, 576, nil),
    ] as [(UInt64, UInt64?, UInt64?)] {
      let runner = try runner(components)
      runner.cet.userControl = [.shadowStack, .noTrack]
      for level in 0..<4 { runner.cet.levelSSP[level] = 0x1000 * UInt64(level + 1) }
      let before = runner.cet
      #expect(runner.run(Self.xsaves) == .retires)
      let area = Self.area
      #expect(runner.get(area + 520) == components | 1 << 63)
      #expect(runner.get(area + 512) & 0x1800 == components & 0x1800)
      if let userOffset {
        #expect(runner.get(area + userOffset) == before.userControl.rawValue)
        #expect(runner.get(area + userOffset + 8) == 0x4000)
      }
      if let supervisorOffset {
        for level in 0..<3 as Range<UInt64> {
          #expect(runner.get(area + supervisorOffset + level * 8) == 0x1000 * (level + 1))
        }
      }
      runner.cet.userControl = []
      for level in 0..<4 { runner.cet.levelSSP[level] = 0 }
      #expect(runner.run(Self.xrstors) == .retires)
      #expect(runner.cet.userControl == (userOffset == nil ? [] : before.userControl))
      #expect(runner.cet.levelSSP[3] == (userOffset == nil ? 0 : 0x4000))
      for level in 0..<3 {
        let saved = supervisorOffset == nil ? 0 : before.levelSSP[level]
        #expect(runner.cet.levelSSP[level] == saved)
      }
    }
  }

  @Test("Components in their initial state are not saved, and such are restored to it")
  func initial() throws {
    let runner = try runner(Self.user | Self.supervisor)
    #expect(runner.run(Self.xsaves) == .retires)
    #expect(runner.get(Self.area + 512) & 0x1800 == 0)
    runner.cet.userControl = .shadowStack
    runner.cet.levelSSP[3] = 0x4000
    runner.cet.levelSSP[1] = 0x2000
    #expect(runner.run(Self.xrstors) == .retires)
    #expect(runner.cet.userControl.isEmpty)
    #expect(runner.cet.levelSSP[3] == 0 && runner.cet.levelSSP[1] == 0)
    // The level that counts may be the current one: IA32_U_CET at level 3 is decoded anew.
    #expect(!runner.cet.usesShadowStack)
  }

  @Test("XRSTORS of a value that WRMSR would refuse is #GP(0), with nothing loaded")
  func refusedValues() throws {
    let good: [UInt64] = [1, 0x4000, 0x1000, 0x2000, 0x3000]
    let wrong: [[UInt64]] = [
      [0x40, 0xc00, 1 << 62], [1, 2, 1 << 63], [1, 2, 1 << 63], [1, 2, 1 << 63], [1, 2, 1 << 63],
    ]
    for (position, values) in wrong.enumerated() {
      for value in values {
        let runner = try runner(Self.user | Self.supervisor)
        runner.put(Self.user | Self.supervisor, at: Self.area + 512)
        runner.put(Self.user | Self.supervisor | 1 << 63, at: Self.area + 520)
        for (index, word) in good.enumerated() {
          runner.put(word, at: Self.area + 576 + UInt64(index) * 8)
        }
        #expect(runner.run(Self.xrstors) == .retires)
        #expect(runner.cet.levelSSP[2] == 0x3000)
        runner.cet = ControlFlowState()
        runner.put(value, at: Self.area + 576 + UInt64(position) * 8)
        #expect(runner.run(Self.xrstors) == .generalProtection(0))
        #expect(runner.cet.userControl.isEmpty && runner.cet.levelSSP[3] == 0)
        #expect((0..<3).allSatisfy { runner.cet.levelSSP[$0] == 0 })
      }
    }
  }

  @Test("XCOMP_BV must not have what IA32_XSS has not")
  func format() throws {
    let runner = try runner(Self.user | Self.supervisor, xss: Self.user)
    runner.put(0, at: Self.area + 512)
    runner.put(Self.supervisor | 1 << 63, at: Self.area + 520)
    #expect(runner.run(Self.xrstors) == .generalProtection(0))
    runner.put(Self.user | 1 << 63, at: Self.area + 520)
    #expect(runner.run(Self.xrstors) == .retires)
    // XSAVES saves no more than that either.
    runner.cet.levelSSP[0] = 0x1000
    #expect(runner.run(Self.xsaves) == .retires)
    #expect(runner.get(Self.area + 520) == Self.user | 1 << 63)
  }
}
