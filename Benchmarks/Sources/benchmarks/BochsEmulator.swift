import Foundation

/// Bochs. It boots from a CD with GRUB, whose menu has room for the guest's command line.
struct BochsEmulator: Emulator {
  let name = "Bochs"
  let hasVMX = true
  let factor = 1
  private let program: String
  private let directory: TemporaryDirectory
  private let serial: SerialPipe
  /// Where the command line is in the CD's image.
  private let wordsOffset: UInt64

  private static let firmware = "/usr/share/bochs"
  /// The room for the command line.
  private static let placeholder = String(repeating: "@", count: 200)

  var version: String {
    (try? Programs.run(program, ["--help"], acceptFailure: true))?
      .split(separator: "\n").map(String.init).first { $0.contains("Bochs x86 Emulator") }?
      .trimmingCharacters(in: .whitespaces) ?? "?"
  }

  /// - Throws: `BenchmarkError` if something that is needed is not installed.
  init(image: String, serial: SerialPipe) throws {
    guard let program = Programs.find("bochs") else {
      throw BenchmarkError("bochs is not installed")
    }
    for file in ["BIOS-bochs-latest", "VGABIOS-lgpl-latest"]
    where !FileManager.default.fileExists(atPath: "\(Self.firmware)/\(file)") {
      throw BenchmarkError("\(Self.firmware)/\(file) is missing (bochs, bochsbios)")
    }
    for tool in ["grub-mkrescue", "xorriso"] where Programs.find(tool) == nil {
      throw BenchmarkError("\(tool) is not installed (grub-common, grub-pc-bin, xorriso, mtools)")
    }
    self.program = program
    self.serial = serial
    directory = try TemporaryDirectory()

    let boot = directory.file("root/boot")
    let files = FileManager.default
    try files.createDirectory(atPath: "\(boot)/grub", withIntermediateDirectories: true)
    try files.copyItem(atPath: image, toPath: "\(boot)/bench.elf")
    let menu = """
      set timeout=0
      menuentry bench {
        multiboot /boot/bench.elf \(Self.placeholder)
        boot
      }

      """
    try menu.write(toFile: "\(boot)/grub/grub.cfg", atomically: false, encoding: .utf8)
    try Programs.run("grub-mkrescue", ["-o", directory.file("cd.iso"), directory.file("root")])
    let contents = try Data(contentsOf: URL(fileURLWithPath: directory.file("cd.iso")))
    guard let place = contents.range(of: Data(Self.placeholder.utf8)) else {
      throw BenchmarkError("GRUB's menu is not in the image that grub-mkrescue made")
    }
    wordsOffset = UInt64(place.lowerBound)
    try configuration.write(
      toFile: directory.file("bochsrc"), atomically: false, encoding: .utf8)
    // Debian's Bochs has its debugger, which asks before it begins.
    try "continue\n".write(
      toFile: directory.file("debugger"), atomically: false, encoding: .utf8)
  }

  private var configuration: String {
    """
    plugin_ctrl: unmapped=1, biosdev=1
    cpu: model=corei7_skylake_x, count=1, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1
    memory: guest=512, host=512
    romimage: file=\(Self.firmware)/BIOS-bochs-latest
    vgaromimage: file=\(Self.firmware)/VGABIOS-lgpl-latest
    display_library: term
    ata0-master: type=cdrom, path=\(directory.file("cd.iso")), status=inserted
    boot: cdrom
    com1: enabled=1, mode=file, dev=\(serial.path)
    log: \(directory.file("log"))
    panic: action=fatal
    error: action=report
    info: action=report
    clock: sync=none, time0=local

    """
  }

  func measure(_ words: [String]) throws -> MeasuredRun {
    let text = words.joined(separator: " ")
    guard text.utf8.count <= Self.placeholder.utf8.count else {
      throw BenchmarkError("the guest's command line is too long: \(text)")
    }
    let padded = text.padding(
      toLength: Self.placeholder.utf8.count, withPad: " ", startingAt: 0)
    let disc = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.file("cd.iso")))
    try disc.seek(toOffset: wordsOffset)
    try disc.write(contentsOf: Data(padded.utf8))
    try disc.close()
    return try EmulatorProcess.measure(
      program, ["-q", "-rc", directory.file("debugger"), "-f", directory.file("bochsrc")],
      serialPipe: serial.path)
  }
}
