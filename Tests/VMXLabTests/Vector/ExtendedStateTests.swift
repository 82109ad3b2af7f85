import Testing

@testable import VMXLab

/// XCR0, FXSAVE and the XSAVE feature set.
@Suite struct ExtendedStateTests {
  private static let area = InstructionRunner.dataAddress
  private static let fxsave64: [UInt8] = [0x48, 0x0f, 0xae, 0x03]
  private static let fxrstor64: [UInt8] = [0x48, 0x0f, 0xae, 0x0b]
  private static let xsave: [UInt8] = [0x48, 0x0f, 0xae, 0x23]
  private static let xrstor: [UInt8] = [0x48, 0x0f, 0xae, 0x2b]
  private static let xsaveopt: [UInt8] = [0x48, 0x0f, 0xae, 0x33]
  private static let xsavec: [UInt8] = [0x48, 0x0f, 0xc7, 0x23]
  private static let xsaves: [UInt8] = [0x48, 0x0f, 0xc7, 0x2b]
  private static let xrstors: [UInt8] = [0x48, 0x0f, 0xc7, 0x1b]
  private static let xsetbv: [UInt8] = [0x0f, 0x01, 0xd1]
  private static let xgetbv: [UInt8] = [0x0f, 0x01, 0xd0]

  private let runner: InstructionRunner
  private var state: UnsafeMutablePointer<Processor> { runner.state }

  init() throws {
    runner = try InstructionRunner()
    runner.enableAVX()
  }

  /// Runs with the area in RBX and `components` in EDX:EAX.
  private func run(
    _ code: [UInt8], _ components: UInt64 = 7, at address: UInt64 = area
  ) -> InstructionRunner.Outcome {
    runner.run(code, [0: components & 0xffff_ffff, 2: components >> 32, 3: address])
  }

  private func fill(_ base: UInt64 = 0x0101_0101_0101_0101) {
    for word in 0..<64 {
      state.pointee.vector.registers[word] = base &* UInt64(word + 1)
    }
  }

  private func clear() {
    for word in 0..<64 { state.pointee.vector.registers[word] = 0 }
  }

  private func word(_ offset: UInt64) -> UInt64 {
    runner.read(8, at: Self.area + offset).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func setWord(_ offset: UInt64, _ value: UInt64) {
    runner.write(
      (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }, at: Self.area + offset)
  }

  private func wipe(_ byte: UInt8) {
    runner.write([UInt8](repeating: byte, count: 1024), at: Self.area)
  }

  @Test("XSETBV takes combinations of the components that CPUID offers, at CPL 0")
  func writesXCR0() throws {
    for (index, value, expected) in [
      (0, 1, .retired), (0, 3, .retired), (0, 7, .retired), (0, 0, .fault(13)),
      (0, 5, .fault(13)), (0, 2, .fault(13)), (0, 0xe7, .fault(13)), (0, 1 << 63 | 1, .fault(13)),
      (0, 0x200, .fault(13)), (0, 0x201, .retired), (0, 0x207, .retired), (1, 1, .fault(13)),
    ] as [(UInt64, UInt64, InstructionRunner.Outcome)] {
      let outcome = runner.run(
        Self.xsetbv, [0: value & 0xffff_ffff, 1: index, 2: value >> 32])
      #expect(outcome == expected, "XCR\(index) \(value)")
      if outcome == .retired { #expect(state.pointee.vector.xcr0 == value) }
    }
    state.pointee.cr4.remove(.osxsave)
    state.pointee.updateMode()
    #expect(runner.run(Self.xsetbv, [0: 1]) == .fault(6))
    #expect(runner.run(Self.xgetbv) == .fault(6))
  }

  @Test("XGETBV returns XCR0, and what of it is in use")
  func readsXCR0() {
    var registers = [UInt64](repeating: 0, count: 16)
    var flags: UInt64 = 2
    clear()
    registers[4] = InstructionRunner.stackTop
    #expect(runner.run(Self.xgetbv, registers: &registers, flags: &flags) == .retired)
    #expect(registers[0] == 7)
    state.pointee.vector.registers[3] = 1
    state.pointee.initializeX87()
    registers[1] = 1
    #expect(runner.run(Self.xgetbv, registers: &registers, flags: &flags) == .retired)
    #expect(registers[0] == 4)
    registers[1] = 2
    #expect(runner.run(Self.xgetbv, registers: &registers, flags: &flags) == .fault(13))
  }

  @Test("CPUID tells the size of the area for XCR0, and mirrors CR4.OSXSAVE")
  func cpuid() {
    func cpuid(_ leaf: UInt64, _ subleaf: UInt64) -> [UInt64] {
      var registers = [UInt64](repeating: 0, count: 16)
      var flags: UInt64 = 2
      registers[0] = leaf
      registers[1] = subleaf
      _ = runner.run([0x0f, 0xa2], registers: &registers, flags: &flags)
      return [registers[0], registers[3], registers[1], registers[2]]
    }
    #expect(cpuid(0xd, 0) == [0x21f, 832, 2696, 0])
    #expect(cpuid(0xd, 1) == [0xf, 832, 0, 0])
    #expect(cpuid(0xd, 2) == [256, 576, 0, 0])
    #expect(cpuid(0xd, 5) == [0, 0, 0, 0])
    #expect(cpuid(0xd, 9) == [8, 2688, 0, 0])
    #expect(cpuid(1, 0)[2] >> 26 & 3 == 3)
    #expect(runner.run(Self.xsetbv, [0: 3]) == .retired)
    #expect(cpuid(0xd, 0) == [0x21f, 576, 2696, 0])
    #expect(cpuid(0xd, 1)[1] == 576)
    state.pointee.cr4.remove(.osxsave)
    #expect(cpuid(1, 0)[2] >> 26 & 3 == 1)
  }

  @Test("FXSAVE and FXRSTOR carry x87 and SSE state, 512 bytes aligned to 16")
  func legacyState() {
    fill()
    state.pointee.x87.initialize()
    state.pointee.x87.control = 0x27f
    state.pointee.x87.top = 5
    state.pointee.x87.used = 0xe0
    for number in 0..<8 {
      state.pointee.x87.registers[number] = DoubleExtended(
        significand: 1 << 63 | UInt64(number), signExponent: 0x3fff)
    }
    state.pointee.vector.mxcsr = 0x9fc1
    wipe(0xaa)
    #expect(run(Self.fxsave64, at: Self.area + 8) == .fault(13))
    #expect(run(Self.fxsave64) == .retired)
    #expect(word(0) == 0x0000_00e0_2800_027f)
    #expect(word(24) == 0xffff_0000_9fc1)
    #expect(word(32) == 0x8000_0000_0000_0005)
    #expect(word(40) & 0xffff == 0x3fff)
    #expect(word(160) == state.pointee.vector.registers[0])
    #expect(word(160 + 15 * 16 + 8) == state.pointee.vector.registers[15 * 4 + 1])
    // The last 48 bytes belong to software.
    #expect(word(464) == 0xaaaa_aaaa_aaaa_aaaa)
    clear()
    state.pointee.vector.mxcsr = 0x1f80
    state.pointee.initializeX87()
    #expect(run(Self.fxrstor64) == .retired)
    #expect(state.pointee.vector.mxcsr == 0x9fc1)
    #expect(state.pointee.x87.control == 0x27f)
    #expect(state.pointee.x87.top == 5)
    #expect(state.pointee.x87.registers[7].significand == 0x8000_0000_0000_0007)
    #expect(state.pointee.vector.registers[60] == 0x0101_0101_0101_0101 &* 61)
    #expect(state.pointee.vector.registers[62] == 0)
    setWord(24, 0x1_0000)
    #expect(run(Self.fxrstor64) == .fault(13))
    state.pointee.cr0.insert(.ts)
    state.pointee.updateMode()
    #expect(run(Self.fxsave64) == .fault(7))
  }

  @Test("XSAVE writes the components asked for, and of the header only their bits")
  func xsaveWrites() {
    clear()
    state.pointee.initializeX87()
    state.pointee.vector.registers[4] = 5
    wipe(0xff)
    setWord(512, 0xf0)
    #expect(run(Self.xsave, at: Self.area + 16) == .fault(13))
    #expect(run(Self.xsave, 2) == .retired)
    #expect(word(0) == ~0)
    #expect(word(24) == 0xffff_0000_1f80)
    #expect(word(176) == 5)
    #expect(word(160) == 0)
    #expect(word(576) == ~0)
    #expect(word(512) == 0xf2)
    #expect(word(520) == ~0)
    // A component that has its initial value is written all the same, with its bit clear.
    #expect(run(Self.xsave, 7) == .retired)
    #expect(word(512) == 0xf2)
    #expect(word(576) == 0)
    #expect(word(0) == 0x37f)
  }

  @Test("XSAVEOPT leaves out what has its initial value")
  func xsaveoptWrites() {
    clear()
    state.pointee.initializeX87()
    state.pointee.vector.registers[2] = 9
    wipe(0xff)
    setWord(512, 0)
    #expect(run(Self.xsaveopt) == .retired)
    #expect(word(512) == 4)
    #expect(word(0) == ~0)
    #expect(word(160) == ~0)
    #expect(word(576) == 9)
    #expect(word(24) == 0xffff_0000_1f80)
  }

  @Test("XSAVEC and XSAVES write the compacted header, XSAVES at CPL 0 alone")
  func compactedWrites() {
    for code in [Self.xsavec, Self.xsaves] {
      clear()
      state.pointee.initializeX87()
      state.pointee.vector.mxcsr = 0x1f80
      state.pointee.vector.registers[2] = 9
      wipe(0xff)
      #expect(run(code, 6) == .retired)
      #expect(word(512) == 4)
      #expect(word(520) == 0x8000_0000_0000_0006)
      #expect(word(528) == ~0)
      #expect(word(576) == 9)
      #expect(word(24) == ~0)
      // MXCSR is part of the SSE component here.
      state.pointee.vector.mxcsr = 0x1fc0
      #expect(run(code, 6) == .retired)
      #expect(word(512) == 6)
      #expect(word(24) == 0xffff_0000_1fc0)
    }
    state.pointee.vector.mxcsr = 0x1f80
  }

  @Test("XRSTOR loads what the header has and initialises the rest of what is asked for")
  func xrstorLoads() {
    fill()
    #expect(run(Self.xsave) == .retired)
    fill(3)
    setWord(512, 4)
    #expect(run(Self.xrstor, 6) == .retired)
    #expect(state.pointee.vector.registers[0] == 0)
    #expect(state.pointee.vector.registers[2] == 0x0101_0101_0101_0101 &* 3)
    fill(3)
    setWord(512, 2)
    #expect(run(Self.xrstor, 4) == .retired)
    #expect(state.pointee.vector.registers[0] == 3)
    #expect(state.pointee.vector.registers[2] == 0)
    // MXCSR comes from memory whenever SSE or AVX is asked for.
    setWord(24, 0x1f00)
    #expect(run(Self.xrstor, 4) == .retired)
    #expect(state.pointee.vector.mxcsr == 0x1f00)
    setWord(24, 0x1_1f00)
    #expect(run(Self.xrstor, 1) == .retired)
    #expect(run(Self.xrstor, 4) == .fault(13))
  }

  @Test("XRSTOR refuses a header that the manual forbids")
  func xrstorChecks() {
    wipe(0)
    setWord(24, 0x1f80)
    #expect(run(Self.xrstor) == .retired)
    for (offset, value) in [
      (512, 8), (512, 1 << 63), (520, 1), (528, 1), (520, 1 << 63 | 8), (520, 1 << 62),
    ] as [(UInt64, UInt64)] {
      setWord(offset, value)
      #expect(run(Self.xrstor) == .fault(13), "\(offset): \(value)")
      setWord(offset, 0)
    }
    // The standard format leaves the last 40 bytes alone, the compacted one does not.
    setWord(536, 1)
    #expect(run(Self.xrstor) == .retired)
    setWord(520, 1 << 63 | 7)
    #expect(run(Self.xrstor) == .fault(13))
    setWord(536, 0)
    #expect(run(Self.xrstor) == .retired)
    // A component that is not in the format cannot be in the area.
    setWord(520, 1 << 63 | 3)
    setWord(512, 4)
    #expect(run(Self.xrstor) == .fault(13))
    // XRSTORS takes the compacted format alone.
    setWord(512, 0)
    #expect(run(Self.xrstors) == .retired)
    setWord(520, 0)
    #expect(run(Self.xrstors) == .fault(13))
  }

  @Test("The compacted format initialises MXCSR with SSE")
  func compactedMXCSR() {
    wipe(0)
    setWord(520, 1 << 63 | 7)
    state.pointee.vector.mxcsr = 0x1fc0
    #expect(run(Self.xrstor, 4) == .retired)
    #expect(state.pointee.vector.mxcsr == 0x1fc0)
    #expect(run(Self.xrstor, 2) == .retired)
    #expect(state.pointee.vector.mxcsr == 0x1f80)
  }

  // MARK: PKRU

  private static let pkru: UInt64 = 0x200
  private static let standardPKRU: UInt64 = 2688

  private func enablePKRU() {
    state.pointee.vector.xcr0 = 0x207
    clear()
    state.pointee.initializeX87()
    runner.write([UInt8](repeating: 0xff, count: 4096), at: Self.area)
    for word in 0..<8 as Range<UInt64> { setWord(512 + word * 8, 0) }
  }

  @Test("PKRU is state component 9: 4 bytes, in both formats")
  func savesPKRU() {
    enablePKRU()
    state.pointee.setPKRU(0x1234_5678)
    #expect(run(Self.xsave, Self.pkru) == .retired)
    #expect(word(Self.standardPKRU) == 0xffff_ffff_1234_5678)
    #expect(word(512) == Self.pkru)
    #expect(word(576) == ~0)
    for code in [Self.xsavec, Self.xsaves] {
      #expect(run(code, Self.pkru) == .retired)
      #expect(word(576) == 0xffff_ffff_1234_5678)
      #expect(word(520) == 1 << 63 | Self.pkru)
      // Behind AVX, whether that is written or not.
      #expect(run(code, Self.pkru | 4) == .retired)
      #expect(word(576 + 256) == 0xffff_ffff_1234_5678)
      #expect(word(512) == Self.pkru)
      setWord(576, ~0)
      setWord(576 + 256, ~0)
    }
    setWord(Self.standardPKRU, ~0)
    state.pointee.setPKRU(0)
    #expect(run(Self.xsaveopt, Self.pkru) == .retired)
    #expect(word(Self.standardPKRU) == ~0)
    #expect(word(512) == 0)
    #expect(run(Self.xsave, Self.pkru) == .retired)
    #expect(word(Self.standardPKRU) == 0xffff_ffff_0000_0000)
  }

  @Test("XRSTOR loads PKRU from where the format has it, or makes it 0")
  func restoresPKRU() {
    enablePKRU()
    setWord(24, 0x1f80)
    setWord(512, Self.pkru)
    setWord(Self.standardPKRU, 0xffff_ffff_5555_0000)
    #expect(run(Self.xrstor, Self.pkru) == .retired)
    #expect(state.pointee.protectionKeys.user == 0x5555_0000)
    setWord(576, 0x10)
    setWord(576 + 256, 0x20)
    setWord(520, 1 << 63 | Self.pkru)
    #expect(run(Self.xrstor, Self.pkru) == .retired)
    #expect(state.pointee.protectionKeys.user == 0x10)
    setWord(520, 1 << 63 | Self.pkru | 4)
    #expect(run(Self.xrstors, Self.pkru) == .retired)
    #expect(state.pointee.protectionKeys.user == 0x20)
    #expect(run(Self.xrstor, 7) == .retired)
    #expect(state.pointee.protectionKeys.user == 0x20)
    setWord(512, 0)
    #expect(run(Self.xrstor, Self.pkru) == .retired)
    #expect(state.pointee.protectionKeys.user == 0)
  }

  @Test("XGETBV tells whether PKRU is in use")
  func usesPKRU() {
    enablePKRU()
    for value in [0, 4] as [UInt32] {
      state.pointee.setPKRU(value)
      var registers = [UInt64](repeating: 0, count: 16)
      registers[1] = 1
      var flags: UInt64 = 2
      #expect(runner.run(Self.xgetbv, registers: &registers, flags: &flags) == .retired)
      #expect(registers[0] == (value == 0 ? 0 : Self.pkru))
    }
  }

  @Test("An area may end at a page that is not there, if what is accessed ends before")
  func endOfArea() {
    enablePKRU()
    let end = Self.area + 0x20_0000
    let directory = state.pointee.cr3 + 0x2000 + (end >> 21) * 8
    runner.write([0], at: directory)
    state.pointee.startNewAddressSpace()
    // 576 bytes fit, 832 do not.
    let address = end - 576
    #expect(run(Self.xsave, 3, at: address) == .retired)
    #expect(run(Self.xsave, 7, at: address) == .fault(14))
    #expect(run(Self.xsave, Self.pkru, at: address) == .fault(14))
    #expect(run(Self.xsaveopt, Self.pkru, at: address) == .retired)
    #expect(run(Self.xrstor, Self.pkru | 7, at: address) == .retired)
    state.pointee.setPKRU(4)
    #expect(run(Self.xsavec, Self.pkru, at: address) == .fault(14))
    #expect(run(Self.xsavec, Self.pkru | 7, at: address - 320) == .retired)
    #expect(run(Self.xrstor, Self.pkru, at: address - 320) == .retired)
    #expect(state.pointee.protectionKeys.user == 4)
  }

  @Test("IA32_XSS holds no component")
  func xss() {
    #expect(runner.run([0x0f, 0x30], [0: 0, 1: 0xda0]) == .retired)
    #expect(runner.run([0x0f, 0x30], [0: 0x100, 1: 0xda0]) == .fault(13))
  }
}
