/// Makes up values for what a dump does not hold, to find out which rules would be checked: values of many
/// kinds, so that every condition is met by some. Always the same ones.
struct UnknownSamples: RandomNumberGenerator {
  private var state: UInt64

  init(round: Int) {
    state = UInt64(truncatingIfNeeded: round) &* 0xd134_2543_de82_ef95 &+ 0x564d_5800
  }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z &>> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z &>> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z &>> 31
  }

  mutating func flip() -> Bool { next() & 1 != 0 }

  /// A value for `field`: of those that decide what is checked, more that do.
  mutating func value(of field: VMCSField) -> UInt64 {
    switch field.key {
    case "vmcsLinkPointer": linkPointer()
    case "guestActivityState": next() & 3
    // A valid event of any type, with and without an error code.
    case "entryInterruptionInformation": flip() ? value() : 1 << 31 | next() & 0xfff
    default: value()
    }
  }

  /// A value for a field of unknown content.
  mutating func value() -> UInt64 {
    let random = next()
    switch random & 7 {
    case 0: return 0
    case 1: return .max
    case 2: return random &>> 8 & 0xf
    case 3: return 1 &<< (random &>> 8 & 63)
    case 4: return ~(1 &<< (random &>> 8 & 63))
    // An address of a page, low enough for every processor.
    case 5: return next() & 0xffff_f000
    default: return next()
    }
  }

  /// A value for the VMCS link pointer: none, a page, or anything.
  mutating func linkPointer() -> UInt64 {
    switch next() & 3 {
    case 0: .max
    case 1: 0x1000
    case 2: next() & 0xffff_f000
    default: value()
    }
  }

  /// A word of memory: small, a revision identifier with and without the shadow-VMCS indicator, or
  /// anything.
  mutating func memoryWord(revision: UInt32) -> UInt64 {
    switch next() & 7 {
    case 0: 0
    case 1: .max
    case 2, 3: UInt64(revision)
    case 4, 5: UInt64(revision | VMCSRegion.shadowIndicator)
    default: next()
    }
  }
}

/// The memory of a dump; what it does not hold is made up, and is the same within one round.
struct SampledMemory: PhysicalMemoryReader {
  let known: DumpedMemory
  let revision: UInt32
  let round: Int

  func readPhysical32(_ address: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: known.value(byteCount: 4, at: address) ?? sample(address))
  }

  func readPhysical64(_ address: UInt64) -> UInt64 {
    known.value(byteCount: 8, at: address) ?? sample(address)
  }

  private func sample(_ address: UInt64) -> UInt64 {
    var samples = UnknownSamples(round: round &+ Int(truncatingIfNeeded: address &>> 2) &* 8191)
    return samples.memoryWord(revision: revision)
  }
}
