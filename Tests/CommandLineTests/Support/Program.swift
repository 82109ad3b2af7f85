import Foundation
import Testing

/// What a run of the built `vmxlab` came to.
struct ProgramResult {
  let status: Int32
  let output: [UInt8]
  let errors: String
  var text: String { String(decoding: output, as: UTF8.self) }
  /// The lines of standard error.
  var errorLines: [Substring] { errors.split(separator: "\n") }
}

/// The built `vmxlab`, run as a user runs it.
struct Program {
  /// Programs are built into the directory of the test runner.
  static let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent()
  /// The top of the repository.
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A scratch directory, where the program is run, with standard output and error.
  let scratch: URL
  private let executable: String
  private let arguments: [String]
  private let process: pid_t
  private static let patience: TimeInterval = 60

  /// Starts the program.
  ///
  /// - Parameters:
  ///   - input: the descriptor of standard input; nil for one that is empty.
  ///   - output: the path of standard output; nil for a file that ``finish()`` reads.
  init(
    _ arguments: [String], name: String = "vmxlab", in scratch: ScratchDirectory,
    input: Int32? = nil, output: String? = nil
  ) throws {
    self.scratch = scratch.url
    self.arguments = arguments
    executable = Self.directory.appendingPathComponent(name).path
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    let standardOutput = output ?? scratch.path("stdout")
    posix_spawn_file_actions_addopen(&actions, 1, standardOutput, flags, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, scratch.path("stderr"), flags, 0o600)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The test runner ignores or blocks signals that the program is sent here.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var words = ([executable] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let error = posix_spawn(&process, executable, &actions, &attributes, &words, environ)
    guard error == 0 else { throw StartError(executable: executable, error: error) }
    self.process = process
  }

  /// Sends the program a signal.
  func send(_ signal: Int32) { kill(process, signal) }

  /// Waits for the program's end; one that hangs is killed.
  func finish() throws -> ProgramResult {
    let deadline = Date(timeIntervalSinceNow: Self.patience)
    var state: Int32 = 0
    while waitpid(process, &state, WNOHANG) == 0 {
      if Date() > deadline { kill(process, SIGKILL) }
      usleep(2_000)
    }
    let signal = state & 0x7f
    return ProgramResult(
      status: signal == 0 ? state >> 8 & 0xff : -signal,
      output: (try? [UInt8](Data(contentsOf: scratch.appendingPathComponent("stdout")))) ?? [],
      errors: try String(contentsOf: scratch.appendingPathComponent("stderr"), encoding: .utf8))
  }

  /// Waits until the file at `path` contains `text`.
  static func wait(for text: String, in path: String) throws {
    let deadline = Date(timeIntervalSinceNow: patience)
    while Date() < deadline {
      if let content = try? String(contentsOfFile: path, encoding: .utf8), content.contains(text) {
        return
      }
      usleep(2_000)
    }
    Issue.record("\(path) never had: \(text)")
  }

  private struct StartError: Error {
    let executable: String
    let error: Int32
  }
}

/// A directory that is gone when nobody needs it.
final class ScratchDirectory {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "vmxlab-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// The path of a file in the directory.
  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// Writes a file and returns its path.
  func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: url.appendingPathComponent(name))
    return path(name)
  }
}

/// Runs `vmxlab` with `arguments` to its end.
func vmxlab(
  _ arguments: String..., in scratch: ScratchDirectory, input: [UInt8] = [], output: String? = nil
) throws -> ProgramResult {
  let descriptor = open(try scratch.file("stdin", input), O_RDONLY | O_CLOEXEC)
  defer { close(descriptor) }
  return try Program(arguments, in: scratch, input: descriptor, output: output).finish()
}
