/// Multiboot images of a few instructions, for 32-bit protected mode.
enum TestImage {
  /// Writes "Shutdown" to port 0x8900.
  static let powerOff = image([0x66, 0xba, 0x00, 0x89] + "Shutdown".utf8.flatMap(out))
  /// CLI, HLT.
  static let halt = image([0xfa, 0xf4])
  /// JMP to itself.
  static let spin = image([0xeb, 0xfe])
  /// LIDT of a limit of 0, then INT3.
  static let tripleFault = image([0x6a, 0x00, 0x6a, 0x00, 0x0f, 0x01, 0x1c, 0x24, 0xcc])
  /// Writes 6 to port 0xcf9.
  static let reset = image([0x66, 0xba, 0xf9, 0x0c] + out(6))
  /// XTEST.
  static let transactional = image([0x0f, 0x01, 0xd6])
  /// Sends what it gets on COM1 until that is a "q", which ends it with `debugExit`'s status for 1.
  static let echo = image(
    fastestLine + [
      0x66, 0xba, 0xfd, 0x03,  // wait: mov $0x3fd, %dx
      0xec,  // in (%dx), %al
      0xa8, 0x01,  // test $1, %al
      0x74, 0xf7,  // jz wait
      0xb2, 0xf8,  // mov $0xf8, %dl
      0xec,  // in (%dx), %al
      0xee,  // out %al, (%dx)
      0x3c, UInt8(ascii: "q"),  // cmp $'q', %al
      0x75, 0xef,  // jne wait
    ] + exit(1))

  /// Writes `value` to the debug-exit port.
  static func debugExit(_ value: UInt8) -> [UInt8] { image(exit(value)) }

  /// Sends `text` on COM1, then writes 0 to the debug-exit port.
  static func print(_ text: [UInt8]) -> [UInt8] {
    image([0x66, 0xba, 0xf8, 0x03] + text.flatMap(out) + exit(0))
  }

  /// Sends its command line on COM1, then writes 0 to the debug-exit port.
  static let commandLine = image(
    [
      0x8b, 0x73, 0x10,  // mov 16(%ebx), %esi
      0x66, 0xba, 0xf8, 0x03,  // mov $0x3f8, %dx
      0xac,  // next: lodsb
      0x84, 0xc0,  // test %al, %al
      0x74, 0x03,  // jz end
      0xee,  // out %al, (%dx)
      0xeb, 0xf8,  // jmp next
    ] + exit(0))

  /// Sends the first 4 bytes of its first module on COM1, then writes 0 to the debug-exit port.
  static let module = image(
    [
      0x8b, 0x73, 0x18,  // mov 24(%ebx), %esi
      0x8b, 0x36,  // mov (%esi), %esi
      0x66, 0xba, 0xf8, 0x03,  // mov $0x3f8, %dx
      0xac, 0xee, 0xac, 0xee, 0xac, 0xee, 0xac, 0xee,  // four times lodsb; out %al, (%dx)
    ] + exit(0))

  /// Sets COM1 to 115200 baud: DLAB, divisor 1, eight bits.
  private static let fastestLine: [UInt8] =
    [0x66, 0xba, 0xfb, 0x03] + out(0x80) + [0xb2, 0xf8] + out(1) + [0xb2, 0xf9] + out(0)
    + [0xb2, 0xfb] + out(3)

  private static func out(_ byte: UInt8) -> [UInt8] { [0xb0, byte, 0xee] }
  private static func exit(_ value: UInt8) -> [UInt8] { [0xb0, value, 0xe6, 0xf4, 0xf4] }

  /// A header with address fields that puts the image at 1 MiB, a stack pointer, then `code`.
  private static func image(_ code: [UInt8]) -> [UInt8] {
    let base: UInt32 = 0x10_0000
    let flags: UInt32 = 1 << 16
    let magic: UInt32 = 0x1bad_b002
    let entry = base + 32
    let words = [magic, flags, 0 &- (magic &+ flags), base, base, 0, base + 0x1000, entry]
    let header = words.flatMap { word in (0..<4).map { UInt8(word >> ($0 * 8) & 0xff) } }
    let setStack: [UInt8] = [0xbc, 0x00, 0x10, 0x10, 0x00]  // mov $0x101000, %esp
    return header + setStack + code
  }
}
