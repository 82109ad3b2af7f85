import Foundation

/// An emulator as a child process, whose guest's COM1 goes to a named pipe.
///
/// The guest prints a line before and after each repeat. The child's processor-time clock is read
/// when a line arrives. So neither the start of the emulator, its firmware and its boot loader nor
/// what other processes do is part of what is measured.
struct EmulatorProcess {
  /// Seconds of real time that a run may take.
  private static let limit = 300.0

  private let pid: pid_t
  private let terminal: Int32
  private let serial: Int32
  private var transcript: [UInt8] = []
  private var line: [UInt8] = []
  private var begin: Double?
  private var run = MeasuredRun()
  private var passed = false

  /// Runs a program to its end. `serialPipe` is the path of an existing named pipe.
  static func measure(_ program: String, _ arguments: [String], serialPipe: String) throws
    -> MeasuredRun
  {
    var process = try EmulatorProcess(program, arguments, serialPipe: serialPipe)
    RunningChild.begin(process.pid)
    defer {
      RunningChild.end()
      close(process.terminal)
      close(process.serial)
    }
    return try process.follow()
  }

  private init(_ program: String, _ arguments: [String], serialPipe: String) throws {
    // Opened for both directions, so that it neither waits for a writer nor ends with one.
    serial = open(serialPipe, O_RDWR | O_NONBLOCK)
    guard serial >= 0 else { throw BenchmarkError("cannot open \(serialPipe)") }
    // Bochs's display wants a screen.
    var size = winsize(ws_row: 50, ws_col: 132, ws_xpixel: 0, ws_ypixel: 0)
    var master: Int32 = -1
    var slave: Int32 = -1
    guard openpty(&master, &slave, nil, nil, &size) == 0 else {
      throw BenchmarkError("there is no pseudo-terminal")
    }
    defer { close(slave) }
    terminal = master

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor: Int32 in 0...2 {
      posix_spawn_file_actions_adddup2(&actions, slave, descriptor)
    }
    for descriptor in [serial, master, slave] {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    let words = Self.cStrings([program] + arguments)
    let environment = Self.cStrings(["TERM=xterm", "PATH=/usr/bin:/bin", "HOME=/tmp"])
    defer { (words + environment).forEach { free($0) } }
    var pid: pid_t = 0
    let error = posix_spawn(&pid, program, &actions, nil, words, environment)
    guard error == 0 else {
      throw BenchmarkError("cannot start \(program): \(String(cString: strerror(error)))")
    }
    self.pid = pid
  }

  private static func cStrings(_ words: [String]) -> [UnsafeMutablePointer<CChar>?] {
    words.map { strdup($0) } + [nil]
  }

  private mutating func follow() throws -> MeasuredRun {
    var clock = clockid_t()
    guard clock_getcpuclockid(pid, &clock) == 0 else {
      throw BenchmarkError("the child has no processor-time clock")
    }
    let deadline = Date().addingTimeInterval(Self.limit)
    var buffer = [UInt8](repeating: 0, count: 4096)
    var status: Int32 = 0
    var hasEnded = false
    while true {
      var polled = [
        pollfd(fd: serial, events: Int16(POLLIN), revents: 0),
        pollfd(fd: terminal, events: Int16(POLLIN), revents: 0),
      ]
      poll(&polled, 2, hasEnded ? 0 : 50)
      if polled[0].revents & Int16(POLLIN) != 0 {
        // First of all the time.
        var time = timespec()
        clock_gettime(clock, &time)
        let now = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        let count = read(serial, &buffer, buffer.count)
        take(buffer[..<max(count, 0)], at: now)
      } else if polled[1].revents & Int16(POLLIN) != 0 {
        let count = read(terminal, &buffer, buffer.count)
        transcript = (transcript + buffer[..<max(count, 0)]).suffix(4096)
      } else if hasEnded {
        break
      } else {
        hasEnded = waitpid(pid, &status, WNOHANG) == pid
      }
      if !hasEnded && Date() > deadline {
        kill(pid, SIGKILL)
        waitpid(pid, &status, 0)
        throw BenchmarkError("it did not end\n\(text)")
      }
    }
    guard passed, !run.seconds.isEmpty else {
      throw BenchmarkError("the guest did not pass\n\(text)")
    }
    return run
  }

  private var text: String { String(decoding: transcript + line, as: UTF8.self) }

  private mutating func take(_ bytes: ArraySlice<UInt8>, at now: Double) {
    for byte in bytes {
      if byte != 0x0a {
        line.append(byte)
        continue
      }
      let words = String(decoding: line, as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines)
      transcript = (transcript + line + [0x0a]).suffix(4096)
      line = []
      if words == "begin" {
        begin = now
      } else if words.hasPrefix("end "), let start = begin {
        run.seconds.append(now - start)
        run.checksums.insert(String(words.dropFirst(4)))
        begin = nil
      } else if words == "bench: PASS" {
        passed = true
      }
    }
  }
}
