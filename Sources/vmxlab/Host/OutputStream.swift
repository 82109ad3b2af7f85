import Glibc
import SystemPackage

/// Bytes on their way to a file: kept until the end of a line, a flush, or the buffer is full.
///
/// The first error ends the stream: it is kept in ``failure``, and what follows is dropped.
final class OutputStream {
  /// What messages call the file.
  let name: String
  private let descriptor: FileDescriptor
  private var buffer: [UInt8] = []
  /// The first error.
  private(set) var failure: Errno?
  /// Called once, on the first error.
  var onFailure: (() -> Void)?

  private static let capacity = 1 << 16
  private static let lineFeed = UInt8(ascii: "\n")

  init(_ descriptor: FileDescriptor, name: String) {
    self.descriptor = descriptor
    self.name = name
    buffer.reserveCapacity(Self.capacity)
  }

  /// Opens a file for writing, and empties it unless `keepsContent`.
  ///
  /// - Throws: ``OutputError`` if that is not possible.
  convenience init(path: String, keepsContent: Bool = false) throws(OutputError) {
    var options: FileDescriptor.OpenOptions = [.create]
    if !keepsContent { options.insert(.truncate) }
    do {
      let descriptor = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: options, permissions: .init(rawValue: 0o666))
      self.init(descriptor, name: path)
    } catch {
      throw OutputError(name: path, error)
    }
  }

  /// Adds a byte; a line feed sends what there is.
  func append(_ byte: UInt8) {
    buffer.append(byte)
    if byte == Self.lineFeed || buffer.count >= Self.capacity { flush() }
  }

  /// Adds text without sending it.
  func append(_ text: String) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.capacity { flush() }
  }

  /// Sends what there is.
  func flush() {
    guard !buffer.isEmpty else { return }
    defer { buffer.removeAll(keepingCapacity: true) }
    guard failure == nil else { return }
    do {
      try buffer.withUnsafeBytes { try send($0) }
    } catch {
      failure = error as? Errno ?? .ioError
      onFailure?()
    }
  }

  /// Replaces the content of the file with `text`.
  ///
  /// - Throws: ``OutputError``, also for an earlier error.
  func replaceContent(with text: String) throws(OutputError) {
    // A pipe or a terminal cannot be emptied, and need not be.
    try? descriptor.resize(to: 0)
    append(text)
    try finish()
  }

  /// Sends what there is, and reports the first error.
  func finish() throws(OutputError) {
    flush()
    if let failure { throw OutputError(name: name, failure) }
  }

  private func send(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      do {
        let count = try descriptor.write(UnsafeRawBufferPointer(rebasing: rest))
        rest = rest.dropFirst(count)
      } catch Errno.resourceTemporarilyUnavailable {
        // Somebody else made the file non-blocking.
        var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
        poll(&request, 1, -1)
      }
    }
  }
}

/// A file that cannot be written.
struct OutputError: Error, CustomStringConvertible {
  let name: String
  let reason: Errno

  init(name: String, _ error: any Error) {
    self.name = name
    reason = error as? Errno ?? .ioError
  }

  var description: String { "cannot write \(name): \(reason)" }
}
