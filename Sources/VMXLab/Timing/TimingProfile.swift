/// How many cycles a microarchitecture takes for each ``TimingClass``, and where the numbers come
/// from.
public struct TimingProfile: Equatable, Sendable {
  /// The word that selects the profile, such as `skylake-server` or `functional`.
  public let name: String
  /// One line for lists.
  public let description: String
  /// The cycles by class.
  public let table: TimingTable
  /// Whether VM entry skips the checks of fields that have not changed since the last entry. Where it
  /// does not, the cycles of every check are charged on every entry, whatever the emulator skips.
  public let vmcsCaching: Bool
  /// The sources, each with the classes that it gives.
  public let sources: [Source]

  /// Cycles charged for `timingClass`.
  @inline(__always)
  public func cycles(_ timingClass: TimingClass) -> UInt16 { table.cycles(timingClass) }

  /// Where the cycles of some classes come from.
  public struct Source: Equatable, Sendable, Codable {
    /// The publication, and how the numbers were got from it.
    public let source: String
    /// Keys of the classes, sorted.
    public let classes: [String]
  }
}

/// Why a timing profile cannot be had.
public enum TimingProfileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No profile has that name; `known` are those that exist.
  case unknown(name: String, known: [String])
  /// The data cannot be read. `key` is the path to the datum at fault, such as `groups.2.cycles.alu`.
  case malformed(key: String, reason: String)

  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "there is no timing profile '\(name)'; the profiles are \(known.joined(separator: ", "))"
    case .malformed(let key, let reason):
      key.isEmpty ? "timing profile: \(reason)" : "timing profile: \(key): \(reason)"
    }
  }
}
