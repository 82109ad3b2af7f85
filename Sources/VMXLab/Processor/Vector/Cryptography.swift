// AES-NI, PCLMULQDQ, SHA, GFNI.
//
// Sources: Intel SDM, the pages of these instructions; FIPS 180-4 for SHA.
extension VectorForm {
  static let cryptography: [VectorForm] = [
    cipher("aesenc", 0x38dc) { result, a, b, _ in
      combine(result, b) { index in
        AES.mix(index) { AES.substitute(a.element(AES.shiftedRow($0), UInt8.self)) }
      }
    },
    cipher("aesenclast", 0x38dd) { result, a, b, _ in
      combine(result, b) { AES.substitute(a.element(AES.shiftedRow($0), UInt8.self)) }
    },
    cipher("aesdec", 0x38de) { result, a, b, _ in
      combine(result, b) { index in
        AES.inverseMix(index) {
          AES.inverseSubstitute(a.element(AES.inverseShiftedRow($0), UInt8.self))
        }
      }
    },
    cipher("aesdeclast", 0x38df) { result, a, b, _ in
      combine(result, b) {
        AES.inverseSubstitute(a.element(AES.inverseShiftedRow($0), UInt8.self))
      }
    },
    VectorForm("aesimc", .x66, 0x38db, .unary, .aesni, [.l0], timing: .cryptography) {
      result, _, b, _ in
      elements(UInt8.self, result) { AES.inverseMix($0) { b.element($0, UInt8.self) } }
    },
    VectorForm(
      "aeskeygenassist", .x66, 0x3adf, .unary, .aesni, [.l0, .immediate], timing: .cryptography
    ) { result, _, b, control in
      let constant = UInt32(truncatingIfNeeded: control & 0xff)
      let first = AES.substituteWord(b.element(1, UInt32.self))
      let second = AES.substituteWord(b.element(3, UInt32.self))
      return pair(
        PackedInteger.join(first, first.rotatedRight(8) ^ constant),
        PackedInteger.join(second, second.rotatedRight(8) ^ constant), result)
    },
    VectorForm(
      "pclmulqdq", .x66, 0x3a44, .binary, .pclmulqdq, [.immediate], wideFeature: .vpclmulqdq,
      timing: .cryptography
    ) { result, a, b, control in
      let selector = VectorControl(control).immediate
      return multiplyWithoutCarry(
        a.element(selector & 1, UInt64.self), b.element(selector >> 4 & 1, UInt64.self), result)
    },
    VectorForm("gf2p8mulb", .x66, 0x38cf, .binary, .gfni, [.w0], wideFeature: .avx) {
      binary(UInt8.self, $0, $1, $2, $3) { GaloisField.multiply($0, $1) }
    },
    VectorForm("gf2p8affineqb", .x66, 0x3ace, .binary, .gfni, [.immediate, .w1], wideFeature: .avx)
    {
      result, a, b, control in
      affine(result, a, b, control) { $0 }
    },
    VectorForm(
      "gf2p8affineinvqb", .x66, 0x3acf, .binary, .gfni, [.immediate, .w1], wideFeature: .avx
    ) { result, a, b, control in
      affine(result, a, b, control) { GaloisField.inverse($0) }
    },
    hash("sha1rnds4", 0x3acc, .binary, [.immediate]) { result, a, b, control in
      SHA.fourRounds1(result, a, b, VectorControl(control).immediate & 3)
    },
    hash("sha1nexte", 0x38c8, .binary) { result, a, b, _ in
      let e = a.element(3, UInt32.self).rotatedRight(2)
      return elements(UInt32.self, result) {
        b.element($0, UInt32.self) &+ ($0 == 3 ? e : 0)
      }
    },
    hash("sha1msg1", 0x38c9, .binary) { result, a, b, _ in
      // W0 to W3 are elements 3 to 0.
      elements(UInt32.self, result) {
        let other = $0 < 2 ? b.element($0 &+ 2, UInt32.self) : a.element($0 &- 2, UInt32.self)
        return a.element($0, UInt32.self) ^ other
      }
    },
    hash("sha1msg2", 0x38ca, .binary) { result, a, b, _ in
      func word(_ index: Int, _ other: UInt32) -> UInt32 {
        (a.element(index, UInt32.self) ^ other).rotatedRight(31)
      }
      let w16 = word(3, b.element(2, UInt32.self))
      let w17 = word(2, b.element(1, UInt32.self))
      let w18 = word(1, b.element(0, UInt32.self))
      let w19 = word(0, w16)
      return pair(PackedInteger.join(w19, w18), PackedInteger.join(w17, w16), result)
    },
    hash("sha256rnds2", 0x38cb, .selected) { result, a, b, _ in SHA.twoRounds256(result, a, b) },
    hash("sha256msg1", 0x38cc, .binary) { result, a, b, _ in
      elements(UInt32.self, result) {
        let next = $0 == 3 ? b.element(0, UInt32.self) : a.element($0 &+ 1, UInt32.self)
        return a.element($0, UInt32.self) &+ SHA.sigma0(next)
      }
    },
    hash("sha256msg2", 0x38cd, .binary) { result, a, b, _ in
      let w16 = a.element(0, UInt32.self) &+ SHA.sigma1(b.element(2, UInt32.self))
      let w17 = a.element(1, UInt32.self) &+ SHA.sigma1(b.element(3, UInt32.self))
      let w18 = a.element(2, UInt32.self) &+ SHA.sigma1(w16)
      let w19 = a.element(3, UInt32.self) &+ SHA.sigma1(w17)
      return pair(PackedInteger.join(w16, w17), PackedInteger.join(w18, w19), result)
    },
  ]

  private static func cipher(
    _ name: StaticString, _ opcode: UInt16, _ kernel: @escaping VectorKernel
  ) -> VectorForm {
    VectorForm(
      name, .x66, opcode, .binary, .aesni, wideFeature: .vaes, timing: .cryptography, kernel)
  }

  private static func hash(
    _ name: StaticString, _ opcode: UInt16, _ shape: VectorShape,
    _ options: VectorFormOptions = [], _ kernel: @escaping VectorKernel
  ) -> VectorForm {
    VectorForm(
      name, .none, opcode, shape, .sha, options.union(.legacyOnly), timing: .cryptography, kernel)
  }
}

extension UInt32 {
  @inline(__always) fileprivate func rotatedRight(_ count: UInt32) -> UInt32 {
    self &>> count | self &<< (32 &- count)
  }
}

/// Makes each byte and adds the round key.
@inline(__always)
private func combine(
  _ result: UnsafeMutableRawPointer, _ key: UnsafeRawPointer, _ body: (Int) -> UInt8
) -> UInt32 {
  elements(UInt8.self, result) { body($0) ^ key.element($0, UInt8.self) }
}

@inline(never)
private func multiplyWithoutCarry(
  _ a: UInt64, _ b: UInt64, _ result: UnsafeMutableRawPointer
) -> UInt32 {
  var low: UInt64 = 0
  var high: UInt64 = 0
  var bits = b
  while bits != 0 {
    let shift = UInt64(bits.trailingZeroBitCount)
    low ^= a << shift
    if shift != 0 { high ^= a >> (64 &- shift) }
    bits &= bits &- 1
  }
  return pair(low, high, result)
}

/// GF2P8AFFINEQB: an 8 by 8 matrix of bits times a byte, plus the immediate.
@inline(__always)
private func affine(
  _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _ control: UInt64, _ body: (UInt8) -> UInt8
) -> UInt32 {
  let constant = UInt8(truncatingIfNeeded: control)
  return elements(UInt8.self, result) { index in
    let value = body(a.element(index, UInt8.self))
    var byte: UInt8 = 0
    var bit = 0
    while bit < 8 {
      let row = b.element((index & ~7) &+ 7 &- bit, UInt8.self)
      byte |= UInt8(truncatingIfNeeded: (row & value).nonzeroBitCount & 1) << UInt8(bit)
      bit &+= 1
    }
    return byte ^ constant
  }
}

/// The field of 256 elements with the polynomial of AES.
enum GaloisField {
  @inline(never) static func multiply(_ a: UInt8, _ b: UInt8) -> UInt8 {
    var product: UInt8 = 0
    var factor = a
    var bits = b
    while bits != 0 {
      if bits & 1 != 0 { product ^= factor }
      factor = AES.double(factor)
      bits >>= 1
    }
    return product
  }

  /// a to the power 254; 0 stays 0.
  @inline(never) static func inverse(_ a: UInt8) -> UInt8 {
    var power = a
    var result: UInt8 = 1
    for _ in 0..<7 {
      power = multiply(power, power)
      result = multiply(result, power)
    }
    return result
  }
}

/// Rounds of SHA-1 and SHA-256.
private enum SHA {
  /// SHA1RNDS4: a, b, c, d are elements 3 to 0 of the state, e is in the first word of the message.
  @inline(__always)
  static func fourRounds1(
    _ result: UnsafeMutableRawPointer, _ state: UnsafeRawPointer, _ message: UnsafeRawPointer,
    _ function: Int
  ) -> UInt32 {
    var a = state.element(3, UInt32.self)
    var b = state.element(2, UInt32.self)
    var c = state.element(1, UInt32.self)
    var d = state.element(0, UInt32.self)
    var e: UInt32 = 0
    var round = 0
    while round < 4 {
      let f: UInt32
      let k: UInt32
      switch function {
      case 0:
        f = b & c ^ ~b & d
        k = 0x5a82_7999
      case 1:
        f = b ^ c ^ d
        k = 0x6ed9_eba1
      case 2:
        f = b & c ^ b & d ^ c & d
        k = 0x8f1b_bcdc
      default:
        f = b ^ c ^ d
        k = 0xca62_c1d6
      }
      let next =
        f &+ a.rotatedRight(27) &+ message.element(3 &- round, UInt32.self) &+ e &+ k
      e = d
      d = c
      c = b.rotatedRight(2)
      b = a
      a = next
      round &+= 1
    }
    return pair(PackedInteger.join(d, c), PackedInteger.join(b, a), result)
  }

  /// SHA256RNDS2: the first source has h, g, d, c; the second f, e, b, a; XMM0 the words.
  @inline(__always)
  static func twoRounds256(
    _ result: UnsafeMutableRawPointer, _ first: UnsafeRawPointer, _ second: UnsafeRawPointer
  ) -> UInt32 {
    var a = second.element(3, UInt32.self)
    var b = second.element(2, UInt32.self)
    var c = first.element(3, UInt32.self)
    var d = first.element(2, UInt32.self)
    var e = second.element(1, UInt32.self)
    var f = second.element(0, UInt32.self)
    var g = first.element(1, UInt32.self)
    var h = first.element(0, UInt32.self)
    var round = 0
    while round < 2 {
      let choice = e & f ^ ~e & g
      let majority = a & b ^ a & c ^ b & c
      let sum1 = e.rotatedRight(6) ^ e.rotatedRight(11) ^ e.rotatedRight(25)
      let sum0 = a.rotatedRight(2) ^ a.rotatedRight(13) ^ a.rotatedRight(22)
      let first = choice &+ sum1 &+ result.element(round, UInt32.self) &+ h
      h = g
      g = f
      f = e
      e = first &+ d
      d = c
      c = b
      b = a
      a = first &+ majority &+ sum0
      round &+= 1
    }
    return pair(PackedInteger.join(f, e), PackedInteger.join(b, a), result)
  }

  @inline(__always) static func sigma0(_ x: UInt32) -> UInt32 {
    x.rotatedRight(7) ^ x.rotatedRight(18) ^ x &>> 3
  }
  @inline(__always) static func sigma1(_ x: UInt32) -> UInt32 {
    x.rotatedRight(17) ^ x.rotatedRight(19) ^ x &>> 10
  }
}
