import SystemPackage

/// What the emulator says: lines on standard error. Standard output is the guest's alone.
struct Messages {
  let stream = OutputStream(.standardError, name: "standard error")
  let isQuiet: Bool

  /// A line that `--quiet` leaves out.
  func note(_ text: String) {
    if !isQuiet { error(text) }
  }

  /// A line that the user has to see.
  func error(_ text: String) {
    stream.append("vmxlab: \(text)\n")
    stream.flush()
  }

  /// A line in its place among the guest's output, which may be written later.
  func append(_ line: String) { stream.append("\(line)\n") }

  /// Text as it is.
  func show(_ text: String) {
    stream.append(text)
    stream.flush()
  }
}
