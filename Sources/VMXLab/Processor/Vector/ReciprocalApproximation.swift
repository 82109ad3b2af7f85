/// RCPPS and RSQRTPS: the manual bounds their relative error by 1.5 × 2⁻¹² and leaves the rest to the
/// processor. Here they are the exact value rounded to 12 bits.
///
/// Denormal operands count as zero and tiny results become zero, whatever MXCSR says; no exceptions.
///
/// Source: Intel SDM, "RCPPS—Compute Reciprocals of Packed Single-Precision Floating-Point Values".
enum ReciprocalApproximation {
  private static let quietBit: UInt32 = 0x0040_0000
  private static let infinity: UInt32 = 0x7f80_0000
  private static let sign: UInt32 = 0x8000_0000
  private static let indefinite: UInt32 = 0xffc0_0000

  @inline(never)
  static func reciprocal(_ bits: UInt32) -> UInt32 {
    if isNaN(bits) { return bits | quietBit }
    if bits & infinity == 0 { return bits & sign | infinity }
    if bits & infinity == infinity { return bits & sign }
    return round(1 / Double(Float(bitPattern: bits)))
  }

  @inline(never)
  static func squareRoot(_ bits: UInt32) -> UInt32 {
    if isNaN(bits) { return bits | quietBit }
    if bits & infinity == 0 { return bits & sign | infinity }
    if bits & sign != 0 { return indefinite }
    if bits == infinity { return 0 }
    return round(1 / Double(Float(bitPattern: bits)).squareRoot())
  }

  private static func isNaN(_ bits: UInt32) -> Bool { bits & ~sign > infinity }

  /// Rounds to 12 bits; tiny values become zero.
  private static func round(_ value: Double) -> UInt32 {
    let half: UInt64 = 1 << 40
    let rounded = Double(bitPattern: (value.bitPattern &+ half) & ~(half &* 2 &- 1))
    let bits = Float(rounded).bitPattern
    return bits & infinity == 0 ? bits & sign : bits
  }
}
