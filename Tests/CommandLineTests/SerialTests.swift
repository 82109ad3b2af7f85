import Foundation
import Testing

@Suite("The serial port of vmxlab run")
struct SerialTests {
  let scratch = try! ScratchDirectory()
  private static let everyByte = (0...255).map { UInt8($0) }

  @Test("Standard output is what the guest sends, byte for byte, and nothing else")
  func output() throws {
    let image = try scratch.file("image", TestImage.print(Self.everyByte))
    let result = try vmxlab("run", "--stats", "--trace-vmx", image, in: scratch)
    #expect(result.output == Self.everyByte)
    #expect(result.status == 1)
  }

  @Test("Standard input is what the guest receives, byte for byte")
  func input() throws {
    let image = try scratch.file("image", TestImage.echo)
    // More than the port takes at once; every byte, and last the one that ends the guest.
    let round = Self.everyByte.filter { $0 != UInt8(ascii: "q") }
    let bytes = round + round.reversed() + [UInt8(ascii: "q")]
    let result = try vmxlab("run", image, in: scratch, input: bytes)
    #expect(result.output == bytes)
    #expect(result.status == 3)
  }

  @Test("A serial port that is a file, or nothing")
  func targets() throws {
    let image = try scratch.file("image", TestImage.print(Self.everyByte))
    let path = scratch.path("com1")
    let toFile = try vmxlab("run", "--serial", "file:\(path)", image, in: scratch)
    #expect(toFile.output.isEmpty)
    #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) == Self.everyByte)
    let toNothing = try vmxlab("run", "--serial", "null", image, in: scratch)
    #expect(toNothing.output.isEmpty)
    #expect(toNothing.status == 1)
  }

  @Test("The guest's command line is the image, what --append says, and the words after --")
  func commandLine() throws {
    let image = try scratch.file("image", TestImage.commandLine)
    let result = try vmxlab(
      "run", "--append", "one two", image, "--append", "three", "--", "--four", "five",
      in: scratch)
    #expect(result.text == "\(image) one two three --four five")
  }

  @Test("--initrd gives the guest a module")
  func module() throws {
    let image = try scratch.file("image", TestImage.module)
    let module = try scratch.file("module", Array("data".utf8))
    let result = try vmxlab("run", "--initrd", module, image, in: scratch)
    #expect(result.text == "data")
  }

  @Test("A reader that goes away ends the run")
  func closedPipe() throws {
    // A guest that prints for ever: mov $0x3f8, %dx; mov $10, %al; out; jmp
    let image = try scratch.file(
      "image", TestImage.print([10]).dropLast(5) + [0xee, 0xeb, 0xfd])
    let fifo = scratch.path("fifo")
    #expect(mkfifo(fifo, 0o600) == 0)
    let reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    let program = try Program(["run", image], in: scratch, output: fifo)
    var byte: UInt8 = 0
    while read(reader, &byte, 1) != 1 { usleep(1_000) }
    close(reader)
    let result = try program.finish()
    #expect(result.status == 74)
    #expect(result.errors == "vmxlab: cannot write standard output: Broken pipe\n")
  }
}
