import Foundation

/// The sample hypervisors, built by `make firmware`.
enum Samples {
  static let names = [
    "hello", "entry-failures", "ept", "real-mode", "virtual-interrupts", "kernel",
  ]

  static func path(_ name: String) throws -> String {
    let path = Program.repository.appendingPathComponent("build/firmware/\(name).elf").path
    guard FileManager.default.isReadableFile(atPath: path) else { throw Missing(path: path) }
    return path
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  private struct Missing: Error, CustomStringConvertible {
    let path: String
    var description: String { "\(path) is missing: 'make firmware' builds it" }
  }
}
