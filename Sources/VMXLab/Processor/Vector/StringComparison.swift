/// PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM.
///
/// Source: Intel SDM, "String Comparison Instructions" (imm8 control byte operation).
extension VectorForm {
  static let stringComparison: [VectorForm] = [
    comparison(
      "pcmpestrm", 0x3a60,
      .own(
        register: { compareStrings($0, $1, vex: false, .register, explicit: true, mask: true) },
        memory: { compareStrings($0, $1, vex: false, .memory, explicit: true, mask: true) }), .sse42
    ),
    comparison(
      "pcmpestri", 0x3a61,
      .own(
        register: { compareStrings($0, $1, vex: false, .register, explicit: true, mask: false) },
        memory: { compareStrings($0, $1, vex: false, .memory, explicit: true, mask: false) }),
      .sse42),
    comparison(
      "pcmpistrm", 0x3a62,
      .own(
        register: { compareStrings($0, $1, vex: false, .register, explicit: false, mask: true) },
        memory: { compareStrings($0, $1, vex: false, .memory, explicit: false, mask: true) }),
      .sse42),
    comparison(
      "pcmpistri", 0x3a63,
      .own(
        register: { compareStrings($0, $1, vex: false, .register, explicit: false, mask: false) },
        memory: { compareStrings($0, $1, vex: false, .memory, explicit: false, mask: false) }),
      .sse42),
    comparison(
      "vpcmpestrm", 0x3a60,
      .own(
        register: { compareStrings($0, $1, vex: true, .register, explicit: true, mask: true) },
        memory: { compareStrings($0, $1, vex: true, .memory, explicit: true, mask: true) }), .avx),
    comparison(
      "vpcmpestri", 0x3a61,
      .own(
        register: { compareStrings($0, $1, vex: true, .register, explicit: true, mask: false) },
        memory: { compareStrings($0, $1, vex: true, .memory, explicit: true, mask: false) }), .avx),
    comparison(
      "vpcmpistrm", 0x3a62,
      .own(
        register: { compareStrings($0, $1, vex: true, .register, explicit: false, mask: true) },
        memory: { compareStrings($0, $1, vex: true, .memory, explicit: false, mask: true) }), .avx),
    comparison(
      "vpcmpistri", 0x3a63,
      .own(
        register: { compareStrings($0, $1, vex: true, .register, explicit: false, mask: false) },
        memory: { compareStrings($0, $1, vex: true, .memory, explicit: false, mask: false) }), .avx),
  ]

  private static func comparison(
    _ name: StaticString, _ opcode: UInt16, _ shape: VectorShape, _ feature: CPUFeature
  ) -> VectorForm {
    VectorForm(
      name, .x66, opcode, shape, feature,
      [.immediate, .unaligned, .l0, feature == .avx ? .vexOnly : .legacyOnly],
      timing: .stringCompare)
  }
}

@inline(__always)
private func compareStrings(
  _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer, vex isVEX: Bool, _ source: VectorSource,
  explicit isExplicit: Bool, mask givesMask: Bool
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.canUseVectors(vex: isVEX), let b = core.secondSource(i, source) else {
    return core.leave(i)
  }
  var comparison = StringComparison(
    control: i.immediateByte, UnsafeRawPointer(core.vectorRegister(i.vectorDestination)), b)
  if isExplicit {
    let isWide = i.pointer.pointee.mode.contains(.operand64)
    comparison.setLengths(
      core.state.pointee.general[0], core.state.pointee.general[2], isWide: isWide)
  } else {
    comparison.findLengths()
  }
  let result = comparison.result()
  if givesMask {
    let register = core.vectorRegister(0)
    comparison.store(mask: result, to: register)
    if isVEX { core.clearAbove(register, 16) }
  } else {
    core.setRegister(RegisterOffset.general(1), comparison.index(of: result))
  }
  core.state.pointee.lazy.load(comparison.flags(of: result))
  return core.nextAfterSlowAccess(i)
}

/// One comparison of two strings of bytes or words, of up to 16 bytes each.
private struct StringComparison {
  let control: UInt8
  let first: UnsafeRawPointer
  let second: UnsafeRawPointer
  var firstLength = 0
  var secondLength = 0

  init(control: UInt8, _ first: UnsafeRawPointer, _ second: UnsafeRawPointer) {
    self.control = control
    self.first = first
    self.second = second
  }

  private var isWords: Bool { control & 1 != 0 }
  private var isSigned: Bool { control & 2 != 0 }
  /// Elements of a whole operand.
  private var count: Int { isWords ? 8 : 16 }

  /// Lengths from EAX and EDX (RAX and RDX): their magnitudes, up to a whole operand.
  mutating func setLengths(_ first: UInt64, _ second: UInt64, isWide: Bool) {
    func length(_ value: UInt64) -> Int {
      let signed = isWide ? Int64(bitPattern: value) : Int64(Int32(truncatingIfNeeded: value))
      return Int(min(signed.magnitude, UInt64(count)))
    }
    firstLength = length(first)
    secondLength = length(second)
  }

  /// Lengths up to the first element that is zero.
  mutating func findLengths() {
    firstLength = terminator(first)
    secondLength = terminator(second)
  }

  private func terminator(_ string: UnsafeRawPointer) -> Int {
    for index in 0..<count where element(string, index) == 0 { return index }
    return count
  }

  private func element(_ string: UnsafeRawPointer, _ index: Int) -> Int32 {
    if isWords {
      let word = string.element(index, UInt16.self)
      return isSigned ? Int32(word.signed) : Int32(word)
    }
    let byte = string.element(index, UInt8.self)
    return isSigned ? Int32(byte.signed) : Int32(byte)
  }

  /// IntRes2: a bit for each element of the second string.
  func result() -> UInt32 {
    var result: UInt32 = 0
    for index in 0..<count where matches(index) { result |= 1 << UInt32(index) }
    let all: UInt32 = isWords ? 0xff : 0xffff
    switch control >> 4 & 3 {
    case 1: return result ^ all
    // Masked negative polarity: only the elements of the second string.
    case 3: return result ^ (secondLength == count ? all : (1 << UInt32(secondLength)) &- 1)
    default: return result
    }
  }

  /// IntRes1 for one element of the second string, by the aggregation.
  private func matches(_ index: Int) -> Bool {
    switch control >> 2 & 3 {
    case 0: return index < secondLength && equalsAny(element(second, index))
    case 1: return index < secondLength && isInRange(element(second, index))
    case 2:
      // Equal each: two elements beyond the ends are equal, one is not.
      if index >= firstLength || index >= secondLength {
        return index >= firstLength && index >= secondLength
      }
      return element(first, index) == element(second, index)
    default: return occurs(at: index)
    }
  }

  private func equalsAny(_ value: Int32) -> Bool {
    for index in 0..<firstLength where element(first, index) == value { return true }
    return false
  }

  private func isInRange(_ value: Int32) -> Bool {
    var index = 0
    while index &+ 1 < firstLength {
      if element(first, index) <= value, value <= element(first, index &+ 1) { return true }
      index &+= 2
    }
    return false
  }

  /// Equal ordered: the first string, as far as the operand goes.
  private func occurs(at start: Int) -> Bool {
    var index = 0
    while index < firstLength, start &+ index < count {
      guard start &+ index < secondLength,
        element(first, index) == element(second, start &+ index)
      else { return false }
      index &+= 1
    }
    return true
  }

  /// ECX: the least or the greatest index, or the number of elements if there is none.
  func index(of result: UInt32) -> UInt32 {
    guard result != 0 else { return UInt32(count) }
    return control & 0x40 == 0
      ? UInt32(result.trailingZeroBitCount) : 31 &- UInt32(result.leadingZeroBitCount)
  }

  /// XMM0: the bits themselves, or an element of ones for each.
  func store(mask result: UInt32, to register: UnsafeMutableRawPointer) {
    if control & 0x40 == 0 {
      register.put(UInt64(result), 0)
    } else if isWords {
      _ = elements(UInt16.self, register) { result >> UInt32($0) & 1 != 0 ? ~0 : 0 }
    } else {
      _ = elements(UInt8.self, register) { result >> UInt32($0) & 1 != 0 ? ~0 : 0 }
    }
  }

  func flags(of result: UInt32) -> UInt64 {
    (result != 0 ? RFLAGS.cf.rawValue : 0) | (secondLength < count ? RFLAGS.zf.rawValue : 0)
      | (firstLength < count ? RFLAGS.sf.rawValue : 0)
      | (result & 1 != 0 ? RFLAGS.of.rawValue : 0)
  }
}
