import Testing

@testable import VMXLab

/// Instructions whose CPUID flag a profile lacks.
@Suite struct FeatureGatingTests {
  @Test("What CPUID does not offer raises #UD")
  func missingFeatures() throws {
    let cases: [(String, [UInt8], String)] = [
      ("pcmpgtq", [0x66, 0x0f, 0x38, 0x37, 0xc1], "penryn"),
      ("popcnt", [0xf3, 0x0f, 0xb8, 0xc1], "penryn"),
      ("crc32", [0xf2, 0x0f, 0x38, 0xf1, 0xc1], "penryn"),
      ("movbe", [0x0f, 0x38, 0xf0, 0x03], "nehalem"),
      ("aesenc", [0x66, 0x0f, 0x38, 0xdc, 0xc1], "nehalem"),
      ("vpaddb ymm", [0xc5, 0xfd, 0xfc, 0xc1], "sandybridge"),
      ("vfmadd132ps", [0xc4, 0xe2, 0x79, 0x98, 0xc1], "sandybridge"),
      ("andn", [0xc4, 0xe2, 0x78, 0xf2, 0xc1], "sandybridge"),
      ("rorx", [0xc4, 0xe3, 0x7b, 0xf0, 0xc1, 1], "sandybridge"),
      ("adcx", [0x66, 0x0f, 0x38, 0xf6, 0xc1], "haswell"),
      ("clflushopt", [0x66, 0x0f, 0xae, 0x3b], "haswell"),
      ("clwb", [0x66, 0x0f, 0xae, 0x33], "haswell"),
      ("xsavec", [0x0f, 0xc7, 0x23], "haswell"),
      ("sha1msg1", [0x0f, 0x38, 0xc9, 0xc1], "skylake-server"),
      ("vaesenc ymm", [0xc4, 0xe2, 0x7d, 0xdc, 0xc1], "skylake-server"),
    ]
    for (name, code, profile) in cases {
      for (part, expected) in [(profile, .fault(6)), ("sapphire-rapids", .retired)]
        as [(String, InstructionRunner.Outcome)]
      {
        let runner = try InstructionRunner(profile: part)
        runner.enableAVX()
        let outcome = runner.run(code, [0: 7, 3: InstructionRunner.dataAddress])
        #expect(outcome == expected, "\(name) on \(part)")
      }
    }
  }

  @Test("Without BMI1 and LZCNT, TZCNT and LZCNT are BSF and BSR")
  func bitScans() throws {
    let runner = try InstructionRunner(profile: "sandybridge")
    var registers = [UInt64](repeating: 0, count: 16)
    var flags: UInt64 = 2
    registers[1] = 0x40
    #expect(
      runner.run([0xf3, 0x0f, 0xbd, 0xc1], registers: &registers, flags: &flags) == .retired)
    #expect(registers[0] == 6)
    registers[1] = 0
    registers[0] = 99
    #expect(
      runner.run([0xf3, 0x0f, 0xbc, 0xc1], registers: &registers, flags: &flags) == .retired)
    #expect(registers[0] == 99)
    #expect(flags & RFLAGS.zf.rawValue != 0)
  }

  @Test("Encodings that are none raise #UD")
  func invalidEncodings() throws {
    let runner = try InstructionRunner(profile: "sapphire-rapids")
    runner.enableAVX()
    let cases: [(String, [UInt8])] = [
      ("LOCK", [0xf0, 0x0f, 0x58, 0xc1]),
      ("66 before VEX", [0x66, 0xc5, 0xf8, 0x58, 0xc1]),
      ("REX before VEX", [0x40, 0xc5, 0xf8, 0x58, 0xc1]),
      ("F3 before VEX", [0xf3, 0xc5, 0xf8, 0x58, 0xc1]),
      ("vvvv of vmovaps", [0xc5, 0xf0, 0x28, 0xc1]),
      ("L of vmovd", [0xc5, 0xfd, 0x6e, 0xc1]),
      ("W of vpermq", [0xc4, 0xe3, 0x7d, 0x00, 0xc1, 0]),
      ("VEX map 0", [0xc4, 0xe0, 0x78, 0x58, 0xc1]),
      ("VEX map 4", [0xc4, 0xe4, 0x78, 0x58, 0xc1]),
      ("VEX with no instruction", [0xc5, 0xf8, 0x04, 0xc1]),
      ("EVEX", [0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1]),
      ("movaps with F3", [0xf3, 0x0f, 0x28, 0xc1]),
      ("movntps with a register", [0x0f, 0x2b, 0xc1]),
      ("pextrw with memory, old form", [0x66, 0x0f, 0xc5, 0x03, 0]),
      ("ldmxcsr with L", [0xc5, 0xfc, 0xae, 0x13]),
    ]
    for (name, code) in cases {
      #expect(runner.run(code, [3: InstructionRunner.dataAddress]) == .fault(6), "\(name)")
    }
  }
}
