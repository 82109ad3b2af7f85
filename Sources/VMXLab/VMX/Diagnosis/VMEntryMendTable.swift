/// How the rules are mended that are not simply about bits at fault: for those, the bits say it.
enum VMEntryMendTable {
  /// A change of one field.
  enum Change: Sendable {
    /// Bits to set and to clear in a field; nil is the rule's first.
    case bits(String?, set: UInt64, clear: UInt64)
    /// A value for a field, worked out from the rest.
    case computed(String?, @Sendable (VMCS, VMXCapabilities) -> UInt64)
    /// The field, made canonical.
    case canonical
    /// G of a segment that is not in line with its limit, or the limit.
    case granularity(String)

    func fieldKey(_ vmcs: VMCS) -> String? {
      switch self {
      case .bits(let key, _, _), .computed(let key, _): key
      case .canonical: nil
      case .granularity(let segment):
        Self.changesLimit(segment, vmcs) ? "guest\(segment)Limit" : "guest\(segment)AccessRights"
      }
    }

    func value(_ field: VMCSField, _ vmcs: VMCS, _ capabilities: VMXCapabilities) -> UInt64 {
      let value = vmcs[field]
      switch self {
      case .bits(_, let set, let clear): return value & ~clear | set
      case .computed(_, let compute): return compute(vmcs, capabilities)
      case .canonical:
        let width = CR4(rawValue: vmcs.hostCR4).contains(.la57) ? 57 : 48
        let isHost = field.key == "hostRIP" || field.key == "hostSSP"
        let bits = isHost ? width : Int(capabilities.facts.linearAddressWidth)
        let shift = Int64(64 - bits)
        return UInt64(bitPattern: (Int64(bitPattern: value) << shift) >> shift)
      case .granularity(let segment):
        guard Self.changesLimit(segment, vmcs) else { return value ^ 0x8000 }
        return Self.access(segment, vmcs) & 0x8000 == 0 ? value & 0xf_ffff : value | 0xfff
      }
    }

    private static func access(_ segment: String, _ vmcs: VMCS) -> UInt64 {
      VMCSField.field(key: "guest\(segment)AccessRights").map { vmcs[$0] } ?? 0
    }

    /// Whether G alone cannot be in line with the limit: it is above 1 MiB and ends within a page.
    private static func changesLimit(_ segment: String, _ vmcs: VMCS) -> Bool {
      let limit = VMCSField.field(key: "guest\(segment)Limit").map { vmcs[$0] } ?? 0
      return limit & 0xfff0_0000 != 0 && limit & 0xfff != 0xfff
    }
  }

  /// What there is to say of one rule.
  struct Line: Sendable {
    var change: Change?
    var advice: String?
  }

  /// The lines, by rule.
  static let lines: [VMEntryRule: Line] = {
    var lines = controlLines
    lines.merge(eventLines) { first, _ in first }
    lines.merge(registerLines) { first, _ in first }
    lines.merge(segmentLines) { first, _ in first }
    for rule in VMEntryRule.allCases
    where lines[rule] == nil
      && (rule.rawValue.hasSuffix("Canonical") || rule.rawValue.hasSuffix("Linear"))
    {
      lines[rule] = Line(change: .canonical, advice: nil)
    }
    return lines
  }()

  static func set(_ bits: UInt64, _ key: String? = nil, _ advice: String? = nil) -> Line {
    Line(change: .bits(key, set: bits, clear: 0), advice: advice)
  }

  static func clear(_ bits: UInt64, _ key: String? = nil, _ advice: String? = nil) -> Line {
    Line(change: .bits(key, set: 0, clear: bits), advice: advice)
  }

  static func replace(
    _ mask: UInt64, _ bits: UInt64, _ key: String? = nil, _ advice: String? = nil
  ) -> Line {
    Line(change: .bits(key, set: bits, clear: mask), advice: advice)
  }

  static func computed(
    _ key: String? = nil, _ advice: String? = nil,
    _ compute: @escaping @Sendable (VMCS, VMXCapabilities) -> UInt64
  ) -> Line {
    Line(change: .computed(key, compute), advice: advice)
  }

  static func advice(_ words: String) -> Line { Line(change: nil, advice: words) }
}
