import ArgumentParser

/// What the guest's first serial port is connected to.
enum SerialTarget: Equatable {
  /// Standard input and standard output.
  case standardStreams
  /// Nothing.
  case null
  /// A file, which is written.
  case file(String)

  /// Reads "stdio", "null" or "file:PATH".
  ///
  /// - Throws: `ValidationError` if the text is none of these.
  init(_ text: String) throws(ValidationError) {
    switch text {
    case "stdio": self = .standardStreams
    case "null": self = .null
    case _ where text.hasPrefix("file:") && text.count > "file:".count:
      self = .file(String(text.dropFirst("file:".count)))
    default: throw ValidationError("a serial port is stdio, null or file:PATH")
    }
  }
}
