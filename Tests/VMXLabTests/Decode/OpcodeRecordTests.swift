import Testing

@testable import VMXLab

@Suite("The opcode maps, as another decoder has them")
struct OpcodeRecordTests {
  @Test("In every mode, with every prefix, legacy opcodes are instructions of the recorded length")
  func legacy() throws {
    var comparison = try RecordComparison()
    for line in RecordLine.lines(of: OpcodeRecord.legacy) {
      let map: [UInt8] = line.map == 0 ? [] : line.map == 0x0f ? [0x0f] : [0x0f, line.map]
      for entry in line.entries {
        for mode in entry.modes {
          for prefix in entry.prefixes ?? (mode == 64 ? "noprW" : "nopr") {
            for opcode in line.opcodes {
              comparison.compare(
                RecordLine.bytes(of: prefix), map + [opcode], entry, codeBits: mode)
            }
          }
        }
      }
    }
    comparison.finish(atLeast: 150_000)
  }

  @Test("In every mode, VEX opcodes are instructions where they are recorded")
  func vex() throws {
    var comparison = try RecordComparison()
    var expected: [VEXKey: RecordEntry] = [:]
    for line in RecordLine.lines(of: OpcodeRecord.vex) {
      for entry in line.entries {
        for mode in entry.modes {
          for part in (entry.prefixes ?? "").split(separator: "+") {
            for number in part.dropFirst().compactMap(\.wholeNumberValue) {
              for opcode in line.opcodes {
                let key = VEXKey(
                  mode: mode, map: line.map, opcode: opcode, prefix: part.first ?? "n",
                  bits: UInt8(number))
                expected[key] = entry
              }
            }
          }
        }
      }
    }
    // Outside 64-bit mode 16- and 32-bit code have the same bytes.
    for mode in [32, 64] {
      for map in 1...3 as ClosedRange<UInt8> {
        for opcode in 0...255 as ClosedRange<UInt8> {
          let isGroup = map == 1 && (0x71...0x73).contains(opcode) || map == 2 && opcode == 0xf3
          for prefix in "nopr" {
            for bits in 0..<8 as Range<UInt8> {
              let key = VEXKey(mode: mode, map: map, opcode: opcode, prefix: prefix, bits: bits)
              comparison.compare(
                [], key.bytes, expected[key] ?? RecordEntry.undefined, codeBits: mode,
                digits: isGroup ? 0..<8 : 5..<7)
            }
          }
        }
      }
    }
    comparison.finish(atLeast: 150_000)
  }
}

/// An opcode and the bits of a VEX prefix.
private struct VEXKey: Hashable {
  let mode: Int
  let map: UInt8
  let opcode: UInt8
  let prefix: Character
  let bits: UInt8

  var bytes: [UInt8] {
    let pp: UInt8 = ["n": 0, "o": 1, "p": 2, "r": 3][prefix] ?? 0
    let vvvv: UInt8 = bits & 4 == 0 ? 0x78 : 0x60
    return [0xc4, 0xe0 | map, (bits & 1) << 7 | vvvv | (bits & 2) << 1 | pp, opcode]
  }
}

/// What a line of the record says of some modes and prefixes.
private struct RecordEntry {
  let modes: [Int]
  /// nil: all of the mode.
  let prefixes: String?
  let verdicts: [Character]

  static let undefined = RecordEntry(modes: [], prefixes: nil, verdicts: ["-"])

  /// The verdict on ModRM byte number `index`: eight with memory, eight with a register.
  func verdict(_ index: Int) -> Character { verdicts.count == 1 ? verdicts[0] : verdicts[index] }
}

private struct RecordLine {
  let map: UInt8
  let opcodes: ClosedRange<UInt8>
  let entries: [RecordEntry]

  static func lines(of text: String) -> [RecordLine] {
    text.split(separator: "\n").map { RecordLine($0) }
  }

  private init(_ text: Substring) {
    let fields = text.split(separator: " ")
    map = UInt8(fields[0], radix: 16) ?? 0
    let ends = fields[1].split(separator: "-").compactMap { UInt8($0, radix: 16) }
    opcodes = ends[0]...ends[ends.count - 1]
    entries = fields[2...].flatMap { field -> [RecordEntry] in
      let sides = field.split(separator: "=")
      let verdicts = Array(sides[1])
      // In VEX lines the plus signs are between prefixes.
      let isVEX = sides[0].split(separator: ":").count == 2
      let parts = isVEX ? [sides[0]] : sides[0].split(separator: "+")
      return parts.map { part in
        let halves = part.split(separator: ":")
        return RecordEntry(
          modes: halves[0] == "*"
            ? [16, 32, 64] : halves[0].split(separator: ",").compactMap { Int($0) },
          prefixes: halves[1] == "*" ? nil : String(halves[1]), verdicts: verdicts)
      }
    }
  }

  static func bytes(of prefix: Character) -> [UInt8] {
    switch prefix {
    case "o": [0x66]
    case "p": [0xf3]
    case "r": [0xf2]
    case "W": [0x48]
    default: []
    }
  }
}

/// Compares what the decoder and the instruction table make of encodings with the record.
private struct RecordComparison {
  private let decoder: InstructionDecoder
  private let features: CPUFeatureSet
  private var runs = 0
  private var differences: [String] = []

  init() throws {
    decoder = try #require(InstructionDecoder())
    var features = CPUFeatureSet()
    for feature in CPUFeature.allCases { features.insert(feature) }
    self.features = features
  }

  mutating func compare(
    _ prefixes: [UInt8], _ opcode: [UInt8], _ entry: RecordEntry, codeBits: Int,
    digits: Range<Int> = 0..<8
  ) {
    let start = prefixes + opcode
    var bytes = start + [UInt8](repeating: 0, count: 15 - start.count)
    for index in 0..<16 where digits.contains(index & 7) {
      let digit = UInt8(index & 7) << 3
      bytes[start.count] = digit | (index < 8 ? 3 : 0xc1)
      let expected = entry.verdict(index)
      if expected == "?" { continue }
      runs += 1
      let length = length(bytes, codeBits: codeBits).map { $0 - prefixes.count }
      let actual = length.map { Character(String($0, radix: 16)) } ?? "-"
      if actual != expected, differences.count < 40 {
        let text = bytes.prefix(6).map { String($0, radix: 16) }.joined(separator: " ")
        differences.append("\(codeBits) bits, \(text): \(actual), recorded \(expected)")
      }
    }
  }

  private func length(_ bytes: [UInt8], codeBits: Int) -> Int? {
    let result = bytes.withUnsafeBufferPointer { decoder.decode($0, codeBytes: codeBits / 8) }
    guard case .success(let decoded) = result,
      case .instruction = InstructionTable.shared.meaning(of: decoded, features: features)
    else { return nil }
    return decoded.length
  }

  func finish(atLeast count: Int) {
    for difference in differences { Issue.record("\(difference)") }
    #expect(runs > count)
  }
}
