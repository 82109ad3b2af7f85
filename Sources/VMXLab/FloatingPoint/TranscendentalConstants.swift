/// Constants of the transcendental functions, to 126 bits behind the point and more.
///
/// Source: computed from their series with 110 decimal digits.
enum TranscendentalConstants {
  /// 1 in the fixed-point format of series: two bits before the point, 126 behind.
  static let one: UInt128 = 1 << 126

  /// π with 66 bits behind the point, as argument reduction has it, in units of 2⁻⁶⁶.
  ///
  /// Source: Intel SDM, "Approximation of Pi".
  static let reductionPi: UInt128 = 0xc_90fd_aa22_168c_234c

  /// π.
  static let pi = UnroundedNumber(
    isNegative: false, exponent: 1, significand: 0xc90fdaa2_2168c234_c4c6628b_80dc1cd1)

  /// π ÷ 2.
  static let halfPi = UnroundedNumber(
    isNegative: false, exponent: 0, significand: 0xc90fdaa2_2168c234_c4c6628b_80dc1cd1)

  /// ln 2.
  static let naturalLogarithmOf2 = UnroundedNumber(
    isNegative: false, exponent: -1, significand: 0xb17217f7_d1cf79ab_c9e3b398_03f2f6af)

  /// 2 ÷ ln 2.
  static let twoOverLogarithmOf2 = UnroundedNumber(
    isNegative: false, exponent: 1, significand: 0xb8aa3b29_5c17f0bb_be87fed0_691d3e89)

  /// 1 ÷ n! for n from 0.
  static let reciprocalFactorials: InlineArray<36, UInt128> = [
    0x40000000_00000000_00000000_00000000,
    0x40000000_00000000_00000000_00000000,
    0x20000000_00000000_00000000_00000000,
    0x0aaaaaaa_aaaaaaaa_aaaaaaaa_aaaaaaab,
    0x02aaaaaa_aaaaaaaa_aaaaaaaa_aaaaaaab,
    0x00888888_88888888_88888888_88888889,
    0x0016c16c_16c16c16_c16c16c1_6c16c16c,
    0x00034034_03403403_40340340_34034034,
    0x00006806_80680680_68068068_06806807,
    0x00000b8e_f1d2ab63_99c7d560_e4472801,
    0x00000127_e4fb7789_f5c72ef0_16d3ea66,
    0x0000001a_e64567f5_44e38fe7_47e4b838,
    0x00000002_3ddb1dff_1b12f6a8_9b530f5a,
    0x00000000_2c248c27_50da12f9_470663a4,
    0x00000000_03272e95_180f93a4_175be28c,
    0x00000000_0035cfe7_ce67703e_23b0cad6,
    0x00000000_00035cfe_7ce67703_e23b0cad,
    0x00000000_000032a5_8ee0615a_94d64c0a,
    0x00000000_000002d0_4f0c772f_b2ef7601,
    0x00000000_00000025_e9368d02_82ae4994,
    0x00000000_00000001_e542ba40_2022507b,
    0x00000000_00000000_171b8ef6_dcf5718c,
    0x00000000_00000000_010ce396_db7f8529,
    0x00000000_00000000_000bb0da_098b1c0d,
    0x00000000_00000000_00007cb3_c065cbd6,
    0x00000000_00000000_000004fc_f3374598,
    0x00000000_00000000_00000031_1d0bf8d5,
    0x00000000_00000000_00000001_d1ab1c2e,
    0x00000000_00000000_00000000_10a18a26,
    0x00000000_00000000_00000000_0092cfcc,
    0x00000000_00000000_00000000_0004e4cb,
    0x00000000_00000000_00000000_0000286a,
    0x00000000_00000000_00000000_00000143,
    0x00000000_00000000_00000000_0000000a,
    0x00000000_00000000_00000000_00000000,
    0x00000000_00000000_00000000_00000000,
  ]

  /// 1 ÷ n for odd n from 1.
  static let oddReciprocals: InlineArray<26, UInt128> = [
    0x40000000_00000000_00000000_00000000,
    0x15555555_55555555_55555555_55555555,
    0x0ccccccc_cccccccc_cccccccc_cccccccd,
    0x09249249_24924924_92492492_49249249,
    0x071c71c7_1c71c71c_71c71c71_c71c71c7,
    0x05d1745d_1745d174_5d1745d1_745d1746,
    0x04ec4ec4_ec4ec4ec_4ec4ec4e_c4ec4ec5,
    0x04444444_44444444_44444444_44444444,
    0x03c3c3c3_c3c3c3c3_c3c3c3c3_c3c3c3c4,
    0x035e50d7_9435e50d_79435e50_d79435e5,
    0x030c30c3_0c30c30c_30c30c30_c30c30c3,
    0x02c8590b_21642c85_90b21642_c8590b21,
    0x028f5c28_f5c28f5c_28f5c28f_5c28f5c3,
    0x025ed097_b425ed09_7b425ed0_97b425ed,
    0x0234f72c_234f72c2_34f72c23_4f72c235,
    0x02108421_08421084_21084210_84210842,
    0x01f07c1f_07c1f07c_1f07c1f0_7c1f07c2,
    0x01d41d41_d41d41d4_1d41d41d_41d41d42,
    0x01bacf91_4c1bacf9_14c1bacf_914c1bad,
    0x01a41a41_a41a41a4_1a41a41a_41a41a42,
    0x018f9c18_f9c18f9c_18f9c18f_9c18f9c2,
    0x017d05f4_17d05f41_7d05f417_d05f417d,
    0x016c16c1_6c16c16c_16c16c16_c16c16c1,
    0x015c9882_b9310572_620ae4c4_15c9882c,
    0x014e5e0a_72f05397_829cbc14_e5e0a72f,
    0x01414141_41414141_41414141_41414141,
  ]

  /// arctan(n ÷ 16) for n from 0 to 16.
  static let arctangents: InlineArray<17, UInt128> = [
    0x00000000_00000000_00000000_00000000,
    0x03feab76_e59fbd38_db2c9e4b_7038b835,
    0x07f56ea6_ab0bdb71_9644bcc4_f9f44478,
    0x0bdcbda5_e72d8113_47b0b4f8_81c9c748,
    0x0fadbafc_96406eb1_56dc79ef_5f7a217e,
    0x13627737_07ebcbcd_38b57693_1a4f5e65,
    0x16f61941_e4def08e_71546424_5b9fc890,
    0x1a64eec3_cc23fcb6_c84f92bd_2003ce27,
    0x1dac6705_61bb4f68_adfc88bd_978751a0,
    0x20cafd29_b6619f8a_92da8272_d8694570,
    0x23c01757_bdfd67e6_d720d785_99710dd2,
    0x268be039_9c6f7688_1089be38_8813fcef,
    0x292f1f46_4d3dc249_066a1fca_915f6b28,
    0x2bab130e_2d363020_051c978b_cf9481c3,
    0x2e014f8a_f08c679c_f2cb6954_8429110f,
    0x3033a16e_2b149990_227758b1_1ba4be89,
    0x3243f6a8_885a308d_313198a2_e0370734,
  ]
}
