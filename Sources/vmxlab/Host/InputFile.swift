import SystemPackage

/// A file that cannot be read.
struct InputError: Error, CustomStringConvertible {
  let path: String
  let reason: String
  var description: String { "\(path): \(reason)" }
}

/// Reads whole files.
enum InputFile {
  /// The content of the file at `path`.
  ///
  /// - Throws: ``InputError`` if it cannot be read or has more than `limit` bytes.
  static func read(_ path: String, limit: UInt64) throws(InputError) -> [UInt8] {
    do {
      let descriptor = try FileDescriptor.open(FilePath(path), .readOnly)
      return try descriptor.closeAfter {
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
          let count = try chunk.withUnsafeMutableBytes { try descriptor.read(into: $0) }
          guard count > 0 else { return content }
          content.append(contentsOf: chunk[..<count])
          guard UInt64(content.count) <= limit else {
            throw InputError(
              path: path, reason: "the file has more bytes than the guest's memory (\(limit))")
          }
        }
      }
    } catch let error as InputError {
      throw error
    } catch {
      throw InputError(path: path, reason: reason(error))
    }
  }

  private static func reason(_ error: any Error) -> String {
    switch error as? Errno {
    case .noSuchFileOrDirectory: "no such file"
    case .isDirectory: "is a directory, not an image"
    case let errno?: "\(errno)"
    case nil: "\(error)"
    }
  }
}
