/// How an x87 or MMX instruction of the differential tests addresses its memory operand.
struct X87Address {
  enum Form: CaseIterable {
    case absolute
    /// RBX and eight bits.
    case displacement8
    /// RSI, RDI with a scale, and 32 bits.
    case scaledIndex
    case ripRelative
  }

  let form: Form
  private let place: UInt64
  private let displacement: UInt64
  private let scale: UInt8

  init(_ place: UInt64, using random: inout SeededGenerator) {
    form = Form.allCases[random.below(Form.allCases.count)]
    self.place = place
    scale = UInt8(random.below(4))
    displacement =
      form == .displacement8
      ? UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: random.next())))
      : UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: random.next())))
  }

  /// Appends what follows the opcode, whose last byte is ModRM with ModRM.reg in place.
  func encode(into bytes: inout [UInt8], immediateBytes: Int) {
    let modRM = bytes.count - 1
    var value = displacement
    switch form {
    case .absolute:
      bytes[modRM] |= 4
      bytes.append(0x25)
      value = place
    case .displacement8: bytes[modRM] |= 0x43
    case .scaledIndex:
      bytes[modRM] |= 0x84
      bytes.append(scale << 6 | 7 << 3 | 6)
    case .ripRelative:
      bytes[modRM] |= 5
      value = place &- (TestLayout.instruction + UInt64(bytes.count + 4 + immediateBytes))
    }
    for byte in 0..<(form == .displacement8 ? 1 : 4) as Range<UInt64> {
      bytes.append(UInt8(truncatingIfNeeded: value >> (byte * 8)))
    }
  }

  /// Makes the address registers point to the operand.
  func setRegisters(_ state: inout MachineState) {
    switch form {
    case .absolute, .ripRelative: break
    case .displacement8: state.general[3] = place &- displacement
    case .scaledIndex:
      state.general[6] = place &- displacement &- state.general[7] << UInt64(scale)
    }
  }
}

extension X87Template {
  func formName(_ address: X87Address) -> String {
    let bytes = opcode.map { String($0, radix: 16) }.joined(separator: " ")
    return memoryBytes > 0 ? "\(bytes) \(address.form)" : bytes
  }
}
