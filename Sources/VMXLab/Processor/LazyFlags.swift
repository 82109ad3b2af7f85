/// The status flags, kept as the last result and its carries and computed when read.
struct LazyFlags {
  /// The carries into each bit (of an addition or subtraction: operands XOR result), sign-extended:
  /// bit 4 is AF, and bit 63 is OF XOR CF.
  var carriesIn: UInt64 = 0
  /// The result, sign-extended to 64 bits: ZF, SF and PF. It stands between the carries lest the
  /// compiler change those with one vector instruction, which would wait for the stores before it.
  var result: UInt64 = 1
  /// CF in bit 0; and two corrections that only explicit loads of the flags use: bit 1 inverts SF,
  /// bits 15:8 are XORed to the byte that PF counts.
  var carry: UInt64 = 0x100

  /// All of them 0.
  @inline(__always) static var clear: LazyFlags { LazyFlags(carriesIn: 0, result: 1, carry: 0) }

  @inline(__always) var cf: Bool { carry & 1 != 0 }
  @inline(__always) var zf: Bool { result == 0 }
  @inline(__always) var sf: Bool { ((result >> 63) ^ (carry >> 1)) & 1 != 0 }
  @inline(__always) var of: Bool { ((carriesIn >> 63) ^ carry) & 1 != 0 }
  @inline(__always) var af: Bool { carriesIn & 0x10 != 0 }
  @inline(__always) var pf: Bool {
    var byte = (result ^ (carry >> 8)) & 0xff
    byte ^= byte >> 4
    return (0x9669 as UInt64) >> (byte & 0xf) & 1 != 0
  }

  /// Sets the flags of an addition or subtraction.
  ///
  /// - Parameters:
  ///   - carriesIn: the operands and the result, XORed.
  ///   - carry: the carry or borrow out of the top bit.
  @inline(__always)
  mutating func set<W: OperandWidth>(_ result: W, carriesIn: W, carry: Bool) {
    self.result = result.signExtended
    self.carriesIn = carriesIn.signExtended
    self.carry = carry ? 1 : 0
  }

  /// Sets the flags of an addition or subtraction of 1, which keeps CF.
  @inline(__always)
  mutating func setExceptCF<W: OperandWidth>(_ result: W, carriesIn: W, of: Bool) {
    carry &= 1
    self.result = result.signExtended
    self.carriesIn = carriesIn.zeroExtended & 0x10 | ((of ? 1 : 0) ^ carry) << 63
  }

  /// Sets the flags of a logical operation: CF, OF and AF are clear.
  @inline(__always)
  mutating func setLogic<W: OperandWidth>(_ result: W) {
    self.result = result.signExtended
    carriesIn = 0
    carry = 0
  }

  /// Sets ZF, SF and PF from `result`, and the others as given.
  @inline(__always)
  mutating func set<W: OperandWidth>(_ result: W, cf: Bool, of: Bool, af: Bool) {
    self.result = result.signExtended
    carriesIn = Self.carriesIn(cf: cf, of: of, af: af)
    carry = cf ? 1 : 0
  }

  /// Changes CF alone.
  @inline(__always) mutating func setCF(_ cf: Bool) { set(cf: cf, of: of) }

  /// Changes CF and OF.
  @inline(__always) mutating func set(cf: Bool, of: Bool) {
    carriesIn = carriesIn & 0x10 | Self.carriesIn(cf: cf, of: of, af: false)
    carry = carry & ~1 | (cf ? 1 : 0)
  }

  /// Changes ZF alone.
  @inline(__always) mutating func setZF(_ zf: Bool) {
    var flags = rawValue & ~RFLAGS.zf.rawValue
    if zf { flags |= RFLAGS.zf.rawValue }
    load(flags)
  }

  @inline(__always) private static func carriesIn(cf: Bool, of: Bool, af: Bool) -> UInt64 {
    (cf != of ? 0x8000_0000_0000_0000 : 0) | (af ? 0x10 : 0)
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
    carriesIn = Self.carriesIn(
      cf: flags.contains(.cf), of: flags.contains(.of), af: flags.contains(.af))
    carry = flags.contains(.cf) ? 1 : 0
    if flags.contains(.sf) { carry |= 2 }
    // The byte 0 has even parity, the byte 1 odd.
    if flags.contains(.pf) != zf { carry |= 0x100 }
  }
}
