import Testing

@Suite("The sample hypervisors")
struct SampleTests {
  @Test("A sample passes", arguments: Samples.names)
  func passes(name: String) throws {
    let scratch = try ScratchDirectory()
    let result = try vmxlab("run", Samples.path(name), in: scratch)
    #expect(result.status == 0)
    #expect(result.text.hasSuffix("\(name): PASS\n") || result.text.hasSuffix("\(name): PASS\r\n"))
    #expect(result.errors.contains("the guest powered off"))
  }

  @Test("The work that is measured has the right results")
  func benchmark() throws {
    let scratch = try ScratchDirectory()
    let result = try vmxlab(
      "run", "--quiet", "--explain", "off", Samples.path("bench"), in: scratch)
    #expect(result.status == 0)
    #expect(result.text.contains("bench: PASS"))
  }
}
