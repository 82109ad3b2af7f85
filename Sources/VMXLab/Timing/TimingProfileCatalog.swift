/// The timing profiles that come with VMXLab, as JSON documents in string literals (see
/// ``CPUProfileCatalog`` for why).
enum TimingProfileCatalog {
  struct Entry: Sendable {
    let name: String
    let json: StaticString
  }

  /// The measured profiles, in order of the parts' age.
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

extension TimingProfile {
  /// One cycle an instruction, nothing for anything else.
  public static let functional: TimingProfile = {
    var table = TimingTable(repeating: 0)
    for timingClass in TimingClass.allCases where timingClass.isInstruction {
      table[timingClass] = 1
    }
    return TimingProfile(
      name: "functional", description: "one cycle an instruction", table: table, vmcsCaching: true,
      sources: [Source(source: "by definition", classes: TimingClass.allCases.map(\.key))])
  }()

  /// The names of the built-in timing profiles.
  public static var names: [String] { ["functional"] + TimingProfileCatalog.entries.map(\.name) }

  /// The built-in timing profile of that name.
  ///
  /// - Throws: ``TimingProfileError/unknown(name:known:)``.
  public static func named(_ name: String) throws(TimingProfileError) -> TimingProfile {
    try named(name, depth: 0)
  }

  static func named(_ name: String, depth: Int) throws(TimingProfileError) -> TimingProfile {
    if name == functional.name { return functional }
    guard let entry = TimingProfileCatalog.entries.first(where: { $0.name == name }) else {
      throw .unknown(name: name, known: names)
    }
    return try TimingProfile(json: Array(entry.json.bytes), depth: depth)
  }
}

extension TimingClass {
  /// Whether the class is an instruction's own charge; the others are added to it: memory operands,
  /// iterations, events, page walks, devices and the phases of VM entries and exits.
  public var isInstruction: Bool {
    switch self {
    case .load, .store, .readModifyWrite, .lock, .stringStep, .exceptionDelivery,
      .interruptDelivery, .taskSwitch, .pageWalkStep, .eptWalkStep, .deviceAccess,
      .entryControlChecks, .entryHostChecks, .entryGuestChecks, .entryGuestStateLoad,
      .entryPDPTELoad, .entryMSRLoadEntry, .entryEventInjection, .exitBase, .exitSaveState,
      .exitMSRStoreEntry, .exitHostStateLoad, .exitMSRLoadEntry:
      false
    default:
      true
    }
  }
}
