import Glibc
import Synchronization

/// What the operating system's signals do to the program.
///
/// A signal that asks the program to end is noted, and the run ends at its next look: the terminal is
/// restored and statistics are written. A second one ends the program at once. The handlers call only
/// functions that POSIX declares async-signal-safe.
enum HostSignals {
  /// The first signal that asked the program to end, 0 if none has.
  private static let received = Atomic<Int32>(0)
  private static let asking = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
  private static let faults = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

  /// The signal that asked the program to end, if one has.
  static var requestToEnd: Int32? {
    let signal = received.load(ordering: .relaxed)
    return signal == 0 ? nil : signal
  }

  /// Notes signals that ask the program to end, and turns writing to a closed pipe or past a file-size
  /// limit into an error of `write`.
  static func handleRequestsToEnd() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    received.store(0, ordering: .relaxed)
    for number in asking where number != SIGHUP || !isIgnored(SIGHUP) {
      install(number) { number in
        let (first, _) = HostSignals.received.compareExchange(
          expected: 0, desired: number, ordering: .relaxed)
        if first { return }
        Terminal.restore()
        _exit(128 + number)
      }
    }
  }

  /// Makes a fault of the program itself restore the terminal, say a line and end with status 70.
  static func handleInternalFaults() {
    // A stack of its own, so that running out of stack is handled too.
    let size = 1 << 16
    var stack = stack_t(
      ss_sp: UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16), ss_flags: 0,
      ss_size: size)
    sigaltstack(&stack, nil)
    for number in faults {
      install(number, flags: SA_ONSTACK | Int32(bitPattern: UInt32(SA_RESETHAND))) { number in
        Terminal.restore()
        let message: StaticString =
          "vmxlab: internal fault: this is a defect of VMXLab, not of the guest; please report it\n"
        write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
        _exit(70)
      }
    }
  }

  /// Waits until standard input can be read or a signal has asked the program to end.
  static func waitForStandardInput() {
    // Blocked from the look to the wait, so that no signal can come between them.
    var mask = sigset_t()
    var original = sigset_t()
    sigemptyset(&mask)
    for number in asking { sigaddset(&mask, number) }
    pthread_sigmask(SIG_BLOCK, &mask, &original)
    defer { pthread_sigmask(SIG_SETMASK, &original, nil) }
    guard requestToEnd == nil else { return }
    var descriptors = fd_set()
    descriptors.__fds_bits.0 = 1 << STDIN_FILENO
    pselect(STDIN_FILENO + 1, &descriptors, nil, nil, nil, &original)
  }

  /// Calls `handler` on `signal`; calls that wait end with EINTR.
  static func install(
    _ signal: Int32, flags: Int32 = 0, handler: @escaping @convention(c) (Int32) -> Void
  ) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = handler
    action.sa_flags = flags
    sigemptyset(&action.sa_mask)
    sigaction(signal, &action, nil)
  }

  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    sigaction(signal, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
