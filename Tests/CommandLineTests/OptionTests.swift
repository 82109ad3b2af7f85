import ArgumentParser
import Testing

@testable import vmxlab

@Suite("Options and keys")
struct OptionTests {
  @Test(
    "Memory sizes",
    arguments: [
      ("1M", 1 << 20), ("512M", 512 << 20), ("2048K", 2 << 20), ("1G", 1 << 30),
      ("64", 64 << 20), ("3g", 3 << 30), ("512G", 512 << 30),
    ] as [(String, UInt64)])
  func memory(text: String, bytes: UInt64) throws {
    #expect(try MemorySize(text).byteCount == bytes)
  }

  @Test(
    "Times of the real-time clock, by date(1)",
    arguments: [
      ("1970-01-01", Int64(0)), ("2000-01-01T00:00:00", 946_684_800),
      ("2000-02-29T12:34:56", 951_827_696), ("2026-01-31T23:59:59", 1_769_903_999),
      ("2100-03-01", 4_107_542_400), ("9999-12-31T23:59:59", 253_402_300_799),
      ("1234567890", 1_234_567_890),
    ])
  func time(text: String, seconds: Int64) throws {
    #expect(try StartTime(text).seconds == seconds)
  }

  @Test("--trace-vmx=FILE gets an option of its own; words after -- are left alone")
  func traceFile() {
    #expect(
      RunCommand.separatingTraceFile(["run", "--trace-vmx=a=b", "i", "--", "--trace-vmx=c"])
        == ["run", "--trace-vmx-file=a=b", "i", "--", "--trace-vmx=c"])
    #expect(RunCommand.separatingTraceFile(["--trace-vmx"]) == ["--trace-vmx"])
  }

  @Test("Ctrl-A and the next key are for the emulator")
  func keys() {
    var keys = EscapeKeys()
    let typed: [UInt8] = [0x61, 0x01, 0x78, 0x01, 0x01, 0x01, 0x68, 0x03, 0x03, 0x01, 0x7a]
    #expect(
      typed.map { keys.action(for: $0) } == [
        .send(0x61), .wait, .end, .wait, .send(0x01), .wait, .help, .sendInterrupt, .send(0x03),
        .wait, .send(0x7a),
      ])
  }
}
