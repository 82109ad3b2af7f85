import FoundationEssentials
import VMXLab

/// VMXLab's own form of a VMCS outside a machine: a JSON object, numbers as text in hexadecimal.
///
/// `docs/vmcs-dump.md` describes it. A file may hold several, one after another.
public enum VMCSDumpJSON {
  /// The value of the key `format`.
  public static let format = "vmxlab-vmcs"
  /// The version of the format that this library writes, and the newest that it reads.
  public static let version = 1

  // MARK: Writing

  /// The dump as a JSON object of several lines, with a line feed at its end.
  public static func text(_ dump: VMCSDump) -> String {
    var object = [
      ("format", string(format)), ("version", "\(version)"), ("source", string(dump.source)),
    ]
    if let name = dump.profileName { object.append(("cpu", string(name))) }
    object.append(("capabilities", string(dump.offer.rawValue)))
    let entry = members(of: dump.entry)
    if !entry.isEmpty { object.append(("entry", line(entry))) }
    let processor = members(of: dump.processor)
    if !processor.isEmpty { object.append(("processor", line(processor))) }
    let fields = dump.knownFields.map { ($0.name, hex(dump.vmcs[$0])) }
    object.append(("fields", block(fields.map { "\(string($0)): \($1)" }, "{", "}")))
    let pieces = dump.memory.pieces.map {
      line([("address", hex($0.address)), ("size", "\($0.byteCount)"), ("value", hex($0.value))])
    }
    if !pieces.isEmpty { object.append(("memory", block(pieces, "[", "]"))) }
    if let area = dump.entryMSRLoadArea {
      let entries = area.map {
        line([
          ("index", hex(UInt64($0.index))), ("reserved", hex(UInt64($0.reserved))),
          ("value", hex($0.value)),
        ])
      }
      object.append(("entryMSRLoadArea", block(entries, "[", "]")))
    }
    let lines = object.map { "  \(string($0)): \($1)" }
    return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
  }

  private static func members(of entry: RecordedVMEntry) -> [(String, String)] {
    var members: [(String, String)] = []
    if let isLaunch = entry.isLaunch {
      members.append(("instruction", string(isLaunch ? "VMLAUNCH" : "VMRESUME")))
    }
    if let rip = entry.rip { members.append(("rip", hex(rip))) }
    if let error = entry.instructionError { members.append(("instructionError", "\(error)")) }
    if let reason = entry.exitReason { members.append(("exitReason", hex(UInt64(reason)))) }
    if let qualification = entry.exitQualification {
      members.append(("exitQualification", hex(qualification)))
    }
    return members
  }

  private static func members(of state: DumpedProcessorState) -> [(String, String)] {
    var members: [(String, String)] = []
    if let value = state.isInIA32eMode { members.append(("ia32eMode", "\(value)")) }
    if let value = state.isInSMM { members.append(("smm", "\(value)")) }
    if let value = state.isTracing { members.append(("tracing", "\(value)")) }
    if let value = state.currentVMCS { members.append(("currentVMCS", hex(value))) }
    if let value = state.isLaunched { members.append(("launched", "\(value)")) }
    return members
  }

  private static func hex(_ value: UInt64) -> String { "\"0x\(String(value, radix: 16))\"" }

  /// An object on one line.
  private static func line(_ members: [(String, String)]) -> String {
    "{ " + members.map { "\(string($0)): \($1)" }.joined(separator: ", ") + " }"
  }

  /// A list or object with a line for each element.
  private static func block(_ elements: [String], _ open: String, _ close: String) -> String {
    guard !elements.isEmpty else { return open + close }
    return open + "\n" + elements.map { "    \($0)" }.joined(separator: ",\n") + "\n  " + close
  }

  /// `text` as a JSON string.
  static func string(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  // MARK: Reading

  /// Reads every object of `text`.
  ///
  /// - Throws: ``VMCSDumpError`` for the first that is not a dump.
  public static func read(_ text: String) throws(VMCSDumpError) -> [VMCSDump] {
    var dumps: [VMCSDump] = []
    for object in try objects(of: text) { dumps.append(try dump(object)) }
    guard !dumps.isEmpty else { throw VMCSDumpError("there is no JSON object in it") }
    return dumps
  }

  /// The text of each object, which may follow one another, or be in a list.
  private static func objects(of text: String) throws(VMCSDumpError) -> [Substring.UTF8View] {
    var objects: [Substring.UTF8View] = []
    let bytes = text.utf8
    var depth = 0
    var start = bytes.startIndex
    var isInString = false
    var isEscaped = false
    for index in bytes.indices {
      let byte = bytes[index]
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"):
        if depth == 0 { start = index }
        depth += 1
      case UInt8(ascii: "}"):
        depth -= 1
        guard depth >= 0 else { throw VMCSDumpError("a } has no {") }
        if depth == 0 { objects.append(bytes[start...index]) }
      default: break
      }
    }
    guard depth == 0, !isInString else { throw VMCSDumpError("the JSON is cut off") }
    return objects
  }

  private static func dump(_ object: Substring.UTF8View) throws(VMCSDumpError) -> VMCSDump {
    let content: Content
    do {
      content = try JSONDecoder().decode(Content.self, from: Data(object))
    } catch let error as DecodingError {
      throw VMCSDumpError(describing: error)
    } catch {
      throw VMCSDumpError("\(error)")
    }
    guard content.format == format else {
      throw VMCSDumpError("\"format\" must be \"\(format)\"")
    }
    guard (1...version).contains(content.version) else {
      throw VMCSDumpError(
        "\"version\" is \(content.version); this program reads versions up to \(version)")
    }
    return try content.dump()
  }

  /// The JSON object as it is.
  private struct Content: Decodable {
    struct Entry: Decodable {
      var instruction: String?
      var rip: String?
      var instructionError: UInt32?
      var exitReason: String?
      var exitQualification: String?
    }
    struct Processor: Decodable {
      var ia32eMode: Bool?
      var smm: Bool?
      var tracing: Bool?
      var currentVMCS: String?
      var launched: Bool?
    }
    struct Piece: Decodable {
      var address: String
      var size: Int
      var value: String
    }
    struct MSR: Decodable {
      var index: String
      var reserved: String?
      var value: String
    }
    var format: String
    var version: Int
    var source: String?
    var cpu: String?
    var capabilities: String?
    var entry: Entry?
    var processor: Processor?
    var fields: [String: String]
    var memory: [Piece]?
    var entryMSRLoadArea: [MSR]?

    func dump() throws(VMCSDumpError) -> VMCSDump {
      var dump = VMCSDump(source: source ?? "JSON", profileName: cpu)
      if let capabilities {
        guard let offer = VMXOffer(rawValue: capabilities) else {
          throw VMCSDumpError("\"capabilities\" must be \"part\" or \"vmxlab\"")
        }
        dump.offer = offer
      }
      dump.entry = try recordedEntry()
      dump.processor.isInIA32eMode = processor?.ia32eMode
      dump.processor.isInSMM = processor?.smm
      dump.processor.isTracing = processor?.tracing
      dump.processor.isLaunched = processor?.launched
      dump.processor.currentVMCS = try VMCSDumpJSON.optionalNumber(
        processor?.currentVMCS, "currentVMCS")
      for (name, text) in fields.sorted(by: { $0.key < $1.key }) {
        guard let field = VMCSDumpJSON.field(name) else {
          throw VMCSDumpError("there is no VMCS field \"\(name)\"")
        }
        dump[field] = try VMCSDumpJSON.number(text, name, limit: field.largestValue)
      }
      for piece in memory ?? [] {
        guard (1...8).contains(piece.size) else {
          throw VMCSDumpError("the size of a piece of memory must be 1 to 8, not \(piece.size)")
        }
        dump.memory.set(
          try VMCSDumpJSON.number(piece.value, "value"), byteCount: piece.size,
          at: try VMCSDumpJSON.number(piece.address, "address"))
      }
      if let entryMSRLoadArea {
        var entries: [MSRListEntry] = []
        for entry in entryMSRLoadArea { entries.append(try VMCSDumpJSON.entry(entry)) }
        dump.entryMSRLoadArea = entries
      }
      return dump
    }

    private func recordedEntry() throws(VMCSDumpError) -> RecordedVMEntry {
      var recorded = RecordedVMEntry()
      guard let entry else { return recorded }
      recorded.isLaunch = entry.instruction.map { $0 == "VMLAUNCH" }
      recorded.rip = try VMCSDumpJSON.optionalNumber(entry.rip, "rip")
      recorded.instructionError = entry.instructionError
      recorded.exitReason = try VMCSDumpJSON.optionalNumber(
        entry.exitReason, "exitReason", limit: 0xffff_ffff
      ).map { UInt32(truncatingIfNeeded: $0) }
      recorded.exitQualification = try VMCSDumpJSON.optionalNumber(
        entry.exitQualification, "exitQualification")
      return recorded
    }
  }

  private static func entry(_ entry: Content.MSR) throws(VMCSDumpError) -> MSRListEntry {
    let word: UInt64 = 0xffff_ffff
    return MSRListEntry(
      index: UInt32(truncatingIfNeeded: try number(entry.index, "index", limit: word)),
      reserved: UInt32(
        truncatingIfNeeded: try number(entry.reserved ?? "0", "reserved", limit: word)),
      value: try number(entry.value, "value"))
  }

  /// The field with this name of the manual, key of the library, or encoding.
  private static func field(_ name: String) -> VMCSField? {
    if let field = VMCSField.all.first(where: { $0.name.lowercased() == name.lowercased() }) {
      return field
    }
    if let field = VMCSField.field(key: name) { return field }
    guard name.hasPrefix("0x"), let encoding = UInt16(name.dropFirst(2), radix: 16) else {
      return nil
    }
    return VMCSField.field(encoding: encoding)
  }

  private static func optionalNumber(
    _ text: String?, _ name: String, limit: UInt64 = .max
  ) throws(VMCSDumpError) -> UInt64? {
    guard let text else { return nil }
    return try number(text, name, limit: limit)
  }

  private static func number(
    _ text: String, _ name: String, limit: UInt64 = .max
  ) throws(VMCSDumpError) -> UInt64 {
    let digits = text.lowercased().hasPrefix("0x") ? text.dropFirst(2) : text[...]
    guard let value = UInt64(digits, radix: 16) else {
      throw VMCSDumpError("\"\(name)\": \"\(text)\" is not a hexadecimal number")
    }
    guard value <= limit else {
      throw VMCSDumpError("\"\(name)\": \"\(text)\" is too large for the field")
    }
    return value
  }
}
