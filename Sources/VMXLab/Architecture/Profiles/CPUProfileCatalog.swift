/// The profiles that come with VMXLab.
///
/// Their data are JSON documents in string literals. A literal costs nothing until it is read and
/// next to nothing to compile; SwiftPM's `.embedInCode` resources become an array literal of bytes,
/// which takes the compiler several seconds for as much data.
enum CPUProfileCatalog {
  struct Entry: Sendable {
    let name: String
    let json: StaticString
  }

  /// In order of the parts' age.
  static let entries: [Entry] = [
    Entry(name: "penryn", json: penryn),
    Entry(name: "nehalem", json: nehalem),
    Entry(name: "sandybridge", json: sandybridge),
    Entry(name: "haswell", json: haswell),
    Entry(name: "skylake-server", json: skylakeServer),
    Entry(name: "icelake-server", json: icelakeServer),
    Entry(name: "sapphire-rapids", json: sapphireRapids),
  ]
}

extension CPUProfile {
  /// The profile that is used when none is asked for.
  public static let defaultName = "skylake-server"

  /// The names of the built-in profiles, oldest part first.
  public static var names: [String] { CPUProfileCatalog.entries.map(\.name) }

  /// The built-in profile of that name. Only this profile's data are decoded.
  ///
  /// - Throws: ``CPUProfileError/unknown(name:known:)``.
  public static func named(_ name: String) throws(CPUProfileError) -> CPUProfile {
    guard let entry = CPUProfileCatalog.entries.first(where: { $0.name == name }) else {
      throw .unknown(name: name, known: names)
    }
    return try CPUProfile(json: Array(entry.json.bytes))
  }
}

extension StaticString {
  /// The UTF-8 bytes, in place.
  var bytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
  }
}
