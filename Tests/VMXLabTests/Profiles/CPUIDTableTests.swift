import Testing

@testable import VMXLab

@Suite("Offered CPUID")
struct CPUIDTableTests {
  private func table(_ name: String, processors: Int = 1) throws -> CPUIDTable {
    CPUIDTable(profile: try CPUProfile.named(name), processors: processors)
  }

  @Test(
    "no profile offers a flag that is not built, or that the part has not",
    arguments: CPUProfile.names)
  func closedWorld(name: String) throws {
    let profile = try CPUProfile.named(name)
    let table = try table(name)
    for feature in BuiltCPUIDFeatures.features {
      // MONITOR shows only where IA32_MISC_ENABLE[18] allows it.
      let result = table.view.result(
        leaf: feature.leaf, subleaf: feature.subleaf,
        state: CPUIDDynamicState(miscEnable: 1 << 18))
      let isOffered = result[feature.register] >> UInt32(feature.bit) & 1 == 1
      let part = profile.leaf(feature.leaf, feature.subleaf) ?? .zero
      let isPresent = part[feature.register] >> UInt32(feature.bit) & 1 == 1
      // HTT is the machine's: it says whether there is more than one processor.
      if feature.name == "HTT" { continue }
      // A leaf above the highest returns another leaf's data.
      guard profile.leaf(feature.leaf, feature.subleaf) != nil else { continue }
      #expect(isOffered == (isPresent && feature.isBuilt), "\(feature.notation)")
    }
  }

  @Test("leaves that no table names read as 0", arguments: CPUProfile.names)
  func unlistedLeaves(name: String) throws {
    let table = try table(name)
    for leaf: UInt32 in [3, 9, 0xd, 0xf, 0x10, 0x12, 0x14, 0x1d] {
      guard leaf <= table.view.highestBasicLeaf else { continue }
      // Of leaf 0DH, sub-leaves 5 to 7 describe AVX-512, which is not built; most others are.
      for subleaf: UInt32 in leaf == 0xd ? 5..<8 : 0..<4 {
        #expect(table.view.result(leaf: leaf, subleaf: subleaf) == .zero, "leaf \(leaf)")
      }
    }
  }

  @Test("every flag is in the table once")
  func unique() {
    let places = BuiltCPUIDFeatures.features.map {
      "\($0.leaf) \($0.subleaf) \($0.register) \($0.bit)"
    }
    #expect(Set(places).count == places.count)
    #expect(
      BuiltCPUIDFeatures.features.first { $0.name == "SMEP" }?.notation == "CPUID.7.0:EBX.SMEP[7]")
  }

  @Test("what Intel 64 implies is built")
  func implied() {
    for (register, bit) in [
      (CPUIDRegister.edx, UInt8(0)), (.edx, 6), (.edx, 24), (.edx, 25), (.edx, 26),
    ] {
      #expect(BuiltCPUIDFeatures.isBuilt(leaf: 1, register: register, bit: bit))
    }
    #expect(BuiltCPUIDFeatures.isBuilt(leaf: 0x8000_0001, register: .edx, bit: 29))
    #expect(BuiltCPUIDFeatures.isBuilt(leaf: 1, register: .ecx, bit: 5))
    #expect(!BuiltCPUIDFeatures.isBuilt(leaf: 1, register: .ecx, bit: 31))
  }

  @Test("a leaf out of range returns the data of the highest basic leaf")
  func outOfRange() throws {
    let table = try table("skylake-server")
    let highest = table.view.result(leaf: 0x16, subleaf: 0)
    #expect(highest.eax == 3000)
    for leaf: UInt32 in [0x17, 0x100, 0x4000_0000, 0x7fff_ffff, 0x8000_0009, 0xffff_ffff] {
      #expect(table.view.result(leaf: leaf, subleaf: 0) == highest, "leaf \(leaf)")
    }
    #expect(table.view.result(leaf: 0x8000_0005, subleaf: 0) == .zero)
  }

  @Test("a leaf that does not look at ECX ignores it, one that does returns zeros past its end")
  func subleaves() throws {
    let view = try table("skylake-server")
    #expect(view.view.result(leaf: 0, subleaf: 77) == view.view.result(leaf: 0, subleaf: 0))
    #expect(view.view.result(leaf: 4, subleaf: 4) == .zero)
    #expect(view.view.result(leaf: 4, subleaf: .max) == .zero)
    #expect(view.view.result(leaf: 7, subleaf: 1) == .zero)
  }

  @Test("the vendor and the brand string come out as a guest reads them")
  func strings() throws {
    let table = try table("skylake-server")
    let vendor = table.view.result(leaf: 0, subleaf: 0)
    let bytes = [vendor.ebx, vendor.edx, vendor.ecx].flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
    #expect(String(decoding: bytes, as: UTF8.self) == "GenuineIntel")
  }

  @Test("flags follow the processor's state")
  func dynamicState() throws {
    let view = try table("skylake-server")
    func result(_ leaf: UInt32, _ state: CPUIDDynamicState) -> CPUIDResult {
      view.view.result(leaf: leaf, subleaf: 0, state: state)
    }
    #expect(result(1, CPUIDDynamicState(apicID: 0x1ff)).ebx >> 24 == 0xff)
    #expect(result(0x8000_0001, CPUIDDynamicState(isIn64BitMode: true)).edx >> 11 & 1 == 1)
    #expect(result(0x8000_0001, CPUIDDynamicState(isIn64BitMode: false)).edx >> 11 & 1 == 0)
    #expect(result(0x8000_0001, CPUIDDynamicState(miscEnable: 1 << 34)).edx >> 20 & 1 == 0)
    #expect(result(0, CPUIDDynamicState(miscEnable: 1 << 22)).eax == 2)
    #expect(
      result(7, CPUIDDynamicState(miscEnable: 1 << 22)) == result(2, CPUIDDynamicState()))
    // XSAVE is not built, so OSXSAVE has nothing to mirror.
    let hasXSAVE = BuiltCPUIDFeatures.isBuilt(leaf: 1, register: .ecx, bit: 26)
    #expect((result(1, CPUIDDynamicState(cr4: .osxsave)).ecx >> 27 & 1 == 1) == hasXSAVE)
  }

  @Test("the topology is the machine's", arguments: [1, 2, 3, 4, 8, 64, 300])
  func topology(processors: Int) throws {
    let table = try table("skylake-server", processors: processors)
    let leaf1 = table.view.result(leaf: 1, subleaf: 0)
    #expect((leaf1.edx >> 28 & 1 == 1) == (processors > 1))
    #expect(Int(leaf1.ebx >> 16 & 0xff) >= min(processors, 255))
    let identifier: UInt32 = 0x12
    let state = CPUIDDynamicState(apicID: identifier)
    let thread = table.view.result(leaf: 0xb, subleaf: 0, state: state)
    #expect(thread == CPUIDResult(eax: 0, ebx: 1, ecx: 0x100, edx: identifier))
    let core = table.view.result(leaf: 0xb, subleaf: 1, state: state)
    #expect(core.ebx == UInt32(processors) && 1 << core.eax >= processors)
    #expect(core.ecx == 0x201 && core.edx == identifier)
    let end = table.view.result(leaf: 0xb, subleaf: 2, state: state)
    #expect(end == CPUIDResult(eax: 0, ebx: 0, ecx: 2, edx: identifier))
    let l1 = table.view.result(leaf: 4, subleaf: 0)
    let l3 = table.view.result(leaf: 4, subleaf: 3)
    #expect(l1.eax >> 14 & 0xfff == 0)
    #expect(Int(l3.eax >> 14 & 0xfff) + 1 >= min(processors, 64))
  }

  @Test(
    "a part offers 57-bit linear addresses with 5-level paging, and 48-bit ones without",
    arguments: CPUProfile.names)
  func linearAddressWidth(name: String) throws {
    let table = try table(name)
    let hasLA57 = table.view.result(leaf: 7, subleaf: 0).ecx >> 16 & 1 == 1
    let isServer = name == "icelake-server" || name == "sapphire-rapids"
    #expect(hasLA57 == isServer)
    let widths = table.view.result(leaf: 0x8000_0008, subleaf: 0).eax
    #expect(widths >> 8 & 0xff == (isServer ? 57 : 48))
  }

  @Test("OSPKE mirrors CR4.PKE where there is PKU, and PKS is Sapphire Rapids'")
  func protectionKeys() throws {
    for name in CPUProfile.names {
      let view = try table(name)
      func flags(_ cr4: CR4) -> UInt32 {
        guard view.view.highestBasicLeaf >= 7 else { return 0 }
        return view.view.result(leaf: 7, subleaf: 0, state: CPUIDDynamicState(cr4: cr4)).ecx
      }
      let hasPKU = ["skylake-server", "icelake-server", "sapphire-rapids"].contains(name)
      #expect(flags([]) >> 3 & 3 == (hasPKU ? 1 : 0), "\(name)")
      #expect(flags(.pke) >> 3 & 3 == (hasPKU ? 3 : 0), "\(name)")
      #expect(flags([]) >> 31 == (name == "sapphire-rapids" ? 1 : 0), "\(name)")
    }
  }

  @Test("the sizes of XSAVE areas follow from XCR0 and IA32_XSS", arguments: CPUProfile.names)
  func extendedStateSizes(name: String) throws {
    let table = try table(name)
    func size(_ subleaf: UInt32, _ xcr0: UInt64) -> UInt32 {
      table.view.result(
        leaf: 0xd, subleaf: subleaf, state: CPUIDDynamicState(xcr0: xcr0)
      ).ebx
    }
    let offered = UInt64(table.view.result(leaf: 0xd, subleaf: 0).eax)
    guard table.view.highestBasicLeaf >= 0xd, offered != 0 else { return }
    #expect(offered & 7 == 7)
    for xcr0 in [1, 3, 7, 0x201, 0x207] as [UInt64] where xcr0 & ~offered == 0 {
      let components = XStateComponents(rawValue: xcr0)
      #expect(size(0, xcr0) == UInt32(ExtendedStateLayout.standard.byteCount(components)))
      guard table.view.result(leaf: 0xd, subleaf: 1).eax & 2 != 0 else { continue }
      let compacted = ExtendedStateLayout(compacted: components)
      #expect(size(1, xcr0) == UInt32(compacted.byteCount(components)))
    }
  }
}
