/// The constants of FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2 and FLDZ, in the order of their
/// opcodes.
///
/// Source: Intel SDM, "FLD1/FLDL2T/FLDL2E/FLDPI/FLDLG2/FLDLN2/FLDZ—Load Constant".
enum X87Constants {
  /// Constant `number` (0 to 6), rounded.
  static func value(_ number: UInt8, _ rounding: FloatingPointRounding) -> DoubleExtended {
    switch number {
    case 0: .one
    case 1: rounded(0xd49a_784b_cd1b_8afe, 0x4000, isNearestAbove: false, rounding)
    case 2: rounded(0xb8aa_3b29_5c17_f0bb, 0x3fff, isNearestAbove: true, rounding)
    case 3: rounded(0xc90f_daa2_2168_c234, 0x4000, isNearestAbove: true, rounding)
    case 4: rounded(0x9a20_9a84_fbcf_f798, 0x3ffd, isNearestAbove: true, rounding)
    case 5: rounded(0xb172_17f7_d1cf_79ab, 0x3ffe, isNearestAbove: true, rounding)
    default: .zero
    }
  }

  /// - Parameter truncated: the significand rounded toward zero.
  private static func rounded(
    _ truncated: UInt64, _ exponent: UInt16, isNearestAbove: Bool, _ rounding: FloatingPointRounding
  ) -> DoubleExtended {
    let isAbove = rounding == .up || rounding == .nearestEven && isNearestAbove
    return DoubleExtended(
      significand: truncated &+ (isAbove ? 1 : 0), signExponent: exponent)
  }
}
