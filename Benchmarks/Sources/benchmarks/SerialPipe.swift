import Foundation

/// A named pipe that an emulator takes for a file to write COM1 to.
struct SerialPipe {
  private let directory: TemporaryDirectory

  var path: String { directory.file("com1") }

  init() throws {
    directory = try TemporaryDirectory()
    guard mkfifo(path, 0o600) == 0 else { throw BenchmarkError("cannot make \(path)") }
  }
}
