import ArgumentParser
import Testing

@testable import vmxlab

@Suite("Options and keys")
struct OptionTests {
  private static let sizes: [(String, UInt64)] = [
    ("1M", 0x10_0000), ("512M", 0x2000_0000), ("2048K", 0x20_0000), ("1G", 0x4000_0000),
    ("64", 0x400_0000), ("3g", 0xc000_0000), ("512G", 0x80_0000_0000),
  ]

  @Test("Memory sizes", arguments: sizes)
  func memory(text: String, bytes: UInt64) throws {
    #expect(try MemorySize(text).byteCount == bytes)
  }

  private static let times: [(String, Int64)] = [
    ("1970-01-01", 0), ("2000-01-01T00:00:00", 946_684_800),
    ("2000-02-29T12:34:56", 951_827_696), ("2026-01-31T23:59:59", 1_769_903_999),
    ("2100-03-01", 4_107_542_400), ("9999-12-31T23:59:59", 253_402_300_799),
    ("1234567890", 1_234_567_890),
  ]

  @Test("Times of the real-time clock, as date(1) has them", arguments: times)
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
    let expected: [EscapeKeys.Action] = [
      .send(0x61), .wait, .end, .wait, .send(0x01), .wait, .help, .sendInterrupt, .send(0x03),
      .wait,
      .send(0x7a),
    ]
    #expect(typed.map { keys.action(for: $0) } == expected)
  }
}
