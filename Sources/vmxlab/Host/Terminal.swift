import Glibc

/// The terminal on standard input, put in raw mode while a guest's serial port is connected to it.
enum Terminal {
  /// The settings to go back to. Written before `isRaw` is set, and then only read, so that a signal
  /// handler may use it.
  private nonisolated(unsafe) static var original = termios()
  private nonisolated(unsafe) static var isRaw = false

  /// Whether standard input is a terminal.
  static var isStandardInput: Bool { isatty(STDIN_FILENO) == 1 }

  /// Passes every key on to the guest, Ctrl-C included, and shows none. Line feeds that are written still
  /// return to the left edge. Nothing happens in the background, where the terminal is another's.
  static func makeRaw() {
    let foreground = tcgetpgrp(STDIN_FILENO)
    let isBackground = foreground >= 0 && foreground != getpgrp()
    guard !isRaw, !isBackground, tcgetattr(STDIN_FILENO, &original) == 0 else { return }
    isRaw = true
    setRaw()
    HostSignals.install(SIGTSTP) { _ in
      Terminal.suspend()
    }
    HostSignals.install(SIGCONT, flags: Int32(SA_RESTART)) { _ in
      Terminal.setRaw()
    }
  }

  /// Gives the terminal back as it was. For signal handlers too.
  static func restore() {
    guard isRaw else { return }
    tcsetattr(STDIN_FILENO, TCSANOW, &original)
  }

  private static func suspend() {
    restore()
    raise(SIGSTOP)
  }

  private static func setRaw() {
    guard isRaw else { return }
    var raw = original
    raw.c_iflag &= ~tcflag_t(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
    raw.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | ISIG | IEXTEN)
    raw.c_cflag &= ~tcflag_t(CSIZE | PARENB)
    raw.c_cflag |= tcflag_t(CS8)
    tcsetattr(STDIN_FILENO, TCSANOW, &raw)
  }
}
