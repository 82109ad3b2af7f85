import ArgumentParser
import VMXLab

/// An amount of memory: a number with a suffix.
struct MemorySize {
  let byteCount: UInt64

  /// 512 MiB.
  static let standard = MemorySize(byteCount: 512 << 20)

  private static let suffixes: [Character: UInt64] = [
    "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
  ]

  private init(byteCount: UInt64) { self.byteCount = byteCount }

  /// Reads "512M", "1G", "4096K"; a number without a suffix is MiB, as in QEMU.
  ///
  /// - Throws: `ValidationError`, which says what is wrong with the size.
  init(_ text: String) throws(ValidationError) {
    var digits = text[...]
    var unit: UInt64 = 1 << 20
    if let last = text.last, let factor = Self.suffixes[Character(last.lowercased())] {
      unit = factor
      digits = digits.dropLast()
    }
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else {
      throw ValidationError("a size is a number with K, M or G after it, such as 512M")
    }
    let (bytes, overflow) = (UInt64(digits) ?? .max).multipliedReportingOverflow(by: unit)
    guard !overflow, bytes <= MachineConfiguration.maximumMemory else {
      throw ValidationError(
        "a machine has \(Self.text(MachineConfiguration.maximumMemory)) of memory at most")
    }
    guard bytes >= MachineConfiguration.minimumMemory else {
      throw ValidationError(
        "a machine has \(Self.text(MachineConfiguration.minimumMemory)) of memory at least")
    }
    byteCount = bytes
  }

  private static func text(_ bytes: UInt64) -> String {
    for (suffix, unit) in [("GiB", UInt64(1) << 30), ("MiB", 1 << 20)] where bytes % unit == 0 {
      return "\(bytes / unit) \(suffix)"
    }
    return "\(bytes) bytes"
  }
}
