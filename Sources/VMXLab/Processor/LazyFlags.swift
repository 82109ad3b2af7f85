/// The status flags, kept as the last result and its carries and computed when read.
///
/// `result` is sign-extended to 64 bits. `carries` has the carry out of the top bit in bit 63, the
/// carry into it in bit 62, the carry out of bit 3 in bit 3, and two corrections that only explicit
/// loads of the flags use: bit 0 inverts SF, bits 15:8 are XORed to the byte that PF counts.
struct LazyFlags {
  var result: UInt64 = 1
  var carries: UInt64 = 0x100

  @inline(__always) var cf: Bool { Int64(bitPattern: carries) < 0 }
  @inline(__always) var zf: Bool { result == 0 }
  @inline(__always) var sf: Bool { ((result >> 63) ^ carries) & 1 != 0 }
  @inline(__always) var of: Bool { ((carries >> 63) ^ (carries >> 62)) & 1 != 0 }
  @inline(__always) var af: Bool { carries & 8 != 0 }
  @inline(__always) var pf: Bool {
    var byte = (result ^ (carries >> 8)) & 0xff
    byte ^= byte >> 4
    return (0x9669 as UInt64) >> (byte & 0xf) & 1 != 0
  }

  /// Sets the flags of an addition or subtraction from its carry vector (bit n: carry out of bit n).
  @inline(__always)
  mutating func set<W: OperandWidth>(_ result: W, carryVector: W) {
    self.result = result.signExtended
    let wide = carryVector.zeroExtended
    carries = (wide << (64 &- W.bits)) & 0xc000_0000_0000_0000 | wide & 8
  }

  /// Sets the flags of a logical operation: CF, OF and AF are clear.
  @inline(__always)
  mutating func setLogic<W: OperandWidth>(_ result: W) {
    self.result = result.signExtended
    carries = 0
  }

  /// Sets ZF, SF and PF from `result`, and the others as given.
  @inline(__always)
  mutating func set<W: OperandWidth>(_ result: W, cf: Bool, of: Bool, af: Bool) {
    self.result = result.signExtended
    carries = Self.carries(cf: cf, of: of, af: af)
  }

  /// Changes CF alone.
  @inline(__always) mutating func setCF(_ cf: Bool) {
    carries = carries & 0x3fff_ffff_ffff_ffff | Self.carries(cf: cf, of: of, af: false)
  }

  /// Changes CF and OF.
  @inline(__always) mutating func set(cf: Bool, of: Bool) {
    carries = carries & 0x3fff_ffff_ffff_ffff | Self.carries(cf: cf, of: of, af: false)
  }

  /// Changes ZF alone.
  @inline(__always) mutating func setZF(_ zf: Bool) {
    var flags = rawValue & ~RFLAGS.zf.rawValue
    if zf { flags |= RFLAGS.zf.rawValue }
    load(flags)
  }

  @inline(__always) private static func carries(cf: Bool, of: Bool, af: Bool) -> UInt64 {
    (cf ? 0x8000_0000_0000_0000 : 0) | (cf != of ? 0x4000_0000_0000_0000 : 0) | (af ? 8 : 0)
  }

  /// The status flags as bits of RFLAGS.
  var rawValue: UInt64 {
    (cf ? RFLAGS.cf.rawValue : 0) | (pf ? RFLAGS.pf.rawValue : 0) | (af ? RFLAGS.af.rawValue : 0)
      | (zf ? RFLAGS.zf.rawValue : 0) | (sf ? RFLAGS.sf.rawValue : 0)
      | (of ? RFLAGS.of.rawValue : 0)
  }

  /// Loads the status flags from bits of RFLAGS.
  mutating func load(_ flags: UInt64) {
    let flags = RFLAGS(rawValue: flags)
    let zf = flags.contains(.zf)
    result = zf ? 0 : 1
    carries = Self.carries(
      cf: flags.contains(.cf), of: flags.contains(.of), af: flags.contains(.af))
    if flags.contains(.sf) { carries |= 1 }
    // The byte 0 has even parity, the byte 1 odd.
    if flags.contains(.pf) != zf { carries |= 0x100 }
  }
}
