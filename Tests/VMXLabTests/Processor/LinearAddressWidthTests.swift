import Testing

@testable import VMXLab

/// 5-level paging, and which addresses are canonical: those of the paging mode for accesses and RIP, those
/// of the processor's linear-address width for registers that hold addresses.
@Suite struct LinearAddressWidthTests {
  /// Canonical with 57 bits, not with 48.
  private static let wide: UInt64 = 0xff12_3456_789a_b000
  /// Canonical with 58 bits, not with 57.
  private static let tooWide: UInt64 = 0xfe12_3456_789a_b000
  private static let root: UInt64 = 0x18_0000
  private static let load: [UInt8] = [0x8a, 0x03]

  private let runner: InstructionRunner
  private var state: UnsafeMutablePointer<Processor> { runner.state }

  init() throws { runner = try InstructionRunner(profile: "sapphire-rapids") }

  /// Whether `body` accepts an address, for one that has 57 bits and one that has more.
  private func accepts(
    _ profile: String, _ body: (InstructionRunner, UInt64) -> Bool
  ) throws -> [Bool] {
    let runner = try InstructionRunner(profile: profile)
    runner.state.pointee.cr4.insert(.fsgsbase)
    return [Self.wide, Self.tooWide].map { body(runner, $0) }
  }

  /// The same on a processor with 5-level paging, which is off, and on one without.
  private func expectWidthOfProcessor(
    _ name: String, _ body: (InstructionRunner, UInt64) -> Bool
  ) throws {
    #expect(try accepts("sapphire-rapids", body) == [true, false], "\(name)")
    #expect(try accepts("icelake-server", body) == [true, false], "\(name)")
    #expect(try accepts("skylake-server", body) == [false, false], "\(name)")
  }

  private func bytes(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  // MARK: Registers

  @Test(
    "MSRs that hold addresses take those of the processor's linear-address width",
    arguments: [0x175, 0x176, 0xc000_0082, 0xc000_0083, 0xc000_0100, 0xc000_0101, 0xc000_0102])
  func modelSpecificRegisters(index: UInt64) throws {
    try expectWidthOfProcessor("MSR \(index)") { runner, address in
      runner.run([0x0f, 0x30], [0: address & 0xffff_ffff, 1: index, 2: address >> 32]) == .retired
    }
  }

  @Test("Bases of segments and descriptor tables take addresses of that width too")
  func bases() throws {
    for (name, code) in [
      ("WRFSBASE", [0xf3, 0x48, 0x0f, 0xae, 0xd0]), ("WRGSBASE", [0xf3, 0x48, 0x0f, 0xae, 0xd8]),
    ] as [(String, [UInt8])] {
      try expectWidthOfProcessor(name) { $0.run(code, [0: $1]) == .retired }
    }
    for (name, code) in [("LGDT", [0x0f, 0x01, 0x13]), ("LIDT", [0x0f, 0x01, 0x1b])]
      as [(String, [UInt8])]
    {
      try expectWidthOfProcessor(name) { runner, address in
        runner.write([0xff, 1] + bytes(address), at: InstructionRunner.dataAddress)
        let tables = (runner.state.pointee.gdtr, runner.state.pointee.idtr)
        defer { (runner.state.pointee.gdtr, runner.state.pointee.idtr) = tables }
        return runner.run(code, [3: InstructionRunner.dataAddress]) == .retired
      }
    }
    for (name, type, digit) in [("LLDT", UInt64(0x82), UInt8(0xd0)), ("LTR", 0x89, 0xd8)] {
      try expectWidthOfProcessor(name) { runner, address in
        let table = runner.state.pointee.gdtr.base
        runner.state.pointee.gdtr.limit = 0xff
        runner.write(
          bytes(
            0x67 | (address & 0xff_ffff) << 16 | type << 40 | (address >> 24 & 0xff) << 56)
            + bytes(address >> 32), at: table + 0x20)
        return runner.run([0x0f, 0x00, digit], [0: 0x20]) == .retired
      }
    }
  }

  @Test("INVPCID refuses addresses by that width, and INVLPG none")
  func invalidation() throws {
    try expectWidthOfProcessor("INVPCID") { runner, address in
      runner.write(bytes(0) + bytes(address), at: InstructionRunner.dataAddress)
      let code: [UInt8] = [0x66, 0x0f, 0x38, 0x82, 0x03]
      return runner.run(code, [0: 0, 3: InstructionRunner.dataAddress]) == .retired
    }
    for address in [Self.wide, Self.tooWide] {
      #expect(runner.run([0x0f, 0x01, 0x3b], [3: address]) == .retired)
    }
  }

  @Test("An access through such a base is not canonical in 4-level paging, and neither is RIP")
  func accessesInLevel4() {
    state.pointee.segments[4].base = Self.wide
    state.pointee.updateMode()
    // MOV AL, FS:[0]; by DS and SS.
    #expect(
      runner.run([0x64, 0x8a, 0x04, 0x25, 0, 0, 0, 0]) == .fault(13))
    #expect(runner.run(Self.load, [3: Self.wide]) == .fault(13))
    #expect(runner.run([0x8a, 0x45, 0], [5: Self.wide]) == .fault(12))
    #expect(runner.run([0xff, 0xe0], [0: Self.wide]) == .fault(13))
    // A table above the canonical range is not reached from compatibility mode either.
    state.pointee.gdtr.base = Self.wide
    state.pointee.segments[1].access = SegmentAccessRights(rawValue: 0xc09b)
    state.pointee.updateMode()
    let value = state.pointee.readSystem(Self.wide, UInt64.self)
    #expect(value == nil)
    #expect(state.pointee.pending.vector == 13)
  }

  @Test("SYSCALL goes to IA32_LSTAR, where fetching then faults if 4-level paging cannot reach it")
  func systemCall() {
    state.pointee.msrs.lstar = Self.wide
    state.pointee.msrs.star = 8 << 32
    runner.run([0x0f, 0x05])
    // The handler of #GP comes next, and returns to where fetching failed.
    #expect(runner.rip == runner.handler(13))
    #expect(runner.read(8, at: state.pointee.general[4] + 8) == bytes(Self.wide))
  }

  // MARK: 5-level paging

  private func pagingMode(_ state: UnsafeMutablePointer<Processor>) -> PagingMode {
    state.pointee.pagingMode
  }

  /// The same tables below a PML5, at 0 and at 2^48, and at the top of the address space.
  private func enterLevel5() {
    runner.write(bytes(state.pointee.cr3 | 7), at: Self.root)
    runner.write(bytes(state.pointee.cr3 | 7), at: Self.root + 8)
    runner.write(bytes(state.pointee.cr3 | 7), at: Self.root + 256 * 8)
    state.pointee.cr3 = Self.root
    state.pointee.cr4.insert(.la57)
    state.pointee.startNewAddressSpace()
    state.pointee.updateMode()
  }

  @Test("5-level paging maps 57 bits of linear address")
  func accessesInLevel5() {
    enterLevel5()
    #expect(pagingMode(state) == .level5)
    runner.write([0x5a], at: InstructionRunner.dataAddress)
    for base in [0, 1 << 48, 0xff00_0000_0000_0000] as [UInt64] {
      var registers = [UInt64](repeating: 0, count: 16)
      registers[3] = base + InstructionRunner.dataAddress
      registers[4] = InstructionRunner.stackTop
      var flags: UInt64 = 2
      #expect(runner.run(Self.load, registers: &registers, flags: &flags) == .retired)
      #expect(registers[0] == 0x5a)
      // JMP, and what is there.
      registers[0] = base + InstructionRunner.codeAddress + 0x100
      #expect(runner.run([0xff, 0xe0], registers: &registers, flags: &flags) == .retired)
      #expect(runner.rip == registers[0])
    }
    #expect(runner.run(Self.load, [3: 2 << 48]) == .fault(14))
    #expect(state.pointee.cr2 == 2 << 48)
    for address in [1 << 56, Self.tooWide] as [UInt64] {
      #expect(runner.run(Self.load, [3: address]) == .fault(13))
      #expect(runner.run([0xff, 0xe0], [0: address]) == .fault(13))
    }
    // Entries of a PML5 map no pages.
    runner.write(bytes(0x87), at: Self.root + 8)
    state.pointee.startNewAddressSpace()
    #expect(runner.run(Self.load, [3: 1 << 48]) == .fault(14))
  }

  @Test("CR4.LA57 cannot change in IA-32e mode, and is not there without 5-level paging")
  func controlRegister() throws {
    let move: [UInt8] = [0x0f, 0x22, 0xe0]
    #expect(runner.run(move, [0: 0x220 | CR4.la57.rawValue]) == .fault(13))
    enterLevel5()
    #expect(runner.run(move, [0: 0x220]) == .fault(13))
    #expect(runner.run(move, [0: 0x2a0 | CR4.la57.rawValue]) == .retired)
    for (profile, isThere) in [("skylake-server", false), ("icelake-server", true)] {
      let machine = try Machine(
        MachineConfiguration(memoryByteCount: 4 << 20, profile: .named(profile)))
      let isWritten = machine.processor.pointer.pointee.writeCR4(CR4.la57.rawValue)
      #expect(isWritten == isThere)
    }
  }

  @Test("Paging that is turned on with CR4.LA57 and IA32_EFER.LME has five levels")
  func enabling() throws {
    let machine = try Machine(
      MachineConfiguration(memoryByteCount: 4 << 20, profile: .named("icelake-server")))
    let state = machine.processor.pointer
    func write(cr4 value: CR4) -> Bool { state.pointee.writeCR4(value.rawValue) }
    func write(efer value: EFER) -> Bool { state.pointee.writeMSR(MSR.ia32EFER, value.rawValue) }
    func setPaging(_ isOn: Bool) -> Bool { state.pointee.writeCR0(isOn ? 0x8000_0011 : 0x11) }
    #expect(write(cr4: [.la57, .pae]))
    #expect(write(efer: .lme))
    #expect(setPaging(true))
    #expect(pagingMode(state) == .level5)
    #expect(!write(cr4: .pae))
    // Without IA-32e mode the bit means nothing.
    #expect(setPaging(false))
    #expect(write(efer: []))
    #expect(setPaging(true))
    #expect(pagingMode(state) == .pae)
    #expect(write(cr4: .pae))
  }

  @Test("IRET and SYSRET return to 57-bit addresses in 5-level paging alone")
  func returns() {
    state.pointee.msrs.star = 0x23 << 48
    for isLevel5 in [false, true] {
      if isLevel5 { enterLevel5() }
      let target = (1 << 48) + InstructionRunner.codeAddress + 0x200
      let expected: InstructionRunner.Outcome = isLevel5 ? .retired : .fault(13)
      let stack = InstructionRunner.stackTop - 40
      for (slot, value) in [target, 8, 2, InstructionRunner.stackTop, 16].enumerated() {
        runner.write(bytes(value), at: stack + UInt64(slot * 8))
      }
      #expect(runner.run([0x48, 0xcf], [4: stack]) == expected)
      if isLevel5 { #expect(runner.rip == target) }
      #expect(runner.run([0x48, 0x0f, 0x07], [1: target, 11: 2]) == expected)
      if isLevel5 { #expect(runner.rip == target) }
    }
  }
}
