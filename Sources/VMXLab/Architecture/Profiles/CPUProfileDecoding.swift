import FoundationEssentials

extension CPUProfile {
  /// Reads a profile from a JSON document.
  ///
  /// The document is an object with the keys `name`, `description`, `frequency` (hertz),
  /// `referenceFrequency` (hertz, may be absent), `timing`, `cpuid`, `vmxCapabilityMSRs`, `msrs` and
  /// `sources`. Numbers inside the last four are hexadecimal strings. A key of `cpuid` is a leaf (`0x1`), or a leaf and a sub-leaf (`0x4/0`) where the leaf
  /// looks at ECX; its value is the list EAX, EBX, ECX, EDX.
  ///
  /// - Throws: ``CPUProfileError``, which names the key at fault.
  public init(json: [UInt8]) throws(CPUProfileError) {
    let document = try Self.document(json)
    let cpuid = try Self.leaves(document.cpuid)
    func register(_ leaf: UInt32, _ register: CPUIDRegister) throws(CPUProfileError) -> UInt32 {
      guard let row = cpuid.first(where: { $0.leaf == leaf }) else {
        throw .malformed(key: "cpuid", reason: "leaf \(hexadecimal(leaf)) is missing")
      }
      return row.result[register]
    }

    var brand: [UInt8] = []
    for leaf: UInt32 in 0x8000_0002...0x8000_0004 {
      for name in CPUIDRegister.allCases {
        let four = try register(leaf, name)
        for shift in [0, 8, 16, 24] { brand.append(UInt8(truncatingIfNeeded: four >> shift)) }
      }
    }
    let signature = CPUSignature(eax: try register(1, .eax))
    let widths = try register(0x8000_0008, .eax)
    guard document.frequency > 0 else {
      throw .malformed(key: "frequency", reason: "must be greater than 0")
    }

    self.name = document.name
    self.description = document.description
    self.brand = String(decoding: brand.prefix { $0 != 0 }, as: UTF8.self).collapsingSpaces
    self.family = signature.family
    self.model = signature.model
    self.stepping = signature.stepping
    self.physicalAddressWidth = UInt8(truncatingIfNeeded: widths)
    self.linearAddressWidth = UInt8(truncatingIfNeeded: widths >> 8)
    self.frequency = document.frequency
    self.statedReferenceFrequency = document.referenceFrequency
    self.cpuid = cpuid
    self.vmxCapabilityMSRs = try Self.registers(
      document.vmxCapabilityMSRs, key: "vmxCapabilityMSRs")
    self.modelSpecificRegisters = try Self.registers(document.msrs, key: "msrs")
    self.timing = document.timing
    self.sources = document.sources

    let reasons = inconsistencies
    guard reasons.isEmpty else { throw .inconsistent(profile: name, reasons: reasons) }
  }

  private static func document(_ json: [UInt8]) throws(CPUProfileError) -> Document {
    do {
      return try JSONDecoder().decode(Document.self, from: Data(json))
    } catch let error as CPUProfileError {
      throw error
    } catch let error as DecodingError {
      let (key, reason) = error.keyAndReason
      throw .malformed(key: key, reason: reason)
    } catch {
      throw .malformed(key: "", reason: "\(error)")
    }
  }

  private static func leaves(_ rows: [String: [String]]) throws(CPUProfileError) -> [CPUIDLeaf] {
    var leaves: [CPUIDLeaf] = []
    leaves.reserveCapacity(rows.count)
    for (key, registers) in rows {
      let path = "cpuid.\(key)"
      let parts = key.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count <= 2, let leaf = parts.first.flatMap({ UInt32(hexadecimal: $0) }) else {
        throw .malformed(
          key: path,
          reason: "the key must be a leaf such as 0x1, or a leaf and sub-leaf such as 0x4/0")
      }
      var subleaf: UInt32?
      if parts.count == 2 {
        subleaf = UInt32(parts[1])
        guard subleaf != nil else {
          throw .malformed(key: path, reason: "'\(parts[1])' is not a sub-leaf (a decimal number)")
        }
      }
      guard registers.count == 4 else {
        throw .malformed(
          key: path, reason: "must be a list of EAX, EBX, ECX, EDX, has \(registers.count) values")
      }
      var result = CPUIDResult()
      for (register, text) in zip(CPUIDRegister.allCases, registers) {
        guard let value = UInt32(hexadecimal: text) else {
          throw .malformed(
            key: path, reason: "\(register.name) is '\(text)', not a hexadecimal number of 32 bits")
        }
        result[register] = value
      }
      leaves.append(CPUIDLeaf(leaf: leaf, subleaf: subleaf, result: result))
    }
    leaves.sort { ($0.leaf, $0.subleaf ?? 0) < ($1.leaf, $1.subleaf ?? 0) }
    for (row, next) in zip(leaves, leaves.dropFirst()) where row.leaf == next.leaf {
      if row.subleaf == nil || next.subleaf == nil || row.subleaf == next.subleaf {
        throw .malformed(
          key: "cpuid",
          reason: "leaf \(hexadecimal(row.leaf)) is given twice, or with and without sub-leaf")
      }
    }
    return leaves
  }

  private static func registers(
    _ rows: [String: String], key: String
  ) throws(CPUProfileError) -> [UInt32: UInt64] {
    var registers: [UInt32: UInt64] = [:]
    for (numberText, valueText) in rows {
      guard let number = UInt32(hexadecimal: numberText) else {
        throw .malformed(
          key: "\(key).\(numberText)", reason: "the key must be an MSR's number such as 0x480")
      }
      guard let value = UInt64(hexadecimal: valueText) else {
        throw .malformed(
          key: "\(key).\(numberText)",
          reason: "'\(valueText)' is not a hexadecimal number of 64 bits")
      }
      guard registers.updateValue(value, forKey: number) == nil else {
        throw .malformed(key: "\(key).\(numberText)", reason: "the MSR is given twice")
      }
    }
    return registers
  }
}

/// The JSON document as it stands.
private struct Document: Decodable {
  let name: String
  let description: String
  let frequency: UInt64
  let referenceFrequency: UInt64?
  let timing: String
  let cpuid: [String: [String]]
  let vmxCapabilityMSRs: [String: String]
  let msrs: [String: String]
  let sources: [CPUProfileSource]

  enum CodingKeys: String, CodingKey, CaseIterable {
    case name, description, frequency, referenceFrequency, timing, cpuid, vmxCapabilityMSRs, msrs
    case sources
  }

  init(from decoder: any Decoder) throws {
    try decoder.refuseKeys(otherThan: CodingKeys.allCases.map(\.rawValue))
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    description = try values.decode(String.self, forKey: .description)
    frequency = try values.decode(UInt64.self, forKey: .frequency)
    referenceFrequency = try values.decodeIfPresent(UInt64.self, forKey: .referenceFrequency)
    timing = try values.decode(String.self, forKey: .timing)
    cpuid = try values.decode([String: [String]].self, forKey: .cpuid)
    vmxCapabilityMSRs = try values.decode([String: String].self, forKey: .vmxCapabilityMSRs)
    msrs = try values.decodeIfPresent([String: String].self, forKey: .msrs) ?? [:]
    sources = try values.decodeIfPresent([CPUProfileSource].self, forKey: .sources) ?? []
  }
}

extension String {
  /// Without spaces at the ends, and runs of spaces made one: brand strings are padded.
  fileprivate var collapsingSpaces: String {
    split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
  }
}
