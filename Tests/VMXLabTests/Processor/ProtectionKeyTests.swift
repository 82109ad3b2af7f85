import Testing

@testable import VMXLab

/// PKRU, IA32_PKRS and what they do to translations that are already there.
@Suite struct ProtectionKeyTests {
  private static let rdpkru: [UInt8] = [0x0f, 0x01, 0xee]
  private static let wrpkru: [UInt8] = [0x0f, 0x01, 0xef]
  /// MOV AL, [RBX] and MOV [RBX], AL.
  private static let load: [UInt8] = [0x8a, 0x03]
  private static let store: [UInt8] = [0x88, 0x03]
  // Pages whose place in the TLB is no other's.
  private static let page = InstructionRunner.dataAddress + 0x3000
  private static let otherPage = InstructionRunner.dataAddress + 0x20_5000

  private let runner: InstructionRunner
  private var state: UnsafeMutablePointer<Processor> { runner.state }

  init() throws {
    runner = try InstructionRunner(profile: "sapphire-rapids")
    state.pointee.cr4.formUnion([.pke, .pks])
    state.pointee.updateMode()
  }

  /// Gives the 2 MiB at `linear` a key. `flags` makes them a user's (4) and writable (2).
  private func setKey(_ key: UInt64, _ linear: UInt64, flags: UInt64 = 6) {
    let entry = state.pointee.cr3 + 0x2000 + (linear >> 21) * 8
    let value = linear & ~0x1f_ffff | 0x81 | flags | key << 59
    runner.write((0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }, at: entry)
    state.pointee.startNewAddressSpace()
  }

  private func access(_ code: [UInt8], _ linear: UInt64) -> InstructionRunner.Outcome {
    runner.run(code, [3: linear])
  }

  private func loadPKRU(_ value: UInt64) -> InstructionRunner.Outcome {
    runner.run(Self.wrpkru, [0: value])
  }

  private func loadPKRS(_ value: UInt64) -> InstructionRunner.Outcome {
    runner.run([0x0f, 0x30], [0: value & 0xffff_ffff, 1: 0x6e1, 2: value >> 32])
  }

  // MARK: Instructions and the MSR

  @Test("WRPKRU and RDPKRU take 0 in ECX, WRPKRU in EDX too, and 32 bits of each register")
  func instructions() {
    let high: UInt64 = 0xffff_ffff_0000_0000
    #expect(
      runner.run(Self.wrpkru, [0: high | 0x5555_5554, 1: high, 2: high]) == .retired)
    #expect(state.pointee.protectionKeys.user == 0x5555_5554)
    #expect(runner.run(Self.wrpkru, [0: 0, 1: 1]) == .fault(13))
    #expect(runner.run(Self.wrpkru, [0: 0, 2: 1]) == .fault(13))
    #expect(runner.run(Self.rdpkru, [1: 1]) == .fault(13))
    var registers = [UInt64](repeating: high | 7, count: 16)
    registers[1] = high
    registers[4] = InstructionRunner.stackTop
    var flags: UInt64 = 2
    #expect(runner.run(Self.rdpkru, registers: &registers, flags: &flags) == .retired)
    #expect(registers[0] == 0x5555_5554)
    #expect(registers[2] == 0)
    #expect(registers[1] == high)
  }

  @Test("RDPKRU and WRPKRU raise #UD without CR4.PKE, and with any prefix that is not for them")
  func invalidInstructions() throws {
    for code in [Self.rdpkru, Self.wrpkru] {
      for prefix in [0x66, 0xf2, 0xf3, 0xf0] as [UInt8] {
        #expect(runner.run([prefix] + code) == .fault(6), "\(prefix)")
      }
      #expect(runner.run([0x48] + code) == .retired)
      state.pointee.cr4.remove(.pke)
      #expect(runner.run(code) == .fault(6))
      state.pointee.cr4.insert(.pke)
      #expect(try InstructionRunner(profile: "haswell").run(code) == .fault(6))
    }
  }

  @Test("CR4 has the bits of what CPUID offers")
  func controlRegister() throws {
    for (profile, pke, pks) in [
      ("haswell", false, false), ("skylake-server", true, false), ("icelake-server", true, false),
      ("sapphire-rapids", true, true),
    ] {
      let runner = try InstructionRunner(profile: profile)
      for (bit, isThere) in [(CR4.pke, pke), (.pks, pks)] {
        // MOV CR4, RAX.
        let outcome = runner.run([0x0f, 0x22, 0xe0], [0: 0x220 | bit.rawValue])
        #expect(outcome == (isThere ? .retired : .fault(13)), "\(profile) \(bit.rawValue)")
      }
    }
  }

  @Test("IA32_PKRS has 32 bits, and is there with PKS alone")
  func modelSpecificRegister() throws {
    #expect(loadPKRS(0xffff_fffc) == .retired)
    #expect(loadPKRS(1 << 32) == .fault(13))
    var registers = [UInt64](repeating: 0, count: 16)
    registers[1] = 0x6e1
    var flags: UInt64 = 2
    #expect(runner.run([0x0f, 0x32], registers: &registers, flags: &flags) == .retired)
    #expect(registers[0] == 0xffff_fffc)
    #expect(registers[2] == 0)
    let older = try InstructionRunner(profile: "icelake-server")
    #expect(older.run([0x0f, 0x30], [0: 0, 1: 0x6e1]) == .fault(13))
    #expect(older.run([0x0f, 0x32], [1: 0x6e1]) == .fault(13))
  }

  // MARK: Translations

  @Test("What a key loses is lost at once, of user-mode pages by PKRU, of the others by IA32_PKRS")
  func revocation() {
    for isSupervisor in [false, true] {
      let load = isSupervisor ? loadPKRS : loadPKRU
      setKey(7, Self.page, flags: isSupervisor ? 2 : 6)
      #expect(load(0) == .retired)
      #expect(access(Self.store, Self.page) == .retired)
      #expect(access(Self.load, Self.page) == .retired)
      // Write-disable, access-disable, and back.
      #expect(load(2 << 14) == .retired)
      #expect(access(Self.store, Self.page) == .fault(14))
      #expect(access(Self.load, Self.page) == .retired)
      #expect(load(1 << 14) == .retired)
      #expect(access(Self.load, Self.page) == .fault(14))
      #expect(load(0) == .retired)
      #expect(access(Self.store, Self.page) == .retired)
      // Every key but this one.
      #expect(load(0xffff_fffc & ~(3 << 14)) == .retired)
      #expect(access(Self.store, Self.page) == .retired)
      // The register of the other kind of page says nothing.
      let other = isSupervisor ? loadPKRU : loadPKRS
      #expect(other(3 << 14) == .retired)
      #expect(access(Self.store, Self.page) == .retired)
      #expect(other(0) == .retired)
      #expect(load(0) == .retired)
    }
  }

  @Test("Pages of other keys stay translated when a key loses rights")
  func othersStay() {
    setKey(1, Self.page)
    setKey(2, Self.otherPage)
    for linear in [Self.page, Self.otherPage] {
      #expect(access(Self.store, linear) == .retired)
    }
    func tags(_ linear: UInt64) -> [UInt64] {
      let entry = state.pointee.translations.entry(linear).pointee
      return [entry.readTag, entry.writeTag]
    }
    let (kept, lost) = (tags(Self.otherPage), tags(Self.page))
    #expect(!(kept + lost).contains(TranslationTag.invalid))
    #expect(loadPKRU(3 << 2) == .retired)
    #expect(tags(Self.otherPage) == kept)
    #expect(tags(Self.page).allSatisfy { $0 == TranslationTag.invalid })
  }

  @Test(
    "The page-fault error code says that a protection key forbids the access, whatever else does")
  func errorCode() {
    setKey(3, Self.page)
    #expect(loadPKRU(1 << 6) == .retired)
    func errorCode(_ code: [UInt8]) -> UInt8? {
      var registers = [UInt64](repeating: 0, count: 16)
      registers[3] = Self.page
      registers[4] = InstructionRunner.stackTop
      var flags: UInt64 = 2
      guard runner.run(code, registers: &registers, flags: &flags) == .fault(14) else {
        return nil
      }
      return runner.read(1, at: registers[4]).first
    }
    #expect(errorCode(Self.load) == 0x21)
    #expect(errorCode(Self.store) == 0x23)
    // R/W forbids it too.
    setKey(3, Self.page, flags: 4)
    #expect(loadPKRU(2 << 6) == .retired)
    #expect(errorCode(Self.load) == nil)
    #expect(errorCode(Self.store) == 0x23)
    #expect(loadPKRU(0) == .retired)
    #expect(errorCode(Self.store) == 3)
  }

  @Test("INIT leaves the rights of keys alone, RESET clears them")
  func reset() {
    #expect(loadPKRU(4) == .retired)
    #expect(loadPKRS(8) == .retired)
    state.pointee.initialize()
    #expect(state.pointee.protectionKeys.user == 4)
    #expect(state.pointee.protectionKeys.supervisor == 8)
    state.pointee.reset()
    #expect(state.pointee.protectionKeys.user == 0)
    #expect(state.pointee.protectionKeys.supervisor == 0)
  }

  @Test("The keys that lose rights are those of which a bit is newly set")
  func losers() {
    var random = SeededGenerator(seed: 5)
    for _ in 0..<200 {
      let old = UInt32(truncatingIfNeeded: random.next() & random.next())
      let new = UInt32(truncatingIfNeeded: random.next() & random.next())
      let keys = ProtectionKey.losers(old, new)
      for key in 0..<16 as Range<UInt32> {
        let (was, now) = (old >> (key * 2) & 3, new >> (key * 2) & 3)
        #expect(keys >> key & 1 == (now & ~was == 0 ? 0 : 1))
      }
      #expect(keys >> 16 == 0)
    }
  }
}
