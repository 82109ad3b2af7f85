import Foundation

/// The program that is being measured, so that a signal that ends this one ends both.
enum RunningChild {
  nonisolated(unsafe) private static var pid: pid_t = 0

  /// Makes SIGINT, SIGTERM and SIGHUP end the child first.
  static func endWithThisProgram() {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { number in
        let child = RunningChild.pid
        if child > 0 { kill(child, SIGKILL) }
        _exit(128 + number)
      }
    }
  }

  static func begin(_ child: pid_t) { pid = child }
  static func end() { pid = 0 }
}
