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
  /// - Parameters:
  ///   - limit: how many bytes there may be.
  ///   - excess: what is wrong with a file that has more.
  /// - Throws: ``InputError`` if it cannot be read or has more than `limit` bytes.
  static func read(
    _ path: String, limit: UInt64,
    excess: String = "the file has more bytes than the guest's memory"
  ) throws(InputError) -> [UInt8] {
    do {
      let descriptor = try FileDescriptor.open(FilePath(path), .readOnly)
      return try descriptor.closeAfter {
        try content(of: descriptor, named: path, limit: limit, excess: excess)
      }
    } catch let error as InputError {
      throw error
    } catch {
      throw InputError(path: path, reason: reason(error))
    }
  }

  /// What is left to read on standard input.
  ///
  /// - Throws: ``InputError`` if it cannot be read or has more than `limit` bytes.
  static func readStandardInput(limit: UInt64, excess: String) throws(InputError) -> [UInt8] {
    let name = "standard input"
    do {
      return try content(of: .standardInput, named: name, limit: limit, excess: excess)
    } catch let error as InputError {
      throw error
    } catch {
      throw InputError(path: name, reason: reason(error))
    }
  }

  private static func content(
    of descriptor: FileDescriptor, named name: String, limit: UInt64, excess: String
  ) throws -> [UInt8] {
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = try chunk.withUnsafeMutableBytes { try descriptor.read(into: $0) }
      guard count > 0 else { return content }
      content.append(contentsOf: chunk[..<count])
      guard UInt64(content.count) <= limit else {
        throw InputError(path: name, reason: "\(excess) (\(limit))")
      }
    }
  }

  private static func reason(_ error: any Error) -> String {
    switch error as? Errno {
    case .noSuchFileOrDirectory: "no such file"
    case .isDirectory: "is a directory"
    case let errno?: "\(errno)"
    case nil: "\(error)"
    }
  }
}
