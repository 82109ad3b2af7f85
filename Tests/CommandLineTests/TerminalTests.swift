import Foundation
import Testing

/// A pseudo-terminal: the side that a user types on and the side that a program has.
private final class PseudoTerminal {
  let user: Int32
  let program: Int32

  init() throws {
    var user: Int32 = -1
    var program: Int32 = -1
    guard openpty(&user, &program, nil, nil, nil) == 0 else { throw POSIXError(.ENOTTY) }
    self.user = user
    self.program = program
    // Not for the programs of other tests.
    for descriptor in [user, program] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
  }

  deinit {
    close(user)
    close(program)
  }

  var settings: termios {
    var settings = termios()
    tcgetattr(program, &settings)
    return settings
  }

  func type(_ bytes: [UInt8]) { write(user, bytes, bytes.count) }
}

@Suite("vmxlab run on a terminal")
struct TerminalTests {
  private let scratch = try! ScratchDirectory()
  private let terminal = try! PseudoTerminal()

  /// Starts the echoing guest, runs `body` once the terminal is raw, and checks that it is restored.
  private func run(_ body: (Program) throws -> Void) throws -> ProgramResult {
    let before = terminal.settings
    let image = try scratch.file("image", TestImage.echo)
    let program = try Program(["run", image], in: scratch, input: terminal.program)
    while terminal.settings.c_lflag & tcflag_t(ICANON) != 0 { usleep(1_000) }
    #expect(terminal.settings.c_lflag & tcflag_t(ECHO | ISIG) == 0)
    try body(program)
    let result = try program.finish()
    #expect(terminal.settings.c_lflag == before.c_lflag)
    #expect(terminal.settings.c_iflag == before.c_iflag)
    return result
  }

  @Test("Keys go to the guest one by one, Ctrl-C and Ctrl-D too, and the terminal is restored")
  func keys() throws {
    let result = try run { _ in terminal.type([0x61, 0x03, 0x04, 0x0d, UInt8(ascii: "q")]) }
    #expect(result.output == [0x61, 0x03, 0x04, 0x0d, UInt8(ascii: "q")])
    #expect(result.status == 3)
    #expect(result.errors.contains("Ctrl-A x ends the run"))
  }

  @Test("Ctrl-A Ctrl-A is one Ctrl-A, Ctrl-A h shows the keys")
  func escapes() throws {
    let result = try run { _ in
      terminal.type([0x01, 0x01, 0x01, UInt8(ascii: "h"), UInt8(ascii: "q")])
    }
    #expect(result.output == [0x01, UInt8(ascii: "q")])
    #expect(result.errors.contains("Ctrl-A Ctrl-A  send Ctrl-A to the guest"))
  }

  @Test("Ctrl-A x ends the run")
  func end() throws {
    let result = try run { _ in terminal.type([0x01, UInt8(ascii: "x")]) }
    #expect(result.status == 130)
    #expect(result.errors.contains("ended by Ctrl-A x"))
  }

  @Test("A signal restores the terminal", arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
  func signals(number: Int32) throws {
    #expect(try run { $0.send(number) }.status == 128 + number)
  }

  @Test(
    "A fault of the program itself restores the terminal and gives 70",
    arguments: [SIGSEGV, SIGILL, SIGABRT])
  func faults(number: Int32) throws {
    let result = try run { $0.send(number) }
    #expect(result.status == 70)
    #expect(result.errors.contains("internal fault"))
  }
}
