import Foundation
import Testing

@Suite("Exit statuses of vmxlab run")
struct ExitStatusTests {
  let scratch = try! ScratchDirectory()

  private func run(_ image: [UInt8], _ options: String...) throws -> ProgramResult {
    let path = try scratch.file("image", image)
    return try Program(["run"] + options + [path], in: scratch).finish()
  }

  @Test("A guest that powers off ends with 0")
  func powerOff() throws {
    let result = try run(TestImage.powerOff)
    #expect(result.status == 0)
    #expect(result.errorLines.count == 1)
    #expect(result.errors.contains("the guest powered off"))
  }

  @Test(
    "A value written to the debug-exit port gives (v << 1) | 1",
    arguments: [UInt8(0), 1, 2, 0x10, 0x7f, 0x80, 0xff])
  func debugExit(value: UInt8) throws {
    let result = try run(TestImage.debugExit(value))
    #expect(result.status == Int32(value &<< 1 | 1))
    #expect(result.errors.contains("wrote \(value) to the debug-exit port"))
  }

  @Test("A reset ends the run with 0")
  func reset() throws {
    let result = try run(TestImage.reset)
    #expect(result.status == 0)
    #expect(result.errors.contains("reset"))
  }

  @Test("A triple fault ends with 4 and says where")
  func tripleFault() throws {
    let result = try run(TestImage.tripleFault)
    #expect(result.status == 4)
    #expect(result.errors.contains("triple fault at 0x8:0x10002d in protected mode"))
  }

  @Test("HLT that nothing can end gives 6")
  func halt() throws {
    let result = try run(TestImage.halt)
    #expect(result.status == 6)
    #expect(result.errors.contains("halted for ever"))
    #expect(result.errors.contains("interrupts are disabled"))
  }

  @Test("The limit of instructions gives 8, at exactly that many")
  func limit() throws {
    let result = try run(TestImage.spin, "--limit-instructions", "1234567")
    #expect(result.status == 8)
    #expect(result.errors.contains("1,234,567 instructions"))
  }

  @Test("An instruction that is not built raises #UD, as without its CPUID flag")
  func undefined() throws {
    let result = try run(TestImage.transactional)
    #expect(result.status == 4)
    #expect(result.errors.contains("0x100025"))
  }

  @Test(
    "With --stop-at-not-built, an instruction that is not built gives 12, and its bytes, RIP and mode are named"
  )
  func notBuilt() throws {
    let result = try run(TestImage.transactional, "--stop-at-not-built")
    #expect(result.status == 12)
    #expect(result.errors.contains("xtest"))
    #expect(result.errors.contains("0f 01 d6"))
    #expect(result.errors.contains("0x100025"))
    #expect(result.errors.contains("protected mode"))
  }

  @Test(
    "A signal ends the run, with statistics, and gives 128 and its number",
    arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
  func signal(number: Int32) throws {
    let image = try scratch.file(
      "image", TestImage.print(Array("up\n".utf8)).dropLast(5) + [0xeb, 0xfe])
    let program = try Program(["run", "--stats", image], in: scratch)
    try Program.wait(for: "up", in: scratch.path("stdout"))
    program.send(number)
    let result = try program.finish()
    #expect(result.status == 128 + number)
    #expect(result.errors.contains("ended by SIG"))
    #expect(result.errors.contains("MIPS"))
  }
}
