/// A program that runs the benchmark image.
protocol Emulator {
  var name: String { get }
  /// What version of what it is, for the head of a table.
  var version: String { get }
  var hasVMX: Bool { get }
  /// How much more work than Bochs it is given, so that its time is as long as can be measured.
  var factor: Int { get }

  /// Boots the image with these words on the guest's command line.
  func measure(_ words: [String]) throws -> MeasuredRun
}

/// VMXLab, as `swift build -c release` makes it.
struct VMXLabEmulator: Emulator {
  let name = "VMXLab"
  let hasVMX = true
  let factor = 2
  let program: String
  let image: String
  let serial: SerialPipe

  var version: String {
    (try? Programs.run(program, ["--version"])).map { $0.firstLine } ?? "?"
  }

  func measure(_ words: [String]) throws -> MeasuredRun {
    try EmulatorProcess.measure(
      program,
      ["run", "--quiet", "--serial", "file:\(serial.path)", "--explain", "off", image, "--"]
        + words,
      serialPipe: serial.path)
  }
}

/// QEMU without KVM: its translator to host code. It has no VMX.
struct QEMUEmulator: Emulator {
  let name = "QEMU"
  let hasVMX = false
  let factor = 4
  let program: String
  let image: String
  let serial: SerialPipe

  var version: String { (try? Programs.run(program, ["--version"])).map { $0.firstLine } ?? "?" }

  /// - Throws: `BenchmarkError` if QEMU is not installed.
  init(image: String, serial: SerialPipe) throws {
    guard let program = Programs.find("qemu-system-x86_64") else {
      throw BenchmarkError("qemu-system-x86_64 is not installed (qemu-system-x86)")
    }
    self.program = program
    self.image = image
    self.serial = serial
  }

  func measure(_ words: [String]) throws -> MeasuredRun {
    try EmulatorProcess.measure(
      program,
      [
        "-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-no-reboot",
        "-nodefaults", "-device", "isa-debug-exit,iobase=0xf4", "-serial", "file:\(serial.path)",
        "-kernel", image, "-append", words.joined(separator: " "),
      ], serialPipe: serial.path)
  }
}
