import FoundationEssentials

extension TimingProfile {
  /// Reads a timing profile from a JSON document.
  ///
  /// The document is an object with the keys `name`, `description`, `vmcsCaching`, `groups` and, where most numbers
  /// are another profile's, `base` with the name of a built-in one. A group has a `source` and
  /// `cycles`, an object from class to cycles. Every ``TimingClass`` must have cycles.
  ///
  /// - Throws: ``TimingProfileError``, which names the key at fault.
  public init(json: [UInt8]) throws(TimingProfileError) {
    try self.init(json: json, depth: 0)
  }

  init(json: [UInt8], depth: Int) throws(TimingProfileError) {
    let document = try Self.document(json)
    var table = TimingTable(repeating: 0)
    var origin = [String?](repeating: nil, count: TimingClass.count)
    var sources: [Source] = []
    if let base = document.base {
      // A base of a base of a base is either a mistake or a circle.
      guard depth < 3 else {
        throw .malformed(key: "base", reason: "bases are nested more than three deep")
      }
      let profile = try TimingProfile.named(base, depth: depth + 1)
      table = profile.table
      for source in profile.sources {
        for key in source.classes {
          if let timingClass = Self.classes[key] {
            origin[Int(timingClass.rawValue)] = source.source
          }
        }
      }
    }

    for (index, group) in document.groups.enumerated() {
      for (key, cycles) in group.cycles {
        guard let timingClass = Self.classes[key] else {
          throw .malformed(key: "groups.\(index).cycles.\(key)", reason: "is not a timing class")
        }
        guard let cycles = UInt16(exactly: cycles) else {
          throw .malformed(
            key: "groups.\(index).cycles.\(key)", reason: "\(cycles) is not in 0 to \(UInt16.max)")
        }
        table[timingClass] = cycles
        origin[Int(timingClass.rawValue)] = group.source
      }
    }
    let missing = TimingClass.allCases.filter { origin[Int($0.rawValue)] == nil }
    guard missing.isEmpty else {
      throw .malformed(
        key: "groups", reason: "no cycles for \(missing.map(\.key).joined(separator: ", "))")
    }
    for timingClass in TimingClass.allCases {
      let text = origin[Int(timingClass.rawValue)] ?? ""
      if let index = sources.firstIndex(where: { $0.source == text }) {
        sources[index] = Source(source: text, classes: sources[index].classes + [timingClass.key])
      } else {
        sources.append(Source(source: text, classes: [timingClass.key]))
      }
    }

    self.name = document.name
    self.description = document.description
    self.table = table
    self.vmcsCaching = document.vmcsCaching
    self.sources = sources
  }

  private static let classes: [String: TimingClass] = Dictionary(
    uniqueKeysWithValues: TimingClass.allCases.map { ($0.key, $0) })

  private static func document(_ json: [UInt8]) throws(TimingProfileError) -> Document {
    do {
      return try JSONDecoder().decode(Document.self, from: Data(json))
    } catch let error as DecodingError {
      let (key, reason) = error.keyAndReason
      throw .malformed(key: key, reason: reason)
    } catch {
      throw .malformed(key: "", reason: "\(error)")
    }
  }
}

/// The JSON document as it stands.
private struct Document: Decodable {
  struct Group: Decodable {
    let source: String
    let cycles: [String: Int]

    enum CodingKeys: String, CodingKey, CaseIterable { case source, cycles }

    init(from decoder: any Decoder) throws {
      try decoder.refuseKeys(otherThan: CodingKeys.allCases.map(\.rawValue))
      let values = try decoder.container(keyedBy: CodingKeys.self)
      source = try values.decode(String.self, forKey: .source)
      cycles = try values.decode([String: Int].self, forKey: .cycles)
    }
  }

  let name: String
  let description: String
  let base: String?
  let vmcsCaching: Bool
  let groups: [Group]

  enum CodingKeys: String, CodingKey, CaseIterable {
    case name, description, base, vmcsCaching, groups
  }

  init(from decoder: any Decoder) throws {
    try decoder.refuseKeys(otherThan: CodingKeys.allCases.map(\.rawValue))
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    description = try values.decode(String.self, forKey: .description)
    base = try values.decodeIfPresent(String.self, forKey: .base)
    vmcsCaching = try values.decode(Bool.self, forKey: .vmcsCaching)
    groups = try values.decode([Group].self, forKey: .groups)
  }
}
