import Testing

@testable import VMXLab

@Suite("CPU profiles")
struct CPUProfileTests {
  @Test(
    "every built-in profile decodes and contradicts itself nowhere", arguments: CPUProfile.names)
  func sound(name: String) throws {
    let profile = try CPUProfile.named(name)
    #expect(profile.name == name)
    #expect(profile.inconsistencies == [])
    #expect(((profile.leaf(1)?.ecx ?? 0) >> 5) & 1 == 1)
    #expect(!profile.sources.isEmpty)
    #expect(profile.sources.allSatisfy { !$0.data.isEmpty && !$0.source.isEmpty })
  }

  @Test("every profile's timing profile exists", arguments: CPUProfile.names)
  func timing(name: String) throws {
    let profile = try CPUProfile.named(name)
    #expect(try TimingProfile.named(profile.timing).name == profile.timing)
  }

  /// Brand, signature and widths, from Intel's own descriptions of the parts rather than from the
  /// CPUID data.
  @Test(
    "brand, signature and widths are those of the part",
    arguments: [
      ("penryn", "Intel(R) Xeon(R) CPU X5482 @ 3.20GHz", 0x17, 38, 48, 3200),
      ("nehalem", "Genuine Intel(R) CPU @ 0000 @ 2.67GHz", 0x1a, 40, 48, 2667),
      ("sandybridge", "Intel(R) Core(TM) i7-3960X CPU @ 3.30GHz", 0x2d, 46, 48, 3300),
      ("haswell", "Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz", 0x3c, 39, 48, 3400),
      ("skylake-server", "Intel(R) Xeon(R) Gold 6154 CPU @ 3.00GHz", 0x55, 46, 48, 3000),
      ("icelake-server", "Intel(R) Xeon(R) Gold 5318Y CPU @ 2.10GHz", 0x6a, 46, 57, 2000),
      ("sapphire-rapids", "Intel(R) Xeon(R) Platinum 8470Q", 0x8f, 52, 57, 2100),
    ] as [(String, String, UInt16, UInt8, UInt8, UInt64)])
  func identity(
    name: String, brand: String, model: UInt16, physical: UInt8, linear: UInt8, megahertz: UInt64
  ) throws {
    let profile = try CPUProfile.named(name)
    #expect(profile.brand == brand)
    #expect(profile.family == 6)
    #expect(profile.model == model)
    #expect(profile.physicalAddressWidth == physical)
    #expect(profile.linearAddressWidth == linear)
    #expect((profile.frequency + 500_000) / 1_000_000 == megahertz)
  }

  @Test("capabilities come and go with the generations")
  func generations() throws {
    func secondary(_ name: String) throws -> UInt32 {
      VMXAllowedSettings(try CPUProfile.named(name).vmxCapabilityMSRs[0x48b] ?? 0).mayBe1
    }
    func has(_ name: String, _ bit: UInt32) throws -> Bool { try secondary(name) >> bit & 1 == 1 }
    // EPT (1): Nehalem. Unrestricted guest (7): Sandy Bridge here. VMCS shadowing (14): Haswell.
    // TSC scaling (25): Skylake. User wait and pause (26): Sapphire Rapids.
    #expect(try !has("penryn", 1) && has("nehalem", 1))
    #expect(try !has("nehalem", 7) && has("sandybridge", 7))
    #expect(try !has("sandybridge", 14) && has("haswell", 14))
    #expect(try !has("haswell", 25) && has("skylake-server", 25))
    #expect(try !has("icelake-server", 26) && has("sapphire-rapids", 26))
    #expect(try CPUProfile.named("penryn").vmxCapabilityMSRs[0x48e] == nil)
  }

  @Test(
    "the CR4 bits that VMX operation allows are those of the CPUID features",
    arguments: CPUProfile.names)
  func cr4FollowsCPUID(name: String) throws {
    let profile = try CPUProfile.named(name)
    let fixed1 = CR4(rawValue: try #require(profile.vmxCapabilityMSRs[MSR.ia32VMXCR4Fixed1]))
    let leaf1 = try #require(profile.leaf(1))
    let leaf7 = profile.leaf(7, 0) ?? .zero
    let pairs: [(CR4, Bool)] = [
      (.smxe, leaf1.ecx >> 6 & 1 == 1), (.pcide, leaf1.ecx >> 17 & 1 == 1),
      (.osxsave, leaf1.ecx >> 26 & 1 == 1), (.fsgsbase, leaf7.ebx & 1 == 1),
      (.smep, leaf7.ebx >> 7 & 1 == 1), (.smap, leaf7.ebx >> 20 & 1 == 1),
      (.umip, leaf7.ecx >> 2 & 1 == 1), (.pke, leaf7.ecx >> 3 & 1 == 1),
      (.cet, leaf7.ecx >> 7 & 1 == 1), (.la57, leaf7.ecx >> 16 & 1 == 1),
      (.pks, leaf7.ecx >> 31 & 1 == 1),
    ]
    for (bit, feature) in pairs {
      #expect(fixed1.contains(bit) == feature, "CR4 bit \(bit.rawValue)")
    }
  }

  @Test("an unknown profile is an error that names those that exist")
  func unknown() {
    #expect(throws: CPUProfileError.unknown(name: "i8086", known: CPUProfile.names)) {
      try CPUProfile.named("i8086")
    }
    let text = CPUProfileError.unknown(name: "i8086", known: CPUProfile.names).description
    #expect(CPUProfile.names.allSatisfy { text.contains($0) })
  }

  // MARK: User files

  private func json(_ change: (String) -> String) throws -> [UInt8] {
    let entry = try #require(CPUProfileCatalog.entries.first { $0.name == "haswell" })
    return Array(change(String(decoding: entry.json.bytes, as: UTF8.self)).utf8)
  }

  private func reason(_ change: (String) -> String) throws -> String {
    let bytes = try json(change)
    do {
      _ = try CPUProfile(json: bytes)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private func replacing(_ old: String, _ new: String) -> (String) -> String {
    { text in
      let parts = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
      return parts.joined(separator: new)
    }
  }

  @Test("a faulty file is refused with the key at fault")
  func faults() throws {
    let cases: [(old: String, new: String, says: [String])] = [
      ("\"name\": \"haswell\",", "", ["name: is missing"]),
      ("\"frequency\": 3400000000", "\"frequency\": \"fast\"", ["frequency:", "number"]),
      ("\"frequency\": 3400000000", "\"frequency\": 0", ["frequency:", "greater than 0"]),
      ("\"timing\"", "\"timming\"", ["timming", "unknown key"]),
      (
        "\"0x481\": \"0x0000007f00000016\"", "\"0x481\": \"7f00000016\"",
        ["vmxCapabilityMSRs.0x481"]
      ),
      ("\"0x481\": \"0x", "\"481\": \"0x", ["vmxCapabilityMSRs.481"]),
      ("\"0x1\": ", "\"one\": ", ["cpuid.one"]),
      ("\"0x4/0\": ", "\"0x4/x\": ", ["cpuid.0x4/x", "sub-leaf"]),
      ("\"0x0000000d\", ", "", ["cpuid.0x0", "3 values"]),
      ("\"0x0000000d\", ", "\"0x10000000d\", ", ["cpuid.0x0", "EAX", "32 bits"]),
      ("\"0x80000008\":", "\"0x80000009\":", ["80000008 is missing"]),
      ("\"cpuid\": {", "\"cpuid\": [", ["JSON"]),
      ("\"data\": ", "\"datum\": ", ["sources.0.data"]),
    ]
    for (old, new, says) in cases {
      let text = try reason(replacing(old, new))
      for part in says { #expect(text.contains(part), "\(old) → \(new): \(text)") }
    }
    #expect(try reason { $0 } == "no error")
    #expect(try reason { _ in "" } != "no error")
  }

  /// Each line breaks one rule of the manual and names a word of its message.
  @Test("a file that describes an impossible processor is refused with the rule that it breaks")
  func contradictions() throws {
    let cases: [(old: String, new: String, says: String)] = [
      ("0x00da040000000012", "0x00da040080000012", "IA32_VMX_BASIC[31]"),
      ("0x00da040000000012", "0x00da000000000012", "VMCS region of 0 bytes"),
      ("0x00da040000000012", "0x005a040000000012", "MSR 0x48d is there"),
      ("\"0x48e\": \"0xfff9fffe04006172\",", "", "MSR 0x48e is missing"),
      ("\"0x481\": \"0x0000007f00000016\"", "\"0x481\": \"0x0000006f00000016\"", "pin-based"),
      ("\"0x482\": \"0xfff9fffe0401e172\"", "\"0x482\": \"0xfff9fffe04006172\"", "default1"),
      ("\"0x482\": \"0xfff9fffe0401e172\"", "\"0x482\": \"0x7ff9fffe0401e172\"", "secondary"),
      (
        "\"0x48b\": \"0x00007cff00000000\"", "\"0x48b\": \"0x00007cff00000001\"",
        "PROCBASED_CTLS2[31:0]"
      ),
      (
        "\"0x48b\": \"0x00007cff00000000\"", "\"0x48b\": \"0x00005cff00000000\"",
        "MSR 0x491 is there"
      ),
      (
        "\"0x487\": \"0x00000000ffffffff\"", "\"0x487\": \"0x000000007fffffff\"",
        "CR0 bits 0x80000000"
      ),
      ("\"0x488\": \"0x0000000000002000\"", "\"0x488\": \"0x0000000000000000\"", "CR4.VMXE"),
      ("\"0x491\"", "\"0x4ff\"", "not a VMX capability MSR"),
      ("0x7ffafbff", "0x7ffafbdf", "CPUID.1:ECX.VMX[5] is 0"),
      ("\"0x00003027\"", "\"0x00003017\"", "physical-address width of 23"),
      ("\"0x00003027\"", "\"0x00003927\"", "LA57[16] is 0 with a linear-address width of 57"),
      ("\"0x2c100800\"", "\"0x0c100800\"", "LM[29]"),
      ("\"0xd/2\"", "\"0x20/2\"", "leaf 0x20 is above"),
    ]
    for (old, new, says) in cases {
      let text = try reason(replacing(old, new))
      #expect(text.contains("contradicts itself"), "\(old) → \(new): \(text)")
      #expect(text.contains(says), "\(old) → \(new): \(text)")
    }
  }
}
