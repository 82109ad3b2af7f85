import Foundation
import Testing

@Suite("Wrong input is refused with one clear line")
struct WrongInputTests {
  let scratch = try! ScratchDirectory()

  /// The one line that a refused image gives.
  private func refusal(_ path: String) throws -> String {
    let result = try vmxlab("run", path, in: scratch)
    #expect(result.status == 66)
    #expect(result.output.isEmpty)
    #expect(result.errorLines.count == 1)
    #expect(result.errors.hasPrefix("vmxlab: \(path): "))
    return result.errors
  }

  @Test("An image that is not there")
  func missing() throws {
    #expect(try refusal(scratch.path("nothing")).contains("no such file"))
  }

  @Test("A directory")
  func directory() throws {
    #expect(try refusal(scratch.url.path).contains("is a directory"))
  }

  @Test("An empty file")
  func empty() throws {
    #expect(try refusal(scratch.file("empty", [])).contains("empty"))
  }

  @Test("A text")
  func text() throws {
    let path = try scratch.file("text", Array("Dear reader,\n".utf8))
    #expect(try refusal(path).contains("it is text"))
  }

  @Test("A file without permission")
  func permission() throws {
    let path = try scratch.file("secret", [1])
    chmod(path, 0)
    guard access(path, R_OK) != 0 else { return }  // root reads everything
    #expect(try refusal(path).contains("Permission denied"))
  }

  @Test("A file larger than the guest's memory")
  func large() throws {
    #expect(try refusal("/dev/zero").contains("more bytes than the guest's memory"))
  }

  @Test("Every beginning of a sample ELF file is refused or boots; none is a fault of the program")
  func truncated() throws {
    let whole = try Samples.bytes("hello")
    for count in [4, 16, 52, 64, 100, 4096, whole.count / 2, whole.count - 1]
    where count < whole.count {
      let path = try scratch.file("truncated", Array(whole[..<count]))
      let result = try vmxlab("run", "--limit-instructions", "1000000", path, in: scratch)
      #expect(result.status != 70 && result.status >= 0, "\(count) bytes")
      if count < 8192 { #expect(result.status == 66, "\(count) bytes") }
    }
  }

  @Test("An initial module that is not there")
  func missingModule() throws {
    let image = try scratch.file("image", TestImage.powerOff)
    let result = try vmxlab("run", "--initrd", "/no/such/module", image, in: scratch)
    #expect(result.status == 66)
    #expect(result.errors == "vmxlab: /no/such/module: no such file\n")
  }

  @Test(
    "Options with wrong values",
    arguments: [
      (["--memory", "0"], "at least"),
      (["--memory", "1K"], "at least"),
      (["--memory", "9999T"], "at most"),
      (["--memory", "99999999999999999999"], "at most"),
      (["--memory", "lots"], "such as 512M"),
      (["--memory", "-1M"], "--memory"),
      (["--memory", ""], "such as 512M"),
      (["--cpus", "0"], "one processor"),
      (["--cpus", "2"], "one processor"),
      (["--cpus", "many"], "--cpus"),
      (["--cpu", "i386"], "skylake-server"),
      (["--timing", "fast"], "functional"),
      (["--serial", "file:"], "stdio, null or file:PATH"),
      (["--serial", "usb"], "stdio, null or file:PATH"),
      (["--rtc-start", "yesterday"], "2026-01-31"),
      (["--rtc-start", "2026-02-30"], "2026-01-31"),
      (["--limit-instructions", "-5"], "--limit-instructions"),
      (["--limit-instructions", "some"], "--limit-instructions"),
      (["--trace-vmx="], "--trace-vmx"),
      (["--frobnicate"], "--frobnicate"),
      (["surplus"], "surplus"),
    ])
  func options(options: [String], explanation: String) throws {
    let image = try scratch.file("image", TestImage.powerOff)
    let result = try Program(["run", image] + options, in: scratch).finish()
    #expect(result.status == 64)
    #expect(result.output.isEmpty)
    #expect(result.errors.hasPrefix("Error: "))
    #expect(result.errors.split(separator: "\n").first?.contains(explanation) == true)
  }

  @Test("No image, and no such command")
  func nothing() throws {
    #expect(try vmxlab("run", in: scratch).status == 64)
    #expect(try vmxlab("walk", in: scratch).status == 64)
  }

  @Test(
    "Files that cannot be written are reported before the guest runs",
    arguments: ["--stats-json=", "--trace-vmx=", "--serial=file:"])
  func unwritable(option: String) throws {
    let image = try scratch.file("image", TestImage.print([65]))
    let result = try vmxlab("run", option + "/no/such/directory/file", image, in: scratch)
    #expect(result.status == 74)
    #expect(result.output.isEmpty)
    #expect(
      result.errors
        == "vmxlab: cannot write /no/such/directory/file: No such file or directory\n")
  }

  @Test("A full disk is reported", arguments: ["--stats-json=", "--trace-vmx=", "--serial=file:"])
  func fullFile(option: String) throws {
    let image = try Samples.path("hello")
    let result = try vmxlab("run", option + "/dev/full", image, in: scratch)
    #expect(result.status == 74)
    #expect(result.errorLines.last == "vmxlab: cannot write /dev/full: No space left on device")
  }

  @Test("A full disk under standard output ends the run")
  func fullOutput() throws {
    let image = try Samples.path("hello")
    let result = try vmxlab("run", image, in: scratch, output: "/dev/full")
    #expect(result.status == 74)
    #expect(result.errors == "vmxlab: cannot write standard output: No space left on device\n")
  }
}
