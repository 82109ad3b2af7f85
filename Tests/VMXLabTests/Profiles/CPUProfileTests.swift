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
    #expect(profile.leaf(0) != nil)
    #expect(!profile.sources.isEmpty)
  }
}
